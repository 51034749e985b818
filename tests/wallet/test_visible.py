"""Whose money a seat reads: one rule for accounts, for transfers, for one row and for all."""

import pytest

from accounts.models import User
from resellers import operations as resellers
from resellers.models import Reseller
from tests.cast import NOW, fund, group, make_reseller, make_staff, make_support, seat_of
from tests.wallet.moves import charge, move
from wallet.models import LedgerAccount, Transfer


@pytest.fixture
def wallets(asha: User, north: Reseller, northeast: Reseller, south: Reseller) -> dict[str, LedgerAccount]:
    """Return every account that there is, by name; Gone's reseller is deleted."""
    gone = make_reseller(asha, "gone", "Gone", parent=north, permission_group=group("SALES"))
    resellers.delete_reseller(actor=seat_of(asha), reseller_id=gone.pk, now=NOW)
    return {account.name: account for account in LedgerAccount.objects.select_related("reseller")}


@pytest.fixture
def readers(asha: User, nadia: User, noora: User, sami: User, noor: User, north: Reseller) -> dict[str, User]:
    return {
        "asha": asha,
        "nadia": nadia,
        "noora": noora,
        "sami": sami,
        "noor": noor,
        "petra": make_support(asha),
        "clerk": make_staff(asha, north, "clerk", group("SUPPORT")),
    }


SEEN = {
    "asha": {"North Net", "Northeast Net", "South Net", "Partner Net", "Gone", "Platform", "Income"},
    "nadia": {"North Net", "Northeast Net"},
    "noora": {"Northeast Net"},
    "sami": {"South Net"},
    "noor": {"North Net", "Northeast Net", "South Net", "Partner Net"},
    "petra": set(),
    "clerk": {"North Net", "Northeast Net"},
}


@pytest.mark.parametrize("name", SEEN)
def test_a_seat_sees_these_accounts(wallets: dict[str, LedgerAccount], readers: dict[str, User], name: str) -> None:
    seat = seat_of(readers[name])

    assert {account.name for account in LedgerAccount.objects.visible_to(seat)} == SEEN[name]


@pytest.mark.parametrize("name", SEEN)
def test_one_row_says_what_the_query_says(
    wallets: dict[str, LedgerAccount], readers: dict[str, User], name: str
) -> None:
    seat = seat_of(readers[name])

    every = LedgerAccount.objects.select_related("reseller")
    assert {account.name for account in every if account.is_visible_to(seat)} == SEEN[name]


@pytest.mark.parametrize("name", SEEN)
def test_a_transfer_is_seen_from_either_side(
    asha: User, wallets: dict[str, LedgerAccount], readers: dict[str, User], name: str
) -> None:
    north, northeast, south = (wallets[f"{each} Net"] for each in ("North", "Northeast", "South"))
    fund(north, "100", actor=asha)
    fund(south, "100", actor=asha)
    move(asha, north, northeast, "10")
    charge(asha, northeast, "1")
    seat = seat_of(readers[name])

    seen = Transfer.objects.visible_to(seat)

    wanted = {
        transfer.pk
        for transfer in Transfer.objects.prefetch_related("entries__account")
        if any(entry.account.name in SEEN[name] for entry in transfer.entries.all())
    }
    assert {transfer.pk for transfer in seen} == wanted
    assert len(seen) == seen.count()
