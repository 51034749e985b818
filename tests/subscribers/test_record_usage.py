"""`manage.py record_usage`: what accounting tells, from a file."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import User
from plans.models import Plan
from resellers.models import Reseller
from subscribers.models import Renewal, Subscriber
from tests.cast import fund
from tests.subscribers.lines import add


def record(file: Path, text: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    file.write_text(text, encoding="utf-8")
    call_command("record_usage", str(file), stdout=out, stderr=err)
    return out.getvalue().strip(), err.getvalue().strip()


@pytest.fixture
def amal(asha: User, north: Reseller, home: Plan) -> Subscriber:
    """Return a line whose period runs today."""
    fund(north.wallet, "100", actor=asha)
    return add(asha, north, home, now=timezone.now())


def test_the_megabytes_of_each_line_are_taken_over(amal: Subscriber, tmp_path: Path) -> None:
    out, err = record(tmp_path / "used.csv", "\ufeffAmal,1234\r\n\r\nnobody,5\r\n")

    assert Renewal.objects.get(subscriber=amal).used_mb == 1234
    assert out == "Took over the usage of 1 lines."
    assert err == "Not there, or without a running period: nobody."


@pytest.mark.parametrize("line", ["amal", "amal,-1", "amal,1.5", "amal,1,2", "amal,"])
def test_a_file_with_a_line_that_cannot_be_read_changes_nothing(amal: Subscriber, tmp_path: Path, line: str) -> None:
    with pytest.raises(CommandError, match="Line 2 is not of the form username,megabytes"):
        record(tmp_path / "used.csv", f"amal,7\n{line}\n")

    assert Renewal.objects.get(subscriber=amal).used_mb == 0


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(CommandError, match=r"/nowhere/used\.csv cannot be read"):
        call_command("record_usage", "/nowhere/used.csv")
