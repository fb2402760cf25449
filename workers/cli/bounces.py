"""The verb `bounces read`: mails that came back."""

from pathlib import Path

import click

from workers.bouncing import Bouncing
from workers.cli.shared import as_json, parts, show, user_name
from workers.returned import mails_in

SAID = {
    "address": "no such address: suppressed",
    "later": "not now: put off",
    "ours": "refused because of us: sending is paused",
    "delayed": "the server still tries",
    "complaint": "called spam: suppressed and opted out",
    "auto_reply": "out of office: nothing to do",
    "other": "no bounce: somebody should read them",
    "untrusted": "not sent to a return path of ours: ignored",
    "known": "read before, or the mail was not accepted: nothing changed",
}


@click.group()
def bounces() -> None:
    """Mails that came back."""


@bounces.command(name="read")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@as_json
def read_(path: Path, form: str) -> None:
    """Read the mails of PATH (a Maildir, an mbox file or one mail); reading them again changes nothing."""
    found = parts()
    bouncing = Bouncing(found.store, found.policies.current, found.now, found.links.read_return_path)
    counted = bouncing.take_all(mails_in(path), str(path), user_name())
    lines = [f"{count:>6}  {SAID[name]}" for name, count in counted.items() if count]
    show(counted, "\n".join(lines) or "There are no mails.", form)


COMMANDS = (bounces,)
