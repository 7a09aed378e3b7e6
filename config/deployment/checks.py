"""Every check, in the order in which it is made, with what it builds on."""

from typing import Final

from config.deployment import care, events, front, people, records
from config.deployment.run import Check

SERVER: Final = "The server"
FRAME: Final = "Around every answer"
TOKENS: Final = "Accounts and tokens"
CHECKIN: Final = "A check-in of an old client"
EVENT: Final = "Health events"
CARE: Final = "Medications, questionnaires, figures"
INSIGHT: Final = "Insights"
OTHERS: Final = "Other people"
END: Final = "Cleaning up"

SIGNED_UP: Final = (people.first_signs_up,)
CHECKED_IN: Final = (records.submits_the_form,)
HAS_EVENTS: Final = (events.has_events,)
RECORDED: Final = (events.records_an_event,)
DOSED: Final = (care.takes_a_dose,)
OTHERS_TOO: Final = (people.second_signs_up,)

CHECKS: Final = (
    Check(SERVER, "it is alive (/livez)", front.is_alive),
    Check(SERVER, "it is ready: database, migrations, broker, documents (/readyz)", front.is_ready),
    Check(SERVER, "it is healthy (/api/health)", front.is_healthy),
    Check(SERVER, "it is healthy in detail (/api/health/detailed)", front.is_healthy_in_detail),
    Check(SERVER, "it introduces itself (/)", front.introduces_itself),
    Check(SERVER, "it has a docs page and OpenAPI documents", front.shows_the_docs),
    Check(SERVER, "it tells its mode (/api/v2/status)", front.tells_its_mode),
    Check(SERVER, "health events are on", front.keeps_events, (front.tells_its_mode,)),
    Check(FRAME, "unknown paths: each version's words", front.refuses_unknown_paths),
    Check(FRAME, "JSON is compact", front.is_compact),
    Check(FRAME, "headers keep browsers safe", front.sends_safety_headers),
    Check(FRAME, "version 1 announces its end", front.announces_the_end_of_version_1),
    Check(FRAME, "the web client's origin is let in", front.lets_the_web_client_in),
    Check(FRAME, "other sites are kept out", front.keeps_other_sites_out),
    Check(FRAME, "other services can call (PUBLIC_URL)", front.hears_other_services),
    Check(TOKENS, "a person signs up (version 1)", people.first_signs_up),
    Check(TOKENS, "another one signs up (version 2)", people.second_signs_up),
    Check(TOKENS, "an address is taken once", people.address_is_taken, SIGNED_UP),
    Check(TOKENS, "the person logs in, refreshes, logs out", people.first_logs_in, SIGNED_UP),
    Check(TOKENS, "a wrong password is refused", people.wrong_password_is_refused, SIGNED_UP),
    Check(TOKENS, "no token is refused", people.no_token_is_refused),
    Check(TOKENS, "this JWT_SECRET is the server's", people.email_token_is_accepted, SIGNED_UP),
    Check(TOKENS, "another secret is refused", people.foreign_token_is_refused, SIGNED_UP),
    Check(CHECKIN, "the 18 fields are taken", records.submits_the_form, SIGNED_UP),
    Check(CHECKIN, "they come back as they were sent", records.reads_the_form_back, CHECKED_IN),
    Check(CHECKIN, "they fill the next form", records.fills_the_next_form, CHECKED_IN),
    Check(CHECKIN, "a second one for the day is refused", records.refuses_a_second_one, CHECKED_IN),
    Check(CHECKIN, "it counts as today's", records.knows_today, CHECKED_IN),
    Check(CHECKIN, "the figures count it", records.counts_it, CHECKED_IN),
    Check(CHECKIN, "the day has its questions", records.asks_questions, SIGNED_UP),
    Check(CHECKIN, "a change of a part keeps the rest", records.changes_a_part, CHECKED_IN),
    Check(EVENT, "the person has events", events.has_events, (front.keeps_events, *SIGNED_UP)),
    Check(EVENT, "the day has the check-in", events.sums_up_the_day, HAS_EVENTS + CHECKED_IN),
    Check(EVENT, "an event is recorded once", events.records_an_event, HAS_EVENTS),
    Check(EVENT, "the timeline has it", events.shows_the_timeline, RECORDED),
    Check(EVENT, "a correction keeps what it corrects", events.corrects_an_event, RECORDED),
    Check(CARE, "a dose is recorded once", care.takes_a_dose, HAS_EVENTS),
    Check(CARE, "answers are scored", care.scores_answers, HAS_EVENTS),
    Check(CARE, "the figures count both at once", care.counts_the_day, DOSED + CHECKED_IN),
    # Before feedback, which may write the day's insights itself.
    Check(INSIGHT, "an alert comes within 5 s", events.alerts, HAS_EVENTS + CHECKED_IN),
    Check(
        INSIGHT,
        "the daily one counts the check-in",
        records.tells_the_daily_insight,
        CHECKED_IN,
    ),
    Check(INSIGHT, "feedback is taken", records.takes_feedback, (records.tells_the_daily_insight,)),
    Check(INSIGHT, "the rest of version 1 answers", records.answers_the_rest, SIGNED_UP),
    Check(OTHERS, "they miss the check-in", events.hides_the_checkin, CHECKED_IN + OTHERS_TOO),
    Check(OTHERS, "they miss the event", events.hides_the_event, RECORDED + OTHERS_TOO),
    Check(OTHERS, "they miss the medication", care.hides_the_medication, DOSED + OTHERS_TOO),
    Check(OTHERS, "they miss the insight", events.hides_the_insight, (events.alerts, *OTHERS_TOO)),
    Check(END, "the medication is removed", care.removes_the_medication, DOSED),
    Check(END, "the event is retracted", events.retracts_an_event, RECORDED),
    Check(END, "the check-in is deleted", records.deletes_it, CHECKED_IN),
)
