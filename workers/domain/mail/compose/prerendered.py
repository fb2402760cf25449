"""Mails rendered once for many: the words that stay, with places for the few values that differ from mail to mail.

A template is rendered with a place instead of each text (`Place`): it may be written out and asked whether it is there,
and everything else that a template could do with a text raises, so that what comes out is the same whatever the text
is. A template that compares a text has that text fixed and is rendered once for each value of it; one that does more
is not rendered beforehand at all. The first mail of each kind is compared with its own full rendering.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NoReturn
from weakref import WeakKeyDictionary

from jinja2 import Environment, TemplateError, nodes
from jinja2.meta import find_referenced_templates
from markupsafe import Markup, escape

from workers.domain.mail.compose.quoted import OPEN, LineWithPlaces, OfAnotherForm, QuotedPart, Texts, WholeLines
from workers.domain.reporting.scales import ASKS
from workers.errors import BoucleError
from workers.text.directions import FSI, as_elements

_MARK = re.compile("\x02(<|&lt;|&amp;lt;)([0-9]+)\x03")
_TIMES = {"<": 0, "&lt;": 1, "&amp;lt;": 2}
_EMPTY_LINES = re.compile(r"\n{3,}")
_FILTERS = frozenset({"e", "escape"})
_TESTS = frozenset({"defined", "undefined", "none"})
_FORBIDDEN = (nodes.Slice, nodes.FilterBlock, nodes.CallBlock, nodes.AssignBlock, nodes.EvalContextModifier)
_GIVEN = frozenset({"facts", "scale", "brand", "mail", "mail_class", "lang", "loop"})
"""What a template may compare and look into: the texts among them are places, which tell when that happens."""
FORMS_AT_MOST = 500
"""Kinds of mails kept, of all templates and languages; beyond that a mail is rendered by itself."""

Signature = tuple[object, ...]
Render = Callable[[Mapping[str, object], Mapping[str, Callable[[], object]]], tuple[str, str]]
"""Renders both parts of a mail with facts and links: plain text and HTML."""


class NotBeforehand(Exception):
    """What a template does depends on a text: `name`, empty when it cannot be told which."""

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self.name = name


class Place:
    """Stands for a text that is not empty; whatever would look into the text raises NotBeforehand."""

    __slots__ = ("_mark", "_name")

    def __init__(self, number: int, name: str) -> None:
        self._mark = f"\x02<{number}\x03"
        self._name = name

    def apart(self, places: Mapping[str, object]) -> object:
        """Return the place of the same text as it is put into a text of another direction; itself where it is not."""
        return places.get(FSI + self._name, self)

    def __str__(self) -> str:
        return self._mark

    def __html__(self) -> str:
        return str(escape(self._mark))

    def __format__(self, spec: str) -> str:
        if spec:
            self._look()
        return self._mark

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return False if other in ("", None) else self._look()

    def _look(self, *_: object) -> NoReturn:
        raise NotBeforehand(self._name)

    __hash__ = None  # type: ignore[assignment]  # a key of a mapping would be looked into
    __len__ = __iter__ = __contains__ = __getitem__ = __lt__ = __gt__ = __le__ = __ge__ = __add__ = __radd__ = _look


class WrittenOut:
    """A text of the catalog with places in it: written out, and not looked into."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text

    def __html__(self) -> str:
        return str(escape(self._text))

    def _look(self, *_: object) -> NoReturn:
        raise NotBeforehand

    __hash__ = None  # type: ignore[assignment]  # a key of a mapping would be looked into
    __len__ = __iter__ = __contains__ = __getitem__ = __lt__ = __gt__ = __le__ = __ge__ = __eq__ = _look
    __bool__ = __format__ = __add__ = __radd__ = _look


def written_out(text: str) -> "str | WrittenOut":
    """Return a text of the catalog as a template is given it: with places in it, one that is not looked into."""
    return WrittenOut(text) if "\x02" in text else text


@dataclass(frozen=True, slots=True)
class _Part:
    """One part of a mail: literal texts, and between them which place, escaped how often."""

    literals: tuple[str, ...]
    places: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, rendered: str) -> "_Part":
        pieces = _MARK.split(rendered)
        literals = tuple(pieces[::3])
        if any("\x02" in literal or "\x03" in literal for literal in literals):
            raise NotBeforehand  # something wrote into a place
        places = zip(pieces[1::3], pieces[2::3], strict=True)
        return cls(literals, tuple((int(number), _TIMES[sign]) for sign, number in places))

    def fill(self, texts: Texts) -> str:
        filled = [self.literals[0]]
        for literal, place in zip(self.literals[1:], self.places, strict=True):
            filled.append(texts[place])
            filled.append(literal)
        return "".join(filled)


