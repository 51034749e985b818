"""Pictures that people upload, made harmless: read, shrunk, and written anew."""

from __future__ import annotations

import io

from django.utils.translation import gettext as _
from PIL import Image, ImageOps

from ispanel.refusals import Refusal

HIGHEST_BYTES = 2 * 1024 * 1024
#: More than a screen of any kind shows; a small file may claim to be far larger than memory.
MOST_PIXELS = 25_000_000
#: What is kept: sharp on paper at five centimetres.
LARGEST = (1200, 600)
FORMATS = ("PNG", "JPEG", "WEBP")


class BadPicture(Refusal):
    """The file is no picture that can be taken."""

    field = "logo"


def as_png(data: bytes) -> bytes:
    """Return the picture as a PNG of our own making, no larger than a logo has to be, with nothing else in it.

    :raises BadPicture: saying what to upload instead.
    """
    if len(data) > HIGHEST_BYTES:
        raise BadPicture(_("This file is larger than 2 MB. Upload a smaller one."))
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise BadPicture(
                    _("This picture has more than 25 million pixels. 1200 pixels are wide enough for a logo.")
                )
            upright = ImageOps.exif_transpose(picture).convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as problem:
        raise BadPicture(_("This is no picture that can be read. Upload a PNG, JPEG or WebP file.")) from problem
    upright.thumbnail(LARGEST)
    written = io.BytesIO()
    # A picture of its own: what the file said besides, such as where it was taken, stays behind.
    Image.frombytes("RGBA", upright.size, upright.tobytes()).save(written, "PNG", optimize=True)
    return written.getvalue()


def size_of(png: bytes) -> tuple[int, int]:
    """Return the width and height in pixels of one of our PNGs."""
    with Image.open(io.BytesIO(png), formats=["PNG"]) as picture:
        return picture.size
