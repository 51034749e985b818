"""Whose panel one is in: "Login as reseller", and the way back."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import PermissionGroup, User
from accounts.operations import enter_seat, leave_seat, may_sit_with, record_refusal, seat_again
from accounts.seats import Seat
from audit.actions import Action
from audit.models import AuditEntry, Grade
from ispanel.refusals import Forbidden
from resellers.models import Reseller
from tests.cast import NOW, make_reseller, seat_of


def borrowed(login: User, user: User, reason: str = "Checking an invoice") -> Seat:
    """Return the seat of a person in another's panel."""
    return enter_seat(actor=seat_of(login), user=seat_of(user).user, reason=reason, now=NOW)


def test_entering_is_recorded_with_the_reason_in_the_trail_of_the_reseller(asha: User, north: Reseller) -> None:
    borrowed(asha, north.user)

    entry = AuditEntry.objects.get(action=Action.SEAT_ENTERED)
    assert (entry.actor_name, entry.object_name, entry.detail) == ("asha", "nadia", "Checking an invoice")
    assert (entry.reseller_id, entry.grade) == (north.pk, Grade.SECURITY)


def test_a_borrowed_seat_lasts_60_minutes(asha: User, nadia: User) -> None:
    seat = borrowed(asha, nadia)

    assert seat.is_borrowed
    assert seat.ends_at == NOW + timedelta(minutes=60)


@pytest.mark.parametrize(("seconds", "minutes"), [(3600, 60), (3599, 60), (61, 2), (60, 1), (1, 1), (0, 0), (-5, 0)])
def test_the_minutes_left_are_rounded_up(
    monkeypatch: pytest.MonkeyPatch, nadia: User, asha: User, seconds: int, minutes: int
) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)

    assert Seat(asha, nadia, ends_at=NOW + timedelta(seconds=seconds)).minutes_left == minutes


def test_one_is_in_the_own_seat_for_good(nadia: User) -> None:
    seat = seat_of(nadia)

    assert not seat.is_borrowed
    assert (seat.ends_at, seat.minutes_left) == (None, 0)


def test_seats_are_not_chained(asha: User, nadia: User, noora: User) -> None:
    seat = borrowed(asha, nadia)

    with pytest.raises(Forbidden, match="Go back to your own panel"):
        enter_seat(actor=seat, user=noora, reason="Further", now=NOW)

    assert AuditEntry.objects.filter(action=Action.SEAT_ENTERED).count() == 1


def test_a_borrowed_seat_may_do_what_both_may(nadia: User, noora: User) -> None:
    PermissionGroup.objects.filter(name="SALES").update(
        codes=["dashboard.view", "resellers.view_all"], available_to_subs=False
    )

    assert borrowed(nadia, noora).rights == {"dashboard.view", "resellers.view"}


def test_an_admin_in_a_borrowed_seat_is_no_admin(asha: User, noora: User) -> None:
    seat = borrowed(asha, noora)

    assert not seat.is_admin
    assert seat.rights == seat_of(noora).rights
    assert not seat.sees_all("resellers")


def test_both_names_stand_on_what_is_done_in_between(asha: User, nadia: User, noora: User) -> None:
    seat = borrowed(asha, nadia)
    record_refusal(actor=seat, refusal=Forbidden(), tried="POST /plans/new/", now=NOW)
    leave_seat(actor=seat, now=NOW)

    between = AuditEntry.objects.filter(action__in=[Action.REFUSED, Action.SEAT_LEFT])
    assert [(entry.actor_name, entry.on_behalf_of_name) for entry in between] == [("asha", "nadia")] * 2
    assert {(entry.actor_id, entry.on_behalf_of_id) for entry in between} == {(asha.pk, nadia.pk)}


def test_who_may_sit_where(
    asha: User, nadia: User, sami: User, noora: User, noor: User, petra: User, north: Reseller, south: Reseller
) -> None:
    people = {"asha": asha, "nadia": nadia, "sami": sami, "noora": noora, "noor": noor, "petra": petra}

    def sits_with(user: User) -> set[str]:
        target = seat_of(user).user
        return {name for name, login in people.items() if may_sit_with(seat_of(login), target)}

    assert sits_with(nadia) == {"asha"}
    assert sits_with(noora) == {"asha", "nadia"}
    assert sits_with(sami) == {"asha"}
    assert sits_with(petra) == sits_with(asha) == set()


def test_a_reseller_without_the_permission_sits_with_nobody(asha: User, noora: User, north: Reseller) -> None:
    Reseller.objects.filter(pk=north.pk).update(permission_group=PermissionGroup.objects.get(name="SUPPORT"))

    assert not may_sit_with(seat_of(north.user), seat_of(noora).user)


def test_only_an_admin_sits_with_who_is_suspended(asha: User, nadia: User, noora: User, northeast: Reseller) -> None:
    Reseller.objects.filter(pk=northeast.pk).update(suspended_at=NOW)
    target = seat_of(noora).user

    assert may_sit_with(seat_of(asha), target)
    assert borrowed(asha, noora).user == noora
    assert not may_sit_with(seat_of(nadia), target)
    with pytest.raises(Forbidden, match="only an admin can log in to it"):
        borrowed(nadia, noora)


def test_the_tree_of_a_seat_is_its_reseller_and_the_subs(
    asha: User, north: Reseller, northeast: Reseller, south: Reseller
) -> None:
    northwest = make_reseller(asha, "samar", "Northwest Net", parent=north)

    assert set(seat_of(north.user).tree_ids) == {north.pk, northeast.pk, northwest.pk}
    assert set(seat_of(northeast.user).tree_ids) == {northeast.pk}
    assert set(seat_of(asha).tree_ids) == set()


# --- what is done later in somebody's name ----------------------------------------------------------------------------


def test_a_seat_is_taken_again_with_the_rights_of_now(asha: User, nadia: User) -> None:
    own, as_nadia = seat_again(seat_of(nadia).identity), seat_again(borrowed(asha, nadia).identity)

    assert (own.login, own.user) == (nadia, nadia)
    assert (as_nadia.login, as_nadia.user) == (asha, nadia)
    assert as_nadia.identity == borrowed(asha, nadia).identity
    Reseller.objects.update(permission_group=PermissionGroup.objects.get(name="SUPPORT"))
    assert not seat_again(seat_of(nadia).identity).has("subscribers.create")


def test_nobody_sits_again_where_they_could_not_sit_any_more(
    asha: User, nadia: User, noora: User, north: Reseller, northeast: Reseller
) -> None:
    own, as_noora = seat_of(noora).identity, borrowed(nadia, noora).identity
    Reseller.objects.filter(pk=northeast.pk).update(suspended_at=NOW)

    with pytest.raises(Forbidden, match=r"noora may not sign in any more\."):
        seat_again(own)
    with pytest.raises(Forbidden, match=r"nadia may not be in the panel of noora any more\."):
        seat_again(as_noora)
    User.objects.filter(pk=nadia.pk).update(is_active=False)
    with pytest.raises(Forbidden, match=r"nadia may not sign in any more\."):
        seat_again(as_noora)
