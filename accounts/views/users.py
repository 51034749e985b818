"""Settings of who works for the ISP itself: its admins and support staff."""

from __future__ import annotations

from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import operations
from accounts.access import SignedInRequest, admin_only
from accounts.forms.people import VIEWS, PersonCreateForm, PersonEditForm, UserListForm
from accounts.models import Session, TwoStep, User, UserQuerySet, UserType
from accounts.sessions import digest_of
from accounts.views import acts
from accounts.views.acts import Place
from audit.models import AuditEntry
from ispanel.http import done, render_form, render_list
from ispanel.installation import panel_settings
from ispanel.lists import page_of
from ispanel.refusals import refusals_into

#: How many lines of the audit trail stand on a person's page.
LATEST = 10


def with_sign_ins(rows: UserQuerySet) -> UserQuerySet:
    """Return rows with their group, whether there is a second step, and how often they are signed in now."""
    sign_ins = Session.objects.in_force(timezone.now(), panel_settings()).filter(user=OuterRef("pk"))
    by_user = sign_ins.order_by().values("user")
    return rows.select_related("permission_group").annotate(
        has_second_step=Exists(TwoStep.objects.in_force().filter(user=OuterRef("pk"))),
        sign_in_count=Coalesce(Subquery(by_user.annotate(count=Count("pk")).values("count")), 0),
    )


@admin_only
@require_GET
def list_(request: SignedInRequest) -> HttpResponse:
    """List the admins and the support staff."""
    form = UserListForm(request.GET)
    rows = form.searched(User.objects.people())
    counts = rows.aggregate(
        all=Count("pk"),
        admins=Count("pk", filter=Q(user_type=UserType.ADMIN, is_active=True)),
        support=Count("pk", filter=Q(user_type=UserType.SUPPORT, is_active=True)),
        removed=Count("pk", filter=Q(is_active=False)),
    )
    context = {
        "tabs": [(key, label, counts[key or "all"]) for key, label in VIEWS],
        "view": form.value("view") or "",
        "total": counts["all"],
        "page_obj": page_of(request, form.apply(with_sign_ins(rows))),
    }
    return render_list(request, "users/list.html", context)


@admin_only
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def create(request: SignedInRequest) -> HttpResponse:
    """Take on an admin or a member of the support staff."""
    form = PersonCreateForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            user = operations.create_person(actor=request.seat, now=timezone.now(), **form.cleaned_data)
            return done(request, _("The login %(name)s is created.") % {"name": user.username}, to=page_about(user))
    return render_form(request, "users/form.html", {"form": form})


def person_or_404(pk: int) -> User:
    """Return the admin or member of the support staff."""
    person = with_sign_ins(User.objects.people()).filter(pk=pk).first()
    if person is None:
        raise Http404
    return person


def page_about(user: User) -> str:
    return reverse("accounts:user", args=[user.pk])


def place_of(user: User) -> Place:
    """Return the way to an act on a person's login."""
    return Place(((reverse("accounts:users"), _("Users")), (page_about(user), user.shown_name)))


@admin_only
@require_GET
def detail(request: SignedInRequest, pk: int) -> HttpResponse:
    """Show a person's login, and what was done to it last."""
    person = person_or_404(pk)
    entries = AuditEntry.objects.visible_to(request.seat).about("user", person.pk).order_by("-id")[:LATEST]
    return render(request, "users/detail.html", {"person": person, "entries": entries})


@admin_only
@require_http_methods(["GET", "POST"])
def edit(request: SignedInRequest, pk: int) -> HttpResponse:
    """Change a person's name and, of support staff, the permission group."""
    person = person_or_404(pk)
    initial = {"full_name": person.full_name, "permission_group": person.permission_group_id}
    form = PersonEditForm(acts.posted(request), initial=initial, is_admin=person.is_admin)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.edit_person(actor=request.seat, user_id=pk, now=timezone.now(), **form.cleaned_data)
            return done(request, _("The changes are saved."), to=page_about(person))
    return render_form(request, "users/form.html", {"form": form, "person": person})


@admin_only
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def username(request: SignedInRequest, pk: int) -> HttpResponse:
    """Change a person's username."""
    person = person_or_404(pk)
    return acts.rename(request, person, place_of(person))


@admin_only
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def contact(request: SignedInRequest, pk: int) -> HttpResponse:
    """Change a person's sign-in email and phone."""
    person = person_or_404(pk)
    return acts.contact(request, person, place_of(person))


@admin_only
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def password(request: SignedInRequest, pk: int) -> HttpResponse:
    """Give a person a new password."""
    person = person_or_404(pk)
    return acts.new_password(request, person, place_of(person), set_it=operations.set_password_of, keeps=False)


@admin_only
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def two_step_reset(request: SignedInRequest, pk: int) -> HttpResponse:
    """Take a person's second step off."""
    person = person_or_404(pk)
    return acts.two_step_reset(request, person, place_of(person))


@admin_only
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def removal(request: SignedInRequest, pk: int) -> HttpResponse:
    """Remove a person's login."""
    person = person_or_404(pk)
    return acts.removal(request, person, place_of(person), remove=operations.remove_person, ask=True)


@admin_only
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def restoration(request: SignedInRequest, pk: int) -> HttpResponse:
    """Let a removed person sign in again."""
    person = person_or_404(pk)
    return acts.restoration(request, person, place_of(person), restore=operations.restore_person, ask=True)


@admin_only
@require_POST
def sign_ins(request: SignedInRequest, pk: int) -> HttpResponse:
    """End all sign-ins of a person; of one's own, all others."""
    person = person_or_404(pk)
    assert request.session.session_key
    besides = digest_of(request.session.session_key)
    ended = operations.end_sign_ins_of(actor=request.seat, user_id=pk, besides=besides, now=timezone.now())
    message = ngettext("%(count)d sign-in has ended.", "%(count)d sign-ins have ended.", ended) % {"count": ended}
    return done(request, message, to=page_about(person))
