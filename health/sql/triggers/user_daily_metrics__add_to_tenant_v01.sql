-- The second level is the sum of the first, whoever writes it.
CREATE OR REPLACE TRIGGER add_to_tenant
    AFTER INSERT ON user_daily_metrics
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT
    EXECUTE FUNCTION add_to_tenant_days();
