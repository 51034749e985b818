"""The checker of `make run`: `manage.py verify_ledger`, going on beside the web server."""

import sys
from pathlib import Path

from ispanel.child import Child

EVERY = 3600  # seconds


class Checker(Child):
    """A running checker of the ledger."""

    def __init__(self, note: Path) -> None:
        super().__init__([sys.executable, "manage.py", "verify_ledger", "--every", str(EVERY)], note)
