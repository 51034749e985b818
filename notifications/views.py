"""Settings → Notifications: channels, templates, rules, and the log of what was sent."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import trigger_client_event

from accounts.access import SignedInRequest, admin_only
from accounts.trail import trail_about
from audit.actions import Action
from audit.exports import export_rows
from ispanel import crypto
from ispanel.csv_export import csv_response
from ispanel.http import done, render_act, render_form, render_list, wants
from ispanel.installation import time_zone
from ispanel.lists import filter_context, page_of
from ispanel.messages import Event, Way
from ispanel.refusals import Refusal, refusals_into
from notifications import operations
from notifications.backlog import backlogs
from notifications.carrying import present_address
from notifications.catalogue import WITH_RULE
from notifications.exports import MESSAGE_COLUMNS, message_cells
from notifications.forms import (
    GATEWAY_VARIABLES,
    GatewayForm,
    LogForm,
    MailServerForm,
    RuleForm,
    TemplateForm,
    TestForm,
)
from notifications.models import Channel, Message, Rule, Template
from notifications.previews import preview_of
from notifications.sending import KEPT

FORMS: dict[Way, type[MailServerForm | GatewayForm]] = {Way.EMAIL: MailServerForm, Way.SMS: GatewayForm}
PAGES = {Way.EMAIL: "notifications/mail_server.html", Way.SMS: "notifications/sms_gateway.html"}


@admin_only
@require_GET
def channels(request: SignedInRequest) -> HttpResponse:
    """List the channels, with what waits for each."""
    return render(request, "notifications/channels.html", {"backlogs": backlogs(timezone.now())})


@admin_only
@sensitive_post_parameters("password", "headers", "key")
@require_http_methods(["GET", "POST"])
def channel(request: SignedInRequest, way: Way) -> HttpResponse:
    """Set a channel up."""
    held = Channel.objects.get(way=way)
    try:
        kept, is_unreadable = held.secrets.keys(), False
    except crypto.Undecryptable:
        kept, is_unreadable = {}.keys(), True
    initial = {name: getattr(held, name) for name in FORMS[way].base_fields if hasattr(held, name)}
    form = FORMS[way](request.POST or None, initial=initial, kept=kept)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.change_channel(
                actor=request.seat,
                way=way,
                secrets=form.secrets,
                forgets_secrets=form.cleaned_data.get("forgets_secrets", False),
                now=timezone.now(),
                **form.details,
            )
            return done(request, _("The channel is saved. Send a test now."), to=page_of_channel(way))
    context = {
        "form": form,
        "channel": held,
        "is_unreadable": is_unreadable,
        "variables": GATEWAY_VARIABLES,
        "audit_entries": trail_about(request.seat, held),
    }
    return render_form(request, PAGES[way], context)


@admin_only
@require_http_methods(["GET", "POST"])
def test(request: SignedInRequest, way: Way) -> HttpResponse:
    """Send a test now, and show what the provider answers."""
    form = TestForm(
        request.POST if request.method == "POST" else None, way=way, initial={"to": own_address(request, way)}
    )
    answer = None
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            answer = operations.test_channel(
                actor=request.seat, way=way, to=form.cleaned_data["to"], now=timezone.now()
            )
    context = {"form": form, "channel": Channel.objects.get(way=way), "answer": answer}
    return render_act(request, "notifications/test.html", context, cancel_url=page_of_channel(way))


def own_address(request: SignedInRequest, way: Way) -> str:
    login = request.seat.login
    return (login.email if way == Way.EMAIL else login.phone) or ""


@admin_only
@require_GET
def templates(request: SignedInRequest) -> HttpResponse:
    """List the templates, event by event."""
    rows = {(row.event, row.way): row for row in Template.objects.all()}
    lines = [[rows[event, way] for way in Way] for event in Event]
    return render(request, "notifications/templates.html", {"lines": lines})


@admin_only
@require_http_methods(["GET", "POST"])
@vary_on_headers("HX-Target")
def template(request: SignedInRequest, pk: int) -> HttpResponse:
    """Word a template, with a preview that follows what is typed, or is asked for by its button."""
    held = get_object_or_404(Template, pk=pk)
    form = TemplateForm(request.POST or None, template=held, initial=held.text._asdict())
    only_looks = wants(request, "preview") or "preview" in request.POST
    if request.method == "POST" and not only_looks and form.is_valid():
        with refusals_into(form):
            operations.change_template(
                actor=request.seat,
                template_id=held.pk,
                subject=form.cleaned_data.get("subject", ""),
                body=form.cleaned_data["body"],
                now=timezone.now(),
            )
            return done(request, _("The template is saved."), to=reverse("notifications:templates"))
    typed = {name: str(form[name].value() or "") for name in form.fields}
    context = {
        "form": form,
        "template": held,
        "variables": [(name, sentence) for name, (sentence, _sample) in held.story.variables.items()],
        "preview": preview_of(held, typed.get("subject", ""), typed["body"]),
    }
    if wants(request, "preview"):
        return render(request, "notifications/template.html#preview", context)
    context["audit_entries"] = trail_about(request.seat, held)
    if only_looks:
        return render(request, "notifications/template.html", context)
    return render_form(request, "notifications/template.html", context)


@admin_only
@require_http_methods(["GET", "POST"])
def shipped_text(request: SignedInRequest, pk: int) -> HttpResponse:
    """Go back to the words that are shipped."""
    held = get_object_or_404(Template, pk=pk)
    page, form = reverse("notifications:template", args=[pk]), forms.Form(request.POST or None)
    if request.method == "POST":
        operations.change_template(actor=request.seat, template_id=pk, subject="", body="", now=timezone.now())
        return done(request, _("The shipped text is back."), to=page)
    context = {"form": form, "template": held, "shipped": held.story.shipped(Way(held.way))}
    return render_act(request, "notifications/shipped_text.html", context, cancel_url=page)


@admin_only
@require_GET
def rules(request: SignedInRequest) -> HttpResponse:
    """List the rules, with a switch for each."""
    return render_list(request, "notifications/rules.html", rules_in_lines())


def rules_in_lines() -> dict[str, Any]:
    """Return the rules, event by event, each with its channel and its template, and the channels that are off."""
    rows = {(row.event, row.way): row for row in Rule.objects.all()}
    channels = {row.way: row for row in Channel.objects.all()}
    templates = {(row.event, row.way): row for row in Template.objects.all()}
    lines = [[(rows[event, way], channels[way], templates[event, way]) for way in Way] for event in WITH_RULE]
    return {"lines": lines, "off": [row for row in channels.values() if not row.is_on]}


@admin_only
@require_http_methods(["GET", "POST"])
def rule(request: SignedInRequest, pk: int) -> HttpResponse:
    """Say whether and to whom an event is told."""
    held = get_object_or_404(Rule, pk=pk)
    initial: dict[str, Any] = {name: getattr(held, name) for name in ("is_on", "recipients", "days")}
    initial["addresses"] = "\n".join(held.addresses)
    form = RuleForm(request.POST or None, rule=held, initial=initial)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.change_rule(actor=request.seat, rule_id=held.pk, now=timezone.now(), **form.cleaned_data)
            return done(request, _("The rule is saved."), to=reverse("notifications:rules"))
    context = {
        "form": form,
        "rule": held,
        "channel": Channel.objects.get(way=held.way),
        "audit_entries": trail_about(request.seat, held),
    }
    return render_form(request, "notifications/rule.html", context)


@admin_only
@require_POST
def switch(request: SignedInRequest, pk: int) -> HttpResponse:
    """Turn a rule on or off."""
    held = get_object_or_404(Rule, pk=pk)
    is_on = request.POST.get("is_on") == "on"
    try:
        operations.switch_rule(actor=request.seat, rule_id=pk, is_on=is_on, now=timezone.now())
    except operations.TellsNobody as refusal:
        return done(request, str(refusal), to=reverse("notifications:rule", args=[pk]))
    words = _("%(rule)s is told from now on.") if is_on else _("%(rule)s is not told any more.")
    said = words % {"rule": held}
    if wants(request, "results"):
        page = render_list(request, "notifications/rules.html", rules_in_lines())
        return trigger_client_event(page, "toast", {"text": said, "level": "success"})
    return done(request, said, to=f"{reverse('notifications:rules')}#rule-{pk}")


@admin_only
@require_GET
def log(request: SignedInRequest) -> HttpResponse:
    """List what was sent, to whom, and what the provider answered."""
    form = LogForm(request.GET)
    context = {
        "page_obj": page_of(request, form.apply(Message.objects.for_list())),
        "kept_days": KEPT.days,
        **filter_context(request, form, reverse("notifications:log_export")),
    }
    return render_list(request, "notifications/log.html", context)


@admin_only
@require_GET
def log_export(request: SignedInRequest) -> StreamingHttpResponse:
    """Send the messages that the log's filters leave as a CSV file, and record that."""
    now, zone = timezone.now(), time_zone()
    form = LogForm(request.GET)
    rows = export_rows(
        actor=request.seat,
        action=Action.MESSAGES_EXPORTED,
        rows=form.apply(Message.objects.for_list()),
        filters=form.words(),
        now=now,
    )
    name = f"messages-{now.astimezone(zone):%Y-%m-%d}"
    return csv_response(name, list(map(str, MESSAGE_COLUMNS)), map(message_cells, rows), zone=zone)


