-- Seals are history as the rows are: `refuse_change` is installed with append_only.sql.
CREATE TRIGGER audit_seals_are_append_only
    BEFORE UPDATE OR DELETE ON audit_seals
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER audit_seals_are_never_truncated
    BEFORE TRUNCATE ON audit_seals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
