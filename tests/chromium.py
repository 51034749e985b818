"""Where the browser of the browser tests is."""

import os
import shutil
from pathlib import Path


def find() -> str | None:
    """Return the path of CHROMIUM, or of Debian's, or of the first chromium on the PATH; None where there is none."""
    named = os.environ.get("CHROMIUM")
    candidates = [named] if named else ["/usr/bin/chromium", shutil.which("chromium")]
    return next((path for path in candidates if path and Path(path).is_file()), None)


def is_required() -> bool:
    """Say whether its absence is a failure: in CI."""
    return os.environ.get("CI", "").lower() in {"1", "true"}
