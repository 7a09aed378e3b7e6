"""An erased person leaves no medication, no regimen, no dose and no zone."""

from django.db import connection

from accounts import services as accounts
from accounts.models import ErasureCertificate
from tests.conftest import client_of
from tests.factories import make_user

PATH = "/api/v2/medications"
TABLES = ("user_medications", "medication_regimens", "medication_adherence", "time_zone_changes")


def live(user):
    client = client_of(user)
    body = {"medication_name": "Estradiol", "times_of_day": ["08:00"]}
    path = f"{PATH}/{client.call('POST', PATH, body).json()['id']}"
    client.call("PATCH", path, {"dosage": "2 mg"})
    client.call("POST", f"{path}/doses", {})
    client.call("PUT", "/api/users/me", {"timezone": "Asia/Tokyo"})


def counts(user):
    found = {}
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"SELECT count(*) FROM {table} WHERE user_id = %s", [user.id])
            found[table] = cursor.fetchone()[0]
    return found


def test_leaves_nothing_of_medications(db):
    user, other = make_user(), make_user()
    live(user)
    live(other)
    before = counts(user)

    certificate_id = accounts.erase_person(
        user_id=user.id, requested_by="admin", reason="asked for it"
    )

    assert before == dict(zip(TABLES, (1, 2, 1, 1), strict=True))
    assert counts(user) == dict.fromkeys(TABLES, 0)
    assert counts(other) == before
    erased = ErasureCertificate.objects.get(id=certificate_id).erased_row_counts
    assert (erased["user_medications"], erased["medication_regimens"]) == (1, 2)
