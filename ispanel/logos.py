"""Pictures that people upload, made harmless: read, shrunk, and written anew."""

from __future__ import annotations

import io
import struct
import zlib

from django.utils.translation import gettext as _
from PIL import ExifTags, Image

from ispanel.refusals import Refusal

HIGHEST_BYTES = 2 * 1024 * 1024
#: More than a screen of any kind shows; a small file may claim to be far larger than memory.
MOST_PIXELS = 25_000_000
#: What is kept: sharp on paper at five centimetres.
LARGEST = (1200, 600)
FORMATS = ("PNG", "JPEG", "WEBP")
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
            pixels = picture.convert("RGBA")
            turn = TURNS.get(orientation_of(picture))
    except DAMAGED as problem:
        raise BadPicture(_("This is no picture that can be read. Upload a PNG, JPEG or WebP file.")) from problem
    upright = pixels if turn is None else pixels.transpose(turn)
    upright.thumbnail(LARGEST)
    written = io.BytesIO()
    # A picture of its own: what the file said besides, such as where it was taken, stays behind.
    Image.frombytes("RGBA", upright.size, upright.tobytes()).save(written, "PNG", optimize=True)
    return written.getvalue()


def orientation_of(picture: Image.Image) -> int:
    """Return what the EXIF says of how a picture lies; 1, which is upright, where nothing of it can be read."""
    try:
        orientation = picture.getexif().get(ExifTags.Base.Orientation)
    except DAMAGED:
        return 1
    return orientation if isinstance(orientation, int) else 1


def size_of(png: bytes) -> tuple[int, int]:
    """Return the width and height in pixels of one of our PNGs."""
    with Image.open(io.BytesIO(png), formats=["PNG"]) as picture:
        return picture.size
