"""Parsing what is typed about resellers."""

from resellers.forms.acts import (
    AddressTestForm,
    CancellationForm,
    LoginAsForm,
    PurgeForm,
    RefusalForm,
    SuspensionForm,
    ThresholdForm,
)
from resellers.forms.branding import BrandingForm, DomainForm
from resellers.forms.details import (
    EditFields,
    NewResellerForm,
    ParentChoice,
    ResellerCreateForm,
    ResellerEditForm,
    SubResellerCreateForm,
    SubResellerEditForm,
    create_form_for,
    edit_form_for,
    terms_of_level,
)
from resellers.forms.lists import (
    REQUEST_VIEWS,
    VIEWS,
    ResellerListForm,
    TopUpListForm,
)
from resellers.forms.scope import (
    GroupsOfPlanForm,
    ScopeForm,
    ServiceGroupForm,
    TakingFields,
    held_back_into,
)
from resellers.forms.terms import (
    LevelChangeForm,
    RetailPriceForm,
)

__all__ = [
    "REQUEST_VIEWS",
    "VIEWS",
    "AddressTestForm",
    "BrandingForm",
    "CancellationForm",
    "DomainForm",
    "EditFields",
    "GroupsOfPlanForm",
    "LevelChangeForm",
    "LoginAsForm",
    "NewResellerForm",
    "ParentChoice",
    "PurgeForm",
    "RefusalForm",
    "ResellerCreateForm",
    "ResellerEditForm",
    "ResellerListForm",
    "RetailPriceForm",
    "ScopeForm",
    "ServiceGroupForm",
    "SubResellerCreateForm",
    "SubResellerEditForm",
    "SuspensionForm",
    "TakingFields",
    "ThresholdForm",
    "TopUpListForm",
    "create_form_for",
    "edit_form_for",
    "held_back_into",
    "terms_of_level",
]
