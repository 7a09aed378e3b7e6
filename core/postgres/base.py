import select
from typing import Any

from django.db.backends.postgresql import base, operations
from psycopg.types.json import Jsonb

from core import exact_json, slow


class DatabaseOperations(operations.DatabaseOperations):
    def adapt_json_value(self, value: Any, encoder: Any) -> Any:
        """Write the value of a JSONField so that its floats stay floats."""
        if encoder is None:
            return Jsonb(value, exact_json.encode)
        return super().adapt_json_value(value, encoder)


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.execute_wrappers.append(slow.watched)

    def is_usable(self) -> bool:
        """Tell whether the server hung up, without asking it (Django's check sends a query).

        An idle connection has nothing to read; if there is something, the server closed it.
        """
        raw: Any = self.connection
        if raw is None or raw.closed or raw.broken:
            return False
        poll = select.poll()
        poll.register(raw.fileno(), select.POLLIN)
        return not poll.poll(0)
