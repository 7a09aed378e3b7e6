"""manage.py erase_person: erase everything of a person, from the command line."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import services
from accounts.models import ErasureCertificate, User
from core.errors import DomainError


class Command(BaseCommand):
    help = "Erase a person for good: the account, the profile, and everything they recorded."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", help="the person's e-mail address")
        parser.add_argument(
            "--reason", required=True, help="stays on the certificate; do not name the person"
        )
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *_: Any, **options: Any) -> None:
        email = options["email"].strip().lower()
        reason = options["reason"].strip()
        if not reason:
            raise CommandError("Give a reason with --reason.")
        if email in reason.lower():
            raise CommandError("Leave the e-mail address out of the reason: it is kept.")
        person = User.objects.select_related("tenant").filter(email=email).first()
        if person is None:
            raise CommandError("There is no person with this e-mail address.")
        if not options["yes"]:
            self._confirm(person)
        try:
            certificate_id = services.erase_person(
                user_id=person.pk, requested_by="manage.py erase_person", reason=reason
            )
        except DomainError as error:
            raise CommandError(error.detail) from error
        self._show(ErasureCertificate.objects.get(id=certificate_id))

    def _confirm(self, person: User) -> None:
        self.stdout.write(
            f"{person.email} of {person.tenant.name} and everything they recorded will be gone"
            " for good."
        )
        try:
            answer = input("Type the e-mail address again to go on: ")
        except EOFError:
            answer = ""
        if answer.strip().lower() != person.email:
            raise CommandError("Nothing was erased.")

    def _show(self, certificate: ErasureCertificate) -> None:
        self.stdout.write(f"Erased. Certificate {certificate.pk}:")
        for table, count in sorted(certificate.erased_row_counts.items()):
            self.stdout.write(f"  {table:<24}{count:>8} rows")
