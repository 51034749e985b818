-- There is always an admin who can sign in: the last one is not removed, made something else, or deleted.
CREATE FUNCTION keep_an_admin() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    -- Two who remove each other at once come here one after the other, and the second sees what the first did.
    PERFORM pg_advisory_xact_lock(hashtext('the last admin'));
    IF NOT EXISTS (SELECT FROM users WHERE user_type = 4 AND is_active) THEN
        RAISE EXCEPTION 'the last admin stays' USING ERRCODE = 'check_violation', CONSTRAINT = 'an_admin_remains';
    END IF;
    RETURN NULL;
END;
$$;

CREATE TRIGGER an_admin_remains
    AFTER UPDATE OF user_type, is_active ON users
    FOR EACH ROW WHEN (OLD.user_type = 4 AND OLD.is_active AND NOT (NEW.user_type = 4 AND NEW.is_active))
    EXECUTE FUNCTION keep_an_admin();

CREATE TRIGGER an_admin_remains_undeleted
    AFTER DELETE ON users
    FOR EACH ROW WHEN (OLD.user_type = 4 AND OLD.is_active)
    EXECUTE FUNCTION keep_an_admin();
