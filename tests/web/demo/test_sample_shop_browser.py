"""`boucle web try` as a shop owner has it: one command, its address, one click, an answer, and what became of it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import parts
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from browserparts import DESKTOP, PHONE, look_at, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PROGRAM = (sys.executable, "-c", "from workers.cli import main; main()", "web", "try")
SECONDS = 60


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Run the command; give its page's address and the file of its moments, and see that nothing is left at the end."""
    home = tmp_path_factory.mktemp("own") / "home"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BOUCLE_")}
    environment |= {"BOUCLE_HOME": str(home), "TMPDIR": str(home.parent)}
    process = subprocess.Popen(PROGRAM, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if "Ctrl-C ends" in line:
            break
    page, rules = re.search(r"http://127.0.0.1:\d+/", said), re.search(r"\S+sites\.yaml\n", said)
    try:
        assert page, said
        assert rules, said
        parts.poll(lambda: Path(rules[0].strip()).exists(), SECONDS, "the file of the moments")
        yield page[0], Path(rules[0].strip())
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    assert not home.exists()
    assert not list(home.parent.glob("boucle-web-try-*"))


def test_a_shop_owner_sees_the_question_and_what_became_of_the_answer(
    chromium: "Browser", trial: tuple[str, Path]
) -> None:
    """The address, a click, a score: the answer stands in what explain says; the same customer is not asked again."""
    page_address, _ = trial
    with opened(chromium, **DESKTOP) as context:
        page = context.new_page()
        page.goto(page_address)
        look_at(page, Axe(), "sample shop")
        page.get_by_role("button", name="Give feedback").click()
        box = page.locator("section.box")
        box.wait_for()
        page.get_by_text("The question is on the page.").wait_for()
        with page.expect_response(lambda response: response.url.endswith("/w/answer") and response.ok):
            box.get_by_role("radio", name="3", exact=True).check()  # is sent by itself after a moment
        box.get_by_label("Why this score?").fill("the lamp hums")
        box.get_by_role("button", name="Send my score").click()
        page.get_by_text("Thank you, your answer has arrived.").first.wait_for()
        page.get_by_role("link", name="What became of it").click()
        page.get_by_text("the lamp hums").wait_for()
        look_at(page, Axe(), "sample shop became")
        page.get_by_role("link", name="Back to the shop").click()
        page.get_by_role("button", name="Give feedback").click()
        page.get_by_text("this customer was asked before").wait_for()
        assert box.count() == 0


def test_the_next_customer_is_asked_in_french_on_a_phone(chromium: "Browser", trial: tuple[str, Path]) -> None:
    """Another customer of the sample shop is asked at once, in the language of the page."""
    page_address, _ = trial
    with opened(chromium, **PHONE) as context:
        page = context.new_page()
        page.goto(page_address)
        page.get_by_role("link", name="in French").click()
        look_at(page, Axe(), "sample shop phone", again=True)
        page.get_by_role("button", name="Place an order").click()
        box = page.locator("section.box[lang=fr]")
        box.wait_for()
        assert "recommand" in (box.locator("legend").text_content() or "")
