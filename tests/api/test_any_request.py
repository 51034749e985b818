"""Whatever is sent, with whatever token: no fault, no trace, no secret, and nothing written by a refused call."""

import pytest

from accounts.models import User
from tests.campaign.asking import KINDS, run_api

CASES = 500


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_sent_is_answered_in_the_one_shape_and_gives_nothing_away(asha: User, kind: str) -> None:
    outcome = run_api(admin=asha, kind=kind, cases=CASES, number=20_260_514)

    assert not outcome.findings
    assert outcome.counts["requests"] == CASES
    if kind != "no token":
        assert outcome.counts["answered with data"] > CASES / 50
    if kind == "admin token":
        assert outcome.counts["resellers made"]
