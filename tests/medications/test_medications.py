"""/api/v2/medications: adding, listing, changing, pausing, stopping, taking back."""

import datetime as dt
import uuid

import pytest

from medications import services
from medications.models import MedicationRegimen, UserMedication

PATH = "/api/v2/medications"
GONAL = {
    "medication_name": "Gonal-F",
    "medication_type": "injection",
    "notes": "Left, then right.",
    "dosage": "150 IU",
    "times_of_day": ["20:00", "08:30"],
    "start_date": "2026-05-04",
    "end_date": "2099-05-14",
    "every_n_days": 2,
    "tolerance_minutes": 30,
    "effective_from": "2026-05-01T00:00:00+02:00",
}


def add(client, **changes):
    response = client.call("POST", PATH, GONAL | changes)
    assert response.status_code == 201, response.content
    return response.json()


def history(client, medication):
    return client.call("GET", f"{PATH}/{medication['id']}/history").json()["history"]


def test_gives_back_what_was_told(as_alice):
    added = add(as_alice)

    shown = as_alice.call("GET", f"{PATH}/{added['id']}").json()

    assert shown == added
    assert {name: shown[name] for name in ("medication_name", "medication_type", "notes")} == {
        "medication_name": "Gonal-F",
        "medication_type": "injection",
        "notes": "Left, then right.",
    }
    assert (shown["status"], shown["planned"]) == ("active", None)
    regimen = shown["regimen"]
    assert regimen.pop("created_at") == shown["created_at"]
    assert regimen == {
        "version": 1,
        "status": "active",
        "effective_from": "2026-04-30T22:00:00Z",
        "dosage": "150 IU",
        "as_needed": False,
        "times_of_day": ["08:30", "20:00"],
        "every_n_days": 2,
        "start_date": "2026-05-04",
        "end_date": "2099-05-14",
        "tolerance_minutes": 30,
        "reason": None,
    }


def test_begins_now_and_today_unless_told_otherwise(as_alice):
    body = {"medication_name": "Folic acid", "times_of_day": ["08:00"]}

    added = as_alice.call("POST", PATH, body).json()

    begins = dt.datetime.fromisoformat(added["regimen"]["effective_from"])
    assert added["regimen"]["effective_from"] == added["created_at"]
    assert added["regimen"]["start_date"] == str((begins - dt.timedelta(hours=8)).date())


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"medication_name": ""}, "/medication_name"),
        ({"medication_name": None}, "/medication_name"),
        ({"medication_name": "x" * 201}, "/medication_name"),
        ({"medication_type": 3}, "/medication_type"),
        ({"times_of_day": []}, "/times_of_day"),
        ({"times_of_day": ["8:00"]}, "/times_of_day"),
        ({"times_of_day": ["24:00"]}, "/times_of_day"),
        ({"times_of_day": ["08:00", "08:00"]}, "/times_of_day"),
        ({"times_of_day": [f"{hour:02}:00" for hour in range(24)] + ["00:30"]}, "/times_of_day"),
        ({"as_needed": True}, "/times_of_day"),
        ({"as_needed": "yes"}, "/as_needed"),
        ({"every_n_days": 0}, "/every_n_days"),
        ({"every_n_days": 367}, "/every_n_days"),
        ({"tolerance_minutes": 0}, "/tolerance_minutes"),
        ({"tolerance_minutes": 721}, "/tolerance_minutes"),
        ({"start_date": "2026-02-30"}, "/start_date"),
        ({"start_date": "1899-12-31"}, "/start_date"),
        ({"end_date": "2026-05-03"}, "/end_date"),
        ({"end_date": "9999-12-31"}, "/end_date"),
        ({"effective_from": "2026-05-04"}, "/effective_from"),
        ({"effective_from": "2999-05-04T00:00:00Z"}, "/effective_from"),
        ({"frequency": "daily"}, "/frequency"),
    ],
)
def test_refuses_what_makes_no_sense(as_alice, changes, pointer):
    response = as_alice.call("POST", PATH, GONAL | changes)

    assert response.status_code == 400
    (fault,) = response.json()["errors"]
    assert fault["pointer"].startswith(pointer)
    assert as_alice.call("GET", PATH).json()["medications"] == []


