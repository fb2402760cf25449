"""Verbs around sending: the role itself, its preview, pause and resume, and a test mail."""

import asyncio
from typing import TYPE_CHECKING

import click

from workers.cli.shared import as_json, open_boucle, say_fault, show, user_name
from workers.errors import BadInput

if TYPE_CHECKING:
    from workers import app
    from workers.store.connection import Connection

NEXT = 20


@click.command()
@click.option("--preview", is_flag=True, help=f"List the next {NEXT} mails with the reason of each; send nothing.")
@as_json
def send(preview: bool, form: str) -> None:
    """Wake what is due, hand over mails and webhooks, relay the outbox."""
    boucle = open_boucle(role=not preview)
    if not preview:
        from workers import roles

        asyncio.run(
            roles.run_roles(
                [*roles.sending_roles(boucle), roles.rules(boucle), roles.observer(boucle)],
                boucle.settings.stall_seconds,
            )
        )
        return
    from workers.usecases.delivery import send_controls
    from workers.usecases.delivery.preview import next_mails

    with boucle.store.reading() as connection:
        mails = next_mails(connection)
        state = send_controls.sending_now(connection, boucle.sending)
    lines = [f"Sending is {state.state}. {state.reason}".strip()]
    lines += [f"{mail.at:%Y-%m-%d %H:%M}  {mail.customer:20} {mail.template:20} {mail.reason}" for mail in mails]
    show([mail.as_dict() for mail in mails], "\n".join(lines), form)


def known_touchpoint(boucle: "app.Boucle", touchpoint: str) -> None:
    """Raise BadInput, with the names there are, for a touchpoint that nothing plans or planned."""
    from workers.store.survey.touchpoints import planned_steps

    with boucle.store.reading() as connection:
        names = {*boucle.policy().plan.touchpoints(), *planned_steps(connection)}
    if touchpoint not in names:
        raise BadInput(f"No touchpoint {touchpoint}; there are {', '.join(sorted(names))}.")


@click.command()
@click.option("--touchpoint", default="", help="Pause this touchpoint only.")
def pause(touchpoint: str) -> None:
    """Pause sending; what is due waits, nothing is lost."""
    from workers.store.sign_in.audit_log import record_act
    from workers.usecases.delivery import send_controls

    boucle = open_boucle()
    by = user_name()
    now = boucle.now()
    if touchpoint:
        known_touchpoint(boucle, touchpoint)

    def work(connection: "Connection") -> None:
        send_controls.pause(connection, now, by, touchpoint=touchpoint)
        record_act(connection, now, by, "sending.pause", touchpoint)

    boucle.store.write(work)
    click.echo(f"Paused: {touchpoint or 'all sending'}.")


@click.command()
@click.option("--touchpoint", default="", help="Resume this touchpoint only.")
@click.option("--webhooks", is_flag=True, help="Try the receiver of webhooks again now; mails stay as they are.")
def resume(touchpoint: str, webhooks: bool) -> None:
    """Let sending go on; the first time, this switches it on."""
    from workers.store.delivery.webhook_targets import forget_targets
    from workers.store.sign_in.audit_log import record_act
    from workers.usecases.delivery import send_controls

    boucle = open_boucle()
    by = user_name()
    now = boucle.now()

    def forget(connection: "Connection") -> int:
        record_act(connection, now, by, "webhooks.resume", "")
        return forget_targets(connection, now)

    if webhooks:
        waiting = boucle.store.write(forget)
        click.echo(f"Resumed: webhooks. {waiting} wait, and are tried now.")
        return

    def work(connection: "Connection") -> None:
        send_controls.resume(connection, boucle.sending, now, by, touchpoint=touchpoint)
        record_act(connection, now, by, "sending.resume", touchpoint)

    boucle.store.write(work)
    click.echo(f"Resumed: {touchpoint or 'all sending'}.")


@click.group()
def mail() -> None:
    """Mails by hand."""


@mail.command(name="test")
@click.argument("template")
@click.option("--to", "address", required=True, help="Where the mail goes.")
@click.option("--customer", "crm_id", required=True, help="Whose name and language it uses (the CRM's id).")
def mail_test(template: str, address: str, crm_id: str) -> int:
    """Send one TEMPLATE to an address of your own, with a customer's facts; changes nothing for the customer."""
    from workers.domain.delivery_result import SendKind, SendResult
    from workers.domain.mail.compose import MailFacts, compose
    from workers.domain.records import Customer
    from workers.store import read

    boucle = open_boucle()
    with boucle.store.reading() as connection:
        rows = read.rows_with(connection, Customer, crm_id=crm_id)
    if not rows:
        say_fault(f"No customer {crm_id} is known here.")
        return 1
    customer, now = rows[0], boucle.now()
    ids = [boucle.ids.derive(now, "mail test", template, address, name) for name in ("mail", "request", "response")]
    facts = MailFacts(
        dispatch_id=ids[0],
        template=template,
        recipient=address,
        language=customer.language,
        name=customer.name or "",
        request_id=ids[1],
        response_id=ids[2],
        ticket_number=1 if template == "ticket" else None,
        facts={"label": "TEST", "date": now.date().isoformat(), "score": 9, "promise_date": now.date().isoformat()},
    )
    composed = compose(facts, boucle.files.templates, boucle.links, now)

    async def hand_over() -> SendResult:
        sender = boucle.outgoing.mail_sender()
        try:
            return await sender.send(composed.return_path, composed.recipient, composed.raw)
        finally:
            await sender.close()

    result = asyncio.run(hand_over())
    click.echo(f"{composed.subject!r} to {address}: {result.kind}. {result.text}")
    return 0 if result.kind == SendKind.ACCEPTED else 1


COMMANDS = (send, pause, resume, mail)
