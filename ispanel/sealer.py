"""The sealer of `make run`: `manage.py seal_audit`, going on beside the web server."""

import sys
from pathlib import Path

from ispanel.child import Child

EVERY = 20  # seconds


class Sealer(Child):
    """A running sealer of the audit trail."""

    def __init__(self, note: Path) -> None:
        super().__init__([sys.executable, "manage.py", "seal_audit", "--every", str(EVERY)], note)