def test_lists_the_newest_first_in_pages_that_survive_new_ones(as_alice):
    names = [add(as_alice, medication_name=f"number {n}")["medication_name"] for n in range(5)]
    first = as_alice.call("GET", f"{PATH}?limit=2").json()
    add(as_alice, medication_name="late")

    second = as_alice.call("GET", f"{PATH}?limit=2&cursor={first['next']}").json()
    third = as_alice.call("GET", f"{PATH}?limit=2&cursor={second['next']}").json()

    pages = [
        one["medication_name"] for page in (first, second, third) for one in page["medications"]
    ]
    assert pages == names[::-1]
    assert third["next"] is None


def test_lists_those_of_a_status(as_alice):
    made = {status: add(as_alice)["id"] for status in ("active", "on-hold", "stopped", "removed")}
    made["completed"] = add(as_alice, end_date="2026-05-05")["id"]
    as_alice.call("POST", f"{PATH}/{made['on-hold']}/pause", {})
    as_alice.call("POST", f"{PATH}/{made['stopped']}/stop", {})
    as_alice.call("DELETE", f"{PATH}/{made['removed']}")

    found = {
        status: [
            one["id"]
            for one in as_alice.call("GET", f"{PATH}?status={status}").json()["medications"]
        ]
        for status in ("active", "on-hold", "stopped", "completed")
    }

    assert found == {status: [made[status]] for status in found}
    assert len(as_alice.call("GET", PATH).json()["medications"]) == 4
    assert as_alice.call("GET", f"{PATH}?status=removed").status_code == 400


def test_changes_what_was_told_without_a_new_version(as_alice):
    added = add(as_alice)

    changed = as_alice.call(
        "PATCH", f"{PATH}/{added['id']}", {"medication_name": "Gonal", "notes": None}
    )

    assert changed.status_code == 200
    assert (changed.json()["medication_name"], changed.json()["notes"]) == ("Gonal", None)
    assert changed.json()["medication_type"] == "injection"
    assert len(history(as_alice, added)) == 1


def test_makes_no_version_of_a_change_that_changes_nothing(as_alice):
    added = add(as_alice)

    same = {name: added["regimen"][name] for name in ("times_of_day", "dosage", "end_date")}
    changed = as_alice.call("PATCH", f"{PATH}/{added['id']}", same)

    assert changed.status_code == 200
    assert len(history(as_alice, added)) == 1


def test_keeps_every_version_of_how_it_is_taken(as_alice):
    added = add(as_alice)
    path = f"{PATH}/{added['id']}"

    changed = as_alice.call("PATCH", path, {"dosage": "225 IU", "reason": "scan of day 6"}).json()
    as_alice.call("POST", f"{path}/pause", {"reason": "fever"})
    as_alice.call("POST", f"{path}/resume", {})
    as_alice.call("POST", f"{path}/stop", {"reason": "trigger shot"})

    assert (changed["regimen"]["dosage"], changed["regimen"]["version"]) == ("225 IU", 2)
    assert changed["regimen"]["times_of_day"] == ["08:30", "20:00"]
    versions = history(as_alice, added)
    assert [(one["version"], one["status"], one["dosage"], one["reason"]) for one in versions] == [
        (1, "active", "150 IU", None),
        (2, "active", "225 IU", "scan of day 6"),
        (3, "on-hold", "225 IU", "fever"),
        (4, "active", "225 IU", None),
        (5, "stopped", "225 IU", "trigger shot"),
    ]
    begins = [one["effective_from"] for one in versions]
    assert begins == sorted(begins)


def test_shows_a_change_that_is_planned(as_alice):
    added = add(as_alice)
    monday = (dt.datetime.now(dt.UTC) + dt.timedelta(days=5)).isoformat()

    body = {"dosage": "75 IU", "effective_from": monday}
    shown = as_alice.call("PATCH", f"{PATH}/{added['id']}", body).json()

    assert (shown["regimen"]["dosage"], shown["planned"]["dosage"]) == ("150 IU", "75 IU")


