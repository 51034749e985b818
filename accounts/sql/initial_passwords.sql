-- The copy of an initial password goes as soon as its login has another password, whoever writes that. A transaction that
-- only hashes the same password anew says so, for that one statement.
CREATE FUNCTION erase_initial_password() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM initial_passwords WHERE user_id = NEW.id;
    RETURN NULL;
END;
$$;

CREATE TRIGGER another_password_erases_the_copy AFTER UPDATE OF password ON users
    FOR EACH ROW
    WHEN (OLD.password IS DISTINCT FROM NEW.password AND current_setting('ispanel.rehash', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION erase_initial_password();

-- One setting turns the copies off: all there are go, and none comes. The lock lets a login that is being made at that
-- moment finish first, so that its copy goes too.
CREATE FUNCTION erase_initial_passwords() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM initial_passwords;
    RETURN NULL;
END;
$$;

CREATE TRIGGER copies_go_with_the_setting AFTER UPDATE OF keeps_initial_passwords ON panel_settings
    FOR EACH ROW WHEN (NOT NEW.keeps_initial_passwords)
    EXECUTE FUNCTION erase_initial_passwords();

CREATE FUNCTION keep_no_initial_password() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM panel_settings WHERE keeps_initial_passwords FOR SHARE;
    RETURN CASE WHEN FOUND THEN NEW END;
END;
$$;

CREATE TRIGGER copies_come_with_the_setting BEFORE INSERT ON initial_passwords
    FOR EACH ROW EXECUTE FUNCTION keep_no_initial_password();
