"""The XML side of DMN files: safe parsing, one decision chosen, elements found by their local names.

Namespaces differ from DMN 1.1 to 1.5, so that only local names count. Must not know cells or columns.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from workers.decision_table.model.cells import suggestion
from workers.decision_table.model.limits import check_size
from workers.decision_table.model.table import Aggregator, HitPolicy, Unreadable

_OTHER_LOGIC = (
    "literalExpression", "invocation", "context", "relation", "list", "functionDefinition", "conditional", "filter",
    "for", "every", "some",
)  # fmt: skip
_MOST_MARKS = 2_000_000  # `<`, counted before anything is built: an element has two
_MOST_NAMED = 50  # decisions in a message


@dataclass(frozen=True, slots=True)
class Item:
    """What an itemDefinition says about a type of its own."""

    base: str
    allowed: str
    collection: bool


def root_of(data: bytes) -> etree._Element:
    """Return the root of a DMN file. Raises Unreadable for what is no XML, no DMN, too big, or has a DTD."""
    check_size("The file", len(data))
    if data.count(b"<") > _MOST_MARKS:
        raise Unreadable(f"The file has more than {_MOST_MARKS // 2:,} elements, which is the most that is read.")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as fault:
        raise Unreadable(f"The file is not XML: {fault}.") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise Unreadable("The file has a document type declaration, which a DMN file must not have.")
    if local_name(root) != "definitions":
        raise Unreadable(f"The file is not DMN: its first element is {local_name(root)}, not definitions.")
    return root


def choose_decision(root: etree._Element, wanted: str | None) -> etree._Element:
    """Return the decision of a name or id, or the only one with a table. Raises Unreadable, naming those there are."""
    decisions = children(root, "decision")
    if wanted is not None:
        for decision in decisions:
            if wanted in (name_of(decision), decision.get("id")):
                return decision
        names_there = [name_of(decision) for decision in decisions[:_MOST_NAMED]]
        listed = f" It has {', '.join(names_there)}." if names_there else ""
        raise Unreadable(f"The file has no decision {wanted!r}.{listed}{suggestion(wanted, names_there)}")
    tables = [decision for decision in decisions if child(decision, "decisionTable") is not None]
    if len(tables) == 1:
        return tables[0]
    if not tables:
        other_logic = sorted(
            {local_name(child) for decision in decisions for child in decision if local_name(child) in _OTHER_LOGIC}
        )
        what = f": its decisions hold {', '.join(other_logic)}" if other_logic else ""
        raise Unreadable(f"The file holds no decision table{what}; only decision tables are supported.")
    names = ", ".join(name_of(table) for table in tables[:_MOST_NAMED])
    raise Unreadable(f"The file holds {len(tables)} decision tables ({names}): name one with --decision.")


def table_of(decision: etree._Element, name: str) -> etree._Element:
    """Return the decision table of a decision. Raises Unreadable, naming what it holds instead."""
    node = child(decision, "decisionTable")
    if node is None:
        other_logic = next((local_name(child) for child in decision if local_name(child) in _OTHER_LOGIC), "nothing")
        raise Unreadable(f"Decision {name!r} holds {other_logic}; only a decisionTable is supported.")
    return node


def check_language(root: etree._Element, node: etree._Element, name: str) -> None:
    """Refuse expression languages other than FEEL. Raises Unreadable."""
    for element in (root, *node.iter()):
        language = element.get("expressionLanguage") if isinstance(element.tag, str) else None
        if language and "feel" not in language.lower():
            raise Unreadable(f"{name}: expression language {language!r} is not supported; only FEEL is.")


def item_definitions(root: etree._Element) -> dict[str, Item]:
    """Return the types of its own that a file defines, by name."""
    items = {}
    for node in children(root, "itemDefinition"):
        items[squeeze(node.get("name") or "")] = Item(
            text_of(child(node, "typeRef")), text_in(child(node, "allowedValues")), node.get("isCollection") == "true"
        )
    return items


def hit_policy_of(node: etree._Element, name: str) -> HitPolicy:
    """Return the hit policy of a table, UNIQUE when none is given. Raises Unreadable."""
    text = (node.get("hitPolicy") or "UNIQUE").upper()
    try:
        return HitPolicy(text)
    except ValueError:
        raise Unreadable(f"{name}: hit policy {text!r} is not one of {', '.join(HitPolicy)}.") from None


def aggregator_named(text: str, name: str) -> Aggregator:
    """Read the aggregation of a COLLECT table. Raises Unreadable for another word."""
    try:
        return Aggregator(text.upper())
    except ValueError:
        raise Unreadable(f"{name}: aggregation {text!r} is not one of {', '.join(Aggregator)}.") from None


def texts_of(rule: etree._Element, tag: str) -> list[str]:
    return [text_in(entry) for entry in children(rule, tag)]


def check_width(name: str, number: int, tag: str, entries: int, wanted: int) -> None:
    """Refuse a rule with more or fewer entries than the table has columns. Raises Unreadable."""
    if entries != wanted:
        raise Unreadable(
            f"{name}, rule {number}: it has {entries} {tag} elements where the table has {wanted} columns."
        )


def is_name(text: str) -> bool:
    """Say whether an input expression is a name or a path of names, as FEEL spells them."""
    plain = text.replace(".", " ").replace("_", " ")
    if any(mark in text for mark in '()[]{}"=<>@?*!,') or text[:1].isdecimal():
        return False
    words = plain.split()
    return bool(words) and not any(word in ("if", "for", "some", "every", "+", "-", "/") for word in words)


def local_name(node: etree._Element) -> str:
    """Return an element's name without its namespace; a comment has none."""
    return etree.QName(node).localname if isinstance(node.tag, str) else ""


def children(node: etree._Element, tag: str) -> list[etree._Element]:
    return [child for child in node if local_name(child) == tag]


def child(node: etree._Element | None, tag: str) -> etree._Element | None:
    """Return the first child of a local name, or None."""
    return next(iter(children(node, tag)), None) if node is not None else None


def text_in(node: etree._Element | None) -> str:
    return text_of(child(node, "text"))


def text_of(node: etree._Element | None) -> str:
    """Return all text in an element and below it, without the space around; empty without an element."""
    return "".join(_strings(node)).strip() if node is not None else ""


def _strings(node: etree._Element) -> Iterator[str]:
    for part in node.itertext():
        yield str(part)


def name_of(node: etree._Element) -> str:
    return node.get("name") or node.get("id") or ""


def squeeze(text: str) -> str:
    """Return a text with runs of white space as one space."""
    return " ".join(text.split())
