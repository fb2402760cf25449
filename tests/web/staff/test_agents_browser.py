"""The team's pages in a real browser: an agent's way on a phone and on a desktop, with and without JavaScript; axe."""

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from browserparts import DESKTOP, NARROW, PHONE, SECONDS, free_address, look_at, opened, served, sign_in, weight_of
from staffparts import PASSWORD, Team
from webparts import LARGEST, Site, event

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page


class Shop:
    """A served site with its team, four tickets and a queue; what needs an event loop runs in a thread of its own."""

    def __init__(self, team: Team, url: str) -> None:
        self.team = team
        self.url = url

    def aside(self, work: Callable[[], object]) -> None:
        """Do something in another thread: the browser's loop runs in this one."""
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(SECONDS)
        assert not thread.is_alive()

    def low(self, subject: str, **more: Any) -> None:
        """Let a customer give a low score."""
        self.aside(lambda: self.team.low(subject, **more))

    def sign_in(self, context: "BrowserContext", path: str = "/inbox", name: str = "Nadia") -> "Page":
        """Return a page on which a person has signed in on the way to a path."""
        return sign_in(context, self.url + path, name)


@pytest.fixture
def shop(open_site: Callable[..., Site]) -> Iterator[Shop]:
    """Give a served shop."""
    address, port = free_address()
    made: list[Team] = []

    def make() -> None:
        team = Team(open_site(http_bind=address))
        team.low("c1", comment="It arrived broken, and nobody answers the phone.")
        team.site.pass_time(hours=5)
        team.low("c2", 0, "<b>Colis</b> perdu\nencore une fois !", name="Jean Dupont")
        team.low("c3", 6, "", name="Ana Silva", phone="", time_zone="America/Sao_Paulo")
        for n in range(3):
            team.site.events(event("feature_first_used", f"f{n}", reference="search"))
        made.append(team)

    maker = threading.Thread(target=make)
    maker.start()
    maker.join(60)
    with served(made[0].site, port) as url:
        yield Shop(made[0], url)


@pytest.mark.parametrize(("profile", "scripts"), [(PHONE, True), (PHONE, False), (DESKTOP, True), (DESKTOP, False)])
def test_an_agents_way_from_the_mail_to_done(
    chromium: "Browser", shop: Shop, profile: dict[str, Any], scripts: bool
) -> None:
    """Ticket mail, login, claim, no answer, a note, done with a preview: the same on a phone, and without scripts."""
    with opened(chromium, refusals=True, java_script_enabled=scripts, **profile) as context:
        page = shop.sign_in(context, "/tickets/1", "Max")
        assert page.url.endswith("/tickets/1")
        assert page.get_by_role("link", name="Call +33 6 12 34 56 78").get_attribute("href") == "tel:+33612345678"
        page.get_by_role("button", name="Claim").click()
        page.get_by_text("The ticket is yours.").wait_for()
        page.locator("summary", has_text="No answer").click()
        page.get_by_role("button", name="No answer").click()
        page.get_by_text("Noted. The ticket comes back").wait_for()
        page.locator("summary", has_text="Note").click()
        page.get_by_label("Note for the team").fill("Spoke with her: the shade is broken.")
        page.get_by_label("I spoke with the customer").check()
        page.get_by_role("button", name="Save the note").click()
        page.get_by_text("Noted.", exact=True).wait_for()
        page.locator("summary", has_text="Done").click()
        page.locator("label.choice", has_text="solved").first.click()
        page.get_by_label("Root cause").select_option("delivery/damaged")
        page.get_by_label("One sentence that the customer will read").fill("Une lampe neuve part ce soir.")
        page.get_by_role("button", name="Show me the mail").click()
        assert "Une lampe neuve part ce soir." in page.locator("pre.mail").inner_text()
        assert page.locator("#sentence").input_value().strip() == "Une lampe neuve part ce soir."
        page.locator(".done-form").get_by_role("button", name="Done").click()
        page.get_by_text("Done. The customer hears of it.").wait_for()
        assert page.locator("summary", has_text="Reopen").is_visible()
    assert shop.team.ticket(1).outcome == "solved"


@pytest.mark.parametrize("scripts", [True, False])
def test_a_note_survives_the_end_of_a_session(chromium: "Browser", shop: Shop, scripts: bool) -> None:
    """The agent signs in again on the spot, finds the note, and sends it once."""
    with opened(chromium, refusals=True, java_script_enabled=scripts, **PHONE) as context:
        page = shop.sign_in(context, "/tickets/1", "Max")
        page.locator("summary", has_text="Note").click()
        page.get_by_label("Note for the team").fill("She asks for\na call after six.")
        context.clear_cookies()
        page.get_by_role("button", name="Save the note").click()
        page.get_by_text("What you typed is kept").wait_for()
        page.get_by_label("Name").fill("Max")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("You are signed in again.").wait_for()
        assert page.get_by_label("Note for the team").input_value() == "She asks for\na call after six."
        page.get_by_role("button", name="Save the note").click()
        page.get_by_text("Noted.", exact=True).wait_for()
        assert page.get_by_text("a call after six.").is_visible()


