"""What the tests of one role on real parts share: an installation whose stream each starts when it is ready."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from mailcatcher import MailCatcher
from story import START
from worlds import Apart


@pytest.fixture
def stream_settings() -> dict[str, str]:
    """Give the settings of `world` without BOUCLE_; a module that needs others has a fixture of this name."""
    return {"session_seconds": "6", "audit_seconds": "1"}


@pytest.fixture
def world(
    kafka: str,
    postgres: str,
    topic_prefix: str,
    smtp_catcher: MailCatcher,
    tmp_path: Path,
    stream_settings: dict[str, str],
) -> Iterator[Apart]:
    """Give an installation of which only the stream will run, and not yet."""
    with Apart(tmp_path / "home", kafka, postgres, smtp_catcher.url, topic_prefix, roles=(), **stream_settings) as made:
        made.set_clock(START + timedelta(hours=1))
        yield made
