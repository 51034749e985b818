"""What stands in the file of the delivery log."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from ispanel.csv_export import Value
from notifications.models import Message

MESSAGE_COLUMNS = (
    _("Time"),
    _("Recipient"),
    _("Subscriber"),
    _("Reseller"),
    _("Event"),
    _("Channel"),
    _("Subject"),
    _("Status"),
    _("Ended"),
    _("Attempts"),
    _("Provider’s answer"),
    _("Message ID"),
)


def message_cells(message: Message) -> list[Value]:
    """Return how a message is written in a line: what became of it, not what it says."""
    return [
        message.created_at,
        message.recipient,
        message.subscriber.username if message.subscriber else "",
        message.reseller.public_name if message.reseller else "",
        str(message.get_event_display()),
        str(message.get_way_display()),
        message.subject,
        str(message.get_status_display()),
        message.closed_at,
        message.attempts,
        message.answer,
        str(message.public_id),
    ]
