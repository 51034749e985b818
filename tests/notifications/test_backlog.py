"""What waits for a channel that takes nothing: seen on the Channels and System pages and on the dashboard."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import User
from ispanel.messages import Way
from notifications import sending
from notifications.backlog import backlogs, count_held_up
from notifications.models import Channel, Message, Status
from tests.cast import signed_in
from tests.notifications.peers import GatewayPeer, MailPeer
from tests.notifications.test_sending import announce, send, waiting_since
from tests.pages import body, links_of, rows_of

CHANNELS, SYSTEM, DASHBOARD = "/settings/notifications/", "/settings/system/", "/"
NO_CONNECTION = "127.0.0.1:1 took no connection: check server and port. [Errno 111] Connection refused"


def announced(ago: timedelta, **details: Any) -> Message:
    """Announce something that has waited so long."""
    message = announce()
    Message.objects.filter(pk=message.pk).update(asked_at=timezone.now() - ago, **details)
    return message


@pytest.fixture
def down(mails: MailPeer) -> None:
    """Let three mails wait for a server that is away, for up to three minutes."""
    Channel.objects.filter(way=Way.EMAIL).update(port=1)
    for minutes in (3, 1, 0):
        announced(timedelta(minutes=minutes))
    send()


def test_a_channel_that_takes_nothing_says_how_many_wait_since_when_and_why(down: None, asha: User) -> None:
    page = signed_in(asha).get(CHANNELS)

    mail, sms = rows_of(page)
    assert mail[1] == "On, messages wait"
    assert mail[3].startswith("3 messages since ")
    assert mail[3].endswith(f"Last answer: {NO_CONNECTION}")
    assert (sms[1], sms[3]) == ("Not set up", "—")
    [link] = (link for link in links_of(page) if "status=waiting" in link)
    assert len(rows_of(signed_in(asha).get(link))) == 3


def test_the_system_page_and_the_dashboard_of_admins_say_so_too(down: None, asha: User, nadia: User) -> None:
    shown = body(signed_in(asha).get(SYSTEM))
    assert "Messages Channels Email On, messages wait" in shown
    assert f"Last answer: {NO_CONNECTION}" in shown

    dashboard = signed_in(asha).get(DASHBOARD)
    assert "1 message is held up. Channels" in body(dashboard)
    assert CHANNELS in links_of(dashboard)
    assert "held up" not in body(signed_in(nadia).get(DASHBOARD))

    Channel.objects.update(is_on=False)
    assert "held up" not in body(signed_in(asha).get(DASHBOARD))


@pytest.mark.parametrize(
    ("ago", "details", "status"),
    [
        (timedelta(seconds=50), {"answer": NO_CONNECTION}, "On"),
        (timedelta(seconds=70), {"answer": NO_CONNECTION}, "On, messages wait"),
        # Refused for its own sake, it rests longer each time; not tried yet, it stands behind many others.
        (timedelta(minutes=9), {"answer": "451 Greylisted", "tries_left": sending.TRIES - 1}, "On"),
        (timedelta(minutes=11), {"answer": "451 Greylisted", "tries_left": sending.TRIES - 1}, "On, messages wait"),
        (timedelta(minutes=9), {}, "On"),
        (timedelta(minutes=11), {}, "On, messages wait"),
        (timedelta(days=2), {"status": Status.SENT, "closed_at": timezone.now()}, "On"),
    ],
)
def test_a_channel_warns_once_messages_wait_because_of_it(
    mails: MailPeer, asha: User, ago: timedelta, details: dict[str, Any], status: str
) -> None:
    announced(ago, **details)

    assert rows_of(signed_in(asha).get(CHANNELS))[0][1] == status
    assert count_held_up(timezone.now()) == (status != "On")


def test_what_waits_for_a_channel_that_is_off_is_counted_without_a_warning(
    mails: MailPeer, texts: GatewayPeer, asha: User
) -> None:
    announced(timedelta(hours=2))
    Channel.objects.filter(way=Way.EMAIL).update(is_on=False)

    mail, sms = rows_of(signed_in(asha).get(CHANNELS))

    assert mail[1] == "Off"
    assert mail[3].startswith("1 message since ")
    assert (sms[1], sms[3]) == ("On", "—")


def test_the_answer_shown_is_of_the_latest_try(mails: MailPeer) -> None:
    announced(timedelta(minutes=5))
    mails.to_rcpt = "451 Busy"
    send()
    Message.objects.update(next_try_at=timezone.now() + timedelta(hours=2))
    announced(timedelta(minutes=3))
    mails.to_mail = "530 Sign in first"
    send()
    announced(timedelta(minutes=2))
    Channel.objects.filter(way=Way.EMAIL).update(port=1)
    Message.objects.filter(answer__startswith="530").update(next_try_at=timezone.now())
    Message.objects.filter(answer="").update(next_try_at=timezone.now() - timedelta(minutes=1))
    send()

    assert [backlog.answer for backlog in backlogs(timezone.now())] == [NO_CONNECTION, ""]


def test_what_waits_is_found_among_all_that_was_sent_by_an_index(by_owner: None) -> None:
    now = timezone.now()
    sent = (waiting_since(now, key=str(number)) for number in range(3000))
    Message.objects.bulk_create(sent, batch_size=500)
    Message.objects.filter(key__gt="1").update(status=Status.SENT, closed_at=now)

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE messages")
    with connection.execute_wrapper(explained := Explained()):
        count_held_up(now)
        backlogs(now)

    assert len(explained.plans) == 3
    for plan in explained.plans:
        assert "Seq Scan on messages" not in plan, plan


class Explained:
    """Keeps how the database would carry each statement out."""

    def __init__(self) -> None:
        self.plans: list[str] = []

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        with context["connection"].connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {sql}", params)
            self.plans.append("\n".join(row[0] for row in cursor.fetchall()))
        return execute(sql, params, many, context)
