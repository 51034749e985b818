"""Several people pressing at the same moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connection


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Run the acts in threads that start together, each on a connection of its own.

    Return what each of them returned, or the exception that it raised.
    """
    start = Barrier(len(acts), timeout=30)

    def run(act: Callable[[], Any]) -> Any:
        try:
            connection.ensure_connection()
            start.wait()
            return act()
        except Exception as problem:
            return problem
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))
