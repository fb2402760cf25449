"""A first mapping for a file, from the names of its columns and its first rows: to be read and corrected by a person.

It says what it is unsure of in comments, and what it does not know it leaves out. Nothing is imported by it.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import BinaryIO

from workers.usecases.csv_import.charsets import Said
from workers.usecases.csv_import.header import Header, read_header
from workers.usecases.csv_import.records import Records
from workers.usecases.csv_import.rows import keep_quiet, open_lines
from workers.usecases.csv_import.times import Times

SAMPLE_ROWS = 50
KNOWN: dict[str, tuple[str, ...]] = {
    "customer": (
        "customer id", "customerid", "customer number", "customer no", "client id", "contact id", "contactid",
        "account id", "accountid", "user id", "associated contact ids", "associated contact id", "customer user",
        "id client", "numéro client", "kundennummer", "id cliente", "klantnummer", "customer", "client",
    ),
    "email": (
        "email", "e mail", "mail", "email address", "customer email", "billing email", "contact email",
        "associated contact email", "adresse e mail", "courriel", "correo electrónico",
    ),
    "name": ("customer name", "full name", "billing name", "contact name", "customer", "nom", "nombre"),
    "first": ("first name", "billing first name", "firstname", "prénom", "vorname"),
    "last": ("last name", "billing last name", "lastname", "nachname", "apellidos"),
    "phone": ("phone", "phone number", "billing phone", "telephone", "mobile", "téléphone", "telefon", "teléfono"),
    "language": ("language", "preferred language", "locale", "lang", "customer locale", "langue", "sprache", "idioma"),
    "order": (
        "order id", "order number", "order no", "order", "order name", "deal id", "record id", "opportunity id",
        "invoice id", "charge id", "payment id", "id", "number", "numéro de commande", "bestellnummer", "pedido",
    ),
    "deal": ("deal name", "opportunity name", "deal stage", "stage", "stage name", "is won", "opportunity id"),
    "case": ("case number", "case id", "ticket number", "ticket id", "ticket"),
    "bought": (
        "paid at", "paid date", "date paid", "purchased at", "purchase date", "close date", "closed date", "order date",
        "date created", "created date (utc)", "created (utc)", "created at", "created date", "created", "date",
        "date de commande", "bestelldatum", "fecha",
    ),
    "delivered": (
        "delivered at", "arrived at", "arrived", "received at",
        "delivery date", "date delivered", "fulfilled at", "date completed", "completed date",
        "completed at", "date de livraison", "lieferdatum", "fecha de entrega",
    ),
    "score": ("score", "nps", "nps score", "rating", "note nps"),
    "comment": ("comment", "comments", "feedback", "reason", "verbatim", "commentaire", "kommentar"),
    "answered": (
        "answered at", "response date", "responded at", "submitted at", "submit date", "created at", "updated at",
        "date",
    ),
    "status": (
        "financial status", "status", "order status", "deal stage", "stage", "stage name", "is won", "estado", "statut",
    ),
    "label": (
        "subject", "lineitem name", "deal name", "opportunity name", "product name", "product", "products", "label",
        "item name",
    ),
}  # fmt: skip
"""Names of columns by what they hold, the most exact first; capitals, `_`, `-` and `.` do not count."""
GOOD = frozenset(
    {"paid", "completed", "complete", "processing", "succeeded", "closed won", "closedwon", "won", "delivered", "true"}
)
"""Values of a status that mean a purchase."""


@dataclass(frozen=True, slots=True)
class _Sample:
    """The columns by what they hold, and the values of the first rows."""

    columns: dict[str, str]
    values: dict[str, list[str]]

    def has(self, *roles: str) -> bool:
        return all(role in self.columns for role in roles)

    def cell(self, role: str) -> str:
        return _quoted(f"{{{self.columns[role]}}}")

    def filled(self, role: str) -> str:
        """Return the condition that the column of a role is filled; empty without such a column."""
        return _quoted(self.columns[role]) if role in self.columns else ""

    def is_about_people(self) -> bool:
        """Return whether the rows are people, whose date is when they were changed."""
        return self.has("email", "bought", "customer") and not any(
            self.has(role) for role in ("deal", "status", "label", "delivered", "named_time")
        )

    def times(self, roles: Iterable[str]) -> list[str]:
        return [text for role in roles if self.has(role) for text in self.values[self.columns[role]]]


def suggested(stream: BinaryIO, said: Said = keep_quiet) -> str:
    """Return a mapping (YAML) to begin with. Raises Misconfigured when the file has no header."""
    lines = open_lines(stream, "", said)
    header = read_header(lines)
    names = [name for name in header.names if name and not set(name) & set("{}")]
    values: dict[str, list[str]] = {name: [] for name in names}
    records = Records(lines, header.delimiter, len(header.names), lambda cells: len(cells) == len(header.names))
    for _, record in zip(range(SAMPLE_ROWS), records, strict=False):
        for name, cell in zip(header.names, record.cells, strict=False):
            if name in values and cell.strip():
                values[name].append(cell.strip())
    columns = _columns(names, header)
    _add_times(columns, values)
    return "\n".join(_mapping(_Sample(columns, values))) + "\n"


def _add_times(columns: dict[str, str], values: dict[str, list[str]]) -> None:
    """Take the first column that holds times where no name gave away which one says when it happened."""
    times = Times(UTC, (), keep_quiet)
    time_columns = [
        name
        for name, texts in values.items()
        if name not in columns.values() and texts and all(_is_time(text, times) for text in texts)
    ]
    role = "answered" if "score" in columns else "bought"
    if role in columns:
        columns["named_time"] = columns[role]
    elif time_columns:
        columns[role] = time_columns[0]


def _is_time(text: str, times: Times) -> bool:
    return not text.replace(".", "").isdigit() and not isinstance(times.read(text), str)


def _columns(names: Sequence[str], header: Header) -> dict[str, str]:
    plain = {_plain(name): name for name in reversed(names)}
    column_of = {
        role: next((plain[each] for each in map(_plain, names_of_role) if each in plain), "")
        for role, names_of_role in KNOWN.items()
    }
    if "financialstatus" in plain and "name" in plain:  # Shopify calls the order's number Name
        column_of["order"] = plain["name"]
    elif "name" in plain and not column_of["name"] and not column_of["deal"]:
        column_of["name"] = plain["name"]
    if column_of["case"]:
        column_of["order"] = column_of["case"]
    if column_of["name"] == column_of["customer"]:
        column_of["name"] = ""
    people = not any(column_of[role] for role in ("deal", "status", "label", "delivered", "bought", "score", "case"))
    if not column_of["customer"]:
        column_of["customer"] = (column_of["order"] if people else "") or column_of["email"]
    columns = {role: name for role, name in column_of.items() if name}
    columns.setdefault("order", next((name for name in names if name not in columns.values()), header.names[0]))
    return columns


def _plain(name: str) -> str:
    """Return a name without what programs put between its words."""
    return "".join(sign for sign in name.casefold() if sign not in " _-.")


def _mapping(sample: _Sample) -> Iterator[str]:
    yield "# A first mapping, made from the columns of the file. Read it, correct it, then try it:"
    yield "# boucle events import FILE --mapping THIS_FILE --dry-run"
    yield "source: crm  # name the system that the file comes from, the same for all of its files"
    yield from _zone(sample)
    yield from _customer(sample)
    yield "events:"
    if sample.has("score"):
        yield from _score(sample)
        return
    if sample.has("case"):
        yield from _event(
            sample, "boucle.journey.interaction_ended.v1", "closed", "bought", when=sample.filled("bought")
        )
        return
    if sample.is_about_people():
        yield "  # Each row seems to be a person, not something that happened: only what is known of them is taken."
        yield "  - type: boucle.customer.changed.v1"
        yield f"    id: {sample.cell('customer')[:-1]}-{sample.cell('bought')[1:]}"
        yield f"    time: {sample.cell('bought')}"
        return
    yield from _purchase(sample)
    if sample.has("delivered"):
        yield "  # Is this when it arrived, or when it left? Only who has the parcel can be asked about it."
        yield from _event(
            sample, "boucle.journey.delivery.v1", "delivery", "delivered", when=sample.filled("delivered")
        )


def _zone(sample: _Sample) -> Iterator[str]:
    texts = sample.times(("bought", "delivered", "answered"))
    plain = Times(None, (), keep_quiet)
    if not texts or any(isinstance(plain.read(text), str) for text in texts):
        yield "time_zone: Europe/Paris  # whose clock the times are by; correct it"
    doubtful = next((text for text in texts if "day first" in str(plain.read(text))), "")
    if doubtful:
        clock = " %H:%M" if ":" in doubtful else ""
        yield f'# time_format: "%d/%m/%Y{clock}"  # {doubtful[:40]} may be read two ways: say which, %d/%m or %m/%d'


def _customer(sample: _Sample) -> Iterator[str]:
    if not sample.has("customer"):
        yield "# No column looks like a customer's id or address: put the right one here."
    fields = [f"id: {sample.cell('customer' if sample.has('customer') else 'order')}"]
    fields += [f"{role}: {sample.cell(role)}" for role in ("email", "name") if sample.has(role)]
    if not sample.has("name") and sample.has("first", "last"):
        fields.append(f"name: {sample.cell('first')[:-1]} {sample.cell('last')[1:]}")
    fields += [f"{role}: {sample.cell(role)}" for role in ("phone", "language") if sample.has(role)]
    yield f"customer: {{{', '.join(fields)}}}"
    if sample.has("email", "customer") and sample.columns["email"] != sample.columns["customer"]:
        guest = _quoted(f"guest-{{{sample.columns['email']}}}")
        yield f"guest: {guest}  # the id of customers without an account"
    if not sample.has("language"):
        yield "# No column looks like a language: add `language: fr` to the customer, else it is the brand's."


def _score(sample: _Sample) -> Iterator[str]:
    yield "  - type: boucle.score.v1"
    yield f'    id: {sample.cell("order")[:-1]}-score"'
    if sample.has("answered"):
        yield f"    time: {sample.cell('answered')}"
    else:
        yield '    time: "{}"  # which column says when it was answered?'
    data = [f"{role}: {sample.cell(role)}" for role in ("score", "comment") if sample.has(role)]
    yield f"    data: {{{', '.join(data)}}}"


def _purchase(sample: _Sample) -> Iterator[str]:
    type_ = "boucle.journey.deal_won.v1" if sample.has("deal") else "boucle.journey.purchase.v1"
    when = ""
    if sample.has("status"):
        column = sample.columns["status"]
        seen = sorted(set(sample.values[column]))[:20]
        good = [each for each in seen if each.casefold() in GOOD]
        yield f"  # {column} is one of: {', '.join(seen)[:300] or '(empty)'}. Name below those that are a purchase."
        when = f"{{{_quoted(column)}: [{', '.join(map(_quoted, good))}]}}" if good else ""
    elif sample.has("bought"):
        when = sample.filled("bought")
    expected = "true" if sample.has("delivered") else "false"
    yield from _event(sample, type_, type_.split(".")[2], "bought", when=when, more=(f"delivery_expected: {expected}",))


def _event(
    sample: _Sample, type_: str, suffix: str, at: str, *, when: str = "", more: Sequence[str] = ()
) -> Iterator[str]:
    yield f"  - type: {type_}"
    yield f'    id: {sample.cell("order")[:-1]}-{suffix}"'
    yield f"    time: {sample.cell(at)}" if sample.has(at) else '    time: "{}"  # which column says when it happened?'
    if when:
        yield f"    when: {when}"
    data = [f"reference: {sample.cell('order')}"]
    data += [f"label: {sample.cell('label')}"] if sample.has("label") else []
    yield f"    data: {{{', '.join([*data, *more])}}}"


def _quoted(text: str) -> str:
    """Return a text as YAML and JSON both write it."""
    return json.dumps(text, ensure_ascii=False)
