"""The project: settings, addresses, and what all apps share."""

#: Of the panel; pyproject.toml says the same.
VERSION = "0.1.0"
