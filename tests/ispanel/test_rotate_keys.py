"""`manage.py rotate_keys`: all that is kept encrypted goes under the first key, and nothing is lost on the way."""

import threading
from collections.abc import Callable
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, models, transaction
from pytest_django import Settings as SettingsWrapper

from accounts.models import (
    InitialPassword,
    TwoStep,
    User,
    purpose_of_initial_password,
    purpose_of_two_step,
)
from audit.actions import Action
from audit.models import AuditEntry, Grade
from ispanel import crypto, key_rotation
from plans.models import Plan
from resellers.models import Reseller
from subscribers.import_models import SubscriberImport
from subscribers.models import Subscriber, purpose_of_subscriber_password
from tests.cast import NOW, PASSWORD
from tests.failing import FailsAt

NAMES = ("anna", "boris", "carl")
OLD, NEW = {"old": bytes(range(32))}, {"new": bytes(range(32, 64))}


@pytest.fixture(autouse=True)
def _old_key(settings: SettingsWrapper) -> None:
    """Begin with the old key alone."""
    settings.ENCRYPTION_KEYS = OLD


@pytest.fixture
def turn_ring(settings: SettingsWrapper) -> Callable[..., None]:
    """Put the new key in front, or leave it alone in the ring."""

    def turn(*, keep_old: bool = True) -> None:
        settings.ENCRYPTION_KEYS = NEW | (OLD if keep_old else {})

    return turn


@pytest.fixture
def kept(north: Reseller, south: Reseller, home: Plan, turn_ring: Callable[..., None]) -> None:
    """Have two initial passwords, a second step and three subscribers under the old key, and a new one in front."""
    TwoStep.objects.create(
        user=north.user, ciphertext=crypto.encrypt("JBSWY3DP", purpose=purpose_of_two_step(north.user_id))
    )
    for name in NAMES:
        secret = crypto.encrypt(f"secret of {name}", purpose=purpose_of_subscriber_password(name))
        Subscriber.objects.create(
            username=name, password_ciphertext=secret, plan=home, reseller=north, created_at=NOW, updated_at=NOW
        )
    turn_ring()


def rotate(*words: str) -> str:
    output = StringIO()
    call_command("rotate_keys", *words, stdout=output)
    return output.getvalue()


def secret_of(name: str) -> str:
    blob = Subscriber.objects.get(username=name).password_ciphertext
    return crypto.decrypt(blob, purpose=purpose_of_subscriber_password(name))


def keys_of_subscribers() -> list[str | None]:
    blobs = Subscriber.objects.order_by("pk").values_list("password_ciphertext", flat=True)
    return [crypto.key_of(blob) for blob in blobs]


def test_everything_can_be_read_without_the_old_key_afterwards(
    kept: None, nadia: User, turn_ring: Callable[..., None]
) -> None:
    printed = rotate()
    turn_ring(keep_old=False)

    initial, second = InitialPassword.objects.get(user=nadia), TwoStep.objects.get(user=nadia)
    assert [secret_of(name) for name in NAMES] == ["secret of anna", "secret of boris", "secret of carl"]
    assert crypto.decrypt(initial.ciphertext, purpose=purpose_of_initial_password(nadia.pk)) == PASSWORD
    assert crypto.decrypt(second.ciphertext, purpose=purpose_of_two_step(nadia.pk)) == "JBSWY3DP"
    assert printed.splitlines() == [
        "initial passwords: 2 encrypted under the key new",
        "two steps: 1 encrypted under the key new",
        "subscribers: 3 encrypted under the key new",
    ]


def test_it_is_in_the_audit_trail_once(kept: None) -> None:
    rotate()
    assert "Nothing had to be encrypted" in rotate()

    entry = AuditEntry.objects.get(action=Action.KEYS_ROTATED)
    assert (entry.actor_name, entry.grade) == ("system", Grade.SECURITY)
    assert entry.detail == "initial passwords: 2, two steps: 1, subscribers: 3; key new"


