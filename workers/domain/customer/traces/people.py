"""People: whether a text names one, by an id, a key of ours, or an address that they ever had.

An id is a whole token. One that could as well be a number or a word (42, camille) counts only where a text says that it
is somebody's: as `subject`, as `customer.id`, as `customer_id=`; another customer's letter may have 42 as an amount.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import chain

from workers.domain.customer.traces.addresses import addresses_in, canonical_address
from workers.domain.customer.traces.readings import normal, unescaped

WHO = frozenset(
    {
        *("subject", "customer", "contact", "user", "client", "person", "buyer", "account", "member", "recipient"),
        *("crm", "consumer", "subscriber", "mergedinto", "shopper", "kunde", "cliente", "klant", "payer", "guest"),
    }
)
"""Names of fields that say whose something is, alone or with `id` behind."""
ID = ("id", "key", "ref", "number", "no", "uid", "vid", "identifier", "externalid")
NAME = re.compile(r"[\W_]+")
TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"?|([{}\[\]:,])|([^\s{}\[\]:,"]+)', re.DOTALL)
WORD = re.compile(r"[\w\-]+(?:\.[\w\-]+)*")
KEY = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""How an id of ours is written (RFC 9562)."""
LAST_WORD = re.compile(r"[\w.\-\[\]]{2,60}$")
ELEMENT = re.compile(r"<([\w.\-:]{1,60})[^<>]*$")
"""The element of XML in which an attribute stands."""
CDATA = "<![CDATA["
LOOK_BACK = 90  # signs before an id in which its name stands: customer_id=42, <customerId>42
LONG_NUMBER, LONG_WORD, LONG_MIXED = 9, 12, 6
"""From so many signs on nothing but an id looks like it: digits, letters, both."""
NAMES_KEPT = 4_096  # fields of events have the same few names
FEW_IDS = 20
DEEPEST = 3
"""JSON texts inside JSON texts."""


@dataclass(frozen=True, slots=True)
class Traces:
    """What names a person: `sure` an id or our key, `address` an address, `spellings` the id written otherwise."""

    sure: bool = False
    address: bool = False
    spellings: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return self.sure or self.address or bool(self.spellings)

    def __or__(self, other: "Traces") -> "Traces":
        return Traces(self.sure or other.sure, self.address or other.address, self.spellings | other.spellings)


@dataclass(frozen=True)
class Person:
    """Whom to look for: the CRM's ids, keys of our own, and every address as `hashed` makes one of its text."""

    crm_ids: frozenset[str]
    keys: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    hashed: Callable[[str], str] = field(default=str)

    def __or__(self, other: "Person") -> "Person":
        """Return both at once, for a first look."""
        return Person(
            self.crm_ids | other.crm_ids, self.keys | other.keys, self.addresses | other.addresses, self.hashed
        )

    @cached_property
    def _ids(self) -> dict[str, set[str]]:
        """Return the ids by their form in which capitals and leading zeros do not count."""
        spellings_by_id: dict[str, set[str]] = {}
        for crm_id in self.crm_ids:
            spellings_by_id.setdefault(folded(normal(crm_id)), set()).add(normal(crm_id))
        return spellings_by_id

    @cached_property
    def _phrases(self) -> re.Pattern[str] | None:
        """Return what finds the ids that are more than one word, such as gid://shop/Customer/42."""
        words = "|".join(re.escape(normal(crm_id)) for crm_id in self.crm_ids if not WORD.fullmatch(normal(crm_id)))
        return re.compile(rf"(?<![\w\-])(?<!\w\.)(?:{words})(?![\w\-]|\.\w)", re.IGNORECASE) if words else None

    def traces_in(self, texts: Iterable[str]) -> Traces:
        """Return what names this person in texts that `readings` gave."""
        named = Traces()
        for text in texts:
            if self._may_name(text):
                named |= self._by_token(text)
                named |= self._by_member(text, DEEPEST)
            named |= Traces(
                sure=not self.keys.isdisjoint(KEY.findall(text)),
                address=any(self.hashed(address) in self.addresses for address in set(addresses_in(text))),
            )
        return named

    def _may_name(self, text: str) -> bool:
        """Tell whether a closer look is worth it: most letters hold the id of nobody who is looked for.

        An id may hide behind escapes of escapes; many ids take longer to look for one by one than all by token.
        """
        if len(self._ids) > FEW_IDS:
            return True
        for _ in range(DEEPEST + 2):
            plain = text.casefold()
            if any(spelling in plain for spelling in self._ids):
                return True
            before, text = text, normal(unescaped(text)) if "\\" in text else text
            if text == before:
                return False
        return False

    def has_address(self, address: str) -> bool:
        """Tell whether a mail was ever theirs by its address; spellings of one mailbox are one."""
        return self.hashed(canonical_address(address)) in self.addresses

    def is_id(self, value: str) -> Traces:
        """Return what a value says that stands where somebody's id belongs."""
        own = self._ids.get(folded(value.strip()))
        if own is None:
            return Traces()
        return Traces(sure=True) if value.strip() in own else Traces(spellings=frozenset({value.strip()}))

    def _by_token(self, text: str) -> Traces:
        named = Traces()
        phrases = self._phrases.finditer(text) if self._phrases else ()
        hits = {word for word in set(WORD.findall(text)) if folded(word) in self._ids}
        tokens = (match for match in WORD.finditer(text) if match[0] in hits) if hits else ()
        for match in chain(tokens, (match for match in phrases if folded(match[0]) in self._ids)):
            if distinctive(match[0]) or says_who(name_before(text, match.start())):
                named |= self.is_id(match[0])
            if named.sure:
                break
        return named

    def _by_member(self, text: str, depth: int) -> Traces:
        named = Traces()
        for parent, name, value in members(text):
            if folded(value.strip()) in self._ids and whose(parent, name):
                named |= self.is_id(value)
            if depth and "{" in value:
                named |= self._by_member(value, depth - 1)
        return named


