"""Verifying: whatever a superuser does to the trail behind the panel's back is found and named."""

from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from audit import sealing, verifying
from audit.actions import Action
from audit.chain import COLUMNS, START, Head, canonical, newest_head, next_digest
from audit.identity import Identity, Origin
from audit.models import AuditEntry, AuditSeal
from audit.operations import record
from audit.sealing import seal
from audit.verifying import Walk
from ispanel.management.commands import verify_audit
from tests.audit.tampering import as_superuser
from tests.cast import NOW

SEALED = NOW + timedelta(seconds=20)
CHECKED = NOW + timedelta(hours=2)


def write(count: int = 1, now: datetime = NOW) -> list[int]:
    who = Identity(7, "nadia", "Reseller", origin=Origin("203.0.113.4", "Firefox", "abc"))
    return [
        record(actor=who, action=Action.PLAN_EDITED, changes={"price": ("1", str(n))}, now=now).pk
        for n in range(2, count + 2)
    ]


@pytest.fixture
def rows(committing: None) -> list[int]:
    """Return the ids of six sealed rows, which are all there are."""
    assert not AuditEntry.objects.exists()
    ids = write(6)
    seal(SEALED)
    return ids


def findings(kept: Head | None = None, now: datetime = CHECKED) -> list[str]:
    return list(Walk(now, kept).findings())


def tamper(*statements: str) -> None:
    with as_superuser() as cursor:
        for statement in statements:
            cursor.execute(statement)


def named(pk: int) -> str:
    return f"Row {pk} (2026-05-14 09:30:00+00:00, nadia, plan.edited)"


# --- a row ------------------------------------------------------------------------------------------------------------


def test_a_chain_that_nobody_touched_is_in_order(rows: list[int]) -> None:
    walk = Walk(CHECKED, newest_head())

    assert list(walk.findings()) == []
    assert (walk.rows, walk.head) == (6, newest_head())


@pytest.mark.parametrize(
    "change",
    [
        "at = at + interval '1 microsecond'",
        "action = 'plan.created'",
        "actor_name = 'noora'",
        "on_behalf_of_id = 0",
        "reseller_id = 3",
        "detail = ' '",
        """changes = '{"price": ["1", 4]}'""",
        "address = '203.0.113.5'",
        "address = NULL",
        "user_agent = ''",
        "request_id = 'abd'",
    ],
)
def test_a_changed_row_is_named(rows: list[int], change: str) -> None:
    tamper(f"UPDATE audit_entries SET {change} WHERE id = {rows[2]}")

    [finding] = findings()
    assert finding.startswith(f"Row {rows[2]} (")
    assert "was changed after seal 3" in finding


def test_a_change_of_the_last_row_is_named(rows: list[int]) -> None:
    tamper(f"UPDATE audit_entries SET detail = 'x' WHERE id = {rows[5]}")

    assert findings() == [f"{named(rows[5])} and its seal 6 do not agree: a row or a seal was changed up to here."]


@pytest.mark.parametrize("change", ["at = 'infinity'", "at = '20000-01-01'", "changes = '7'"])
def test_a_row_that_cannot_even_be_read_is_named(rows: list[int], change: str) -> None:
    tamper(f"UPDATE audit_entries SET {change} WHERE id = {rows[2]}")

    [finding] = findings()
    assert finding.startswith(f"Row {rows[2]}")
    assert "was changed after seal 3" in finding


def test_a_row_that_is_gone_is_named(rows: list[int]) -> None:
    tamper(f"DELETE FROM audit_entries WHERE id IN ({rows[0]}, {rows[3]})")

    assert findings() == [
        f"Row {rows[0]} is gone; seal 1 sealed it.",
        f"Row {rows[3]} is gone; seal 4 sealed it.",
    ]


def test_rows_that_were_swapped_are_named(rows: list[int]) -> None:
    one, other = rows[1], rows[3]
    tamper(
        f"UPDATE audit_entries SET id = -1 WHERE id = {one}",
        f"UPDATE audit_entries SET id = {one} WHERE id = {other}",
        f"UPDATE audit_entries SET id = {other} WHERE id = -1",
    )

    found = findings()
    assert [finding.startswith(named(pk)) for finding, pk in zip(found, (one, other), strict=True)] == [True, True]


def test_neighbours_that_were_changed_are_both_named(rows: list[int]) -> None:
    tamper(
        f"UPDATE audit_entries SET detail = 'x', changes = '{{}}' WHERE id IN ({rows[2]}, {rows[3]})",
    )

    found = findings()
    assert [finding.startswith(named(pk)) for finding, pk in zip(found, rows[2:4], strict=True)] == [True, True]


