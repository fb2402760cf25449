"""The verb `bounces read`: mails that came back."""

import click

from workers.cli.shared import as_json, open_boucle, show, user_name
from workers.errors import BadInput

SAID = {
    "hard": "no such mailbox: suppressed",
    "soft": "not now: put off, and given up when it stays so",
    "ours": "refused because of us: all mail pauses when several unrelated domains do so",
    "policy": "refused by the recipient's side: put off, and given up when it stays so",
    "delayed": "the server still tries",
    "complaint": "called spam: suppressed and opted out",
    "auto_reply": "out of office: nothing to do",
    "none": "no bounce: somebody should read them",
    "untrusted": "not sent to a return path of ours: ignored",
    "known": "read before, or the mail was not accepted: nothing changed",
    "left": "not taken, other writers were in the way: read again",
    "unreadable": "too many parts, or broken: not looked into",
}


@click.group()
def bounces() -> None:
    """Mails that came back."""


@bounces.command(name="read")
@click.argument("path", required=False, default="")
@as_json
def read_(path: str, form: str) -> None:
    """Read the mails of PATH (a folder, a Maildir, an mbox file, one mail or imaps://...; without it BOUCLE_BOUNCES).

    Nothing there is changed; reading them again changes nothing here either.
    """
    from workers.app import returned_mail
    from workers.usecases.bounces.intake import count

    boucle = open_boucle()
    address = path or boucle.settings.bounces.get_secret_value()
    if not address:
        raise BadInput("Name a folder of mails, a Maildir, an mbox, one mail or imaps://..., or set BOUCLE_BOUNCES.")
    place = returned_mail(address)
    letters = (letter for item in place.items(fresh=False) for letter in item.letters)
    taken = boucle.outgoing.bounce_intake().take_all(letters, str(place), user_name())
    lines = [f"{number:>6}  {SAID[name]}" for name, number in count(taken).items() if number]
    show([bounce.as_dict() for bounce in taken], "\n".join(lines) or "There are no mails.", form)


COMMANDS = (bounces,)
