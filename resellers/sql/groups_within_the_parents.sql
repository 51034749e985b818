-- A sub-reseller's service groups are among its parent's, whoever writes at the same moment.
CREATE FUNCTION check_service_group() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    parent bigint := (SELECT parent_id FROM public.resellers WHERE id = NEW.reseller_id);
BEGIN
    IF parent IS NOT NULL THEN
        -- The parent's row is held, so that it is not taken away before this one is there to be seen.
        PERFORM FROM public.reseller_service_groups
        WHERE reseller_id = parent AND servicegroup_id = NEW.servicegroup_id FOR KEY SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'reseller % cannot have service group %: its parent has not', NEW.reseller_id,
                NEW.servicegroup_id USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NULL;
END;
$$;

CREATE TRIGGER service_groups_are_within_the_parents AFTER INSERT OR UPDATE ON reseller_service_groups
    FOR EACH ROW EXECUTE FUNCTION check_service_group();

-- Nobody takes from a parent what a sub still has: the sub's goes first.
CREATE FUNCTION check_service_group_of_subs() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM public.reseller_service_groups held
        JOIN public.resellers sub ON sub.id = held.reseller_id
        WHERE sub.parent_id = OLD.reseller_id AND held.servicegroup_id = OLD.servicegroup_id
    ) THEN
        RAISE EXCEPTION 'a sub-reseller of % has service group % still', OLD.reseller_id, OLD.servicegroup_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END;
$$;

CREATE CONSTRAINT TRIGGER service_groups_of_subs_are_kept_within
    AFTER DELETE OR UPDATE ON reseller_service_groups DEFERRABLE INITIALLY IMMEDIATE
    FOR EACH ROW EXECUTE FUNCTION check_service_group_of_subs();

-- A new parent has all that the reseller has.
CREATE FUNCTION check_service_groups_of_parent() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT servicegroup_id FROM public.reseller_service_groups WHERE reseller_id = NEW.id
        EXCEPT
        SELECT servicegroup_id FROM public.reseller_service_groups WHERE reseller_id = NEW.parent_id
    ) THEN
        RAISE EXCEPTION 'reseller % has service groups that its parent has not', NEW.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END;
$$;

CREATE CONSTRAINT TRIGGER service_groups_are_within_the_new_parents
    AFTER UPDATE OF parent_id ON resellers DEFERRABLE INITIALLY IMMEDIATE
    FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL) EXECUTE FUNCTION check_service_groups_of_parent();
