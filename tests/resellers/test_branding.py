"""Whether a reseller may look like itself, and how it does."""

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from accounts.models import FailureCount, User
from accounts.operations import enter_seat
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.colours import theme_of
from ispanel.logos import as_png
from ispanel.models import Picture
from ispanel.refusals import Forbidden
from resellers import operations
from resellers.models import Branding, CustomDomain, Reseller
from resellers.operations import BrandingAllowed, BrandingNotAllowed, ResellerDeleted, branding
from tests.billing.papers import billing_settings
from tests.cast import NOW, PASSWORD, group, make_staff, seat_of, signed_in
from tests.ispanel.test_logo import BAD
from tests.pages import body, error_at, links_of, send
from tests.pictures import a_logo, a_picture
from tests.resellers.brands import OWN, allow, brand, forbid, give_domain, tab_of


def trail(reseller: Reseller, action: Action) -> AuditEntry:
    return AuditEntry.objects.filter(reseller_id=reseller.pk, action=action).latest("id")


def saved(user: User, url: str = OWN, **typed: Any) -> HttpResponse:
    """Fill the form in and save it; logos are given as bytes."""
    files = {name: SimpleUploadedFile("logo.png", file) for name, file in typed.items() if isinstance(file, bytes)}
    return send(signed_in(user), url, **{"logo": None, "dark_logo": None} | typed | files)


def borrowed(admin: User, reseller: Reseller) -> Client:
    """Return a client of an admin who has logged in as the reseller."""
    client = signed_in(admin)
    client.post(f"/resellers/{reseller.pk}/seats/", {"reason": "to help"})
    return client


# --- the switch -------------------------------------------------------------------------------------------------------


def test_an_admin_allows_branding_and_takes_it_back(asha: User, north: Reseller) -> None:
    client = signed_in(asha)
    assert "Allow branding" in body(client.get(tab_of(north)))

    response = send(client, f"{tab_of(north)}allowance/")

    assert (response.status_code, response.headers["Location"]) == (303, tab_of(north))
    assert "Take branding back" in body(client.get(tab_of(north)))
    assert trail(north, Action.BRANDING_ALLOWED).actor_name == "asha"
    send(client, f"{tab_of(north)}withdrawal/")
    assert "Allow branding" in body(client.get(tab_of(north)))
    assert trail(north, Action.BRANDING_FORBIDDEN).changes == {"has_branding": [True, False]}


def test_what_was_set_is_kept_and_comes_back(asha: User, north: Reseller) -> None:
    allow(asha, north)
    brand(asha, north, "#facc15", tagline="Close to you")

    forbid(asha, north)
    assert north.shown_branding is None
    allow(asha, north)

    assert (north.branding.colour, north.branding.tagline) == ("#facc15", "Close to you")


def test_the_tab_speaks_of_the_reseller_by_name_and_its_own_page_to_whoever_reads(
    asha: User, nadia: User, north: Reseller
) -> None:
    allow(asha, north)

    tab, own = (body(client.get(path)) for client, path in ((signed_in(asha), tab_of(north)), (signed_in(nadia), OWN)))
    claims = (body(signed_in(asha).get(f"{tab_of(north)}domain/")), body(signed_in(nadia).get(f"{OWN}domain/")))

    assert "The people of North Net can sign in at an address of its own, and see its logo" in tab
    assert "as how to reach North Net." in tab
    assert "Your people can sign in at an address of your own, and see your logo" in own
    assert "as how to reach you." in own
    assert "It has to belong to North Net." in claims[0]
    assert "one that proves that it belongs to North Net" in claims[0]
    assert not re.search(r"\byours?\b", tab + claims[0])
    assert "It has to be yours." in claims[1]
    assert "one that proves that it is yours" in claims[1]


@pytest.mark.parametrize(
    ("is_issuer", "sentence"),
    [(True, "Stands on papers too."), (False, "It does not stand on papers: Al-Noor ISP issues them.")],
)
def test_whether_the_logo_stands_on_papers_is_as_the_billing_settings_say(
    asha: User, nadia: User, north: Reseller, is_issuer: bool, sentence: str
) -> None:
    billing_settings(company_name="Al-Noor ISP", reseller_is_issuer=is_issuer)
    allow(asha, north)

    for client, path in ((signed_in(asha), tab_of(north)), (signed_in(nadia), OWN)):
        assert f"PNG, JPEG or WebP, up to 2 MB. {sentence}" in body(client.get(path))


def test_the_switch_turns_once_each_way(asha: User, north: Reseller) -> None:
    with pytest.raises(BrandingNotAllowed, match="may not have its own branding"):
        forbid(asha, north)
    allow(asha, north)
    with pytest.raises(BrandingAllowed, match="may have its own branding already"):
        allow(asha, north)

    assert AuditEntry.objects.filter(action__startswith="branding.").count() == 1


def test_only_an_admin_turns_the_switch(asha: User, north: Reseller, northeast: Reseller, noor: User) -> None:
    for user in (north.user, noor):
        for turn in (operations.allow_branding, operations.forbid_branding):
            with pytest.raises(Forbidden):
                turn(actor=seat_of(user), reseller_id=northeast.pk, now=NOW)
        for act in ("allowance", "withdrawal"):
            assert signed_in(user).post(f"{tab_of(northeast)}{act}/").status_code == 403

    northeast.refresh_from_db()
    assert not northeast.has_branding


def test_a_deleted_reseller_has_no_switch(asha: User, north: Reseller) -> None:
    operations.delete_reseller(actor=seat_of(asha), reseller_id=north.pk, now=NOW)

    assert signed_in(asha).get(tab_of(north)).status_code == 404
    assert tab_of(north) not in links_of(signed_in(asha).get(f"/resellers/{north.pk}/"))
    with pytest.raises(ResellerDeleted):
        allow(asha, north)


# --- who sees the page ------------------------------------------------------------------------------------------------


def test_without_the_switch_there_is_no_page(asha: User, nadia: User, north: Reseller) -> None:
    client = signed_in(nadia)

    assert client.get(OWN).status_code == 404
    assert client.post(OWN, {"colour": "#facc15"}).status_code == 404
    assert OWN not in links_of(client.get("/"))
    with pytest.raises(BrandingNotAllowed):
        brand(nadia, north, "#facc15")
    assert not Branding.objects.exists()


def test_with_it_the_sidebar_leads_to_the_page(asha: User, nadia: User, north: Reseller) -> None:
    allow(asha, north)

    assert OWN in links_of(signed_in(nadia).get("/"))
    assert signed_in(nadia).get(OWN).status_code == 200


def test_staff_need_the_permission(asha: User, north: Reseller) -> None:
    allow(asha, north)
    clerk = make_staff(asha, north, "clerk", group("SUPPORT"))
    seller = make_staff(asha, north, "seller", group("SALES"))

    assert signed_in(clerk).get(OWN).status_code == 403
    assert OWN not in links_of(signed_in(clerk).get("/"))
    assert signed_in(seller).get(OWN).status_code == 200
    with pytest.raises(Forbidden):
        brand(clerk, north, "#facc15")


def test_who_only_sees_all_changes_nothing(asha: User, north: Reseller, partner: Reseller) -> None:
    allow(asha, north)
    allow(asha, partner)

    assert signed_in(partner.user).get(OWN).status_code == 403
    assert signed_in(partner.user).get(tab_of(north)).status_code == 403
    with pytest.raises(Forbidden):
        brand(partner.user, north, "#facc15")


def test_nobody_brands_another_reseller(asha: User, north: Reseller, northeast: Reseller, sami: User) -> None:
    for reseller in (north, northeast, sami.reseller):
        assert reseller
        allow(asha, reseller)

    for stranger, reseller in ((sami, north), (north.user, northeast), (northeast.user, north)):
        assert signed_in(stranger).get(tab_of(reseller)).status_code == 403
        with pytest.raises(Forbidden):
            brand(stranger, reseller, "#facc15")
    assert not Branding.objects.exists()


# --- what is set ------------------------------------------------------------------------------------------------------


def test_a_reseller_sets_its_logo_colour_and_texts(asha: User, nadia: User, north: Reseller) -> None:
    allow(asha, north)

    response = saved(nadia, logo=a_picture(), colour="FACC15", tagline="Close to you", footer="Call 01 234 567")

    assert (response.status_code, response.headers["Location"]) == (303, OWN)
    held = Branding.objects.get()
    assert (held.colour, held.theme) == ("#facc15", theme_of("#facc15")[0])
    assert (held.tagline, held.footer) == ("Close to you", "Call 01 234 567")
    assert held.logo
    assert (bytes(held.logo.png), held.dark_logo) == (a_logo(), None)
    page = signed_in(nadia).get(OWN)
    assert f"/pictures/{held.logo_id}.png" in page.content.decode()
    assert "Call 01 234 567" in page.content.decode()


def test_it_is_audited_with_old_and_new(asha: User, nadia: User, north: Reseller) -> None:
    allow(asha, north)
    saved(nadia, logo=a_picture(), colour="#facc15", tagline="Close to you")

    saved(nadia, colour="#e11d48", removes_logo=True)

    entry = trail(north, Action.BRANDING_CHANGED)
    assert (entry.actor_name, entry.changes["colour"]) == ("nadia", ["#facc15", "#e11d48"])
    old, new = entry.changes["logo"]
    assert (old.partition(",")[0], new) == ("300 × 120", None)
    assert "tagline" not in entry.changes


