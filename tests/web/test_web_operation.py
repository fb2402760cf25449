"""What operators and browsers rely on: readiness, metrics, headers, static files, limits, the mailbox."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient
from webparts import LARGEST, START, Site, event, travelling

from workers.errors import NotNow
from workers.web.app import create_app
from workers.web.http.answers.colours import DARK_GROUND, LIGHT_GROUND, READABLE, contrast, ink_on, stylesheet

AWAY = ("203.0.113.7", 50_000)
PAGES = ("/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/mailbox", "/nowhere", "/a/x", "/static/boucle.css")


def test_the_role_lives_and_its_parts_answer(site: Site) -> None:
    """/healthz says that the process lives, /readyz what each part says."""
    assert site.client.get("/healthz").status_code == 200
    answer = site.client.get("/readyz")
    assert answer.status_code == 200
    readiness = answer.json()
    assert readiness["ready"] is True
    assert {"database", "schema", "tables", "templates"} <= set(readiness["checks"])
    assert all(check["ok"] and check["detail"] for check in readiness["checks"].values())


def test_a_part_that_is_away_makes_the_role_not_ready(site: Site) -> None:
    """503, with the part that is away and the others beside it; no address is told."""

    def away() -> str:
        raise NotNow("Kafka does not answer.")

    def broken() -> str:
        raise OSError("connection to secret-host refused")

    app = create_app(replace(site.web, checks={"kafka": away, "smtp": broken}))
    answer = TestClient(app).get("/readyz")
    assert answer.status_code == 503
    checks = answer.json()["checks"]
    assert (checks["kafka"]["ok"], checks["database"]["ok"]) == (False, True)
    assert checks["kafka"]["detail"] == "Kafka does not answer."
    assert "secret-host" not in answer.text


def test_the_description_is_the_file_in_schemas(site: Site) -> None:
    """/openapi.json equals schemas/openapi.json byte for byte, and every path in it is served."""
    answer = site.client.get("/openapi.json")
    assert answer.content == (Path(__file__).parents[2] / "schemas/openapi.json").read_bytes()
    served = {route.path for route in site.app.routes if isinstance(route, Route)}
    assert set(answer.json()["paths"]) <= served


def test_metrics_count_what_there_is(site: Site) -> None:
    """Events by outcome, dispatches by state, tickets, outbox, due work and whether sending is held."""
    path = site.asked()
    site.client.post(path, data={"score": "2"})
    site.pass_time(minutes=2)
    site.client.post("/v1/events", content=b"[", headers={"content-type": "application/cloudevents+json"})
    text = site.client.get("/metrics").text
    for line in (
        'boucle_events_total{door="file",outcome="accepted"} 1.0',
        'boucle_events_total{door="http",outcome="dead_letters"} 1.0',
        'boucle_dispatches{state="accepted"} 3.0',
        'boucle_dead_letters{state="open"} 1.0',
        "boucle_tickets_open 1.0",
        "boucle_oldest_due_seconds 0.0",
        "boucle_sending_held 0.0",
    ):
        assert line in text, text
    assert re.search(r"^boucle_outbox [1-9]", text, re.MULTILINE)


def test_every_answer_carries_the_safe_headers(site: Site) -> None:
    """No page, no program's answer and no error leaves without a content security policy."""
    for path in PAGES:
        headers = site.client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        if not path.startswith("/static"):
            assert headers["cache-control"] == "no-store"


def test_https_is_remembered_where_the_pages_are_served_by_it(open_site: Callable[..., Site]) -> None:
    """Strict transport security only where PUBLIC_URL says https; PUBLIC_URL may stand in a folder."""
    site = open_site(public_url="https://shop.example/feedback")
    answer = site.client.get("/")
    assert "max-age" in answer.headers["strict-transport-security"]
    assert 'href="/feedback/static/boucle.css?v=' in answer.text
    assert "strict-transport-security" not in open_site().client.get("/").headers