def test_a_row_put_in_without_a_seal_is_named(rows: list[int]) -> None:
    columns = ", ".join(name for name in COLUMNS if name != "id")
    tamper(f"INSERT INTO audit_entries (id, {columns}) SELECT -5, {columns} FROM audit_entries WHERE id = {rows[0]}")

    assert findings() == [f"{named(-5)} has no seal."]


def test_a_row_put_in_that_says_it_is_older_is_named_once_it_is_sealed(rows: list[int]) -> None:
    write(1, NOW + timedelta(days=1))
    seal(NOW + timedelta(days=1, seconds=20))
    [late] = write(1, NOW + timedelta(hours=1))
    seal(NOW + timedelta(days=1, seconds=40))

    [finding] = findings(now=NOW + timedelta(days=2))
    assert finding.startswith(f"Row {late} (2026-05-14 10:30:00+00:00, nadia")
    assert "was written later than it says" in finding


def test_rows_of_an_hour_without_a_sealer_are_not_called_late(rows: list[int]) -> None:
    for minutes in (10, 200, 300):
        write(1, NOW + timedelta(minutes=minutes))
    seal(NOW + timedelta(minutes=301))

    assert findings(now=NOW + timedelta(minutes=302)) == []


def test_a_row_put_into_the_middle_with_a_seal_of_its_own_breaks_the_links(rows: list[int]) -> None:
    columns = ", ".join(name for name in COLUMNS if name != "id")
    tamper(
        f"INSERT INTO audit_entries (id, {columns}) SELECT -5, {columns} FROM audit_entries WHERE id = {rows[0]}",
        "UPDATE audit_seals SET number = number + 100 WHERE number > 3",
        "UPDATE audit_seals SET number = number - 99 WHERE number > 100",
        "INSERT INTO audit_seals SELECT 4, -5, digest, sealed_at FROM audit_seals WHERE number = 3",
    )

    found = findings()
    assert found
    assert found[0].startswith(named(-5))


# --- a seal -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["digest = sha256('x')", "digest = ''", "sealed_at = sealed_at - interval '1 s'"])
def test_a_changed_seal_is_named(rows: list[int], change: str) -> None:
    tamper(f"UPDATE audit_seals SET {change} WHERE number = 3")

    [finding] = findings()
    assert "eal 3" in finding


def test_a_seal_with_another_digest_is_told_from_a_changed_row(rows: list[int]) -> None:
    tamper("UPDATE audit_seals SET digest = sha256('x') WHERE number = 3")

    assert findings() == [f"Seal 3 was changed. {named(rows[2])}, which it seals, is as it was."]


@pytest.mark.parametrize(
    ("numbers", "words"), [("3", "Missing before seal 4: 3."), ("1, 2", "Missing before seal 3: 1–2.")]
)
def test_a_missing_seal_is_named(rows: list[int], numbers: str, words: str) -> None:
    tamper(f"DELETE FROM audit_seals WHERE number IN ({numbers})")

    found = findings()
    assert found[0] == words
    assert [finding.endswith("has no seal.") for finding in found[1:]] == [True] * len(numbers.split(","))


def test_a_seal_that_changed_its_row_is_named(rows: list[int]) -> None:
    tamper(
        "UPDATE audit_seals SET entry_id = -1 WHERE number = 2",
        f"UPDATE audit_seals SET entry_id = {rows[1]} WHERE number = 5",
        f"UPDATE audit_seals SET entry_id = {rows[4]} WHERE number = 2",
    )

    found = findings()
    assert [f"seal {number}" in finding for finding, number in zip(found, (2, 5), strict=True)] == [True, True]


def test_a_seal_before_the_first_is_named(rows: list[int]) -> None:
    tamper("INSERT INTO audit_seals SELECT -3, -9, digest, sealed_at FROM audit_seals WHERE number = 3")

    assert findings() == ["Seal -3 is none of the chain, which begins with 1."]


# --- the chain as a whole ---------------------------------------------------------------------------------------------


def reseal() -> None:
    """Make the whole chain anew over the rows as they are, as somebody with the database and this code can."""
    previous = START.digest
    with as_superuser() as cursor:
        for link in AuditSeal.objects.order_by("number"):
            row = AuditEntry.objects.values(*COLUMNS).get(pk=link.entry_id)
            previous = next_digest(previous, link.number, link.sealed_at, canonical(row))
            cursor.execute("UPDATE audit_seals SET digest = %s WHERE number = %s", [previous, link.number])


