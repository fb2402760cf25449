"""`boucle sms`: the carrier and its address, what a text takes, and replies: of a trial, or waiting to be read."""

import click

from workers.cli.shared import as_json, open_boucle, say_fault, show
from workers.errors import Misconfigured


@click.group(name="sms")
def sms() -> None:
    """SMS: the carrier, what the texts take, and replies that a person is to read."""


@sms.command(name="show")
@as_json
def show_carrier(form: str) -> int:
    """Show the carrier, the address that it is to call, and how many parts each text takes in each language."""
    from workers.usecases.sms.texts import sizes_of_texts

    boucle = open_boucle()
    carrier = boucle.outgoing.text_carrier()
    sizes = sizes_of_texts(boucle.files.templates.catalogs, boucle.files.templates.brand.name, boucle.links)
    value = {
        "carrier": carrier.name if carrier else None,
        "address": boucle.outgoing.text_door if carrier else None,
        "texts": [text.as_dict() for text in sizes],
    }
    lines = [f"carrier   {carrier.name if carrier else 'none: set BOUCLE_SMS_URL, see docs/sms.md'}"]
    if carrier:
        lines.append(f"address   {boucle.outgoing.text_door}")
    lines += [
        f"{text.language}  {text.question:<4} {text.message:<10} {text.parts} x {text.coding:<6} {text.text}"
        for text in sizes
    ]
    show(value, "\n".join(lines), form)
    return 0


@sms.command()
@click.argument("number")
@click.argument("text")
def reply(number: str, text: str) -> int:
    """Play a customer who answers from NUMBER, in a trial: where BOUCLE_SMS_URL is file:."""
    from uuid import uuid4

    from workers.domain.sms.carried import InboundText
    from workers.domain.sms.phone_numbers import international
    from workers.usecases.sms.inbound import Taken

    boucle = open_boucle()
    carrier = boucle.outgoing.text_carrier()
    if carrier is None or carrier.name != "file":
        raise Misconfigured(["Only a trial plays customers: set BOUCLE_SMS_URL=file: for one."])
    sender = international(number, boucle.policies.current().numbers_country)
    if sender is None:
        raise Misconfigured([f"{number[:30]} is no telephone number: write it as +33612345678."])
    taken = boucle.text_inbox.take_reply(InboundText(str(uuid4()), sender, text, boucle.now()))
    if taken not in (Taken.TAKEN, Taken.STOPPED):
        say_fault(f"{sender}: {taken}. `boucle explain customer ID` says what was asked of whom.")
        return 1
    click.echo(f"{sender}: {taken}.")
    return 0


@sms.command()
@as_json
def replies(form: str) -> int:
    """List the replies that a person is to read; the page /sms has a button for each."""
    boucle = open_boucle()
    waiting = boucle.text_inbox.to_read()
    value = [
        {"id": row.id, "at": row.at.isoformat(), "customer": customer.crm_id, "text": row.text}
        for row, customer in waiting
    ]
    lines = [f"{row.at:%Y-%m-%d %H:%M}Z  {customer.crm_id or ''}  {row.text}" for row, customer in waiting]
    show(value, "\n".join(lines) or "Nothing waits to be read.", form)
    return 0


COMMANDS = (sms,)