def test_static_files_are_kept_for_ever_by_their_hash(site: Site) -> None:
    """The address in a page may be kept; any other is asked for again, and an unchanged file is not sent twice."""
    address = re.search(r'href="(/static/boucle.css\?v=[^"]+)"', site.client.get("/").text)
    assert address is not None
    kept = site.client.get(address[1])
    assert "immutable" in kept.headers["cache-control"]
    assert kept.headers["content-type"].startswith("text/css")
    assert site.client.get("/static/boucle.css?v=old").headers["cache-control"] == "no-cache"
    again = site.client.get("/static/boucle.css", headers={"if-none-match": kept.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert site.client.get("/static/../brand.yaml").status_code == 404
    assert site.client.get("/static/README.md").status_code == 404


def test_every_page_is_small_and_its_own(site: Site) -> None:
    """Page, styles and scripts together stay below 100 kB, and nothing comes from elsewhere."""
    for path in (f"{site.asked()}?score=3", "/", "/mailbox"):
        html = site.client.get(path).text
        parts = re.findall(r'(?:src|href)="(/static/[^"]+)"', html)
        assert parts
        assert (
            travelling(html.encode()) + sum(travelling(site.client.get(address).content) for address in parts) < LARGEST
        )
        assert not re.search(r'(?:src|<link[^>]+href)="(?:https?:)?//', html)


def test_errors_are_problems_for_programs_and_pages_for_people(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody expected is logged and not shown; a wrong method is told."""
    assert site.client.get("/nowhere").headers["content-type"].startswith("text/html")
    wrong = site.client.get("/v1/events")
    assert (wrong.status_code, wrong.headers["content-type"]) == (405, "application/problem+json")

    def break_down(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(type(site.parts.testimonials), "published", break_down)
    answer = TestClient(site.app, raise_server_exceptions=False).get("/v1/testimonials")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text


@pytest.mark.parametrize("colour", ["#8a3b12", "#ffff00", "#000000", "#ffffff", "#1a56db", "#ff00ff", "#777777"])
def test_every_brand_colour_can_be_read_in_both_schemes(colour: str) -> None:
    """Whatever the brand's colour, text in it and on it keeps the contrast of WCAG AA."""
    light, dark = re.findall(r"--accent:(#[0-9a-f]{6})", stylesheet(colour))
    assert contrast(light, LIGHT_GROUND) >= READABLE
    assert contrast(dark, DARK_GROUND) >= READABLE
    for accent in (light, dark):
        assert contrast(ink_on(accent), accent) >= 4.5


def test_contrast_is_that_of_the_standard() -> None:
    """Black on white is 21 and a colour on itself 1 (WCAG 2.2, contrast ratio); #767676 on white is 4.54 (WebAIM)."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#8a3b12", "#8a3b12") == pytest.approx(1)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


def test_a_newcomer_finds_a_mail_and_answers_from_it(site: Site) -> None:
    """List, mail, its frame: the eleven buttons lead to the answer page, in the whole window."""
    site.ask()
    listed = site.client.get("/mailbox?lang=en").text
    assert "42@example.org" in listed
    mail = re.search(r'href="(/mailbox/[^"?]+)"', listed)
    assert mail is not None
    shown = site.client.get(mail[1])
    assert 'sandbox="allow-same-origin' in shown.text
    assert "allow-scripts" not in shown.text
    body = site.client.get(f"{mail[1]}/body")
    assert '<base target="_top">' in body.text
    policy = body.headers["content-security-policy"]
    assert "script-src 'none'" in policy
    assert "frame-ancestors 'self'" in policy
    assert "sandbox" in policy
    links = re.findall(r'href="(http://127.0.0.1:8080/a/[^"]+score=\d+)"', body.text)
    assert len(links) == 11
    assert site.client.get(links[3]).status_code == 200
    raw = site.client.get(f"{mail[1]}/raw")
    assert raw.headers["content-type"] == "message/rfc822"


def test_the_mailbox_is_for_this_machine_alone(site: Site, open_site: Callable[..., Site]) -> None:
    """Another machine and a rebound name see nothing; with a mail server there is no mailbox."""
    site.ask()
    assert site.client_from(AWAY).get("/mailbox").status_code == 403
    assert site.client.get("/mailbox", headers={"host": "evil.example"}).status_code == 403
    assert site.client.get("/mailbox/nothing").status_code == 404
    assert site.client.get("/mailbox/..%2f..%2fsecret").status_code == 404
    with_server = open_site(smtp_url="smtp://127.0.0.1:2525")
    assert with_server.client.get("/mailbox").status_code == 404
    assert "/mailbox" not in with_server.client.get("/").text


def test_a_long_mailbox_has_pages(site: Site) -> None:
    """Fifty mails at a time, the newest first, and odd page numbers show the first page."""
    site.events(*(event("delivery", str(n), at=START, reference=str(n)) for n in range(60)))
    site.settle()
    first = site.client.get("/mailbox?lang=en").text
    assert first.count('class="list-main"') == 50
    assert "60 mails" in first
    assert site.client.get("/mailbox?page=2").text.count('class="list-main"') == 10
    for odd in ("0", "-1", "x", "99999999999"):
        assert site.client.get("/mailbox", params={"page": odd}).status_code == 200


def test_the_start_page_leads_only_to_what_there_is(site: Site) -> None:
    """Each link of the start page answers."""
    shown = site.client.get("/", headers={"accept-language": "en;q=0.4, de"}).text
    assert '<html lang="en">' in shown
    for path in re.findall(r'href="(/[^"?]*)"', shown):
        assert site.client.get(path).status_code in (200, 303), path


def test_the_browsers_first_language_that_there_is_is_taken(site: Site) -> None:
    """Accept-Language is read by quality, and nonsense in it falls back to the brand's language."""
    for header, language in (("en", "en"), ("de, en;q=0.5, fr;q=0.4", "en"), ("de", "fr"), ("x;q=y,;;", "fr")):
        answer = site.client.get("/", headers={"accept-language": header})
        assert answer.headers["content-language"] == language, header
