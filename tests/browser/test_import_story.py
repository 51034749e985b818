"""An import from the file to the subscribers, in a real browser: with JavaScript, and without."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from plans.models import Plan
from resellers.models import Reseller
from subscribers.models import Subscriber
from tests.browser.conftest import NewContext
from tests.browser.looks import axe, sign_in_as
from tests.cast import fund
from tests.jobs import run_jobs
from tests.subscribers.files import csv_of
from tests.threads import at_once

#: As a spreadsheet of a country with decimal commas writes it.
HEAD = ("Login", "Secret", "Full name", "Profile", "Installed")


def a_file(folder: Path, name: str, *rows: list[str]) -> Path:
    file = folder / name
    file.write_text(csv_of(*rows, columns=HEAD, delimiter=";"), encoding="utf-8-sig", newline="")
    return file


def upload(page: Page, file: Path) -> None:
    page.goto("/subscribers/imports/new")
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("row", name="Installed")).to_contain_text("2024")


def check(page: Page) -> None:
    expect(page.get_by_label("Login")).to_have_value("username")
    expect(page.get_by_label("Profile")).to_have_value("plan")
    expect(page.get_by_label("Installed")).to_have_value("")
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_text("Checking the rows")).to_be_visible()


def let_the_worker_work() -> None:
    """Do what waits, in a thread that Playwright's loop does not run in."""
    [problem] = at_once(run_jobs)
    assert problem is None, problem


def wait_for_the_worker(page: Page, *, scripts: bool) -> None:
    """Let the worker do it. The page sees that by itself, or where there are no scripts, when it is asked for again."""
    let_the_worker_work()
    if not scripts:
        page.get_by_role("link", name="Refresh").click()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_file_with_errors_is_mended_and_imported(
    new_context: NewContext, tmp_path: Path, asha: User, north: Reseller, home: Plan, scripts: bool
) -> None:
    fund(north.wallet, "60", actor=asha)
    page = sign_in_as(new_context(java_script_enabled=scripts).new_page(), north.user)

    wrong = ["am al", "secret-1", "أمل حداد", "Hom", "2024"], ["badr", "", "Badr", "Home", "2024"]
    upload(page, a_file(tmp_path, "wrong.csv", *wrong))
    check(page)
    wait_for_the_worker(page, scripts=scripts)
    expect(page.get_by_role("row", name="am al")).to_contain_text("Use only letters a to z")
    expect(page.get_by_role("row", name="Hom ")).to_contain_text(
        "There is no plan of this name. Choose one of these: Home."
    )
    expect(page.get_by_role("button", name="Import 2 subscribers")).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the rows with errors").click()
    assert "أمل حداد" in download.value.path().read_text(encoding="utf-8")

    right = ["amal", "secret-1", "أمل حداد", "Home", "2024"], wrong[1]
    upload(page, a_file(tmp_path, "right.csv", *right))
    check(page)
    wait_for_the_worker(page, scripts=scripts)
    expect(page.get_by_role("main")).to_contain_text("To be charged")
    page.get_by_role("button", name="Import 2 subscribers").click()
    expect(page.get_by_text("Importing the rows")).to_be_visible()
    wait_for_the_worker(page, scripts=scripts)

    expect(page.get_by_role("main")).to_contain_text("1 password was generated.")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the generated passwords").click()
    assert "badr," in download.value.path().read_text(encoding="utf-8")
    page.get_by_role("link", name="Show the subscribers").click()
    expect(page.get_by_role("row", name="amal")).to_contain_text("Active")
    assert Subscriber.objects.count() == 2


def test_every_step_is_accessible(themed_page: Page, tmp_path: Path, asha: User, north: Reseller, home: Plan) -> None:
    page = sign_in_as(themed_page, north.user)

    page.goto("/subscribers/imports/new")
    axe(page)
    upload(page, a_file(tmp_path, "lines.csv", ["am al", "", "Amal", "Home", "2024"]))
    axe(page)
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    axe(page)
    let_the_worker_work()
    expect(page.get_by_role("row", name="am al")).to_be_visible()
    axe(page)
    page.goto("/subscribers/imports/")
    axe(page)


def test_a_line_that_expired_elsewhere_is_warned_of(
    page: Page, tmp_path: Path, asha: User, north: Reseller, home: Plan
) -> None:
    yesterday = (timezone.now() - timedelta(days=1)).isoformat()
    file = tmp_path / "migration.csv"
    file.write_text(
        csv_of(["amal", "Home", yesterday, "yes"], columns=("username", "plan", "expires_at", "auto_renew")),
        encoding="utf-8",
    )
    sign_in_as(page, asha)
    page.goto("/subscribers/imports/new")
    page.get_by_label("Reseller").select_option(label="North Net")
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_label("Save unpaid")).to_be_checked()
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    let_the_worker_work()

    expect(page.get_by_role("main")).to_contain_text("it is renewed, and charged, right after the import")