def test_an_admin_sets_it_under_the_own_name(asha: User, north: Reseller) -> None:
    allow(asha, north)

    saved(asha, tab_of(north), colour="#facc15")

    entry = trail(north, Action.BRANDING_CHANGED)
    assert (entry.actor_name, entry.on_behalf_of_name, entry.object_name) == ("asha", "", "North Net")


def test_from_a_borrowed_seat_both_names_stand_in_the_trail(asha: User, north: Reseller) -> None:
    allow(asha, north)

    response = send(borrowed(asha, north), OWN, colour="#facc15", logo=None, dark_logo=None)

    assert response.status_code == 303
    entry = trail(north, Action.BRANDING_CHANGED)
    assert (entry.actor_name, entry.on_behalf_of_name) == ("asha", "nadia")


def test_what_changes_nothing_leaves_no_trace(asha: User, nadia: User, north: Reseller) -> None:
    allow(asha, north)
    saved(nadia, logo=a_picture(), colour="#facc15")
    before = AuditEntry.objects.count()

    saved(nadia, logo=a_picture(), colour="facc15")

    assert AuditEntry.objects.count() == before


def test_each_ground_has_a_logo_of_its_own(asha: User, nadia: User, north: Reseller) -> None:
    allow(asha, north)
    saved(nadia, logo=a_picture(), dark_logo=a_picture(size=(50, 50)))
    held = Branding.objects.get()
    assert None is not held.logo_id != held.dark_logo_id is not None

    saved(nadia, removes_dark_logo=True)

    held = Branding.objects.get()
    assert (held.logo_id is None, held.dark_logo_id) == (False, None)


def test_without_a_colour_it_is_the_panels(asha: User, nadia: User, north: Reseller) -> None:
    allow(asha, north)
    saved(nadia, colour="#facc15")

    saved(nadia, colour="")

    held = Branding.objects.get()
    assert (held.colour, held.theme) == ("", "")


def test_from_its_papers_the_logo_is_known(asha: User, nadia: User, north: Reseller) -> None:
    allow(asha, north)
    saved(nadia, logo=a_picture())

    north.refresh_from_db()

    assert north.shown_branding
    assert north.shown_branding.logo_id == Branding.objects.get().logo_id


# --- refused ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["logo", "dark_logo"])
@pytest.mark.parametrize(("file", "message"), BAD.values(), ids=BAD)
def test_what_is_no_logo_is_refused_and_not_kept(
    asha: User, nadia: User, north: Reseller, file: bytes, message: str, field: str
) -> None:
    allow(asha, north)
    before = AuditEntry.objects.count()

    response = saved(nadia, colour="#facc15", **{field: file})

    assert (response.status_code, error_at(response, field)) == (422, message)
    assert (Branding.objects.count(), Picture.objects.count(), AuditEntry.objects.count()) == (0, 0, before)


@pytest.mark.parametrize("typed", ["yellow", "#12", "#ggg", "rgb(1,2,3)", "url(//x)"])
def test_what_is_no_colour_is_refused(asha: User, nadia: User, north: Reseller, typed: str) -> None:
    allow(asha, north)

    response = saved(nadia, colour=typed)

    assert response.status_code == 422
    assert error_at(response, "colour") == "Enter a colour as # and six hexadecimal digits, as in #0f766e."


def test_texts_are_words_and_no_markup(asha: User, nadia: User, north: Reseller) -> None:
    allow(asha, north)
    assert error_at(saved(nadia, tagline="x" * 121), "tagline")
    assert error_at(saved(nadia, footer="x" * 301), "footer")

    saved(nadia, tagline="<b>Close</b>")

    assert "&lt;b&gt;Close&lt;/b&gt;" in signed_in(nadia).get(OWN).content.decode()


def test_an_admin_who_saves_what_is_not_allowed_any_more_is_told(asha: User, north: Reseller) -> None:
    response = signed_in(asha).post(tab_of(north), {"colour": "#facc15"})

    assert response.status_code == 422
    assert "North Net may not have its own branding." in body(response)
    assert not Branding.objects.exists()


# --- the preview ------------------------------------------------------------------------------------------------------


def previewed(user: User, colour: str) -> HttpResponse:
    return signed_in(user).get(OWN, {"colour": colour}, headers={"HX-Request": "true", "HX-Target": "preview"})


def test_while_a_colour_is_picked_the_preview_alone_is_sent(asha: User, nadia: User, north: Reseller) -> None:
    allow(asha, north)

    fragment = previewed(nadia, "#FACC15").content.decode()

    assert "<html" not in fragment
    assert 'href="/settings/branding/preview.css?colour=%23facc15"' in fragment
    assert "We darkened links slightly so that they stay readable." in fragment
    assert "lightened" not in fragment
    assert "buttons" not in fragment
    assert "darkened" not in previewed(nadia, "#111827").content.decode()


