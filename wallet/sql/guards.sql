-- What holds whoever writes the rows, at the end of each statement that writes them. A transfer, its entries and the
-- balances are therefore written by one statement: nothing is ever half there, and nothing waits for the commit.
--
-- These say what foreign keys from entries would say, and more. A foreign key would lock the row of the house's
-- account, of which there is one, for every transfer; no account and no transfer is ever deleted, so to look is enough.

-- A transfer balances, counting all its entries; an entry of a wallet goes on from the balance before it, and the last
-- one ends at the balance that the wallet has.
CREATE FUNCTION check_entries() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    wrong bigint;
BEGIN
    SELECT one.transfer_id INTO wrong
    FROM (SELECT DISTINCT transfer_id FROM written) one
    WHERE (
        SELECT ROW(sum(amount) FILTER (WHERE direction = 'debit'), sum(amount) FILTER (WHERE direction = 'credit'))
        FROM entries WHERE transfer_id = one.transfer_id
    ) IS DISTINCT FROM (SELECT ROW(amount, amount) FROM transfers WHERE id = one.transfer_id)
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'transfer % does not balance', wrong USING ERRCODE = 'check_violation';
    END IF;

    SELECT entry.id INTO wrong
    FROM written entry LEFT JOIN ledger_accounts account ON account.id = entry.account_id
    WHERE account.id IS NULL OR account.kind = 'wallet' AND (
        entry.balance_after IS DISTINCT FROM
            CASE entry.direction WHEN 'credit' THEN entry.amount ELSE -entry.amount END
            + coalesce((
                SELECT balance_after FROM entries
                WHERE account_id = entry.account_id AND id < entry.id ORDER BY id DESC LIMIT 1
            ), 0)
        OR account.balance IS DISTINCT FROM (
            SELECT balance_after FROM entries WHERE account_id = entry.account_id ORDER BY id DESC LIMIT 1
        )
    )
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % does not go on from the balance of its account', wrong
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END;
$$;

CREATE TRIGGER entries_are_sound AFTER INSERT ON entries
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION check_entries();

-- A transfer has entries, which `check_entries` adds up, its row in the audit trail, and no more decimals than the
-- currency has (error IP004): only once it is written does a change of the currency wait for it.
CREATE FUNCTION check_transfer() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM entries WHERE transfer_id = NEW.id) THEN
        RAISE EXCEPTION 'transfer % does not balance', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (SELECT FROM audit_entries WHERE id = NEW.audit_entry_id) THEN
        RAISE EXCEPTION 'transfer % is not in the audit trail', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.amount <> round(NEW.amount, (SELECT currency_decimals FROM panel_settings)) THEN
        RAISE EXCEPTION 'more decimals than the currency has' USING ERRCODE = 'IP004';
    END IF;
    RETURN NULL;
END;
$$;

CREATE TRIGGER transfers_are_sound AFTER INSERT ON transfers
    FOR EACH ROW EXECUTE FUNCTION check_transfer();

-- A wallet's balance changes only together with an entry that ends at it.
CREATE FUNCTION check_balance_has_entry() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.balance IS DISTINCT FROM coalesce(
        (SELECT balance_after FROM entries WHERE account_id = NEW.id ORDER BY id DESC LIMIT 1), 0
    ) THEN
        RAISE EXCEPTION 'the balance of account % is not that of its last entry', NEW.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END;
$$;

CREATE TRIGGER balances_have_entries AFTER INSERT OR UPDATE OF balance ON ledger_accounts
    FOR EACH ROW WHEN (NEW.kind = 'wallet') EXECUTE FUNCTION check_balance_has_entry();

-- An account that entries refer to stays what it is.
CREATE FUNCTION refuse_account_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM entries WHERE account_id = OLD.id) THEN
        RAISE EXCEPTION 'account % has entries and stays as it is', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END;
$$;

CREATE TRIGGER accounts_with_entries_stay BEFORE DELETE OR UPDATE OF id, kind ON ledger_accounts
    FOR EACH ROW EXECUTE FUNCTION refuse_account_change();
CREATE TRIGGER accounts_are_never_truncated BEFORE TRUNCATE ON ledger_accounts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
