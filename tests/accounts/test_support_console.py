"""Support: staff of a clinic who look after documents and accounts, and see no health data."""

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import services
from accounts.models import RefreshFamily, User, UserProfile
from config.management.commands import seed_demo
from documents.models import DocumentAction
from documents.statuses import Status
from tests.documents.console.filed import make_attempt, make_failed, make_stuck
from tests.factories import make_tenant, make_user

PEOPLE = "/admin/accounts/user/"
DOCUMENTS = "/admin/documents/document/"
