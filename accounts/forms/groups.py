"""Parsing what is typed about permission groups."""

from __future__ import annotations

from ispanel.lists import ListForm


class GroupListForm(ListForm):
    """How the permission groups are sorted."""

    sorts = {"name": "name", "resellers": "reseller_count", "logins": "login_count"}
    default_sort = "name"
