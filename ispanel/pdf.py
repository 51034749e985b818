"""Papers as PDF, laid out by typst: what all of them share."""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typst
from django.utils.translation import get_language, get_language_bidi
from django.utils.translation import gettext as _

from ispanel.issuer import Issuer
from ispanel.logos import size_of

#: What stands before each template: the page, its foot, and how names, lines and the issuer are set.
PAPER = Path(__file__).parent / "typst" / "paper.typ"
#: In this order, as far as they are there; the last two come with typst and have Latin, Greek, Cyrillic, Hebrew and
#: Arabic between them. What none of these has is taken from any other font of the system.
FONTS = ("Noto Sans", "Noto Sans Arabic", "Noto Sans Hebrew", "DejaVu Sans", "Libertinus Serif", "DejaVu Sans Mono")


#: How many characters of a word stand in a line at any rate.
UNBROKEN = 22
ZERO_WIDTH_SPACE = "\u200b"


@functools.cache
def fonts() -> typst.Fonts:
    """Return the fonts of the system and those that come with typst, looked for once."""
    return typst.Fonts()


@functools.cache
def families() -> list[str]:
    """Return the names of our fonts that are there."""
    there = set(fonts().families())
    return [name for name in FONTS if name in there]


def pdf_of(template: Path, contents: Mapping[str, Any], issuer: Issuer, *, title: str, footer: str) -> bytes:
    """Return a paper on A4, in the language in force.

    :param contents: all that stands on it, in words and formatted: the template only lays it out.
    :param footer: what stands at the foot of each page, before its number.
    """
    paper = {
        **contents,
        "language": (get_language() or "en").partition("-")[0],
        "runs_to_the_left": get_language_bidi(),
        "fonts": families(),
        "issuer": issuer_on_paper(issuer),
        "title": title,
        "footer": footer,
        "page": _("Page {page} of {pages}"),
    }
    compiler = typst.Compiler(
        PAPER.read_bytes() + template.read_bytes(),
        font_paths=fonts(),
        ignore_system_fonts=True,  # they are among `fonts`, and not looked for again
        sys_inputs={"paper": json.dumps(paper)},
    )
    pdf = compiler.compile(format="pdf")
    assert isinstance(pdf, bytes)
    return pdf


def issuer_on_paper(issuer: Issuer) -> dict[str, Any]:
    """Return what stands at the head of a paper."""
    return {
        "name": on_one_line(issuer.name),
        "address": on_lines(issuer.address),
        "tax_line": on_one_line(issuer.tax_line),
        "logo": logo_of(issuer),
    }


def on_one_line(text: str) -> str:
    """Return the text with one blank for each gap: typst leaves tabs out, and so would join words.

    A word that is wider than a column may be broken, as usernames that are emails are.
    """
    return " ".join(map(breakable, text.split()))


def breakable(word: str) -> str:
    """Return the word with a place to break it, which has no width, after every so many characters."""
    return ZERO_WIDTH_SPACE.join(word[at : at + UNBROKEN] for at in range(0, len(word), UNBROKEN))


def on_lines(text: str) -> str:
    """Return the lines of the text, however they end, each as `on_one_line` has it."""
    return "\n".join(map(on_one_line, text.splitlines()))


def logo_of(issuer: Issuer) -> dict[str, Any] | None:
    """Return the logo as text, with its size."""
    if issuer.logo is None:
        return None
    width, height = size_of(issuer.logo)
    return {"png": base64.b64encode(issuer.logo).decode(), "width": width, "height": height}
