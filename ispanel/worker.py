"""The worker of `make run`: `manage.py work`, going on beside the web server."""

import sys
from pathlib import Path

from ispanel.child import Child


class Worker(Child):
    """A running worker."""

    def __init__(self, note: Path) -> None:
        super().__init__([sys.executable, "manage.py", "work"], note)
