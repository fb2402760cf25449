"""What the weekly mail to somebody of the team says, beyond its counts: scores, comments, silent accounts, in words."""

from collections.abc import Iterator, Mapping
from datetime import date

from workers.domain.mail.compose.facts import MailFacts, clean, one_line
from workers.domain.mail.translations import Catalog

FACTS = "digest"
LONGEST_COMMENT, LONGEST_NAME, LONGEST_DONE = 300, 80, 200
Section = dict[str, object]


def sections(mail: MailFacts, catalog: Catalog) -> list[Section]:
    """Return the parts of a digest in reading order, each with title and lines; what is empty is left out."""
    said = mail.facts.get(FACTS)
    if not isinstance(said, Mapping):
        return []
    parts = (
        ("comments", [comment_line(row, catalog) for row in rows(said.get("comments"))]),
        ("scores", [score_line(row, catalog) for row in rows(said.get("scores"))]),
        ("silent", list(silent_lines(said.get("silent"), catalog))),
        ("done", list(done_lines(said.get("done"), catalog))),
    )
    return [{"title": catalog.text(f"digest.{name}", {}), "lines": lines} for name, lines in parts if lines]


def rows(given: object) -> list[Mapping[str, object]]:
    """Return a list of a digest; what is none is empty."""
    return [row for row in given if isinstance(row, Mapping)] if isinstance(given, list | tuple) else []


def comment_line(row: Mapping[str, object], catalog: Catalog) -> str:
    """Return a comment with its score and day."""
    day = catalog.date(date.fromisoformat(str(row["date"])[:10]), "format.day")
    text = one_line(clean(row.get("text")), LONGEST_COMMENT)
    return catalog.text("digest.comment", {"score": row["score"], "highest": row["highest"], "day": day, "text": text})


def score_line(row: Mapping[str, object], catalog: Catalog) -> str:
    """Return the NPS of a touchpoint with n and interval; of few answers what may be said."""
    id = f"report.touchpoint.{row['touchpoint']}"
    name = catalog.text(id, {}) if id in catalog.ids else one_line(str(row["touchpoint"]).replace("_", " "))
    shown = {key: signed(row[key]) for key in ("nps", "low", "high")}
    kind = "few" if row["nps"] is None else "score"
    return catalog.text(f"digest.line.{kind}", {**shown, "n": row["n"], "touchpoint": name})


def signed(points: object) -> str:
    """Return whole points with a sign; "" for none."""
    return f"{round(points):+d}".replace("-", "\u2212") if isinstance(points, int | float) else ""


def silent_lines(said: object, catalog: Catalog) -> Iterator[str]:
    """Give the names of silent accounts, and how many more there are."""
    if not isinstance(said, Mapping) or not said.get("n"):
        return
    names = [one_line(name, LONGEST_NAME) for name in said.get("names") or ()]
    yield from names
    if (more := int(said["n"]) - len(names)) > 0:
        yield catalog.text("digest.silent.more", {"n": more})


def done_lines(said: object, catalog: Catalog) -> Iterator[str]:
    """Give the one thing that was done."""
    if isinstance(said, Mapping) and said.get("text"):
        text, number = one_line(clean(said["text"]), LONGEST_DONE), said.get("ticket")
        yield catalog.text("digest.done.ticket", {"number": number, "text": text}) if number else text
