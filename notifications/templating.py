"""Texts with variables, as `Hello {{ name }}`: names between two braces are all there is, and nothing is ever executed.

Django's own templates would reach settings and objects from what somebody types, so they have no part in this.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping

from django.utils.translation import gettext as _

VARIABLE = re.compile(r"\{\{[ \t]*([a-z_]+)[ \t]*\}\}")
#: What looks as if somebody meant a variable, and is none.
ATTEMPT = re.compile(r"\{\{.*?\}\}", re.DOTALL)
TAG = re.compile(r"\{[%#]|[%#]\}")
#: Two of them, or more.
BLANK_LINES = re.compile(r"\n(?:[ \t]*\n){2,}")
LONGEST_SHOWN = 40


def fill(text: str, values: Mapping[str, str], *, escape: Callable[[str], str] = str) -> str:
    """Return the text with each variable's value in its place, once: braces within a value stay as they are.

    :param values: a variable that is not among them is blank.
    :param escape: what is done to each value for the place that it goes to.
    """
    return VARIABLE.sub(lambda found: escape(values.get(found[1], "")), text)


def without_gaps(text: str) -> str:
    """Return the text without what a blank variable leaves: two blank lines in a row, and any at its ends."""
    return BLANK_LINES.sub("\n\n", text).strip()


def problems_of(text: str, allowed: Collection[str], *, secrets: Collection[str] = ()) -> list[str]:
    """Return a sentence for each thing in the text that would not be filled in; none where all is well.

    :param secrets: those of the variables that are not filled in here, since what they open must not stand here.
    """
    return list(dict.fromkeys(_problems(text, allowed, secrets)))


def _problems(text: str, allowed: Collection[str], secrets: Collection[str]) -> Iterator[str]:
    if TAG.search(text):
        yield _("Write no {% … %} and no {# … #}: only variables between two braces are filled in.")
    for name in VARIABLE.findall(text):
        if name not in allowed:
            yield _("There is no variable “%(name)s” here.") % {"name": name[:LONGEST_SHOWN]}
        elif name in secrets:
            yield _("“%(name)s” may stand in the text alone, which is kept encrypted.") % {"name": name}
    rest = VARIABLE.sub("", text)
    for attempt in ATTEMPT.findall(rest):
        yield _("“%(what)s” is not understood: write a variable’s name alone between the braces.") % {
            "what": " ".join(attempt.split())[:LONGEST_SHOWN]
        }
    rest = ATTEMPT.sub("", rest)
    if "{{" in rest or "}}" in rest:
        yield _("A variable’s braces are not closed, or not opened: write it as {{ name }}.")


def in_words(allowed: Collection[str]) -> str:
    """Return what may be used, as a sentence."""
    names = ", ".join(f"{{{{ {name} }}}}" for name in allowed)
    return _("You may use %(names)s.") % {"names": names}
