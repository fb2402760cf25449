"""The verb `places`: where anybody may answer, with the links, the codes to print and what was answered there."""

import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workers.cli.shared import as_json, open_boucle, say_fault, show
from workers.errors import BadInput

if TYPE_CHECKING:
    from workers.domain.reporting.ratings import Rating
    from workers.usecases.places.place_answers import PlaceAnswers, PlaceLine

QUIET_ZONE, SCALE = 4, 8
MOST_CODES = 10_000
REFERENCE_BYTES = 5
NONE = "No place is listed: write one into rules/places.yaml of your folder BOUCLE_OVERRIDES; docs/places.md says how."


@click.command()
@click.option(
    "--qr",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write a QR code for each place into this folder, as an SVG file to print.",
)
@click.option("--receipts", metavar="PLACE", help="Print codes for receipts of PLACE instead, one a line.")
@click.option("--reference", "references", multiple=True, help="With --receipts: a purchase to print a code for.")
@click.option("--count", type=click.IntRange(0, MOST_CODES), default=0, help="With --receipts: so many made-up ones.")
@as_json
def places(folder: Path | None, receipts: str | None, references: tuple[str, ...], count: int, form: str) -> None:
    """List the places at which anybody may answer, with their links and their answers."""
    boucle = open_boucle()
    lines = boucle.place_answers.lines()
    if lines and not boucle.settings.public_url:
        say_fault(
            "note: BOUCLE_PUBLIC_URL is unset, so that these links lead to this machine alone: print no code yet."
        )
    if receipts is not None:
        codes = codes_of(boucle.place_answers, receipts, [*references, *made_up(count)])
        show(codes, "\n".join(f"{code['code']};{code['link']}" for code in codes), form)
        return
    if references or count:
        raise click.UsageError("--reference and --count belong to --receipts PLACE")
    files = write_codes(folder, lines) if folder else {}
    value = [{**line.as_dict(), **({"qr": files[line.id]} if line.id in files else {})} for line in lines]
    show(value, "\n".join(text for line in lines for text in about(line, files)) or NONE, form)


def codes_of(answers: "PlaceAnswers", place: str, references: list[str]) -> list[dict[str, str]]:
    """Return the codes of some purchases. Raises UsageError for a place that signs none, and for no reference."""
    if not references:
        raise click.UsageError("name purchases with --reference, or say with --count how many made-up codes you need")
    try:
        return [answers.sign_receipt(place, reference) for reference in references]
    except BadInput as error:
        raise click.UsageError(str(error)) from error


def made_up(count: int) -> list[str]:
    """Return references of purchases that there are not, for cards that are printed beforehand."""
    return [secrets.token_hex(REFERENCE_BYTES).upper() for _ in range(count)]


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
    place, figures, counts = line.place, line.figures, line.figures.counts
    until = f", until {place.until}" if place and place.until else ""
    closed = "" if line.is_open else ", closed" if place else ", listed no more"
    score = f", NPS {figures.nps:+d}" if figures.nps is not None else ""
    texts = [f"{line.id:<20} {place.kind if place else '-':<7} {line.label}{until}{closed}"]
    texts += [f"    {line.link}"] if line.link else []
    if counts.n or not figures.ratings:
        texts.append(
            f"    answers {counts.n} (promoters {counts.promoters}, passives {counts.passives}, "
            f"detractors {counts.detractors}){score}"
        )
    texts += [f"    {rated(rating)}" for rating in figures.ratings]
    texts += [f"    kept apart {n}: {limit}" for limit, n in sorted(figures.apart.items())]
    return [*texts, *([f"    {files[line.id]}"] if line.id in files else [])]


def rated(rating: "Rating") -> str:
    """Return the figures of what was asked beside the NPS."""
    share = "" if rating.share is None else f" (good {rating.share:.0%}, mean {rating.mean:.1f})"
    return f"{rating.kind.upper()}: answers {rating.n}{share}"


COMMANDS = (places,)
