"""What stands in the trail, and who reads it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.models import User
from accounts.seats import Seat
from accounts.trail import trail_about
from audit.actions import Action
from audit.identity import SYSTEM, Identity, Origin
from audit.models import AuditEntry
from audit.operations import changed_fields, plain, record
from plans.models import Plan
from resellers.models import Reseller, StaffLogin
from tests.cast import NOW, group, make_plan, make_staff, seat_of


class Installation:
    """The actor of commands and migrations."""

    identity: Identity = SYSTEM


def test_a_row_says_who_did_what_to_what_when_and_from_where(asha: User, north: Reseller) -> None:
    seat = Seat.own(asha, Origin(address="203.0.113.4", user_agent="Firefox", request_id="abc"))

    entry = record(actor=seat, action=Action.RESELLER_EDITED, obj=north, reseller_id=north.pk, now=NOW)

    entry.refresh_from_db()
    assert (entry.at, entry.actor_id, entry.actor_name, entry.actor_type) == (NOW, asha.pk, "asha", "Admin")
    assert (entry.object_type, entry.object_id, entry.object_name) == ("reseller", north.pk, "North Net")
    assert (entry.address, entry.user_agent, entry.request_id) == ("203.0.113.4", "Firefox", "abc")
    assert str(entry) == "asha: Edited reseller North Net"


def test_a_login_of_the_staff_is_kept_and_found_as_the_login_it_is(asha: User, north: Reseller) -> None:
    zeina = StaffLogin.objects.get(pk=make_staff(asha, north, "zeina", group("SUPPORT")).pk)

    entry = record(actor=seat_of(asha), action=Action.LOGIN_EDITED, obj=zeina, now=NOW)

    assert (entry.object_type, entry.object_id) == ("user", zeina.pk)
    trail = trail_about(seat_of(asha), zeina)
    assert trail is not None
    assert entry in trail


def test_names_are_kept_as_they_were(asha: User, north: Reseller) -> None:
    entry = record(actor=seat_of(asha), action=Action.RESELLER_EDITED, obj=north, now=NOW)

    Reseller.objects.filter(pk=north.pk).update(company_name="Polar Net")
    User.objects.filter(pk=asha.pk).update(username="aisha")

    entry.refresh_from_db()
    assert (entry.actor_name, entry.object_name) == ("asha", "North Net")


def test_only_what_differs_is_kept_as_old_and_new(asha: User) -> None:
    changes = {"price": (Decimal("25.0000"), Decimal("30.50")), "name": ("Home", "Home"), "quota": (None, 5)}

    entry = record(actor=seat_of(asha), action=Action.PLAN_EDITED, changes=changes, now=NOW)

    entry.refresh_from_db()
    assert entry.changes == {"price": ["25", "30.5"], "quota": [None, 5]}


def test_the_installation_itself_acts_under_the_name_system(db: None) -> None:
    entry = record(actor=Installation(), action=Action.PLAN_CREATED, now=NOW)

    assert (entry.actor_id, entry.actor_name) == (None, "system")


def test_what_is_too_long_is_cut_and_never_stops_the_act(asha: User) -> None:
    seat = Seat.own(asha, Origin(user_agent="x" * 5000))
    plan = Plan(name="n" * 900)

    entry = record(actor=seat, action=Action.PLAN_EDITED, obj=plan, detail="d" * 5000, now=NOW)

    assert (len(entry.user_agent), len(entry.object_name), len(entry.detail)) == (300, 254, 500)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (None, None),
        (True, True),
        (7, 7),
        ("text", "text"),
        (Decimal("1E+3"), "1000"),
        (date(2026, 5, 14), "2026-05-14"),
        (datetime(2026, 5, 14, 9, tzinfo=UTC), "2026-05-14T09:00:00+00:00"),
        (["a", Decimal(1)], ["a", "1"]),
        (Plan(name="Home"), "Home"),
    ],
)
def test_values_are_kept_as_people_read_them(value: object, kept: object) -> None:
    assert plain(value) == kept


def test_changed_fields_are_set_on_the_object_and_told(db: None) -> None:
    plan = make_plan("Home", "25.00")

    changes = changed_fields(plan, {"name": "Home", "price": Decimal("30.00")})

    assert changes == {"price": (Decimal("25.00"), Decimal("30.00"))}
    assert plan.price == 30


def test_a_reseller_reads_the_rows_of_its_own_tree(
    asha: User, north: Reseller, northeast: Reseller, south: Reseller, noor: User, petra: User
) -> None:
    def read_by(user: User) -> set[str]:
        return set(AuditEntry.objects.visible_to(seat_of(user)).values_list("object_name", flat=True))

    everything = {"asha", "North Net", "Northeast Net", "South Net", "Partner Net"}
    assert read_by(asha) == read_by(noor) == everything
    assert read_by(north.user) == {"North Net", "Northeast Net"}
    assert read_by(northeast.user) == {"Northeast Net"}
    assert read_by(south.user) == {"South Net"}
    assert read_by(petra) == set()


def test_rows_are_found_by_either_name_by_object_and_by_time(asha: User, north: Reseller) -> None:
    seat = Seat(asha, north.user)
    later = NOW + timedelta(days=1)
    entry = record(actor=seat, action=Action.RESELLER_EDITED, obj=north, now=later)

    rows = AuditEntry.objects.filter(action=Action.RESELLER_EDITED)
    assert list(rows.by("NADI")) == list(rows.by("ash")) == [entry]
    assert list(rows.about("reseller", north.pk)) == [entry]
    assert list(rows.between(later, None)) == [entry]
    assert not rows.between(NOW, later).exists()
    assert not rows.by("sami").exists()
