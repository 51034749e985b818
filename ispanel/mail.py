"""Mail of the panel itself: sent after the commit, and never the reason why an act fails."""

from __future__ import annotations

import logging

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction

log = logging.getLogger(__name__)


def can_send() -> bool:
    """Say whether a mail server is set up, by EMAIL_URL."""
    return bool(settings.EMAIL_URL)


def send_after_commit(*, to: str, subject: str, body: str) -> None:
    """Send a mail once the transaction is committed; a failure is logged. Without a mail server nothing is sent."""
    if can_send():
        transaction.on_commit(lambda: deliver(to=to, subject=subject, body=body))


def deliver(*, to: str, subject: str, body: str) -> None:
    """Hand the mail to the server. Whatever goes wrong there is logged, without the recipient."""
    try:
        send_mail(subject, body, None, [to])
    except Exception:
        log.exception("a mail could not be sent: %s", subject)
