"""A story of many customers, embedded: neither the order of arrival nor a replay changes what becomes of them."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from driver import books_of, play
from story import Message, Story
from worlds import Embedded, dead_letter_reasons

from workers.domain.invariants import difference
from workers.store import tables

STORY = Story(seed=9, customers=24, days=130)
AT_ONCE = 50


class Keeping(Embedded):
    """An embedded installation that remembers what came in."""

    heard: list[Message]

    def publish(self, messages: list[Message]) -> None:
        """Take messages in, and remember them."""
        self.heard = [*getattr(self, "heard", []), *messages]
        super().publish(messages)

    def mails(self) -> int:
        """Return how many mails were written."""
        return sum(1 for path in (self.home / "mailbox").rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Keeping:
    """Play the story once."""
    world = Keeping(tmp_path_factory.mktemp("story") / "home")
    play(STORY, world)
    world.store.close()
    return world


def test_the_order_of_arrival_changes_no_book(played: Keeping, tmp_path: Path) -> None:
    """The same messages with customers and topics mixed in another order give the same rows."""
    books = books_of(played.store)
    with Embedded(tmp_path / "other", shuffle=5) as other:
        play(STORY, other)
        assert "\n".join(difference(books, books_of(other.store))) == ""
        assert dead_letter_reasons(other) == dead_letter_reasons(played)


def test_a_replay_with_an_empty_inbox_changes_no_book(played: Keeping) -> None:
    """Everything again, months later, without the short memory: not one row and not one mail more."""
    books, letters, mails = books_of(played.store), dead_letter_reasons(played), played.mails()
    with played.store.engine.begin() as connection:
        connection.execute(sa.delete(tables.inbox))
    heard = list(played.heard)
    for start in range(0, len(heard), AT_ONCE):
        Embedded.publish(played, heard[start : start + AT_ONCE])
    played.settle()
    assert "\n".join(difference(books, books_of(played.store))) == ""
    assert dead_letter_reasons(played) == letters
    assert played.mails() == mails > 100
    played.store.close()
