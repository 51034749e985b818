-- The role that serves requests may only read transfers and entries, and may not write a balance: post_transfer does it
-- in the owner's name. The search path is fixed, so that nobody puts a table of their own in the way.
ALTER FUNCTION post_transfer(
    text, bigint, bigint, numeric, boolean, text, bigint, text, bigint, text, timestamptz, text, uuid, bytea
) SECURITY DEFINER SET search_path = public, pg_temp;
REVOKE EXECUTE ON FUNCTION post_transfer(
    text, bigint, bigint, numeric, boolean, text, bigint, text, bigint, text, timestamptz, text, uuid, bytea
) FROM PUBLIC;

-- Its lock on transfers takes more than the right to read them.
ALTER FUNCTION refuse_currency_change() SECURITY DEFINER SET search_path = public, pg_temp;
REVOKE EXECUTE ON FUNCTION refuse_currency_change() FROM PUBLIC;
