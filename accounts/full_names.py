"""Full names, and the first and last name that systems elsewhere keep apart.

The panel has one field for a name, as people write theirs. What was sent in two parts comes back in the same two, as
long as the name still ends in the last one; otherwise the last word counts as the last name.
"""

from __future__ import annotations


def joined(first_name: str, last_name: str) -> str:
    """Return the full name."""
    return " ".join(filter(None, [first_name, last_name]))


def in_parts(full_name: str, last_name: str | None = None) -> tuple[str, str]:
    """Return first and last name; either may be empty.

    :param last_name: what the last name is, if the full name ends in it; None is the last of several words.
    """
    if last_name is not None and joined(full_name.removesuffix(last_name).removesuffix(" "), last_name) == full_name:
        return full_name.removesuffix(last_name).removesuffix(" "), last_name
    first, _blank, last = full_name.rpartition(" ")
    return (first, last) if first else (last, "")


def last_name_to_keep(first_name: str, last_name: str) -> str | None:
    """Return what has to be kept beside the full name so that it falls into these parts; None where it does anyway."""
    return None if in_parts(joined(first_name, last_name)) == (first_name, last_name) else last_name
