"""The copy of an initial password: PostgreSQL erases it, and nothing but the Reveal shows the password."""

import base64
import logging
import os
import subprocess
import threading
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.hashers import make_password
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings as SettingsWrapper

from accounts.models import InitialPassword, User
from accounts.operations import NoInitialPassword, change_own_password, keep_initial_password, reveal_initial_password
from audit.models import AuditEntry
from ispanel import embedded_postgres
from ispanel.crypto import Undecryptable
from ispanel.models import PanelSettings
from resellers.models import Reseller
from tests.cast import NOW, PASSWORD, make_reseller, seat_of, signed_in
from tests.pages import body, links_of, send, text_of

GIVEN = "handed-over-on-paper"
CANARY = "Kanarienvogel-im-Bergwerk-93"


@pytest.fixture
def wael(asha: User) -> User:
    """Return who signs in for a reseller for which Asha chose the password."""
    return make_reseller(asha, "wael", "West Net", password=GIVEN).user


def has_copy(user: User) -> bool:
    return InitialPassword.objects.filter(user=user).exists()


def revealed(asha: User, user: User) -> str:
    return reveal_initial_password(actor=seat_of(asha), user=user, own_password=PASSWORD, now=NOW)


# --- erased with another password -------------------------------------------------------------------------------------


def test_a_silent_rehash_keeps_the_copy(asha: User, wael: User, settings: SettingsWrapper) -> None:
    settings.BCRYPT_ROUNDS = 5

    assert wael.check_password(GIVEN)

    assert User.objects.get(pk=wael.pk).password.split("$")[3] == "05"
    assert revealed(asha, wael) == GIVEN


def test_a_rehash_and_an_own_password_in_one_transaction_erase_it(wael: User, settings: SettingsWrapper) -> None:
    settings.BCRYPT_ROUNDS = 5

    with transaction.atomic():
        wael.check_password(GIVEN)
        wael.set_password("chosen by myself alone")
        wael.save(update_fields=["password"])

    assert not has_copy(wael)


def test_a_rehash_does_not_bring_an_older_password_back(wael: User, settings: SettingsWrapper) -> None:
    stale = User.objects.get(pk=wael.pk)
    change_own_password(actor=seat_of(wael), old_password=GIVEN, new_password="chosen by myself alone", now=NOW)
    settings.BCRYPT_ROUNDS = 5

    stale.check_password(GIVEN)

    assert User.objects.get(pk=wael.pk).check_password("chosen by myself alone")


def test_choosing_by_way_of_the_row_erases_it(wael: User) -> None:
    wael.set_password("chosen by myself alone")
    wael.save()

    assert not has_copy(wael)


