"""The worker's part: sending what waits for an access server, and keeping what it answers.

A worker that is killed between sending and keeping the answer leaves the request waiting, and it is sent once more.
That is harmless: a line that is told twice to disconnect signs in once more, a speed that is set twice is the same
speed, and neither is sent where there is something newer for the same server about the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from ispanel import crypto
from network.models import CoaKind, CoaRequest, CoaStatus, Nas, purpose_of_nas_secret
from network.radius import (
    MOST,
    TIMING,
    Answer,
    Command,
    Server,
    Timing,
    Verdict,
    change_speed,
    disconnect,
    exchange,
)

#: How long a request rests after each round that brought no answer; after one more round it is given up.
PAUSES = (timedelta(seconds=30), timedelta(seconds=90))
ROUNDS = len(PAUSES) + 1
#: How long requests wait that cannot be sent since the server answers none of those before them.
PATIENCE = timedelta(minutes=5)
CLOSED = {Verdict.ACK: CoaStatus.ACK, Verdict.NAK: CoaStatus.NAK}
LONGEST_ANSWER = 200


def send_due(*, nas_id: int, timing: Timing = TIMING) -> None:
    """Send all that is due to one access server. Nobody else does so at the same time: its lane sees to that."""
    nas = Nas.objects.get(pk=nas_id)
    while batch := due_batch(nas, timezone.now()):
        try:
            secret = crypto.decrypt(bytes(nas.secret_ciphertext), purpose=purpose_of_nas_secret(nas.address))
        except crypto.Undecryptable:
            for request in batch:
                close(request, CoaStatus.TIMEOUT, _("The NAS device’s secret cannot be read: enter it anew."))
        else:
            send_batch(nas, batch, Server(nas.address, nas.coa_port, secret), timing)


def due_batch(nas: Nas, now: datetime) -> list[CoaRequest]:
    """Return what one socket may send now, at most one request about each line, so that they keep their order.

    What was overtaken meanwhile is closed: it would undo what the server was told since.
    """
    of_nas = CoaRequest.objects.filter(nas=nas)
    of_nas.overtaken().update(status=CoaStatus.OVERTAKEN, answer=_("A newer one took its place."), answered_at=now)
    first_of_line: dict[int, CoaRequest] = {}
    for request in of_nas.due(now).order_by("id")[:MOST]:
        first_of_line.setdefault(request.subscriber_id, request)
    return list(first_of_line.values())


def send_batch(nas: Nas, batch: Sequence[CoaRequest], server: Server, timing: Timing) -> None:
    """Send the requests and keep each answer as it comes."""
    by_id = {request.pk: request for request in batch}
    left_unsent = ""
    for command, answer in exchange(server, [command_of(request, nas) for request in batch], timing=timing):
        if answer.sends:
            keep(by_id[command.key], answer)
        else:
            left_unsent = answer.words
    if left_unsent:
        postpone_rest(nas, left_unsent)


def command_of(request: CoaRequest, nas: Nas) -> Command:
    if request.kind == CoaKind.DISCONNECT:
        return disconnect(request.pk, request.username)
    return change_speed(
        request.pk,
        request.username,
        kind=nas.kind,
        download_kbps=request.download_kbps or 0,
        upload_kbps=request.upload_kbps or 0,
    )


def keep(request: CoaRequest, answer: Answer) -> None:
    """Write down what became of a request that was sent: its answer, or when it is sent again, or that it is not."""
    request.rounds += 1
    request.attempts += answer.sends
    if answer.verdict in CLOSED:
        close(request, CLOSED[answer.verdict], answer.words)
    elif request.rounds >= ROUNDS:
        close(request, CoaStatus.TIMEOUT, answer.words)
    else:
        request.due_at = timezone.now() + PAUSES[request.rounds - 1]
        request.answer = answer.words[:LONGEST_ANSWER]
        request.save(update_fields=["rounds", "attempts", "due_at", "answer"])


def close(request: CoaRequest, status: CoaStatus, words: str) -> None:
    request.status = status
    request.answer = words[:LONGEST_ANSWER]
    request.answered_at = timezone.now()
    request.save(update_fields=["rounds", "attempts", "status", "answer", "answered_at"])


def postpone_rest(nas: Nas, words: str) -> None:
    """Let what is behind the requests that a dead server left unanswered rest as well, or give it up after a while."""
    now = timezone.now()
    due = CoaRequest.objects.filter(nas=nas).due(now)
    answer = words[:LONGEST_ANSWER]
    due.filter(created_at__lte=now - PATIENCE).update(status=CoaStatus.TIMEOUT, answer=answer, answered_at=now)
    due.update(due_at=now + PAUSES[0], answer=answer)
