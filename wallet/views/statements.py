"""The statement of a wallet: on screen, as CSV and as PDF."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

from accounts.access import SignedInRequest, requires
from ispanel.csv_export import Value, csv_response
from ispanel.http import render_form
from ispanel.installation import currency, time_zone
from ispanel.issuer import Issuer, panel_issuer
from ispanel.lists import PAGE_SIZE
from ispanel.money import Currency
from wallet import statement_pdf as pdf
from wallet.exports import exact
from wallet.forms import StatementForm
from wallet.models import Entry, LedgerAccount
from wallet.statements import Period, Statement, last_month, statement_of, this_month, this_year
from wallet.trail import record_statement

#: A PDF of more would keep a worker busy for seconds; the CSV has no end.
MOST_LINES_OF_PDF = 10_000


def asked_period(request: SignedInRequest) -> StatementForm:
    """Return the form with the period of the address, which is last month's where it names none."""
    if "start" in request.GET or "end" in request.GET:
        return StatementForm(request.GET)
    period = last_month(timezone.now())
    return StatementForm({"start": period.start.isoformat(), "end": period.end.isoformat()})


def chosen_period(form: StatementForm) -> Period:
    """Return the period of a valid form."""
    return Period(form.cleaned_data["start"], form.cleaned_data["end"])


@requires("transactions.view", of=LedgerAccount)
@require_GET
def statement(request: SignedInRequest, account: LedgerAccount) -> HttpResponse:
    """Show the statement of a period, last month's at first."""
    form = asked_period(request)
    return page(request, account, form, statement_of(account, chosen_period(form)) if form.is_valid() else None)


def page(
    request: SignedInRequest, account: LedgerAccount, form: StatementForm, statement: Statement | None
) -> HttpResponse:
    """Answer with the form and, where its period is one, the statement."""
    now = timezone.now()
    periods = ((_("This month"), this_month(now)), (_("Last month"), last_month(now)), (_("This year"), this_year(now)))
    context: dict[str, Any] = {
        "account": account,
        "form": form,
        "statement": statement,
        "issuer": issuer_of(account),
        "periods": [(words, query_of(period), statement and period == statement.period) for words, period in periods],
    }
    if statement:
        context["page_obj"] = Paginator(statement.lines, PAGE_SIZE).get_page(request.GET.get("page"))
        context["query"] = query_of(statement.period)
    return render_form(request, "wallet/statement.html", context)


def query_of(period: Period) -> str:
    """Return the period as the address names it."""
    return urlencode({"start": period.start.isoformat(), "end": period.end.isoformat()})


@requires("transactions.view", of=LedgerAccount)
@require_GET
def statement_csv(request: SignedInRequest, account: LedgerAccount) -> HttpResponseBase:
    """Send the statement as a CSV file, and record that."""
    form = asked_period(request)
    if not form.is_valid():
        return page(request, account, form, None)
    made = statement_of(account, chosen_period(form))
    record_statement(actor=request.seat, statement=made, file="CSV", now=timezone.now())
    columns = [
        _("Time"), _("Kind"), _("From or to"), _("Note"), _("Amount"), _("Balance"), _("Currency"), _("Transfer"),
        _("Issuer"), _("Tax line"),
    ]  # fmt: skip
    return csv_response(name_of(made), columns, rows_of(made, currency(), issuer_of(account)), zone=time_zone())


def rows_of(statement: Statement, money: Currency, issuer: Issuer) -> Iterator[list[Value]]:
    """Yield the lines between the opening and the closing balance, each with who issues the statement."""
    period, head = statement.period, (issuer.name, issuer.tax_line)
    yield [period.start, _("Opening balance"), "", "", None, exact(statement.opening, money), money.code, None, *head]
    for line in statement.lines:
        kind = str(line.kind.label)
        amount, balance = exact(line.amount, money), exact(line.balance, money)
        yield [line.at, kind, line.other, line.note, amount, balance, money.code, line.transfer_id, *head]
    yield [period.end, _("Closing balance"), "", "", None, exact(statement.closing, money), money.code, None, *head]


@requires("transactions.view", of=LedgerAccount)
@require_GET
def statement_pdf(request: SignedInRequest, account: LedgerAccount) -> HttpResponse:
    """Send the statement as PDF, and record that."""
    form = asked_period(request)
    if not form.is_valid():
        return page(request, account, form, None)
    period = chosen_period(form)
    count = Entry.objects.filter(account=account).since(period.starts_at).before(period.ends_at).count()
    if count > MOST_LINES_OF_PDF:
        form.add_error("end", too_long(count))
        return page(request, account, form, None)
    made = statement_of(account, period)
    file = pdf.statement_pdf(made, issuer_of(account))
    record_statement(actor=request.seat, statement=made, file="PDF", now=timezone.now())
    response = HttpResponse(file, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{name_of(made)}.pdf"'
    return response


def issuer_of(account: LedgerAccount) -> Issuer:
    """Return who issues the statement: of a reseller's wallet whom the billing settings say, else the house."""
    reseller = getattr(account, "reseller", None)
    issuer: Issuer = reseller.issuer if reseller else panel_issuer()
    return issuer


def too_long(count: int) -> str:
    """Say that a period is too long for a PDF."""
    return ngettext(
        "This period has %(count)s line, and a PDF holds %(most)s. Choose a shorter one, or take the CSV file.",
        "This period has %(count)s lines, and a PDF holds %(most)s. Choose a shorter one, or take the CSV file.",
        count,
    ) % {"count": f"{count:,}", "most": f"{MOST_LINES_OF_PDF:,}"}


def name_of(statement: Statement) -> str:
    """Return what the file is called, without its ending."""
    return f"statement-{statement.account.pk}-{statement.period.start}-{statement.period.end}"
