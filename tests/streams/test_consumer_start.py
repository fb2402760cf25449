"""A stream whose broker goes away while it begins."""

import subprocess
import sys
from pathlib import Path

from workers.devservices.places import free_port

BEGIN = """
import asyncio, os, sys
from workers import settings
from workers.errors import NotNow
from workers.streams import make_app, start_app

async def begin():
    app = make_app(settings.read({"BOUCLE_KAFKA_BOOTSTRAP": sys.argv[1], "BOUCLE_HOME": sys.argv[2]}))
    try:
        await start_app(app)
    except NotNow as error:
        print(error, flush=True)
    os._exit(0)

asyncio.run(begin())
"""


def test_a_broker_that_goes_away_during_the_start_is_said_in_a_sentence(tmp_path: Path) -> None:
    """Between the look at its topics and Faust's own connection a broker may go: no traceback, it is tried again."""
    command = [sys.executable, "-c", BEGIN, f"127.0.0.1:{free_port()}", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.stdout.startswith("Kafka went away while the stream began"), done.stderr[-1000:]
