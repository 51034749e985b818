"""Files of subscribers in tests: making one, and its way through the operations that the pages and the worker use."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import User
from plans.models import Plan
from resellers.models import Reseller
from subscribers import tasks
from subscribers.import_models import SubscriberImport
from subscribers.imports.fields import guessed
from subscribers.imports.keeping import problems_in
from subscribers.operations import imports
from tests.cast import NOW, seat_of
from tests.jobs import run_inline

NEW = "/subscribers/imports/new"


def csv_of(
    *rows: Sequence[Any], columns: Sequence[str] = ("username", "password", "plan"), delimiter: str = ","
) -> str:
    """Return the text of a file."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows([columns, *rows])
    return text.getvalue()


def many(count: int, prefix: str = "line") -> str:
    """Return the text of a file of so many subscribers with the plan Home."""
    return csv_of(*([f"{prefix}-{each:05}", f"secret-{each}", "Home"] for each in range(count)))


def upload(actor: User, reseller: Reseller, text: str | bytes, *, now: datetime = NOW) -> SubscriberImport:
    """Upload a file through the operation that the page uses."""
    content = text if isinstance(text, bytes) else text.encode()
    return imports.upload_file(actor=seat_of(actor), reseller=reseller, file_name="lines.csv", content=content, now=now)


def ask_for_check(
    actor: User,
    held: SubscriberImport,
    *,
    matching: Sequence[str] | None = None,
    plan: Plan | None = None,
    activates: bool = True,
    now: datetime = NOW,
) -> SubscriberImport:
    """Match the columns, as their heads say unless told otherwise, and leave the check to the worker."""
    seat = seat_of(actor)
    return imports.ask_for_check(
        actor=seat,
        import_id=held.pk,
        matching=guessed(held.columns, seat) if matching is None else matching,
        plan=plan,
        activates=activates,
        now=now,
    )


def checked(actor: User, reseller: Reseller, text: str | bytes, **options: Any) -> SubscriberImport:
    """Upload a file and have it checked; return what the page would show."""
    held = ask_for_check(actor, upload(actor, reseller, text), **options)
    assert run_inline(tasks.check_import) == 1
    return again(held)


def press(actor: User, held: SubscriberImport, *, now: datetime = NOW) -> SubscriberImport:
    """Press Import, and leave that to the worker."""
    return imports.ask_for_import(actor=seat_of(actor), import_id=held.pk, number=held.number, now=now)


def imported(actor: User, reseller: Reseller, text: str | bytes, **options: Any) -> SubscriberImport:
    """Upload a file, have it checked, and imported."""
    held = checked(actor, reseller, text, **options)
    assert held.can_be_imported, (held.refusal, problems(held))
    press(actor, held)
    assert run_inline(tasks.import_subscribers) == 1
    return again(held)


def again(held: SubscriberImport) -> SubscriberImport:
    """Return the import as it is now."""
    return SubscriberImport.objects.get(pk=held.pk)


def problems(held: SubscriberImport) -> list[tuple[Any, ...]]:
    """Return what the check found, as tuples of row, column, value, and what to do."""
    return [tuple(each) for each in problems_in(again(held))]


def file_of(text: str | bytes, name: str = "lines.csv") -> SimpleUploadedFile:
    """Return what a browser sends of a chosen file."""
    return SimpleUploadedFile(name, text if isinstance(text, bytes) else text.encode(), content_type="text/csv")


def send_file(client: Client, reseller: Reseller, text: str | bytes) -> Any:
    """Upload a file on the page."""
    return client.post(NEW, {"reseller": reseller.pk, "file": file_of(text)})


def read_csv(response: Any) -> list[list[str]]:
    """Return the cells of a file that was answered, its head first."""
    text = b"".join(response.streaming_content).decode() if response.streaming else response.content.decode()
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def rows_by_name(cells: Iterable[Sequence[str]]) -> dict[str, dict[str, str]]:
    """Return the rows of a file by the username, each by its head."""
    head, *rows = cells
    return {row[0]: dict(zip(head, row, strict=True)) for row in rows}
