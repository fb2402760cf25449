"""What customers wrote, and what is typed, stands on pages in its own direction."""

import re

from workers.adapters.resources import Data

WORDS = re.compile(r"<(?:blockquote|textarea)\b[^>]*>")


def test_words_of_people_stand_in_their_own_direction() -> None:
    """A comment in Arabic on a French page, and a French one on a page from right to left; a link to copy is none."""
    data = Data()
    for name in data.list("templates/pages"):
        for tag in WORDS.findall(data.read(f"templates/pages/{name}").decode()):
            assert 'dir="auto"' in tag or "readonly" in tag, (name, tag)