@dataclass(frozen=True, slots=True)
class _Form:
    """One kind of mail, rendered: its two parts, and what each place holds.

    `quoted`: both parts in quoted-printable, where the values do not change what stands around them.
    """

    text: _Part
    html: _Part
    facts: tuple[str, ...]
    links: tuple[str, ...]
    quoted: tuple[QuotedPart, QuotedPart] | None

    def texts(self, facts: Mapping[str, object], links: Mapping[str, Callable[[], object]]) -> Texts:
        """Return what stands in the places of one mail; a link that it cannot have raises Never, as in a template."""

        def read(number: int) -> str:
            first_link = len(self.facts)
            return str(facts[self.facts[number]] if number < first_link else links[self.links[number - first_link]]())

        return Texts(read)

    def fill(self, facts: Mapping[str, object], links: Mapping[str, Callable[[], object]]) -> tuple[str, str]:
        """Return plain text and HTML of one mail."""
        texts = self.texts(facts, links)
        return self.text.fill(texts), self.html.fill(texts)


@dataclass(slots=True)
class Forms:
    """The kinds of mails that one template in one language comes to; `fixed`: facts that the template looks into.

    `allowed` looks the template's source through, when a kind comes for the second time.
    """

    allowed: Callable[[], bool]
    fixed: set[str] = field(default_factory=lambda: {ASKS})
    usable: bool = True
    looked_through: bool = False
    by_signature: dict[Signature, _Form | None] = field(default_factory=dict)

    def write(
        self,
        facts: Mapping[str, object],
        links: Mapping[str, Callable[[], object]],
        renderer: Callable[[], Render],
    ) -> tuple[str, str]:
        """Return plain text and HTML of a mail, as `renderer` would; a kind that comes again is rendered beforehand."""
        if not self.usable:
            return renderer()(facts, links)
        signature = self._signature(facts)
        form = self.by_signature.get(signature)
        if form is not None:
            return form.fill(facts, links)
        render = renderer()
        written = render(facts, links)
        if signature in self.by_signature:
            self._make(signature, facts, links, render, written)
        elif len(self.by_signature) < FORMS_AT_MOST:
            self.by_signature[signature] = None
        return written

    def quoted(
        self, facts: Mapping[str, object], links: Mapping[str, Callable[[], object]]
    ) -> tuple[WholeLines, WholeLines] | None:
        """Return both parts of a mail, finished and in quoted-printable; None where `write` has to write it."""
        form = self.by_signature.get(self._signature(facts)) if self.usable else None
        if form is None or form.quoted is None:
            return None
        texts = form.texts(facts, links)
        try:
            return form.quoted[0].fill(texts), form.quoted[1].fill(texts)
        except OfAnotherForm:
            return None

    def _signature(self, facts: Mapping[str, object]) -> Signature:
        """Return what the words of a mail hang on beside the texts in their places."""
        fixed = self.fixed
        return tuple(
            name if type(value) is str and value and name not in fixed else (name, type(value), value)
            for name, value in facts.items()
        )

    def _make(
        self,
        signature: Signature,
        facts: Mapping[str, object],
        links: Mapping[str, Callable[[], object]],
        render: Render,
        written: tuple[str, str],
    ) -> None:
        """Render a kind of mail with places, and keep it if a mail made of it is the one that was rendered in full."""
        names = [name for name, value in facts.items() if type(value) is str and value and name not in self.fixed]
        named = [*names, *links]
        places = {name: Place(number, name) for number, name in enumerate(named)}
        linked = {name: (lambda place=places[name]: place) for name in links}
        try:
            self.looked_through = self.looked_through or self.allowed()
            if not self.looked_through:
                raise NotBeforehand
            text, html = render({**facts, **{name: places[name] for name in names}}, linked)
            form = _Form(_Part.of(text), _Part.of(html), tuple(names), tuple(links), _quoted(text, html))
            self.usable = form.fill(facts, links) == written
            self.by_signature[signature] = form if self.usable else None
        except NotBeforehand as error:
            self.usable = error.name in names
            self.fixed.add(error.name)
            self.by_signature.clear()
        except (BoucleError, TemplateError, TypeError, ValueError, LookupError, AttributeError):
            self.usable = False


