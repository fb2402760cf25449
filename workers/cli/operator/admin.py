"""Verbs for whoever sets Boucle up: keys."""

import base64
import secrets
from datetime import datetime

import click

from workers.calendar import parse_wait
from workers.cli.shared import as_json, open_boucle, show, user_name
from workers.cloudevents.scopes import Scope, as_text, read_scopes
from workers.errors import BadInput
from workers.store.sign_in.api_keys import KeyRow
from workers.usecases.sign_in.api_keys import KEY_BYTES, ApiKeys, Outcome, read_given, state_of

ACTIVE, IN_SETTINGS = "active", "in the settings"
SCOPE = click.Choice([str(scope) for scope in Scope])


@click.group()
def keys() -> None:
    """Keys for POST /v1/events and for signing."""


def api_keys() -> ApiKeys:
    """Open the installation for its keys: those of the database beside those of BOUCLE_API_KEYS."""
    boucle = open_boucle()
    return ApiKeys(boucle.store, read_given(boucle.settings.api_keys.get_secret_value()))


@keys.command(name="create")
@click.argument("name", required=False)
@click.option("--name", "named", default="", help="What the key is for, as NAME.")
@click.option("--scope", "scopes", type=SCOPE, multiple=True, help="What it may send, more than once; unset: all.")
@click.option("--expires", default="", help="How long it works, as P90D or P1Y; unset: until it is revoked.")
@click.option("--owner", default="", help="Who answers for it; unset: you.")
@as_json
def create(name: str | None, named: str, scopes: tuple[str, ...], expires: str, owner: str, form: str) -> None:
    """Make an API key (shown once, kept as a hash), and values for BOUCLE_SECRET and BOUCLE_WEBHOOK_SECRET."""
    lasts = parse_wait(expires) if expires else None
    if lasts is not None and not (lasts.months or lasts.days or lasts.seconds):
        raise BadInput("A key that ends at once is no key: --expires P90D, or leave it out.")
    by = user_name()
    key, row = api_keys().create(
        (named or "crm") if name is None else name,
        read_scopes(scopes or ["all"]),
        owner=owner or by,
        lasts=lasts,
        by=by,
    )
    value = {
        "api_key": key,
        "secret": secrets.token_urlsafe(KEY_BYTES),
        "webhook_secret": webhook_secret(),
        "id": row.id,
        "name": row.name,
        "scopes": row.scopes.split(),
        "expires_at": instant(row.expires_at),
    }
    ends = f", until {row.expires_at:%Y-%m-%d %H:%M} UTC" if row.expires_at else ""
    narrower = "" if scopes else " Narrow the next one with --scope journey, scores, customers or tickets."
    lines = [
        f"Authorization: Bearer {key}   (this key works now; it is shown only here)",
        f"It is called {row.name} ({row.id}) and may send {row.scopes.replace(' ', ', ')}{ends}.{narrower}",
        f"BOUCLE_SECRET={value['secret']}   (a fresh one, if you need it)",
        f"BOUCLE_WEBHOOK_SECRET={value['webhook_secret']}   (a fresh one, if you need it)",
    ]
    show(value, "\n".join(lines), form)


@keys.command(name="list")
@as_json
def list_(form: str) -> None:
    """List the keys: what each may send, whose it is, when it ends and was last used; never the keys themselves."""
    boucle = open_boucle()
    given = read_given(boucle.settings.api_keys.get_secret_value())
    rows, now = ApiKeys(boucle.store, given).list_all()
    listed = [as_dict(row, now) for row in rows]
    for key in given:
        row = KeyRow(key.hash, key.name, as_text(key.scopes), "", now, None, None, None)
        listed.append({**as_dict(row, now), "created_at": None, "state": IN_SETTINGS})
    show(listed, "\n".join(line_of(key) for key in listed) or "No keys: programs on this machine may send.", form)


def as_dict(row: KeyRow, now: datetime) -> dict[str, object]:
    """Return a key as JSON lists it: its hash and the key itself are never shown."""
    state = state_of(row, now)
    return {
        "id": row.id,
        "name": row.name,
        "state": ACTIVE if state == Outcome.ALLOWED else str(state),
        "scopes": row.scopes.split(),
        "owner": row.owner,
        "created_at": instant(row.created_at),
        "expires_at": instant(row.expires_at),
        "last_used_at": instant(row.last_used_at),
        "revoked_at": instant(row.revoked_at),
    }


def line_of(key: dict[str, object]) -> str:
    scopes = key["scopes"]
    may = ", ".join(scopes) if isinstance(scopes, list) else ""
    ends, used = key["expires_at"] or "never", key["last_used_at"] or "never"
    owner = f", of {key['owner']}" if key["owner"] else ""
    noted = "" if key["state"] == IN_SETTINGS else f", ends {ends}, last used {used}"
    return f"{key['id']}  {key['state']:<8}  {key['name']}: {may or 'nothing'}{owner}{noted}"


@keys.command(name="revoke")
@click.argument("name")
@as_json
def revoke(name: str, form: str) -> None:
    """Revoke every key called NAME, or the one with that id: it is refused from the next request on."""
    revoked = api_keys().revoke(name, by=user_name())
    text = "\n".join(f"Revoked: {row.name} ({row.id})." for row in revoked) or f"{name} was revoked before."
    show([{"id": row.id, "name": row.name} for row in revoked], text, form)


def instant(at: datetime | None) -> str | None:
    """Write an instant in ISO 8601 to the second; None stays None."""
    return at.isoformat(timespec="seconds") if at else None


def webhook_secret() -> str:
    """Make up a secret as Standard Webhooks writes it: whsec_ and base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


COMMANDS = (keys,)
