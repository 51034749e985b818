-- The ledger's own rules. Money moves through post_transfer alone.

-- Return the first result of an act that this login carried out with this key; null where it has not.
CREATE FUNCTION recall_act(p_login_id bigint, p_act text, p_key uuid, p_digest bytea) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    found_digest bytea;
    found_result bigint;
BEGIN
    SELECT digest, result_id INTO found_digest, found_result
    FROM idempotency_keys
    WHERE login_id = p_login_id AND act = p_act AND key = p_key;
    IF found_digest <> p_digest THEN
        RAISE EXCEPTION 'the key was used with other contents' USING ERRCODE = 'IP002';
    END IF;
    RETURN found_result;
END;
$$;

-- Move p_amount from one account to another and return the transfer.
--
-- The wallets are locked first, in the order of their ids: inserting rows that refer to a wallet before locking it
-- makes every writer on that wallet wait for every other one's foreign keys. NO KEY UPDATE leaves those keys readable.
-- House accounts have no balance row, so nothing is locked there.
--
-- Errors: IP001 not enough money (detail: what is there to spend), IP002 key used with other contents,
-- IP003 account closed, IP004 more decimals than the currency has.
CREATE FUNCTION post_transfer(
    p_kind text, p_debit bigint, p_credit bigint, p_amount numeric, p_may_use_credit boolean, p_note text,
    p_actor_id bigint, p_actor_name text, p_on_behalf_of_id bigint, p_on_behalf_of_name text, p_at timestamptz,
    p_act text, p_key uuid, p_digest bytea,
    OUT transfer_id bigint, OUT replayed boolean
)
LANGUAGE plpgsql AS $$
DECLARE
    wallet record;
    spendable numeric;
    debit_after numeric;
    credit_after numeric;
BEGIN
    replayed := false;
    FOR wallet IN
        SELECT id, balance, credit_limit, closed_at
        FROM ledger_accounts
        WHERE id IN (p_debit, p_credit) AND kind = 'wallet'
        ORDER BY id
        FOR NO KEY UPDATE
    LOOP
        IF wallet.closed_at IS NOT NULL THEN
            RAISE EXCEPTION 'account % is closed', wallet.id USING ERRCODE = 'IP003';
        END IF;
        IF wallet.id = p_debit THEN
            spendable := wallet.balance + CASE WHEN p_may_use_credit THEN wallet.credit_limit ELSE 0 END;
        END IF;
    END LOOP;

    IF p_key IS NOT NULL THEN
        transfer_id := recall_act(p_actor_id, p_act, p_key, p_digest);
        IF transfer_id IS NOT NULL THEN
            replayed := true;
            RETURN;
        END IF;
    END IF;

    IF spendable < p_amount THEN
        RAISE EXCEPTION 'not enough money' USING ERRCODE = 'IP001', DETAIL = spendable::text;
    END IF;

    UPDATE ledger_accounts SET balance = balance - p_amount
    WHERE id = p_debit AND kind = 'wallet' RETURNING balance INTO debit_after;
    UPDATE ledger_accounts SET balance = balance + p_amount
    WHERE id = p_credit AND kind = 'wallet' RETURNING balance INTO credit_after;

    INSERT INTO transfers (kind, amount, note, created_at, actor_id, actor_name, on_behalf_of_id, on_behalf_of_name)
    VALUES (p_kind, p_amount, p_note, p_at, p_actor_id, p_actor_name, p_on_behalf_of_id, p_on_behalf_of_name)
    RETURNING id INTO transfer_id;
    IF p_amount <> round(p_amount, (SELECT currency_decimals FROM panel_settings)) THEN
        RAISE EXCEPTION 'more decimals than the currency has' USING ERRCODE = 'IP004';
    END IF;
    INSERT INTO entries (transfer_id, account_id, direction, amount, balance_after)
    VALUES (transfer_id, p_debit, 'debit', p_amount, debit_after),
           (transfer_id, p_credit, 'credit', p_amount, credit_after);

    IF p_key IS NOT NULL THEN
        INSERT INTO idempotency_keys (login_id, act, key, digest, result_id, created_at)
        VALUES (p_actor_id, p_act, p_key, p_digest, transfer_id, p_at);
    END IF;
END;
$$;

