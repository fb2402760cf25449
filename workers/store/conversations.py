"""Several statements of one transaction sent to PostgreSQL in one write, straight over libpq.

Apart from round_trips.py, because it loads libpq, which a run on SQLite need not. The driver's own pipeline writes each
statement by itself and looks between them whether an answer has come: twice the processor's time on both sides.
"""

from collections.abc import Generator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg import errors, pq
from psycopg.waiting import Ready, Wait

Rows = Sequence[Sequence[Any]]
Said = tuple[bytes, Sequence[bytes | None]]
"""A statement with numbered parameters, and these as texts."""


def converse(raw: "psycopg.Connection[Any]", asked: Sequence[Said], names: dict[bytes, bytes]) -> list[Rows]:
    """Begin a transaction where there is none, run statements and return the rows of each, as texts.

    Each statement is planned once for each connection; `names` are those that are, by their words. Raises psycopg's
    Error: what was asked behind a fault did not run.
    """
    begins = raw.pgconn.transaction_status == pq.TransactionStatus.IDLE
    said: list[Said] = [(b"BEGIN", ()), *asked] if begins else list(asked)
    with raw.lock:
        raw.pgconn.enter_pipeline_mode()
        try:
            new = say(raw.pgconn, said, names)
            results = raw.wait(answers(raw.pgconn))
        finally:
            if raw.pgconn.status == pq.ConnStatus.OK:
                raw.pgconn.exit_pipeline_mode()
    answered = iter(results)
    rows = []
    for text, _ in said:
        if text in new:
            see_done(next(answered), names)
            names[text] = new.pop(text)
        rows.append(rows_of(see_done(next(answered), names)))
    return rows[len(rows) - len(asked) :]


def see_done(result: pq.abc.PGresult, names: dict[bytes, bytes]) -> pq.abc.PGresult:
    """Return a result. Raises psycopg's Error where the statement failed.

    The driver throws all plans of a connection away when it rolls back: then it raises SerializationFailure, and they
    are made anew at the next try.
    """
    if result.status != pq.ExecStatus.FATAL_ERROR:
        return result
    error = errors.error_from_result(result)
    if isinstance(error, errors.InvalidSqlStatementName):
        names.clear()
        raise errors.SerializationFailure("the plans of this connection are gone") from error
    raise error


def say(pgconn: pq.abc.PGconn, said: Sequence[Said], names: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Send statements, and before each that is not planned yet that it be; return the names of these."""
    new: dict[bytes, bytes] = {}
    for text, parameters in said:
        name = names.get(text) or new.get(text)
        if name is None:
            name = new[text] = b"boucle_%d" % (len(names) + len(new))
            pgconn.send_prepare(name, text)
        pgconn.send_query_prepared(name, parameters)
    pgconn.pipeline_sync()
    return new


def answers(pgconn: pq.abc.PGconn) -> Generator[Wait, Ready | int, list[pq.abc.PGresult]]:
    """Give what to wait for until all is sent and answered, and return the answers.

    Raises OperationalError when the connection is lost meanwhile.
    """
    while pgconn.flush():
        if (yield Wait.RW) & Ready.R:
            pgconn.consume_input()
    results: list[pq.abc.PGresult] = []
    while True:
        while pgconn.is_busy():
            if (yield Wait.R):
                pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:
            if pgconn.status != pq.ConnStatus.OK:
                raise psycopg.OperationalError("the connection is lost")
        elif result.status == pq.ExecStatus.PIPELINE_SYNC:
            return results
        else:
            results.append(result)


def rows_of(result: pq.abc.PGresult) -> Rows:
    """Return the rows of a result as texts."""
    columns = range(result.nfields)
    every = ([result.get_value(row, column) for column in columns] for row in range(result.ntuples))
    return [[None if value is None else value.decode() for value in row] for row in every]


def as_text(value: object) -> bytes | None:
    """Return a parameter as PostgreSQL reads it. Raises DataError for what it cannot hold."""
    if value is None:
        return None
    if isinstance(value, str):
        if "\0" in value:
            raise psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
        return value.encode()
    if isinstance(value, datetime):
        return value.isoformat().encode()
    if isinstance(value, timedelta):
        return b"%r seconds" % value.total_seconds()
    assert isinstance(value, int), f"a parameter of {type(value)}"
    return b"%d" % value
