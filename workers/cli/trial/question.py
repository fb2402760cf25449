"""The verb `web try`: the question on a sample page, in an installation of its own that leaves nothing behind."""

import asyncio
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from workers.errors import Misconfigured

if TYPE_CHECKING:
    from http.server import ThreadingHTTPServer

    from workers.app import Boucle
    from workers.demo.sample_shop import SampleShop
    from workers.settings import Settings

SETTLING_SECONDS = 5
LOOK_SECONDS = 0.1
KEY_BYTES = 32
NEXT = """
The question stands on a sample page:  {page}

  1. Open it: a made-up customer is signed in. Press "Give feedback".
  2. Answer, and follow "What became of it".
  3. "Be customer 2" begins again: nobody is asked twice.

Its moments stand in {rules}
(edit, save, load the page again). It is an installation of its own: your customers are not in it, and it is gone after
Ctrl-C.

On your own pages, in four more steps (docs/web-question.md):

  1. in rules/sites.yaml of your folder BOUCLE_OVERRIDES:
       shop:
         name: your shop
         origins: [https://www.shop.example]
         triggers: {{purchase: yes, time: 30}}
         newcomers: yes          # also asks customers whom your CRM has sent no event about yet
  2. for Boucle, which reads it when it starts, and the part behind the colon for your shop's server, which signs who is
     there:
       BOUCLE_SITE_KEYS=shop:{key}
  3. on each page, with the token that your server signs (Python, PHP, Node in docs/web-question.md; `boucle web token`
     prints one to begin with):
       <script async src="{boucle}/w/v1.js" data-site="shop" data-visitor="TOKEN"></script>
  4. in a script of the page after an order:
       (window.Boucle = window.Boucle || []).push(["event", "purchase"]);

Ctrl-C ends."""


@click.command(name="try")
@click.option("--port", default=0, type=click.IntRange(0, 65_535), help="Port of the sample page; else a free one.")
def try_question(port: int) -> None:
    """See the question on a sample page of this machine; nothing is kept, and no customer of yours is asked."""
    from workers import roles
    from workers.cli.shared import read_settings
    from workers.demo.sample_shop import bind_shop, serve_shop
    from workers.process.rounds import wait_or_stop

    settings = read_settings()
    click.echo("Starting a Boucle of its own for the sample page...", err=True)
    try:
        server = bind_shop(port)
    except OSError as error:
        raise Misconfigured([f"--port {port}: {error.strerror}. Leave it out, and a free one is taken."]) from error
    with closing_early(server), installation(settings, server.server_port) as (parts, shop), serve_shop(shop, server):

        async def tell(stop: asyncio.Event) -> None:
            """Say what to do once the script can be loaded, not before."""
            while not stop.is_set() and not await asyncio.to_thread(answers, parts.settings.http_bind):
                await wait_or_stop(stop, LOOK_SECONDS)
            click.echo(instructions(settings, parts, server.server_port), err=True)
            await stop.wait()

        wanted = [roles.sender(parts), roles.web(parts), roles.rules(parts), roles.observer(parts), tell]
        asyncio.run(roles.run_roles(wanted, parts.settings.stall_seconds))


def answers(bind: str) -> bool:
    """Tell whether somebody listens at HOST:PORT."""
    host, _, port = bind.rpartition(":")
    try:
        socket.create_connection((host, int(port)), LOOK_SECONDS).close()
    except OSError:
        return False
    return True


@contextmanager
def closing_early(server: "ThreadingHTTPServer") -> Iterator[None]:
    """Close a bound server also where nothing is served in the end."""
    try:
        yield
    finally:
        server.server_close()


@contextmanager
def installation(settings: "Settings", port: int) -> Iterator[tuple["Boucle", "SampleShop"]]:
    """Give an installation in a folder that is removed at the end, with the operator's own texts and one site."""
    from workers import app
    from workers.adapters.home import Home
    from workers.demo.sample_shop import RULES, SITE, SampleShop
    from workers.domain.web_sites import FILE
    from workers.usecases.operation.migrate import migrate

    with TemporaryDirectory(prefix="boucle-web-try-") as folder:
        own, key = Path(folder) / "overrides", secrets.token_hex(KEY_BYTES)
        if settings.overrides is not None and settings.overrides.is_dir():
            shutil.copytree(settings.overrides, own)
        (own / FILE).parent.mkdir(parents=True, exist_ok=True)
        origins = ", ".join(f"http://{host}:{port}" for host in ("127.0.0.1", "localhost"))
        (own / FILE).write_text(RULES.format(origins=origins), "utf-8")
        alone = set_apart(settings, Path(folder) / "home", own, f"{SITE}:{key}")
        Home(alone.home).make()
        with closing(app.Boucle(alone).store) as store:
            migrate(store)
        parts = app.start(alone)
        with closing(parts.store):
            yield parts, SampleShop(parts, key.encode())


def set_apart(settings: "Settings", home: Path, overrides: Path, site_keys: str) -> "Settings":
    """Return settings that reach nothing of the operator's but the texts: no mail server, broker or database."""
    from workers import settings as settings_module

    given = {
        "HOME": str(home),
        "OVERRIDES": str(overrides),
        "SITE_KEYS": site_keys,
        "HTTP_BIND": f"127.0.0.1:{free_port()}",
        "SETTLING_SECONDS": str(SETTLING_SECONDS),
        "RATE_LIMIT": "0",
        "CLOCK": "system",
        "LOG": settings.log,
    }
    return settings_module.read({f"BOUCLE_{name}": value for name, value in given.items()})


def free_port() -> int:
    """Return a port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def instructions(settings: "Settings", parts: "Boucle", port: int) -> str:
    """Return what to do next, and what to paste, with a fresh key and the operator's own address where there is one."""
    from workers.domain.web_sites import FILE

    overrides = parts.settings.overrides
    return NEXT.format(
        page=f"http://127.0.0.1:{port}/",
        rules=overrides / FILE if overrides else FILE,
        key=secrets.token_hex(KEY_BYTES),
        boucle=settings.public_url.rstrip("/") or "https://nps.shop.example",
    )
