from django.contrib.admin.apps import AdminConfig


class DeskConfig(AdminConfig):
    """Django admin with our own site in place of its own."""

    default_site = "accounts.desk.site.Desk"
