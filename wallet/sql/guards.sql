-- What holds for whoever writes the rows, the owner included.
--
-- A balance moves by entries alone: an entry that is written moves the balance of its wallet, and no other statement
-- does. So every balance is what the entries add up to, and each entry holds the balance that it led to. Who owns the
-- tables could only take these triggers away, or add some; `verify_ledger` finds what was done then.
--
-- These say what foreign keys from entries would say, and more. A foreign key would lock the row of the house's
-- account, of which there is one, for every transfer; no account and no transfer is ever deleted, so to look is enough.
-- Likewise the rules about kinds and amounts stand here and not in CHECK constraints: those are parsed anew for every
-- statement, which took an eighth of a transfer's time. Names are qualified, so that no search path matters.

-- An entry moves the balance of its wallet. The house's accounts have none: theirs is summed.
CREATE OR REPLACE FUNCTION move_balance() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    closed_at timestamptz;
    change numeric := CASE NEW.direction WHEN 'credit' THEN NEW.amount WHEN 'debit' THEN -NEW.amount END;
BEGIN
    IF change IS NULL OR NEW.amount <= 0 THEN
        RAISE EXCEPTION 'an entry is a debit or a credit above 0, and not a % of %', NEW.direction, NEW.amount
            USING ERRCODE = 'check_violation';
    END IF;
    UPDATE public.ledger_accounts account SET balance = account.balance + change
    WHERE account.id = NEW.account_id AND account.kind = 'wallet'
    RETURNING account.balance, account.closed_at INTO NEW.balance_after, closed_at;
    IF NOT FOUND THEN
        NEW.balance_after := NULL;
        IF NOT EXISTS (SELECT FROM public.ledger_accounts WHERE id = NEW.account_id) THEN
            RAISE EXCEPTION 'there is no account %', NEW.account_id USING ERRCODE = 'foreign_key_violation';
        END IF;
    ELSIF closed_at IS NOT NULL THEN
        RAISE EXCEPTION 'account % is closed', NEW.account_id USING ERRCODE = 'IP003';
    END IF;
    RETURN NEW;
END;
$$;

CREATE OR REPLACE TRIGGER entries_move_balances BEFORE INSERT ON entries
    FOR EACH ROW EXECUTE FUNCTION move_balance();

CREATE OR REPLACE FUNCTION refuse_balance() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    -- One deep is the statement that somebody wrote; an entry's is deeper.
    IF pg_trigger_depth() = 1 THEN
        RAISE EXCEPTION 'the balance of account % moves by entries alone', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END;
$$;

CREATE OR REPLACE TRIGGER balances_move_by_entries BEFORE UPDATE OF balance ON ledger_accounts
    FOR EACH ROW EXECUTE FUNCTION refuse_balance();

-- At the end of the statement that writes entries, their transfers are there and balance, counting all their entries.
CREATE OR REPLACE FUNCTION check_entries() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    wrong bigint;
BEGIN
    SELECT entry.transfer_id INTO wrong
    FROM written entry
    WHERE (
        SELECT sum(side.amount) FILTER (WHERE side.direction = 'debit') = transfer.amount
            AND sum(side.amount) FILTER (WHERE side.direction = 'credit') = transfer.amount
        FROM public.transfers transfer JOIN public.entries side ON side.transfer_id = transfer.id
        WHERE transfer.id = entry.transfer_id
        GROUP BY transfer.amount
    ) IS NOT TRUE
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'transfer % does not balance', wrong USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END;
$$;

CREATE OR REPLACE TRIGGER entries_balance AFTER INSERT ON entries
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION check_entries();

-- A transfer has entries, which `check_entries` adds up, and its row in the audit trail. Charges go from wallets to the
-- income, refunds the other way, and nothing else touches the income. It has no more decimals than the currency (error
-- IP004): only once it is written does a change of the currency wait for it.
CREATE OR REPLACE FUNCTION check_transfer() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    side_of_income text := CASE WHEN NEW.kind IN ('activation', 'renewal', 'plan_change', 'data_top_up') THEN 'credit'
                                WHEN NEW.kind = 'refund' THEN 'debit' END;
