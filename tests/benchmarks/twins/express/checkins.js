// What the old service did for POST and GET /api/checkins, written well: one pool, prepared
// statements, nothing twice. The comments name the part of the old code that each step is from.
"use strict";

const { randomUUID } = require("node:crypto");
const express = require("express");
const jwt = require("jsonwebtoken");

// users.findByEmail: the token's e-mail address is all that the old service trusted.
const FIND_USER = {
  name: "find-user",
  text: `SELECT u.email, u.created_at AS user_created_at, p.*
           FROM users u JOIN user_profiles p ON p.user_id = u.id
          WHERE u.email = $1`,
};

// checkins.findByUser of the Postgres adapter: mood x medication events of the day.
const NEWEST = {
  name: "newest-checkins",
  text: `SELECT m.id, m.user_id, m.event_data, m.occurred_at, m.recorded_at,
                d.event_data AS medication
           FROM health_events m
           LEFT JOIN health_events d
             ON d.user_id = m.user_id
            AND d.event_type = 'medication'
            AND date(d.occurred_at) = date(m.occurred_at)
          WHERE m.user_id = $1
            AND m.event_type = 'mood'
          ORDER BY m.occurred_at DESC
          LIMIT $2`,
};

// healthEvents.create: one INSERT per event.
const INSERT = {
  name: "insert-event",
  text: `INSERT INTO health_events
                (user_id, event_type, event_subtype, event_data, occurred_at, source, correlation_id)
         VALUES ($1, $2, $3, $4, $5, 'api', $6)
         RETURNING *`,
};

// The duplicate check looked at the newest 100.
const LOOKED_AT = 100;

// CompatibilityService.createDailyCheckin: where each field lands. It kept no PHQ-4 triple and no
// event of its own for coping strategies and appointments; here all 18 fields are kept.
const LANDINGS = [
  ["mood", "daily_checkin", {
    mood_today: "mood",
    confidence_today: "confidence",
    user_note: "note",
    primary_concern_today: "primary_concern",
    anxiety_level: "anxiety_level",
    injection_confidence: "injection_confidence",
    partner_involved_today: "partner_involved",
    wish_knew_more_about: "info_needs",
  }],
  ["medication", "daily_status", { medication_taken: "status", missed_doses: "missed_doses" }],
  ["symptom", "side_effect", { side_effects: "symptoms" }],
  ["appointment", "upcoming", {
    appointment_within_3_days: "within_3_days",
    appointment_anxiety: "anxiety",
  }],
  ["note", "coping_strategies", { coping_strategies_used: "strategies" }],
  ["assessment", "phq4", {
    phq4_score: "total_score",
    phq4_anxiety: "anxiety_score",
    phq4_depression: "depression_score",
  }],
];
// What HEAD of the old service wrote: mood and medication, so that 7 of 18 fields were lost.
const KEPT_AT_HEAD = LANDINGS.slice(0, 2);
const MOOD = Object.entries(LANDINGS[0][2]);

function toEvents(form, landings) {
  const events = [];
  for (const [type, subtype, fields] of landings) {
    const data = {};
    for (const [field, key] of Object.entries(fields)) {
      if (form[field] !== undefined && form[field] !== null) data[key] = form[field];
    }
    if (Object.keys(data).length > 0) events.push({ type, subtype, data });
  }
  return events;
}

function toCheckin(row) {
  const fields = {
    user_id: row.user_id,
    medication_taken: row.medication ? row.medication.status : "not tracked",
    date_submitted: row.occurred_at.toISOString().slice(0, 10),
    created_at: row.recorded_at,
  };
  for (const [field, key] of MOOD) fields[field] = row.event_data[key];
  return { id: row.id, fields };
}

function refuse(res, status, error) {
  return res.status(status).json({ success: false, error });
}

module.exports = function checkins(pool, secret) {
  const router = express.Router();

  // authenticateToken, then the look-up that every route began with.
  router.use(async (req, res, next) => {
    const token = (req.headers.authorization || "").split(" ")[1];
    if (!token) return refuse(res, 401, "Access token required");
    let claims;
    try {
      claims = jwt.verify(token, secret, { algorithms: ["HS256"] });
    } catch {
      return refuse(res, 403, "Invalid or expired token");
    }
    const { rows } = await pool.query({ ...FIND_USER, values: [claims.email] });
    if (rows.length === 0) return refuse(res, 404, "User not found");
    req.user = rows[0];
    next();
  });

  async function newest(userId, limit) {
    const { rows } = await pool.query({ ...NEWEST, values: [userId, limit] });
    return rows.map(toCheckin);
  }

  async function append(userId, date, events) {
    const correlationId = randomUUID();
    const client = await pool.connect();
    try {
      await client.query("BEGIN");
      for (const { type, subtype, data } of events) {
        await client.query({ ...INSERT, values: [userId, type, subtype, data, date, correlationId] });
      }
      await client.query("COMMIT");
    } catch (error) {
      await client.query("ROLLBACK");
      throw error;
    } finally {
      client.release();
    }
    return correlationId;
  }

  async function submit(req, res, landings) {
    const form = req.body || {};
    const confidence = Number.parseInt(form.confidence_today, 10);
    if (typeof form.mood_today !== "string" || form.mood_today === "") {
      return refuse(res, 400, "mood_today is required");
    }
    if (!(confidence >= 1 && confidence <= 10)) {
      return refuse(res, 400, "confidence_today must be between 1 and 10");
    }
    const userId = req.user.user_id;
    const date = form.date_submitted || new Date().toISOString().slice(0, 10);
    const existing = (await newest(userId, LOOKED_AT)).find(
      ({ fields }) => fields.date_submitted === date,
    );
    if (existing) {
      const { id, fields: { mood_today, confidence_today, date_submitted } } = existing;
      return res.status(409).json({
        success: false,
        error: "Check-in already submitted for this date",
        existing_checkin: { id, mood_today, confidence_today, date_submitted },
      });
    }
    const id = await append(userId, date, toEvents(form, landings));
    res.status(201).json({
      success: true,
      checkin: { ...form, id, user_id: userId, date_submitted: date, created_at: new Date() },
      message: "Daily check-in completed successfully! 🌟",
    });
  }

  router.post("/", (req, res) => submit(req, res, LANDINGS));
  router.post("/as-at-head", (req, res) => submit(req, res, KEPT_AT_HEAD));

  router.get("/", async (req, res) => {
    const records = await newest(req.user.user_id, Number(req.query.limit) || 30);
    res.json({ success: true, checkins: records, records, count: records.length });
  });

  return router;
};
