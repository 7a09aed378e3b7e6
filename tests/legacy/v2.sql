-- The old service's second schema (database/schema-v2.sql, with what its scripts added). Its
-- extensions are left out: they only made ids and searched.
CREATE TABLE users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email varchar(255) UNIQUE NOT NULL,
    created_at timestamp DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamp DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE user_profiles (
    user_id uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    nickname varchar(100) NOT NULL,
    timezone varchar(50) DEFAULT 'America/Los_Angeles',
    email_opt_in boolean DEFAULT true,
    status varchar(20) DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'suspended')),
    cycle_stage varchar(50),
    primary_need varchar(50),
    onboarding_path varchar(20),
    baseline_completed boolean DEFAULT false,
    confidence_meds integer DEFAULT 5 CHECK (confidence_meds BETWEEN 1 AND 10),
    confidence_costs integer DEFAULT 5 CHECK (confidence_costs BETWEEN 1 AND 10),
    confidence_overall integer DEFAULT 5 CHECK (confidence_overall BETWEEN 1 AND 10),
    created_at timestamp DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamp DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE health_events (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    event_type varchar(50) NOT NULL CHECK (event_type IN ('mood', 'medication', 'symptom',
        'assessment', 'vital', 'treatment', 'appointment', 'note')),
    event_subtype varchar(50),
    event_data jsonb NOT NULL,
    occurred_at timestamp NOT NULL,
    recorded_at timestamp DEFAULT CURRENT_TIMESTAMP,
    source varchar(50) DEFAULT 'web_app',
    source_version varchar(20),
    related_event_id uuid,
    correlation_id uuid,
    created_at timestamp DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE assessment_definitions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name varchar(100) NOT NULL,
    version integer NOT NULL DEFAULT 1,
    assessment_type varchar(50) NOT NULL,
    questions jsonb NOT NULL,
    scoring_logic jsonb NOT NULL,
    active boolean DEFAULT true,
    created_at timestamp DEFAULT CURRENT_TIMESTAMP,
    UNIQUE (name, version)
);
CREATE TABLE assessment_responses (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    assessment_id uuid NOT NULL REFERENCES assessment_definitions (id),
    health_event_id uuid REFERENCES health_events (id),
    responses jsonb NOT NULL,
    scores jsonb,
    started_at timestamp NOT NULL,
    completed_at timestamp
);
CREATE TABLE user_medications (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    medication_name varchar(200) NOT NULL,
    medication_type varchar(50),
    dosage varchar(100),
    frequency varchar(100),
    start_date date NOT NULL,
    end_date date,
    active boolean DEFAULT true,
    notes text,
    created_at timestamp DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamp DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE medication_adherence (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    medication_id uuid REFERENCES user_medications (id),
    health_event_id uuid NOT NULL REFERENCES health_events (id),
    scheduled_time timestamp,
    taken_time timestamp,
    status varchar(20) NOT NULL CHECK (status IN ('taken', 'missed', 'skipped', 'partial')),
    notes text,
    created_at timestamp DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE insights (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    insight_type varchar(50) NOT NULL,
    insight_category varchar(50),
    title text NOT NULL,
    message text NOT NULL,
    insight_data jsonb,
    trigger_type varchar(50),
    trigger_data jsonb,
    priority integer DEFAULT 5 CHECK (priority BETWEEN 1 AND 10),
    expires_at timestamp,
    created_at timestamp DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE insight_interactions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    insight_id uuid NOT NULL REFERENCES insights (id) ON DELETE CASCADE,
    action varchar(50) NOT NULL,
    action_data jsonb,
    created_at timestamp DEFAULT CURRENT_TIMESTAMP,
    UNIQUE (user_id, insight_id, action)
);
CREATE TABLE audit_log (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid REFERENCES users (id),
    action varchar(100) NOT NULL,
    resource_type varchar(50),
    resource_id uuid,
    changes jsonb,
    ip_address inet,
    user_agent text,
    created_at timestamp DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE feature_flags (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    flag_name varchar(100) UNIQUE NOT NULL,
    enabled boolean DEFAULT false,
    rollout_percentage integer DEFAULT 0,
    user_overrides jsonb,
    metadata jsonb,
    created_at timestamp DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamp DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE schema_migrations (
    version varchar(50) PRIMARY KEY,
    applied_at timestamp DEFAULT CURRENT_TIMESTAMP,
    description text
);
CREATE INDEX idx_health_events_user_time ON health_events (user_id, occurred_at DESC);
CREATE INDEX idx_health_events_type ON health_events (event_type, event_subtype);
CREATE INDEX idx_health_events_correlation ON health_events (correlation_id)
    WHERE correlation_id IS NOT NULL;
CREATE INDEX idx_health_events_data ON health_events USING gin (event_data);

CREATE FUNCTION update_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at = CURRENT_TIMESTAMP;
    RETURN NEW;
END
$$;
CREATE TRIGGER update_users_updated_at BEFORE UPDATE ON users
    FOR EACH ROW EXECUTE FUNCTION update_updated_at();
CREATE TRIGGER update_user_profiles_updated_at BEFORE UPDATE ON user_profiles
    FOR EACH ROW EXECUTE FUNCTION update_updated_at();
CREATE TRIGGER update_user_medications_updated_at BEFORE UPDATE ON user_medications
    FOR EACH ROW EXECUTE FUNCTION update_updated_at();

-- The views as its completion script deployed them.
CREATE MATERIALIZED VIEW user_daily_metrics AS
    SELECT user_id,
           date(occurred_at) AS date,
           count(*) FILTER (WHERE event_type = 'mood') AS mood_entries,
           count(*) FILTER (WHERE event_type = 'medication') AS medication_entries,
           count(*) FILTER (WHERE event_type = 'symptom') AS symptom_entries,
           max(recorded_at) AS last_updated
      FROM health_events
     GROUP BY user_id, date(occurred_at);
CREATE VIEW daily_checkins_legacy AS
    SELECT id, user_id, event_data ->> 'mood' AS mood_today,
           date(occurred_at) AS date_submitted, created_at
      FROM health_events
     WHERE event_type = 'mood';
