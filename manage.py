#!/usr/bin/env python
"""Django's command line, on the settings of this checkout's `make run` where there are any."""

import os
import sys

from django.core.management import execute_from_command_line

from ispanel import local

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ispanel.settings")
    local.load()
    execute_from_command_line(sys.argv)
