from importlib import import_module

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AdminConfig):
    """Django's admin with our site."""

    default_site = "config.console.Console"


class FrameConfig(AppConfig):
    """Makes this folder's management commands known, and the Celery app to all who send tasks."""

    name = "config"

    def ready(self) -> None:
        # Not at the top: it asks for apps, which are only being loaded there.
        import_module("config.celery")
