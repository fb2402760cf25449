"""A web role under attack at all its doors at once goes on taking the answers of customers.

A short siege here; `make siege` has a hundred customers and prints how long they waited.
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import parts
import siege
from browserparts import free_address
from staffparts import Team
from webparts import START, Site, event

from workers.adapters.clock import StoredClock
from workers.domain.records import Response, SurveyRequest

LONG = os.environ.get("SIEGE", "") != ""
CUSTOMERS = 100 if LONG else 12
LASTS = 40.0 if LONG else 5.0
AT_ONCE = 3 if LONG else 1
PATIENCE = 2.0 if LONG else 20.0
"""Seconds that a customer waits at most. The suite shares its machine with other tests: there, only not for ever."""
COMMAND = [sys.executable, "-c", "from workers.cli import main; main()"]


@contextlib.contextmanager
def besieged(site: Site, environment: dict[str, str], token: str) -> Iterator[str]:
    """Run a web role and attack it; give its address."""
    address = environment["BOUCLE_HTTP_BIND"]
    log = site.parts.settings.home / "log"
    with log.open("wb") as lines:
        role = subprocess.Popen([*COMMAND, "web"], env={**os.environ, **environment}, stderr=lines)
    try:
        parts.poll(lambda: answers(address), 60, "the role")
        port = address.partition(":")[2]
        with subprocess.Popen([sys.executable, siege.__file__, port, str(LASTS), token, str(AT_ONCE)]) as attackers:
            try:
                yield f"http://{address}"
                attackers.wait(LASTS + 30)
            finally:
                attackers.kill()
        assert role.poll() is None, log.read_text()[-2_000:]
    finally:
        role.terminate()
        role.wait(30)
    assert log.stat().st_size < 300_000, "the log grows under attack"


def answers(address: str) -> bool:
    """Tell whether the role answers."""
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"http://{address}/healthz").status_code == 200
    return False


def test_under_attack_every_customers_answer_counts(tmp_path: Path) -> None:
    """Five doors are attacked at once: each customer opens the page and answers, and no answer is lost."""
    address, _ = free_address()
    settings = {"http_bind": address, "rate_limit": "120", "api_keys": "a-key-that-nobody-guesses-0123456789"}
    site = Site(tmp_path, **settings)
    Team(site)
    site.events(*(event("delivery", str(n), reference=str(n)) for n in range(CUSTOMERS + 1)))
    site.settle()
    StoredClock(site.parts.store).set(START, ticking=True)
    paths = [site.link("answer", request.id) for request in site.rows(SurveyRequest)]
    environment = {f"BOUCLE_{name.upper()}": value for name, value in settings.items()}
    environment |= {"BOUCLE_HOME": str(tmp_path), "BOUCLE_SECRET": "test-secret", "BOUCLE_LOG": "json"}
    waits: list[float] = []
    with besieged(site, environment, paths.pop().removeprefix("/a/")) as url:
        for path in paths:
            with httpx.Client(base_url=url, timeout=60) as customer:
                for method, form in (("GET", None), ("POST", {"score": "9"})):
                    begun = time.monotonic()
                    answer = customer.request(method, path, data=form)
                    waits.append(time.monotonic() - begun)
                    assert answer.status_code in (200, 303), answer.text
    summary = f"{len(paths)} customers, {len(waits)} requests, {sorted(waits)[len(waits) // 2]:.3f} s in the middle"
    print(f"{summary}, the longest {max(waits):.3f} s")
    assert len(site.rows(Response)) == len(paths)
    assert max(waits) < PATIENCE
    site.parts.store.close()
