"""What resellers ask of their subscribers."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from ispanel.money import HIGHEST_AMOUNT, MONEY
from plans.models import Plan
from resellers.models.tree import Reseller


class RetailPrice(models.Model):
    """What a reseller asks of its subscribers for a plan, where that is not the plan's own price."""

    reseller = models.ForeignKey(Reseller, on_delete=models.CASCADE, related_name="retail_prices")
    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="retail_prices")
    price = models.DecimalField(**MONEY)

    class Meta:
        db_table = "retail_prices"
        constraints = [
            models.UniqueConstraint(fields=["reseller", "plan"], name="one_retail_price_for_a_plan"),
            models.CheckConstraint(condition=Q(price__gte=0, price__lte=HIGHEST_AMOUNT), name="retail_price_fits"),
        ]

    def __str__(self) -> str:
        return f"{self.reseller} {self.plan} {self.price}"
