"""A worker as a process of its own: killed in the midst of sending, and what it logs."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from ispanel import messages
from ispanel.messages import Event, Occurrence, Way
from notifications import sending
from notifications.models import Message, Status
from tests.notifications.peers import GatewayPeer, MailPeer, keep_secrets, sms_through, until

#: As if the worker had been killed a minute ago, so that nobody has to wait for as long as it may be silent.
SILENT = "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 minute'"

Start = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def start_worker(committing: None, tmp_path: Path) -> Iterator[Start]:
    """Start workers on the tests' database that end with the test."""
    started: list[subprocess.Popen[bytes]] = []
    database = urlsplit(settings.DATABASE_URL)._replace(path=f"/{connection.settings_dict['NAME']}").geturl()

    def start() -> "subprocess.Popen[bytes]":
        with (tmp_path / f"worker-{len(started)}.log").open("w") as log:
            started.append(
                subprocess.Popen(
                    [sys.executable, "manage.py", "work"],
                    cwd=settings.BASE_DIR,
                    env=os.environ | {"DATABASE_URL": database},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def announce(way: Way, to: str) -> None:
    facts = {"username": "amal", "what": "email"}
    with transaction.atomic():
        messages.announce(Occurrence(Event.CONTACT_CHANGED, key="one", facts=facts, to=(way, to)))


def as_if_long_ago() -> None:
    """Let what the killed worker held be nobody's."""
    Message.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    with connection.cursor() as cursor:
        cursor.execute(SILENT)


def kill(worker: "subprocess.Popen[bytes]") -> None:
    worker.kill()
    worker.wait()


def test_a_worker_that_is_killed_before_it_hands_over_leaves_it_to_the_next(
    start_worker: Start, mails: MailPeer
) -> None:
    announce(Way.EMAIL, "amal@home.example")
    mails.seconds_at_rcpt = 20
    worker = start_worker()
    until(lambda: mails.asked == 1)
    kill(worker)

    message = Message.objects.get()
    assert (message.status, message.handed_over_at, mails.arrived) == (Status.WAITING, None, 0)
    mails.seconds_at_rcpt = 0
    as_if_long_ago()
    start_worker()
    until(lambda: Message.objects.filter(status=Status.SENT).exists())

    assert (mails.arrived, len(mails.mails)) == (1, 1)
    assert Message.objects.get().attempts == 2


def test_a_worker_that_is_killed_while_the_mail_server_holds_its_answer_sends_no_second_mail(
    start_worker: Start, mails: MailPeer
) -> None:
    announce(Way.EMAIL, "amal@home.example")
    mails.seconds = 20
    worker = start_worker()
    until(lambda: mails.arrived == 1)
    kill(worker)

    mails.seconds = 0
    as_if_long_ago()
    start_worker()
    until(lambda: Message.objects.filter(status=Status.UNCERTAIN).exists())
    time.sleep(2)

    assert (mails.arrived, Message.objects.get().status) == (1, Status.UNCERTAIN)
    assert Message.objects.get().answer.startswith("The worker ended while this was being handed over")


def test_a_worker_that_is_killed_while_the_gateway_holds_its_answer_sends_no_second_sms(
    start_worker: Start, texts: GatewayPeer
) -> None:
    announce(Way.SMS, "+96170123456")
    texts.seconds = 20
    worker = start_worker()
    until(lambda: len(texts.requests) == 1)
    kill(worker)

    texts.seconds = 0
    as_if_long_ago()
    start_worker()
    until(lambda: Message.objects.filter(status=Status.UNCERTAIN).exists())
    time.sleep(2)

    assert len(texts.requests) == 1


def test_what_was_committed_by_a_process_that_ended_right_then_is_sent_all_the_same(
    start_worker: Start, mails: MailPeer
) -> None:
    announce(Way.EMAIL, "amal@home.example")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")

    assert sending.look_after(timezone.now()) == [Way.EMAIL]
    start_worker()
    until(lambda: Message.objects.filter(status=Status.SENT).exists())

    assert len(mails.mails) == 1


def test_what_was_rolled_back_is_never_sent(start_worker: Start, mails: MailPeer) -> None:
    with transaction.atomic():
        messages.announce(Occurrence(Event.CONTACT_CHANGED, key="one", to=(Way.EMAIL, "amal@home.example")))
        transaction.set_rollback(True)

    assert not Message.objects.exists()
    assert not ProcrastinateJob.objects.exists()


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_what_a_worker_hands_over_stands_in_no_log(
    start_worker: Start, texts: GatewayPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    monkeypatch.setenv("LOG_LEVEL", level)
    address = f"{texts.address}/send?to={{{{ to }}}}&text={{{{ text }}}}&key={{{{ key }}}}"
    keep_secrets(sms_through(texts, url=address, method="GET"), key="opens-the-gateway")
    announce(Way.SMS, "+96170123456")

    start_worker()
    until(lambda: Message.objects.filter(status=Status.SENT).exists())

    log = (tmp_path / "worker-0.log").read_text()
    assert "opens-the-gateway" in texts.requests[0]["path"]
    for secret in ("opens-the-gateway", "96170123456", "amal"):
        assert secret not in log
