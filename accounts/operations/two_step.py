"""The second step of signing in: setting it up, proving it, and getting rid of it."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import limits
from accounts.authenticator import (
    RECOVERY_CODES,
    bare,
    digest_of_code,
    matching_step,
    new_recovery_code,
    new_secret,
)
from accounts.models import RecoveryCode, TwoStep, User, purpose_of_two_step
from accounts.operations.passwords import confirm_own_password
from accounts.operations.sign_ins import end_sign_ins
from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from audit.identity import SYSTEM, Actor
from audit.models import Grade
from ispanel import crypto
from ispanel.installation import panel_settings
from ispanel.refusals import Forbidden, Refusal


class WrongCode(Refusal):
    """The code is none of now, was used before, or is no recovery code that is left."""

    field = "code"

    def __init__(self) -> None:
        super().__init__(_("This code is wrong, or it was used already. Wait for the next one and try again."))


class TwoStepIsOn(Refusal):
    """There is a second step already."""

    def __init__(self) -> None:
        super().__init__(_("Two-step sign-in is on already. Turn it off before you set it up anew."))


class TwoStepIsOff(Refusal):
    """There is no second step, or nobody has begun to set one up."""

    def __init__(self) -> None:
        super().__init__(_("Two-step sign-in is off. Set it up first."))


class TwoStepIsRequired(Refusal):
    """The settings ask this kind of login for a second step."""

    def __init__(self) -> None:
        super().__init__(
            _("Two-step sign-in is required for your kind of login. For another phone, ask an admin to reset it.")
        )


def has_two_step(user: User) -> bool:
    """Say whether the login's password alone is not enough to sign in."""
    return TwoStep.objects.in_force().filter(user=user).exists()


def needs_two_step(user: User) -> bool:
    """Say whether the settings ask this login for a second step that it does not have."""
    return two_step_is_required_of(user) and not has_two_step(user)


def two_step_is_required_of(user: User) -> bool:
    """Say whether the settings ask this kind of login for a second step."""
    return user.user_type in panel_settings().two_step_for


def begin_two_step(*, actor: Seat, own_password: str, now: datetime) -> None:
    """Make a secret for an authenticator app; it counts once `confirm_two_step` has seen a code of it.

    :raises TwoStepIsOn, WrongPassword, TooManyAttempts, Forbidden:
    """
    _check_own_seat(actor)
    confirm_own_password(actor, own_password)
    with transaction.atomic():
        user = _locked(actor.login)
        if has_two_step(user):
            raise TwoStepIsOn
        ciphertext = crypto.encrypt(new_secret(), purpose=purpose_of_two_step(user.pk))
        TwoStep.objects.update_or_create(
            user=user, defaults={"ciphertext": ciphertext, "confirmed_at": None, "last_step": 0}
        )


def secret_to_confirm(actor: Seat) -> str | None:
    """Return the secret, in Base32, that waits for its first code; None where none does."""
    begun = TwoStep.objects.filter(user=actor.login, confirmed_at=None).first()
    return _secret_of(begun) if begun else None


@transaction.atomic
def confirm_two_step(*, actor: Seat, code: str, now: datetime, besides: str | None = None) -> list[str]:
    """Turn the second step on, now that a code shows that the app has the secret; return ten recovery codes.

    :param besides: the `Session.session_key` of the sign-in that goes on; the others end.
    :raises TwoStepIsOff, WrongCode, Forbidden:
    """
    _check_own_seat(actor)
    user = _locked(actor.login)
    begun = TwoStep.objects.filter(user=user, confirmed_at=None).first()
    if begun is None:
        raise TwoStepIsOff
    step = matching_step(_secret_of(begun), bare(code), now=now, after=begun.last_step)
    if step is None:
        raise WrongCode
    begun.confirmed_at, begun.last_step = now, step
    begun.save(update_fields=["confirmed_at", "last_step"])
    codes = _make_recovery_codes(user)
    _record(actor, Action.TWO_STEP_STARTED, user, now)
    end_sign_ins([user], besides=besides)
    return codes


def end_two_step(*, actor: Seat, own_password: str, now: datetime, besides: str | None = None) -> None:
    """Turn the own second step off.

    :param besides: as of `confirm_two_step`.
    :raises TwoStepIsOff, TwoStepIsRequired, WrongPassword, TooManyAttempts, Forbidden:
    """
    _check_own_seat(actor)
    confirm_own_password(actor, own_password)
    with transaction.atomic():
        user = _locked(actor.login)
        if not has_two_step(user):
            raise TwoStepIsOff
        if two_step_is_required_of(user):
            raise TwoStepIsRequired
        _erase(user)
        _record(actor, Action.TWO_STEP_ENDED, user, now)
        end_sign_ins([user], besides=besides)