BEGIN
    -- NaN is greater than every number to PostgreSQL, so the upper bound refuses it too.
    IF NEW.amount <= 0 OR NEW.amount > 999999999999 THEN
        RAISE EXCEPTION 'transfer % is of no amount', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.kind IN ('reversal', 'refund') THEN
        IF NEW.undoes_id IS NULL THEN
            RAISE EXCEPTION 'transfer % says not what it undoes', NEW.id USING ERRCODE = 'check_violation';
        END IF;
    ELSIF NEW.undoes_id IS NOT NULL
        OR NEW.kind NOT IN (
            'opening', 'transfer', 'withdrawal', 'activation', 'renewal', 'plan_change', 'data_top_up'
        )
    THEN
        RAISE EXCEPTION 'transfer % is of no known kind', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    -- One query for all of it, since this is asked of every transfer; which of them it was matters only where one fails.
    IF (
        SELECT bool_and(
            CASE account.kind
                WHEN 'income' THEN entry.direction IS NOT DISTINCT FROM side_of_income
                WHEN 'platform' THEN side_of_income IS NULL
                ELSE entry.direction IS DISTINCT FROM side_of_income
            END
        )
        AND EXISTS (SELECT FROM public.audit_entries WHERE id = NEW.audit_entry_id)
        AND NEW.amount = round(NEW.amount, (SELECT currency_decimals FROM public.panel_settings))
        FROM public.entries entry JOIN public.ledger_accounts account ON account.id = entry.account_id
        WHERE entry.transfer_id = NEW.id
    ) THEN
        RETURN NULL;
    END IF;
    IF NEW.amount <> round(NEW.amount, (SELECT currency_decimals FROM public.panel_settings)) THEN
        RAISE EXCEPTION 'more decimals than the currency has' USING ERRCODE = 'IP004';
    END IF;
    RAISE EXCEPTION 'transfer % is without the entries of its kind, or without its row in the trail', NEW.id
        USING ERRCODE = 'check_violation';
END;
$$;

CREATE OR REPLACE TRIGGER transfers_are_sound AFTER INSERT ON transfers
    FOR EACH ROW EXECUTE FUNCTION check_transfer();

-- A wallet begins with nothing in it and has a credit limit; the house's accounts have neither.
CREATE OR REPLACE FUNCTION check_account() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.kind = 'wallet' THEN
        IF NEW.credit_limit IS NULL OR NEW.credit_limit NOT BETWEEN 0 AND 999999999999 THEN
            RAISE EXCEPTION 'the credit limit % of account % is not 0 or more', NEW.credit_limit, NEW.id
                USING ERRCODE = 'check_violation';
        END IF;
    ELSIF NEW.kind NOT IN ('platform', 'income') OR NEW.balance IS NOT NULL OR NEW.credit_limit IS NOT NULL THEN
        RAISE EXCEPTION 'account % is neither a wallet nor one of the house', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'INSERT' AND NEW.balance IS DISTINCT FROM (CASE NEW.kind WHEN 'wallet' THEN 0 END) THEN
        RAISE EXCEPTION 'account % begins with a balance', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END;
$$;

CREATE OR REPLACE TRIGGER accounts_are_sound BEFORE INSERT OR UPDATE OF kind, credit_limit ON ledger_accounts
    FOR EACH ROW EXECUTE FUNCTION check_account();

-- An account that entries refer to stays what it is.
CREATE OR REPLACE FUNCTION refuse_account_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM public.entries WHERE account_id = OLD.id) THEN
        RAISE EXCEPTION 'account % has entries and stays as it is', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END;
$$;

CREATE OR REPLACE TRIGGER accounts_with_entries_stay BEFORE DELETE OR UPDATE OF id, kind ON ledger_accounts
    FOR EACH ROW EXECUTE FUNCTION refuse_account_change();
CREATE OR REPLACE TRIGGER accounts_are_never_truncated BEFORE TRUNCATE ON ledger_accounts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
