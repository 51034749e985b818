-- Money moves through post_transfer alone. It runs as the owner, since the role that serves requests may only read
-- transfers and entries; the search path is fixed, so that nobody puts a table of their own in the way.
--
-- An advisory lock on each wallet comes first, in the order of their ids: writers who wait for it stand in a queue,
-- while those who wait for a row wake each other up and look at it again. The rows are locked next, which keeps away
-- who changes a credit limit or closes the wallet. House accounts have no balance, so nothing is locked there.
--
-- The transfer, its entries, the new balances and the row of the audit trail are one statement, at the end of which
-- guards.sql looks at all of them together.
--
-- Errors: IP001 not enough money (detail: what is there to spend), IP002 key used with other contents,
-- IP003 account closed, IP005 not what this undoes, IP006 undone already; and those of guards.sql.
CREATE FUNCTION post_transfer(
    p_kind text, p_debit bigint, p_credit bigint, p_amount numeric, p_may_use_credit boolean, p_note text,
    p_undoes bigint, p_at timestamptz,
    p_actor_id bigint, p_actor_name text, p_on_behalf_of_id bigint, p_on_behalf_of_name text,
    p_act text, p_key uuid, p_digest bytea,
    p_action text, p_grade text, p_actor_type text, p_object_type text, p_object_id bigint, p_object_name text,
    p_reseller_id bigint, p_detail text, p_changes jsonb, p_address inet, p_user_agent text, p_request_id text,
    OUT transfer_id bigint, OUT replayed boolean
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    wallet record;
    spendable numeric;
    debit_after numeric;
    credit_after numeric;
BEGIN
    PERFORM lock_wallets(ARRAY[p_debit, p_credit]);
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
            debit_after := wallet.balance - p_amount;
        ELSE
            credit_after := wallet.balance + p_amount;
        END IF;
    END LOOP;

    transfer_id := nextval('transfers_id_seq');
    replayed := false;
    IF p_key IS NOT NULL THEN
        INSERT INTO idempotency_keys (login_id, act, key, digest, result_id, created_at)
        VALUES (p_actor_id, p_act, p_key, p_digest, transfer_id, p_at)
        ON CONFLICT (login_id, act, key) DO NOTHING;
        IF NOT FOUND THEN
            transfer_id := recall_act(p_actor_id, p_act, p_key, p_digest);
            replayed := true;
            RETURN;
        END IF;
    END IF;

    IF spendable < p_amount THEN
        RAISE EXCEPTION 'not enough money' USING ERRCODE = 'IP001', DETAIL = spendable::text;
    END IF;
    IF p_undoes IS NOT NULL THEN
        PERFORM check_undoing(p_undoes, p_kind, p_debit, p_credit, p_amount);
    END IF;

    WITH trail AS (
        INSERT INTO audit_entries (
            at, action, grade, actor_id, actor_name, actor_type, on_behalf_of_id, on_behalf_of_name,
            object_type, object_id, object_name, reseller_id, detail, changes, address, user_agent, request_id
        )
        VALUES (
            p_at, p_action, p_grade, p_actor_id, p_actor_name, p_actor_type, p_on_behalf_of_id, p_on_behalf_of_name,
            p_object_type, p_object_id, p_object_name, p_reseller_id, p_detail, p_changes, p_address, p_user_agent,
            p_request_id
        )
        RETURNING id
    ), moved AS (
        UPDATE ledger_accounts SET balance = CASE id WHEN p_debit THEN debit_after ELSE credit_after END
        WHERE id IN (p_debit, p_credit) AND kind = 'wallet'
    ), written AS (
        INSERT INTO entries (transfer_id, account_id, direction, amount, balance_after)
        VALUES (transfer_id, p_debit, 'debit', p_amount, debit_after),
               (transfer_id, p_credit, 'credit', p_amount, credit_after)
    )
    INSERT INTO transfers (
        id, kind, amount, note, created_at, actor_id, actor_name, on_behalf_of_id, on_behalf_of_name,
        undoes_id, audit_entry_id
    )
    SELECT transfer_id, p_kind, p_amount, p_note, p_at, p_actor_id, p_actor_name, p_on_behalf_of_id,
        p_on_behalf_of_name, p_undoes, trail.id
    FROM trail;
END;
$$;

-- Make everybody else who moves money of these wallets wait until this transaction has ended.
CREATE FUNCTION lock_wallets(p_accounts bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7001, wallet.number)
    FROM (
        SELECT DISTINCT (id % 2147483648)::int AS number
        FROM ledger_accounts WHERE id = ANY (p_accounts) AND kind = 'wallet'
        ORDER BY number OFFSET 0
    ) wallet;
END;
$$;

-- A reversal is of money that was moved by hand, a refund of a charge; each is the same amount the other way, once.
CREATE FUNCTION check_undoing(p_undone bigint, p_kind text, p_debit bigint, p_credit bigint, p_amount numeric)
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    undone record;
BEGIN
    SELECT transfers.kind, transfers.amount, sent.account_id AS debit, received.account_id AS credit INTO undone
    FROM transfers
    JOIN entries sent ON sent.transfer_id = transfers.id AND sent.direction = 'debit'
    JOIN entries received ON received.transfer_id = transfers.id AND received.direction = 'credit'
    WHERE transfers.id = p_undone;
    IF (undone.amount, undone.debit, undone.credit) IS DISTINCT FROM (p_amount, p_credit, p_debit)
        OR p_kind IS DISTINCT FROM (
            CASE WHEN undone.kind IN ('opening', 'transfer', 'withdrawal') THEN 'reversal'
                 WHEN undone.kind IN ('activation', 'renewal') THEN 'refund' END
        )
    THEN
        RAISE EXCEPTION 'transfer % cannot be undone by this one', p_undone USING ERRCODE = 'IP005';
    END IF;
    IF EXISTS (SELECT FROM transfers WHERE undoes_id = p_undone) THEN
        RAISE EXCEPTION 'transfer % is undone already', p_undone USING ERRCODE = 'IP006';
    END IF;
END;
$$;

REVOKE EXECUTE ON FUNCTION post_transfer(
    text, bigint, bigint, numeric, boolean, text, bigint, timestamptz, bigint, text, bigint, text, text, uuid, bytea,
    text, text, text, text, bigint, text, bigint, text, jsonb, inet, text, text
) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION lock_wallets(bigint[]) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION check_undoing(bigint, text, bigint, bigint, numeric) FROM PUBLIC;
