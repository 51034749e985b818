"""The panel's settings, with one page more."""

from ispanel.settings import *  # noqa: F403

ROOT_URLCONF = "tests.benchmarks.urls"
