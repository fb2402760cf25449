"""The question on the company's own pages, at its doors: who is asked, who not and why, what answers become."""

import json
import re
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ownrules import write_plan
from playwright._impl._driver import compute_driver_executable
from webparts import START, Site, event

from workers.domain.explain.view import iso
from workers.domain.records import (
    Click,
    Customer,
    Dispatch,
    History,
    Response,
    ResponseRevision,
    SurveyRequest,
    Ticket,
    Touchpoint,
)
from workers.domain.types import RequestState, TouchpointState
from workers.domain.web_sites import LONGEST_LIFE, sign_visitor
from workers.store.counts.books import tallies
from workers.web.public.widget.doors import DOORS

ORIGIN = "https://www.shop.example"
OTHER_ORIGIN = "https://blog.example"
KEY, OLD_KEY, OTHER_KEY = b"k" * 32, b"o" * 32, b"x" * 32
SITES = f"""
shop:
  name: shop.example
  origins: [{ORIGIN}]
  triggers: {{purchase: yes, time: 30, call: yes, scroll: no}}
  never: [/checkout/pay*]
blog:
  origins: [{OTHER_ORIGIN}]
  triggers: {{call: yes}}
"""
Asked = dict[str, Any]
BOTH = pytest.mark.parametrize("shop", ["sqlite", "postgres"], indirect=True)


class Shop:
    """A shop's pages and server over one installation."""

    def __init__(self, site: Site) -> None:
        self.site = site
        site.parts.policies.remember(site.parts.store, site.clock.at)
        site.events(event("website_visited", at=START - timedelta(days=400), reference="long ago"))

    def post(self, door: str, origin: str = ORIGIN, **fields: object) -> Any:
        """Post what the script posts."""
        return self.site.client.post(f"/w/{door}", json=fields, headers={"Origin": origin})

    def token(
        self, *, customer: str = "42", site: str = "shop", key: bytes = KEY, life: int = 3600, **more: str
    ) -> str:
        """Return a token as the shop's server signs it."""
        return sign_visitor(key, site, customer, int(self.site.clock.at.timestamp()) + life, **more)

    def offer(self, visitor: str | None = None, **fields: object) -> Any:
        """Offer a moment, as the script does."""
        moment: dict[str, Any] = {"site": "shop", "trigger": "call", "page": "/", "lang": "fr-FR", **fields}
        origin = str(moment.pop("origin", ORIGIN))
        return self.post("ask", origin, visitor=self.token() if visitor is None else visitor, **moment)

    def ask(self) -> Asked:
        """Have customer 42 asked, and let them read."""
        answer = self.offer()
        assert answer.status_code == 200, answer.text
        asked: Asked = answer.json()
        assert self.post("shown", id=asked["id"], sig=asked["sig"]).status_code == 204
        self.site.clock.at += timedelta(seconds=5)
        return asked

    def why(self) -> str:
        """Return why the box did not appear the last time, as explain says it."""
        explained = self.explained()
        return " ".join(entry["reason"] for entry in explained["history"] if entry["subject"] == "web_visit")

    def explained(self) -> dict[str, Any]:
        """Return what explain says of customer 42."""
        from workers.domain.sending_state import SendingState
        from workers.usecases.operation import inquiry

        parts = self.site.parts
        with parts.store.reading() as connection:
            told = inquiry.explain(
                connection, "customer", "42", self.site.clock.at, parts.policies.current(), SendingState("on", "")
            )
        return json.loads(json.dumps(told))  # type: ignore[no-any-return]


@pytest.fixture
def shop(open_site: Callable[..., Site], tmp_path: Path, request: pytest.FixtureRequest) -> Shop:
    """Give a shop with two sites, two keys of its own."""
    more = {"database_url": request.getfixturevalue("postgres")} if getattr(request, "param", "") == "postgres" else {}
    (tmp_path / "own" / "rules").mkdir(parents=True)
    (tmp_path / "own" / "rules" / "sites.yaml").write_text(SITES, "utf-8")
    keys = f"shop:{KEY.decode()},shop:{OLD_KEY.decode()},blog:{OTHER_KEY.decode()}"
    return Shop(open_site(overrides=str(tmp_path / "own"), site_keys=keys, **more))


