"""Cookies: only ours are read, whatever else a browser or anybody sends."""

import time

import pytest
from budget import processor_seconds
from staffparts import Team
from webparts import Site

from workers.web.http.middleware.cookies import own_pairs

SECONDS = 5.0
"""Of the processor, for a thousandth of which the cookies below are let go; the standard library takes minutes."""
LONGEST = 60_000  # characters; servers take heads of 64 kB


@pytest.mark.parametrize("pump", ['\\"', "\\101", '"', "a;", "a=", "=", " ", "boucle_session=", "boucle_a=b;"])
def test_no_cookie_costs_much(site: Site, pump: str) -> None:
    """As long as a server lets it in, and of any signs, also within quotes: it is let go in one pass."""

    def ask_with_both() -> None:
        for value in (pump * (LONGEST // len(pump)), f'boucle_session="{pump * (LONGEST // len(pump) - 20)}"'):
            answer = site.client.get("/inbox", headers={"cookie": value}, follow_redirects=False)
            assert answer.status_code == 303

    assert processor_seconds(ask_with_both, time.process_time) < SECONDS  # the site answers in a thread of its own


def test_ours_are_found_among_others(site: Site) -> None:
    """In any order, in one header or in several; what is quoted, escaped or named otherwise is not."""
    assert own_pairs(b'a="b; x"; boucle_lang=fr;__Host-boucle_session=x.y~z-_ ; boucle_session="q"; boucle=1') == [
        b"boucle_lang=fr",
        b"__Host-boucle_session=x.y~z-_",
    ]
    session = Team(site).client("Nadia").cookies["boucle_session"]
    for others in ('a="; ', "x=1; y;;; ", 'boucle_lang="\\"; ', ""):
        in_one_header = [("cookie", f"{others}boucle_session={session}; z")]
        in_two_headers = [("cookie", others or "a=b"), ("cookie", f"boucle_session={session}")]
        for headers in (in_one_header, in_two_headers):
            assert site.client.get("/inbox", headers=headers).status_code == 200, headers
