"""The desk of the support staff: Django admin, reading the whole system and keeping contact data right.

`site.Desk` says who comes in and which addresses there are; `model_admin.DeskAdmin` is what the ``admin.py`` of each
app builds on. The seat there is `accounts.seats.DeskSeat`.
"""