def test_plans_nothing_beside_what_has_not_begun(as_alice):
    tomorrow = (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).isoformat()

    shown = add(as_alice, effective_from=tomorrow)

    assert (shown["regimen"]["version"], shown["planned"], shown["status"]) == (1, None, "active")


def test_changes_nothing_from_before_what_it_changes(as_alice):
    added = add(as_alice)

    body = {"dosage": "75 IU", "effective_from": "2026-04-30T00:00:00Z"}
    response = as_alice.call("PATCH", f"{PATH}/{added['id']}", body)

    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == "/effective_from"
    assert len(history(as_alice, added)) == 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"times_of_day": []}, "/times_of_day"),
        ({"as_needed": True}, "/times_of_day"),
        ({"end_date": "2026-05-01"}, "/end_date"),
        ({"start_date": None}, "/start_date"),
        ({"status": "stopped"}, "/status"),
        ({"reason": "none"}, ""),
        ({"effective_from": "2026-06-01T00:00:00Z"}, ""),
    ],
)
def test_refuses_changes_that_make_no_sense(as_alice, body, pointer):
    added = add(as_alice)

    response = as_alice.call("PATCH", f"{PATH}/{added['id']}", body)

    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == pointer
    assert history(as_alice, added)[0]["version"] == 1
    assert len(history(as_alice, added)) == 1


def test_becomes_as_needed_and_back(as_alice):
    added = add(as_alice)
    path = f"{PATH}/{added['id']}"

    needed = as_alice.call("PATCH", path, {"as_needed": True, "times_of_day": []}).json()
    back = as_alice.call("PATCH", path, {"as_needed": False, "times_of_day": ["07:00"]}).json()

    assert (needed["regimen"]["as_needed"], needed["regimen"]["times_of_day"]) == (True, [])
    assert (back["regimen"]["as_needed"], back["regimen"]["times_of_day"]) == (False, ["07:00"])


def test_makes_no_version_of_what_is_so_already(as_alice):
    added = add(as_alice)

    again = as_alice.call("POST", f"{PATH}/{added['id']}/resume", {})
    as_alice.call("POST", f"{PATH}/{added['id']}/pause", {})
    paused = as_alice.call("POST", f"{PATH}/{added['id']}/pause", {})

    assert (again.status_code, again.json()["status"]) == (200, "active")
    assert (paused.status_code, paused.json()["status"]) == (200, "on-hold")
    assert [one["status"] for one in history(as_alice, added)] == ["active", "on-hold"]


def test_cannot_pause_or_change_what_was_stopped_but_resume_it(as_alice):
    added = add(as_alice)
    path = f"{PATH}/{added['id']}"
    as_alice.call("POST", f"{path}/stop", {})

    paused = as_alice.call("POST", f"{path}/pause", {})
    changed = as_alice.call("PATCH", path, {"dosage": "1"})
    renamed = as_alice.call("PATCH", path, {"notes": "done"})
    resumed = as_alice.call("POST", f"{path}/resume", {})

    for refused in (paused, changed):
        assert (refused.status_code, refused.json()["code"]) == (409, "medication-status")
    assert (renamed.status_code, renamed.json()["status"]) == (200, "stopped")
    assert (resumed.status_code, resumed.json()["status"]) == (200, "active")


def test_is_gone_when_entered_in_error_but_for_its_history(as_alice):
    added = add(as_alice)
    path = f"{PATH}/{added['id']}"
    as_alice.call("POST", f"{path}/doses", {})

    gone = as_alice.call("DELETE", path)

    assert (gone.status_code, gone.content) == (204, b"")
    for method, part, body in [
        ("GET", "", None),
        ("PATCH", "", {"notes": "x"}),
        ("DELETE", "", None),
        ("POST", "/resume", {}),
        ("POST", "/doses", {}),
        ("GET", "/doses", None),
    ]:
        assert as_alice.call(method, path + part, body).status_code == 404
    assert as_alice.call("GET", PATH).json()["medications"] == []
    figures = as_alice.call("GET", f"{PATH}/adherence").json()
    assert (figures["medications"], figures["overall"]["extra"]) == ([], 0)
    assert [one["status"] for one in history(as_alice, added)] == ["active", "entered-in-error"]


