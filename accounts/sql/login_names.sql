-- Usernames and emails are one namespace: a name once used by a login is never another login's,
-- after a rename or a change of email too. Only deleting the login frees it.
CREATE FUNCTION reserve_login_names() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    wanted text[] := array_remove(ARRAY[lower(NEW.username), lower(NEW.email)], NULL);
    taken text;
BEGIN
    -- Waits for a concurrent login that reserves the same name.
    INSERT INTO login_names (name, user_id)
    SELECT DISTINCT name, NEW.id FROM unnest(wanted) AS name
    ON CONFLICT (name) DO NOTHING;

    SELECT name INTO taken FROM login_names WHERE name = ANY (wanted) AND user_id <> NEW.id LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the name % belongs to another login', taken
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'login_names_have_one_owner', DETAIL = taken;
    END IF;
    RETURN NULL;
END;
$$;

CREATE TRIGGER login_names_are_reserved
    AFTER INSERT OR UPDATE OF username, email ON users
    FOR EACH ROW EXECUTE FUNCTION reserve_login_names();
