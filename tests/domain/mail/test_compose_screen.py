"""Mails as people see them: on a narrow phone, in a real browser, with the names that a screen reader says."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from workers.adapters.resources import Data
from workers.domain.mail.compose import Brand, Templates
from workers.domain.mail.compose.samples import SAMPLE_FACTS, sample_mail
from workers.domain.mail.links import Links

if TYPE_CHECKING:
    from playwright.sync_api import Page

LINKS = Links(["secret"], "https://ask.example.org")
TEMPLATES = Templates.load(Data(), Brand.load(Data()))
NARROW, TALL = 320, 700  # CSS pixels: the narrowest phone that is still in use


def show(page: "Page", template: str, language: str = "fr") -> None:
    """Open a mail on a narrow phone."""
    facts = {**SAMPLE_FACTS, "label": "lampe de bureau Arc, commande 5001", "comment": "x" * 200}
    _, _, html = TEMPLATES.write(sample_mail(template, language, facts), LINKS, datetime(2026, 1, 5, 9, tzinfo=UTC))
    page.set_viewport_size({"width": NARROW, "height": TALL})
    page.set_content(html)


@pytest.mark.real
def test_no_mail_needs_scrolling_sideways_on_a_phone(page: "Page") -> None:
    """Every mail in every language fits 320 pixels."""
    for template, languages in TEMPLATES.languages_by_template().items():
        for language in languages:
            show(page, template, language)
            assert page.evaluate("document.documentElement.scrollWidth") <= NARROW, (template, language)


@pytest.mark.real
def test_the_eleven_buttons_can_be_tapped_and_are_named(page: "Page") -> None:
    """Each score is a link of its own with a name that says what it means, large enough for a thumb (WCAG 2.5.8)."""
    show(page, "ask-delivery")
    boxes = []
    for score in range(11):
        link = page.get_by_role("link", name=f"{score}, {TEMPLATES.catalogs.text('fr', f'score.{score}')}", exact=True)
        box = link.bounding_box()
        assert box is not None
        assert box["width"] >= 36
        assert box["height"] >= 40
        assert box["x"] + box["width"] <= NARROW
        boxes.append((box["x"], box["y"]))
    assert len(set(boxes)) == 11


@pytest.mark.real
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_in_light_and_dark(page: "Page", scheme: str) -> None:
    """Text keeps at least 4.5 to 1 against the card in both colour schemes (WCAG 1.4.3)."""
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # a parameter is a plain str
    show(page, "ask-delivery")
    ratios = page.evaluate(CONTRAST)
    assert len(ratios) > 5
    assert min(ratios) >= 4.5


CONTRAST = """() => {
  const light = (rgb) => {
    const c = rgb.match(/\\d+/g).slice(0, 3).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2];
  };
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (colour !== "rgba(0, 0, 0, 0)" && colour !== "transparent") return colour;
    }
    return "rgb(255, 255, 255)";
  };
  return [...document.querySelectorAll("p, td, a")].filter((n) => n.textContent.trim() && n.offsetParent).map((n) => {
    const [a, b] = [light(getComputedStyle(n).color), light(ground(n))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  });
}"""
