"""How a page answers htmx and plain browsers alike. Nobody else compares HX headers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from ispanel.refusals import Forbidden

UNPROCESSABLE = 422
#: The parts of pages that ask for themselves while an answer is awaited, whether or not anybody sits there.
ASKING_THEMSELVES = frozenset({"coa-requests", "wan-check", "import-state"})


def wants(request: HttpRequest, target: str) -> bool:
    """Say whether htmx asks for the fragment that goes into the element with this id."""
    return request.headers.get("HX-Target") == target and "HX-History-Restore-Request" not in request.headers


def asks_by_itself(request: HttpRequest) -> bool:
    """Say whether the page asks by itself for how far something is, so that nobody need have done anything."""
    return request.method == "GET" and request.headers.get("HX-Target") in ASKING_THEMSELVES


def render_list(request: HttpRequest, template: str, context: Mapping[str, Any]) -> HttpResponse:
    """Answer with the page, or with its ``results`` partial where htmx asks for that."""
    name = f"{template}#results" if wants(request, "results") else template
    response = render(request, name, dict(context))
    response["Vary"] = "HX-Target"
    return response


def render_form(request: HttpRequest, template: str, context: Mapping[str, Any]) -> HttpResponse:
    """Answer with a form's page: 200 when asked for, 422 when it came back invalid."""
    form = context["form"]
    return render(request, template, dict(context), status=status_of(form))


def render_act(request: HttpRequest, template: str, context: Mapping[str, Any], *, cancel_url: str) -> HttpResponse:
    """Answer with an act's form: as a dialog where htmx asks for one, else as a page of its own.

    :param cancel_url: where the page's Cancel leads.
    """
    frame = "frames/dialog_act.html" if wants(request, "dialog-slot") else "frames/page_act.html"
    whole = {"frame": frame, "cancel_url": cancel_url, "act_url": request.path, **context}
    response = render(request, template, whole, status=status_of(context["form"]))
    response["Vary"] = "HX-Target"
    return response


def status_of(form: BaseForm) -> int:
    """Return 422 for a form that came back with errors, else 200."""
    return UNPROCESSABLE if form.is_bound and form.errors else 200


def changed(form: BaseForm) -> dict[str, Any]:
    """Return what was changed in an edit form; what somebody else changed meanwhile stays as they left it."""
    return {name: form.cleaned_data[name] for name in form.changed_data}


def done(request: HttpRequest, message: str, *, to: str) -> HttpResponse:
    """Say what was done and lead on, so that reloading repeats nothing."""
    if message:
        messages.success(request, message)
    if request.headers.get("HX-Request") == "true":
        return HttpResponseClientRedirect(to)
    return HttpResponseRedirect(to, status=303)


def back_of(request: HttpRequest, otherwise: str) -> str:
    """Return the page of the panel that the act's address names as the one it was opened from, or else another."""
    wanted = request.GET.get("back", "")
    # No host is allowed in it, not even the one that the request names.
    is_ours = wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, None)
    return wanted if is_ours else otherwise


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """Lead to the sign-in page, and from there back to the page that was asked for, or that a fragment was for.

    What was posted is lost: it leads to the dashboard.
    """
    asked_for = request.get_full_path() if request.method == "GET" else "/"
    if request.headers.get("HX-Request") == "true":
        asked_for = HtmxDetails(request).current_url_abs_path or "/"
        return HttpResponseClientRedirect(redirect_to_login(asked_for).url)
    return redirect_to_login(asked_for)


def error_page(request: HttpRequest, status: int, message: str = "", *, page: str = "") -> HttpResponse:
    """Answer with the page for a status, in words, with the request id to quote.

    :param page: the page's name under ``errors/``, where it is not the status.
    """
    context = {"message": message, "request_id": getattr(request, "id", "")}
    return render(request, f"errors/{page or status}.html", context, status=status)


def forbidden(request: HttpRequest, refusal: Forbidden) -> HttpResponse:
    """Answer what a person may not do."""
    return error_page(request, 403, str(refusal))
