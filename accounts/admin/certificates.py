"""Pages about what is left of people who were erased."""

from django.contrib import admin

from accounts.models import ErasureCertificate
from core.admin import ReadOnlyAdmin, facts, when


@admin.register(ErasureCertificate)
class ErasureCertificateAdmin(ReadOnlyAdmin[ErasureCertificate]):
    purpose = "Proof that somebody was erased: when, by whom, and how many rows went."
    list_display = ("erased", "subject_id", "clinic", "requested_by", "reason")
    list_select_related = ("tenant",)
    search_fields = ("subject_id",)
    search_help_text = "The id that the account had."
    ordering = ("-erased_at", "-id")
    sortable_by = ()
    fields = ("id", "subject_id", "clinic", "erased", "requested_by", "reason", "erased_rows")

    def heading(self, row: ErasureCertificate) -> str:
        return f"Erasure of {when(row.erased_at)}"

    @admin.display(description="clinic")
    def clinic(self, certificate: ErasureCertificate) -> str:
        return certificate.tenant.name

    @admin.display(description="erased")
    def erased(self, certificate: ErasureCertificate) -> str:
        return when(certificate.erased_at)

    @admin.display(description="erased rows of each table")
    def erased_rows(self, certificate: ErasureCertificate) -> str:
        return facts(dict(sorted(certificate.erased_row_counts.items())))
