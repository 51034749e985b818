"""The audit trail as a file: the rows of the page, all of them, in order, and nothing that a spreadsheet computes."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.seats import Seat
from audit import exports
from audit import operations as audit
from audit.actions import Action
from audit.identity import Identity, Origin
from audit.models import AuditEntry, Grade
from ispanel.models import PanelSettings
from resellers.models import Reseller
from tests.cast import NOW, group, make_staff, seat_of, signed_in
from tests.pages import body, lines_of, links_of, rows_of

EXPORT = "/audit/export"


def read(client: Client, query: str = "") -> list[dict[str, str]]:
    return lines_of(client.get(f"{EXPORT}?{query}"))


def latest() -> AuditEntry:
    return AuditEntry.objects.latest("id")


@pytest.fixture
def history(asha: User, north: Reseller, northeast: Reseller, south: Reseller) -> None:
    """Acts of several people on several days, from several addresses."""
    origins = [Origin("203.0.113.4", "Firefox", "req-1"), Origin("2001:db8::7", "Chrome", "req-2"), Origin()]
    for number in range(60):
        reseller = (north, northeast, south)[number % 3]
        audit.record(
            actor=Seat.own(reseller.user, origins[number % 3]) if number % 2 else seat_of(asha),
            action=Action.RESELLER_EDITED if number % 5 else Action.FUNDS_TRANSFERRED,
            obj=reseller,
            reseller_id=reseller.pk,
            changes={"company_name": (f"Old {number}", f"New, “{number}”"), "note": (None, "two\nlines")},
            grade=Grade.REGULAR if number % 7 else Grade.SECURITY,
            now=NOW + timedelta(hours=number),
        )


QUERIES = (
    "",
    "actor=nadia",
    "action=funds.transferred",
    "grade=security&start=2026-05-15",
    "address=203.0.113.0/24",
    "object_type=reseller&q=New%2C",
    "start=2026-05-15&end=2026-05-15",
    "action=nonsense",
    "actor=nobody",
)


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("who", ["asha", "nadia"])
def test_the_file_is_what_the_page_lists(history: None, asha: User, nadia: User, who: str, query: str) -> None:
    client = signed_in({"asha": asha, "nadia": nadia}[who])
    first: Any = client.get(f"/audit/?{query}")
    pages = [client.get(f"/audit/?{query}&page={number}") for number in first.context["page_obj"].paginator.page_range]
    listed = [entry for page in pages for entry in page.context["page_obj"]]  # type: ignore[attr-defined]

    rows = read(client, query)

    assert [row["ID"] for row in rows] == [str(entry.pk) for entry in listed]
    assert [row["What"] for row in rows] == [entry.sentence for entry in listed]
    shown = [cells for page in pages for cells in rows_of(page)]
    assert [row["Address"] or "—" for row in rows] == [cells[4] for cells in shown]


def test_a_row_says_all_that_is_kept(asha: User, north: Reseller) -> None:
    PanelSettings.objects.update(time_zone="Asia/Beirut")
    seat = Seat(asha, north.user, Origin("203.0.113.4", "Firefox", "req-1"))
    changes = {"price": ("25", "30"), "tags": (None, ["a", "b"]), "expires_at": (None, NOW)}
    entry = audit.record(
        actor=seat, action=Action.PLAN_EDITED, obj=north, reseller_id=north.pk, detail="d", changes=changes, now=NOW
    )

    [row] = read(signed_in(asha), "action=plan.edited")

    assert row == {
        "ID": str(entry.pk),
        "Time": "2026-05-14T12:30:00+03:00",
        "Who": "asha",
        "Who: ID": str(asha.pk),
        "Who: kind": "Admin",
        "On behalf of": "nadia",
        "On behalf of: ID": str(north.user_id),
        "What": "Edited plan",
        "Action code": "plan.edited",
        "Grade": "Regular",
        "Object type": "reseller",
        "Object’s ID": str(north.pk),
        "Object’s name": "North Net",
        "Reseller’s ID": str(north.pk),
        "Details": "d",
        "Changes": "tags:  → a, b\nprice: 25 → 30\nexpires_at:  → 2026-05-14T09:30:00+00:00",
        "Address": "203.0.113.4",
        "Browser": "Firefox",
        "Request ID": "req-1",
    }


def test_what_somebody_typed_computes_nothing_in_a_spreadsheet(asha: User) -> None:
    who = Identity(1, "=1+1", "Reseller", origin=Origin(user_agent="@SUM(A1)"))
    audit.record(actor=who, action=Action.PLAN_EDITED, changes={"=x": ("1", "2")}, detail="\t=2", now=NOW)

    [row] = read(signed_in(asha), "action=plan.edited")

    assert (row["Who"], row["Browser"]) == ("'=1+1", "'@SUM(A1)")
    assert (row["Details"], row["Changes"]) == ("'\t=2", "'=x: 1 → 2")


def test_a_reseller_exports_its_own_scope(history: None, nadia: User, noora: User, north: Reseller) -> None:
    assert {row["Reseller’s ID"] for row in read(signed_in(nadia))} == set(map(str, seat_of(nadia).tree_ids))
    assert {row["Object’s name"] for row in read(signed_in(noora), f"reseller={north.pk}")} == {"Northeast Net"}


def test_those_without_the_permission_are_told_so(petra: User, asha: User, north: Reseller) -> None:
    for user in (petra, make_staff(asha, north, "clerk", group("SUPPORT"))):
        response: Any = signed_in(user).get(EXPORT)
        assert response.status_code == 403
        assert "Created new reseller" not in body(response)
        assert latest().action == Action.REFUSED


def test_an_export_is_audited_with_its_filters_and_its_count(history: None, nadia: User, north: Reseller) -> None:
    rows = read(signed_in(nadia), "actor=nadia&start=2026-05-15&reseller=&q=")

    entry = latest()
    assert (entry.action, entry.actor_name, entry.reseller_id) == (Action.AUDIT_EXPORTED, "nadia", north.pk)
    assert entry.changes == {
        "rows": [None, len(rows)],
        "actor": [None, "nadia"],
        "start": [None, "2026-05-15"],
    }
    assert str(entry.pk) not in {row["ID"] for row in rows}


def test_an_export_that_nobody_reads_to_its_end_is_audited_too(history: None, asha: User) -> None:
    response: Any = signed_in(asha).get(EXPORT)

    assert response.streaming
    assert latest().action == Action.AUDIT_EXPORTED


def test_a_page_links_to_the_export_of_what_it_lists(history: None, asha: User) -> None:
    client = signed_in(asha)

    assert "/audit/export?actor=nadia&grade=security" in links_of(
        client.get("/audit/?actor=nadia&page=1&grade=security")
    )


def test_rows_are_read_in_batches_as_they_are_asked_for(
    history: None, asha: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "BATCH", 10)
    every = AuditEntry.objects.order_by("-id")
    wanted = [entry.pk for entry in every]

    rows = exports.export_rows(actor=seat_of(asha), action=Action.AUDIT_EXPORTED, rows=every, filters={}, now=NOW)
    with CaptureQueriesContext(connection) as captured:
        first = [next(rows).pk for _row in range(10)]
    assert len(captured) == 1
    audit.record(actor=seat_of(asha), action=Action.PLAN_EDITED, now=NOW)

    assert first + [entry.pk for entry in rows] == wanted


def test_the_file_is_one_to_keep_and_named_after_its_day(asha: User) -> None:
    response = signed_in(asha).get(EXPORT)

    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"].startswith('attachment; filename="audit-trail-20')
    assert response.headers["Cache-Control"] == "no-store"
