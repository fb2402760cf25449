"""The key of ids and address hashes: which one a database was begun with, and whether this machine has it.

Ids, the guard that keeps an erased person erased and the suppression of addresses derive from it, so it can never be
changed: with another one every known customer is a stranger, and who was erased or opted out is written to again. The
database keeps a fingerprint of the key, never the key. A database that has none yet (0.1.0 kept none) proves the key by
its rows: their ids were derived from it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from workers.domain.types import Ids
from workers.errors import Misconfigured
from workers.store.connection import Connection
from workers.store.controls import add_control, read_controls, replace_control
from workers.store.engine import Store
from workers.store.operation.key_samples import sample_customers, sample_letters, sample_responses
from workers.store.operation.schema import has_controls

ID_KEY = "id_key"
"""The control that holds the fingerprint of the key of ids."""
SIGNING_KEY = "made_up_secret"
"""The control that holds the fingerprint of the signing key of a server's database, given or made up, the last one."""
BY = "boucle"
SAMPLE = 200
"""Rows whose ids are derived again to prove a key; ids of customers are hashes, so the first are as good as any."""
Proof = Callable[[Ids], str]
"""Returns the id that a row has if a key is the right one."""

OTHER_KEY = (
    "The ids in this database derive from another key than the one given here: known customers would be strangers, and "
    "who was erased or opted out would be written to again. Set BOUCLE_ID_SECRET to the key the installation began "
    "with: the content of the file id-secret in the HOME of a machine where it runs, else what was the last key of "
    "BOUCLE_SECRET (or the content of the file secret in that HOME) when the first event came in."
)
NO_KEY = (
    "Another machine made up the key that the ids in this database derive from, and this one has none: set "
    "BOUCLE_ID_SECRET to the content of the file id-secret in that machine's HOME, and BOUCLE_SECRET to the same value "
    "on every machine."
)
OTHER_SIGNING_KEY = (
    "BOUCLE_SECRET is unset, and another machine on this database has a secret of its own: links that one machine "
    "signs would be refused by the other. Set BOUCLE_SECRET to the same value on every machine. Where it is unset "
    "everywhere, the content of the file secret in the HOME of the machine that ran first keeps sent links valid."
)


@dataclass(frozen=True, slots=True)
class IdKeyState:
    """What a database says of the keys that a machine has: the one that fits, and whether that stands in it already."""

    key: str
    kept: bool


def fingerprint(key: str) -> str:
    """Return what the database keeps of a key; nobody can compute ids from it."""
    return Ids(key.encode()).keyed_hash("fingerprint")


def fitting_key(connection: Connection, candidates: Sequence[str]) -> IdKeyState | None:
    """Return which of the keys the ids of a database derive from; None when it has no ids yet, or no table.

    Raises Misconfigured with a sentence that says what to do when none of them fits.
    """
    if not has_controls(connection):
        return None
    kept = read_controls(connection).get(ID_KEY)
    if kept is not None:
        for key in candidates:
            if fingerprint(key) == kept:
                return IdKeyState(key, kept=True)
        raise Misconfigured([OTHER_KEY if candidates else NO_KEY])
    sample = list(proofs(connection))
    if not sample:
        return None
    right = {key: sum(1 for id, derive in sample if derive(Ids(key.encode())) == id) for key in candidates}
    best = max(candidates, key=lambda key: right[key], default="")
    if not best or right[best] * 2 < len(sample):
        raise Misconfigured([OTHER_KEY if candidates else NO_KEY])
    return IdKeyState(best, kept=False)


def proofs(connection: Connection) -> Iterator[tuple[str, Proof]]:
    """Give ids with what they derive from: of customers, else of what outlives their erasure."""
    from workers.domain.customer.profile import customer_id  # asked for once in the life of a database

    any_stored = False
    for id, crm_id in sample_customers(connection, SAMPLE):
        any_stored = True
        yield id, lambda ids, crm_id=crm_id: str(customer_id(crm_id, ids))  # type: ignore[misc]
    if any_stored:
        return
    for id, request, asked_at in sample_responses(connection, SAMPLE):
        yield id, lambda ids, at=asked_at, key=request: ids.derive(at, "response", key)  # type: ignore[misc]
    for id, *key in sample_letters(connection, SAMPLE):
        yield id, lambda ids, key=key: ids.derive(None, "dead_letter", *key)  # type: ignore[misc]


def settle_id_key(store: Store, candidates: Sequence[str], now: datetime) -> str:
    """Return the key that this machine derives ids with, after writing its fingerprint where there is none. Idempotent.

    `candidates` are the keys the machine has, the one that a new database is begun with first; at least one. Two
    machines that begin at once take turns, and the second sees what the first wrote. Raises Misconfigured, NotNow.
    """
    with store.reading() as connection:
        state = fitting_key(connection, candidates)
    if state is not None and state.kept:
        return state.key

    def work(connection: Connection) -> str:
        state = fitting_key(connection, candidates)
        if state is not None and state.kept:
            return state.key
        key = state.key if state is not None else candidates[0]
        add_control(connection, ID_KEY, fingerprint(key), now, BY)
        return key

    return store.write(work)


def settle_signing_key(store: Store, key: str, now: datetime, *, made_up: bool) -> None:
    """See that a made-up signing key is the only one on a database that several machines may share. Idempotent.

    A key that was given is noted: it may change, and whoever has none is told. Raises Misconfigured, NotNow.
    """
    with store.reading() as connection:
        kept = signing_fingerprint(connection, key, made_up=made_up)
    if kept == fingerprint(key):
        return

    def work(connection: Connection) -> None:
        kept = signing_fingerprint(connection, key, made_up=made_up)
        if kept is None:
            add_control(connection, SIGNING_KEY, fingerprint(key), now, BY)
        elif kept != fingerprint(key):
            replace_control(connection, SIGNING_KEY, fingerprint(key), now, BY)

    store.write(work)


def signing_fingerprint(connection: Connection, key: str, *, made_up: bool) -> str | None:
    """Return what the database keeps of the signing key; None where it keeps nothing.

    Raises Misconfigured when it is another key's and this machine's is made up, or would be: `key` is empty then.
    """
    if not has_controls(connection):
        return None
    kept = read_controls(connection).get(SIGNING_KEY)
    if made_up and kept is not None and (not key or kept != fingerprint(key)):
        raise Misconfigured([OTHER_SIGNING_KEY])
    return kept
