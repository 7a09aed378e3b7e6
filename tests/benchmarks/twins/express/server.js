// The bare Express twin: bearer token, a few checks by hand, pg. One process.
"use strict";

const express = require("express");
const jwt = require("jsonwebtoken");
const { Pool } = require("pg");
const checkins = require("./checkins");

const SECRET = process.env.JWT_SECRET;
const COLUMNS = "id, event_type, event_subtype, event_data, occurred_at, recorded_at";
// The address comes from the PG* variables, as with every client of libpq.
const pool = new Pool({ max: 8 });
const app = express();
app.disable("x-powered-by");
app.use(express.json());

function authenticate(req, res, next) {
  const [scheme, token] = (req.headers.authorization || "").split(" ");
  if (scheme.toLowerCase() !== "bearer" || !token) return res.status(401).json({ error: "unauthorized" });
  try {
    req.userId = jwt.verify(token, SECRET, { algorithms: ["HS256"] }).sub;
  } catch {
    return res.status(401).json({ error: "unauthorized" });
  }
  next();
}

function problem({ event_type, event_subtype, event_data, occurred_at } = {}) {
  if (typeof event_type !== "string" || event_type.length > 32) return "event_type";
  if (typeof event_subtype !== "string" || event_subtype.length > 64) return "event_subtype";
  if (typeof event_data !== "object" || event_data === null || Array.isArray(event_data)) return "event_data";
  if (Number.isNaN(Date.parse(occurred_at))) return "occurred_at";
  return null;
}

app.post("/events", authenticate, async (req, res) => {
  const field = problem(req.body);
  if (field) return res.status(400).json({ error: field });
  const { event_type, event_subtype, event_data, occurred_at } = req.body;
  const { rows } = await pool.query(
    `INSERT INTO twin_events (user_id, event_type, event_subtype, event_data, occurred_at)
     VALUES ($1, $2, $3, $4, $5) RETURNING ${COLUMNS}`,
    [req.userId, event_type, event_subtype, event_data, occurred_at],
  );
  res.status(201).json(rows[0]);
});

app.get("/timeline", authenticate, async (req, res) => {
  const { rows } = await pool.query(
    `SELECT ${COLUMNS} FROM twin_events WHERE user_id = $1
      ORDER BY occurred_at DESC, id DESC LIMIT $2`,
    [req.userId, Number(req.query.limit) || 50],
  );
  res.json({ events: rows });
});

app.use("/api/checkins", checkins(pool, SECRET));

app.get("/livez", (req, res) => res.json({ ok: true }));

app.listen(Number(process.env.PORT), "127.0.0.1");