def test_choosing_by_sql_erases_it(wael: User, sami: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE users SET password = %s WHERE id = %s", [make_password("another one"), wael.pk])

    assert not has_copy(wael)
    assert has_copy(sami)


def test_a_save_without_another_password_keeps_it(wael: User) -> None:
    wael.full_name = "Wael Aoun"
    wael.save()

    assert has_copy(wael)


def test_somebody_elses_new_choice_takes_its_place(asha: User, wael: User) -> None:
    wael.set_password("handed-over-again")
    wael.save(update_fields=["password"])
    keep_initial_password(user=wael, password="handed-over-again", created_by=asha, now=NOW)

    assert revealed(asha, wael) == "handed-over-again"


def test_after_seven_days_it_is_erased_with_the_next_one_that_is_kept(asha: User, wael: User) -> None:
    make_reseller(asha, "samar", "Southeast Net", now=NOW + timedelta(days=7))

    assert not has_copy(wael)


def test_a_copy_in_the_row_of_another_login_cannot_be_read(asha: User, wael: User, sami: User) -> None:
    of_wael = InitialPassword.objects.get(user=wael)
    InitialPassword.objects.filter(user=sami).update(ciphertext=of_wael.ciphertext)

    with pytest.raises(Undecryptable):
        revealed(asha, sami)


# --- turned off -------------------------------------------------------------------------------------------------------


def turn_off() -> None:
    PanelSettings.objects.update(keeps_initial_passwords=False)


def test_turning_the_copies_off_erases_those_there_are(asha: User, wael: User) -> None:
    turn_off()

    assert not InitialPassword.objects.exists()
    with pytest.raises(NoInitialPassword):
        revealed(asha, wael)


def test_once_turned_off_none_is_kept(asha: User) -> None:
    turn_off()

    user = make_reseller(asha, "wael", "West Net", password=GIVEN).user

    assert user.check_password(GIVEN)
    assert not has_copy(user)


def test_turned_on_again_later_ones_are_kept(asha: User) -> None:
    turn_off()
    PanelSettings.objects.update(keeps_initial_passwords=True)

    assert has_copy(make_reseller(asha, "wael", "West Net").user)


def test_other_settings_leave_the_copies_alone(wael: User) -> None:
    PanelSettings.objects.update(name="North Star", keeps_initial_passwords=True)

    assert has_copy(wael)


def test_turning_off_waits_for_a_login_that_is_being_made(committing: None, asha: User) -> None:
    def turn_off_elsewhere() -> None:
        turn_off()
        connection.close()

    other = threading.Thread(target=turn_off_elsewhere)
    with transaction.atomic():
        make_reseller(asha, "wael", "West Net")
        other.start()
        other.join(timeout=0.5)
        assert other.is_alive()

    other.join(timeout=10)

    assert not InitialPassword.objects.exists()


def test_the_pages_say_that_none_is_kept_and_offer_no_reveal(asha: User) -> None:
    turn_off()
    client = signed_in(asha)
    reseller = make_reseller(asha, "wael", "West Net", now=timezone.now())

    form, after = client.get("/resellers/new"), client.get(f"/resellers/?created={reseller.pk}")

    assert "It is not kept: note it now." in body(form)
    assert "give it to them yourself" in body(after)
    assert not [link for link in links_of(after) if "initial-password" in link]


# --- the canary -------------------------------------------------------------------------------------------------------


def seen_in(text: str) -> bool:
    """Say whether the canary is in a text, as it is or as bytes are written."""
    octets = CANARY.encode()
    written = (CANARY, octets.hex(), base64.b64encode(octets).decode()[:-4])
    return any(each in text for each in written)


def dump() -> str:
    """Return all that a backup of the test's database holds."""
    url = urlsplit(os.environ["DATABASE_OWNER_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    command = [embedded_postgres.programs() / "pg_dump", "--inserts", "--dbname", url]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def pages_after(client: Client, reseller: Reseller) -> list[Any]:
    tabs = ("", "transactions/", "subscribers/", "audit/", "edit/", "initial-password/")
    urls = ["/", "/resellers/", f"/resellers/?created={reseller.pk}", "/audit/", "/settings/security/"]
    return [client.get(url) for url in (*urls, *(f"/resellers/{reseller.pk}/{tab}" for tab in tabs))]


def test_an_initial_password_is_nowhere_but_in_its_reveal(
    committing: None, asha: User, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in (None, "django", "django.db.backends"):
        caplog.set_level(logging.DEBUG, logger=name)
    connection.force_debug_cursor = True
    client, stranger = signed_in(asha), Client()

    made = send(client, "/resellers/new", username="wael", password=CANARY, company_name="West Net")
    reseller = Reseller.objects.get(company_name="West Net")
    pages = pages_after(client, reseller)
    signing_in = [
        stranger.post("/sign-in/", {"login": "wael", "password": CANARY + "!"}),
        stranger.post("/sign-in/", {"login": "wael", "password": CANARY}, follow=True),
    ]
    shown = client.post(f"/resellers/{reseller.pk}/initial-password/")
    pages += pages_after(client, reseller)
    connection.force_debug_cursor = False

    backup, logged = dump(), "\n".join(str(vars(record)) for record in caplog.records)
    printed = "".join(capfd.readouterr())
    assert CANARY in text_of(shown.content.decode())
    assert reseller.user.username in backup
    assert "INSERT INTO" in logged
    assert not seen_in(backup)
    assert not seen_in(logged + printed)
    assert not seen_in(str(list(AuditEntry.objects.values())))
    for page in (made, *pages, *signing_in):
        assert not seen_in(page.content.decode())
        assert page.status_code in {200, 303, 422}
    assert not seen_in(str(dict(client.session)) + str(dict(stranger.session)))