def finished(text: str, html: str) -> tuple[str, str]:
    """Return both parts as they are read: no empty lines one after the other, names of another direction kept apart."""
    return _EMPTY_LINES.sub("\n\n", text).strip() + "\n", as_elements(html)


def _quoted(text: str, html: str) -> tuple[QuotedPart, QuotedPart] | None:
    """Return both parts, rendered with places, in quoted-printable; None where a value could change how they finish."""
    if any(sign in text + html for sign in OPEN):
        return None
    text, html = finished(text, html)
    return _quoted_part(text), _quoted_part(html)


def _quoted_part(rendered: str) -> QuotedPart:
    lines = []
    for line in rendered.split("\n"):
        pieces = _MARK.split(line)
        places = [(int(number), _TIMES[sign]) for sign, number in zip(pieces[1::3], pieces[2::3], strict=True)]
        lines.append(LineWithPlaces(tuple(pieces[::3]), tuple(places)))
    return QuotedPart.of(lines)


def may_be_rendered_beforehand(environment: Environment, name: str) -> bool:
    """Tell whether a template and all that it is made of write texts out, ask for them and compare facts, and no more.

    A text that was put together is one in which a place no longer tells that it is looked into.
    """
    return not any(look.works_on_texts for look in _looks(environment, name))


@dataclass(frozen=True, slots=True)
class _Look:
    """What a template's source says: whether it works on texts, and which templates it names; None: by a variable."""

    works_on_texts: bool
    named: tuple[str | None, ...]


_LOOKED_THROUGH: WeakKeyDictionary[Environment, dict[str, _Look]] = WeakKeyDictionary()
"""Sources that were looked through, by name: all mails are made of the same few parts."""


def _works_on_texts(tree: nodes.Template) -> bool:
    if list(tree.find_all(_FORBIDDEN)) or {node.name for node in tree.find_all(nodes.Filter)} - _FILTERS:
        return True
    if {node.name for node in tree.find_all(nodes.Test)} - _TESTS:
        return True
    stored = {node.name for node in tree.find_all(nodes.Name) if node.ctx != "load"}
    imported = {node.target for node in tree.find_all(nodes.Import)}
    looked_into: list[nodes.Node] = [
        *(node.node for node in tree.find_all(nodes.Getattr) if _has_a_text(node.attr)),
        *(node.node for node in tree.find_all(nodes.Getitem) if _has_a_text(getattr(node.arg, "value", None))),
    ]
    for node in tree.find_all(nodes.Compare):
        looked_into += [node.expr, *(beside.expr for beside in node.ops)]
    return not all(_is_given(node, (_GIVEN | imported) - stored) for node in looked_into)


def _has_a_text(key: object) -> bool:
    """Tell whether what is looked up may be something that a text has: a method, a sign, a part."""
    return not isinstance(key, str) or hasattr(Markup, key)


def _is_given(node: nodes.Node, given: frozenset[str] | set[str]) -> bool:
    """Tell whether an expression is a constant, something that a template is given, or a part that is got of that."""
    if isinstance(node, nodes.Const):
        return True
    if isinstance(node, nodes.Call):
        return isinstance(node.node, nodes.Getattr) and node.node.attr == "get" and _is_given(node.node, given)
    if isinstance(node, nodes.Getattr | nodes.Getitem):
        return _is_given(node.node, given)
    return isinstance(node, nodes.Name) and node.name in given


def _looks(environment: Environment, name: str) -> Iterator[_Look]:
    """Give what a template and those that it names say; raises TemplateError for what cannot be known."""
    waiting, seen = [name], set[str]()
    known = _LOOKED_THROUGH.setdefault(environment, {})
    while waiting:
        current = waiting.pop()
        if current in seen or environment.loader is None:
            continue
        seen.add(current)
        if current not in known:
            tree = environment.parse(environment.loader.get_source(environment, current)[0])
            known[current] = _Look(_works_on_texts(tree), tuple(find_referenced_templates(tree)))
        yield known[current]
        for named in known[current].named:
            if named is None:
                raise TemplateError(f"{current} names a template by a variable")
            waiting.append(named)
