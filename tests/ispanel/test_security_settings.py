"""The security settings: who needs a second step, when sign-ins end, whether initial passwords are kept."""

from typing import Any

import pytest
from django.http import HttpResponse

from accounts.models import User, UserType
from audit.actions import Action
from audit.models import AuditEntry, Grade
from ispanel.models import PanelSettings
from resellers.models import Reseller
from tests.cast import PASSWORD, group, make_staff, signed_in
from tests.pages import body, error_at, links_of, send
from tests.phone import with_two_step

SECURITY, TWO_STEP = "/settings/security/", "/account/two-step/"
SHIPPED: dict[str, Any] = {
    "two_step_for": [],
    "idle_minutes": 120,
    "absolute_hours": 12,
    "keeps_initial_passwords": True,
}


def in_force() -> dict[str, Any]:
    return PanelSettings.objects.values(*SHIPPED).get()


def saved(user: User, **typed: Any) -> HttpResponse:
    """Open the page, change what is typed and send it."""
    return send(signed_in(user), SECURITY, **{"own_password": PASSWORD} | typed)


def test_an_admin_saves_them(asha: User) -> None:
    response = saved(
        asha, two_step_for=["3", "2"], idle_minutes="5", absolute_hours="168", keeps_initial_passwords=None
    )

    assert (response.status_code, response.url) == (303, SECURITY)
    assert in_force() == {
        "two_step_for": [UserType.SUPPORT, UserType.RESELLER],
        "idle_minutes": 5,
        "absolute_hours": 168,
        "keeps_initial_passwords": False,
    }


def test_they_stand_on_the_page_again(asha: User) -> None:
    saved(asha, two_step_for=["2"], idle_minutes="60")

    form = signed_in(asha).get(SECURITY).context["form"]
    assert (form["two_step_for"].value(), form["idle_minutes"].value()) == ([UserType.RESELLER], 60)


def test_it_is_audited_with_old_and_new_in_words(asha: User) -> None:
    saved(asha, two_step_for=["3", "2"], idle_minutes="60")

    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.actor_name, entry.grade) == (
        Action.SECURITY_SETTINGS_CHANGED,
        "asha",
        Grade.SECURITY,
    )
    assert entry.changes == {"two_step_for": [[], ["Support", "Reseller"]], "idle_minutes": [120, 60]}
    assert PASSWORD not in str(vars(entry))


def test_saving_what_was_there_leaves_no_trace(asha: User) -> None:
    before = AuditEntry.objects.count()

    assert saved(asha).status_code == 303

    assert AuditEntry.objects.count() == before


def test_it_takes_the_own_password(asha: User) -> None:
    for typed in ("", "not-the-password"):
        response = saved(asha, idle_minutes="60", own_password=typed)

        assert response.status_code == 422
        assert error_at(response, "own_password")

    assert in_force() == SHIPPED


REFUSALS = {
    "four minutes": ("idle_minutes", "4", "greater than or equal to 5"),
    "more than a day": ("idle_minutes", "1441", "less than or equal to 1440"),
    "minutes in words": ("idle_minutes", "long", "Enter a whole number."),
    "no hour": ("absolute_hours", "0", "greater than or equal to 1"),
    "more than a week": ("absolute_hours", "169", "less than or equal to 168"),
    "no hours": ("absolute_hours", "", "This field is required."),
    "a kind that does not exist": ("two_step_for", ["9"], "Select a valid choice."),
}


@pytest.mark.parametrize(("field", "typed", "message"), REFUSALS.values(), ids=REFUSALS)
def test_what_cannot_be_is_refused_at_the_field(asha: User, field: str, typed: Any, message: str) -> None:
    response = saved(asha, **{field: typed})

    assert (response.status_code, set(response.context["form"].errors)) == (422, {field})
    assert message in body(response)
    assert in_force() == SHIPPED


def test_an_admin_who_asks_it_of_admins_is_led_to_set_it_up(asha: User) -> None:
    client = signed_in(asha)
    assert "You have none yourself" in body(client.get(SECURITY))

    send(client, SECURITY, two_step_for=["4"], own_password=PASSWORD)

    assert client.get(SECURITY).url == TWO_STEP


def test_one_who_has_it_goes_on(asha: User) -> None:
    with_two_step(asha)
    client = signed_in(asha)
    assert "You have none yourself" not in body(client.get(SECURITY))

    send(client, SECURITY, two_step_for=["4"], own_password=PASSWORD)

    assert client.get(SECURITY).status_code == 200


def test_it_is_one_of_the_tabs(asha: User) -> None:
    assert SECURITY in links_of(signed_in(asha).get("/settings/"))
    assert "/settings/" in links_of(signed_in(asha).get(SECURITY))


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_but_an_admin_reaches_them(
    asha: User, nadia: User, noor: User, petra: User, north: Reseller, method: str
) -> None:
    wanted = {"idle_minutes": "1440", "absolute_hours": "168", "own_password": PASSWORD}
    for user in (nadia, noor, petra, make_staff(asha, north, "clerk", group("SALES"))):
        assert getattr(signed_in(user), method)(SECURITY, wanted).status_code == 403, user

    assert in_force() == SHIPPED


def test_an_admin_in_a_resellers_seat_does_not_either(asha: User, north: Reseller) -> None:
    client = signed_in(asha)
    send(client, f"/resellers/{north.pk}/seats/", reason="a look")

    assert client.get(SECURITY).status_code == 403
