"""What the database's catalog says about everything that is ours."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db import connection

DEFINITIONS: Final = """
SELECT 'functions/' || p.proname,
       pg_get_functiondef(p.oid) || ' owner ' || p.proowner::regrole
  FROM pg_proc p
 WHERE p.pronamespace = 'public'::regnamespace
   AND p.prokind IN ('f', 'p')
 UNION ALL
SELECT 'views/' || c.relname,
       concat(pg_get_viewdef(c.oid), ' with ', c.reloptions, ' owner ', c.relowner::regrole)
  FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace
   AND c.relkind IN ('v', 'm')
 UNION ALL
SELECT 'types/' || c.relname,
       string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum)
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE c.relnamespace = 'public'::regnamespace
   AND c.relkind = 'c'
 GROUP BY c.relname
 UNION ALL
SELECT 'triggers/' || c.relname || '__' || t.tgname,
       concat(pg_get_triggerdef(t.oid), ' enabled ', t.tgenabled)
  FROM pg_trigger t
  JOIN pg_class c ON c.oid = t.tgrelid
 WHERE c.relnamespace = 'public'::regnamespace
   AND NOT t.tgisinternal
 UNION ALL
SELECT 'policies/' || tablename || '__' || policyname,
       concat_ws(' | ', permissive, roles, cmd, qual, with_check)
  FROM pg_policies
 WHERE schemaname = 'public'
"""
# Who may do what, beside the owner. PUBLIC has no name in pg_roles; the login role has any.
GRANTS: Final = """
SELECT a.object,
       CASE r.rolname WHEN session_user THEN 'login' ELSE coalesce(r.rolname, 'public') END,
       a.privilege
  FROM (SELECT 'functions/' || p.proname AS object, x.grantee, x.privilege_type AS privilege,
               p.proowner AS owner
          FROM pg_proc p
         CROSS JOIN aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x
         WHERE p.pronamespace = 'public'::regnamespace
         UNION ALL
        SELECT 'tables/' || c.relname, x.grantee, x.privilege_type, c.relowner
          FROM pg_class c
         CROSS JOIN aclexplode(c.relacl) x
         WHERE c.relnamespace = 'public'::regnamespace
         UNION ALL
        SELECT 'tables/' || c.relname, x.grantee, x.privilege_type || ' ' || a.attname, c.relowner
          FROM pg_class c
          JOIN pg_attribute a ON a.attrelid = c.oid
         CROSS JOIN aclexplode(a.attacl) x
         WHERE c.relnamespace = 'public'::regnamespace
         UNION ALL
        SELECT 'schema', x.grantee, x.privilege_type, n.nspowner
          FROM pg_namespace n
         CROSS JOIN aclexplode(n.nspacl) x
         WHERE n.nspname = 'public') a
  LEFT JOIN pg_roles r ON r.oid = a.grantee
 WHERE a.grantee <> a.owner
 ORDER BY 1, 2, 3
"""
ROW_SECURITY: Final = """
SELECT relname
  FROM pg_class
 WHERE relnamespace = 'public'::regnamespace
   AND relkind IN ('r', 'p')
   AND relrowsecurity
"""
TABLES: Final = """
SELECT relname
  FROM pg_class
 WHERE relnamespace = 'public'::regnamespace
   AND relkind IN ('r', 'p', 'f')
"""


def rows(query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters or None)
        return cursor.fetchall() if cursor.description else []


def names(query: str, parameters: Sequence[Any] = ()) -> set[str]:
    return {name for (name,) in rows(query, parameters)}


def grants() -> dict[str, dict[str, set[str]]]:
    """Tell role → object → privileges; a privilege on a column reads "SELECT email"."""
    found: dict[str, dict[str, set[str]]] = {}
    for thing, role, privilege in rows(GRANTS):
        found.setdefault(role, {}).setdefault(thing, set()).add(privilege)
    return found


def definitions() -> dict[str, str]:
    """Tell each type, function, view, trigger and policy; overloads of a function stand together."""
    found: dict[str, str] = {}
    for name, text in sorted(rows(DEFINITIONS)):
        found[name] = found.get(name, "") + text
    return found


def whole() -> dict[str, str]:
    """Everything that files in */sql/ decide, by name."""
    rights = {
        f"grants/{role} on {thing}": ", ".join(sorted(privileges))
        for role, things in grants().items()
        for thing, privileges in things.items()
    }
    security = {f"row security/{table}": "on" for table in names(ROW_SECURITY)}
    return definitions() | rights | security
