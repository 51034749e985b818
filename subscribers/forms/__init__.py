"""Parsing what is typed about subscribers."""

from subscribers.forms.acts import (
    ConfirmationForm,
    DataForm,
    MoveForm,
    PlanChangeForm,
    PriceForm,
    RenewalForm,
    SuspensionForm,
    TerminationForm,
    sealed_change,
)
from subscribers.forms.bulk import (
    BulkForm,
    BulkMoveForm,
    BulkPlanChangeForm,
    BulkRenewalForm,
    BulkSuspensionForm,
    Selection,
    sealed_changes,
)
from subscribers.forms.details import SubscriberCreateForm, SubscriberEditForm
from subscribers.forms.lists import COLUMNS, SIZES, VIEWS, RenewalListForm, SubscriberListForm

__all__ = [
    "COLUMNS",
    "SIZES",
    "VIEWS",
    "BulkForm",
    "BulkMoveForm",
    "BulkPlanChangeForm",
    "BulkRenewalForm",
    "BulkSuspensionForm",
    "ConfirmationForm",
    "DataForm",
    "MoveForm",
    "PlanChangeForm",
    "PriceForm",
    "RenewalForm",
    "RenewalListForm",
    "Selection",
    "SubscriberCreateForm",
    "SubscriberEditForm",
    "SubscriberListForm",
    "SuspensionForm",
    "TerminationForm",
    "sealed_change",
    "sealed_changes",
]