def name_before(text: str, at: int) -> str:
    """Return the name of the field whose value begins at a place of a text that need not be JSON; "" for none."""
    before = text[max(0, at - LOOK_BACK) : at].rstrip(" \t\n\"'").removesuffix(CDATA).rstrip()
    if before[-1:] not in ("=", ":", ">"):
        return ""
    name = LAST_WORD.search(before[:-1].rstrip(" \t\n\"'"))
    if name is None:
        return ""
    element = ELEMENT.search(before) if before[-1] == "=" and bare(name[0]) in ID else None
    return f"{element[1]}_{name[0]}" if element else name[0]


def folded(value: str) -> str:
    """Return an id in the form in which spellings are compared: 42, 42.0 and 0042; CUST-42 and cust-42."""
    whole = value.removesuffix(".0")
    return whole.lstrip("0") or "0" if whole.isdecimal() else value.casefold()


def distinctive(value: str) -> bool:
    """Tell whether nothing but an id looks like this."""
    if value.isdecimal():
        return len(value) >= LONG_NUMBER
    has_digit = any(sign.isdigit() for sign in value)
    return "@" in value or len(value) >= (LONG_MIXED if has_digit else LONG_WORD)


def bare(name: str) -> str:
    """Return a field's name without capitals and signs: customer_id, customerId and Customer-ID are one."""
    return NAME.sub("", name).casefold()


@lru_cache(NAMES_KEPT)
def says_who(name: str) -> bool:
    """Tell whether a field of this name holds whose something is: `customer`, `customerId`, `ce-subject`."""
    text = bare(name)
    if text.startswith("ce") and text.removeprefix("ce") in WHO:
        return True
    heads = {text, text.removesuffix("s"), *(text.removesuffix(suffix) for suffix in ID)}
    return any(head in WHO or head.removesuffix("s") in WHO for head in heads)


def whose(parent: str, name: str) -> bool:
    """Tell whether a member holds whose something is: by its own name, or as the id in such an object."""
    return says_who(name) or (bare(name) in ID and says_who(parent))


def members(text: str) -> Iterator[tuple[str, str, str]]:
    """Give each value of a JSON text with the name of its object and its own; also of one that is cut or broken.

    What stands in a list has the list's name.
    """
    path: list[tuple[str, str]] = []
    name, value = "", ""
    for quoted, mark, plain in TOKEN.findall(text):
        if not mark:
            value = normal(unescaped(quoted) if "\\" in quoted else quoted) if quoted else plain
            yield path[-1][0] if path else "", name, value
        elif mark == ":":
            name = value
        elif mark in "{[":
            path.append((name, mark))
            name = name if mark == "[" else ""
        elif mark in "}]":
            name = path.pop()[0] if path else ""
        elif not path or path[-1][1] == "{":
            name = ""
