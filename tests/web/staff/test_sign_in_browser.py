"""Signing in with two steps, one's account and the team's page in a real browser, on a phone; axe."""

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from browserparts import PHONE, free_address, look_at, opened, served
from pyotp import TOTP
from staffparts import PASSWORD, Team
from webparts import Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NEW_PASSWORD = "marmelade soleil tracteur"


@pytest.fixture
def house(open_site: Callable[..., Site]) -> Iterator[tuple[Team, str]]:
    """Give a served site with its team, and its address."""
    address, port = free_address()
    made: list[Team] = []
    maker = threading.Thread(target=lambda: made.append(Team(open_site(http_bind=address))))
    maker.start()
    maker.join(60)
    with served(made[0].site, port) as url:
        yield made[0], url


def sign_in(page: "Page", url: str, name: str, password: str = PASSWORD) -> None:
    """Type a name and a password."""
    page.goto(f"{url}/login")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_a_lead_adds_somebody_who_sets_up_two_steps(chromium: "Browser", house: tuple[Team, str]) -> None:
    """The link is handed over; its owner chooses a password, scans the code, and next time needs both steps."""
    url, axe = house[1], Axe()

    def look(page: "Page", name: str) -> None:
        look_at(page, axe, f"{name}-phone")

    with opened(chromium, refusals=True, **PHONE) as lead:
        page = lead.new_page()
        sign_in(page, url, "Nadia")
        page.get_by_role("link", name="Team", exact=True).click()
        page.get_by_label("Name").fill("Noé O'Neil")
        page.get_by_role("button", name="Add and show the link").click()
        link = page.get_by_label("Link").input_value()
        look(page, "person-link")
    with opened(chromium, refusals=True, **PHONE) as other:
        page = other.new_page()
        page.goto(f"{link}?next=/account")
        look(page, "login-link")
        page.get_by_role("button", name="Sign in as Noé O'Neil").click()
        page.get_by_label("New password", exact=True).fill("password1234")
        page.get_by_label("New password, once more").fill("password1234")
        page.get_by_role("button", name="Change the password").click()
        page.get_by_text("Easy to guess").wait_for()
        look(page, "account-refused")
        page.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
        page.get_by_label("New password, once more").fill(NEW_PASSWORD)
        page.get_by_role("button", name="Change the password").click()
        page.get_by_text("The new password counts from now on.").wait_for()
        page.get_by_role("link", name="Set up the second step").click()
        secret = TOTP(page.locator("code").inner_text().replace(" ", ""))
        page.get_by_label("The six digits").fill("000000")
        page.get_by_role("button", name="Switch it on").click()
        page.get_by_text("This code is not right").wait_for()
        look(page, "second-factor-offer")
        assert page.locator("code").inner_text().replace(" ", "") == secret.secret
        page.get_by_label("The six digits").fill(secret.now())
        page.get_by_role("button", name="Switch it on").click()
        page.get_by_text("The second step is on.").wait_for()
        look(page, "recovery-codes")
        code = page.locator(".codes code").first.inner_text()
    with opened(chromium, refusals=True, **PHONE) as again:
        page = again.new_page()
        sign_in(page, url, "noé o'neil", NEW_PASSWORD)
        page.get_by_label("The six digits").fill("123")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("This code is not right").wait_for()
        look(page, "second-factor")
        if not page.get_by_label("Recovery code").is_visible():
            page.locator("summary").click()
        page.get_by_label("Recovery code").fill(code.upper().replace("-", " "))
        page.get_by_role("button", name="Use the recovery code").click()
        page.get_by_role("heading", name="Inbox").wait_for()
        page.goto(f"{url}/account")
        page.get_by_text("9 recovery codes are left.").wait_for()
        look(page, "account")
        assert page.get_by_role("button", name="End:").count() == 1
        page.get_by_role("button", name="End:").click()
        page.get_by_text("That session has ended.").wait_for()
        assert page.get_by_role("button", name="End:").count() == 0