def test_a_customer_who_is_there_is_asked_in_their_language(shop: Shop) -> None:
    """The question comes whole, and is a survey request like any other, without a mail."""
    asked = shop.ask()
    assert asked["lang"] == "fr"
    assert "recommand" in asked["question"]
    (request,) = shop.site.rows(SurveyRequest)
    assert (request.id, request.channel, request.state) == (asked["id"], "web", RequestState.OPEN)
    (touchpoint,) = (row for row in shop.site.rows(Touchpoint) if row.step == "web")
    assert touchpoint.state == TouchpointState.ASKED
    shop.site.settle()
    assert not list((shop.site.parts.settings.home / "mailbox").glob("**/*.eml"))


def test_an_answer_goes_the_way_of_every_answer(shop: Shop) -> None:
    """A low score with a comment settles, is decided, and opens a ticket."""
    asked = shop.ask()
    assert shop.post("answer", id=asked["id"], sig=asked["sig"], score=2).status_code == 204
    assert shop.post("answer", id=asked["id"], sig=asked["sig"], score=2, comment="late").status_code == 204
    shop.site.pass_time(minutes=2)
    (response,) = shop.site.rows(Response)
    assert (response.score, response.comment, response.channel, response.n) == (2, "late", "web", 2)
    assert [ticket.customer for ticket in shop.site.rows(Ticket)] == [response.customer]


def test_the_thanks_lead_to_the_reasons(shop: Shop) -> None:
    """After the score is saved the box links to the page on which reasons are tapped; before it, nothing does."""
    asked = shop.ask()
    assert asked["own"] == "Dites-nous ce qui a le plus compté"
    assert "Link" not in shop.post("answer", id=asked["id"], sig=asked["sig"], score=12).headers
    link = shop.post("answer", id=asked["id"], sig=asked["sig"], score=2).headers["Link"]
    page = shop.site.client.get(link.partition("<")[2].partition(">")[0])
    codes = re.findall(r'name="driver\.([a-z_]+)"', page.text)
    assert codes[-1] == "other"
    assert len(codes) >= 6
    assert shop.post("answer", id=asked["id"], sig=asked["sig"], score=2).headers["Link"] == link


def test_a_thousand_repeats_of_an_answer_change_nothing(shop: Shop) -> None:
    """Whatever is sent again, the first score without its comment too, one answer stays as it is; repeats are seen."""
    asked = shop.ask()
    both = {"id": asked["id"], "sig": asked["sig"], "score": 9}
    assert shop.post("answer", **both, comment="fast").status_code == 204
    for n in range(1_000):
        assert shop.post("answer", **both, **({"comment": "fast"} if n % 2 else {})).status_code == 204
    assert [(row.score, row.comment) for row in shop.site.rows(ResponseRevision)] == [(9, "fast")]
    assert {click.signal for click in shop.site.rows(Click)} == {"shown", "same answer again"}


def test_closing_counts_as_asked(shop: Shop) -> None:
    """Who closes the box is not asked again at the next page, nor by mail within the rest; answering is over."""
    asked = shop.ask()
    assert shop.post("closed", id=asked["id"], sig=asked["sig"]).status_code == 204
    assert shop.post("answer", id=asked["id"], sig=asked["sig"], score=9).status_code == 410
    assert shop.offer().status_code == 204
    shop.site.clock.at += timedelta(days=2)
    assert shop.offer().status_code == 204
    assert "rests until" in shop.why()
    assert "Closed by the customer" in shop.explained()["survey_requests"][0]["reason"]


def test_putting_off_brings_the_same_question_back_once(shop: Shop) -> None:
    """Later is not never: a day on it comes back, once, as the same question; it counted as asked from the start."""
    asked = shop.ask()
    assert asked["later"] == "Plus tard"
    signed = {"id": asked["id"], "sig": asked["sig"]}
    for _ in range(2):
        assert shop.post("closed", **signed, how="later").status_code == 204
    (entry,) = shop.explained()["survey_requests"]
    assert entry["state"] == "open"
    assert entry["reason"].startswith("Put off by the customer on the site on 3 March")
    shop.site.clock.at += timedelta(hours=23)
    assert shop.offer().status_code == 204
    shop.site.clock.at += timedelta(hours=2)
    elsewhere = shop.offer(shop.token(site="blog", key=OTHER_KEY), site="blog", origin=OTHER_ORIGIN)
    assert elsewhere.status_code == 204
    again = shop.ask()
    assert (again["id"], again["later"]) == (asked["id"], "")
    assert shop.offer().status_code == 204
    assert shop.explained()["survey_requests"][0]["reason"].startswith("Shown on the site")
    assert shop.post("answer", **signed, score=9).status_code == 204
    (response,), (request,) = shop.site.rows(Response), shop.site.rows(SurveyRequest)
    assert (response.request, response.asked_at) == (request.id, request.asked_at)


