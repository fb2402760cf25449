"""What operators edit beside the rules, while Boucle runs: brand, catalogs, mails and event types, taken over or told.

`WATCHED` is the list of all files that operators edit, with what becomes of an edit; nothing is ignored without a word.
Files only: no database, no clock.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence

from workers.adapters.resources import Data
from workers.adapters.rule_files import Stamp, stamp_of
from workers.cloudevents import Codec, EventMap
from workers.decision_table.live import FAULTS, Refused, faults_of
from workers.domain.mail.compose import Brand, Templates
from workers.errors import Misconfigured

LIVE, AT_START, SHIPPED = "within seconds", "at the next start", "never: it stays as shipped"
WATCHED: Mapping[str, str] = {
    "rules/journey-plan/": LIVE,
    "rules/follow-up/": LIVE,
    "rules/journey-plan-candidate/": LIVE,
    "rules/follow-up-candidate/": LIVE,
    "rules/calendar.yaml": LIVE,
    "rules/root-causes.yaml": LIVE,
    "rules/attributes.yaml": LIVE,
    "rules/sites.yaml": LIVE,
    "rules/countries.csv": LIVE,
    "rules/places.yaml": LIVE,
    "rules/drivers.yaml": LIVE,
    "rules/events.csv": LIVE,
    "templates/brand.yaml": LIVE,
    "templates/wordings.yaml": LIVE,
    "templates/catalogs/": LIVE,
    "templates/mail/": LIVE,
    "templates/layout/": LIVE,
    "templates/brand.sample.yaml": SHIPPED,
    "templates/pages/": AT_START,
    "templates/static/": AT_START,
    "schemas/": AT_START,
}
"""Each file or folder that is read, and when an edit of it is taken over; a faulty one is refused with its reasons."""
EVENTS = "rules/events.csv"
TEXTS = ("templates/brand.yaml", "templates/wordings.yaml", "templates/catalogs", "templates/layout", "templates/mail")
"""Taken over together: each is proved with the others."""


class LiveText:
    """Files that are taken over as a whole. One caller at a time may refresh."""

    def __init__(self, data: Data, name: str, places: Sequence[str], take: Callable[[], None]) -> None:
        """Take the files as they are as those in use; `take` takes them over, or raises."""
        self.name = name
        self.refused: Refused | None = None
        self._data = data
        self._places = places
        self._take = take
        self._seen = self._stamps()
        self._version = self._digest()

    def refresh(self) -> bool:
        """Take over what was edited, or refuse it once; say whether anything is another one now, or was refused."""
        stamps = self._stamps()
        if stamps == self._seen:
            return False
        self._seen = stamps
        before, version = self.refused, self._digest()
        if version == self._version:
            self.refused = None
            return before is not None
        try:
            self._take()
        except Exception as fault:  # whatever a template or a text raises, what was in use goes on
            self.refused = Refused(self._version, _reasons(fault))
            return self.refused != before
        self._version, self.refused = version, None
        return True

    def _files(self) -> list[str]:
        return [file for place in self._places for file in self._data.files(place)]

    def _stamps(self) -> frozenset[Stamp]:
        paths = (self._data.place(file) for file in self._files())
        return frozenset(stamp for path in paths if path and (stamp := stamp_of(path)))

    def _digest(self) -> str:
        """Return a hash of names and contents; what cannot be read counts as its reason."""
        sums = hashlib.sha256()
        for file in self._files():
            try:
                content = self._data.read(file)
            except (Misconfigured, OSError) as fault:
                content = str(fault).encode()
            sums.update(f"{file} {len(content)}\n".encode() + content)
        return sums.hexdigest()


def _reasons(fault: Exception) -> tuple[str, ...]:
    if isinstance(fault, FAULTS):
        return faults_of(fault)
    return (f"It cannot be read ({type(fault).__name__}: {' '.join(str(fault).split())[:200]}).",)


def live_texts(data: Data, templates: Templates, codec: Codec, brand: Callable[[], Brand]) -> tuple[LiveText, ...]:
    """Return what is watched beside the rules; `brand` reads the brand, or gives the one that was given instead."""

    def take_texts() -> None:
        new = Templates.load(data, brand())
        gone = sorted(set(templates.languages_by_template()) - set(new.languages_by_template()))
        if gone:
            raise Misconfigured(
                [f"templates/mail/{name} is gone, and mails may be waiting for it: restore it" for name in gone]
            )
        templates.take_over(new)

    def take_events() -> None:
        codec.take_over(EventMap.load(data.read(EVENTS)))

    return (
        LiveText(data, "templates", TEXTS, take_texts),
        LiveText(data, "events.csv", (EVENTS,), take_events),
        *(
            LiveText(data, place.rstrip("/"), (place.rstrip("/"),), wait_for_start(place))
            for place, taken in WATCHED.items()
            if taken is AT_START
        ),
    )


def wait_for_start(place: str) -> Callable[[], None]:
    """Return what refuses an edit that is taken over by a start only."""

    def refuse() -> None:
        raise Misconfigured([f"{place} was edited, and is taken over {AT_START}: start Boucle again"])

    return refuse


def watch_of(file: str) -> str | None:
    """Return what becomes of an edit of a file, or None for one that nobody reads."""
    return next((taken for place, taken in WATCHED.items() if file == place or file.startswith(place)), None)
