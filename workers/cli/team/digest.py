"""Verb for the weekly digest of the team: what somebody would read now, and the round by hand."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from workers.cli.shared import as_json, open_boucle, show
from workers.errors import BadInput

if TYPE_CHECKING:
    from workers.app import Boucle
    from workers.usecases.digest.weekly_round import DigestPreview


@click.command()
@click.option("--preview", is_flag=True, help="Show what agents and leads would read now; send and keep nothing.")
@click.option("--for", "name", default="", help="Only of this person, in a preview.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write the mail of --for as a page.")
@as_json
def digest(preview: bool, name: str, html: Path | None, form: str) -> None:
    """Send the weekly digests that are due, as a sender does on Mondays, or show what they would say."""
    boucle = open_boucle()
    if html and not (preview and name):
        raise click.UsageError("--html shows one mail: say --preview and --for NAME with it.")
    if not preview:
        n = boucle.digests().send_due()
        show({"sent": n}, f"{n} digests leave with the next mails.", form)
        return
    previews = boucle.digests().preview(name)
    if name and not previews:
        raise BadInput(f"No agent or lead is called {name}: `boucle users list` has the names.")
    written = [written_out(boucle, preview) for preview in previews]
    if html:
        html.write_text(str(written[0]["html"]), "utf-8")
    values = [{key: value for key, value in mail.items() if key != "html"} for mail in written]
    show(values, "\n".join(said(mail) for mail in values) or "Nobody is an agent or lead here yet.", form)


def written_out(boucle: "Boucle", preview: "DigestPreview") -> dict[str, object]:
    """Return one person's digest as mail, with whether it would leave."""
    from workers.domain.mail.compose import MailFacts
    from workers.domain.reporting.digest import TEMPLATE

    reader, policy, now = preview.reader, boucle.policy(), boucle.now()
    facts = preview.digest.facts(reader.zone or policy.calendar.zone)
    mail = MailFacts(dispatch_id="", template=TEMPLATE, recipient=reader.email, language=policy.language, facts=facts)
    subject, text, page = boucle.files.templates.write(mail, boucle.links, now)
    return {
        "name": reader.name,
        "role": str(reader.role),
        "email": reader.email,
        "wants": reader.wants,
        "happened": preview.digest.happened,
        "subject": subject,
        "text": text,
        "html": page,
    }


def said(mail: dict[str, object]) -> str:
    """Return one preview for a terminal: to whom it goes, or why nobody gets it, and the mail."""
    if not mail["email"]:
        where = "nowhere: no address (`boucle users digest NAME --email ADDRESS`)"
    elif not mail["wants"]:
        where = "nowhere: switched off"
    else:
        where = f"{mail['email']}" + ("" if mail["happened"] else ", but nothing happened: nothing would be sent")
    return f"== {mail['name']}, {mail['role']}: {where}\n{mail['subject']}\n\n{mail['text']}"


COMMANDS = (digest,)