def test_the_previews_stylesheet_has_the_shades_that_will_be_served(asha: User, nadia: User, north: Reseller) -> None:
    allow(asha, north)

    response = signed_in(nadia).get("/settings/branding/preview.css", {"colour": "#facc15"})

    assert response.headers["Content-Type"] == "text/css; charset=utf-8"
    css = response.content.decode()
    assert css == theme_of("#facc15")[1].replace(":root", ".brand-preview")


@pytest.mark.parametrize("typed", ["", "#12", "}body{display:none", "yellow"])
def test_a_preview_of_no_colour_is_the_panels_own(asha: User, nadia: User, north: Reseller, typed: str) -> None:
    allow(asha, north)

    assert "preview.css" not in previewed(nadia, typed).content.decode()
    assert signed_in(nadia).get("/settings/branding/preview.css", {"colour": typed}).content == b""


def test_without_scripts_a_button_shows_the_preview_and_saves_nothing(asha: User, nadia: User, north: Reseller) -> None:
    allow(asha, north)

    response = saved(nadia, colour="#facc15", tagline="Close to you", preview="1")

    assert response.status_code == 200
    assert "preview.css?colour=%23facc15" in response.content.decode()
    assert 'value="Close to you"' in response.content.decode()
    assert not Branding.objects.exists()


def test_leaving_for_good_takes_the_looks_along(asha: User, north: Reseller) -> None:
    give_domain(asha, north)
    brand(asha, north, "#facc15", tagline="Close to you", logo=a_logo(), dark_logo=as_png(a_picture(size=(60, 30))))

    leave_for_good(asha, north)

    assert not Branding.objects.exists()
    assert not Picture.objects.exists()
    assert not CustomDomain.objects.exists()


def test_a_logo_that_another_has_too_stays(asha: User, north: Reseller, south: Reseller) -> None:
    for reseller in (north, south):
        allow(asha, reseller)
        brand(asha, reseller, logo=a_logo())

    leave_for_good(asha, north)

    assert Branding.objects.get().logo == Picture.objects.get()


def leave_for_good(admin: User, reseller: Reseller) -> None:
    """Delete the reseller, and then for good."""
    username = reseller.user.username
    operations.delete_reseller(actor=seat_of(admin), reseller_id=reseller.pk, now=NOW)
    operations.purge_reseller(
        actor=seat_of(admin), reseller_id=reseller.pk, typed_username=username, own_password=PASSWORD, now=NOW
    )


def test_logos_are_not_changed_without_end(asha: User, nadia: User, north: Reseller) -> None:
    allow(asha, north)
    for number in range(30):
        brand(nadia, north, **({"removes_logo": True} if number % 2 else {"logo": a_logo()}))

    response = saved(nadia, logo=a_picture())

    assert response.status_code == 422
    assert error_at(response, "logo") == "Too many attempts. Try again in 60 minutes."
    assert Branding.objects.get().logo is None
    assert saved(nadia, tagline="Close to you").status_code == 303


def test_who_uploads_very_often_is_refused_before_the_picture_is_read(
    asha: User, nadia: User, north: Reseller, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(asha, north)
    monkeypatch.setattr(branding, "UPLOADS", 1)
    assert saved(nadia, logo=b"no picture").status_code == 422

    response = saved(nadia, logo=b"no picture", tagline="Close to you")

    assert response.status_code == 422
    assert error_at(response, "logo") == "Too many attempts. Try again in 60 minutes."
    assert 'value="Close to you"' in response.content.decode()
    assert not Branding.objects.exists()
    assert saved(nadia, tagline="Close to you").status_code == 303


def test_for_a_preview_no_picture_is_read(asha: User, nadia: User, north: Reseller) -> None:
    allow(asha, north)

    response = saved(nadia, logo=b"no picture", colour="#facc15", preview="1")

    assert response.status_code == 200
    assert error_at(response, "logo") == ""
    assert not FailureCount.objects.exists()


def test_a_borrowed_seat_has_the_rights_that_both_have(asha: User, north: Reseller, northeast: Reseller) -> None:
    allow(asha, northeast)
    limited = make_staff(asha, north, "helper", group("SALES"))
    seat = enter_seat(
        actor=seat_of(limited), user=User.objects.with_rights().get(pk=northeast.user_id), reason="to help", now=NOW
    )

    operations.change_branding(actor=seat, reseller_id=northeast.pk, now=NOW, tagline="Close to you")

    assert trail(northeast, Action.BRANDING_CHANGED).on_behalf_of_name == "noora"
