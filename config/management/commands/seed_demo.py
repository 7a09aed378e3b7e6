"""manage.py seed_demo: an installation to look around in, with people and ninety days of theirs."""

import datetime as dt
import hashlib
import math
import random
import time
from argparse import ArgumentParser
from io import BytesIO
from typing import Any

import msgspec
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone

from accounts import services as accounts
from accounts.models import Tenant, User, UserProfile
from assessments import services as assessments
from assessments.types import CompletionIn
from config.management import demo
from config.management.demo import CAST, Member
from core import gate
from core.gate import Claims
from documents.services import uploading
from health import services, storage
from health.models import HealthEvent
from health.types import LONGEST_BATCH, CorrectionIn, EventIn
from medications import services as medications
from medications.types import DoseIn, MedicationIn

GAP: float = 0.1
CORRECTED: float = 0.05
DELETED_DAY = 40
SIGN_UPS_EVERY = dt.timedelta(hours=17)


class Command(BaseCommand):
    help = "Add demo people with ninety days of history. A second run changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--yes", action="store_true", help="also where there are other people already"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        if User.objects.filter(email=demo.ADMIN).exists():
            self.stdout.write("The demo is there already; nothing was changed.")
        elif User.objects.exists() and not options["yes"]:
            self.stdout.write(
                "There are people here already, so no demo was added (--yes adds it)."
            )
            return
        else:
            started = time.monotonic()
            # All or nothing: an interrupted run leaves no half of a demo behind.
            with transaction.atomic():
                self._add(timezone.now())
            self._send_documents()
            self._progress("")
            self.stdout.write(f"The demo was added in {time.monotonic() - started:.0f} s.")
        self._introduce()

    def _add(self, now: dt.datetime) -> None:
        joined = now - dt.timedelta(days=demo.DAYS + 5)
        house = Tenant.objects.get(slug=demo.HOUSE)
        clinic, _ = Tenant.objects.get_or_create(
            slug=demo.CLINIC, defaults={"name": demo.CLINIC_NAME}
        )
        tenants = {demo.HOUSE: house, demo.CLINIC: clinic}
        User.objects.create_superuser(demo.ADMIN, demo.PASSWORD, tenant=house, created_at=joined)
        staff = User.objects.create_user(
            demo.STAFF, demo.PASSWORD, tenant=clinic, is_staff=True, created_at=joined
        )
        UserProfile.objects.create(
            user=staff, tenant=clinic, nickname="Front desk", timezone="America/Los_Angeles"
        )
        people = [
            (member, self._enroll(member, tenants[member.tenant], joined + number * SIGN_UPS_EVERY))
            for number, member in enumerate(CAST)
        ]
        for member, user in people:
            self._record_history(member, user, now)
        for number in range(demo.DAYS):
            self._progress(f"day {number + 1} of {demo.DAYS}")
            for member, user in people:
                self._check_in(member, user, number, now)
        for member, user in people:
            self._record_today(member, user, now)
            self._medicate(member, user, now)
            self._assess(member, user, now)

    @staticmethod
    def _enroll(member: Member, tenant: Tenant, joined: dt.datetime) -> User:
        user = User.objects.create_user(
            member.email, demo.PASSWORD, tenant=tenant, created_at=joined
        )
        UserProfile.objects.create(
            user=user,
            tenant=tenant,
            nickname=member.nickname,
            timezone=member.zone,
            baseline_completed=True,
        )
        with gate.as_person(user.pk) as person:
            accounts.update_profile(person=person, changes=member.profile, now=joined)
        return user

    def _record_history(self, member: Member, user: User, now: dt.datetime) -> None:
        """Bring over what a watch and a calendar know of the days before today."""
        self._progress(f"history of {member.nickname}")
        today = demo.days_of(member, now)[-1]
        events = [event for day, event in demo.events_of(member, now) if day < today]
        self._record(user, events, now)
        weights = [e for e in events if e.event_data.get("name") == "weight"]
        walks = [e for e in events if e.event_type == "exercise"]
        if not storage.keeps_events(user.pk):
            return
        with gate.as_person(user.pk) as person:
            typo = _find(weights[-2])
            said = typo.event_data
            services.correct_event(
                person=person,
                event_id=typo.pk,
                correction=CorrectionIn(
                    event_data=said | {"value": round(said["value"] - 1.2, 1)},
                    reason="Misread the scale.",
                ),
                expected_version=None,
                now=now,
            )
            services.retract_event(
                person=person,
                event_id=_find(walks[-1]).pk,
                reason="Entered for the wrong person.",
                expected_version=None,
                now=now,
            )

    def _record_today(self, member: Member, user: User, now: dt.datetime) -> None:
        today = demo.days_of(member, now)[-1]
        events = [event for day, event in demo.events_of(member, now) if day == today]
        self._record(user, events, now)

    @staticmethod
    def _record(user: User, events: list[EventIn], now: dt.datetime) -> None:
        if not storage.keeps_events(user.pk):
            return
        claims = Claims(user_id=str(user.pk), issued_at=time.time())
        for start in range(0, len(events), LONGEST_BATCH):
            batch = events[start : start + LONGEST_BATCH]
            services.record_events(
                claims=claims, events=batch, all_or_nothing=True, idempotency_key=None, now=now
            )

    @staticmethod
    def _medicate(member: Member, user: User, now: dt.datetime) -> None:
        if not storage.keeps_events(user.pk):
            return
        began = demo.days_of(member, now)[-demo.COURSE_DAYS]
        since = demo.moment(member, began, 0, now)
        with gate.as_person(user.pk) as person:
            for number, told in enumerate(demo.MEDICATIONS):
                course = {"start_date": began, "effective_from": since and since.isoformat()}
                sent = msgspec.convert(told | course, MedicationIn)
                standing, _ = medications.add_medication(
                    person=person, sent=sent, idempotency_key=None, now=now
                )
                for dose in demo.doses_of(member, number, now):
                    medications.record_dose(
                        person=person,
                        medication_id=standing.medication.id,
                        sent=msgspec.convert(dose, DoseIn),
                        status=dose["status"],
                        idempotency_key=None,
                        now=now,
                    )

    @staticmethod
    def _assess(member: Member, user: User, now: dt.datetime) -> None:
        if not storage.keeps_events(user.pk):
            return
        with gate.as_person(user.pk) as person:
            for name, answers in demo.answers_of(member).items():
                sent = CompletionIn(answers=answers, client_event_id=f"demo-{name}")
                assessments.complete(
                    person=person, name=name, sent=sent, idempotency_key=None, now=now
                )

    @staticmethod
    def _check_in(member: Member, user: User, number: int, now: dt.datetime) -> None:
        """Check in as the person did on that evening; now and then, think again later."""
        dice = random.Random(f"{member.email} {number}")  # noqa: S311  A story, not a secret.
        form = demo.form_of(member, number, dice)
        hour, is_gap, is_corrected = dice.uniform(18, 22), dice.random(), dice.random()
        day = demo.days_of(member, now)[number]
        at = demo.moment(member, day, hour, now) or demo.moment(member, day, 8, now)
        if at is None or (is_gap < GAP and number != DELETED_DAY):
            return
        checkin = services.submit_checkin(
            claims=Claims(user_id=str(user.pk), issued_at=time.time()),
            form=form,
            now=at,
            is_enhanced="anxiety_level" in form,
        )
        with gate.as_person(user.pk) as person:
            later = min(at + dt.timedelta(hours=1.5), now)
            if is_corrected < CORRECTED:
                changes = {"confidence_today": min(10, form["confidence_today"] + 2)}
                services.update_checkin(
                    person=person, checkin_id=checkin.id, form=changes, now=later
                )
            if number == DELETED_DAY and member is CAST[0]:
                services.delete_checkin(person=person, checkin_id=checkin.id, now=later)

    def _send_documents(self) -> None:
        """Upload as people do, each in transactions of its own: the workers do the rest."""
        for user in User.objects.filter(email__in=demo.READERS).order_by("email"):
            for path in sorted(demo.DOCUMENTS.iterdir()):
                self._progress(f"documents: {path.name}")
                content = path.read_bytes()
                file = uploading.File(
                    content=BytesIO(content),
                    size=len(content),
                    sha256=hashlib.sha256(content).hexdigest(),
                    filename=path.name,
                )
                uploading.upload(claims=Claims(str(user.pk), issued_at=math.inf), file=file)

    def _progress(self, text: str) -> None:
        """Keep one line of a terminal up to date; a log gets none."""
        if self.stderr.isatty():
            self.stderr.write(f"\r{text:<40}\r", ending="")
            self.stderr.flush()

    def _introduce(self) -> None:
        self.stdout.write(f"""
Demo log-ins, all with the password {demo.PASSWORD}

  Console  {demo.ADMIN:<28} superuser, sees every clinic
           {demo.STAFF:<28} staff of {demo.CLINIC_NAME} alone""")
        emails = [member.email for member in CAST]
        present = set(User.objects.filter(email__in=emails).values_list("email", flat=True))
        # Whoever was erased meanwhile is not named.
        for number, member in enumerate(m for m in CAST if m.email in present):
            place = member.zone.rpartition("/")[2].replace("_", " ")
            self.stdout.write(f"  {'' if number else 'API':<8} {member.email:<28} {place}")


def _find(event: EventIn) -> HealthEvent:
    return HealthEvent.objects.get(client_event_id=event.client_event_id)
