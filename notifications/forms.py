"""Parsing what is typed about messages."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import Any, ClassVar
from urllib.parse import urlsplit
from xml.parsers import expat

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from ispanel.installation import end_of_day, midnight
from ispanel.lists import ListForm, choice, text
from ispanel.messages import Event, Way
from notifications.carrying import address_in
from notifications.catalogue import Recipient
from notifications.handing_over import one_line
from notifications.models import MOST_DAYS, ContentType, Message, Method, Rule, Security, Status, Template, about_lines
from notifications.sms_gateway import headers_in, in_json, in_xml
from notifications.templating import fill, in_words, problems_of

#: What may stand in a gateway's URL and body.
GATEWAY_VARIABLES = {
    "to": _("The phone number."),
    "text": _("What the message says."),
    "message_id": _("The message’s own id, the same on every try."),
    "from": _("The sender below."),
    "key": _("The key below, which is kept encrypted."),
}
HEADER_NAME = RegexValidator(r"\A[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
#: Headers that the request brings itself; the kind of body says how values are written in it.
SET_BY_OTHERS = frozenset({"host", "content-type", "content-length", "transfer-encoding", "connection"})
HIGHEST_PORT = 65535
MOST_ADDRESSES = 20
#: What the message is for nothing without.
NEEDED = {(Event.PASSWORD_RESET, Way.EMAIL): "link", (Event.PASSWORD_RESET, Way.SMS): "code"}


def secret_field(label: Any, *, is_kept: bool, help_text: Any = "") -> forms.CharField:
    """Return a field for what is typed and never shown again."""
    return forms.CharField(
        label=label,
        required=False,
        max_length=500,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "dir": "ltr"}),
        help_text=_("Empty keeps the present one, which is never shown.") if is_kept else help_text,
    )


class ChannelForm(forms.Form):
    """A channel with its secrets. What was typed of them is not shown again either, so a mistake elsewhere loses it."""

    SECRETS: ClassVar[tuple[str, ...]]

    @property
    def lost_before(self) -> list[str]:
        """The secrets that the page says were lost when it was sent the last time."""
        return str(self.data.get("lost", "")).split()

    @property
    def lost(self) -> list[str]:
        """The secrets that were typed, this time or before, and are not saved."""
        hidden = [name for name in self.SECRETS if isinstance(self.fields[name].widget, forms.PasswordInput)]
        return [name for name in hidden if self.errors and (self.data.get(name) or name in self.lost_before)]

    def add_error(self, field: str | None, error: Any) -> None:
        """Add it, and have those typed again that it loses."""
        super().add_error(field, error)
        for name in self.lost:
            if not self.has_error(name):
                super().add_error(name, _("Type it again: it was not saved."))
            # Nobody who typed another one wants the present one without a word.
            self[name].help_text = _("To leave it as it is, open this page anew.")

    def clean(self) -> dict[str, Any]:
        """Return what was typed.

        :raises ValidationError: for a secret that was lost and is not typed again.
        """
        held: dict[str, Any] = super().clean() or self.cleaned_data
        for name in self.SECRETS:
            if name in self.lost_before and not held.get(name) and not held.get("forgets_secrets"):
                self.add_error(name, _("Type it again: it was not saved."))
        return held

    @property
    def secrets(self) -> dict[str, str]:
        return {name: self.cleaned_data[name] for name in self.SECRETS}

    @property
    def details(self) -> dict[str, Any]:
        others = (*self.SECRETS, "forgets_secrets")
        return {name: value for name, value in self.cleaned_data.items() if name not in others}


class MailServerForm(ChannelForm):
    """The mail server."""

    SECRETS = ("password",)

    host = forms.CharField(
        label=_("Server"),
        max_length=253,
        validators=[RegexValidator(r"\A[A-Za-z0-9.:\[\]_-]+\Z", _("Enter a host name, as in mail.example.com."))],
        widget=forms.TextInput(attrs={"dir": "ltr", "autocomplete": "off"}),
        help_text=_("As in mail.example.com."),
    )
    port = forms.IntegerField(
        label=_("Port"), min_value=1, max_value=HIGHEST_PORT, help_text=_("587 with STARTTLS, 465 with TLS.")
    )
    security = forms.ChoiceField(
        label=_("Encryption"),
        choices=[
            (Security.STARTTLS.value, _("STARTTLS|Begins in the clear and is encrypted before anything is said.")),
            (Security.TLS.value, _("TLS|Encrypted from the first byte on.")),
            (Security.NONE.value, _("None|Only for a server on this machine or in your own network.")),
        ],
        widget=forms.RadioSelect,
    )
    username = forms.CharField(
        label=_("Username"),
        max_length=254,
        required=False,
        widget=forms.TextInput(attrs={"dir": "ltr", "autocomplete": "off"}),
        help_text=_("Empty where the server asks for none."),
    )
    from_address = forms.EmailField(
        label=_("From address"), widget=forms.EmailInput(attrs={"dir": "ltr", "autocomplete": "off"})
    )
    from_name = forms.CharField(
        label=_("From name"),
        max_length=100,
        required=False,
        help_text=_(
            "Empty is the company’s. Mails to subscribers of a reseller that issues its own invoices bear its name."
        ),
    )
    is_on = forms.BooleanField(
        label=_("Send by email"), required=False, help_text=_("While this is off, nothing is sent by email.")
    )

    def __init__(self, *args: Any, kept: Iterable[str] = (), **kwargs: Any) -> None:
        """Make the form.

        :param kept: the secrets that there are, which an empty field keeps.
        """
        super().__init__(*args, **kwargs)
        self.fields["password"] = secret_field(_("Password"), is_kept="password" in kept)
        self.order_fields(["host", "port", "security", "username", "password"])

    def clean_from_name(self) -> str:
        return one_line(self.cleaned_data["from_name"])


class GatewayForm(ChannelForm):
    """The SMS gateway: how a message becomes a request."""

    SECRETS = ("headers", "key")

    method = forms.ChoiceField(label=_("Method"), choices=Method.choices)
    url = forms.CharField(
        label=_("URL"),
        max_length=2000,
        widget=forms.TextInput(attrs={"dir": "ltr", "autocomplete": "off", "class": "mono"}),
        help_text=_("Values are URL-encoded, as in https://sms.example.com/send?to={{ to }}&text={{ text }}."),
    )
    content_type = forms.ChoiceField(label=_("Body is"), choices=ContentType.choices)
    body = forms.CharField(
        label=_("Body"),
        max_length=4000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 6, "dir": "ltr", "class": "mono"}),
        help_text=_("Of a POST. Values are written as JSON, a form or XML asks for it; in plain text, on one line."),
    )
    headers = forms.CharField(
        label=_("Headers"),
        max_length=4000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "ltr", "class": "mono", "autocomplete": "off"}),
    )
    from_name = forms.CharField(
        label=_("Sender"), max_length=100, required=False, help_text=_("What {{ from }} stands for.")
    )
    answer_contains = forms.CharField(
        label=_("Answer contains"),
        max_length=200,
        required=False,
        help_text=_("An SMS is sent when the status is 2xx and, where something stands here, the answer contains it."),
    )
    is_on = forms.BooleanField(
        label=_("Send by SMS"), required=False, help_text=_("While this is off, nothing is sent by SMS.")
    )
    forgets_secrets = forms.BooleanField(label=_("Forget the present headers and key"), required=False)

    def __init__(self, *args: Any, kept: Iterable[str] = (), **kwargs: Any) -> None:
        """Make the form.

        :param kept: the secrets that there are, which an empty field keeps.
        """
        super().__init__(*args, **kwargs)
        self.fields["key"] = secret_field(
            _("Key"), is_kept="key" in kept, help_text=_("For {{ key }} in the URL or the body. It is kept encrypted.")
        )
        self.fields["headers"].help_text = (
            _("Empty keeps the present ones, which are never shown.")
            if "headers" in kept
            else _("One per line, as in Authorization: Bearer …. They are kept encrypted.")
        )
        if not kept:
            del self.fields["forgets_secrets"]

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        check_variables(url)
        try:
            parts = urlsplit(url)
            _port = parts.port
        except ValueError as problem:
            raise ValidationError(_("This is no URL.")) from problem
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValidationError(_("Write it as https://sms.example.com/…."))
        if "{" in parts.netloc or "@" in parts.netloc or parts.fragment or not url.isprintable():
            raise ValidationError(_("Neither variables nor a password in front of the path, and no # in it."))
        return url

    def clean_headers(self) -> str:
        typed: str = self.cleaned_data["headers"]
        for line in filter(None, map(str.strip, typed.splitlines())):
            [(name, value)] = headers_in(line)
            try:
                HEADER_NAME(name)
                value.encode("ascii")
            except (ValidationError, UnicodeEncodeError) as problem:
                raise ValidationError(_("Write one header per line, as in X-Key: 123.")) from problem
            if name.lower() in SET_BY_OTHERS or not value:
                raise ValidationError(_("The header “%(name)s” cannot be set."), params={"name": name})
        return typed

    def clean_from_name(self) -> str:
        return one_line(self.cleaned_data["from_name"])

    def clean_body(self) -> str:
        body: str = self.cleaned_data["body"]
        check_variables(body)
        if self.cleaned_data.get("content_type") == ContentType.JSON and body:
            sample = fill(body, dict.fromkeys(GATEWAY_VARIABLES, 'a "word"'), escape=in_json)
            try:
                json.loads(sample)
            except ValueError as problem:
                raise ValidationError(
                    _('This is no JSON once it is filled in. Write variables within quotes, as in {"to": "{{ to }}"}.')
                ) from problem
        if self.cleaned_data.get("content_type") == ContentType.XML and body:
            sample = fill(body, dict.fromkeys(GATEWAY_VARIABLES, "word"), escape=in_xml)
            try:
                expat.ParserCreate().Parse(sample, True)
            except expat.ExpatError as problem:
                raise ValidationError(
                    _("This is no XML once it is filled in: every element has an end, as in <to>{{ to }}</to>.")
                ) from problem
        return body

    def clean(self) -> dict[str, Any]:
        held = super().clean()
        said = f"{held.get('url', '')} {held.get('body', '')}"
        if not self.errors and held["method"] == Method.POST and not held["body"]:
            self.add_error("body", _("Say what is posted."))
        elif not self.errors and ("{{ to }}" not in spaced(said) or "{{ text }}" not in spaced(said)):
            self.add_error("url", _("{{ to }} and {{ text }} have to stand in the URL or in the body."))
        return held


def spaced(said: str) -> str:
    """Return the text with its variables written all alike."""
    return fill(said, {name: f"{{{{ {name} }}}}" for name in GATEWAY_VARIABLES})


def check_variables(said: str) -> None:
    """:raises ValidationError: for what would not be filled in, with what may be used."""
    if problems := problems_of(said, GATEWAY_VARIABLES):
        raise ValidationError([*problems, in_words(GATEWAY_VARIABLES)])


class TestForm(forms.Form):
    """To whom a test goes."""

    to = forms.CharField(max_length=254, widget=forms.TextInput(attrs={"dir": "ltr", "autocomplete": "off"}))

    def __init__(self, *args: Any, way: Way, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["to"].label = _("Email address") if way == Way.EMAIL else _("Phone number")


class TemplateForm(forms.Form):
    """The words of a template, which are checked for what would not be filled in."""

    subject = forms.CharField(label=_("Subject"), max_length=200)
    body = forms.CharField(label=_("Text"), max_length=4000, widget=forms.Textarea(attrs={"rows": 12}))

    def __init__(self, *args: Any, template: Template, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.template = template
        if template.way == Way.SMS:
            del self.fields["subject"]
            self.fields["body"].widget.attrs["rows"] = 5

    def clean_subject(self) -> str:
        return self._checked(one_line(self.cleaned_data["subject"]), self.template.story.secrets)

    def clean_body(self) -> str:
        """Return the text with the line ends that everybody but a browser has."""
        body = self._checked("\n".join(self.cleaned_data["body"].splitlines()))
        needed = NEEDED.get((Event(self.template.event), Way(self.template.way)))
        if needed and fill(body, {needed: "\0"}).count("\0") == 0:
            raise ValidationError(_("It has to hold {{ %(name)s }}: without it, nobody can go on.") % {"name": needed})
        return body

    def _checked(self, said: str, secrets: Collection[str] = ()) -> str:
        allowed = self.template.story.variables
        if problems := problems_of(said, allowed, secrets=secrets):
            raise ValidationError([*problems, in_words(allowed)])
        return said


class RuleForm(forms.Form):
    """Whether and to whom an event is told."""

    is_on = forms.BooleanField(label=_("Tell of it"), required=False)
    recipients = forms.MultipleChoiceField(
        label=_("Who is told"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Whoever has no address of that kind is left out."),
    )
    addresses = forms.CharField(
        label=_("And always"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "ltr"}),
    )
    days = forms.IntegerField(
        label=_("How many days before"),
        min_value=1,
        max_value=MOST_DAYS,
        help_text=_("1 to 60. Lines that are renewed by themselves are not told."),
    )

    def __init__(self, *args: Any, rule: Rule, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rule = rule
        choices = [(who.value, Recipient(who).label) for who in rule.story.recipients]
        self.fields["recipients"].choices = choices  # type: ignore[attr-defined]
        self.fields["addresses"].help_text = (
            _("Email addresses, one per line.") if rule.way == Way.EMAIL else _("Phone numbers, one per line.")
        )
        if rule.days is None:
            del self.fields["days"]

    def clean_addresses(self) -> list[str]:
        """Return the addresses, each once.

        :raises ValidationError: naming the first bad one.
        """
        way, found = Way(self.rule.way), dict[str, None]()
        for line in filter(None, map(str.strip, self.cleaned_data["addresses"].splitlines())):
            address = address_in(line, way)
            if not address or len(address) > 254:
                raise ValidationError(_("“%(address)s” cannot be sent to."), params={"address": line[:60]})
            found[address] = None
        if len(found) > MOST_ADDRESSES:
            raise ValidationError(_("No more than %(most)d addresses."), params={"most": MOST_ADDRESSES})
        return list(found)

    def clean(self) -> dict[str, Any]:
        held: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and held["is_on"] and not held["recipients"] and not held["addresses"]:
            self.add_error("recipients", _("Say who is told before you turn it on."))
        return held


class LogForm(ListForm):
    """The delivery log: what became of which messages."""

    q = text(_("Recipient or username begins with"))
    subscriber = text(_("Subscriber"))
    status = choice(_("Status"), _("Any status"), Status.choices)
    event = choice(_("Event"), _("Any event"), Event.choices)
    way = choice(_("Channel"), _("Any channel"), Way.choices)
    start = forms.DateField(label=_("From"), required=False)
    end = forms.DateField(label=_("To"), required=False)

    def apply(self, rows: QuerySet[Message]) -> QuerySet[Message]:
        """Return the messages that the address asks for, the newest first."""
        asked = {name: self.value(name) for name in ("status", "event", "way")}
        found = Q(**{name: value for name, value in asked.items() if value})
        if begins := self.value("q"):
            recipient = address_in(begins, Way.SMS) or begins
            found &= Q(recipient__istartswith=recipient) | about_lines(username__startswith=begins.lower())
        if username := self.value("subscriber"):
            found &= about_lines(username=username.lower())
        if start := self.value("start"):
            found &= Q(created_at__gte=midnight(start))
        if end := self.value("end"):
            found &= Q(created_at__lt=end_of_day(end))
        return rows.filter(found).order_by("-pk")
