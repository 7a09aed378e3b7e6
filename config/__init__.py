"""The frame: settings, urls, servers. Imports everything, is imported by nobody.

The Celery app is `config.celery.app`; `celery -A config.celery` finds it. It is not imported
here, as config.dev must run before there are settings.
"""
