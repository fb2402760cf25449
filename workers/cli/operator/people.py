"""Verbs for people: who may sign in to the pages, as what."""

import getpass
import sys

import click

from workers.cli.shared import as_json, open_boucle, show, user_name
from workers.errors import BadInput
from workers.usecases.sign_in.accounts import Accounts, Role

ROLES = click.Choice([str(role) for role in Role])


@click.group()
def users() -> None:
    """People who may sign in: agents, leads, marketing, operators."""


def people() -> tuple[Accounts, str]:
    """Open the installation for its accounts; beside them what its links begin with."""
    boucle = open_boucle()
    return Accounts(boucle.store, boucle.now), boucle.links.base


def read_password(from_stdin: bool) -> str:
    """Return a password from standard input, or typed twice at a terminal; raises BadInput for an empty one."""
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        if not sys.stdin.isatty():
            raise BadInput("There is no terminal to type a password at: use --password-stdin or --no-password.")
        password = getpass.getpass("Password: ")
        if getpass.getpass("Once more: ") != password:
            raise BadInput("The two passwords differ; nothing was changed.")
    if not password:
        raise BadInput("The password is empty; nothing was changed.")
    return password


PASSWORD_STDIN = click.option("--password-stdin", is_flag=True, help="Read the password's line from standard input.")


@users.command(name="add")
@click.argument("name")
@click.option("--role", type=ROLES, required=True, help="What the person may see and do.")
@PASSWORD_STDIN
@click.option("--no-password", is_flag=True, help="Sign in by `users link` or the identity provider only.")
def add(name: str, role: str, password_stdin: bool, no_password: bool) -> None:
    """Add a person who may sign in."""
    password = "" if no_password else read_password(password_stdin)
    accounts, base = people()
    user = accounts.add(name, Role(role), password, by=user_name())
    click.echo(f"{user.name} may sign in as {user.role} at {base}/login")


@users.command(name="password")
@click.argument("name")
@PASSWORD_STDIN
def password_(name: str, password_stdin: bool) -> None:
    """Set a new password and end the person's sessions."""
    password = read_password(password_stdin)
    people()[0].set_password(name, password, by=user_name())
    click.echo("The new password counts from now on.")


@users.command(name="role")
@click.argument("name")
@click.argument("role", type=ROLES)
def role_(name: str, role: str) -> None:
    """Give a person another role and end their sessions."""
    people()[0].set_role(name, Role(role), by=user_name())
    click.echo(f"{name} is {role} from now on.")


@users.command(name="remove")
@click.argument("name")
def remove(name: str) -> None:
    """Take a person's access away at once."""
    people()[0].remove(name, by=user_name())
    click.echo(f"{name} can no longer sign in. Open tickets stay theirs: hand them over in the inbox.")


@users.command(name="link")
@click.argument("name")
def link(name: str) -> None:
    """Print a link that signs a person in once, within a day."""
    accounts, base = people()
    click.echo(f"{base}/login/{accounts.login_token(name, by=user_name())}")


@users.command(name="end-sessions")
@click.argument("name")
def end_sessions(name: str) -> None:
    """Sign a person out everywhere; the password still counts."""
    people()[0].end_sessions(name, by=user_name())
    click.echo(f"{name} is signed out everywhere.")


@users.command(name="reset-second-factor")
@click.argument("name")
def reset_second_factor(name: str) -> None:
    """Take a person's second factor away, when phone and recovery codes are lost; make sure who asks."""
    people()[0].reset_second_factor(name, by=user_name())
    click.echo(f"{name} signs in without a second factor, and may set one up again on the page /account.")


@users.command(name="digest")
@click.argument("name")
@click.option("--email", help="Where it goes; empty: nowhere.")
@click.option("--zone", help="IANA zone in which it is due on Mondays at 8:00; empty: the team's.")
@click.option("--on/--off", "wants", default=True, help="Whether it is wanted.")
def digest_(name: str, email: str | None, zone: str | None, wants: bool) -> None:
    """Say where a person's weekly digest goes, and when; what is left out stays."""
    staff = people()[0]
    user = staff.find(name)
    before = staff.reader(user.name) if user else None
    if before is None:
        raise BadInput(f"No agent or lead is called {name}: `boucle users list` has the names.")
    address = before.email if email is None else email
    staff.set_digest(before.name, address, before.zone if zone is None else zone, wants=wants, by=user_name())
    gets = f"gets the digest at {address} from next Monday on" if address and wants else "gets no digest"
    click.echo(f"{before.name} {gets}.")


@users.command(name="list")
@as_json
def list_(form: str) -> None:
    """List the people who may sign in."""
    staff = people()[0]
    users_listed, factors = staff.everybody(), staff.with_second_factor()
    values = [
        {
            "name": user.name,
            "role": str(user.role),
            "away_until": user.away_until.isoformat() if user.away_until else None,
            "password": user.has_password,
            "second_factor": user.name in factors,
        }
        for user in users_listed
    ]
    lines = [
        f"{user.name:24} {user.role:10}"
        + ("" if user.has_password else "  no password")
        + ("  second factor" if user.name in factors else "")
        for user in users_listed
    ]
    show(values, "\n".join(lines) or "Nobody yet. `boucle users add NAME --role lead` adds the first one.", form)


COMMANDS = (users,)
