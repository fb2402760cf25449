"""Verbs for whoever sets Boucle up: keys."""

import base64
import hashlib
import secrets

import click
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.cli.shared import as_json, parts, show, user_name
from workers.store import tables
from workers.store.auditlog import record_act

KEY_BYTES = 32


@click.group()
def keys() -> None:
    """Keys for POST /v1/events and for signing."""


@keys.command(name="create")
@click.option("--name", default="crm", help="What the key is for.")
@as_json
def create(name: str, form: str) -> None:
    """Make an API key (shown once, kept as a hash), and values for BOUCLE_SECRET and BOUCLE_WEBHOOK_SECRET."""
    found = parts()
    key = secrets.token_urlsafe(KEY_BYTES)
    row = {
        "hash": hashlib.sha256(key.encode()).hexdigest(),
        "name": name,
        "scope": "events",
        "created_at": found.now(),
    }
    by = user_name()

    def work(connection: Connection) -> None:
        connection.execute(sa.insert(tables.api_key).values(**row))
        record_act(connection, found.now(), by, "key.create", name)

    found.store.write(work)
    value = {"api_key": key, "secret": secrets.token_urlsafe(KEY_BYTES), "webhook_secret": webhook_secret()}
    lines = [
        f"Authorization: Bearer {key}   (this key works now; it is shown only here)",
        f"BOUCLE_SECRET={value['secret']}   (a fresh one, if you need it)",
        f"BOUCLE_WEBHOOK_SECRET={value['webhook_secret']}   (a fresh one, if you need it)",
    ]
    show(value, "\n".join(lines), form)


def webhook_secret() -> str:
    """Return a secret in the form of Standard Webhooks."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


COMMANDS = (keys,)
