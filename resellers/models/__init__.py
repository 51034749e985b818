"""The tenant tree with what belongs to its resellers: staff, requests for money, prices."""

from resellers.models.branding import Branding, CustomDomain, CustomDomainQuerySet
from resellers.models.prices import RetailPrice
from resellers.models.staff import StaffLogin, StaffLoginQuerySet
from resellers.models.top_ups import ASKS_PARENT, WAITING, TopUpRequest, TopUpRequestQuerySet, TopUpStatus
from resellers.models.tree import (
    LOW_ON_BALANCE,
    OVER_LIMIT,
    OWING,
    SUSPENDED,
    WITH_LIMIT,
    Reseller,
    ResellerQuerySet,
    WanCheck,
)

__all__ = [
    "ASKS_PARENT",
    "LOW_ON_BALANCE",
    "OVER_LIMIT",
    "OWING",
    "SUSPENDED",
    "WAITING",
    "WITH_LIMIT",
    "Branding",
    "CustomDomain",
    "CustomDomainQuerySet",
    "Reseller",
    "ResellerQuerySet",
    "RetailPrice",
    "StaffLogin",
    "StaffLoginQuerySet",
    "TopUpRequest",
    "TopUpRequestQuerySet",
    "TopUpStatus",
    "WanCheck",
]
