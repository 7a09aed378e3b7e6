"""Tenants, people, their sessions, and what is left of them after erasure."""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower, Now

from accounts.types import DEFAULT_TIME_ZONE, ApiScope
from core.models import Row, uuid7


class Tenant(Row):
    """A clinic, or the house itself for people who signed up on their own."""

    name = models.CharField(max_length=100)
    slug = models.SlugField(help_text="Short name for addresses and files, such as north-clinic.")
    is_active = models.BooleanField(
        default=True, help_text="Off: nobody of this tenant can log in or use the API."
    )

    class Meta:
        db_table = "tenants"
        verbose_name = "clinic"
        ordering = ("name",)
        constraints = (models.UniqueConstraint(fields=("slug",), name="tenants_slug_unique"),)

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        fields.setdefault("tenant", Tenant.objects.order_by("created_at").first())
        user = self.create_user(email, password, is_staff=True, is_superuser=True, **fields)
        UserProfile.objects.create(user=user, tenant=user.tenant, nickname=email.partition("@")[0])
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """An account. Tokens issued before `tokens_valid_from` are refused by the gate."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    email = models.EmailField("e-mail", max_length=254)
    is_active = models.BooleanField(default=True, help_text="Off: cannot log in or use the API.")
    is_staff = models.BooleanField(
        "staff", default=False, help_text="May open this console, for their own tenant."
    )
    is_support = models.BooleanField(
        "support",
        default=False,
        db_default=False,
        help_text="Staff who see no health data: documents' queue, limits and accounts.",
    )
    tokens_valid_from = models.DateTimeField(db_default=Now())
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        db_table = "users"
        verbose_name = "person"
        verbose_name_plural = "people"
        ordering = ("-created_at",)
        constraints = (
            # Global: old tokens name their person by e-mail address alone.
            models.UniqueConstraint(fields=("email",), name="users_email_unique"),
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="users_email_lower_case"
            ),
            models.UniqueConstraint(fields=("id", "tenant"), name="users_id_tenant_unique"),
            models.CheckConstraint(
                condition=models.Q(is_support=False) | models.Q(is_staff=True, is_superuser=False),
                name="users_support_is_staff",
            ),
        )

    def __str__(self) -> str:
        return self.email


class PersonRow(models.Model):
    """A row of one person. The keys are added by migrations, with the tenant in them."""

    tenant = models.ForeignKey(
        Tenant, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    user = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )

    class Meta:
        abstract = True


class UserProfile(models.Model):
    """What a person told about their journey. The names are those of the old service."""

    user = models.OneToOneField(
        User,
        primary_key=True,
        on_delete=models.CASCADE,
        related_name="profile",
        db_constraint=False,
    )
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    nickname = models.CharField(max_length=100)
    timezone = models.CharField(
        max_length=64, default=DEFAULT_TIME_ZONE, help_text="An IANA name: Europe/Berlin."
    )
    email_opt_in = models.BooleanField(default=True)
    confidence_meds = models.SmallIntegerField(default=5)
    confidence_costs = models.SmallIntegerField(default=5)
    confidence_overall = models.SmallIntegerField(default=5)
    primary_need = models.TextField(null=True, blank=True)
    cycle_stage = models.TextField(null=True, blank=True)
    cycle_stage_updated = models.DateTimeField(null=True, blank=True)
    top_concern = models.TextField(null=True, blank=True)
    medication_status = models.TextField(null=True, blank=True)
    medication_status_updated = models.DateTimeField(null=True, blank=True)
    onboarding_path = models.TextField(null=True, blank=True)
    baseline_completed = models.BooleanField(default=False)
    extra = models.JSONField(
        default=dict, blank=True, help_text="Further answers of the onboarding, word for word."
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "user_profiles"
        constraints = tuple(
            models.CheckConstraint(
                condition=models.Q(**{f"{field}__range": (1, 10)}),
                name=f"user_profiles_{field}_1_to_10",
            )
            for field in ("confidence_meds", "confidence_costs", "confidence_overall")
        )

    def __str__(self) -> str:
        return self.nickname


class TimeZoneChange(PersonRow):
    """A time zone that a person's profile had `until` it was changed; written by a trigger."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    time_zone = models.TextField()
    until = models.DateTimeField()

    class Meta:
        db_table = "time_zone_changes"
        indexes = (models.Index(fields=("user", "until"), name="time_zone_changes_in_time"),)

    def __str__(self) -> str:
        return self.time_zone


class RefreshFamily(models.Model):
    """One log-in on one device: the chain of refresh tokens that came out of it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    created_at = models.DateTimeField(db_default=Now())
    revoked_at = models.DateTimeField(null=True)
    revoke_reason = models.TextField(null=True)

    class Meta:
        db_table = "refresh_families"

    def __str__(self) -> str:
        return str(self.id)


class RefreshToken(models.Model):
    """A token of a family. Only its SHA-256 is kept; it is used once."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    family = models.ForeignKey(
        RefreshFamily, on_delete=models.CASCADE, related_name="tokens", db_constraint=False
    )
    token_hash = models.BinaryField(max_length=32)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "refresh_tokens"
        constraints = (
            # Global: a token comes without its tenant.
            models.UniqueConstraint(fields=("token_hash",), name="refresh_tokens_hash_unique"),
        )

    def __str__(self) -> str:
        return str(self.id)


class LoginThrottle(models.Model):
    """How often somebody tried to log in, by a keyed hash of the e-mail or network address."""

    key_digest = models.BinaryField(primary_key=True, max_length=32)
    attempt_count = models.PositiveIntegerField()
    window_ends_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "login_throttles"

    def __str__(self) -> str:
        return bytes(self.key_digest).hex()


class ApiKey(Row):
    """A key with which a server asks for many people. Of the key itself only a hash is kept."""

    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12)
    secret_hash = models.CharField(max_length=64)
    scopes = ArrayField(models.TextField())
    tenant = models.ForeignKey(
        Tenant, on_delete=models.PROTECT, related_name="+", null=True, verbose_name="clinic"
    )
    environment = models.TextField(default="", blank=True)
    # Not a constraint: a key outlives whoever made it.
    created_by = models.ForeignKey(
        User, on_delete=models.DO_NOTHING, related_name="+", null=True, db_constraint=False
    )
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "api_keys"
        verbose_name = "API key"
        ordering = ("-created_at",)
        constraints = (
            # A key comes without its tenant.
            models.UniqueConstraint(fields=("secret_hash",), name="api_keys_hash_unique"),
            models.CheckConstraint(
                condition=models.Q(scopes__contained_by=[scope.value for scope in ApiScope])
                & models.Q(scopes__len__gt=0),
                name="api_keys_scopes_known",
            ),
        )

    def __str__(self) -> str:
        return self.name


class ErasureCertificate(models.Model):
    """Proof that a person was erased: what, when, by whom; nothing that names the person."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    subject_id = models.UUIDField(help_text="The id the account had.")
    requested_by = models.TextField()
    reason = models.TextField()
    erased_row_counts = models.JSONField(help_text="Rows erased in each table.")
    erased_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "erasure_certificates"
        ordering = ("-erased_at",)

    def __str__(self) -> str:
        return str(self.id)