def test_the_check_says_what_needs_which_key(kept: None) -> None:
    output = StringIO()

    with pytest.raises(CommandError, match="An older key is needed still"):
        call_command("rotate_keys", "--check", stdout=output)

    assert output.getvalue().splitlines() == [
        "initial passwords: 2 under old",
        "two steps: 1 under old",
        "subscribers: 3 under old",
    ]
    assert not AuditEntry.objects.filter(action=Action.KEYS_ROTATED).exists()
    rotate()
    assert rotate("--check") == "Everything is encrypted under the key new.\n"


def test_a_rotation_that_was_cut_short_is_gone_on_with(kept: None) -> None:
    with connection.execute_wrapper(FailsAtSubscriber(2)), pytest.raises(OperationalError):
        key_rotation.rotate_keys(now=NOW, batch=1)
    after_the_fault = keys_of_subscribers()

    rotation = key_rotation.rotate_keys(now=NOW, batch=1)

    assert after_the_fault == ["new", "old", "old"]
    assert rotation.done == {"subscribers": 2}
    assert keys_of_subscribers() == ["new"] * 3
    details = AuditEntry.objects.filter(action=Action.KEYS_ROTATED).order_by("pk").values_list("detail", flat=True)
    assert ["subscribers: 1" in details[0], "subscribers: 2" in details[1]] == [True, True]


class FailsAtSubscriber(FailsAt):
    """Fails at one update of a subscriber, counted from the first."""

    def __call__(self, execute: object, sql: str, params: object, many: bool, context: object) -> object:
        if sql.startswith('UPDATE "subscribers"'):
            return super().__call__(execute, sql, params, many, context)
        return execute(sql, params, many, context)  # type: ignore[operator]


def test_a_row_that_cannot_be_read_is_named_and_the_others_are_done(kept: None) -> None:
    carl, boris = Subscriber.objects.get(username="carl"), Subscriber.objects.get(username="boris")
    Subscriber.objects.filter(pk=carl.pk).update(password_ciphertext=boris.password_ciphertext)

    with pytest.raises(CommandError) as refused:
        rotate()

    assert str(refused.value) == f"cannot be read: subscriber {carl.pk}: it was altered or belongs elsewhere"
    assert refused.value.returncode == 1
    assert keys_of_subscribers() == ["new", "new", "old"]


def test_a_row_of_a_key_that_is_gone_is_named(kept: None, turn_ring: Callable[..., None]) -> None:
    turn_ring(keep_old=False)

    with pytest.raises(CommandError, match=r"two step \d+: its key is not in ENCRYPTION_KEYS"):
        rotate()


def test_what_somebody_writes_meanwhile_is_kept(committing: None, kept: None) -> None:
    def rotate_elsewhere() -> None:
        key_rotation.rotate_keys(now=NOW)
        connection.close()

    other = threading.Thread(target=rotate_elsewhere)
    fresh = crypto.encrypt("chosen just now", purpose=purpose_of_subscriber_password("boris"))
    with transaction.atomic():
        Subscriber.objects.filter(username="boris").update(password_ciphertext=fresh)
        other.start()
        other.join(timeout=0.5)
        assert other.is_alive()

    other.join(timeout=10)

    assert secret_of("boris") == "chosen just now"
    assert keys_of_subscribers() == ["new"] * 3


def test_more_rows_than_a_batch_are_all_reached(kept: None) -> None:
    rotation = key_rotation.rotate_keys(now=NOW, batch=2)

    assert rotation.done["subscribers"] == 3


def test_what_holds_nothing_needs_no_key(kept: None, north: Reseller) -> None:
    SubscriberImport.objects.create(
        reseller=north, login_id=1, panel_id=1, uploaded_at=NOW, erased_at=NOW, file_name="lines.csv", row_count=1
    )

    rotation = key_rotation.rotate_keys(now=NOW)

    assert rotation.unreadable == []
    assert key_rotation.still_needed() == {}


def test_every_field_of_bytes_is_a_digest_or_a_picture_or_is_rotated() -> None:
    fields = {
        (model, each.name)
        for model in apps.get_models()
        for each in model._meta.get_fields()
        if isinstance(each, models.BinaryField)
    }
    rotated = {(each.model, each.field) for each in key_rotation.all_encrypted()}

    assert {field for field in fields if field[1] not in ("digest", "png")} == rotated
    assert len(rotated) >= 3
