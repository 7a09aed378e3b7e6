-- The old service's tables, as far as check-ins need them, with its indexes (legacy-health-api.md,
-- 4.2). No policies, no triggers; "append-only" was a comment.
CREATE TABLE IF NOT EXISTS users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email varchar(255) UNIQUE NOT NULL,
    created_at timestamp NOT NULL DEFAULT now(),
    updated_at timestamp NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS user_profiles (
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
    created_at timestamp NOT NULL DEFAULT now(),
    updated_at timestamp NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS health_events (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    event_type varchar(50) NOT NULL CHECK (event_type IN (
        'mood', 'medication', 'symptom', 'assessment', 'vital', 'treatment', 'appointment', 'note'
    )),
    event_subtype varchar(50),
    event_data jsonb NOT NULL,
    occurred_at timestamp NOT NULL,
    recorded_at timestamp NOT NULL DEFAULT now(),
    source varchar(50) DEFAULT 'web_app',
    source_version varchar(20),
    related_event_id uuid,
    correlation_id uuid
);

CREATE INDEX IF NOT EXISTS health_events_by_time
    ON health_events (user_id, occurred_at DESC);
CREATE INDEX IF NOT EXISTS health_events_by_type
    ON health_events (event_type, event_subtype);
CREATE INDEX IF NOT EXISTS health_events_together
    ON health_events (correlation_id) WHERE correlation_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS health_events_data
    ON health_events USING gin (event_data);
