-- The second level is the sum of the first, whoever deletes from it.
CREATE OR REPLACE TRIGGER take_from_tenant
    AFTER DELETE ON user_daily_metrics
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT
    EXECUTE FUNCTION add_to_tenant_days();
