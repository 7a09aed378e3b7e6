import datetime as dt

import pytest
from django.utils import timezone

from documents.models import Document
from documents.statuses import STAGES
from tests.factories import make_tenant, make_user


@pytest.fixture
def person(committed_db):
    """Somebody whose documents alone are due: other tests leave theirs behind."""
    later = timezone.now() + dt.timedelta(days=1)
    Document.objects.filter(status__in=STAGES).update(due_at=later)
    return make_user(tenant=make_tenant())
