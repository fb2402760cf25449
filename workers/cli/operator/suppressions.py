"""Verbs for mailboxes that get no mail: which they are, and giving one back with a reason."""

from typing import TYPE_CHECKING

import click

from workers.cli.shared import as_json, open_boucle, say_fault, show, user_name

if TYPE_CHECKING:
    from workers.usecases.privacy.suppressions import Suppressed, Suppressions


@click.group()
def suppressions() -> None:
    """Mailboxes that get no mail: opted out, bounced, dead, complained of, erased."""


def suppressions_here() -> "Suppressions":
    from workers.usecases.privacy.suppressions import Suppressions

    boucle = open_boucle()
    return Suppressions(boucle.store, boucle.policy, boucle.now)


@suppressions.command(name="list")
@click.option("--kind", default="", help="Only one kind: opt_out, bounce, dead, complaint, erased.")
@as_json
def list_(kind: str, form: str) -> None:
    """List them, newest first: kind, since when, why, and whose they are."""
    suppressed_mailboxes = suppressions_here().every(kind)
    show(
        [as_value(suppressed) for suppressed in suppressed_mailboxes],
        "\n".join(map(line, suppressed_mailboxes)) or "No mailbox is suppressed.",
        form,
    )


def as_value(suppressed: "Suppressed") -> dict[str, object]:
    return {
        "mailbox": suppressed.mailbox,
        "kind": suppressed.kind,
        "at": suppressed.at.isoformat(),
        "detail": suppressed.detail,
        "customers": list(suppressed.customers),
    }


def line(suppressed: "Suppressed") -> str:
    whose = "customer " + ", ".join(suppressed.customers) if suppressed.customers else "nobody's address today"
    return f"{suppressed.at:%Y-%m-%d}  {suppressed.kind:<9}  {whose}  {suppressed.detail}".rstrip()


@suppressions.command()
@click.argument("address")
@click.option("--why", required=True, help="The reason; it is kept in the audit log.")
@as_json
def lift(address: str, why: str, form: str) -> int:
    """Give the mailbox ADDRESS back, whichever way it is spelt.

    A person's own opt-out stays, and an erased person's mailbox is never given back.
    """
    done = suppressions_here().lift(address, why, by=user_name())
    if done is None:
        say_fault("Nothing suppresses this mailbox.")
        return 1
    text = f"Lifted: {', '.join(done.kinds)}."
    if done.opted_out:
        text += f" Customer {', '.join(done.opted_out)} opted out and is not asked all the same."
    show({"lifted": list(done.kinds), "opted_out": list(done.opted_out)}, text, form)
    return 0


COMMANDS = (suppressions,)
