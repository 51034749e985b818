"""Pictures that people upload, made harmless: read, shrunk, and written anew."""

from __future__ import annotations

import hashlib
import io
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Lock

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Exists, ForeignObjectRel, OuterRef, QuerySet
from django.utils.translation import gettext as _
from PIL import ExifTags, Image

from ispanel.models import Picture
from ispanel.refusals import Refusal

HIGHEST_BYTES = 2 * 1024 * 1024
#: More than a screen of any kind shows; a small file may claim to be far larger than memory.
MOST_PIXELS = 10_000_000
#: Of a JPEG: programs write about ten. Each goes over all pixels again, though it may be a few bytes long.
MOST_SCANS = 64
#: What is kept: sharp on paper at five centimetres.
LARGEST = (1200, 600)
FORMATS = ("PNG", "JPEG", "WEBP")
#: How long nothing refers to a picture before it is erased.
UNUSED_FOR = timedelta(days=1)
#: What their files are called. One that is called otherwise was not meant as a picture.
ENDINGS = (".png", ".jpg", ".jpeg", ".webp")
#: What ends the compressed part of a JPEG: a marker, neither an escaped byte nor a restart.
MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
END_OF_PICTURE, START_OF_SCAN, WITHOUT_LENGTH = 0xD9, 0xDA, 0x01
#: How to turn a picture upright, by the Orientation of its EXIF.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ON_THE_SIDE = (
    Image.Transpose.TRANSPOSE,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSVERSE,
    Image.Transpose.ROTATE_90,
)
#: What a picture may be shrunk in, as it stands: what is transparent is no colour among others.
SHRINKABLE = ("L", "LA", "RGB", "RGBA", "CMYK", "YCbCr")
#: Held while a picture is read: whoever uploads many at once shall not have memory for many.
ONE_AT_A_TIME = Lock()
#: For how many seconds an upload waits for another one, and keeps a thread from other people's requests.
PATIENCE = 1.0
#: What Pillow raises on damaged files, one way or another.
DAMAGED = (
    OSError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    EOFError,
    SyntaxError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


class BadPicture(Refusal):
    """The file is no picture that can be taken."""

    field = "logo"


def png_of(uploaded: UploadedFile[bytes]) -> bytes:
    """Return the picture of an uploaded file as `as_png` does.

    :raises BadPicture: saying what to upload instead; a file that is too large is not even read.
    """
    if not (uploaded.name or "").lower().endswith(ENDINGS):
        raise BadPicture(_("The file’s name has to end in .png, .jpg, .jpeg or .webp. Upload such a picture."))
    check_size(uploaded.size or 0)
    return as_png(uploaded.read())


def check_size(size: int) -> None:
    """:raises BadPicture: for more bytes than a logo needs."""
    if size > HIGHEST_BYTES:
        raise BadPicture(_("This file is larger than 2 MB. Upload a smaller one."))


def as_png(data: bytes) -> bytes:
    """Return the picture as a PNG of our own making, no larger than a logo has to be, with nothing else in it.

    Of an animated one it is the first frame.

    :raises BadPicture: saying what to upload instead.
    """
    check_size(len(data))
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise BadPicture(
                    _("This picture has more than 10 million pixels. 1200 pixels are wide enough for a logo.")
                )
            check_nothing_follows(data, picture.format or "")
            with turn_to_read():
                upright = upright_and_small(picture)
    except DAMAGED as problem:
        raise BadPicture(_("This is no picture that can be read. Upload a PNG, JPEG or WebP file.")) from problem
    written = io.BytesIO()
    # A picture of its own: what the file said besides, such as where it was taken, stays behind.
    Image.frombytes("RGBA", upright.size, upright.tobytes()).save(written, "PNG", optimize=True)
    return written.getvalue()


@contextmanager
def turn_to_read() -> Iterator[None]:
    """Let one picture at a time be read.

    :raises BadPicture: where others are being read for longer than somebody waits.
    """
    if not ONE_AT_A_TIME.acquire(timeout=PATIENCE):
        raise BadPicture(_("Other pictures are being read at this moment. Upload it again in a few seconds."))
    try:
        yield
    finally:
        ONE_AT_A_TIME.release()


def upright_and_small(picture: Image.Image) -> Image.Image:
    """Return the picture as it is meant to be looked at, no larger than a logo has to be.

    It is shrunk before all else, and a JPEG while it is read, so that little more than one copy is in memory.
    """
    turn = TURNS.get(orientation_of(picture))
    if picture.mode not in SHRINKABLE or "transparency" in picture.info:
        picture = picture.convert("RGBA")
    picture.thumbnail(LARGEST if turn not in ON_THE_SIDE else LARGEST[::-1])
    pixels = picture.convert("RGBA")
    return pixels if turn is None else pixels.transpose(turn)


def check_nothing_follows(data: bytes, kind: str) -> None:
    """Refuse a file that goes on where its picture ends: it is, or pretends to be, something else besides.

    Zeros are padding. What hides inside of a picture is left behind when it is written anew.

    :raises BadPicture:
    """
    ends = {"PNG": end_of_png, "WEBP": end_of_webp}
    end = ends.get(kind, end_of_jpeg)(data)
    if end is not None and data[end:].strip(b"\0"):
        raise BadPicture(_("This file holds something else behind the picture. Save the picture anew and upload that."))


def end_of_png(data: bytes) -> int | None:
    """Return where the last chunk of a PNG ends; None where there is none."""
    at = 8
    while at + 8 <= len(data):
        kind = data[at + 4 : at + 8]
        at += 12 + int.from_bytes(data[at : at + 4], "big")
        if kind == b"IEND":
            return at
    return None


def end_of_webp(data: bytes) -> int:
    """Return where a WebP ends, as its head says."""
    length = int.from_bytes(data[4:8], "little")
    return 8 + length + length % 2


def end_of_jpeg(data: bytes) -> int | None:
    """Return what stands behind the end marker of a JPEG; None where there is none.

    :raises BadPicture: for one that would keep whoever reads it busy for minutes.
    """
    at, scans = 2, 0
    while found := MARKER.search(data, at):
        marker, at = data[found.end() - 1], found.end()
        scans += marker == START_OF_SCAN
        if scans > MOST_SCANS:
            raise BadPicture(_("This picture is put together too elaborately. Save it anew and upload that."))
        if marker == END_OF_PICTURE:
            return at
        if marker != WITHOUT_LENGTH:
            at += int.from_bytes(data[at : at + 2], "big")
    return None


def orientation_of(picture: Image.Image) -> int:
    """Return what the EXIF says of how a picture lies; 1, which is upright, where nothing of it can be read."""
    try:
        orientation = picture.getexif().get(ExifTags.Base.Orientation)
    except DAMAGED:
        return 1
    return orientation if isinstance(orientation, int) else 1


def kept_picture(png: bytes) -> Picture:
    """Return the row of one of our PNGs, made where there is none, for something that refers to it from now on.

    One that is there is locked, so that nobody erases it before the caller's transaction ends.
    """
    [picture] = Picture.objects.bulk_create(
        [Picture(digest=digest_of(png), png=png)],
        update_conflicts=True,
        unique_fields=["digest"],
        update_fields=["unused_since"],
    )
    return picture


@transaction.atomic
def erase_unused(*, now: datetime) -> None:
    """Erase the pictures that nothing has referred to for a day.

    A paper that is being issued may be about to name the logo that was changed this very moment, hence the day.
    """
    unreferenced(Picture.objects.filter(unused_since__isnull=True)).update(unused_since=now)
    erase_unreferenced(Picture.objects.filter(unused_since__lte=now - UNUSED_FOR))


@transaction.atomic
def erase_unreferenced(pictures: QuerySet[Picture]) -> None:
    """Erase those of the pictures that nothing refers to, and that nobody is keeping at this very moment."""
    held = list(pictures.select_for_update(skip_locked=True).values_list("pk", flat=True))
    unreferenced(Picture.objects.filter(pk__in=held)).only("pk").delete()


def unreferenced(pictures: QuerySet[Picture]) -> QuerySet[Picture]:
    """Return those of the pictures that no row of any table refers to."""
    for relation in Picture._meta.get_fields(include_hidden=True):
        if isinstance(relation, ForeignObjectRel):
            named = relation.related_model._base_manager.filter(**{relation.field.name: OuterRef("pk")})
            pictures = pictures.filter(~Exists(named))
    return pictures


def digest_of(png: bytes) -> str:
    """Return what one of our PNGs is kept and served under."""
    return hashlib.sha256(png).hexdigest()


def size_of(png: bytes) -> tuple[int, int]:
    """Return the width and height in pixels of one of our PNGs."""
    with Image.open(io.BytesIO(png), formats=["PNG"]) as picture:
        return picture.size


def in_words(logo: Picture | None) -> str | None:
    """Return by what the trail tells one logo from another."""
    if logo is None:
        return None
    width, height = size_of(bytes(logo.png))
    return f"{width} × {height}, SHA-256 {logo}"
