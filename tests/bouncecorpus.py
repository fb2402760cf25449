"""A corpus of mails that come back, made from the RFCs' codes and from what servers' manuals and sources say.

`bouncemails/statements.csv` has what a server answers, where that stands, and what it means there, not what a reader
makes of it; `bouncemails/forms/` the form in which its server sends it: a delivery status (RFC 3464, RFC 6533), or one
without. Holds no test.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "bouncemails"
WHOM = "camille@example.org"
PATH = "bounce+token@lamps.example"
OURS = f"From: Lamps <hello@lamps.example>\nTo: {WHOM}\nSubject: Is your mailbox full of spam?\n\nNo such user!\n"


@dataclass(frozen=True, slots=True)
class Case:
    """One mail, what its statement means, where that stands, and the statement itself."""

    kind: str
    source: str
    said: str
    raw: bytes


def cases() -> Iterator[Case]:
    """Give the whole corpus."""
    with (FOLDER / "statements.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            form = (FOLDER / "forms" / f"{row['form']}.eml").read_text(encoding="utf-8")
            if not row["answer"]:
                form = form.replace("Diagnostic-Code: {ANSWER}\n", "")
            places = {"WHOM": WHOM, "PATH": PATH, "OURS": OURS, "STATUS": row["status"], "ANSWER": row["answer"]}
            for name, value in places.items():
                form = form.replace(f"{{{name}}}", value)
            yield Case(
                row["kind"], f"{row['source']}, {row['form']}", f"{row['status']} {row['answer']}", form.encode()
            )
