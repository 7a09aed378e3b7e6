import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

django_application = get_wsgi_application()

# After the apps are loaded.
from config import doorstep, draining  # noqa: E402
from config.restoring import positions  # noqa: E402
from core import flushing, gate  # noqa: E402
from flags import agent  # noqa: E402
from ratelimits import rules, store  # noqa: E402

gate.refuse_bypass()
positions.refuse_blindness()
agent.start()
flushing.start()
rules.current()
store.connect()

application = draining.drained(doorstep.guarded(django_application))
