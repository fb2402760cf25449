"""Logs: a line never tells who somebody is, and nobody who is written about can write lines."""

import ast
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from canaries import private_lines
from embedded import Embedded, about, journey
from hypothesis import given
from texts import any_text

import workers
from workers.adapters.logs import PLAIN_FIELDS, JsonLines, Words, error_with_causes
from workers.errors import NotNow
from workers.store import tables
from workers.store.engine import Store

ID, MAIL = "CANARY-7781", "canary-7781@example.org"


def record(message: str, *, error: BaseException | None = None, **extra: object) -> logging.LogRecord:
    """Return a log record."""
    why = (type(error), error, None) if error else None
    made = logging.LogRecord("x", logging.ERROR, "x.py", 1, message, None, why)
    vars(made).update(extra)
    return made


def lines(message: str, *, error: BaseException | None = None, **extra: object) -> list[str]:
    """Return a record as both formatters write it."""
    return [form.format(record(message, error=error, **extra)) for form in (JsonLines(), Words())]


def test_no_field_of_a_line_is_called_as_one_that_every_line_has() -> None:
    """Such a line raises where lines are written, and what it tells of is taken for a failure."""
    taken = [
        f"{path}:{node.lineno}"
        for path in Path(workers.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.keyword) and node.arg == "extra" and PLAIN_FIELDS & set(names_in(node.value))
    ]
    assert taken == []


def names_in(extra: ast.expr) -> Iterator[str]:
    """Give the names of the fields that are written out where a line is logged."""
    for node in ast.walk(extra):
        if isinstance(node, ast.Dict):
            yield from (key.value for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, str))


def test_an_address_is_masked_wherever_it_stands() -> None:
    """In a server's reply, in a field, in an error: the line says j…@e…org."""
    reply = "550 5.1.1 <jean.dupont@example.org>: Recipient address rejected"
    for line in lines(reply, error=NotNow(f"later: {reply}"), recipient="jean.dupont@example.org"):
        assert not private_lines(line)
        assert "j…@e…org" in line
        assert "Recipient address rejected" in line


@pytest.mark.parametrize(
    "error",
    [
        KeyError(ID),
        ValueError(f"invalid literal for int() with base 10: '{ID}'"),
        RuntimeError(f'row ("{ID}", 3) is odd'),
        ExceptionGroup("two", [KeyError(ID), ValueError(f"'{MAIL}'")]),
    ],
)
def test_an_errors_values_are_left_out(error: Exception) -> None:
    """Where it happened and of what kind is said; whose id it was about is not."""
    for line in lines("failed", error=error):
        assert type(error).__name__ in line
        assert not private_lines(line)


def test_the_causes_of_an_error_are_told_with_their_places() -> None:
    """An operator sees the chain and the lines of code."""
    try:
        try:
            raise KeyError(ID)
        except KeyError as error:
            raise NotNow("The database does not answer.") from error
    except NotNow as error:
        text = error_with_causes(error)
    assert text.index("KeyError") < text.index("NotNow: The database does not answer.")
    assert text.count("test_logs.py") == 2


@given(any_text())
def test_any_text_is_one_line(text: str) -> None:
    """Nobody forges the next line, clears a terminal or makes the log unreadable."""
    for line in lines(f"said: {text}", more=text):
        assert len(line.encode().splitlines()) == 1
        assert "\x1b" not in line
    json.loads(lines(text)[0])


def test_a_failing_database_tells_no_parameters(postgres: str) -> None:
    """What a server says of a broken key or value names a person: the log has its first line without values."""
    store = Store(postgres)
    tables.metadata.create_all(store.engine)
    with store.engine.begin() as connection:
        connection.execute(sa.text("CREATE UNIQUE INDEX one_mail ON customer (email)"))
    row = {"crm_id": ID, "email": MAIL, "created_at": sa.func.now(), "changed_at": {}, "firsts": {}}
    keys = [f"0195f2a0-0000-8000-8000-00000000000{n}" for n in (1, 2)]
    twice = sa.insert(tables.customer).values([{"id": key, **row} for key in keys])
    with pytest.raises(sa.exc.IntegrityError) as raised, store.engine.begin() as connection:
        connection.execute(twice)
    assert ID not in str(raised.value).split("[SQL")[1]
    assert not [line for line in lines("failed", error=raised.value) if private_lines(line)]
    store.close()


def test_no_line_of_a_run_with_faults_tells_of_somebody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events that break here, letters, mails, erasure: every line at every level, as a role writes it."""
    from workers.adapters.logs import set_up_logs

    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    set_up_logs("json")
    for own in before:
        root.addHandler(own)
    try:
        boucle = Embedded(tmp_path)
        boucle.take(about("changed", ID, customer={"id": ID, "email": MAIL, "name": "Canary-7781"}))
        boucle.take(journey("delivery", ID, reference="canary-7781"))
        boucle.settle()
        with boucle.store.engine.begin() as connection:
            connection.execute(
                sa.text(
                    "CREATE TRIGGER broken BEFORE INSERT ON journey WHEN NEW.reference LIKE 'broken%' "
                    "BEGIN SELECT RAISE(ABORT, 'no ''canary-7781'' here'); END"
                )
            )
        boucle.take(journey("delivery", ID, reference="broken canary-7781"))
        boucle.take({**journey("delivery", ID), "type": "boucle.unheard.v1"})
        boucle.take(about("erased", ID, boucle.clock.at))
        boucle.settle()
        boucle.close()
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    said = capsys.readouterr().err
    assert "event failed" in said
    assert private_lines(said) == []


QUIET = """
import logging
from workers.adapters.logs import set_up_logs
set_up_logs("json")
logging.getLogger("kafka.net.transport").error("Connection lost")
logging.getLogger("aiokafka.conn").error("Unable to connect")
logging.getLogger("aiokafka.consumer").error("Commit failed")
"""


def test_a_library_is_silent_about_a_broker_that_is_away() -> None:
    """What a client of Kafka says of every try is said once, by us, when the broker goes and when it is back."""
    told_lines = subprocess.run([sys.executable, "-c", QUIET], capture_output=True, text=True, check=True).stderr
    assert [json.loads(line)["message"] for line in told_lines.splitlines()] == ["Commit failed"]
