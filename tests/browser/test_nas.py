"""A request to a NAS, watched until its answer is there."""

from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from network.models import CoaRequest, CoaStatus, Nas
from plans.models import Plan
from resellers.models import Reseller
from tests.browser.looks import axe, sign_in_as
from tests.network.devices import add_nas, disconnect
from tests.subscribers.lines import add


def test_the_answer_comes_without_asking_for_the_page_again(
    page: Page, asha: User, north: Reseller, home: Plan
) -> None:
    nas = add_nas(asha)
    disconnect(nas, add(asha, north, home, activate=False), now=timezone.now())
    sign_in_as(page, asha)
    page.goto(f"/nas/{nas.pk}/")
    requests = page.get_by_role("region", name="Requests to the NAS")
    expect(requests).to_contain_text("Waiting")

    CoaRequest.objects.update(status=CoaStatus.ACK, answered_at=timezone.now())

    expect(requests).to_contain_text("Ack")
    expect(page.locator("#coa-requests[hx-get]")).to_have_count(0)
    axe(page)


def test_the_result_of_a_probe_comes_by_itself(page: Page, asha: User) -> None:
    nas = add_nas(asha)
    sign_in_as(page, asha)
    page.goto(f"/nas/{nas.pk}/")
    page.get_by_role("button", name="Probe now").click()
    card = page.locator("#wan-check")
    expect(card).to_contain_text("On its way")

    Nas.objects.update(is_reachable=False, probed_at=timezone.now(), probe_answer="No answer at port 443 within 3 s.")

    expect(card).to_contain_text("No answer at port 443 within 3 s.")
    expect(page.locator("#wan-check[hx-get]")).to_have_count(0)


def test_a_secret_is_generated_and_copied_before_it_is_saved(page: Page, asha: User) -> None:
    sign_in_as(page, asha)
    page.goto("/nas/new")
    page.get_by_label("Name").fill("Core")
    page.get_by_label("Address").fill("192.0.2.1")

    page.get_by_role("button", name="Generate").click()
    secret = page.get_by_label("RADIUS secret")
    expect(secret).to_have_attribute("type", "text")
    assert len(secret.input_value()) >= 16
    page.get_by_role("button", name="Add NAS device").click()

    expect(page.get_by_role("heading", name="Core", exact=True)).to_be_visible()
    assert Nas.objects.get().address == "192.0.2.1"
