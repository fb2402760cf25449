"""`boucle services up` prints an address only when somebody answers there."""

import socket

import pytest
from click.testing import CliRunner

from workers.cli.trial import services
from workers.devservices import greetings
from workers.errors import NotNow


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@pytest.mark.parametrize(
    ("name", "address", "setting"),
    [
        ("kafka", "127.0.0.1:{port}", "BOUCLE_KAFKA_BOOTSTRAP"),
        ("postgres", "postgresql://boucle:hunter2@127.0.0.1:{port}/boucle", "BOUCLE_DATABASE_URL"),
        ("smtp", "smtp://127.0.0.1:{port}", "BOUCLE_SMTP_URL"),
    ],
)
def test_who_does_not_answer_is_named(
    name: str, address: str, setting: str, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    """An address from the environment at which nobody is: no line for the shell, but what to do, without a password."""
    monkeypatch.setenv("BOUCLE_HOME", str(tmp_path))
    monkeypatch.setenv(setting, address.format(port=free_port()))
    monkeypatch.setattr(greetings, "SECONDS", 0.0)
    ended = CliRunner().invoke(services.services, ["up", name])
    assert isinstance(ended.exception, NotNow)
    assert setting in str(ended.exception)
    assert "hunter2" not in str(ended.exception)
    assert setting not in ended.stdout


def test_who_answers_is_not_waited_for() -> None:
    """One server of a cluster that takes connections is enough."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        greetings.see_that_they_answer({"kafka": f"127.0.0.1:{free_port()},127.0.0.1:{port}"}, 0.0)