@pytest.mark.parametrize("who", ["as_bob", "as_charlie"])
def test_is_nobody_elses(as_alice, who, request):
    other = request.getfixturevalue(who)
    path = f"{PATH}/{add(as_alice)['id']}"

    theirs = [
        other.call(method, path + part, body)
        for method, part, body in [
            ("GET", "", None),
            ("PATCH", "", {"notes": "x"}),
            ("DELETE", "", None),
            ("POST", "/pause", {}),
            ("POST", "/resume", {}),
            ("POST", "/stop", {}),
            ("GET", "/history", None),
            ("GET", "/doses", None),
            ("POST", "/doses", {}),
        ]
    ]
    take = other.call("POST", f"/api/medications/{path[-36:]}/take", {})

    assert {answer.status_code for answer in [*theirs, take]} == {404}
    assert other.call("GET", f"{PATH}/{uuid.uuid4()}").status_code == 404
    assert other.call("GET", PATH).json() == {"medications": [], "next": None}
    assert UserMedication.objects.get().notes == "Left, then right."
    assert MedicationRegimen.objects.count() == 1


def test_has_bounds(as_alice, monkeypatch):
    monkeypatch.setattr(services, "MOST_MEDICATIONS", 3)
    monkeypatch.setattr(services, "MOST_VERSIONS", 2)
    hourly = {"times_of_day": [f"{hour:02}:00" for hour in range(24)]}
    monkeypatch.setattr(services, "MOST_DOSES_A_DAY", 26)
    path = f"{PATH}/{add(as_alice, **hourly)['id']}"
    other = add(as_alice)

    too_often = as_alice.call("POST", PATH, GONAL)
    as_alice.call("POST", f"{path}/pause", {})
    add(as_alice, effective_from=None)
    too_many = as_alice.call("POST", PATH, GONAL | {"as_needed": True, "times_of_day": []})
    resumed = as_alice.call("POST", f"{path}/stop", {})
    more = as_alice.call("PATCH", f"{PATH}/{other['id']}", hourly)

    assert too_often.json()["errors"][0]["pointer"] == "/times_of_day"
    assert (too_many.status_code, too_many.json()["code"]) == (409, "too-many-medications")
    assert (resumed.status_code, resumed.json()["code"]) == (409, "too-many-medications")
    assert more.status_code == 200


@pytest.mark.parametrize("page", ["", "/history"])
def test_refuses_a_parameter_that_it_does_not_know(as_alice, page):
    answer = as_alice.call("GET", f"{PATH}/{add(as_alice)['id']}{page}?as_of=2026-05-04")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["parameter"] == "as_of"


def test_answers_a_repeated_reading_with_its_tag(as_alice):
    added = add(as_alice)
    first = as_alice.call("GET", PATH)

    again = as_alice.call("GET", PATH, If_None_Match=first["ETag"])
    as_alice.call("PATCH", f"{PATH}/{added['id']}", {"notes": "new"})
    changed = as_alice.call("GET", PATH, If_None_Match=first["ETag"])

    assert (again.status_code, again.content) == (304, b"")
    assert changed.status_code == 200
    assert first["Cache-Control"] == "private, no-cache"


