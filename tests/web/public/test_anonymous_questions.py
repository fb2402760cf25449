"""The question on a site, of visitors whom nobody knows: only where it is switched on, counted apart, within limits."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from staffparts import Team
from webparts import Site, failing_sums

from workers.domain.records import Action, Customer, Decision, PlaceAnswer, Response, SurveyRequest
from workers.domain.reporting import Filters
from workers.domain.web_sites import key_faults, read_sites
from workers.errors import Misconfigured
from workers.store.report.nps_counts import count_scores
from workers.usecases.delivery.send_controls import pause

ORIGIN, OTHER_ORIGIN = "https://www.shop.example", "https://blog.example"
SITES = f"""
shop:
  name: shop.example
  origins: [{ORIGIN}]
  triggers: {{call: yes, time: 30}}
  never: [/checkout*]
  anonymous: yes
  limits: {{minute: 2, network: 3}}
blog:
  origins: [{OTHER_ORIGIN}]
  triggers: {{call: yes}}
"""


class Shop:
    """Pages of a shop, whose visitors are not signed in."""

    def __init__(self, site: Site) -> None:
        self.site = site
        site.parts.policies.remember(site.parts.store, site.clock.at)

    def post(self, door: str, origin: str = ORIGIN, client: Any = None, **fields: object) -> Any:
        """Post what the script posts."""
        return (client or self.site.client).post(f"/w/{door}", json=fields, headers={"Origin": origin})

    def offer(self, **fields: object) -> Any:
        """Offer a moment, as the script does."""
        origin = str(fields.pop("origin", ORIGIN))
        moment: dict[str, Any] = {
            "site": "shop",
            "visitor": "anonymous",
            "trigger": "call",
            "page": "/",
            "lang": "en",
            **fields,
        }
        return self.post("ask", origin, **moment)

    def answer(self, client: Any = None, **said: Any) -> Any:
        """Have a visitor asked, who reads and answers."""
        asked = self.offer().json()
        self.site.clock.at += timedelta(seconds=5)
        return self.post("answer", client=client, id=asked["id"], sig=asked["sig"], lang="en", comment="", **said)

    def sums(self) -> list[str]:
        """Return the sums of the books that do not hold."""
        with self.site.parts.store.reading() as connection:
            return failing_sums(connection)


@pytest.fixture
def shop(open_site: Callable[..., Site], tmp_path: Path) -> Shop:
    """Give two sites, of which one asks visitors without a name."""
    (tmp_path / "own" / "rules").mkdir(parents=True)
    (tmp_path / "own" / "rules" / "sites.yaml").write_text(SITES, "utf-8")
    return Shop(open_site(overrides=str(tmp_path / "own")))


def test_a_visitor_without_a_name_answers_and_is_counted_apart(shop: Shop) -> None:
    """It is decided as every answer, in no figure of the report, and shown among the places under the site's name."""
    asked = shop.offer().json()
    assert asked["question"].startswith("How likely")
    for door in ("shown", "closed"):
        assert shop.post(door, id=asked["id"], sig=asked["sig"]).status_code == 204
    shop.site.clock.at += timedelta(seconds=5)
    said = {"id": asked["id"], "sig": asked["sig"], "lang": asked["lang"]}
    for comment in ("", "", "slow page"):
        assert shop.post("answer", **said, score=4, comment=comment).status_code == 204
    shop.site.pass_time(minutes=2)
    (response,), (customer,) = shop.site.rows(Response), shop.site.rows(Customer)
    assert (response.score, response.comment, response.place) == (4, "slow page", "site:shop")
    link = shop.post("answer", **said, score=4, comment="slow page").headers["link"]
    own = shop.site.client.get(link.removeprefix("<http://127.0.0.1:8080").partition(">")[0]).text
    assert ("shop.example" in own, "slow page" in own, asked["own"]) == (True, True, "See, change or delete my answer")
    assert (customer.anonymous, customer.language, response.request) == (True, "en", None)
    assert not shop.site.rows(SurveyRequest)
    assert shop.site.rows(Decision)
    assert {action.reason for action in shop.site.rows(Action)} == {"nameless"}
    with shop.site.parts.store.reading() as connection:
        assert count_scores(connection, Filters(), (), ()) == {}
    assert shop.sums() == []
    page = Team(shop.site).client("Nadia")
    assert "Visitors of a site, without a name" in page.get("/places").text
    assert "slow page" in page.get("/places/site:shop").text


