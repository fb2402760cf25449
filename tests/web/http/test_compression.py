"""What travels: pages are compressed, save where their length could tell somebody else a secret."""

import gzip

import pytest
from staffparts import Team
from webparts import Site, travelling

from workers.web.http.middleware.compression import SMALLEST


@pytest.mark.parametrize("path", ["/", "/static/boucle.css", "/openapi.json", "/metrics"])
def test_what_travels_is_compressed(site: Site, path: str) -> None:
    """A client that takes gzip gets it, with its length; another one gets the same bytes as they are."""
    plain = site.client.get(path, headers={"accept-encoding": "identity"})
    packed = site.client.get(path, headers={"accept-encoding": "gzip, br"})
    assert "content-encoding" not in plain.headers
    assert int(plain.headers["content-length"]) == len(plain.content) > SMALLEST
    assert packed.headers["content-encoding"] == "gzip"
    assert "accept-encoding" in packed.headers["vary"].lower()
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    if path != "/metrics":  # which counts on
        assert packed.content == plain.content


def test_a_page_that_another_site_asks_for_is_sent_as_it_is(site: Site) -> None:
    """With a session's cookie only what the person or our own page asks for is compressed (BREACH)."""
    client = Team(site).client("Marc")
    for headers, compressed in (
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({}, False),
    ):
        answer = client.get("/report?segment=guess", headers=headers)
        assert answer.status_code == 200
        assert (answer.headers.get("content-encoding") == "gzip") is compressed, headers
    link = site.client.get("/", headers={"sec-fetch-site": "cross-site"})  # a customer comes from webmail, cookieless
    assert link.headers["content-encoding"] == "gzip"


def test_what_is_packed_or_streamed_already_is_left_alone(site: Site) -> None:
    """A workbook is a zip file; the stream of the inbox must not be held back; nothing small is compressed."""
    client, ours = Team(site).client("Marc"), {"sec-fetch-site": "same-origin"}
    assert "content-encoding" not in client.get("/report.xlsx", headers=ours).headers
    assert "content-encoding" not in site.client.get("/healthz").headers


def test_the_weight_that_tests_measure_is_what_travels(site: Site) -> None:
    """`travelling` is the length that a browser gets."""
    answer = site.client.get("/static/boucle.css")
    assert travelling(answer.content) == pytest.approx(int(answer.headers["content-length"]), abs=20)
    assert gzip.decompress(gzip.compress(answer.content)) == answer.content
