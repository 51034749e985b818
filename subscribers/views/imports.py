"""Importing subscribers: the files, matching the columns of one, the check, and the import."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice, zip_longest

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import SignedInRequest, requires
from ispanel.csv_export import Verbatim, csv_response
from ispanel.http import UNPROCESSABLE, render_form, render_list, wants
from ispanel.installation import time_zone
from ispanel.lists import PAGE_SIZE, page_of
from ispanel.refusals import Refusal, refusals_into
from subscribers.forms.imports import CHARGE, MatchingForm, UploadForm
from subscribers.import_models import ImportState, SubscriberImport
from subscribers.imports.checking import HIDDEN, Problem
from subscribers.imports.fields import fields_of, meant_by
from subscribers.imports.keeping import FileGone, problems_in, table_in
from subscribers.imports.reading import Row
from subscribers.operations import imports as operations

#: How many values of a column are shown beside it.
SHOWN = 3
#: The head of the column with the reasons, which imports leave out.
PROBLEMS = "problems"
#: Digits of the number of a check that may be one.
NUMBER_LENGTH = 9


@requires("subscribers.import")
@require_GET
def list_(request: SignedInRequest) -> HttpResponse:
    """List the imports of the seat's tree, the newest first."""
    rows = SubscriberImport.objects.visible_to(request.seat).for_list().order_by("-pk")
    return render_list(request, "subscribers/imports.html", {"page_obj": page_of(request, rows)})


@requires("subscribers.import")
@require_http_methods(["GET", "POST"])
def upload(request: SignedInRequest) -> HttpResponse:
    """Upload a file."""
    form = UploadForm(request.POST or None, request.FILES or None, seat=request.seat)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        with refusals_into(form):
            held = operations.upload_file(
                actor=request.seat,
                reseller=form.cleaned_data["reseller"],
                file_name=file.name,
                content=file.read(),
                now=timezone.now(),
            )
            return HttpResponseRedirect(url_of(held), status=303)
    context = {"form": form, "fields": fields_of(request.seat)}
    return render_form(request, "subscribers/import_file.html", context)


@requires("subscribers.import")
@require_GET
def template(request: SignedInRequest) -> StreamingHttpResponse:
    """Send an empty file with the names of all columns."""
    columns = [each.name for each in fields_of(request.seat) if each.name != "reseller"]
    return csv_response("subscribers-template", columns, [], zone=time_zone())


@requires("subscribers.import")
@require_GET
def detail(request: SignedInRequest, pk: int) -> HttpResponse:
    """Show how far an import is: its columns to be matched, what the check found, or what came of it."""
    rows = SubscriberImport.objects.visible_to(request.seat).select_related("reseller__wallet", "plan")
    held = rows.filter(pk=pk).first()
    if held is None:
        raise Http404
    if held.state == ImportState.UPLOADED and held.has_file and held.is_actable_by(request.seat):
        return show_matching(request, MatchingForm(seat=request.seat, held=held))
    return show(request, held)


def show(request: SignedInRequest, held: SubscriberImport, refusal: str = "") -> HttpResponse:
    """Answer with the page of an import, or with what of it htmx asks for."""
    is_own = held.is_actable_by(request.seat)
    problems: list[Problem] = []
    if is_own and held.state == ImportState.CHECKED and held.has_file:
        with suppress(FileGone):
            problems = problems_in(held)
    context = {
        "held": held,
        "is_own": is_own,
        "refusal": refusal or held.refusal,
        "available": held.reseller.wallet.available,
        "page_obj": Paginator(problems, PAGE_SIZE).get_page(request.GET.get("page")),
        "subscribers_url": reverse("subscribers:list"),
    }
    part = next((name for name in ("results", "import-state") if wants(request, name)), "")
    name = f"subscribers/import.html#{part}" if part else "subscribers/import.html"
    response = render(request, name, context, status=UNPROCESSABLE if refusal else 200)
    response["Vary"] = "HX-Target"
    return response