def test_two_agents_race_and_the_second_keeps_the_words(chromium: "Browser", shop: Shop) -> None:
    """Both see the ticket; the slower one is told clearly and loses no word."""
    with (
        opened(chromium, refusals=True, **DESKTOP) as first,
        opened(chromium, refusals=True, java_script_enabled=False, **PHONE) as second,
    ):
        fast, slow = shop.sign_in(first, "/tickets/2", "Max"), shop.sign_in(second, "/tickets/2", "Léa")
        slow.locator("summary", has_text="Note").click()
        slow.get_by_label("Note for the team").fill("I am calling now.")
        fast.get_by_role("button", name="Claim").click()
        fast.get_by_text("The ticket is yours.").wait_for()
        slow.get_by_role("button", name="Save the note").click()
        slow.get_by_text("Somebody else changed this ticket meanwhile").wait_for()
        assert slow.get_by_label("Note for the team").input_value() == "I am calling now."
        assert slow.get_by_text("Claimed · Max").is_visible()


def test_the_inbox_follows_the_tickets_by_itself(chromium: "Browser", shop: Shop) -> None:
    """A new ticket appears without a reload, and a ticket that changed says so while it is read."""
    with opened(chromium, refusals=True, **PHONE) as context:
        page = shop.sign_in(context, "/inbox?all=1")
        page.wait_for_function("() => document.readyState === 'complete'")
        shop.low("c9", name="Nina Nouvelle")
        page.get_by_text("Nina Nouvelle").wait_for()
        ticket = context.new_page()
        ticket.goto(f"{shop.url}/tickets/2")
        assert not ticket.get_by_text("This ticket has changed.").is_visible()
        page.goto(f"{shop.url}/tickets/2")
        page.get_by_role("button", name="Claim").click()
        ticket.get_by_text("This ticket has changed.").wait_for()


PAGES = (
    "/inbox",
    "/inbox?all=1",
    "/inbox?q=roux",
    "/tickets/1",
    "/tickets/3",
    "/customers",
    "/customers?q=roux",
    "/customers/c1",
    "/queue",
    "/queue/people?kind=touchpoint&name=feature",
    "/queue/confirm?act=cancel&kind=touchpoint&name=feature",
    "/logout",
    "/account",
    "/account/second-factor",
    "/people",
    "/people/person?name=L%C3%A9a",
)


@pytest.mark.parametrize(("width", "profile"), [("phone", PHONE), ("desktop", DESKTOP)])
def test_every_page_is_accessible(chromium: "Browser", shop: Shop, width: str, profile: dict[str, Any]) -> None:
    """No finding of axe (WCAG 2.2 AA and its best practices), every form open, in both schemes; nothing too wide."""
    axe = Axe()
    with opened(chromium, refusals=True, **profile) as context:
        page = context.new_page()
        page.goto(f"{shop.url}/login")
        look_at(page, axe, f"login-{width}", again=width == "desktop")
        page.close()
        page = shop.sign_in(context)
        for path in PAGES:
            page.goto(shop.url + path)
            look_at(page, axe, f"{path}-{width}", again=width == "desktop")


def test_the_narrowest_phone_scrolls_one_way_only_and_pages_are_light(chromium: "Browser", shop: Shop) -> None:
    """At 320 pixels nothing is cut, and each page with all it loads is under 100 kB, from this server alone."""
    with opened(chromium, refusals=True, **NARROW) as context:
        page = shop.sign_in(context)
        sizes: dict[str, int] = {}
        strangers: list[str] = []

        def weigh(response: Any) -> None:
            if not response.url.startswith(shop.url):
                strangers.append(response.url)
            elif "/inbox/events" not in response.url:
                sizes[response.url] = weight_of(response)

        for path in PAGES:
            sizes.clear()
            page.on("response", weigh)
            page.goto(shop.url + path, wait_until="load")
            page.remove_listener("response", weigh)
            page.evaluate("document.querySelectorAll('details').forEach(one => { one.name = ''; one.open = true })")
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, f"{path} is {wide} pixels too wide"
            assert sum(sizes.values()) < LARGEST, f"{path} weighs {sum(sizes.values()):,} bytes"
        assert not strangers


def test_the_queue_is_steered_by_keyboard(chromium: "Browser", shop: Shop) -> None:
    """Tab and Enter are enough to cancel, and the page says how many people it touched."""
    with opened(chromium, refusals=True, **DESKTOP) as context:
        page = shop.sign_in(context, "/queue")
        page.get_by_role("link", name="Cancel: After a new feature, Friday 6 March").focus()
        page.keyboard.press("Enter")
        page.get_by_text("3 people will not be asked.").wait_for()
        page.get_by_role("button", name="Cancel for 3 people").focus()
        page.keyboard.press("Enter")
        page.get_by_text("3 cancelled.").wait_for()
