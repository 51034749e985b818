"""The panel does what arithmetic on plain numbers does, whatever act of money comes and in whatever order."""

from accounts.models import User
from tests.campaign.model import run_model


def test_every_act_of_money_agrees_with_plain_arithmetic(asha: User) -> None:
    run_model(admin=asha, examples=15, steps=40)
