-- The twins' own table: one key, one index; no policies, triggers or foreign keys.
CREATE TABLE IF NOT EXISTS twin_events (
    id uuid PRIMARY KEY DEFAULT {new_id}(),
    user_id uuid NOT NULL,
    event_type text NOT NULL,
    event_subtype text NOT NULL,
    event_data jsonb NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX IF NOT EXISTS twin_events_timeline
    ON twin_events (user_id, occurred_at DESC, id DESC);
