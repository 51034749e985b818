-- Charge one wallet for many things at once, in the order of the arrays, as far as its balance and credit limit go.
--
-- It stops at the first amount that is more than what is left, and says so: the answer has one element for each that
-- fits, its transfer, or null where the amount is 0, which is told in the trail and moves nothing; `available` is what is
-- left after them. As in post_transfer the wallet is locked first, by number and then by row, and everything is written
-- by one statement, at the end of which guards.sql looks at it. The entries move the balance as they are written, in the
-- order asked; the ids of transfers and of rows in the trail follow the same order.
--
-- Errors: IP003 account closed, and those of guards.sql.
CREATE FUNCTION post_charges(
    p_kind text, p_wallet bigint, p_at timestamptz,
    p_actor_id bigint, p_actor_name text, p_on_behalf_of_id bigint, p_on_behalf_of_name text,
    p_action text, p_grade text, p_actor_type text, p_object_type text, p_reseller_id bigint,
    p_address inet, p_user_agent text, p_request_id text,
    p_amounts numeric[], p_notes text[],
    p_object_ids bigint[], p_object_names text[], p_details text[], p_changes jsonb[],
    OUT transfer_ids bigint[], OUT available numeric
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    wallet record;
    income bigint := (SELECT id FROM ledger_accounts WHERE kind = 'income');
BEGIN
    -- A negative amount would make room for others.
    IF EXISTS (
        SELECT FROM unnest(p_amounts, p_object_ids) AS asked (amount, object_id)
        WHERE amount IS NULL OR amount < 0 OR amount = 'NaN'
    ) THEN
        RAISE EXCEPTION 'every charge is an amount' USING ERRCODE = 'check_violation';
    END IF;

    PERFORM pg_advisory_xact_lock(7001, (p_wallet % 2147483648)::int);
    SELECT balance, credit_limit, closed_at INTO STRICT wallet
    FROM ledger_accounts WHERE id = p_wallet AND kind = 'wallet'
    FOR NO KEY UPDATE;
    IF wallet.closed_at IS NOT NULL THEN
        RAISE EXCEPTION 'account % is closed', p_wallet USING ERRCODE = 'IP003';
    END IF;
    available := wallet.balance + wallet.credit_limit;

    WITH asked AS (
        SELECT amount, note, object_id, object_name, detail, changes, place, sum(amount) OVER (ORDER BY place) AS running
        FROM unnest(p_amounts, p_notes, p_object_ids, p_object_names, p_details, p_changes)
            WITH ORDINALITY AS asked (amount, note, object_id, object_name, detail, changes, place)
    ), made AS MATERIALIZED (
        SELECT fitting.*, CASE WHEN amount > 0 THEN nextval('transfers_id_seq') END AS transfer_id,
            nextval('audit_entries_id_seq') AS told_id
        FROM (
            -- What costs nothing before the first charge comes about in a wallet over its limit too.
            SELECT * FROM asked WHERE running = 0 OR running <= available ORDER BY place OFFSET 0
        ) fitting
    ), trail AS (
        INSERT INTO audit_entries (
            id, at, action, grade, actor_id, actor_name, actor_type, on_behalf_of_id, on_behalf_of_name,
            object_type, object_id, object_name, reseller_id, detail, changes, address, user_agent, request_id
        )
        SELECT told_id, p_at, p_action, p_grade, p_actor_id, p_actor_name, p_actor_type, p_on_behalf_of_id,
            p_on_behalf_of_name, p_object_type, object_id, object_name, p_reseller_id, detail, changes, p_address,
            p_user_agent, p_request_id
        FROM made ORDER BY place
    ), written AS (
        INSERT INTO entries (transfer_id, account_id, direction, amount)
        SELECT transfer_id, side.account_id, side.direction, amount
        FROM made CROSS JOIN (VALUES (p_wallet, 'debit'), (income, 'credit')) side (account_id, direction)
        WHERE amount > 0
        ORDER BY place, account_id
    ), posted AS (
        INSERT INTO transfers (
            id, kind, amount, note, created_at, actor_id, actor_name, on_behalf_of_id, on_behalf_of_name, audit_entry_id
        )
        SELECT transfer_id, p_kind, amount, note, p_at, p_actor_id, p_actor_name, p_on_behalf_of_id,
            p_on_behalf_of_name, told_id
        FROM made WHERE amount > 0 ORDER BY place
    )
    SELECT coalesce(array_agg(transfer_id ORDER BY place), '{}'), available - coalesce(sum(amount), 0)
    INTO transfer_ids, available
    FROM made;
END;
$$;

REVOKE EXECUTE ON FUNCTION post_charges(
    text, bigint, timestamptz, bigint, text, bigint, text, text, text, text, text, bigint, inet, text, text,
    numeric[], text[], bigint[], text[], text[], jsonb[]
) FROM PUBLIC;