def test_a_question_that_no_page_has_shown_comes_back_once(shop: Shop) -> None:
    """Who had moved on before it came has not seen it: the same question again, not at once, and no third time."""
    first = shop.offer().json()
    assert shop.offer().status_code == 204
    assert "no page has shown it" in shop.explained()["survey_requests"][0]["reason"]
    shop.site.clock.at += timedelta(minutes=1)
    again = shop.offer().json()
    assert (again["id"], again["later"]) == (first["id"], "")
    shop.site.clock.at += timedelta(minutes=1)
    assert shop.offer().status_code == 204
    assert shop.post("closed", id=first["id"], sig=first["sig"], how="later").status_code == 204
    shop.site.clock.at += timedelta(days=1)
    assert shop.offer().status_code == 204


@pytest.mark.parametrize("stop", ["boucle.customer.opted_out.v1", "boucle.journey.complaint_opened.v1"])
def test_what_was_put_off_comes_back_by_the_rules_of_today(shop: Shop, stop: str) -> None:
    """Who has opted out or complained meanwhile is left in peace."""
    asked = shop.ask()
    shop.post("closed", id=asked["id"], sig=asked["sig"], how="later")
    shop.site.clock.at += timedelta(days=2)
    shop.site.events(event("website_visited", at=shop.site.clock.at) | {"type": stop, "id": "stop"})
    assert shop.offer().status_code == 204


def test_a_mail_that_comes_due_within_the_rest_is_satisfied(shop: Shop) -> None:
    """Mail and site never both ask, whichever was planned first; explain says so."""
    shop.site.events(event("onboarding_finished", at=shop.site.clock.at))
    asked = shop.ask()
    shop.post("answer", id=asked["id"], sig=asked["sig"], score=9)
    shop.site.pass_time(minutes=5)
    shop.site.events(event("delivery", at=shop.site.clock.at, reference="1042"))
    shop.site.pass_time(days=1)
    states = {row.step: (row.state, row.reason) for row in shop.site.rows(Touchpoint)}
    assert states["onboarding"] == states["delivery-now"] == (TouchpointState.SKIPPED, "asked_on_web")
    told = {entry["touchpoint"]: entry["reason"] for entry in shop.explained()["touchpoints"]}
    assert "asked on the web site on" in told["delivery-now"]


def test_who_was_asked_by_mail_is_not_asked_on_the_site(shop: Shop) -> None:
    """The other way round, the rest period holds as well."""
    shop.site.ask()
    assert shop.offer().status_code == 204
    assert "rests until" in shop.why()


def test_two_tabs_and_two_devices_show_one_box(shop: Shop) -> None:
    """One customer has one open question."""
    assert shop.offer().status_code == 200
    assert shop.offer().status_code == 204
    assert "still open" in shop.why()
    assert len(shop.site.rows(SurveyRequest)) == 1


@BOTH
def test_many_tabs_at_one_moment_show_one_box(shop: Shop) -> None:
    """Also of a customer whom nobody had named before: one customer, one question."""
    file = Path(shop.site.parts.settings.overrides or "") / "rules" / "sites.yaml"
    file.write_text(SITES.replace("  never:", "  newcomers: yes\n  never:"), "utf-8")
    assert shop.site.parts.look_at_rules()
    for customer in ("42", "new"):
        token = shop.token(customer=customer)
        with ThreadPoolExecutor(6) as tabs:
            statuses = list(tabs.map(lambda _, token=token: shop.offer(token).status_code, range(6)))
        assert sorted(statuses) == [200, *[204] * 5], customer
    assert sorted(str(customer.crm_id) for customer in shop.site.rows(Customer)) == ["42", "new"]


