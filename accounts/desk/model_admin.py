"""What every list and page at the desk has in common."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet, TextField
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from ispanel.http import UNPROCESSABLE
from ispanel.lists import PAGE_SIZE
from ispanel.refusals import Forbidden, Refusal


class ContactForm(forms.ModelForm):  # type: ignore[type-arg]
    """The fields that may be changed, and what the page showed of them."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)
    #: What the operation said when the form was sent; of this request's class of form only.
    refusal: Refusal | None = None
    desk_admin: DeskAdmin

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.desk_admin.edits:
            self.initial["seen"] = self.desk_admin.state_of(self.instance)

    def clean(self) -> None:
        if self.refusal:
            self.add_error(self.refusal.field if self.refusal.field in self.fields else None, str(self.refusal))


class DeskAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Read what the seat sees, and change the fields in ``edits`` through an operation. Nothing is added or deleted.

    A model that allows changes says which, and does them in ``act``.
    """

    #: The permission to read, and the one to change.
    view_code: ClassVar[str]
    edit_code: ClassVar[str] = ""
    edits: ClassVar[tuple[str, ...]] = ()
    #: What a list's address may filter by besides its search, order and page. Nothing else: a filter on a column
    #: that is not shown would tell what it holds, letter by letter.
    filters: ClassVar[frozenset[str]] = frozenset()
    #: Whether there is a page for each row.
    has_pages: ClassVar[bool] = True

    form = ContactForm
    formfield_overrides: ClassVar[dict[Any, Any]] = {
        TextField: {"widget": forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"})}
    }
    list_per_page = list_max_show_all = PAGE_SIZE
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    view_on_site = False

    @property
    def media(self) -> forms.Media:
        """Return no scripts: nothing on these pages needs those that Django admin brings."""
        return forms.Media()

    # --- what is there ------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[Any]:
        kept = {self.address_name("changelist")} | ({self.address_name("change")} if self.has_pages else set())
        found = [pattern for pattern in super().get_urls() if pattern.name in kept]
        for pattern in found:
            changes = bool(self.edits) and pattern.name == self.address_name("change")
            pattern.callback.changes = changes  # type: ignore[attr-defined]
        return found

    def address_name(self, page: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"

    def get_queryset(self, request: Any) -> QuerySet[Model]:
        rows: QuerySet[Model] = self.model._default_manager.visible_to(request.seat)
        return rows

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Model:
        """:raises Http404: where the row does not exist for the seat."""
        found: Model | None = super().get_object(request, object_id)
        if found is None:
            raise Http404
        return found

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {}

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return lookup in self.filters and "\0" not in value

    def to_field_allowed(self, request: HttpRequest, to_field: str) -> bool:
        return False

    # --- who may what -------------------------------------------------------------------------------------------------

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: Any, obj: Model | None = None) -> bool:
        return bool(request.seat.has(self.view_code))

    def has_change_permission(self, request: Any, obj: Model | None = None) -> bool:
        return bool(self.edits) and self.has_view_permission(request) and request.seat.has(self.edit_code)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    # --- pages --------------------------------------------------------------------------------------------------------

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        shown: list[Any] = [(None, {"fields": self.readonly_fields})]
        if not self.edits:
            return shown
        may_change = self.has_change_permission(request, obj)
        return [(_("Contact"), {"fields": (*self.edits, *(("seen",) if may_change else ()))}), *shown]

    def get_form(self, request: Any, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return a class of form that is this request's alone."""
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.desk_admin, form.refusal = self, getattr(request, "refusal", None)
        return form

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = {"title": capfirst(self.opts.verbose_name_plural)}
        return super().changelist_view(request, title | (extra_context or {}))

    def changeform_view(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the page, or save it. What the operation refuses becomes an error of the form."""
        try:
            response: HttpResponse = super().changeform_view(request, *args, **kwargs)
        except Forbidden:
            raise
        except Refusal as refusal:
            request.refusal = refusal
            response = super().changeform_view(request, *args, **kwargs)
        if request.method == "POST" and response.status_code == 200:
            response.status_code = UNPROCESSABLE
        return response

    # --- saving -------------------------------------------------------------------------------------------------------

    def state_of(self, obj: Any) -> str:
        """Return what tells this state of the row from any later one."""
        raise NotImplementedError

    def act(self, pk: int, **arguments: Any) -> None:
        """Call the operation on the row: ``actor``, what was ``seen`` of it, ``now``, and each changed field."""
        raise NotImplementedError

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:
        changes = {name: form.cleaned_data[name] for name in self.edits if name in form.changed_data}
        self.act(obj.pk, actor=request.seat, seen=form.cleaned_data["seen"], now=timezone.now(), **changes)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Write no second trail: the operation wrote the first."""

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """Lead back to the list, or to the page itself; there is nothing to be added here."""
        messages.success(request, _("The changes are saved."))
        if "_continue" in request.POST:
            return HttpResponseRedirect(request.get_full_path())
        return self.response_post_save_change(request, obj)
