"""Requests that no browser makes: odd headers, queries and forms are answered, never by 500 and never for long."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from webparts import Site

SECONDS, MEGABYTES = 60, 900
"""What all odd requests together may take in a process of their own: some four hundred, and a web role's code."""
PURPOSES = ("unsubscribe", "reopen", "testimonial", "improvement")
URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
HEADERS: tuple[dict[str, bytes], ...] = (
    {"origin": b"http://["},
    {"origin": b"\xe9"},
    {"origin": b"null"},
    {"host": b"[::"},
    {"host": b"a b"},
    {"host": b""},
    {"authorization": b"Bearer \xe9"},
    {"authorization": b"Bearer"},
    {"cookie": b"=;;a=" + b"b" * 7_000},
    {"accept-language": b"x;q=" + b"9" * 400},
    {"accept-language": b"en;q=nan, fr;q=inf"},
    {"accept-encoding": b"gzip;q=0, \xff"},
    {"sec-fetch-site": b"\xe9"},
    {"x-forwarded-for": b",,,"},
    {"forwarded": b'for="[::'},
    {"if-none-match": b"\xff"},
    {"content-length": b"9" * 30},
    {"content-type": b"\xff/\xff; charset=\xff"},
)
QUERIES = (
    "score=" + "9" * 9_000,
    "score=%00",
    "score=%D9%A3",
    "lang=%00",
    "lang=" + "x" * 9_000,
    "score=%ff&lang=%ff",
    "&".join(f"a{n}=1" for n in range(3_000)),
    "next=//[::&did=%00&all=%00",
    "next=/%5B::&next=http://[",
)


def parts(*contents: bytes) -> bytes:
    """Return a multipart body."""
    return b"".join(b"--x\r\n" + content + b"\r\n" for content in contents) + b"--x--\r\n"


NAMED = b'Content-Disposition: form-data; name="score"'
FORMS: tuple[tuple[bytes, str], ...] = (
    (b"a=&" * 20_000, URLENCODED),
    (b"comment=" + b"%ff" * 20_000 + b"&score=3", URLENCODED),
    (b"comment=" + b"+" * 60_000 + b"&score=3", URLENCODED),
    (b"comment=%00%EF%BF%BE&score=%00", URLENCODED),
    (b";" * 60_000, URLENCODED),
    (b"score=9", URLENCODED + "; charset=utf-16"),
    (parts(*[NAMED + b"\r\n\r\n9"] * 900), MULTIPART),
    (parts(b"X-Y: z\r\n" * 7_000 + NAMED + b"\r\n\r\n9"), MULTIPART),
    (parts(NAMED + b'; filename="a"\r\n\r\n9'), MULTIPART),
    (parts(b"Content-Disposition: form-data\r\n\r\n9"), MULTIPART),
    (parts(b"X: y\r\n\r\n9"), MULTIPART),
    (parts(NAMED + b"\r\n\r\n\xff\xfe"), MULTIPART + "; charset=nope"),
    (parts(b'Content-Disposition: form-data; name="_charset_"\r\n\r\nutf-7', NAMED + b"\r\n\r\n\xff"), MULTIPART),
    (b"--x\r\nfoo", MULTIPART),
    (b"--x", "multipart/form-data"),
    (b"--x", "multipart/form-data; boundary=" + "y" * 8_000),
    (b'{"score": 9}', "application/json"),
)


def doors(site: Site) -> list[str]:
    """Return a path of each public page, with a valid link."""
    return [site.asked(), "/login", *(site.link(purpose, "some-id") for purpose in PURPOSES)]


def failures(site: Site) -> list[str]:
    """Make every odd request; return those that were answered by 500 or more."""
    failed: list[str] = []

    def ask(method: str, path: str, **more: Any) -> None:
        try:
            status = str(site.client.request(method, path, **more).status_code)
        except Exception as error:  # what a page raises comes through the test's client
            status = f"5xx {error!r}"
        if status.startswith("5"):
            failed.append(f"{method} {path[:60]} {str(more)[:80]}: {status}")

    for path in doors(site):
        for content, kind in FORMS:
            ask("POST", path, content=content, headers={"content-type": kind})
        for query in QUERIES:
            ask("GET", f"{path}?{query}")
    for headers in HEADERS:
        for path in (*doors(site)[:3], "/", "/mailbox", "/v1/events", "/metrics", "/static/boucle.css"):
            ask("GET", path, headers=headers)
            ask("POST", path, headers=headers)
    return failed


def test_no_odd_request_fails_or_costs_much(tmp_path: Path) -> None:
    """None is answered by 500, and all of them fit a small budget of time and memory in a process of their own."""
    here = Path(__file__)
    run = [sys.executable, str(here), str(tmp_path)]
    paths = os.pathsep.join(str(here.parents[up]) for up in (1, 2, 3))
    answer = subprocess.run(
        run,
        capture_output=True,
        text=True,
        timeout=300,
        cwd=here.parents[3],
        env={**os.environ, "PYTHONPATH": paths},
        check=False,
    )
    assert answer.returncode == 0, answer.stderr[-2_000:]
    cost = json.loads(answer.stdout)
    assert cost["failed"] == []
    assert cost["seconds"] < SECONDS
    assert cost["megabytes"] < MEGABYTES


@pytest.mark.parametrize("origin", ["http://[", "\xe9", "null", ""])
def test_an_origin_that_is_none_is_another_sites(site: Site, origin: str) -> None:
    """Signing in and sending events need a page of ours, or a program that names no origin."""
    headers = [(b"origin", origin.encode("latin-1"))]
    event = [*headers, (b"content-type", b"application/cloudevents+json")]
    assert site.client.post("/v1/events", content=b"{}", headers=event).status_code == 401
    assert site.client.post("/login", data={"username": "x"}, headers=headers).status_code == 403


def main() -> None:
    """Make the odd requests, and print what they cost this process."""
    import resource

    from peakmemory import peak_megabytes

    site = Site(Path(sys.argv[1]))
    failed = failures(site)
    used = resource.getrusage(resource.RUSAGE_SELF)
    cost = {"failed": failed, "seconds": used.ru_utime + used.ru_stime, "megabytes": peak_megabytes()}
    print(json.dumps(cost))


if __name__ == "__main__":
    main()
