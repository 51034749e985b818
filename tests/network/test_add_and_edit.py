"""Adding, changing and removing NAS devices."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from ispanel import crypto, key_rotation
from network.models import Nas, purpose_of_nas_secret
from plans.models import Plan
from resellers.models import Reseller
from subscribers.models import Subscriber
from tests.cast import NOW, group, make_staff, signed_in
from tests.network.devices import add_nas, disconnect
from tests.network.freeradius import SECRET
from tests.pages import body, error_at, filled, send
from tests.subscribers.lines import add

NEW = "/nas/new"
CORE: dict[str, Any] = {"name": "Core", "kind": "mikrotik", "address": "192.0.2.1", "secret": SECRET}


def wish(**typed: Any) -> dict[str, Any]:
    return CORE | typed


def page_of(nas: Nas, act: str = "") -> str:
    return f"/nas/{nas.pk}/{act}"


def secret_of(nas: Nas) -> str:
    nas.refresh_from_db()
    return crypto.decrypt(bytes(nas.secret_ciphertext), purpose=purpose_of_nas_secret(nas.address))


@pytest.fixture
def core(asha: User) -> Nas:
    return add_nas(asha)


@pytest.fixture
def line(asha: User, north: Reseller, home: Plan, core: Nas) -> Subscriber:
    """Return a line that is on the NAS device."""
    line = add(asha, north, home, activate=False)
    Subscriber.objects.update(nas=core)
    return line


# --- adding -----------------------------------------------------------------------------------------------------------


def test_an_admin_adds_a_nas(asha: User) -> None:
    client = signed_in(asha)

    response = send(client, NEW, **wish(note="In the cellar"))

    nas = Nas.objects.get()
    assert (response.status_code, response.url) == (303, f"/nas/{nas.pk}/")
    assert "The NAS device Core is added." in body(client.get(response.url))
    assert (nas.name, nas.address, nas.kind, nas.note) == ("Core", "192.0.2.1", "mikrotik", "In the cellar")
    assert (nas.coa_port, nas.probe_port, nas.is_reachable) == (3799, 443, None)


def test_the_secret_is_kept_encrypted_and_shown_nowhere(asha: User) -> None:
    client = signed_in(asha)

    response = send(client, NEW, **wish())

    nas = Nas.objects.get()
    assert SECRET.encode() not in bytes(nas.secret_ciphertext)
    assert secret_of(nas) == SECRET
    for url in (response.url, page_of(nas, "edit/"), "/nas/", "/audit/"):
        assert SECRET not in client.get(url).content.decode()


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        (" 192.0.2.7 ", "192.0.2.7"),
        ("::1", "::1"),
    ],
)
def test_an_address_is_kept_as_it_is_written_shortest(asha: User, typed: str, kept: str) -> None:
    assert send(signed_in(asha), NEW, **wish(address=typed)).status_code == 303

    nas = Nas.objects.get()
    assert nas.address == kept
    assert secret_of(nas) == SECRET


def test_it_is_audited_without_the_secret(asha: User) -> None:
    send(signed_in(asha), NEW, **wish())

    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.actor_name, entry.object_name) == (Action.NAS_CREATED, "asha", "Core")
    assert (entry.object_type, entry.changes["address"]) == ("nas", [None, "192.0.2.1"])
    assert SECRET not in str(entry.changes)


ASCII = "Use letters, digits and signs of ASCII, without spaces."
REQUIRED = "This field is required."
REFUSALS = {
    "no name": ("name", " ", REQUIRED),
    "no address": ("address", "", REQUIRED),
    "no address at all": ("address", "core.example", "Enter a valid IPv4 or IPv6 address."),
    "a network": ("address", "192.0.2.0/24", "Enter a valid IPv4 or IPv6 address."),
    "any address": ("address", "0.0.0.0", "0.0.0.0 is no address that a device can have."),
    "a multicast address": ("address", "ff02::1", "ff02::1 is no address that a device can have."),
    "an address taken back": ("address", "::192.0.2.1", "::c000:201 is no address that a device can have."),
    "no secret": ("secret", "", REQUIRED),
    "a short secret": ("secret", "1234567", "Ensure this value has at least 8 characters (it has 7)."),
    "a secret with a space": ("secret", "a secret of freeradius", ASCII),
    "a secret with letters beyond ASCII": ("secret", "geheimnisü", ASCII),
    "a secret with a line end": ("secret", "a-secret-of-it\n", ASCII),
    "port nought": ("coa_port", "0", "Ensure this value is greater than or equal to 1."),
    "port beyond": ("probe_port", "65536", "Ensure this value is less than or equal to 65535."),
    "kind unknown": ("kind", "cisco", "Select a valid choice. cisco is not one of the available choices."),
}


@pytest.mark.parametrize(("field", "typed", "message"), REFUSALS.values(), ids=REFUSALS)
def test_adding_is_refused_at_the_field(asha: User, field: str, typed: str, message: str) -> None:
    response = send(signed_in(asha), NEW, **wish(**{field: typed}))

    assert (response.status_code, set(response.context["form"].errors)) == (422, {field})
    assert error_at(response, field) == message
    assert not Nas.objects.exists()


@pytest.mark.parametrize(
    ("typed", "field", "message"),
    [
        ({"address": "192.0.2.2"}, "name", "There is a NAS device named “Core” already."),
        ({"name": "Other"}, "address", "Core has this address already."),
        ({"name": "Other", "address": "::ffff:192.0.2.1"}, "address", "Core has this address already."),
    ],
)
def test_name_and_address_are_one_devices(
    asha: User, core: Nas, typed: dict[str, str], field: str, message: str
) -> None:
    response = send(signed_in(asha), NEW, **wish(**typed))

    assert response.status_code == 422
    assert error_at(response, field) == message


# --- changing ---------------------------------------------------------------------------------------------------------


def test_an_admin_changes_it_and_an_empty_secret_keeps_the_present_one(asha: User, core: Nas) -> None:
    client = signed_in(asha)

    response = send(client, page_of(core, "edit/"), name="Edge", coa_port="1700")

    core.refresh_from_db()
    assert (response.status_code, response.url) == (303, page_of(core))
    assert (core.name, core.coa_port) == ("Edge", 1700)
    assert secret_of(core) == SECRET
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.changes) == (
        Action.NAS_EDITED,
        {"name": ["Core", "Edge"], "coa_port": [3799, 1700]},
    )


def test_a_new_secret_is_told_as_changed(asha: User, core: Nas) -> None:
    send(signed_in(asha), page_of(core, "edit/"), secret="another-secret")

    assert secret_of(core) == "another-secret"
    assert AuditEntry.objects.latest("id").changes == {"secret": [None, "changed"]}


def test_with_a_new_address_the_secret_goes_along_and_the_last_probe_is_forgotten(asha: User, core: Nas) -> None:
    Nas.objects.update(is_reachable=True, probed_at=NOW, probe_answer="Accepted")

    send(signed_in(asha), page_of(core, "edit/"), address="2001:db8::2")

    assert secret_of(core) == SECRET
    assert (core.address, core.is_reachable, core.probed_at, core.probe_answer) == ("2001:db8::2", None, None, "")


def test_a_secret_that_cannot_be_read_has_to_be_typed_for_a_new_address(asha: User, core: Nas) -> None:
    Nas.objects.update(secret_ciphertext=b"x")
    client = signed_in(asha)

    response = send(client, page_of(core, "edit/"), address="192.0.2.9")
    assert response.status_code == 422
    assert error_at(response, "secret") == "The present secret cannot be read. Enter it anew."

    assert send(client, page_of(core, "edit/"), address="192.0.2.9", secret=SECRET).status_code == 303
    assert secret_of(core) == SECRET


def test_saving_what_is_there_changes_nothing(asha: User, core: Nas) -> None:
    before = AuditEntry.objects.count(), bytes(Nas.objects.get().secret_ciphertext)

    send(signed_in(asha), page_of(core, "edit/"))

    assert (AuditEntry.objects.count(), bytes(Nas.objects.get().secret_ciphertext)) == before


def test_the_name_of_another_one_is_refused_on_changing_too(asha: User, core: Nas) -> None:
    edge = add_nas(asha, "Edge", "192.0.2.2")

    response = send(signed_in(asha), page_of(edge, "edit/"), name="Core")

    assert error_at(response, "name") == "There is a NAS device named “Core” already."


# --- removing ---------------------------------------------------------------------------------------------------------


def test_a_nas_that_nothing_names_is_removed(asha: User, core: Nas) -> None:
    client = signed_in(asha)

    response = client.post(page_of(core, "removal/"))

    assert (response.status_code, response.url) == (303, "/nas/")
    assert not Nas.objects.exists()
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.changes["address"]) == (Action.NAS_DELETED, ["192.0.2.1", None])


def why_it_stays(asha: User, nas: Nas) -> str:
    """Return what the dialog says, and that removing is refused with the same words."""
    client = signed_in(asha)
    shown = client.get(page_of(nas, "removal/"))
    assert "Remove NAS device</button>" not in shown.content.decode()
    refused = client.post(page_of(nas, "removal/"))
    assert refused.status_code == 422
    assert Nas.objects.filter(pk=nas.pk).exists()
    [sentence] = refused.context["form"].non_field_errors()
    assert str(sentence) in body(shown)
    return str(sentence)


def test_one_with_subscribers_stays(asha: User, core: Nas, line: Subscriber) -> None:
    assert why_it_stays(asha, core) == "1 subscriber is on it. Move it to another NAS device first."


def test_one_in_a_resellers_list_stays(asha: User, north: Reseller, core: Nas) -> None:
    north.nas_devices.add(core)

    assert why_it_stays(asha, core) == ("It is in the list of NAS devices of 1 reseller. Take it out there first.")


def test_one_that_history_names_stays(asha: User, core: Nas, line: Subscriber) -> None:
    reason = "Terminated subscribers, or requests that it was sent, name it, and history is kept."
    Subscriber.objects.update(terminated_at=NOW)
    assert why_it_stays(asha, core) == reason

    Subscriber.objects.update(nas=None)
    disconnect(core, line)
    assert why_it_stays(asha, core) == reason


# --- who --------------------------------------------------------------------------------------------------------------


def test_nobody_but_an_admin_changes_one(
    asha: User, nadia: User, noora: User, noor: User, petra: User, north: Reseller, core: Nas
) -> None:
    clerk = make_staff(asha, north, "clerk", group("SALES"))
    contents = filled(signed_in(asha).get(page_of(core, "edit/")), name="Mine")

    for user in (nadia, noora, noor, petra, clerk):
        client = signed_in(user)
        for act in ("edit/", "removal/", "probes/"):
            assert client.post(page_of(core, act), contents).status_code == 403, (user, act)
        assert client.post(NEW, wish(name="Mine", address="192.0.2.9")).status_code == 403

    assert list(Nas.objects.values_list("name", flat=True)) == ["Core"]


def test_one_that_is_not_there_is_not_found(asha: User) -> None:
    client = signed_in(asha)

    for act in ("", "edit/", "removal/"):
        assert client.get(f"/nas/987654/{act}").status_code == 404
    assert client.post("/nas/987654/probes/").status_code == 404


# --- keys -------------------------------------------------------------------------------------------------------------


def test_the_secret_goes_under_the_new_key_with_all_others(
    asha: User, core: Nas, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = {"new": bytes(range(32))} | old

    rotation = key_rotation.rotate_keys(now=NOW)

    assert rotation.done["NAS devices"] == 1
    settings.ENCRYPTION_KEYS = {"new": bytes(range(32))}
    assert secret_of(core) == SECRET


# --- the database has the last word -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong", ["kind = 'cisco'", "coa_port = 0", "probe_port = 65536", "is_reachable = true", "probed_at = now()"]
)
def test_the_database_refuses_what_is_no_nas(core: Nas, wrong: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE nas SET {wrong}")
