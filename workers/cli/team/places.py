"""The verb `places`: where anybody may answer, with the links, the codes to print and what was answered there."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workers.cli.shared import as_json, open_boucle, say_fault, show

if TYPE_CHECKING:
    from workers.usecases.places.place_answers import PlaceLine

QUIET_ZONE, SCALE = 4, 8
NONE = "No place is listed: write one into rules/places.yaml of your folder BOUCLE_OVERRIDES; docs/places.md says how."


@click.command()
@click.option(
    "--qr",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write a QR code for each place into this folder, as an SVG file to print.",
)
@as_json
def places(folder: Path | None, form: str) -> None:
    """List the places at which anybody may answer, with their links and their answers."""
    boucle = open_boucle()
    lines = boucle.place_answers.lines()
    if lines and not boucle.settings.public_url:
        say_fault(
            "note: BOUCLE_PUBLIC_URL is unset, so that these links lead to this machine alone: print no code yet."
        )
    files = write_codes(folder, lines) if folder else {}
    value = [{**line.as_dict(), **({"qr": files[line.id]} if line.id in files else {})} for line in lines]
    show(value, "\n".join(text for line in lines for text in about(line, files)) or NONE, form)


def write_codes(folder: Path, lines: "Iterable[PlaceLine]") -> dict[str, str]:
    """Write one SVG file a listed place, level M with a quiet zone of four; return the files by place."""
    import segno

    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for line in lines:
        if line.link is None:
            continue
        path = folder / f"{line.id}.svg"
        segno.make(line.link, error="m", micro=False).save(str(path), scale=SCALE, border=QUIET_ZONE, light="white")
        files[line.id] = str(path)
    return files


def about(line: "PlaceLine", files: dict[str, str]) -> list[str]:
    """Return the lines about one place."""
    place, figures = line.place, line.figures
    until = f", until {place.until}" if place and place.until else ""
    closed = "" if line.is_open else ", closed" if place else ", listed no more"
    score = f", NPS {figures.nps:+d}" if figures.nps is not None else ""
    texts = [f"{line.id:<20} {place.kind if place else '-':<7} {line.label}{until}{closed}"]
    texts += [f"    {line.link}"] if line.link else []
    texts.append(
        f"    answers {figures.answers} (promoters {figures.promoters}, passives {figures.passives}, "
        f"detractors {figures.detractors}){score}"
    )
    texts += [f"    kept apart {n}: {limit}" for limit, n in sorted(figures.apart.items())]
    return [*texts, *([f"    {files[line.id]}"] if line.id in files else [])]


COMMANDS = (places,)
