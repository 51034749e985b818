-- Papers are numbered as their rows are written: 1, 2, 3 … for each issuer and kind. The series' row is locked until the
-- transaction ends, so numbers follow each other however many are written at once, and one that is rolled back leaves
-- no gap. The serving role may not write the series, and neither changes nor deletes a number.
--
-- Write papers as the last thing of an act, invoices before credit notes, and those of several issuers in the order of
-- the issuers' ids: whoever holds a series keeps its other writers waiting.
--
-- Between the rows of a transaction the last number is kept in a setting that ends with it, and goes into the series'
-- row once per statement: written for every paper, that row leaves as many dead versions behind for the next one to pass
-- by, and the 20,000 papers of an import took ten times as long. Whoever forges the setting is refused when the
-- statement ends.
CREATE FUNCTION number_paper() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    counter text := format('papers.%s_%s', TG_ARGV[0], coalesce(NEW.issuer_id, 0));
    last integer := nullif(current_setting(counter, true), '');
BEGIN
    IF last IS NULL THEN
        INSERT INTO paper_series AS held (issuer_id, kind, last_number) VALUES (NEW.issuer_id, TG_ARGV[0], 0)
        ON CONFLICT (issuer_id, kind) DO UPDATE SET last_number = held.last_number
        RETURNING held.last_number INTO last;
    END IF;
    NEW.number := last + 1;
    PERFORM set_config(counter, NEW.number::text, true);
    RETURN NEW;
END;
$$;

CREATE FUNCTION count_papers() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    counted bigint;
BEGIN
    UPDATE paper_series AS held SET last_number = written.highest
    FROM (
        SELECT issuer_id, min(number) AS lowest, max(number) AS highest, count(*) FROM papers GROUP BY issuer_id
    ) written
    WHERE held.kind = TG_ARGV[0] AND held.issuer_id IS NOT DISTINCT FROM written.issuer_id
        AND written.lowest = held.last_number + 1 AND written.highest = held.last_number + written.count;
    GET DIAGNOSTICS counted = ROW_COUNT;
    IF counted <> (SELECT count(DISTINCT coalesce(issuer_id, 0)) FROM papers) THEN
        RAISE EXCEPTION 'numbers of papers follow each other' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END;
$$;

-- A credit note is its invoice's issuer's, and takes its amount off the invoice; see the checks on `credited`.
CREATE FUNCTION credit_invoice() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE invoices
    SET credited = credited + NEW.amount,
        status = CASE WHEN credited + NEW.amount >= amount THEN 'refunded' ELSE status END
    WHERE id = NEW.invoice_id
    RETURNING issuer_id INTO NEW.issuer_id;
    RETURN NEW;
END;
$$;

-- What a paper says stays. The owner's functions above may raise `credited`; nobody else has the right to.
CREATE FUNCTION keep_invoice() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' THEN
        RAISE EXCEPTION 'papers are never deleted' USING ERRCODE = 'check_violation';
    END IF;
    IF (to_jsonb(OLD) - '{status,credited,paid_at,paid_by,payment_note,cancelled_at,cancelled_by,cancellation_reason}'::text[])
        <> (to_jsonb(NEW) - '{status,credited,paid_at,paid_by,payment_note,cancelled_at,cancelled_by,cancellation_reason}'::text[])
    THEN
        RAISE EXCEPTION 'what an invoice says is never changed' USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.status = 'cancelled' OR (OLD.status = 'refunded' AND NEW.status <> 'refunded') THEN
        RAISE EXCEPTION 'this invoice is closed' USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.status = 'paid' AND NEW.status = 'pending' THEN
        RAISE EXCEPTION 'what was paid stays paid' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END;
$$;

CREATE FUNCTION keep_credit_note() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'papers are never changed' USING ERRCODE = 'check_violation';
END;
$$;

-- In the order of their names: the issuer is known before the number is asked for.
CREATE TRIGGER a_number_invoice BEFORE INSERT ON invoices
FOR EACH ROW EXECUTE FUNCTION number_paper('invoice');
CREATE TRIGGER a_credit_invoice BEFORE INSERT ON credit_notes
FOR EACH ROW EXECUTE FUNCTION credit_invoice();
CREATE TRIGGER b_number_credit_note BEFORE INSERT ON credit_notes
FOR EACH ROW EXECUTE FUNCTION number_paper('credit_note');
CREATE TRIGGER count_invoices AFTER INSERT ON invoices REFERENCING NEW TABLE AS papers
FOR EACH STATEMENT EXECUTE FUNCTION count_papers('invoice');
CREATE TRIGGER count_credit_notes AFTER INSERT ON credit_notes REFERENCING NEW TABLE AS papers
FOR EACH STATEMENT EXECUTE FUNCTION count_papers('credit_note');
CREATE TRIGGER keep_invoice BEFORE UPDATE OR DELETE ON invoices
FOR EACH ROW EXECUTE FUNCTION keep_invoice();
CREATE TRIGGER keep_credit_note BEFORE UPDATE OR DELETE ON credit_notes
FOR EACH ROW EXECUTE FUNCTION keep_credit_note();
CREATE TRIGGER invoices_are_not_truncated BEFORE TRUNCATE ON invoices
FOR EACH STATEMENT EXECUTE FUNCTION keep_credit_note();
CREATE TRIGGER credit_notes_are_not_truncated BEFORE TRUNCATE ON credit_notes
FOR EACH STATEMENT EXECUTE FUNCTION keep_credit_note();

-- What is sold at wholesale 0 moves no money, and has an invoice nevertheless: from then on the currency stays, as after
-- the first transfer. Waits for invoices that are not committed yet.
CREATE FUNCTION keep_currency_of_papers() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    LOCK TABLE invoices IN SHARE MODE;
    IF EXISTS (SELECT FROM invoices) THEN
        RAISE EXCEPTION 'the currency is locked after the first invoice' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER currency_of_papers_is_locked BEFORE UPDATE ON panel_settings
FOR EACH ROW
WHEN (OLD.currency_code IS DISTINCT FROM NEW.currency_code
      OR OLD.currency_decimals IS DISTINCT FROM NEW.currency_decimals)
EXECUTE FUNCTION keep_currency_of_papers();

REVOKE EXECUTE ON FUNCTION number_paper(), count_papers(), credit_invoice(), keep_invoice(), keep_credit_note(),
    keep_currency_of_papers()
FROM PUBLIC;
