"""Secrets that must be readable again: AES-256-GCM with associated data and a ring of keys from the environment."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

NONCE_BYTES = 12  # NIST SP 800-38D, section 5.2.1.1: 96 bits is the recommended length.
KEY_BYTES = 32
VERSION = b"\x01"

#: What a model says of itself as `ENCRYPTED`, for `rotate_keys`: each encrypted field, and how a row's purpose is made.
Purposes = Mapping[str, Callable[[Any], str]]


class Undecryptable(Exception):
    """The ciphertext was made with an unknown key, belongs to another row, or was altered."""


def parse_key_ring(text: str) -> dict[str, bytes]:
    """Return key id → key from ``id:base64,id2:base64``; the first one encrypts, all of them decrypt.

    :raises ValueError: naming the entry that is malformed.
    """
    ring: dict[str, bytes] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        key_id, separator, encoded = entry.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            key = b""
        if not separator or not key_id or len(key_id) > 32 or len(key) != KEY_BYTES:
            raise ValueError(f"the entry {key_id[:32]!r} is not of the form id:base64 of {KEY_BYTES} bytes")
        ring[key_id] = key
    if not ring:
        raise ValueError("it holds no key")
    return ring


def encrypt(secret: str, *, purpose: str) -> bytes:
    """Return the secret encrypted under the first key.

    :param purpose: what and whose it is, as ``"initial-password:17"``; decryption fails under any other.
    """
    nonce = os.urandom(NONCE_BYTES)
    key = settings.ENCRYPTION_KEYS[first_key()]
    return head() + nonce + AESGCM(key).encrypt(nonce, secret.encode(), purpose.encode())


def first_key() -> str:
    """Return the id of the key that encrypts."""
    return str(next(iter(settings.ENCRYPTION_KEYS)))


def head() -> bytes:
    """Return with what everything begins that is encrypted under the first key."""
    name = first_key().encode()
    return VERSION + bytes([len(name)]) + name


def key_of(blob: bytes) -> str | None:
    """Return the id of the key that a secret was encrypted under; None where it was not encrypted here."""
    blob = bytes(blob)
    return blob[2 : 2 + blob[1]].decode("utf-8", "replace") if blob[:1] == VERSION and len(blob) > 1 else None


def decrypt(blob: bytes, *, purpose: str) -> str:
    """Return the secret.

    :raises Undecryptable: see there.
    """
    blob = bytes(blob)
    key_id = key_of(blob)
    if key_id is None:
        raise Undecryptable("unknown format")
    end = 2 + blob[1]
    key = settings.ENCRYPTION_KEYS.get(key_id)
    if key is None:
        raise Undecryptable("its key is not in ENCRYPTION_KEYS")
    try:
        return AESGCM(key).decrypt(blob[end : end + NONCE_BYTES], blob[end + NONCE_BYTES :], purpose.encode()).decode()
    except (InvalidTag, ValueError):  # ValueError: cut off within the nonce
        raise Undecryptable("it was altered or belongs elsewhere") from None
