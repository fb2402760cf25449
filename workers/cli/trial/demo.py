"""The verb `demo`: a year of a lamp shop in under a minute, then its pages."""

import asyncio
import logging
import sys
from contextlib import closing
from pathlib import Path

import click

from workers import app
from workers.cli.shared import read_settings
from workers.demo import Demo, DemoResult
from workers.demo.run import SENDING_ALWAYS
from workers.demo.start import demo_brand
from workers.demo.summary import figures, waterfall
from workers.demo.tour import Touring, login_links
from workers.settings import Settings
from workers.text.plain_text import json_text

PARTS_OF_A_HUNDRED = 1000
DEMO_HOME = Path("demo-home")
"""Where a demo lives unless BOUCLE_HOME says otherwise: beside the default home, never in it."""


@click.command()
@click.option("--seed", default=42, show_default=True, help="The same seed gives the same books.")
@click.option("--customers", default=500, show_default=True, type=click.IntRange(1), help="How many there are.")
@click.option("--no-serve", is_flag=True, help="End after the summary instead of serving the pages.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="json prints one line.")
def demo(seed: int, customers: int, no_serve: bool, form: str) -> int:
    """Generate a year of a lamp shop, drive it through the whole loop, and show it."""
    settings = of_its_own(read_settings())
    if not no_serve:
        from workers.roles import see_that_ports_are_free

        see_that_ports_are_free(settings)
    logging.getLogger().setLevel(logging.WARNING)
    with click.progressbar(
        length=PARTS_OF_A_HUNDRED,
        label="Playing fourteen months",
        file=sys.stderr,
        hidden=form == "json" and not sys.stderr.isatty(),
    ) as bar:
        done = 0

        def tell(share: float) -> None:
            nonlocal done
            step = int(share * PARTS_OF_A_HUNDRED) - done
            if step:
                bar.update(step)
                done += step

        year = Demo(settings, seed=seed, customers=customers, tell=tell)
        result = year.run()
    say(result, year.settings, form)
    if not no_serve:
        serve(year)
    return 0 if result.sums_hold else 1


def of_its_own(settings: Settings) -> Settings:
    """Return the settings with a home for the demo alone, unless one is named: real events never meet made-up ones."""
    return settings if "home" in settings.model_fields_set else settings.model_copy(update={"home": DEMO_HOME})


def say(result: DemoResult, settings: Settings, form: str) -> None:
    """Print the result: one line of JSON, or the waterfall."""
    if form == "json":
        click.echo(json_text(result.as_dict()))
        return
    with closing(app.Boucle(settings).store) as store, store.reading() as connection:
        lines = list(waterfall(figures(connection)))
    parts = ", ".join(result.parts.values())
    click.echo(
        f"\nA lamp shop's year: {result.customers} customers, seed {result.seed}, {parts}; {result.seconds:.0f} s.\n"
    )
    click.echo("\n".join(lines))
    holds = "Every sum holds." if result.sums_hold else "Some sums do not hold: see `boucle books`."
    click.echo(f"\n{holds} Books {result.digest[:16]}.")
    if settings.home == DEMO_HOME:
        own = f" BOUCLE_OVERRIDES={settings.overrides.resolve()}" if settings.overrides else ""
        click.echo(f"For verbs that look at it: export BOUCLE_HOME={settings.home.resolve()}{own}")


def serve(year: Demo) -> None:
    """Serve the demo's pages until interrupted."""
    from workers import roles

    parts = app.start(year.settings, sending=SENDING_ALWAYS, brand=demo_brand(year.settings))
    base = parts.settings.base_url
    lines = [
        "",
        "Look at it:",
        f"  {base}/          start here: the story, and try it yourself",
        f"  {base}/report    what the answers say",
    ]
    if parts.outgoing.mailbox is not None:
        lines.append(f"  {base}/mailbox   the mails that were written; answer one by clicking")
    lines += ["", "Be one of its people (each link signs in once):"]
    lines += [f"  {name:<8}{role:<11}{link}" for name, role, link in login_links(parts)]
    click.echo("\n".join([*lines, "", "Ctrl-C ends."]), err=True)
    wanted = [roles.sender(parts), roles.web(parts, Touring(parts)), roles.rules(parts), roles.observer(parts)]
    with closing(parts.store):
        asyncio.run(roles.run_roles(wanted, parts.settings.stall_seconds))


COMMANDS = (demo,)
