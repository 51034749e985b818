"""The staff logins of resellers."""

from __future__ import annotations

from functools import partial

from django.db.models import Count, Q
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import SignedInRequest, admin_only, requires
from accounts.models import InitialPassword
from accounts.views import acts
from accounts.views.acts import Place
from ispanel.http import done, render_form, render_list
from ispanel.lists import page_of
from ispanel.refusals import refusals_into
from resellers import operations
from resellers.models import Reseller, StaffLogin
from resellers.staff_forms import VIEWS, StaffCreateForm, StaffEditForm, StaffListForm
from resellers.views.pages import tab_context


@requires("staff.view")
@require_GET
def list_(request: SignedInRequest) -> HttpResponse:
    """List the staff logins that the seat sees."""
    form = StaffListForm(request.GET)
    rows = form.searched(StaffLogin.objects.visible_to(request.seat))
    counts = rows.aggregate(all=Count("pk", filter=Q(is_active=True)), removed=Count("pk", filter=Q(is_active=False)))
    context = {
        "tabs": [(key, label, counts[key or "all"]) for key, label in VIEWS],
        "view": form.value("view") or "",
        "total": counts["all"],
        "page_obj": page_of(request, form.apply(rows.for_list())),
        "created": created_just_now(request),
        "shows_reseller": request.seat.reseller is None or not request.seat.reseller.is_sub,
    }
    return render_list(request, "staff/list.html", context)


def created_just_now(request: SignedInRequest) -> StaffLogin | None:
    """Return the login whose hand-over card the list shows, while there is something to hand over."""
    pk = request.GET.get("created", "")
    if not pk.isascii() or not pk.isdecimal() or len(pk) > 18 or request.seat.is_borrowed:
        return None
    kept = InitialPassword.objects.in_force(timezone.now()).filter(user_id=int(pk))
    return StaffLogin.objects.actable_by(request.seat).filter(pk=int(pk), pk__in=kept.values("user_id")).first()


@requires("staff.view", of=Reseller)
@require_GET
def of_reseller(request: SignedInRequest, reseller: Reseller) -> HttpResponse:
    """List the staff logins of one reseller; a view_all of resellers does not open them."""
    if not reseller.is_in_tree_of(request.seat):
        raise Http404
    rows = StaffLogin.objects.visible_to(request.seat).filter(reseller=reseller).for_list()
    context = tab_context(request, reseller, "staff")
    context["page_obj"] = page_of(request, rows.order_by("-is_active", "username"))
    context["add_url"] = add_url_for(request, reseller)
    return render_list(request, "resellers/staff.html", context)


def add_url_for(request: SignedInRequest, reseller: Reseller) -> str:
    """Return where this seat makes a staff login for the reseller, or nothing where it may not."""
    seat = request.seat
    url = reverse("resellers:create_staff")
    if seat.is_borrowed or reseller.is_deleted or not seat.has("staff.create"):
        return ""
    if seat.is_admin:
        return f"{url}?reseller={reseller.pk}"
    return url if seat.reseller and seat.reseller.pk == reseller.pk else ""


@requires("staff.create", in_borrowed_seat=False)
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def create(request: SignedInRequest) -> HttpResponse:
    """Make a staff login: an admin for any reseller, others for their own."""
    form = StaffCreateForm(request.POST or None, seat=request.seat, initial={"reseller": request.GET.get("reseller")})
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            staff = operations.create_staff(actor=request.seat, now=timezone.now(), **form.cleaned_data)
            message = _("The login %(name)s is created.") % {"name": staff.username}
            return done(request, message, to=f"{reverse('resellers:staff')}?created={staff.pk}")
    return render_form(request, "staff/form.html", {"form": form})


@requires("staff.edit", of=StaffLogin)
@require_http_methods(["GET", "POST"])
def edit(request: SignedInRequest, staff: StaffLogin) -> HttpResponse:
    """Change a staff login's name, contact and permission group."""
    initial = {
        "full_name": staff.full_name,
        "email": staff.email or "",
        "phone": staff.phone,
        "permission_group": staff.permission_group_id,
    }
    form = StaffEditForm(request.POST or None, seat=request.seat, initial=initial)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.edit_staff(actor=request.seat, user_id=staff.pk, now=timezone.now(), **form.cleaned_data)
            told = {"email", "phone"} & set(form.changed_data)
            return done(request, acts.saved(staff.email if told else None), to=reverse("resellers:staff"))
    return render_form(request, "staff/form.html", {"form": form, "staff": staff})


def place_of(staff: StaffLogin) -> Place:
    """Return the way to an act on a staff login."""
    return Place(((reverse("resellers:staff"), _("Staff")),))


@requires("staff.edit", of=StaffLogin, in_borrowed_seat=False)
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def password(request: SignedInRequest, staff: StaffLogin) -> HttpResponse:
    """Give a staff login a new password."""
    return acts.new_password(request, staff, place_of(staff), set_it=operations.set_password_of_staff, keeps=True)


@requires("staff.edit", of=StaffLogin, in_borrowed_seat=False)
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def initial_password(request: SignedInRequest, staff: StaffLogin) -> HttpResponse:
    """Reveal the initial password, on this answer alone."""
    reveal_it = partial(operations.reveal_initial_password_of_staff, user_id=staff.pk)
    return acts.reveal(request, staff, place_of(staff), reveal_it=reveal_it)


@requires("staff.delete", of=StaffLogin)
@require_http_methods(["GET", "POST"])
def removal(request: SignedInRequest, staff: StaffLogin) -> HttpResponse:
    """Remove a staff login."""
    return acts.removal(request, staff, place_of(staff), remove=operations.remove_staff, ask=False)


@requires("staff.delete", of=StaffLogin)
@require_http_methods(["GET", "POST"])
def restoration(request: SignedInRequest, staff: StaffLogin) -> HttpResponse:
    """Let a removed staff login sign in again."""
    return acts.restoration(request, staff, place_of(staff), restore=operations.restore_staff, ask=False)


def staff_or_404(pk: int) -> StaffLogin:
    """Return the staff login, for an admin."""
    staff = StaffLogin.objects.get_queryset().for_list().filter(pk=pk).first()
    if staff is None:
        raise Http404
    return staff


@admin_only
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def username(request: SignedInRequest, pk: int) -> HttpResponse:
    """Change the username of a staff login."""
    staff = staff_or_404(pk)
    return acts.rename(request, staff, place_of(staff))


@admin_only
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def two_step_reset(request: SignedInRequest, pk: int) -> HttpResponse:
    """Take the second step off a staff login."""
    staff = staff_or_404(pk)
    return acts.two_step_reset(request, staff, place_of(staff))
