-- Whoever changes a person's time zone, in whatever way, leaves the one before behind.
CREATE OR REPLACE TRIGGER keep_time_zone
    AFTER UPDATE ON user_profiles
    FOR EACH ROW
    WHEN (OLD.timezone IS DISTINCT FROM NEW.timezone)
    EXECUTE FUNCTION keep_time_zone();
