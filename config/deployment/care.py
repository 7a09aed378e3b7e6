"""Checks of medications, questionnaires and figures."""

from typing import Final

from config.deployment.client import Failed
from config.deployment.run import Visit

MEDICATIONS: Final = "/api/v2/medications"
ANSWERS: Final = {"feeling_nervous": 1, "stop_worrying": 2, "little_interest": 0, "feeling_down": 1}


def takes_a_dose(visit: Visit) -> None:
    sent = {"medication_name": "A check of the deployment", "as_needed": True}
    added = visit.as_first("POST", MEDICATIONS, sent).must_be(201)
    visit.medication_id = str(added.at("id"))
    dose = {"client_event_id": "verify-dose"}
    path = f"{MEDICATIONS}/{visit.medication_id}/doses"
    visit.as_first("POST", path, dose).must_be(201)
    visit.as_first("POST", path, dose).must_be(200)
    answer = visit.as_first("GET", f"{MEDICATIONS}/adherence").must_be(200)
    answer.must_say("overall", "as_needed", value=1)


def scores_answers(visit: Visit) -> None:
    path = "/api/v2/assessments/phq-4/complete"
    answer = visit.as_first("POST", path, {"answers": ANSWERS}).must_be(201)
    answer.must_say("total_score", value=4).must_say("severity", value="mild")
    visit.as_first("POST", path, {"answers": {"feeling_nervous": True}}).must_be(400)


def counts_the_day(visit: Visit) -> None:
    """Exact at once: the dose and the answers of a moment ago are counted."""
    answer = visit.as_first("GET", "/api/v2/analytics?timeframe=week").must_be(200)
    day = answer.objects("daily")[-1]
    if day.get("local_date") != visit.today or not day.get("has_checkin"):
        raise Failed(f"{answer.call}: expected today, with its check-in, to be the last day.")
    if day.get("medications_taken") != 1:
        raise Failed(f"{answer.call}: expected the dose of a moment ago to be counted.")


def hides_the_medication(visit: Visit) -> None:
    path = f"{MEDICATIONS}/{visit.medication_id}"
    visit.as_second("GET", path).must_be(404)
    visit.as_second("POST", f"{path}/doses", {}).must_be(404)
    visit.as_second("DELETE", path).must_be(404)


def removes_the_medication(visit: Visit) -> None:
    path = f"{MEDICATIONS}/{visit.medication_id}"
    visit.as_first("DELETE", path).must_be(204)
    visit.as_first("GET", path).must_be(404)
