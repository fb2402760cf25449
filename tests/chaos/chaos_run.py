"""One chaos run: people come, things break, and after each wave of rounds everything must be quiet and right."""

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from random import Random

from crowd import Kind, Person, answer_of, crowd, deeds_of
from ground import Ground
from schedule import Round, waves
from truth import Acknowledged, seen_in
from verdict import Differences, Figures, compare, count_copies, judge_recovery

from workers.errors import NotNow

PRODUCERS = 6
PEOPLE_A_ROUND = 3
GIVES_UP = 0.1
"""How often a CRM that got no answer does not try again: then nobody knows whether the event counts."""
TRY_AGAIN_SECONDS = 0.3
QUIET_SECONDS = 4.0
"""How long all must be quiet before what is still missing counts as lost."""
AT_MOST_SECONDS = 150.0
"""After so long a wave is judged as it is, unless a run says less."""
ASKED_AFTER_SECONDS = 10.5
"""When `boucle status` is first asked about a long fault."""
ASKED_TIMES = 3


@dataclass(slots=True)
class Run:
    """A run on some ground."""

    ground: Ground
    prefix: str
    people_a_round: int = PEOPLE_A_ROUND
    say: Callable[[str], None] = lambda _line: None
    at_most_seconds: float = AT_MOST_SECONDS
    ends_after_seconds: float = inf
    acknowledged: Acknowledged = field(default_factory=Acknowledged)
    differences: Differences = field(default_factory=Differences)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _reading: threading.Lock = field(default_factory=threading.Lock)
    """Held while mails that arrived are handed to who answers them, so that none is between the two."""
    _answered: set[str] = field(default_factory=set)
    _over: threading.Event = field(default_factory=threading.Event)
    _waiting: list[Future[None]] = field(default_factory=list)
    _asked_to_wait: float = 0.0

    def play(self, rounds: Sequence[Round], a_wave: int) -> Figures:
        """Play a schedule to its end, or to the first wave that ends wrong; return the figures."""
        figures, until = self.differences.figures, time.monotonic() + self.ends_after_seconds
        with ThreadPoolExecutor(PRODUCERS) as producers:
            answering = threading.Thread(target=self._answer_mails, args=(producers,))
            answering.start()
            try:
                for number, wave in enumerate(waves(rounds, a_wave)):
                    for played_round in wave:
                        self._play_round(played_round, producers)
                    self._judge(wave, producers)
                    self.say(f"wave {number}: {figures.as_dict()}")
                    if not self.differences.is_good() or time.monotonic() > until:
                        break
            finally:
                self._over.set()
                answering.join()
        count_copies(self.differences, self.ground.arrivals(), self.ground.mail_line.handovers.unread())
        figures.kills = self.ground.supervisor.kills
        self.differences.note("a role", self.ground.supervisor.complaints)
        return figures

    def _play_round(self, played_round: Round, producers: ThreadPoolExecutor) -> None:
        if played_round.is_long:
            self.ground.wait_for_web()  # who is being started again has nothing to tell
        chance = Random(played_round.people_seed)
        for person in crowd(chance, f"{self.prefix}-{played_round.number}", self.people_a_round):
            self.acknowledged.people[person.crm_id] = person
            with self._reading:
                self._waiting.append(producers.submit(self._send, person, chance.random()))
        time.sleep(played_round.pause)
        self.ground.happen(played_round.fault, meanwhile=lambda: self._ask_about(played_round))
        figures = self.differences.figures
        figures.rounds += 1
        figures.faults += 1

    def _ask_about(self, played_round: Round) -> None:
        """Ask `boucle status` while a long fault lasts whether it names what is away."""
        if not played_round.is_long:
            return
        time.sleep(ASKED_AFTER_SECONDS)
        part, away = self.ground.part_of(played_round.fault.name), list[str]()
        for _ in range(ASKED_TIMES):
            away = self.ground.away()
            if part in away:
                return
            time.sleep(1)
        sentence = f"{played_round.fault.text()}: status named {away or 'nothing'}, not the {part}"
        self.differences.figures.untold += self.differences.note("untold", [sentence])

    def _send(self, person: Person, draw: float) -> None:
        """Send what a CRM says about somebody, each event until it is acknowledged, now and then twice."""
        for deed in deeds_of(person):
            with self._lock:
                self.acknowledged.note(person, deed.name, acknowledged=False)
            wanted = {"refused" if person.kind == Kind.MALFORMED else "taken", "published"}
            while (said := self.ground.publish(deed)) not in wanted:
                if said:
                    self.differences.note("answered wrongly", [f"{deed.name} was {said}"])
                    return
                if self._over.is_set() or draw < GIVES_UP:
                    return
                time.sleep(TRY_AGAIN_SECONDS)
            with self._lock:
                self.acknowledged.note(person, deed.name, acknowledged=True)
            if person.again:
                self.ground.publish(deed)

    def _answer_mails(self, producers: ThreadPoolExecutor) -> None:
        """Answer each survey mail that arrives, until the answer is acknowledged."""
        while not self._over.wait(0.1):
            self._read_mails(producers)

    def _read_mails(self, producers: ThreadPoolExecutor) -> None:
        with self._reading:
            for mail in self.ground.arrived():
                person = self._asked(mail.recipient)
                if mail.link and person is not None and person.crm_id not in self._answered:
                    self._answered.add(person.crm_id)
                    self._waiting.append(producers.submit(self._answer, person, mail.link))

    def _asked(self, recipient: str) -> Person | None:
        person = self.acknowledged.people.get(recipient.partition("@")[0])
        return person if person is not None and person.kind == Kind.ANSWERS else None

    def _answer(self, person: Person, link: str) -> None:
        with self._lock:
            self.acknowledged.note(person, answer_of(person), acknowledged=False)
        while not self.ground.answer(link, person.score, person.comment):
            if self._over.is_set():
                return
            time.sleep(TRY_AGAIN_SECONDS)
        with self._lock:
            self.acknowledged.note(person, answer_of(person), acknowledged=True)

    def _judge(self, wave: Sequence[Round], producers: ThreadPoolExecutor) -> None:
        """Wait until all is quiet, then compare everything so far."""
        ended, began, self._asked_to_wait = self._now(), time.monotonic(), 0.0
        quiet_since: float | None = None
        while time.monotonic() - began < self.at_most_seconds:
            if self._is_quiet(producers):
                quiet_since = quiet_since or time.monotonic()
                quiet_at = self._now()
                if self._is_complete() or time.monotonic() - quiet_since > QUIET_SECONDS:
                    break
            else:
                quiet_since = None
            time.sleep(0.1)
        else:
            quiet_at = self._now()
            self.differences.note(
                "never quiet", [f"after {self.at_most_seconds:g} s, rounds {wave[0].number} and later"]
            )
        self.differences.figures.effects = 0
        compare(self.differences, self.acknowledged.required(), self.acknowledged.allowed(), self._seen())
        last = f"round {wave[-1].number} ({wave[-1].fault.text()})"
        judge_recovery(self.differences, (quiet_at - ended).total_seconds() - self._asked_to_wait, last)

    def _now(self) -> datetime:
        while True:
            with contextlib.suppress(NotNow):
                return self.ground.clock.now()
            time.sleep(0.1)

    def _is_quiet(self, producers: ThreadPoolExecutor) -> bool:
        """Tell whether nothing is left to do and nobody has anything to say: not even to a mail that came just now."""
        if self._somebody_speaks():
            return False
        try:
            if not self.ground.is_quiet():
                return False
            self._read_mails(producers)
            if self._somebody_speaks():
                return False
            seconds, asked_for = self.ground.hop()
        except NotNow:
            return False
        self._asked_to_wait += seconds if asked_for else 0.0
        return not seconds

    def _somebody_speaks(self) -> bool:
        with self._reading:
            broken = [error for future in self._waiting if future.done() and (error := future.exception()) is not None]
            self._waiting = [future for future in self._waiting if not future.done()]
            speaks = bool(self._waiting)
        self.differences.note("the harness itself failed", [repr(error) for error in broken])
        return speaks

    def _is_complete(self) -> bool:
        return not self._waiting and not (self.acknowledged.required() - set(self._seen()))

    def _seen(self) -> "dict[tuple[str, ...], int]":
        return dict(
            seen_in(self.ground.store, self.ground.arrived(), self.ground.published(), self.acknowledged.people)
        )
