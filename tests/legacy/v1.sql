-- The old service's first Postgres schema, as its database/schema.sql had it.
CREATE TABLE users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email varchar(255) UNIQUE NOT NULL,
    nickname varchar(100) NOT NULL,
    confidence_meds integer DEFAULT 5 CHECK (confidence_meds >= 1 AND confidence_meds <= 10),
    confidence_costs integer DEFAULT 5 CHECK (confidence_costs >= 1 AND confidence_costs <= 10),
    confidence_overall integer DEFAULT 5
        CHECK (confidence_overall >= 1 AND confidence_overall <= 10),
    primary_need varchar(50),
    cycle_stage varchar(50) CHECK (cycle_stage IN ('trying', 'stimulation', 'retrieval',
        'transfer', 'waiting', 'between_cycles', 'pregnant', 'paused')),
    top_concern varchar(100),
    timezone varchar(50) DEFAULT 'America/Los_Angeles',
    email_opt_in boolean DEFAULT true,
    status varchar(20) DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'suspended')),
    medication_status varchar(50),
    medication_status_updated timestamptz,
    baseline_completed boolean DEFAULT false,
    onboarding_path varchar(20) CHECK (onboarding_path IN ('control', 'fast_lane')),
    created_at timestamptz DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamptz DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE daily_checkins (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    mood_today varchar(20) NOT NULL CHECK (mood_today IN ('amazing', 'good', 'okay', 'tough',
        'very tough', 'hopeful', 'anxious', 'neutral', 'grateful', 'tired', 'worried')),
    confidence_today integer NOT NULL CHECK (confidence_today >= 1 AND confidence_today <= 10),
    medication_taken varchar(20) DEFAULT 'not tracked'
        CHECK (medication_taken IN ('yes', 'no', 'not tracked')),
    user_note text,
    primary_concern_today varchar(50),
    date_submitted date NOT NULL,
    anxiety_level integer CHECK (anxiety_level >= 1 AND anxiety_level <= 10),
    side_effects text[],
    missed_doses integer CHECK (missed_doses >= 0),
    injection_confidence integer CHECK (injection_confidence >= 1 AND injection_confidence <= 10),
    appointment_within_3_days boolean,
    appointment_anxiety integer CHECK (appointment_anxiety >= 1 AND appointment_anxiety <= 10),
    coping_strategies_used text[],
    partner_involved_today boolean,
    wish_knew_more_about text[],
    phq4_score integer CHECK (phq4_score >= 0 AND phq4_score <= 12),
    phq4_anxiety integer CHECK (phq4_anxiety >= 0 AND phq4_anxiety <= 6),
    phq4_depression integer CHECK (phq4_depression >= 0 AND phq4_depression <= 6),
    sentiment varchar(20) CHECK (sentiment IN ('positive', 'negative', 'neutral', 'mixed')),
    sentiment_confidence decimal(3, 2)
        CHECK (sentiment_confidence >= 0 AND sentiment_confidence <= 1),
    sentiment_scores jsonb,
    sentiment_processing_time integer,
    medication_confidence_today integer
        CHECK (medication_confidence_today >= 1 AND medication_confidence_today <= 10),
    medication_concern_today text,
    financial_stress_today integer
        CHECK (financial_stress_today >= 1 AND financial_stress_today <= 10),
    financial_concern_today text,
    journey_readiness_today integer
        CHECK (journey_readiness_today >= 1 AND journey_readiness_today <= 10),
    top_concern_today varchar(100),
    created_at timestamptz DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamptz DEFAULT CURRENT_TIMESTAMP,
    UNIQUE (user_id, date_submitted)
);

CREATE TABLE insights (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    insight_type varchar(50) NOT NULL,
    insight_title text NOT NULL,
    insight_message text NOT NULL,
    insight_id varchar(100) NOT NULL,
    date date NOT NULL,
    context_data jsonb,
    action_label varchar(100),
    action_type varchar(50),
    status varchar(20) DEFAULT 'active',
    created_at timestamptz DEFAULT CURRENT_TIMESTAMP,
    UNIQUE (user_id, insight_id)
);

CREATE TABLE auth_tokens (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash varchar(255) UNIQUE NOT NULL,
    expires_at timestamptz NOT NULL,
    created_at timestamptz DEFAULT CURRENT_TIMESTAMP
);

CREATE INDEX idx_daily_checkins_user_date ON daily_checkins (user_id, date_submitted DESC);
CREATE INDEX idx_daily_checkins_date ON daily_checkins (date_submitted DESC);
CREATE INDEX idx_daily_checkins_mood ON daily_checkins (mood_today);
CREATE INDEX idx_daily_checkins_medication ON daily_checkins (medication_taken)
    WHERE medication_taken != 'not tracked';
CREATE INDEX idx_users_email ON users (email);
CREATE INDEX idx_users_status ON users (status);
CREATE INDEX idx_insights_user_date ON insights (user_id, date DESC);
CREATE INDEX idx_insights_type ON insights (insight_type);
CREATE INDEX idx_auth_tokens_hash ON auth_tokens (token_hash);

CREATE FUNCTION update_updated_at_column() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at = CURRENT_TIMESTAMP;
    RETURN NEW;
END
$$;
CREATE TRIGGER update_users_updated_at BEFORE UPDATE ON users
    FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
CREATE TRIGGER update_daily_checkins_updated_at BEFORE UPDATE ON daily_checkins
    FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
