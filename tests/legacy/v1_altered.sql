-- What somebody added to the old database by hand.
ALTER TABLE users ADD COLUMN referral jsonb;
ALTER TABLE users ADD COLUMN loyalty_points numeric(9, 3);
ALTER TABLE users ADD COLUMN password varchar(60);
ALTER TABLE daily_checkins ADD COLUMN weather text;
ALTER TABLE daily_checkins ADD COLUMN basal_temperature numeric(5, 2);
ALTER TABLE daily_checkins ADD COLUMN tags text[];
ALTER TABLE daily_checkins ADD COLUMN device jsonb;
ALTER TABLE daily_checkins ADD COLUMN opened_at timestamptz;
ALTER TABLE daily_checkins ADD COLUMN next_visit date;
ALTER TABLE daily_checkins ADD COLUMN partner_ref uuid;
ALTER TABLE daily_checkins ADD COLUMN ratio double precision;
ALTER TABLE daily_checkins ADD COLUMN "Walked Today" boolean;

CREATE TABLE partners (
    id serial PRIMARY KEY,
    user_id uuid,
    name text,
    photo bytea,
    born date,
    weight numeric,
    details jsonb
);
CREATE TABLE reminders (
    email varchar(255),
    said text
);
CREATE TABLE clinic_news (
    code varchar(20) PRIMARY KEY,
    headline text,
    shown boolean
);
