"""Secrets that can be read again: only with the key, only in their own row, only unaltered."""

import base64

import pytest
from pytest_django import Settings

from ispanel.crypto import Undecryptable, decrypt, encrypt, parse_key_ring

OLD, NEW = bytes(range(32)), bytes(range(32, 64))


def test_a_secret_comes_back_as_it_was() -> None:
    sealed = encrypt("pässwörd ✓", purpose="initial-password:1")

    assert decrypt(sealed, purpose="initial-password:1") == "pässwörd ✓"
    assert "pässwörd".encode() not in sealed


def test_the_same_secret_is_never_encrypted_alike() -> None:
    assert encrypt("secret", purpose="x") != encrypt("secret", purpose="x")


def test_a_secret_moved_to_another_row_is_not_readable() -> None:
    sealed = encrypt("secret", purpose="initial-password:1")

    with pytest.raises(Undecryptable, match="belongs elsewhere"):
        decrypt(sealed, purpose="initial-password:2")


@pytest.mark.parametrize("position", [0, 1, 3, 10, -1])
def test_an_altered_secret_is_not_readable(position: int) -> None:
    sealed = bytearray(encrypt("secret", purpose="x"))
    sealed[position] ^= 1

    with pytest.raises(Undecryptable):
        decrypt(bytes(sealed), purpose="x")


@pytest.mark.parametrize("length", range(40))
def test_a_cut_off_secret_is_not_readable(length: int) -> None:
    sealed = encrypt("secret", purpose="x")

    with pytest.raises(Undecryptable):
        decrypt(sealed[:-1][:length], purpose="x")


def test_the_first_key_writes_and_every_key_reads(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = {"old": OLD}
    of_before = encrypt("secret", purpose="x")

    settings.ENCRYPTION_KEYS = {"new": NEW, "old": OLD}

    assert decrypt(of_before, purpose="x") == "secret"
    assert b"new" in encrypt("secret", purpose="x")


def test_a_secret_of_a_key_that_was_taken_away_is_not_readable(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = {"old": OLD}
    of_before = encrypt("secret", purpose="x")

    settings.ENCRYPTION_KEYS = {"new": NEW}

    with pytest.raises(Undecryptable, match="not in ENCRYPTION_KEYS"):
        decrypt(of_before, purpose="x")


def test_the_key_ring_keeps_the_order_of_its_entries() -> None:
    text = f" new:{base64.b64encode(NEW).decode()}, old:{base64.b64encode(OLD).decode()} "

    assert list(parse_key_ring(text).items()) == [("new", NEW), ("old", OLD)]


@pytest.mark.parametrize(
    "text", ["", " , ", "id", "id:", "id:not-base64!", "id:c2hvcnQ=", f":{base64.b64encode(OLD).decode()}"]
)
def test_a_malformed_key_ring_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no key|not of the form"):
        parse_key_ring(text)


def test_a_refused_key_is_not_repeated_in_the_message() -> None:
    with pytest.raises(ValueError, match="not of the form") as refusal:
        parse_key_ring("id:c2VjcmV0LWtleQ==")

    assert "c2VjcmV0" not in str(refusal.value)