@requires("subscribers.import", of=SubscriberImport)
@require_http_methods(["GET", "POST"])
def checks(request: SignedInRequest, held: SubscriberImport) -> HttpResponse:
    """Match the columns of a file and have it checked."""
    if held.is_running or held.is_imported or held.is_left:
        return HttpResponseRedirect(url_of(held), status=303)
    form = MatchingForm(request.POST or None, seat=request.seat, held=held)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.ask_for_check(
                actor=request.seat,
                import_id=held.pk,
                matching=form.matching,
                plan=form.cleaned_data["plan"],
                activates=form.cleaned_data["charging"] == CHARGE,
                now=timezone.now(),
            )
            return HttpResponseRedirect(url_of(held), status=303)
    return show_matching(request, form)


def show_matching(request: SignedInRequest, form: MatchingForm) -> HttpResponse:
    """Answer with the columns of a file, the first values in each, and what it may hold."""
    held, values = form.held, first_values(form.held)
    context = {
        "form": form,
        "held": held,
        "columns": list(zip(form.columns, values, form.notes(), strict=True)),
        "refusal": held.refusal,
    }
    return render_form(request, "subscribers/import_matching.html", context)


def first_values(held: SubscriberImport) -> list[list[str]]:
    """Return the first few values of each column; of passwords, that there are some."""
    try:
        cells = [row.cells for row in islice(table_in(held).rows(), SHOWN)]
    except FileGone:
        cells = []
    hidden = [
        "password" in (meant_by(head), name) for head, name in zip_longest(held.columns, held.matching, fillvalue="")
    ]
    return [
        [HIDDEN if is_hidden and row[column] else row[column] for row in cells if column < len(row)]
        for column, is_hidden in enumerate(hidden)
    ]


@requires("subscribers.import", of=SubscriberImport)
@require_POST
def commits(request: SignedInRequest, held: SubscriberImport) -> HttpResponse:
    """Import what was checked."""
    number = request.POST.get("number", "")
    try:
        operations.ask_for_import(
            actor=request.seat,
            import_id=held.pk,
            number=int(number) if number.isdecimal() and len(number) < NUMBER_LENGTH else -1,
            now=timezone.now(),
        )
    except Refusal as refusal:
        return show(request, held, str(refusal))
    return HttpResponseRedirect(url_of(held), status=303)


@requires("subscribers.import", of=SubscriberImport)
@require_GET
def problems(request: SignedInRequest, held: SubscriberImport) -> StreamingHttpResponse:
    """Send the rows that something is wrong with, as they are in the file, each with what it is."""
    try:
        rows = operations.take_out_rows(actor=request.seat, import_id=held.pk, now=timezone.now())
    except FileGone as gone:
        raise Http404 from gone
    # What stands there is sent as it is: a password too has to be the same when the file comes back.
    hidden = {column for column, name in enumerate(held.matching) if name == "password"}

    def cells(found: tuple[Row, list[Problem]]) -> list[str]:
        row, wrong = found
        count = len(held.columns)
        texts = [Verbatim(text) if at in hidden else text for at, text in enumerate(row.cells)]
        reasons = "; ".join(f"{each.column}: {each.message}" if each.column else each.message for each in wrong)
        return [*texts[:count], *[""] * (count - len(texts)), reasons, *texts[count:]]

    return csv_response(f"import-{held.pk}-errors", [*held.columns, PROBLEMS], map(cells, rows), zone=time_zone())


@requires("subscribers.import", of=SubscriberImport)
@require_POST
def passwords(request: SignedInRequest, held: SubscriberImport) -> StreamingHttpResponse:
    """Send the passwords that were generated."""
    try:
        found = operations.take_out_passwords(actor=request.seat, import_id=held.pk, now=timezone.now())
    except FileGone as gone:
        raise Http404 from gone
    return csv_response(f"import-{held.pk}-passwords", ["username", "password"], found, zone=time_zone())


def url_of(held: SubscriberImport) -> str:
    return reverse("subscribers:import", args=[held.pk])
