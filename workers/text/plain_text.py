"""Plain text: what a text becomes before it goes into a format that cannot hold every character, or must not.

One function for each format, so that no writer has rules of its own. Each is total, and gives text that fits back as
it is. Spreadsheet cells are in spreadsheets.py, mail headers in composing/facts.py; both begin here.
"""

import json
import re
import unicodedata

UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufdd0-\ufdef"
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000))
    + "]"
)
"""C0 and C1 but tab and newline, line separators, direction overrides, byte order mark, lone surrogates, noncharacters:
none of them is a word, and each breaks a format or lies about the text around it."""
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""What PostgreSQL's text and UTF-8 cannot hold."""
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What is no Char of XML 1.0 (production 2)."""
NOT_ONE_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_AROUND_WORDS = "()[]<>{}.,;:'\"`-_/*?\\"
_WRITTEN_BY_PROGRAMS = frozenset({"null", "NULL", "undefined", "NaN", "nil"})
_PLACEHOLDERS = frozenset(
    {
        "",
        "null",
        "none",
        "nil",
        "undefined",
        "nan",
        "n/a",
        "n.a",
        "na",
        "unknown",
        "sans nom",
        "no name",
        "noname",
        "keine angabe",
        "k.a",
        "not provided",
        "not available",
        "guest",
        "anonymous",
        "inconnu",
        "test",
        "tbd",
    }
)
"""What stands for no name, in small letters and without signs around it."""
_WORDS_OF_PLACEHOLDERS = frozenset({"name"}.union(*(words.split() for words in _PLACEHOLDERS)))
"""Each word by itself that stands in a placeholder, or in what programs write; small letters."""
_LETTERS_ALONE = re.compile(r"[^\W\d_]+(?: [^\W\d_]+)+")
"""What nearly all names are: two words or more, of letters, with one space between."""
_LEFT_OF_A_PROGRAM = re.compile(
    r"\{\{[^{}]{0,80}\}\}|\$\{[^{}]{0,80}\}|\[\[[^\[\]]{0,80}\]\]|<%[^<>%]{0,80}%>|\*\|[^*|]{0,80}\|\*|%[A-Z][A-Z0-9_]{1,40}%|"
    r"\[object \w{1,40}\]|#(?:N/A|REF!|NAME\?|VALUE!|NULL!|DIV/0!)|(?<!\S)\\N(?!\S)"
)
"""A place in a text that nobody filled in, an object that nobody wrote out, a cell that could not be computed."""
_FIELD_OF_A_NAME = re.compile(
    r"(?:\w+\.)?(?:(?:first|last|full|given|family|sur|user|nick|display|customer|contact|f|l)[ _.-]?)?name|"
    r"pr[eé]nom|nom|vorname|nachname|nombre|apellido",
    re.IGNORECASE,
)
_AROUND_FIELDS = " ()[]<>{}%|*#$@~&!:.,;'\"`-_/\\?"
"""Signs in which mail programs and spreadsheets write the name of a field where its value was to stand."""


def for_reader(text: str) -> str:
    """Return text for people, on a page, in a mail, a cell or a terminal: lines end in a newline, UNSAFE is a space."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return UNSAFE.sub(" ", text)


def name_of_somebody(text: str) -> str:
    """Return a person's name without the words that programs write where there is none; empty where nothing is left.

    Null is a family name too: it goes only in small or in capital letters, or when nothing else is there.
    """
    if _LETTERS_ALONE.fullmatch(text) and _WORDS_OF_PLACEHOLDERS.isdisjoint(text.casefold().split()):
        return text
    return without_placeholders(text)


def without_placeholders(text: str) -> str:
    """Return a name as `name_of_somebody` does, of any text, slowly."""
    text = _LEFT_OF_A_PROGRAM.sub(" ", text)
    words = text.split()
    whole = text.strip(_AROUND_FIELDS)
    if _is_placeholder(whole) or _FIELD_OF_A_NAME.fullmatch(whole):
        return ""
    if all(_is_placeholder(part) for word in words for part in re.split(r"[,;./|]+", word)):
        return ""
    return " ".join(word for word in words if word.strip(_AROUND_WORDS) not in _WRITTEN_BY_PROGRAMS)


def _is_placeholder(word: str) -> bool:
    return word.strip(_AROUND_WORDS).casefold() in _PLACEHOLDERS


def for_store(text: str) -> str:
    """Replace what PostgreSQL or SQLite cannot hold, such as NUL and lone surrogates."""
    return UNSTORABLE.sub(REPLACEMENT, text)


def for_xml(text: str) -> str:
    """Return text that an XML document holds, in an attribute as well."""
    return NOT_XML.sub(REPLACEMENT, text)


def for_log(text: str) -> str:
    """Return text on one line, its control characters written out: nobody can forge the next line of a log."""
    return NOT_ONE_LINE.sub(written_out, text)


def written_out(match: re.Match[str]) -> str:
    r"""Return a character as its escape, such as \x1b or \u202e."""
    code = ord(match[0])
    return {9: "\\t", 10: "\\n", 13: "\\r"}.get(code) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def json_text(value: object, *, indent: int | None = None) -> str:
    """Return a value as JSON that can be encoded: a lone surrogate is replaced, what JSON cannot say becomes text."""
    return UNSTORABLE.sub(REPLACEMENT, json.dumps(value, ensure_ascii=False, default=str, indent=indent))


def first_sign(text: str) -> str:
    """Return the first character of a text that can be seen, in its compatibility form: of U+FF1D the equals sign.

    "" for a text without one.
    """
    for sign in text:
        if not sign.isspace() and unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Cn", "Mn", "Zs"):
            return unicodedata.normalize("NFKC", sign)[:1]
    return ""