def test_who_opted_out_is_not_asked(shop: Shop) -> None:
    """The wish holds on every channel."""
    opted_out = event("website_visited") | {"type": "boucle.customer.opted_out.v1", "id": "out"}
    shop.site.events(opted_out)
    assert shop.offer().status_code == 204
    assert "opted out" in shop.why()


def test_only_what_the_site_offers_is_asked(shop: Shop) -> None:
    """A moment that is switched off, or a page that is left out, asks nobody."""
    for fields in ({"trigger": "scroll"}, {"trigger": "exit"}, {"page": "/checkout/pay/3"}, {"trigger": ""}):
        assert shop.offer(None, **fields).status_code == 204
    assert shop.why().count("does not offer the question there") == 4


def test_tokens_that_are_not_good_ask_nobody(shop: Shop) -> None:
    """Forged, foreign, expired, too long, damaged and unknown ones all look alike; what was signed is noted."""
    refused = {
        "forged": shop.token(key=b"guess" * 8),
        "foreign": shop.token(site="blog"),
        "expired": shop.token(life=0),
        "future": shop.token(life=LONGEST_LIFE + 1),
        "unknown": shop.token(customer="nobody"),
        "cut": shop.token()[:-1],
        "swapped": f"{shop.token().partition('.')[0]}.{shop.token(customer='43').partition('.')[2]}",
        "none": "",
        "dots": "..",
        "not-json": "bm90.anNvbg",
        "long": "a" * 3_000,
    }
    for name, token in refused.items():
        assert shop.offer(token).status_code == 204, name
    assert shop.site.rows(SurveyRequest) == []
    assert {line.detail for line in shop.site.rows(History)} == {"foreign", "expired", "too_long"}


def test_a_site_may_take_in_whom_it_names(shop: Shop) -> None:
    """Only where it is switched on, for a moment that it offers, by a good signature; the same one once."""
    file = Path(shop.site.parts.settings.overrides or "") / "rules" / "sites.yaml"
    file.write_text(SITES.replace("  never:", "  newcomers: yes\n  never:"), "utf-8")
    assert shop.site.parts.look_at_rules()
    new = shop.token(customer="new")
    blog = shop.offer(shop.token(customer="new", site="blog", key=OTHER_KEY), site="blog", origin=OTHER_ORIGIN)
    assert blog.status_code == 204
    assert shop.offer(shop.token(customer="new", key=OTHER_KEY)).status_code == 204
    assert shop.offer(new, page="/checkout/pay").status_code == 204
    assert len(shop.site.rows(Customer)) == 1
    asked = shop.offer(new)
    assert (asked.status_code, asked.json()["lang"]) == (200, "fr")
    assert shop.offer(new).status_code == 204
    assert sorted(str(customer.crm_id) for customer in shop.site.rows(Customer)) == ["42", "new"]


def test_both_keys_of_a_site_are_good_while_it_changes_them(shop: Shop) -> None:
    """A key can be changed without an hour in which nobody is asked."""
    assert shop.offer(shop.token(key=OLD_KEY)).status_code == 200


def test_the_example_of_the_page_signs_a_good_token(shop: Shop) -> None:
    """What docs/web-question.md gives for Python is taken."""
    page = (Path(__file__).parents[3] / "docs" / "web-question.md").read_text("utf-8")
    example: dict[str, Any] = {}
    exec(page.partition("```python\n")[2].partition("```")[0], example)
    shop.site.clock.at = datetime.now(UTC)
    token = example["visitor_token"](KEY.decode(), "shop", "42", ref="order-é")
    assert shop.offer(token).status_code == 200


def test_the_example_of_the_page_for_node_signs_a_good_token(shop: Shop) -> None:
    """What docs/web-question.md gives for Node is taken, letters outside of ASCII included."""
    page = (Path(__file__).parents[3] / "docs" / "web-question.md").read_text("utf-8")
    example = page.partition("Node:\n```js\n")[2].partition("```")[0]
    call = f'console.log(visitorToken("{KEY.decode()}", "shop", "42", {{ ref: "order-é" }}))'
    node, _ = compute_driver_executable()
    token = subprocess.run((node, "-e", f"{example}\n{call}"), capture_output=True, text=True, check=True, timeout=60)
    shop.site.clock.at = datetime.now(UTC)
    assert shop.offer(token.stdout.strip()).status_code == 200


