"""What customers and newcomers see, in a real browser: answering with and without JavaScript, on a phone; axe."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from browserparts import DESKTOP, NARROW, PHONE, free_address, look_at, opened, served, weight_of
from webparts import LARGEST, Site, event

from workers.domain.records import Click, Dispatch, Response, Testimonial

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PROFILES: dict[str, dict[str, Any]] = {"phone": PHONE, "desktop": DESKTOP, "narrow": NARROW}
LABEL = "lamp <b>Arc</b>, order 1042"


@dataclass(frozen=True)
class Shop:
    """A served site: one customer is asked, a passive and a promoter have answered."""

    site: Site
    url: str
    paths: dict[str, str]

    def row(self, kind: type[Any], **fields: object) -> Any:
        """Return the one row with these values."""
        return next(row for row in self.site.rows(kind) if all(getattr(row, key) == fields[key] for key in fields))


def furnished(site: Site) -> dict[str, str]:
    """Have three customers asked, let two answer, and return the paths of their links."""
    for subject, language in (("asked", "fr"), ("passive", "fr"), ("promoter", "en")):
        customer: dict[str, object] = {"language": language, "may_promote": True, "phone": "+33 1 23 45 67 89"}
        site.events(event("delivery", subject, customer=customer, reference=subject, label=LABEL))
    site.settle()
    requests = {
        request.reference: request for request in (site.request(name) for name in ("asked", "passive", "promoter"))
    }
    site.parts.customer_actions.answer(requests["passive"].id, 8)
    site.parts.customer_actions.answer(requests["promoter"].id, 9, "So warm\n<script>alert(1)</script>")
    site.pass_time(minutes=2)
    site.pass_time(days=10)
    responses = {response.reference: response.id for response in site.rows(Response)}
    mail = next(dispatch for dispatch in site.rows(Dispatch) if dispatch.request == requests["asked"].id)
    return {
        "answer": site.link("answer", requests["asked"].id) + "?score=3",
        "thanks": site.link("answer", requests["promoter"].id) + "/thanks",
        "reasons": site.link("answer", requests["passive"].id) + "/thanks",
        "changed": site.link("answer", requests["promoter"].id),
        "unsubscribe": site.link("unsubscribe", mail.id),
        "improvement": site.link("improvement", responses["passive"]),
        "testimonial": site.link("testimonial", responses["promoter"]),
        "closed": "/a/nothing",
        "mailbox": "/mailbox?lang=en",
        "mail": f"/mailbox/{mail.id}?lang=en",
        "start": "/?lang=en",
    }


@pytest.fixture
def shop(open_site: Callable[..., Site]) -> Iterator[Shop]:
    """Give a served shop. The browser's loop runs in this thread, so whatever needs one of its own runs in another."""
    address, port = free_address()
    site = open_site(http_bind=address)
    with ThreadPoolExecutor(1) as aside:
        paths = aside.submit(furnished, site).result(60)
    with served(site, port) as url:
        yield Shop(site, url, paths)


def tap(page: "Page", score: int) -> None:
    """Choose a score as a finger does."""
    page.locator("label.score").nth(score).click()


def test_an_answer_on_a_phone_follows_the_score(chromium: "Browser", shop: Shop) -> None:
    """The question changes with the score, the wish for a call opens its fields, and the answer is thanked for."""
    with opened(chromium, locale=None, refusals=True, **PHONE) as context:
        page = context.new_page()
        page.goto(shop.url + shop.paths["answer"])
        assert page.get_by_role("radio", name="3, peu probable").is_checked()
        comment = page.get_by_label("Que s'est-il passé ?")
        assert comment.is_visible()
        tap(page, 10)
        assert page.get_by_label("Qu'avez-vous le plus apprécié ?").is_visible()
        tap(page, 2)
        comment.fill("Cassée à l'arrivée")
        phone = page.get_by_label("Numéro de téléphone")
        assert not phone.is_visible()
        page.get_by_label("J'aimerais que vous m'appeliez").check()
        phone.fill("06 12 34 56 78")
        page.locator("label.choice", has_text="matin").click()
        page.get_by_role("button", name="Envoyer ma note").click()
        page.get_by_role("heading", name="Merci, votre réponse est enregistrée.").wait_for()
        page.get_by_role("link", name="Modifier ma réponse").click()
        assert page.get_by_role("radio", name="2, très peu probable").is_checked()
    response = shop.row(Response, reference="asked")
    assert (response.score, response.comment, response.half_day) == (2, "Cassée à l'arrivée", "morning")
    assert (response.wants_contact, response.phone) == (True, "06 12 34 56 78")


def test_an_answer_on_a_phone_without_javascript(chromium: "Browser", shop: Shop) -> None:
    """The same page, a neutral question, the same answer; what is wrong is said in place."""
    with opened(chromium, locale=None, refusals=True, java_script_enabled=False, **PHONE) as context:
        page = context.new_page()
        page.goto(shop.url + shop.paths["answer"].partition("?")[0])
        page.get_by_label("Pourquoi cette note ?").fill("Cassée à l'arrivée")
        page.get_by_role("button", name="Envoyer ma note").click()
        page.get_by_text("Choisissez une note de 0 à 10.").wait_for()
        assert page.get_by_label("Pourquoi cette note ?").input_value().strip() == "Cassée à l'arrivée"
        tap(page, 2)
        page.get_by_label("J'aimerais que vous m'appeliez").check()
        page.get_by_role("button", name="Envoyer ma note").click()
        page.get_by_text(re.compile("comme vous le souhaitez|nous vous écrivons")).wait_for()
    assert shop.row(Response, reference="asked").score == 2


