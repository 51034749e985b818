"""What is typed about a reseller's terms: its level, and what it asks for plans."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ispanel.fields import AmountField
from ispanel.installation import currency
from ispanel.money import percent, with_code
from plans.models import Level, Plan
from resellers.models import Reseller


class LevelChoice(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Levels with what they give in a word."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name}: {terms_in_words(obj)}"


def terms_in_words(level: Level) -> str:
    """Return the discount and the highest credit limit of a level."""
    words = {"discount": percent(level.discount)}
    if level.highest_credit_limit is None:
        return _("%(discount)s off, any credit limit") % words
    highest = with_code(level.highest_credit_limit, currency())
    return _("%(discount)s off, credit limit up to %(highest)s") % {**words, "highest": highest}


def change_in_words(reseller: Reseller, level: Level | None) -> str:
    """Return what it does to the reseller to be given the level, or none."""
    old, new = reseller.discount, level.discount if level else Decimal(0)
    sentences = [_("Discount stays %(new)s.") if old == new else _("Discount %(old)s → %(new)s.")]
    limit = reseller.wallet.credit_limit or Decimal(0)
    clipped = level.clipped(limit) if level and level != reseller.level else limit
    sentences.append(
        _("Credit limit stays %(limit)s.") if clipped == limit else _("Credit limit %(limit)s → %(clipped)s.")
    )
    if level:
        sentences.append(_("Default group: %(group)s."))
        sentences.append(_("Priority support.") if level.has_priority_support else "")
    return " ".join(filter(None, sentences)) % {
        "old": percent(old),
        "new": percent(new),
        "limit": with_code(limit, currency()),
        "clipped": with_code(clipped, currency()),
        "group": (level and level.default_permission_group) or _("none"),
    }


class LevelChangeForm(forms.Form):
    """Another level for a reseller: each is shown with what it does."""

    level = forms.TypedChoiceField(
        label=gettext_lazy("Level"),
        widget=forms.RadioSelect,
        coerce=int,
        empty_value=None,
        error_messages={"required": gettext_lazy("Choose a level.")},
    )
    takes_group = forms.BooleanField(
        label=gettext_lazy("Give it the level's default permission group too"),
        required=False,
        help_text=gettext_lazy("Otherwise its permission group stays."),
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    #: What stands for no level.
    NONE = 0

    def __init__(self, *args: Any, reseller: Reseller, levels: list[Level], **options: Any) -> None:
        super().__init__(*args, **options)
        self.levels = {level.pk: level for level in levels}
        now = _("%(name)s (now)")
        rows = [(self.NONE, _("No level"), None), *((level.pk, level.name, level) for level in levels)]
        field = self.fields["level"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            (pk, f"{now % {'name': name} if level == reseller.level else name}|{change_in_words(reseller, level)}")
            for pk, name, level in rows
        ]

    def chosen(self) -> Level | None:
        """Return the chosen level, or None for none."""
        return self.levels.get(self.cleaned_data["level"])


class RetailPriceForm(forms.Form):
    """What a reseller asks for a plan."""

    price = AmountField(
        label=gettext_lazy("You ask"),
        required=False,
        allow_zero=True,
        keeps_empty=True,
        help_text=gettext_lazy(
            "Of each subscriber and for each period, unless one has a price of its own. Empty: the plan's price."
        ),
    )

    def __init__(self, *args: Any, plan: Plan, **options: Any) -> None:
        super().__init__(*args, **options)
        # The margin is shown while one types.
        self.fields["price"].widget.attrs |= {
            "hx-get": reverse("resellers:retail_price", args=[plan.pk]),
            "hx-trigger": "input changed delay:250ms",
            "hx-target": "#preview",
            "hx-swap": "outerHTML",
        }