def test_a_chain_made_anew_is_found_by_a_head_that_was_kept(rows: list[int]) -> None:
    kept = newest_head()
    tamper(f"UPDATE audit_entries SET detail = 'x' WHERE id = {rows[2]}")
    reseal()

    assert findings() == []
    assert findings(kept) == ["Seal 6 is not the one whose head was kept: the chain was made anew up to there."]


def test_an_older_head_proves_the_chain_up_to_there(rows: list[int]) -> None:
    kept = newest_head()
    write(3)
    seal(SEALED)

    assert findings(kept) == []


def test_an_end_that_was_cut_off_is_found_by_a_head_that_was_kept(rows: list[int]) -> None:
    kept = newest_head()
    tamper("DELETE FROM audit_seals WHERE number > 4", f"DELETE FROM audit_entries WHERE id > {rows[3]}")

    assert findings() == []
    assert findings(kept) == ["The chain ends with seal 4, and the head that was kept is of seal 6."]


def test_rows_that_should_have_been_sealed_are_named_after_five_minutes(committing: None) -> None:
    [pk] = write(1)

    assert findings(now=NOW + timedelta(minutes=4)) == []
    assert findings(now=NOW + timedelta(minutes=6)) == [f"{named(pk)} has no seal."]


def put_in(pk: int, at: str) -> None:
    """Put in a copy of the first row, without a seal."""
    columns = ", ".join(name for name in COLUMNS if name not in {"id", "at"})
    tamper(f"INSERT INTO audit_entries (id, at, {columns}) SELECT {pk}, '{at}', {columns} FROM audit_entries LIMIT 1")


def test_a_row_of_the_future_without_a_seal_is_named_at_once(rows: list[int]) -> None:
    put_in(-5, "2026-05-14 09:39:00+00")

    assert findings(now=NOW + timedelta(minutes=5)) == []
    assert findings(now=NOW + timedelta(minutes=3)) == [
        "Row -5 (2026-05-14 09:39:00+00:00, nadia, plan.edited) has no seal."
    ]


def test_a_row_without_a_seal_whose_time_cannot_be_read_is_named_among_others(rows: list[int]) -> None:
    put_in(-6, "infinity")
    put_in(-5, "2026-05-14 09:30:00+00")
    put_in(-4, "-infinity")

    assert findings() == ["Row -6 has no seal.", f"{named(-5)} has no seal.", "Row -4 has no seal."]


def test_a_row_that_no_sealer_looks_at_any_more_is_named_whatever_its_time(
    rows: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "NEWEST", 6)
    monkeypatch.setattr(sealing, "LOOK_BACK", 10)
    put_in(rows[0] - 9, "2026-05-14 09:30:00+00")
    put_in(rows[0] - 10, "2026-05-14 09:30:00+00")

    assert findings(now=NOW) == [f"{named(rows[0] - 10)} has no seal."]
    assert seal(SEALED).rows == 1


def test_walking_in_small_batches_finds_the_same(rows: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    tamper(
        f"UPDATE audit_entries SET detail = 'x' WHERE id = {rows[1]}",
        f"DELETE FROM audit_entries WHERE id = {rows[3]}",
        "DELETE FROM audit_seals WHERE number = 6",
    )
    write(3)
    at_once = findings()

    monkeypatch.setattr(verifying, "BATCH", 2)

    assert findings() == at_once
    assert len(at_once) == 2 + 4


# --- the command ------------------------------------------------------------------------------------------------------


def verify(**options: str) -> tuple[int, str, str]:
    """Return the exit code, and what the command printed of the result and of findings."""
    out, err = StringIO(), StringIO()
    try:
        call_command("verify_audit", stdout=out, stderr=err, **options)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


@pytest.fixture
def recent(committing: None) -> Callable[[], None]:
    write(2, timezone.now())
    seal(timezone.now())
    return lambda: tamper("UPDATE audit_entries SET detail = 'x'")


def test_the_command_prints_the_head_and_that_all_is_in_order(recent: object) -> None:
    head = str(newest_head())

    assert verify(head=head) == (0, f"Rows sealed: 2. Head: {head}\nThe audit trail is in order.\n", "")


def test_the_command_ends_with_1_on_any_finding(recent: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    recent()
    monkeypatch.setattr(verify_audit, "NAMED", 1)

    code, out, err = verify()

    assert (code, out.splitlines()[-1]) == (1, "NOT in order: 2 findings.")
    assert "nadia, plan.edited" in err
    assert "… and 1 more." in err


def test_a_head_that_is_none_is_refused(db: None) -> None:
    with pytest.raises(CommandError, match="is no head"):
        call_command("verify_audit", head="12")
