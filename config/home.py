"""The console's home: what needs somebody now, and how the last weeks went, by role."""

import datetime as dt
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from config.attention import concerns
from config.trends import PERIODS, USUAL, charts
from core.admin import actor


def index(request: HttpRequest) -> HttpResponse:
    """Stand before the console's own index (config/urls.py), which cannot import the pages."""
    return admin.site.index(request, page(request, timezone.now()))


def page(request: HttpRequest, now: dt.datetime) -> dict[str, Any]:
    user = actor(request)
    period = PERIODS.get(request.GET.get("period", ""), USUAL)
    return {
        "concerns": concerns(user, now),
        "charts": charts(user, period, now),
        "period": period,
        "periods": PERIODS.values(),
        "looked_at": now,
    }