-- At commit, whoever wrote the rows: debits equal credits equal the transfer's amount.
CREATE FUNCTION check_transfer_balances() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    checked_id bigint := CASE TG_TABLE_NAME WHEN 'transfers' THEN (to_jsonb(NEW) ->> 'id')::bigint
                                            ELSE (to_jsonb(NEW) ->> 'transfer_id')::bigint END;
    debits numeric;
    credits numeric;
    total numeric;
BEGIN
    SELECT sum(amount) FILTER (WHERE direction = 'debit'), sum(amount) FILTER (WHERE direction = 'credit')
    INTO debits, credits FROM entries WHERE transfer_id = checked_id;
    SELECT amount INTO total FROM transfers WHERE id = checked_id;
    IF debits IS DISTINCT FROM credits OR debits IS DISTINCT FROM total THEN
        RAISE EXCEPTION 'transfer % does not balance', checked_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END;
$$;

CREATE CONSTRAINT TRIGGER transfers_balance AFTER INSERT ON transfers
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_transfer_balances();
CREATE CONSTRAINT TRIGGER entries_balance AFTER INSERT ON entries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_transfer_balances();

CREATE TRIGGER transfers_are_immutable BEFORE UPDATE OR DELETE ON transfers
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER transfers_are_never_truncated BEFORE TRUNCATE ON transfers
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER entries_are_immutable BEFORE UPDATE OR DELETE ON entries
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER entries_are_never_truncated BEFORE TRUNCATE ON entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A wallet's balance changes only together with an entry that ends at it.
CREATE FUNCTION check_balance_has_entry() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    wallet_balance numeric;
    last_balance numeric;
BEGIN
    SELECT balance INTO wallet_balance FROM ledger_accounts WHERE id = NEW.id;
    SELECT balance_after INTO last_balance FROM entries WHERE account_id = NEW.id ORDER BY id DESC LIMIT 1;
    IF wallet_balance <> coalesce(last_balance, 0) THEN
        RAISE EXCEPTION 'the balance of account % is not that of its last entry', NEW.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END;
$$;

CREATE CONSTRAINT TRIGGER balances_have_entries AFTER INSERT OR UPDATE OF balance ON ledger_accounts
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind = 'wallet')
    EXECUTE FUNCTION check_balance_has_entry();

-- An entry of a wallet goes on from the balance before it, and the last one ends at the balance that the wallet has.
CREATE FUNCTION check_entry_continues_balance() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    account record;
    balance_before numeric;
    last_balance numeric;
BEGIN
    SELECT kind, balance INTO account FROM ledger_accounts WHERE id = NEW.account_id;
    IF account.kind <> 'wallet' THEN
        RETURN NULL;
    END IF;
    SELECT balance_after INTO balance_before
    FROM entries WHERE account_id = NEW.account_id AND id < NEW.id ORDER BY id DESC LIMIT 1;
    SELECT balance_after INTO last_balance
    FROM entries WHERE account_id = NEW.account_id ORDER BY id DESC LIMIT 1;
    IF last_balance IS DISTINCT FROM account.balance
       OR NEW.balance_after IS DISTINCT FROM
          coalesce(balance_before, 0) + (CASE NEW.direction WHEN 'credit' THEN NEW.amount ELSE -NEW.amount END)
    THEN
        RAISE EXCEPTION 'entry % does not go on from the balance of account %', NEW.id, NEW.account_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END;
$$;

CREATE CONSTRAINT TRIGGER entries_continue_balances AFTER INSERT ON entries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_entry_continues_balance();

-- The currency stays once money has moved in it.
CREATE FUNCTION refuse_currency_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    -- Waits for transfers that are not committed yet, and makes later ones wait, which then see the new decimals.
    LOCK TABLE transfers IN SHARE MODE;
    IF EXISTS (SELECT FROM transfers) THEN
        RAISE EXCEPTION 'the currency is locked after the first transfer' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER currency_is_locked BEFORE UPDATE ON panel_settings
    FOR EACH ROW
    WHEN (OLD.currency_code IS DISTINCT FROM NEW.currency_code
          OR OLD.currency_decimals IS DISTINCT FROM NEW.currency_decimals)
    EXECUTE FUNCTION refuse_currency_change();
