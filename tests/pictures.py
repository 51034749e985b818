"""Small pictures to upload."""

import io
from typing import Any

from PIL import Image

from ispanel.logos import as_png


def a_picture(kind: str = "PNG", size: tuple[int, int] = (300, 120), mode: str = "RGB", **options: Any) -> bytes:
    """Return a file of one colour."""
    written = io.BytesIO()
    Image.new(mode, size, "teal" if mode.startswith("RGB") else 90).save(written, kind, **options)
    return written.getvalue()


def a_logo() -> bytes:
    """Return a logo as the panel keeps it."""
    return as_png(a_picture())


def opened(data: bytes) -> Image.Image:
    """Return the picture that a file holds."""
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture
