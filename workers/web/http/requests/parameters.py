"""Parameters: what an address, a form or a header holds, parsed and bounded before a page or the store sees it.

Every page reads its address by `parameters_of`, and a form's numbers and days by `read_number` and `read_day`. What no
page could mean (a NUL, a number no column holds, a day outside the calendar of business) is answered 400 with a
sentence. A word that nothing has is no fault: it finds nothing.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import parse_qsl, urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request

LONGEST_PATH, LONGEST_QUERY = 2_000, 8_000  # characters; links of ours have less than 500, codes of OpenID some 2,000
MOST_PARAMETERS = 100
LONGEST_VALUE = 4_000
LONGEST_TEXT = 200
"""Characters of a word in an address that is looked up, unless its page says otherwise."""
LARGEST_NUMBER = 2**63 - 1
"""What both databases hold; PostgreSQL refuses more, SQLite's driver raises."""
LAST_PAGE = 1_000_000
EARLIEST, LATEST = date(2000, 1, 1), date(2199, 12, 31)
"""Days that an address may name: a day and a zone more or less must still be a date."""
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""Characters that no word holds, and that PostgreSQL or UTF-8 cannot."""
DIGITS = re.compile(r"[0-9]{1,19}")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class BadAddress(HTTPException):
    """An address that no page could mean; `name` is the parameter, empty for the whole."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(400, detail)
        self.name = name


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of an address. Each method returns a value within its bounds, or raises BadAddress."""

    values: Mapping[str, str]

    def text(self, name: str, longest: int = LONGEST_TEXT) -> str:
        """Return a word, empty where there is none. Raises BadAddress."""
        text = self.values.get(name, "")
        if len(text) > longest:
            raise BadAddress(name, f"{name} has {len(text)} characters; at most {longest} are read.")
        return text

    def number(self, name: str, most: int = LARGEST_NUMBER) -> int | None:
        """Return a whole number from 0, or None where there is none. Raises BadAddress."""
        text = self.values.get(name, "")
        try:
            return read_number(text, most) if text else None
        except ValueError as error:
            raise BadAddress(name, f"{name}: {error}") from error

    def day(self, name: str) -> date | None:
        """Return a day, or None where there is none. Raises BadAddress."""
        text = self.values.get(name, "")
        try:
            return read_day(text) if text else None
        except ValueError as error:
            raise BadAddress(name, f"{name}: {error}") from error

    def choice(self, name: str, choices: Collection[str]) -> str:
        """Return one of the known words, else an empty text: what only decorates a page is never a fault."""
        text = self.values.get(name, "")
        return text if text in choices else ""

    def flag(self, name: str) -> bool:
        """Any text but the empty one means yes."""
        return bool(self.values.get(name, ""))

    def page(self, name: str = "page") -> int:
        """Return the number of a list's page, from 1; the first for what is no number."""
        text = self.values.get(name, "")
        number = int(text) if DIGITS.fullmatch(text) else 1
        return min(max(number, 1), LAST_PAGE)


def parameters_of(request: Request) -> Parameters:
    """Return the parameters of a request's address; of one that is there twice, the last."""
    return Parameters(dict(request.query_params))


def path_number(request: Request, name: str) -> int:
    """Return the number in a request's path; raises HTTPException 404 for one that no row can have."""
    number = int(request.path_params[name])
    if number > LARGEST_NUMBER:
        raise HTTPException(404)
    return number


def read_number(text: str, most: int = LARGEST_NUMBER) -> int:
    """Read a whole number from 0; raises ValueError with a sentence for anything else or more."""
    if not DIGITS.fullmatch(text) or int(text) > most:
        raise ValueError(f"a whole number from 0 to {most} belongs here.")
    return int(text)


def read_day(text: str) -> date:
    """Read a day such as 2026-03-31; raises ValueError with a sentence for anything else or outside the calendar."""
    try:
        day = date.fromisoformat(text) if DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or not EARLIEST <= day <= LATEST:
        raise ValueError(f"a day from {EARLIEST} to {LATEST} belongs here, such as 2026-03-31.")
    return day


def host_of(address: str) -> str:
    """Return host and port as an address writes them; "" for what is no address."""
    try:
        return urlsplit(address).netloc
    except ValueError:
        return ""


def is_host(text: str) -> bool:
    """Tell whether a Host header names a host, with a port or without; none at all is as good (HTTP/1.0)."""
    if not text:
        return True
    try:
        parts = urlsplit(f"//{text}")
        return bool(parts.hostname) and parts.netloc == text and (parts.port or 0) >= 0
    except ValueError:
        return False


def check_address(path: str, query: bytes) -> None:
    """Raise 404 for a path that no page has, and BadAddress for parameters that no page could mean."""
    if len(path) > LONGEST_PATH or CONTROL.search(path):
        raise HTTPException(404)
    if len(query) > LONGEST_QUERY:
        raise BadAddress("", f"The address has {len(query)} characters after its ?; at most {LONGEST_QUERY} are read.")
    if query.count(b"&") >= MOST_PARAMETERS:
        raise BadAddress("", f"The address has more than {MOST_PARAMETERS} parameters.")
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if CONTROL.search(name) or len(name) > LONGEST_TEXT:
            raise BadAddress("", "A parameter of the address has a name that cannot be one.")
        if CONTROL.search(value) or len(value) > LONGEST_VALUE:
            raise BadAddress(name, f"{name} holds characters that are no text, or more than {LONGEST_VALUE}.")