def test_is_off_where_events_are_off(as_alice, settings):
    added = add(as_alice)
    path = f"{PATH}/{added['id']}"
    settings.USE_SCHEMA_V2 = False

    answers = [
        as_alice.call(method, where, body)
        for method, where, body in [
            ("GET", PATH, None),
            ("POST", PATH, GONAL),
            ("GET", path, None),
            ("PATCH", path, {"notes": "x"}),
            ("DELETE", path, None),
            ("POST", f"{path}/pause", {}),
            ("POST", f"{path}/doses", {}),
            ("GET", f"{path}/doses", None),
            ("GET", f"{path}/history", None),
            ("GET", f"{PATH}/schedule", None),
            ("GET", f"{PATH}/adherence", None),
            ("POST", f"/api/medications/{added['id']}/take", {}),
        ]
    ]

    assert {answer.status_code for answer in answers} == {503}


def test_does_not_lose_a_planned_change_to_another_one(as_alice):
    """What is planned holds neither earlier than planned nor never."""
    added = add(as_alice)
    path = f"{PATH}/{added['id']}"
    soon = (dt.datetime.now(dt.UTC) + dt.timedelta(days=20)).isoformat()
    as_alice.call("PATCH", path, {"dosage": "300 IU", "effective_from": soon})

    refused = [
        as_alice.call("PATCH", path, {"tolerance_minutes": 90}),
        as_alice.call("POST", f"{path}/pause", {}),
    ]
    now = dt.datetime.now(dt.UTC).isoformat()
    instead = as_alice.call("PATCH", path, {"tolerance_minutes": 90, "effective_from": now})

    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {
        (409, "change-planned")
    }
    assert instead.json()["regimen"]["dosage"] == "150 IU"
    assert instead.json()["regimen"]["tolerance_minutes"] == 90


def test_keeps_the_day_on_which_a_medication_begins(as_alice):
    begins = (dt.datetime.now(dt.UTC) + dt.timedelta(days=20)).replace(microsecond=0)
    added = add(as_alice, effective_from=begins.isoformat())
    path = f"{PATH}/{added['id']}"

    changed = as_alice.call("PATCH", path, {"dosage": "75 IU"}).json()
    as_alice.call("POST", f"{path}/pause", {})
    resumed = as_alice.call("POST", f"{path}/resume", {}).json()

    for shown in (changed, resumed):
        told = (shown["planned"] or shown["regimen"])["effective_from"]
        assert dt.datetime.fromisoformat(told) == begins


