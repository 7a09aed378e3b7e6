"""Takes queries out of SQL functions and asks the planner how it would carry them out."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.sql import sql_files
from tests.house.catalog import rows

# One row, or nearly: reading all of it is right.
SMALL = {"tenants"}
READS = ("SELECT", "WITH")


def queries_in(function: str, pattern: str) -> list[str]:
    """Find queries in the newest file of a function; INTO is plpgsql's and goes."""
    found = re.findall(pattern, _text_of(function), re.DOTALL)
    return [re.sub(r"(?<!INSERT)\s+INTO \w+(, \w+)*(?=\s|$)", "", query) for query in found]


def explain(
    function: str, query: str, values: Mapping[str, tuple[str, str | None]]
) -> dict[str, Any]:
    """Explain a query of a function as plpgsql runs it: prepared, its variables as parameters.

    `values` tells type and value of each variable. Answers a plan for each mode of planning
    that the function may use: for the values, and, after five calls, without them.
    """
    for number, name in enumerate(values, start=1):
        query = re.sub(rf"(?<![\w.]){re.escape(name)}(?![\w.])", f"${number}", query)
    types = ", ".join(kind for kind, _ in values.values())
    sent = ", ".join("%s" for _ in values)
    settled = re.search(r"SET plan_cache_mode = (\w+)", _text_of(function))
    plans = {}
    rows(f"PREPARE explained ({types}) AS {query}")
    for mode in [settled[1]] if settled else ["force_custom_plan", "force_generic_plan"]:
        rows(f"SET LOCAL plan_cache_mode = {mode}")
        answer = rows(
            f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE explained ({sent})",
            [value for _, value in values.values()],
        )
        plans[mode] = _plan(answer)
    rows("SET LOCAL plan_cache_mode = auto")
    rows("DEALLOCATE explained")
    return plans


def _text_of(function: str) -> str:
    return next(file.path.read_text() for file in reversed(sql_files()) if file.name == function)


def explain_calls(call: Any, *arguments: Any) -> list[Any]:
    """Explain every query that a function of ours sends through Django."""
    with CaptureQueriesContext(connection) as captured:
        call(*arguments)
    sent = [query["sql"] for query in captured if query["sql"].lstrip().startswith(READS)]
    return [_plan(rows(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}")) for query in sent]


def _plan(answer: list[Any]) -> Any:
    ((document,),) = answer
    return (json.loads(document) if isinstance(document, str) else document)[0]["Plan"]


def nodes(plan: Any) -> Iterator[Any]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def faults(plan: Any, *, most_rows: int) -> list[str]:
    """Tell what would cost more as a person's history, or the table, grows."""
    found = []
    rows_read = 0.0
    for node in nodes(plan):
        kind, table = node["Node Type"], node.get("Relation Name", node.get("Index Name"))
        handled = node["Actual Rows"] * node["Actual Loops"]
        if "Scan" in kind and table:
            removed = node.get("Rows Removed by Filter", 0)
            rows_read += handled + removed * node["Actual Loops"]
        if kind == "Seq Scan" and table not in SMALL:
            found.append(f"reads all of {table}")
        if kind in {"Index Scan", "Index Only Scan", "Bitmap Index Scan"} and not (
            node.get("Index Cond")
        ):
            found.append(f"walks all of {node['Index Name']}")
        if kind in {"Sort", "Incremental Sort", "Hash"} and handled > most_rows:
            found.append(f"{kind} of {handled} rows")
    if rows_read > most_rows:
        found.append(f"reads {rows_read} rows")
    return found