def test_a_site_asks_them_only_where_it_is_switched_on(shop: Shop) -> None:
    """Nor on a page or at a moment that the site does not offer, from another origin, or while sending is paused."""
    for fields in (
        {"site": "blog", "origin": OTHER_ORIGIN},
        {"origin": OTHER_ORIGIN},
        {"trigger": "scroll"},
        {"page": "/checkout/pay"},
        {"visitor": ""},
    ):
        assert shop.offer(**fields).status_code == 204, fields
    assert shop.offer().status_code == 200
    shop.site.parts.store.write(lambda connection: pause(connection, shop.site.clock.at, "Olivia"))
    assert shop.offer().status_code == 204


def test_past_its_limits_a_site_keeps_answers_apart(shop: Shop) -> None:
    """They are kept with their words and counted; the box says nothing of it."""
    for _ in range(4):
        assert shop.answer(score=0).status_code == 204
        shop.site.clock.at += timedelta(minutes=2)
    assert [row.held for row in shop.site.rows(PlaceAnswer) if row.held] == ["network"]
    elsewhere = [shop.site.client_from((f"203.0.{n}.9", 1)) for n in range(3)]
    for client in elsewhere:
        shop.answer(client, score=0)
    assert sorted(row.held for row in shop.site.rows(PlaceAnswer) if row.held) == ["minute", "network"]
    (line,) = shop.site.parts.place_answers.lines()
    assert (line.figures.answers, sum(line.figures.apart.values())) == (5, 2)
    assert shop.sums() == []


def test_machines_are_refused_or_kept_apart(shop: Shop) -> None:
    """Too soon, a day late, with the hidden field, with what is no score, or with another's signature."""
    asked = shop.offer().json()
    said = {"id": asked["id"], "sig": asked["sig"], "comment": ""}
    assert shop.post("answer", **said, score=9).status_code == 409
    shop.site.clock.at += timedelta(seconds=5)
    for score in (11, -1, "9", None, True, 9.5):
        assert shop.post("answer", **said, score=score).status_code == 400
    other = shop.offer().json()
    assert shop.post("answer", **{**said, "id": other["id"]}, score=9).status_code == 403
    assert shop.post("answer", OTHER_ORIGIN, **said, score=9).status_code == 403
    assert shop.post("answer", **said, score=9, website="https://spam.example").status_code == 204
    assert [row.held for row in shop.site.rows(PlaceAnswer)] == ["trap"]
    shop.site.clock.at += timedelta(days=2)
    assert shop.post("answer", **{**said, "id": other["id"], "sig": other["sig"]}, score=9).status_code == 410
    assert not shop.site.rows(Response)


def test_a_thousand_answers_to_one_question_are_one(shop: Shop) -> None:
    """Whoever repeats the same changes nothing."""
    asked = shop.offer().json()
    shop.site.clock.at += timedelta(seconds=5)
    for _ in range(40):
        shop.post("answer", id=asked["id"], sig=asked["sig"], score=10, comment="")
    assert [(response.score, response.n) for response in shop.site.rows(Response)] == [(10, 1)]


def test_a_share_is_drawn_and_switching_off_closes(shop: Shop) -> None:
    """At none nobody is asked; what was asked before it was switched off is taken no more."""
    asked = shop.offer().json()
    file = Path(shop.site.parts.settings.overrides or "") / "rules" / "sites.yaml"
    file.write_text(SITES.replace("anonymous: yes", "anonymous: yes\n  share: 0"), "utf-8")
    assert shop.site.parts.look_at_rules()
    assert {shop.offer().status_code for _ in range(20)} == {204}
    file.write_text(SITES.replace("anonymous: yes", "anonymous: no"), "utf-8")
    assert shop.site.parts.look_at_rules()
    shop.site.clock.at += timedelta(seconds=5)
    assert shop.post("answer", id=asked["id"], sig=asked["sig"], score=9, comment="").status_code == 403


def test_a_site_without_names_needs_no_key_and_says_what_is_wrong() -> None:
    """Its limits are written as those of a place."""
    sites = read_sites(SITES.encode())
    assert [fault for fault in key_faults(sites, {}) if "shop" in fault.split(":")[1]] == []
    for text, said in (("anonymous: maybe", "yes or no"), ("limits: {hour: 3}", "there are minute, network, day")):
        with pytest.raises(Misconfigured) as raised:
            read_sites(
                SITES.replace("anonymous: yes", text).encode() if "anon" in text else f"{SITES}  {text}".encode()
            )
        assert said in " ".join(raised.value.faults)
