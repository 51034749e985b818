"""Walking the hash chain, and naming whatever is not as it was sealed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DataError
from django.db.models import Exists, OuterRef, Q
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from audit.chain import COLUMNS, START, Head, Row, canonical, next_digest
from audit.models import AuditEntry, AuditSeal
from audit.sealing import LOWEST, end_of_look_back

BATCH = 2_000
#: Rows are sealed within a minute; the rest is for a sealer that is being restarted.
GRACE = timedelta(minutes=5)
#: How much older than the sealing before its own a row may say it is: the longest act, and clocks that differ.
BACKDATED = timedelta(hours=1)
#: A moment beyond all calendars, or an endless number.
UNREADABLE = (DataError, ValueError, OverflowError)


@dataclass(frozen=True, slots=True)
class Link:
    """A seal and its row as it is now."""

    seal: AuditSeal
    name: str
    at: datetime | None
    #: The row's bytes: None where it is gone, none at all where it holds what Python cannot even read.
    contents: bytes | None

    @classmethod
    def of(cls, seal: AuditSeal, row: Row) -> Link:
        return cls(seal, name_of(row), row["at"], canonical(row))

    @classmethod
    def gone(cls, seal: AuditSeal) -> Link:
        return cls(seal, _("Row %(id)d") % {"id": seal.entry_id}, None, None)

    @classmethod
    def unreadable(cls, seal: AuditSeal) -> Link:
        return cls(seal, _("Row %(id)d") % {"id": seal.entry_id}, None, b"")

    def digest_after(self, previous: bytes) -> bytes:
        assert self.contents is not None
        return next_digest(previous, self.seal.number, self.seal.sealed_at, self.contents)


@dataclass(frozen=True, slots=True)
class Doubt:
    """A link whose digest is not that of its row. The next link tells which of the two was there when it was made."""

    link: Link
    expected: bytes


class Walk:
    """One walk over the whole chain, in batches. Afterwards it knows how many rows are sealed, and the head."""

    def __init__(self, now: datetime, kept: Head | None = None) -> None:
        """Prepare to walk.

        :param kept: a head from a log line; the chain still has to hold it.
        """
        self.now = now
        self.kept = kept
        self.rows = 0
        self.head = START
        self.doubt: Doubt | None = None
        self.sealed_at: datetime | None = None
        self.sealed_before: datetime | None = None

    def findings(self) -> Iterator[str]:
        """Yield a sentence for everything that is wrong: in the order of the chain, then the rows without a seal."""
        for link in links():
            self.rows += 1
            yield from self.check_number(link)
            if link.seal.number > self.head.number:
                yield from self.check_digest(link)
                yield from self.check_kept(link.seal)
                self.head = Head.of(link.seal)
        yield from self.settle()
        if self.kept and self.kept.number > self.head.number:
            yield _("The chain ends with seal %(end)d, and the head that was kept is of seal %(kept)d.") % {
                "end": self.head.number,
                "kept": self.kept.number,
            }
        for name in names_without_seal(self.now):
            yield _("%(row)s has no seal.") % {"row": name}

    def check_number(self, link: Link) -> Iterator[str]:
        number, expected = link.seal.number, self.head.number + 1
        if number < expected:
            yield _("Seal %(number)d is none of the chain, which begins with 1.") % {"number": number}
        elif number > expected:
            yield from self.settle()
            missing = str(expected) if number == expected + 1 else f"{expected}–{number - 1}"
            yield _("Missing before seal %(number)d: %(missing)s.") % {"number": number, "missing": missing}

    def check_digest(self, link: Link) -> Iterator[str]:
        """Compare a link with its row; after a gap there is nothing to compare with."""
        stored = bytes(link.seal.digest)
        if link.contents is None:
            yield from self.settle()
            yield _("%(row)s is gone; seal %(number)d sealed it.") % {"row": link.name, "number": link.seal.number}
        elif link.seal.number > self.head.number + 1:
            return
        elif (expected := link.digest_after(self.head.digest)) == stored:
            yield from self.settle(row_was_changed=True)
            yield from self.check_time(link)
        elif self.doubt and link.digest_after(self.doubt.expected) == stored:
            yield from self.settle(row_was_changed=False)
        else:
            yield from self.settle()
            self.doubt = Doubt(link, expected)

    def settle(self, row_was_changed: bool | None = None) -> Iterator[str]:
        """Say of the link in doubt, if there is one, what is known of it by now."""
        if self.doubt is None:
            return
        words = {"row": self.doubt.link.name, "number": self.doubt.link.seal.number}
        self.doubt = None
        if row_was_changed:
            yield _("%(row)s was changed after seal %(number)d, or the seal before that was made anew.") % words
        elif row_was_changed is None:
            yield _("%(row)s and its seal %(number)d do not agree: a row or a seal was changed up to here.") % words
        else:
            yield _("Seal %(number)d was changed. %(row)s, which it seals, is as it was.") % words

    def check_time(self, link: Link) -> Iterator[str]:
        """Find a row that says it is older than the sealing before its own, which would have sealed it."""
        sealed_at = link.seal.sealed_at
        if self.sealed_at is None or sealed_at > self.sealed_at:
            self.sealed_before, self.sealed_at = self.sealed_at, sealed_at
        if self.sealed_before and link.at and link.at < self.sealed_before - BACKDATED:
            yield _("%(row)s was written later than it says: it was not there before %(time)s.") % {
                "row": link.name,
                "time": time_of(self.sealed_before),
            }

    def check_kept(self, seal: AuditSeal) -> Iterator[str]:
        if self.kept and seal.number == self.kept.number and bytes(seal.digest) != self.kept.digest:
            yield _("Seal %(number)d is not the one whose head was kept: the chain was made anew up to there.") % {
                "number": seal.number
            }


def links() -> Iterator[Link]:
    """Yield the links in their order, with memory for one batch of them."""
    last = LOWEST
    while seals := list(AuditSeal.objects.filter(number__gt=last).order_by("number")[:BATCH]):
        yield from links_of(seals)
        last = seals[-1].number


def links_of(seals: Sequence[AuditSeal]) -> Iterator[Link]:
    """Yield the links of some seals; if one row cannot be read, each on its own."""
    try:
        rows = {row["id"]: row for row in rows_of(seals)}
        made = [Link.of(seal, rows[seal.entry_id]) if seal.entry_id in rows else Link.gone(seal) for seal in seals]
    except UNREADABLE:
        made = list(map(link_of, seals))
    yield from made


def link_of(seal: AuditSeal) -> Link:
    try:
        return next((Link.of(seal, row) for row in rows_of([seal])), Link.gone(seal))
    except UNREADABLE:
        return Link.unreadable(seal)


def rows_of(seals: Sequence[AuditSeal]) -> Iterable[Row]:
    rows: Iterable[Row] = AuditEntry.objects.filter(pk__in=[seal.entry_id for seal in seals]).values(*COLUMNS)
    return rows


def names_without_seal(now: datetime) -> Iterator[str]:
    """Yield the names of the rows that should have been sealed by now, or that no sealer would ever seal."""
    is_sealed = Exists(AuditSeal.objects.filter(entry_id=OuterRef("pk")))
    overdue = Q(at__lt=now - GRACE) | Q(at__gt=now + GRACE) | Q(pk__lte=end_of_look_back())
    due = AuditEntry.objects.filter(~is_sealed, overdue).order_by("pk")
    last: int | None = None
    while ids := list((due if last is None else due.filter(pk__gt=last)).values_list("pk", flat=True)[:BATCH]):
        yield from names_of(ids)
        last = ids[-1]


def names_of(ids: Sequence[int]) -> list[str]:
    """Return what the rows are known by; if one of them cannot be read, each is read on its own."""
    rows = AuditEntry.objects.filter(pk__in=ids).order_by("pk").values("id", "at", "actor_name", "action")
    try:
        return list(map(name_of, rows))
    except UNREADABLE:
        if len(ids) == 1:
            return [_("Row %(id)d") % {"id": ids[0]}]
        return [name for pk in ids for name in names_of([pk])]


def name_of(row: Row) -> str:
    """Return what a row is known by: its id, its time, who, and what."""
    return _("Row %(id)d (%(time)s, %(actor)s, %(action)s)") % {
        "id": row["id"],
        "time": time_of(row["at"]),
        "actor": row["actor_name"],
        "action": row["action"],
    }


def time_of(moment: datetime) -> str:
    return localtime(moment).isoformat(" ", "seconds")