def test_is_added_once_however_often_it_is_sent(as_alice, as_bob):
    first = as_alice.call("POST", PATH, GONAL, Idempotency_Key='"add-1"')

    again = as_alice.call("POST", PATH, GONAL, Idempotency_Key='"add-1"')
    other = as_alice.call("POST", PATH, GONAL | {"dosage": "75 IU"}, Idempotency_Key="add-1")
    theirs = as_bob.call("POST", PATH, GONAL, Idempotency_Key="add-1")

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.content == first.content
    assert again["Idempotency-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (409, "idempotency-key-reused")
    assert other.json()["errors"][0]["parameter"] == "Idempotency-Key"
    assert theirs.status_code == 201
    assert len(as_alice.call("GET", PATH).json()["medications"]) == 1


def test_answers_a_repeated_call_with_what_became_of_the_medication(as_alice):
    path = f"{PATH}/{as_alice.call('POST', PATH, GONAL, Idempotency_Key='add-1').json()['id']}"
    as_alice.call("PATCH", path, {"medication_name": "Gonal", "dosage": "75 IU"})

    changed = as_alice.call("POST", PATH, GONAL, Idempotency_Key="add-1").json()
    now = as_alice.call("GET", path).json()
    as_alice.call("DELETE", path)
    gone = as_alice.call("POST", PATH, GONAL, Idempotency_Key="add-1")

    assert changed == now
    assert (now["medication_name"], now["regimen"]["version"]) == ("Gonal", 2)
    assert (gone.status_code, gone.json()["code"]) == (409, "idempotency-key-reused")
    assert as_alice.call("GET", PATH).json()["medications"] == []


def test_starts_on_the_day_from_which_it_holds(as_alice):
    body = {"medication_name": "Cetrotide", "times_of_day": ["08:00"], "every_n_days": 3}
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(days=10)

    ahead = as_alice.call("POST", PATH, body | {"effective_from": soon.isoformat()}).json()
    back = as_alice.call("POST", PATH, body | {"effective_from": "2026-05-04T05:00:00Z"}).json()

    assert ahead["regimen"]["start_date"] == str((soon - dt.timedelta(hours=8)).date())
    assert back["regimen"]["start_date"] == "2026-05-03"


def test_makes_no_version_of_a_change_that_is_repeated(as_alice):
    added = add(as_alice)
    begins = (dt.datetime.now(dt.UTC) + dt.timedelta(days=20)).isoformat()
    body = {"dosage": "75 IU", "effective_from": begins, "reason": "doctor"}

    answers = [as_alice.call("PATCH", f"{PATH}/{added['id']}", body) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert [one["dosage"] for one in history(as_alice, added)] == ["150 IU", "75 IU"]


def test_shows_the_next_of_several_steps_that_are_planned(as_alice):
    added = add(as_alice)
    for days in (5, 10):
        begins = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
        body = {"dosage": f"{days} IU", "effective_from": begins.isoformat()}
        shown = as_alice.call("PATCH", f"{PATH}/{added['id']}", body).json()

    assert (shown["regimen"]["dosage"], shown["planned"]["dosage"]) == ("150 IU", "5 IU")


def test_shows_what_will_hold_first_while_nothing_has_begun(as_alice):
    begins = dt.datetime.now(dt.UTC) + dt.timedelta(days=20)
    added = add(as_alice, effective_from=begins.isoformat())

    shown = as_alice.call("PATCH", f"{PATH}/{added['id']}", {"dosage": "75 IU"}).json()

    assert (shown["regimen"]["dosage"], shown["planned"]) == ("75 IU", None)


def test_says_how_to_go_on_with_a_course_that_ended(as_alice):
    path = f"{PATH}/{add(as_alice, end_date='2026-05-05')['id']}"

    resumed = as_alice.call("POST", f"{path}/resume", {})
    longer = as_alice.call("PATCH", path, {"end_date": None})

    assert (resumed.status_code, resumed.json()["code"]) == (409, "medication-status")
    assert "end_date" in resumed.json()["detail"]
    assert (longer.status_code, longer.json()["status"]) == (200, "active")


def test_bounds_the_doses_of_a_day_and_not_those_of_a_life(as_alice, monkeypatch):
    monkeypatch.setattr(services, "MOST_DOSES_A_DAY", 3)
    course = {
        "effective_from": "2026-01-01T00:00:00Z",
        "start_date": "2026-02-01",
        "end_date": "2026-02-20",
    }
    add(as_alice, **course)
    since_march = {"effective_from": "2026-03-01T00:00:00Z", "start_date": "2026-03-01"}
    stopped = add(as_alice, **since_march)
    as_alice.call("POST", f"{PATH}/{stopped['id']}/stop", {})

    later = as_alice.call("POST", PATH, GONAL | {"effective_from": None, "start_date": None})
    beside = [as_alice.call("POST", PATH, GONAL | one) for one in (course, since_march)]

    assert later.status_code == 201
    for refused in beside:
        assert refused.status_code == 400
        assert refused.json()["errors"][0]["pointer"] == "/times_of_day"
        assert "4 doses a day" in refused.json()["detail"]


def test_changes_nothing_that_was_changed_since_it_was_read(as_alice):
    path = f"{PATH}/{add(as_alice)['id']}"
    read = as_alice.call("GET", path)["ETag"]
    mine = as_alice.call("PATCH", path, {"dosage": "75 IU"}, If_Match=read)

    late = as_alice.call("PATCH", path, {"dosage": "300 IU"}, If_Match=read)
    next_one = as_alice.call("PATCH", path, {"notes": "Right."}, If_Match=mine["ETag"])

    assert (mine.status_code, next_one.status_code) == (200, 200)
    assert (late.status_code, late.json()["code"]) == (412, "version-mismatch")
    assert as_alice.call("GET", path).json() == next_one.json()
    assert as_alice.call("GET", path, If_None_Match=next_one["ETag"]).status_code == 304
