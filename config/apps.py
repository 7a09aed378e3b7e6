from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AdminConfig):
    """Django's admin with our site."""

    default_site = "config.console.Console"


class FrameConfig(AppConfig):
    """Makes this folder's management commands known."""

    name = "config"
