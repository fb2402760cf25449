"""What each table takes on PostgreSQL's disk, for `make bench-scale`: rows, what is kept beside them, each index."""

import dataclasses

from workers.store.engine import Store


@dataclasses.dataclass(frozen=True, slots=True)
class OnDisk:
    """What a table takes on PostgreSQL's disk, in bytes: its rows, what is kept beside them (TOAST), its indexes."""

    table: str
    rows: int
    heap: int
    toast: int
    indexes: dict[str, int]

    @property
    def all_bytes(self) -> int:
        """Everything of the table."""
        return self.heap + self.toast + sum(self.indexes.values())


ROWS_OF = """SELECT c.relname, c.reltuples::bigint, pg_relation_size(c.oid),
    COALESCE(pg_total_relation_size(NULLIF(c.reltoastrelid, 0)), 0) FROM pg_class c
    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace"""
INDEXES_OF = """SELECT t.relname, i.relname, pg_relation_size(i.oid)
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
    JOIN pg_class t ON t.oid = x.indrelid WHERE t.relnamespace = 'public'::regnamespace AND i.relkind = 'i'"""


def disk_by_table(store: Store) -> list[OnDisk]:
    """Return what each table takes, the largest first; partitions count for themselves; nothing on SQLite."""
    if store.sqlite:
        return []
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
        indexes: dict[str, dict[str, int]] = {}
        for table, index, size in connection.exec_driver_sql(INDEXES_OF):
            indexes.setdefault(str(table), {})[str(index)] = int(size)
        tables = [
            OnDisk(str(table), int(rows), int(heap), int(toast), indexes.get(str(table), {}))
            for table, rows, heap, toast in connection.exec_driver_sql(ROWS_OF)
        ]
    return sorted(tables, key=lambda table: -table.all_bytes)


def disk_text(tables: list[OnDisk], customers: int) -> str:
    """Return the table of sizes for a terminal, per customer of the copied year."""
    lines = ["", f"{'bytes a customer':28}{'rows':>10}{'heap':>8}{'toast':>8}{'indexes':>9}{'all':>8}"]
    for table in [table for table in tables if table.all_bytes >= 5 * customers]:
        parts = (table.heap, table.toast, sum(table.indexes.values()), table.all_bytes)
        sizes = [part // customers for part in parts]
        lines.append(
            f"{table.table:28}{table.rows / customers:>10.2f}{sizes[0]:>8}{sizes[1]:>8}{sizes[2]:>9}{sizes[3]:>8}"
        )
        lines += [
            f"  {name:56}{size // customers:>9}"
            for name, size in sorted(table.indexes.items(), key=lambda item: -item[1])
            if size >= customers
        ]
    return "\n".join(lines) if tables else ""
