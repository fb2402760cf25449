"""What is wrong with a catalog of texts beside its gaps: its plural rule, its plural forms, its variables.

The plural rule is held against the CLDR's (Babel), number by number: a catalog may tell fewer kinds apart where they
differ for millions alone, as French does.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from gettext import c2py

from babel.messages.plurals import get_plural

from workers.domain.mail.translations import Catalog, Catalogs, Text

COUNTED = range(201)
"""Numbers that texts count: no rule of the CLDR tells numbers apart that behave alike up to here, but for millions."""
COUNT = "n"
SHORT_RULES = ("nplurals=1; plural=0;", "nplurals=2; plural=(n != 1);", "nplurals=2; plural=(n > 1);")


def faults_of_catalogs(catalogs: Catalogs) -> list[str]:
    """Return a sentence for each fault of each catalog, with what to write."""
    every = [catalogs.catalog(language) for language in sorted(catalogs.languages)]
    counts = {id for catalog in every for id, text in texts_of(catalog) if len(text.forms) > 1}
    variables = variables_of(every)
    faults: list[str] = []
    for catalog in every:
        place = f"templates/catalogs/{catalog.language}.po"
        of_catalog = (
            *rule_faults(catalog),
            *form_faults(catalog, counts),
            *variable_faults(catalog, variables, len(every)),
        )
        faults += [f"{place}: {fault}" for fault in of_catalog]
    return faults


def texts_of(catalog: Catalog) -> Iterator[tuple[str, Text]]:
    """Give every text with its id, stand-ins as well."""
    for id, chain in catalog.chains.items():
        for place, text in enumerate(chain, start=1):
            yield id if place == 1 else f"{id}/{place}", text


def rule_faults(catalog: Catalog) -> Iterator[str]:
    """Give what the plural rule of a catalog counts otherwise than its language, by the first numbers that show it."""
    kinds = [str(catalog.locale.plural_form(n)) for n in COUNTED]
    forms = [catalog.plural(n) for n in COUNTED]
    right = f'write "Plural-Forms: {right_rule(catalog, kinds)}"'
    if pair := first_pair(kinds, forms):
        yield f"its Plural-Forms tell {pair[0]} and {pair[1]} apart, which the language counts alike: {right}"
    if pair := first_pair(forms, kinds):
        yield f"its Plural-Forms count {pair[0]} and {pair[1]} alike, which the language tells apart: {right}"


def right_rule(catalog: Catalog, kinds: Sequence[str]) -> str:
    """Return the shortest rule that tells the kinds of numbers apart that texts count; else the whole one of Babel."""
    for rule in SHORT_RULES:
        form = c2py(rule.partition("plural=")[2].rstrip(";"))
        forms = [form(n) for n in COUNTED]
        if not (first_pair(kinds, forms) or first_pair(forms, kinds)):
            return rule
    whole = get_plural(str(catalog.locale))
    return f"nplurals={whole.num_plurals}; plural={whole.plural_expr};"


def first_pair(alike: Sequence[object], apart: Sequence[object]) -> tuple[int, int] | None:
    """Return the first two numbers that have the same in one list and not in the other."""
    first: dict[object, int] = {}
    for n, kind in enumerate(alike):
        other = first.setdefault(kind, n)
        if apart[other] != apart[n]:
            return other, n
    return None


def form_faults(catalog: Catalog, counts: Iterable[str]) -> Iterator[str]:
    """Give the texts that lack a plural form, or whose form for several numbers does not say which."""
    numbers = Counter(catalog.plural(n) for n in COUNTED if n)  # of nothing a text of its own is written
    for id, text in texts_of(catalog):
        if id not in counts:
            continue
        if len(text.forms) <= max(map(catalog.plural, COUNTED)):
            written, needed = len(text.forms), max(map(catalog.plural, COUNTED)) + 1
            yield f"{id!r} has {written} of {needed} plural forms: write msgid_plural and each msgstr[]"
            continue
        names = [{name for _, name in form if name is not None} for form in text.forms]
        every = set[str]().union(*names)
        for form, has in enumerate(names):
            may_lack = {COUNT} if numbers[form] <= 1 else set[str]()
            if missing := every - has - may_lack:
                lacks = f"{id!r}, msgstr[{form}] has not {braced(missing)}"
                yield f"{lacks}: only one for a single number may leave out {{n}}"


def variables_of(catalogs: Sequence[Catalog]) -> Mapping[str, Counter[str]]:
    """Return in how many languages each text has each of its variables."""
    variables: dict[str, Counter[str]] = {}
    for catalog in catalogs:
        for id, text in texts_of(catalog):
            variables.setdefault(id, Counter()).update(text.needs)
    return variables


def variable_faults(catalog: Catalog, variables: Mapping[str, Counter[str]], languages: int) -> Iterator[str]:
    """Give the texts with a variable that no other language has, or without one that all others have."""
    others = languages - 1
    for id, text in texts_of(catalog):
        unknown = {name for name in text.needs if others and variables[id][name] == 1}
        missing = {name for name, n in variables[id].items() if n == others > 1 and name not in text.needs}
        if unknown:
            yield f"{id!r} has {braced(unknown)}, which no other language has: write it in all of them or in none"
        if missing:
            yield f"{id!r} has not {braced(missing)}, which all other languages have: write it"


def braced(names: Iterable[str]) -> str:
    """Return variables as a text has them."""
    return ", ".join(f"{{{name}}}" for name in sorted(names))