def renew_recovery_codes(*, actor: Seat, own_password: str, now: datetime, besides: str | None = None) -> list[str]:
    """Return ten new recovery codes; those there were count no more.

    :param besides: as of `confirm_two_step`.
    :raises TwoStepIsOff, WrongPassword, TooManyAttempts, Forbidden:
    """
    _check_own_seat(actor)
    confirm_own_password(actor, own_password)
    with transaction.atomic():
        user = _locked(actor.login)
        if not has_two_step(user):
            raise TwoStepIsOff
        codes = _make_recovery_codes(user)
        _record(actor, Action.RECOVERY_CODES_RENEWED, user, now)
        end_sign_ins([user], besides=besides)
    return codes


@transaction.atomic
def reset_two_step(*, actor: Actor, user: User, now: datetime) -> None:
    """Take the second step off another's login, who has lost phone and codes; all its sign-ins end.

    An admin does it in the panel, `SYSTEM` does it for whoever has the server's command line.

    :raises TwoStepIsOff:
    :raises Forbidden: to those who are no admin, from a borrowed seat, and for the own login.
    """
    if actor is not SYSTEM and not (isinstance(actor, Seat) and _may_reset(actor, user)):
        raise Forbidden
    _locked(user)
    if not has_two_step(user):
        raise TwoStepIsOff
    _erase(user)
    _record(actor, Action.TWO_STEP_RESET, user, now)
    end_sign_ins([user])


def check_code(*, actor: Seat, code: str, now: datetime) -> None:
    """Accept a code of the login's authenticator app, or one of its recovery codes, once.

    :param actor: the seat of the login that is signing in.
    :raises WrongCode:
    :raises TooManyAttempts: after five wrong ones in a quarter of an hour, whatever is typed then.
    """
    key = f"two-step:{actor.login.pk}"
    with limits.attempt(key=key, most=5, within=timedelta(minutes=15), field=WrongCode.field) as attempt:
        use_code(actor=actor, code=bare(code), now=now)
        attempt.succeeded()


def use_code(*, actor: Seat, code: str, now: datetime) -> None:
    """Use a code up, or raise `WrongCode`. Nobody but `check_code` calls it, which limits the guesses."""
    user = actor.login
    second_step = TwoStep.objects.in_force().filter(user=user).first()
    if second_step is None:
        raise WrongCode
    step = matching_step(_secret_of(second_step), code, now=now, after=second_step.last_step)
    if step is not None:
        # Of two requests with one code, the second waits for the row here and then finds the step used.
        if not TwoStep.objects.in_force().filter(user=user, last_step__lt=step).update(last_step=step):
            raise WrongCode
        return
    used, _by_model = RecoveryCode.objects.filter(user=user, digest=digest_of_code(code)).delete()
    if not used:
        raise WrongCode
    left = user.recovery_codes.count()
    _record(actor, Action.RECOVERY_CODE_USED, user, now, changes={"codes_left": (left + 1, left)})


def _check_own_seat(actor: Seat) -> None:
    """:raises Forbidden: from a borrowed seat."""
    if actor.is_borrowed:
        raise Forbidden(_("This is out of reach while you are logged in as somebody else."))


def _locked(user: User) -> User:
    """Return the login as it is now; its second step is somebody else's turn until the transaction ends."""
    return User.objects.select_for_update().get(pk=user.pk)


def _may_reset(actor: Seat, user: User) -> bool:
    return actor.is_admin and not actor.is_borrowed and actor.login.pk != user.pk


def _secret_of(second_step: TwoStep) -> str:
    return crypto.decrypt(bytes(second_step.ciphertext), purpose=purpose_of_two_step(second_step.user_id))


def _make_recovery_codes(user: User) -> list[str]:
    """Put new codes in the place of those there were."""
    codes = [new_recovery_code() for _number in range(RECOVERY_CODES)]
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, digest=digest_of_code(code)) for code in codes)
    return codes


def _erase(user: User) -> None:
    TwoStep.objects.filter(user=user).delete()
    RecoveryCode.objects.filter(user=user).delete()


def _record(
    actor: Actor, action: Action, user: User, now: datetime, changes: dict[str, tuple[int, int]] | None = None
) -> None:
    audit.record(
        actor=actor,
        action=action,
        obj=user,
        reseller_id=user.reseller_id,
        changes=changes,
        grade=Grade.SECURITY,
        now=now,
    )
