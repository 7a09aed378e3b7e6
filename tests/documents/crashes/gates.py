"""Gates in the database: a transaction that comes to a closed one stands there, before the write.

Triggers of the test's own database ask for an advisory lock, shared, named after the point and the
document's filename; whoever closes the gate holds it. So a test decides where each document stands
when its worker is killed, without a clock.
"""

from typing import Any

import psycopg

# A point is a table, and what is written: "document_attempts running chunking", "documents failed",
# "user_document_vectors 0" (the first ordinal). Chunks are half written when it comes to it.
GATES = """
CREATE FUNCTION stand_at_gate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public AS $$
DECLARE
    whole jsonb := to_jsonb(NEW);
    document uuid := coalesce(whole->>'document_id', whole->>'id');
    point text := TG_TABLE_NAME;
    name text;
BEGIN
    IF TG_TABLE_NAME = 'documents' THEN
        point := point || ' ' || (whole->>'status');
    ELSIF TG_TABLE_NAME = 'document_attempts' THEN
        point := point || ' ' || (whole->>'outcome') || ' ' || (whole->>'stage');
    ELSIF TG_TABLE_NAME = 'user_document_vectors' THEN
        point := point || ' ' || (whole->>'first_ordinal');
    END IF;
    SELECT original_filename INTO name FROM documents WHERE id = document;
    PERFORM pg_advisory_xact_lock_shared(hashtextextended(point || ' of ' || name, 0));
    RETURN NEW;
END
$$;
CREATE TRIGGER stand_at_gate BEFORE UPDATE OF status ON documents FOR EACH ROW
    WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION stand_at_gate();
CREATE TRIGGER stand_at_gate BEFORE INSERT OR UPDATE ON document_attempts FOR EACH ROW
    EXECUTE FUNCTION stand_at_gate();
CREATE TRIGGER stand_at_gate BEFORE INSERT ON document_texts FOR EACH ROW
    EXECUTE FUNCTION stand_at_gate();
CREATE TRIGGER stand_at_gate BEFORE INSERT ON document_chunks FOR EACH ROW
    WHEN (NEW.ordinal = 1) EXECUTE FUNCTION stand_at_gate();
CREATE TRIGGER stand_at_gate BEFORE INSERT ON user_document_vectors FOR EACH ROW
    EXECUTE FUNCTION stand_at_gate();
CREATE TRIGGER stand_at_gate BEFORE INSERT ON llama_parse_jobs FOR EACH ROW
    EXECUTE FUNCTION stand_at_gate();
"""

KEY = "hashtextextended(%s || ' of ' || %s, 0)"
STANDING = f"""
  FROM pg_locks
 WHERE locktype = 'advisory'
   AND NOT granted
   AND objsubid = 1
   AND (classid::bigint << 32) | objid::bigint = {KEY}
"""
IS_REACHED = f"SELECT EXISTS (SELECT {STANDING})"
TURN_AWAY = f"SELECT pg_terminate_backend(pid, 5000) {STANDING}"


class Gates:
    """The gates that one test holds closed. They open with its connection, whoever ends that."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def close(self, point: str, name: str) -> None:
        self._connection.execute(f"SELECT pg_advisory_lock({KEY})", [point, name])

    def open(self, point: str, name: str) -> None:
        self._connection.execute(f"SELECT pg_advisory_unlock({KEY})", [point, name])

    def is_reached(self, point: str, name: str) -> bool:
        """Tell whether somebody stands there."""
        row = self._connection.execute(IS_REACHED, [point, name]).fetchone()
        return row == (True,)

    def turn_away(self, point: str, name: str) -> None:
        """End the transaction that stands there, as the server does once its client is gone."""
        self._connection.execute(TURN_AWAY, [point, name])
