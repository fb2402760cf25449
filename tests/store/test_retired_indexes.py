"""Indexes that only the release before uses: kept for its roles by the first `boucle migrate`, gone after the next."""

from contextlib import closing

from make_dump import load_postgresql

from workers.store import tables
from workers.store.engine import Store
from workers.store.operation.keys import ADDED, RETIRED, indexes_in
from workers.usecases.operation import migrate


def present(store: Store) -> set[str]:
    """Return which of the retired and the added indexes a database has."""
    with store.reading() as connection:
        return (set(RETIRED) | ADDED) & set(indexes_in(connection))


def test_roles_of_before_keep_their_indexes_until_migrate_runs_once_more(postgres: str) -> None:
    """What 0.1.0 reads by is there while its roles may run; the next run drops it, and a third does nothing."""
    load_postgresql(postgres)
    with closing(Store(postgres)) as store:
        assert present(store) == set(RETIRED)
        migrate.migrate(store)
        assert present(store) == {name for name, schema in RETIRED.items() if schema > 1} | ADDED
        for _ in range(2):
            migrate.migrate(store)
            assert present(store) == ADDED


def test_an_empty_database_never_has_them(postgres: str) -> None:
    """Nobody of before runs on a new database, and no table of this release has such an index."""
    with closing(Store(postgres)) as store:
        migrate.migrate(store)
        assert present(store) == ADDED
    named = {str(index.name) for table in tables.metadata.tables.values() for index in table.indexes}
    assert not named & set(RETIRED)
    assert named >= ADDED
