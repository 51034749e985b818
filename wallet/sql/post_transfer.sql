-- Money moves through post_transfer, and many charges at once through post_charges. It runs as the owner, since the
-- role that serves requests may only read transfers and entries; every name is qualified, and that role can create
-- nothing that would stand in the way.
--
-- What no wallet has to be locked for comes first: the key, and the row of the trail. Then the wallets are locked, in the
-- order of their ids, by an advisory lock: those who wait for it stand in a queue, while those who wait for a row wake
-- each other up and look at it again. Their rows are locked as the entries move the balances, which keeps away who
-- changes a credit limit. House accounts have no balance, so nothing is locked there. The number 7001 tells the locks of
-- wallets from any others; post_charges takes the same ones.
--
-- The transfer and its entries are one statement, at the end of which guards.sql looks at both.
--
-- Errors: IP001 not enough money (detail: what is there to spend), IP002 key used with other contents, IP003 account
-- closed, IP004 more decimals than the currency has, IP005 not what this undoes, IP006 undone already.
CREATE OR REPLACE FUNCTION post_transfer(
    p_kind text, p_debit bigint, p_credit bigint, p_amount numeric, p_note text,
    p_undoes bigint, p_at timestamptz,
    p_actor_id bigint, p_actor_name text, p_on_behalf_of_id bigint, p_on_behalf_of_name text,
    p_act text, p_key uuid, p_digest bytea,
    p_action text, p_grade text, p_actor_type text, p_object_type text, p_object_id bigint, p_object_name text,
    p_reseller_id bigint, p_detail text, p_changes jsonb, p_address inet, p_user_agent text, p_request_id text,
    OUT transfer_id bigint, OUT trail_id bigint, OUT replayed boolean
)
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    debit_after numeric;
BEGIN
    transfer_id := nextval('public.transfers_id_seq');
    replayed := false;
    IF p_key IS NOT NULL THEN
        INSERT INTO public.idempotency_keys (login_id, act, key, digest, result_id, created_at)
        VALUES (p_actor_id, p_act, p_key, p_digest, transfer_id, p_at)
        ON CONFLICT (login_id, act, key) DO NOTHING;
        IF NOT FOUND THEN
            transfer_id := public.recall_act(p_actor_id, p_act, p_key, p_digest);
            replayed := true;
            RETURN;
        END IF;
    END IF;
    INSERT INTO public.audit_entries (
        at, action, grade, actor_id, actor_name, actor_type, on_behalf_of_id, on_behalf_of_name,
        object_type, object_id, object_name, reseller_id, detail, changes, address, user_agent, request_id
    )
    VALUES (
        p_at, p_action, p_grade, p_actor_id, p_actor_name, p_actor_type, p_on_behalf_of_id, p_on_behalf_of_name,
        p_object_type, p_object_id, p_object_name, p_reseller_id, p_detail, p_changes, p_address, p_user_agent,
        p_request_id
    )
    RETURNING id INTO trail_id;

    PERFORM pg_advisory_xact_lock(7001, wallet.number)
    FROM (
        SELECT (id % 2147483648)::int AS number
        FROM public.ledger_accounts WHERE id IN (p_debit, p_credit) AND kind = 'wallet'
        ORDER BY id OFFSET 0
    ) wallet;
    IF p_undoes IS NOT NULL THEN
        PERFORM public.check_undoing(p_undoes, p_kind, p_debit, p_credit, p_amount);
    END IF;
    WITH sides AS (
        INSERT INTO public.entries (transfer_id, account_id, direction, amount)
        SELECT transfer_id, side.account_id, side.direction, p_amount
        FROM (VALUES (p_debit, 'debit'), (p_credit, 'credit')) side (account_id, direction)
        ORDER BY side.account_id
        RETURNING direction, balance_after
    ), transfer AS (
        INSERT INTO public.transfers (
            id, kind, amount, note, created_at, actor_id, actor_name, on_behalf_of_id, on_behalf_of_name,
            undoes_id, audit_entry_id
        )
        VALUES (
            transfer_id, p_kind, p_amount, p_note, p_at, p_actor_id, p_actor_name, p_on_behalf_of_id,
            p_on_behalf_of_name, p_undoes, trail_id
        )
    )
    SELECT balance_after INTO debit_after FROM sides WHERE direction = 'debit';

    -- The credit limit serves charges alone.
    IF debit_after < 0 THEN
        IF p_kind IN ('activation', 'renewal', 'plan_change', 'data_top_up') THEN
            debit_after := debit_after + (SELECT credit_limit FROM public.ledger_accounts WHERE id = p_debit);
        END IF;
        IF debit_after < 0 THEN
            RAISE EXCEPTION 'not enough money' USING ERRCODE = 'IP001', DETAIL = (debit_after + p_amount)::text;
        END IF;
    END IF;
END;
$$;

-- Return the first result of an act that this login carried out with this key; null where it has not.
CREATE OR REPLACE FUNCTION recall_act(p_login_id bigint, p_act text, p_key uuid, p_digest bytea) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    found_digest bytea;
    found_result bigint;
BEGIN
    SELECT digest, result_id INTO found_digest, found_result
    FROM public.idempotency_keys
    WHERE login_id = p_login_id AND act = p_act AND key = p_key;
    IF found_digest <> p_digest THEN
        RAISE EXCEPTION 'the key was used with other contents' USING ERRCODE = 'IP002';
    END IF;
    RETURN found_result;
END;
$$;

-- A reversal is of money that was moved by hand: the same amount the other way, once. A refund is of a charge: the other
-- way too, whole or in parts, which come to no more than the charge. The wallet's lock is held, so no other one is under
-- way.
CREATE OR REPLACE FUNCTION check_undoing(
    p_undone bigint, p_kind text, p_debit bigint, p_credit bigint, p_amount numeric
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    undone record;
    taken_back numeric := (SELECT coalesce(sum(amount), 0) FROM public.transfers WHERE undoes_id = p_undone);
BEGIN
    SELECT transfer.kind, transfer.amount, sent.account_id AS debit, received.account_id AS credit INTO undone
    FROM public.transfers transfer
    JOIN public.entries sent ON sent.transfer_id = transfer.id AND sent.direction = 'debit'
    JOIN public.entries received ON received.transfer_id = transfer.id AND received.direction = 'credit'
    WHERE transfer.id = p_undone;
    IF (undone.debit, undone.credit) IS DISTINCT FROM (p_credit, p_debit)
        OR p_kind IS DISTINCT FROM (
            CASE WHEN undone.kind IN ('opening', 'transfer', 'withdrawal') THEN 'reversal'
                 WHEN undone.kind IN ('activation', 'renewal', 'plan_change', 'data_top_up') THEN 'refund' END
        )
        OR (p_amount = undone.amount OR (p_kind = 'refund' AND p_amount < undone.amount)) IS NOT TRUE
    THEN
        RAISE EXCEPTION 'transfer % cannot be undone by this one', p_undone USING ERRCODE = 'IP005';
    END IF;
    IF taken_back + p_amount > undone.amount THEN
        RAISE EXCEPTION 'transfer % is undone already', p_undone USING ERRCODE = 'IP006';
    END IF;
END;
$$;

REVOKE EXECUTE ON FUNCTION post_transfer(
    text, bigint, bigint, numeric, text, bigint, timestamptz, bigint, text, bigint, text, text, uuid, bytea,
    text, text, text, text, bigint, text, bigint, text, jsonb, inet, text, text
) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION check_undoing(bigint, text, bigint, bigint, numeric) FROM PUBLIC;
