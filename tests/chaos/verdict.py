"""The verdict on a chaos run: what must have come out against what did; pure."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from crowd import Effect

RECOVERED_WITHIN_SECONDS = 90.0
SHOWN_AT_MOST = 20
REPEATABLE = frozenset({"told"})
"""Kinds that may come more than once: Kafka is at least once, and says so to its readers."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One mail as the mail server took it: its Message-ID and the hash of its bytes."""

    message_id: str
    digest: str


@dataclass(slots=True)
class Figures:
    """What a run prints, in this order."""

    rounds: int = 0
    kills: int = 0
    faults: int = 0
    effects: int = 0
    lost: int = 0
    phantom: int = 0
    duplicates: int = 0
    second_copies: int = 0
    slowest_recovery_seconds: float = 0.0
    untold: int = 0

    def as_dict(self) -> dict[str, float]:
        """Return the figures as they are printed."""
        return asdict(self)


@dataclass(slots=True)
class Differences:
    """What is wrong, in sentences that a reader can follow; `figures` count it."""

    figures: Figures = field(default_factory=Figures)
    sentences: list[str] = field(default_factory=list)

    def note(self, what: str, effects: Iterable[object]) -> int:
        """Keep a sentence for each effect, and return how many there are."""
        sentences = [f"{what}: {effect}" for effect in effects]
        self.sentences += sentences
        return len(sentences)

    def is_good(self) -> bool:
        """Tell whether the run passes."""
        return not self.sentences

    def text(self) -> str:
        """Return the first of the sentences, and how many there are."""
        more = len(self.sentences) - SHOWN_AT_MOST
        return "\n".join([*self.sentences[:SHOWN_AT_MOST], *([f"... and {more} more"] if more > 0 else [])])


def compare(
    differences: Differences, required: Collection[Effect], allowed: Collection[Effect], seen: Mapping[Effect, int]
) -> None:
    """Count what is lost, invented, or there twice; `allowed` comes beside `required`, of deeds without an answer."""
    figures = differences.figures
    figures.effects += sum(seen.values())
    figures.lost += differences.note("lost", sorted(set(required) - set(seen)))
    figures.phantom += differences.note("phantom", sorted(set(seen) - set(required) - set(allowed)))
    twice = {effect: count for effect, count in seen.items() if count > 1 and effect[0] not in REPEATABLE}
    differences.note("duplicate", (f"{effect} {count} times" for effect, count in sorted(twice.items())))
    figures.duplicates += sum(count - 1 for count in twice.values())


def count_copies(differences: Differences, arrivals: Sequence[Arrival], unread: Mapping[str, int]) -> None:
    """Count second copies; each must have the bytes of the first, and follow a hand-over whose 250 was not read.

    `unread` has, by Message-ID, how many times a mail left and no 250 was read, or its reader died before it was kept.
    """
    copies: dict[str, list[str]] = {}
    for arrival in arrivals:
        copies.setdefault(arrival.message_id, []).append(arrival.digest)
    for message_id, digests in copies.items():
        second = len(digests) - 1
        differences.figures.second_copies += second
        if second > unread.get(message_id, 0):
            sentence = f"{unread.get(message_id, 0)} of {len(digests)} hand-overs of {message_id} had no answer"
            differences.note("second copy of a mail whose 250 was read", [sentence])
        if len(set(digests)) > 1:
            differences.figures.duplicates += differences.note("second copy with other bytes", [message_id])


def judge_recovery(differences: Differences, seconds: float, when: str) -> None:
    """Keep how long a recovery took."""
    figures = differences.figures
    figures.slowest_recovery_seconds = max(figures.slowest_recovery_seconds, round(seconds, 1))
    if seconds > RECOVERED_WITHIN_SECONDS:
        differences.note("slow", [f"{seconds:.0f} s until all was quiet after {when}"])


def tally(effects: Iterable[Effect]) -> Counter[Effect]:
    """Count effects."""
    return Counter(effects)
