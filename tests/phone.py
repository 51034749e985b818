"""An authenticator app: it holds a secret and shows the codes of it."""

import base64
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django_otp.oath import TOTP

from accounts import operations
from accounts.models import User
from tests.cast import NOW, PASSWORD, seat_of

STEP = timedelta(seconds=30)


@dataclass
class Phone:
    """Somebody's app, with the recovery codes that they wrote down."""

    secret: str
    recovery_codes: list[str] = field(default_factory=list)

    def code_at(self, moment: datetime) -> str:
        """Return what the app shows at a moment."""
        clock = TOTP(base64.b32decode(self.secret))
        clock.time = moment.timestamp()
        return f"{clock.token():06d}"


def begun(user: User) -> Phone:
    """Begin a second step, and return the app that has read the QR code."""
    actor = seat_of(user)
    operations.begin_two_step(actor=actor, own_password=PASSWORD, now=NOW)
    secret = operations.secret_to_confirm(actor)
    assert secret
    return Phone(secret)


def with_two_step(user: User, now: datetime = NOW) -> Phone:
    """Turn the person's second step on, with the code that the app showed five minutes before `now`."""
    phone, then = begun(user), now - timedelta(minutes=5)
    phone.recovery_codes = operations.confirm_two_step(actor=seat_of(user), code=phone.code_at(then), now=then)
    return phone