def test_the_scale_is_operated_by_keyboard_alone(chromium: "Browser", shop: Shop) -> None:
    """Arrow keys choose, Tab moves on, Enter in the number sends."""
    with opened(chromium, locale=None, refusals=True, **DESKTOP) as context:
        page = context.new_page()
        page.goto(shop.url + shop.paths["answer"])
        page.get_by_role("radio", name="3, peu probable").focus()
        page.keyboard.press("ArrowRight")
        assert page.get_by_role("radio", name="4, plutôt peu probable").is_checked()
        page.keyboard.press("Tab")
        page.keyboard.type("Bof")
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Merci").wait_for()
    assert shop.row(Response, reference="asked").comment == "Bof"


def test_reasons_are_tapped_and_a_fourth_is_refused_at_once(chromium: "Browser", shop: Shop) -> None:
    """By keyboard and by finger; the fourth is unticked and said aloud, and three of them leave with the words."""
    with opened(chromium, locale=None, refusals=True, **PHONE) as context:
        page = context.new_page()
        page.goto(shop.url + shop.paths["reasons"])
        boxes = page.get_by_role("group", name="Où pourrions-nous faire mieux pour mériter un 10 ?").get_by_role(
            "checkbox"
        )
        assert boxes.count() == 8
        assert boxes.last.get_attribute("name") == "driver.other"
        boxes.first.focus()
        page.keyboard.press("Space")
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        page.locator("label.choice", has_text="Autre chose").click()
        fourth = page.locator("label.choice").nth(3)
        fourth.click()
        page.get_by_role("status").get_by_text("décochez d'abord").wait_for()
        assert not fourth.get_by_role("checkbox").is_checked()
        page.get_by_label("Y a-t-il une autre entreprise").fill("Lumo, plus rapide")
        page.get_by_role("button", name="Envoyer").click()
        page.get_by_text("Merci, c'est noté aussi.").wait_for()
    response = shop.row(Response, reference="passive")
    assert len(response.drivers.split()) == 3
    assert response.competitor == "Lumo, plus rapide"


def test_reasons_without_javascript(chromium: "Browser", shop: Shop) -> None:
    """The server refuses the fourth with everything kept; with three the page says that it is noted."""
    with opened(chromium, locale=None, refusals=True, java_script_enabled=False, **NARROW) as context:
        page = context.new_page()
        page.goto(shop.url + shop.paths["reasons"])
        for n in range(4):
            page.locator("label.choice").nth(n).click()
        page.get_by_role("button", name="Envoyer").click()
        page.get_by_text("décochez d'abord").wait_for()
        assert page.locator("label.choice input:checked").count() == 4
        page.locator("label.choice").first.click()
        page.get_by_role("button", name="Envoyer").click()
        page.get_by_text("Merci, c'est noté aussi.").wait_for()
    assert len(shop.row(Response, reference="passive").drivers.split()) == 3


def test_a_newcomer_answers_from_the_mailbox_by_clicking(chromium: "Browser", shop: Shop) -> None:
    """The buttons in the framed mail lead the whole window to the answer page; the frame shows the mail whole."""
    with opened(chromium, locale=None, refusals=True, **DESKTOP) as context:
        page = context.new_page()
        page.goto(shop.url + shop.paths["mail"])
        inside = page.frame_locator("iframe")
        inside.get_by_role("link", name="7, probable").wait_for()
        frame = page.locator("iframe").element_handle()
        assert frame is not None
        page.wait_for_function("f => f.contentDocument.documentElement.scrollHeight <= f.clientHeight", arg=frame)
        inside.get_by_role("link", name="7, probable").click()
        page.wait_for_url("**/a/*?score=7")
        assert page.get_by_role("radio", name="7, probable").is_checked()
    assert shop.row(Click, score=7).signal == ""


def test_a_promoter_publishes_and_withdraws(chromium: "Browser", shop: Shop) -> None:
    """Write, forget the tick, agree, see it as it is shown, take it back: without JavaScript, on a phone."""
    with opened(chromium, locale=None, refusals=True, java_script_enabled=False, **PHONE) as context:
        page = context.new_page()
        page.goto(shop.url + shop.paths["testimonial"])
        page.get_by_label("Your two or three sentences").fill("I was looking for a warm light and found it.")
        page.locator("label.choice", has_text="First name only").click()
        page.get_by_role("button", name="Publish", exact=True).click()
        page.get_by_text("Tick here to agree").wait_for()
        page.get_by_label("I agree that").check()
        page.get_by_role("button", name="Publish", exact=True).click()
        assert page.locator("figcaption").inner_text() == "Camille"
        page.get_by_role("button", name="Withdraw my testimonial").click()
        page.get_by_text("your testimonial is withdrawn").wait_for()
    assert str(shop.row(Testimonial).state) == "withdrawn"


@pytest.mark.parametrize("profile", PROFILES)
def test_every_page_is_accessible_light_and_narrow_enough(chromium: "Browser", shop: Shop, profile: str) -> None:
    """No finding of axe (WCAG 2.2 AA and its best practices) in both schemes; nothing too wide, heavy or foreign."""
    axe, sizes, strangers = Axe(), dict[str, int](), list[str]()

    def weigh(response: Any) -> None:
        if not response.url.startswith(shop.url):
            strangers.append(response.url)
        sizes[response.url] = weight_of(response)

    with opened(chromium, locale=None, refusals=True, **PROFILES[profile]) as context:
        page = context.new_page()
        page.on("response", weigh)
        for name, path in shop.paths.items():
            sizes.clear()
            page.goto(shop.url + path, wait_until="load")
            assert sum(sizes.values()) < LARGEST, f"{path} weighs {sum(sizes.values()):,} bytes"
            if name == "answer":
                page.locator("[name=wants_contact]").check()
            look_at(page, axe, f"{name}-{profile}", again=profile == "narrow")
    assert not strangers
