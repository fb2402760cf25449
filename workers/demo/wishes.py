"""What the shop's lead does about wishes: sorts them into themes, begins initiatives, and says when one is done.

Month 8 has a note, month 11 the end of the initiative against late parcels: exactly those who complained are told.
Everything is drawn from the texts, so that the same seed gives the same year.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from workers.app import Boucle
from workers.demo import reactions
from workers.demo.shop import CARRIER_CHANGED, CARRIER_REPLACED, END
from workers.store.demo.crowd import texts_written
from workers.usecases.initiatives import ImprovementActions, InitiativeState, Kind, ThemeState

LEAD = "ines"
LATE, BULB, LEAFLET, TRACKING, BROKEN, PHONE = (
    *("Late delivery", "A bulb in the box", "Clearer instructions", "Better tracking"),
    *("Broken on arrival", "Easier to reach by phone"),
)
JUDGED = {LATE: (3, 1), BULB: (1, 1), LEAFLET: (2, 2), TRACKING: (1, 2), BROKEN: (3, 3), PHONE: (2, 3)}
"""Impact and cost of each theme."""
SAID: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    ((*reactions.LATE_FR, *reactions.LATE_EN), (LATE,) * 6),
    (reactions.WISH_FR, (BULB, LEAFLET, TRACKING, TRACKING)),
    (reactions.WISH_EN, (BULB, LEAFLET, TRACKING, TRACKING)),
    (reactions.BAD_FR, (BROKEN, LEAFLET, PHONE)),
    (reactions.BAD_EN, (BROKEN, LEAFLET, PHONE)),
    *((texts, (LATE, LATE)) for texts in reactions.BRIEF_LATE.values()),
    *((texts, (BROKEN, PHONE)) for texts in reactions.BRIEF_BAD.values()),
    *((texts, (LEAFLET, BULB)) for texts in reactions.BRIEF_WISH.values()),
)
THEMES = {text: theme for texts, themes in SAID for text, theme in zip(texts, themes, strict=True)}
"""The theme of each text that a customer of the demo writes."""
COMPETITORS = {reactions.WISH_FR[-1]: "Lumio", reactions.WISH_EN[-1]: "Lumio"}
"""Whom a text names."""
NEW_CARRIER = {
    "en": {
        "change": "a new carrier in the North",
        "change_sentence": "another carrier brings parcels in the North, in two to five days",
    },
    "fr": {
        "change": "un nouveau transporteur dans le Nord",
        "change_sentence": "un autre transporteur livre le Nord, en deux à cinq jours",
    },
}
NEW_LEAFLET = {
    "en": {"change": "a leaflet with pictures", "change_sentence": "each lamp comes with a leaflet in pictures"},
    "fr": {"change": "une notice en images", "change_sentence": "chaque lampe arrive avec une notice en images"},
}
INITIATIVES = (
    (LATE, "Another carrier in the North", LEAD, NEW_CARRIER),
    (LEAFLET, "A leaflet with pictures", "nadia", NEW_LEAFLET),
)
"""Theme, name, owner and what those who asked will read; the second one is still being done when the demo ends."""


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that the lead does at a time."""

    at: datetime
    name: str


DEEDS = (
    Deed(CARRIER_CHANGED, "note"),
    Deed(CARRIER_REPLACED - timedelta(days=35), "sort"),
    Deed(CARRIER_REPLACED - timedelta(days=34), "begin"),
    Deed(CARRIER_REPLACED - timedelta(days=14), "work"),
    Deed(CARRIER_REPLACED + timedelta(hours=2), "sort"),
    Deed(CARRIER_REPLACED + timedelta(hours=3), "done"),
    Deed(END - timedelta(days=4), "sort"),
)


class Lead:
    """The shop's lead, who acts through the same use case as the page of themes."""

    def __init__(self, parts: Boucle) -> None:
        self._parts = parts
        self._improving = ImprovementActions(parts.store, parts.policies.current, parts.now)
        self._seen: set[str] = set()
        self._numbers: dict[str, int] = {}
        self._work: dict[str, int] = {}

    def do(self, name: str) -> None:
        deeds: dict[str, Callable[[], None]] = {
            "note": self.note,
            "sort": self.sort,
            "begin": self.begin,
            "work": self.work,
            "done": self.done,
        }
        deeds[name]()

    def note(self) -> None:
        """Write down that the carrier changed."""
        self._improving.add_note(self._parts.now(), "New carrier in the North", LEAD)

    def sort(self) -> None:
        """Sort what was written since the last time."""
        for response, text in self.unsorted():
            self._seen.add(response)
            self._improving.sort(response, self.theme(THEMES[text], Kind.WISH), LEAD)
            if text in COMPETITORS:
                self._improving.sort(response, self.theme(COMPETITORS[text], Kind.COMPETITOR), LEAD)

    def theme(self, name: str, kind: Kind) -> int:
        """Return the number of a theme, added and judged when it is needed first."""
        if name not in self._numbers:
            self._numbers[name] = key = self._improving.add_theme(name, kind, LEAD)
            if name in JUDGED:
                impact, cost = JUDGED[name]
                self._improving.judge(key, name=name, impact=impact, cost=cost, state=ThemeState.OPEN, by=LEAD)
        return self._numbers[name]

    def unsorted(self) -> list[tuple[str, str]]:
        """Return the answers that say what could be better and were not sorted, in the order of time."""
        with self._parts.store.reading() as connection:
            written = texts_written(connection)
        said = [(key, next((text for text in texts if text in THEMES), "")) for key, *texts in written]
        return [(key, text) for key, text in said if text and key not in self._seen]

    def begin(self) -> None:
        """Begin what is to be done."""
        for theme, name, owner, texts in INITIATIVES:
            number = self.theme(theme, Kind.WISH)
            self._work[name] = self._improving.add_initiative(number, name=name, owner=owner, texts=texts, by=LEAD)

    def work(self) -> None:
        """Have the work on both begin."""
        for _, name, owner, texts in INITIATIVES:
            doing = InitiativeState.DOING
            self._improving.change_initiative(
                self._work[name], 1, name=name, owner=owner, state=doing, texts=texts, by=LEAD
            )

    def done(self) -> None:
        """Say that the first one is done: exactly those who complained are told."""
        _, name, owner, texts = INITIATIVES[0]
        done = InitiativeState.DONE
        self._improving.change_initiative(self._work[name], 2, name=name, owner=owner, state=done, texts=texts, by=LEAD)