BLOCKED = (
    "survey",
    "track",
    "analytic",
    "intercept",
    "poll",
    "feedback",
    "popup",
    "beacon",
    "pixel",
    "nps",
    "ads",
)
"""Parts of addresses that lists of content blockers have rules for."""


def test_no_list_of_a_content_blocker_names_our_doors() -> None:
    """A site's own domain with these names is on no list: neither the script's address nor a door's."""
    for path in ("/w/v1.js", *DOORS):
        assert not [word for word in BLOCKED if word in path], path


def test_a_row_of_the_plan_with_web_waits_for_the_visit(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent when it comes due; the next visit is asked what the row asks."""
    plan = type(shop.site.parts.policies.current().plan)
    monkeypatch.setattr(plan, "channel_of", lambda self, rule: "web" if rule == "J12" else "mail")
    shop.site.events(event("onboarding_finished", at=shop.site.clock.at))
    shop.site.pass_time(hours=1)
    (waiting,) = (entry for entry in shop.explained()["touchpoints"] if entry["touchpoint"] == "onboarding")
    assert (waiting["state"], waiting["code"]) == ("held", "awaits_visit")
    shop.ask()
    (request,) = shop.site.rows(SurveyRequest)
    assert (request.step, request.channel, request.template) == ("onboarding", "web", "ask-onboarding")


def ask_onboarding_by(shop: Shop, channel: str, question: str = "") -> bool:
    """Give the row of onboarding a channel, in a table of the operator's own; tell whether it was taken over.

    `question` is what the row asks; empty: the NPS.
    """
    own = Path(shop.site.parts.settings.overrides or "")
    write_plan(own, ["channel: text", "question: text"], {"J12": [channel, question]})
    return shop.site.parts.look_at_rules() and not shop.site.parts.policies.refused()


def onboarding(shop: Shop) -> dict[str, Any]:
    """Return what explain says of the question after onboarding."""
    (entry,) = (entry for entry in shop.explained()["touchpoints"] if entry["touchpoint"] == "onboarding")
    return dict(entry)


def mails_of(shop: Shop) -> list[str]:
    """Return the templates of the mails that were made."""
    return sorted(dispatch.template for dispatch in shop.site.rows(Dispatch))


def test_a_mail_leaves_where_nobody_came_within_the_wait(shop: Shop) -> None:
    """First the site, then the mail, once; a visit afterwards is not asked again."""
    assert ask_onboarding_by(shop, "web then mail after 3d")
    due = shop.site.clock.at
    shop.site.events(event("onboarding_finished", at=due))
    shop.site.pass_time(days=2, hours=23)
    assert mails_of(shop) == []
    waits = onboarding(shop)
    assert (waits["state"], waits["code"], waits["wake_at"]) == ("held", "awaits_visit", iso(due + timedelta(days=3)))
    assert "visits the web site, and by mail from" in waits["reason"]
    shop.site.pass_time(hours=1)
    assert mails_of(shop) == ["ask-onboarding", "reminder"]
    (request,) = shop.site.rows(SurveyRequest)
    assert request.channel == "mail"
    assert shop.offer().status_code == 204
    shop.site.pass_time(days=1)
    assert len(shop.site.rows(SurveyRequest)) == 1


@pytest.mark.parametrize("answers", [True, False], ids=["answered", "closed"])
def test_no_mail_leaves_where_the_site_has_asked(shop: Shop, answers: bool) -> None:
    """Answered or closed, the question was asked: the wait ends without a mail, and without a reminder."""
    assert ask_onboarding_by(shop, "web then mail after 3d")
    shop.site.events(event("onboarding_finished", at=shop.site.clock.at))
    shop.site.pass_time(days=1)
    asked = shop.ask()
    door = "answer" if answers else "closed"
    more: dict[str, Any] = {"score": 9} if answers else {}
    assert shop.post(door, id=asked["id"], sig=asked["sig"], **more).status_code == 204
    (request,) = shop.site.rows(SurveyRequest)
    assert (request.step, request.channel) == ("onboarding", "web")
    shop.site.pass_time(days=10)
    assert onboarding(shop)["state"] == "asked"
    assert not {"ask-onboarding", "reminder"} & set(mails_of(shop))


@pytest.mark.parametrize(("question", "last", "high"), [("csat", 5, "très bonne"), ("ces", 7, "tout à fait d'accord")])
def test_a_csat_or_ces_question_has_its_own_scale_on_the_site(shop: Shop, question: str, last: int, high: str) -> None:
    """The box gets the ends and words of its question; a score off the scale is refused, and one on it is kept."""
    assert ask_onboarding_by(shop, "web", question)
    shop.site.events(event("onboarding_finished", at=shop.site.clock.at))
    shop.site.pass_time(hours=1)
    asked = shop.ask()
    assert (asked["from"], asked["to"], asked["high"]) == (1, last, high)
    assert "recommand" not in asked["question"]
    for off in (0, last + 1):
        refused = shop.post("answer", id=asked["id"], sig=asked["sig"], score=off)
        assert (refused.status_code, f"from 1 to {last}" in refused.text) == (400, True)
    answer = shop.post("answer", id=asked["id"], sig=asked["sig"], score=last)
    assert (answer.status_code, "Link" in answer.headers) == (204, False)  # reasons are of the NPS
    (response,) = shop.site.rows(Response)
    assert (response.score, response.question, response.band) == (last, question, "")


def test_the_mail_is_satisfied_by_another_question_on_the_site(shop: Shop) -> None:
    """Who was asked on the site before the row came due gets no mail after the wait either; the reason says why."""
    assert ask_onboarding_by(shop, "web then mail after 3d")
    shop.ask()
    shop.site.events(event("onboarding_finished", at=shop.site.clock.at))
    shop.site.pass_time(days=4)
    assert (onboarding(shop)["state"], onboarding(shop)["code"]) == ("skipped", "asked_on_web")
    assert mails_of(shop) == []


def test_without_an_address_the_site_asks_all_the_same(shop: Shop) -> None:
    """The mail would need one; the visit does not. After the wait what lacks is said, and the row gives up in time."""
    assert ask_onboarding_by(shop, "web then mail after 3d")
    nowhere: dict[str, object] = {"email": None}
    shop.site.events(event("onboarding_finished", "c7", at=shop.site.clock.at, reference="r7", customer=nowhere))
    shop.site.pass_time(days=1)
    assert shop.offer(shop.token(customer="c7")).status_code == 200
    shop.site.events(event("onboarding_finished", "c8", at=shop.site.clock.at, reference="r8", customer=nowhere))
    shop.site.pass_time(days=4)
    reasons = {row.reason for row in shop.site.rows(Touchpoint) if row.state == TouchpointState.HELD}
    assert reasons == {"no_address"}
    shop.site.pass_time(days=30)
    assert {row.state for row in shop.site.rows(Touchpoint) if row.step == "onboarding"} == {"asked", "skipped"}


@pytest.mark.parametrize(
    "channel", ["web then mail", "web then mail after soon", "mail then web", "web then sms after 3d"]
)
def test_a_channel_that_cannot_be_read_is_refused(shop: Shop, channel: str) -> None:
    """What begins like ours and is none is told with what to write; the plan in use goes on."""
    assert not ask_onboarding_by(shop, channel)
    (refusal,) = shop.site.parts.policies.refused().values()
    assert "J12" in " ".join(refusal.faults)


def test_a_mail_that_would_come_after_the_end_is_refused(shop: Shop) -> None:
    """A row that gives up before its mail is due would never send it."""
    assert not ask_onboarding_by(shop, "web then mail after 14d")
    (refusal,) = shop.site.parts.policies.refused().values()
    assert "would never leave" in " ".join(refusal.faults)


def test_a_token_for_one_moment_is_good_for_no_other(shop: Shop) -> None:
    """What the shop's server signs as a purchase cannot be used to ask at will."""
    token = shop.token(trg="purchase", ref="order-77")
    assert shop.offer(token).status_code == 204
    assert shop.offer(token, trigger="purchase").status_code == 200
    (request,) = shop.site.rows(SurveyRequest)
    assert (request.trigger, request.reference) == ("purchase", "order-77")


def test_an_answer_needs_the_signature_of_its_own_question(shop: Shop) -> None:
    """Neither another id nor the token of a mail opens it, nor another site's page."""
    asked = shop.ask()
    links = shop.site.parts.links
    for sig in ("", "x", links.sign("answer", asked["id"]), links.sign("web", "another")):
        assert shop.post("answer", id=asked["id"], sig=sig, score=9).status_code == 403
    foreign = shop.post("answer", OTHER_ORIGIN, id=asked["id"], sig=asked["sig"], score=9)
    assert foreign.status_code == 403
    assert shop.site.rows(Response) == []


def test_machines_are_seen_and_not_counted(shop: Shop) -> None:
    """An answer before anybody can read, or with the hidden field, is kept as evidence and is no answer."""
    answer = shop.offer().json()
    assert shop.post("answer", id=answer["id"], sig=answer["sig"], score=9).status_code == 409
    shop.site.clock.at += timedelta(seconds=2)
    assert shop.post("answer", id=answer["id"], sig=answer["sig"], score=9, website="x").status_code == 204
    assert shop.site.rows(Response) == []
    assert sorted(click.signal for click in shop.site.rows(Click)) == ["hidden field", "too early"]


def test_only_a_whole_number_from_0_to_10_is_a_score(shop: Shop) -> None:
    """Anything else is refused with what to send."""
    asked = shop.ask()
    for score in (11, -1, "9", 9.0, None, True, [9], {"n": 9}):
        refused = shop.post("answer", id=asked["id"], sig=asked["sig"], score=score)
        assert refused.status_code == 400, score
        assert "0 to 10" in refused.text


def test_any_body_is_answered(shop: Shop) -> None:
    """What is no JSON object, or one of other shapes, is refused and nothing breaks."""
    for name in ("config", "ask", "shown", "closed", "answer"):
        for body in (b"", b"[]", b"nonsense", b"\xff\xfe", b"{" * 10_000, b'{"site": 5, "visitor": {}, "id": []}'):
            answer = shop.site.client.post(f"/w/{name}", content=body, headers={"Origin": ORIGIN})
            assert answer.status_code in (204, 400, 403, 404), (name, body)


def test_a_body_that_is_too_large_is_not_read(shop: Shop) -> None:
    """The doors take a question's answer and no more."""
    assert shop.post("answer", comment="x" * 40_000).status_code == 413


def test_only_listed_origins_read_answers(shop: Shop) -> None:
    """The exact origin, without cookies; a site asks only from its own pages."""
    client = shop.site.client
    asked_first = client.options("/w/ask", headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST"})
    assert asked_first.status_code == 204
    for answer in (asked_first, shop.post("config", site="shop")):
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in answer.headers
        assert "set-cookie" not in answer.headers
    for origin in ("", "null", "https://evil.example", f"{ORIGIN}.evil.example", ORIGIN.upper(), f"{ORIGIN}/"):
        refused = shop.post("ask", origin, site="shop", visitor=shop.token(), trigger="call")
        assert refused.status_code == 403, origin
        assert "access-control-allow-origin" not in refused.headers
        assert client.options("/w/ask", headers={"Origin": origin}).status_code == 403
    assert shop.post("config", OTHER_ORIGIN, site="shop").status_code == 404
    assert shop.post("ask", OTHER_ORIGIN, site="shop", visitor=shop.token(), trigger="call").status_code == 204
    assert shop.site.rows(SurveyRequest) == []


def test_the_rate_holds_at_these_doors(open_site: Callable[..., Site]) -> None:
    """A flood is turned away before anything is read."""
    site = open_site(rate_limit="3")
    statuses = [site.client.post("/w/ask", json={}).status_code for _ in range(5)]
    assert statuses == [403, 403, 403, 429, 429]


def test_a_share_asks_the_same_customers_whenever_they_come(shop: Shop) -> None:
    """Who is not drawn is not asked by coming often; explain says so."""
    file = Path(shop.site.parts.settings.overrides or "") / "rules" / "sites.yaml"
    file.write_text(SITES.replace("  never:", "  share: 0\n  never:"), "utf-8")
    assert shop.site.parts.look_at_rules()
    assert [shop.offer().status_code for _ in range(20)] == [204] * 20
    assert "not drawn" in shop.why()
    assert len([line for line in shop.site.rows(History) if line.subject == "web_visit"]) == 1


def test_a_pause_holds_on_sites_too(shop: Shop) -> None:
    """An operator who pauses everything means the site as well."""
    from workers.usecases.delivery.send_controls import pause

    shop.site.parts.store.write(lambda connection: pause(connection, shop.site.clock.at, "Olivia"))
    assert shop.offer().status_code == 204
    assert "paused" in shop.why()


def test_the_books_count_what_was_asked_on_sites(shop: Shop) -> None:
    """Asked on a site = answered there + closed or left; a lost answer makes the sum fail."""
    import sqlalchemy as sa

    asked = shop.ask()
    shop.post("answer", id=asked["id"], sig=asked["sig"], score=9)
    with shop.site.parts.store.reading() as connection:
        counted = tallies(connection)
    assert counted["requests.on_web"] == 1 == counted["responses.on_web"] + counted["requests.web_unanswered"]
    assert all(line["ok"] for line in sums(shop))
    shop.site.parts.store.write(lambda connection: connection.execute(sa.text("DELETE FROM response")))
    assert "questions on sites = answered + not answered" in {line["name"] for line in sums(shop) if not line["ok"]}


@BOTH
def test_the_books_have_a_sum_for_each_site(shop: Shop) -> None:
    """Asked = answered + closed + expired + open, of every site by itself; a lost answer is told of its site alone."""
    import sqlalchemy as sa

    for n in range(4):
        shop.site.events(event("website_visited", f"c{n}", at=START - timedelta(days=400), reference=f"r{n}"))
    asked = [shop.offer(shop.token(customer=f"c{n}")).json() for n in range(4)]
    other = shop.offer(shop.token(site="blog", key=OTHER_KEY), site="blog", origin=OTHER_ORIGIN).json()
    shop.site.clock.at += timedelta(seconds=5)
    for question, origin in ((asked[0], ORIGIN), (other, OTHER_ORIGIN)):
        assert shop.post("answer", origin, id=question["id"], sig=question["sig"], score=9).status_code == 204
    shop.post("closed", id=asked[1]["id"], sig=asked[1]["sig"])
    assert site_sums(shop) == {"blog": (1, 1), "shop": (4, 4)}
    shop.site.pass_time(days=15)
    shop.offer(shop.token(customer="c9"))
    assert site_sums(shop) == {"blog": (1, 1), "shop": (4, 4)}
    states = {row.state for row in shop.site.rows(SurveyRequest)}
    assert {RequestState.EXPIRED, RequestState.CLOSED} <= states
    lost = (
        "DELETE FROM response WHERE request = (SELECT id FROM survey_request WHERE CAST(details AS TEXT) LIKE '%blog%')"
    )
    shop.site.parts.store.write(lambda connection: connection.execute(sa.text(lost)))
    assert site_sums(shop) == {"blog": (1, 0), "shop": (4, 4)}
    unknown = "UPDATE survey_request SET state = 'lost' WHERE reason = 'closed_by_visitor'"
    shop.site.parts.store.write(lambda connection: connection.execute(sa.text(unknown)))
    shop.site.parts.store.write(lambda connection: connection.execute(sa.text("UPDATE survey_request SET reason = ''")))
    assert site_sums(shop) == {"blog": (1, 0), "shop": (4, 3)}


def site_sums(shop: Shop) -> dict[str, tuple[int, int]]:
    """Return both sides of the sum of each site."""
    lines = [line for line in sums(shop) if line["name"].startswith("questions on the site ")]
    return {line["name"].split()[4]: (line["left"], line["right"]) for line in lines}


def sums(shop: Shop) -> list[Any]:
    """Return the sums of the books."""
    from workers.domain.invariants import Books

    with shop.site.parts.store.reading() as connection:
        return list(Books(tallies(connection), {}, {}).sums())


def test_instants_are_told_in_utc(shop: Shop) -> None:
    """The moment of asking is the server's."""
    asked = shop.ask()
    (entry,) = shop.explained()["survey_requests"]
    assert entry["id"] == asked["id"]
    assert entry["at"] == iso(shop.site.clock.at - timedelta(seconds=5))
