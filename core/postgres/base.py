import select
from typing import Any

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
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