@admin_only
@require_GET
def message(request: SignedInRequest, pk: int) -> HttpResponse:
    """Show one message, with what it says unless that opens a door."""
    held = get_object_or_404(Message.objects.select_related("subscriber", "reseller__user"), pk=pk)
    address = present_address(held) if held.can_be_retried else ""
    context = {
        "message": held,
        "present_address": address,
        "copy": held.copies_to(address).first() if address else None,
        "audit_entries": trail_about(request.seat, held),
    }
    return render(request, "notifications/message.html", context)


@admin_only
@require_POST
def retry(request: SignedInRequest, pk: int) -> HttpResponse:
    """Have a message sent once more."""
    held = get_object_or_404(Message, pk=pk)
    try:
        operations.retry_message(actor=request.seat, message_id=held.pk, now=timezone.now())
    except Refusal as refusal:
        return done(request, str(refusal), to=reverse("notifications:message", args=[pk]))
    return done(request, _("It will be sent once more."), to=reverse("notifications:message", args=[pk]))


@admin_only
@require_POST
def copy(request: SignedInRequest, pk: int) -> HttpResponse:
    """Have a message sent to where whom it was for is reached by now."""
    held = get_object_or_404(Message, pk=pk)
    to = request.POST.get("to", "")
    try:
        new = operations.send_to_present_address(actor=request.seat, message_id=held.pk, to=to, now=timezone.now())
    except Refusal as refusal:
        return done(request, str(refusal), to=reverse("notifications:message", args=[pk]))
    words = _("This is the message to %(address)s.") % {"address": new.recipient}
    return done(request, words, to=reverse("notifications:message", args=[new.pk]))


def page_of_channel(way: Way) -> str:
    return reverse(f"notifications:{way.value}")
