"""The operator's rules as they are in use: both tables and the small files beside them, each in its newest good state.

Files only: no database, no clock. What is refused stays out, with every fault, and what was in use goes on.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from workers import decision_table
from workers.adapters.resources import Data
from workers.decision_table import KnownNames, Table
from workers.decision_table.files.loader import read_file
from workers.decision_table.live import FAULTS, LiveFile, LiveTable, Refused, Swapped, faults_of
from workers.domain import attributes, drivers, web_sites
from workers.domain.attributes import Attributes, columns_of
from workers.domain.customer.declared_attributes import read_attributes
from workers.domain.followup.table_contract import CANDIDATE, FOLLOW_UP, JOURNEY_PLAN, PLACES, Fit
from workers.domain.mail import survey_duties
from workers.domain.places import listed as places
from workers.domain.ticket import root_causes
from workers.errors import BadInput, Misconfigured

CALENDAR = "rules/calendar.yaml"
CONTRARY, WAVES = "contrary.csv", "waves.csv"
FILES = (
    *(CALENDAR, root_causes.FILE, attributes.FILE, web_sites.FILE),
    *(places.FILE, drivers.FILE, survey_duties.FILE),
)
NO_WAVES = b"date;name\n"
IN_A_FOLDER = ("table.yaml", "rules.csv", "rules.xlsx", "cases.csv", CONTRARY, WAVES)

T = TypeVar("T")
Earlier = Callable[[str], str | None]
"""Gives the content of what was in use before, by its name: `follow-up`, `contrary.csv`."""
Stamp = tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class Content:
    """One table or file in use: the place it stands for, the name it bears, its version and its whole content."""

    place: str
    name: str
    version: str
    content: str
    candidate: bool = False
    numbered: bool = False
    """Whether rows name it by a number: the journey plan."""


class LiveRules:
    """Reads the rules, and looks at them again when told to. One caller at a time."""

    def __init__(
        self, data: Data, known_names: Callable[[], KnownNames], earlier: Earlier = lambda place: None
    ) -> None:
        """Read everything; raises Misconfigured with every fault, unless `earlier` has what may go on instead."""
        self._data = data
        self._known_names = known_names
        self._seen = self._stamps()
        faults: list[str] = []
        self._tables: dict[str, LiveTable] = {}
        with told_in(faults):
            self.attributes = self._beside(attributes.FILE, self._read_attributes, earlier)
        is_declared = not faults
        for place, fit in PLACES.items():
            before = partial(former, earlier, place)
            # without its attributes a table is read for its own faults, and not for what it asks of them
            fitting = self._fitting(fit) if is_declared else None
            try:
                self._tables[place] = LiveTable(data.folder(place), known_names, before, fitting)
            except FAULTS as error:
                faults += [f"{place}: {fault}" for fault in faults_of(error)]
        with told_in(faults):
            self.contrary = self._file(CONTRARY, self._read_contrary, decision_table.load_contrary, earlier)
        with told_in(faults):
            self.waves = self._file(WAVES, self._read_waves, decision_table.load_waves, earlier)
        with told_in(faults):
            self.calendar = self._beside(CALENDAR, decision_table.load_calendar, earlier)
        with told_in(faults):
            self.causes = self._beside(root_causes.FILE, root_causes.read_causes, earlier)
        with told_in(faults):
            self.sites = self._beside(web_sites.FILE, web_sites.read_sites, earlier)
        with told_in(faults):
            self.places = self._beside(places.FILE, places.read_places, earlier)
        with told_in(faults):
            self.drivers = self._beside(drivers.FILE, drivers.read_drivers, earlier)
        with told_in(faults):
            self.duties = self._beside(survey_duties.FILE, survey_duties.read_duties, earlier)
        if faults:
            raise Misconfigured(faults)
        self._candidates: dict[str, LiveTable] = {}
        self._refused_candidates: dict[str, Refused] = {}
        self._look_at_candidates()

    @property
    def plan(self) -> Table:
        return self._tables[JOURNEY_PLAN].table

    @property
    def follow_up(self) -> Table:
        return self._tables[FOLLOW_UP].table

    def candidate(self, place: str) -> Table | None:
        """Return the table that decides beside the one in this place, or None."""
        live = self._candidates.get(place)
        return live.table if live else None

    def forget(self) -> None:
        """Look at every table anew at the next refresh: what its names refer to may be there now, or gone."""
        self._seen = frozenset()
        for live in self._tables.values():
            live.forget()

    def refresh(self) -> bool:
        """Look at the files whose size or time changed; say whether anything is another one now, or was refused."""
        stamps = self._stamps()
        if stamps == self._seen:
            return False
        self._seen = stamps
        before = self.refused()
        attributes_end = self.attributes.refresh()  # first: a table may ask for what is declared with it
        if isinstance(attributes_end, Swapped):
            for live in self._tables.values():
                live.forget()  # what was refused for want of a declaration may be taken now
        ends = [live.refresh(self._data.place(place)) for place, live in self._tables.items()]
        ends += [attributes_end, *(file.refresh() for file in self._files()[1:])]
        changed = self._look_at_candidates()
        return changed or any(isinstance(end, Swapped) for end in ends) or self.refused() != before

    def refused(self) -> Mapping[str, Refused]:
        """Return what was not taken, by the name of its table, or of its file where it stands beside the tables."""
        refusals = {short(place): live.refused for place, live in self._tables.items() if live.refused}
        for file in self._files():
            if file.refused:
                place = short(JOURNEY_PLAN) if file.name in (CONTRARY, WAVES) else file.name
                refusal = refusals.get(place, Refused(file.refused.live_version, ()))
                refusals[place] = Refused(refusal.live_version, (*refusal.faults, *file.refused.faults))
        return {**refusals, **self._refused_candidates}

    def contents(self) -> Iterator[Content]:
        """Give everything in use, so that it can be kept by version."""
        for place, live in self._tables.items():
            table = live.table
            numbered = place == JOURNEY_PLAN
            yield Content(short(place), table.name, table.version, table.content, numbered=numbered)
        for file in self._files():
            yield Content(file.name, file.name, file.version, file.data.decode("utf-8", "replace"))
        for place, live in self._candidates.items():
            table, name = live.table, f"{short(place)}{CANDIDATE}"
            yield Content(name, name, table.version, table.content, candidate=True)

    def _files(self) -> tuple[LiveFile[Any], ...]:
        return (
            *(self.attributes, self.contrary, self.waves, self.calendar, self.causes),
            *(self.sites, self.places, self.drivers, self.duties),
        )

    def _file(self, name: str, read: Callable[[], bytes], parse: Callable[[bytes], T], earlier: Earlier) -> LiveFile[T]:
        def before() -> bytes | None:
            content = earlier(name)
            return None if content is None else content.encode()

        try:
            return LiveFile(name, read, parse, before)
        except (BadInput, OSError) as error:
            raise Misconfigured([placed(name, fault) for fault in faults_of(error)]) from error

    def _beside(self, place: str, parse: Callable[[bytes], T], earlier: Earlier) -> LiveFile[T]:
        """Read a file beside the tables, by its place under rules/."""
        return self._file(short(place), lambda: self._data.read(place), parse, earlier)

    def _fitting(self, fit: Fit) -> Callable[[Table], None]:
        """Return what sees that a table fits in its place beside the attributes as they are declared by then."""
        return lambda table: fit(table, columns_of(self.attributes.value))

    def _read_attributes(self, body: bytes) -> Attributes:
        """Return the declared attributes, unless a table in use asks for what they no longer say: Misconfigured."""
        declared = read_attributes(body)
        faults = []
        for place, live in self._tables.items():
            try:
                PLACES[place](live.table, columns_of(declared))
            except Misconfigured as misfit:
                faults += [f"{place}, in use, asks for it: {fault}" for fault in misfit.faults]
        if faults:
            raise Misconfigured(faults)
        return declared

    def _read_contrary(self) -> bytes:
        return read_file(self._data.folder(JOURNEY_PLAN) / CONTRARY)

    def _read_waves(self) -> bytes:
        path = self._data.folder(JOURNEY_PLAN) / WAVES
        return read_file(path) if path.exists() else NO_WAVES

    def _look_at_candidates(self) -> bool:
        """Read the candidates anew; one that is faulty is told of, and stops nothing."""
        before = {place: live.table.version for place, live in self._candidates.items()}
        self._refused_candidates = {}
        for place, fit in PLACES.items():
            folder = self._data.place(f"{place}{CANDIDATE}")
            self._candidates.pop(place, None)
            if folder is None:
                continue
            try:
                self._candidates[place] = LiveTable(folder, self._known_names, fit=self._fitting(fit))
            except FAULTS as error:
                name = f"{short(place)}{CANDIDATE}"
                self._refused_candidates[name] = Refused(self._tables[place].table.version, faults_of(error))
        return before != {place: live.table.version for place, live in self._candidates.items()}

    def _stamps(self) -> frozenset[Stamp]:
        """Return place, time and size of every file: what changes with an edit, and costs some microseconds each."""
        folders = [self._data.place(file) for place in PLACES for file in (place, f"{place}{CANDIDATE}")]
        files = [folder / name for folder in folders if folder for name in IN_A_FOLDER]
        files += [file for name in FILES if (file := self._data.place(name))]
        return frozenset(stamp for path in files if (stamp := stamp_of(path)))


@contextmanager
def told_in(faults: list[str]) -> Iterator[None]:
    """Keep the faults of what is read inside, so that what comes after it is read as well; they are raised together."""
    try:
        yield
    except Misconfigured as error:
        faults += error.faults


def stamp_of(path: Path) -> Stamp | None:
    """Return what changes when a file does, or None when there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return str(path), status.st_mtime_ns, status.st_size, status.st_ino


def short(place: str) -> str:
    """Return the name of a folder or file under rules/."""
    return place.rpartition("/")[2]


def placed(name: str, fault: str) -> str:
    """Return a fault of a file beside the tables that begins with the file's place."""
    folder = JOURNEY_PLAN if name in (CONTRARY, WAVES) else "rules"
    return f"{folder}/{fault}" if fault.startswith(name) else f"{folder}/{name}: {fault}"


def former(earlier: Earlier, place: str) -> Table | None:
    """Return the table that was in use in a place before, if it can still be read."""
    content = earlier(short(place))
    if content is None:
        return None
    try:
        return decision_table.from_content(content)
    except BadInput:
        return None
