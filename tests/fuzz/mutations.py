"""What makes a good input a bad one: bytes flipped, texts that broke something, JSON that is nearly right.

Every function draws from the generator that it is given, so that a seed and a number give the same input.
Holds no test.
"""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from texts import NASTY

PIECES = (
    *(b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"\r", b"\n", b"\r\n\r\n", b'"', b"\\", b"{", b"[", b"<", b"&"),
    *(
        b"\xc3\x28",
        b"\xed\xa0\x80",
        b"\\u0000",
        b"\\ud800",
        b"--",
        b"]]>",
        b"=?utf-8?q?=0a?=",
        b"\x1a",
        b"%00",
        b"1e999",
    ),
    *(b"-0", b"9" * 400, b"''", b'""', b";", b",", b"../", b"\xf0\x9f\x98\x80", b" " * 300, b"\t", b"=", b"\x85"),
)
DEEPEST = 100
"""Levels of a JSON value that is changed once more."""
NUMBERS: tuple[object, ...] = (
    *(
        0,
        -1,
        1,
        10,
        11,
        12,
        255,
        2**31,
        2**53 + 1,
        2**63,
        2**64,
        -(2**63) - 1,
        10**40,
        10**400,
        0.5,
        -0.0,
        1e308,
        5e-324,
    ),
    *(float("nan"), float("inf"), 1e16, 3.0, True, False, None),
)
INSTANTS = (
    *("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999-23:59"),
    *(
        "2026-02-29T00:00:00Z",
        "2024-02-29T23:59:60Z",
        "2026-03-29T02:30:00+02:00",
        "2026-06-30t10:00:00z",
        "2026-03-31",
    ),
    *("1970-01-01T00:00:00Z", "2026-03-31T14:05:00", "2026-03-31T24:00:00Z", "1711886400", "20260331T140500Z", "now"),
    *("2026-03-31T14:05:00.123456789Z", "2026-03-31 14:05:00+02:00", "-2026-03-31T14:05:00Z", "2026-W14-2", ""),
    *("2026-03-31T14:05:00+14:00", "2026-03-31T14:05:00-12:00", "2026-03-31T14:05:00+24:00", "10000-01-01T00:00:00Z"),
)
WORDS = (
    *("C-1042", "c-1042", " C-1042 ", "C‑1042", "Ç-1042", "ſ", "İ", "ß", "0", "null", "true", "NaN", "-", "__proto__"),
    *(
        "a@b.example",
        "A@B.EXAMPLE",
        "a@b",
        "a@bücher.example",
        '"a b"@c.example',
        "a@[127.0.0.1]",
        "a@b.example\r\nBcc: x@y.z",
    ),
    *(
        "fr",
        "FR-ca",
        "zh-Hant-TW",
        "xx",
        "x" * 36,
        "Europe/Paris",
        "europe/paris",
        "../etc/passwd",
        "Etc/GMT+12",
        "GMT",
    ),
    *(
        "=?utf-8?q?x=0aBcc:_all@evil.example?=",
        "=cmd|' /C calc'!A0",
        "${7*7}",
        "{{7*7}}",
        "{% raw %}",
        "<svg onload=x>",
    ),
    *(
        "a" * 199,
        "a" * 200,
        "a" * 201,
        "é" * 200,
        "😀" * 100,
        "a\u0300" * 500,
        "\u202e" * 50,
        "/" * 300,
        "a b " * 2_000,
    ),
    *("01.02.2026", "1;2", "-", "%", "%25%30%30", "\\", "''", "' or 1=1 --", "boucle.journey.delivery.v1", "17", "1e3"),
)


def any_text(draw: Random) -> str:
    """Return a text: one that broke something once, an odd word, or any characters."""
    way = draw.randrange(6)
    if way == 0:
        return "".join(
            chr(draw.choice((draw.randrange(0x80), draw.randrange(0x3000), draw.randrange(0x110000))))
            for _ in range(draw.randrange(12))
        )
    if way == 1:
        return draw.choice(WORDS) + draw.choice(NASTY)[:500] + draw.choice(WORDS)
    if way == 2:
        return draw.choice(INSTANTS)
    return draw.choice(NASTY)[: draw.choice((500,) * 20 + (50_000,))] if way == 3 else draw.choice(WORDS)


def any_value(draw: Random) -> Any:
    """Return a JSON value, rarely a deep or a wide one."""
    way = draw.randrange(20)
    if way < 10:
        return any_text(draw)
    if way < 16:
        return draw.choice(NUMBERS)
    if way == 16:
        return [any_text(draw) for _ in range(draw.choice((0, 1, 3, 200)))]
    if way == 17:
        return {any_text(draw): draw.choice(NUMBERS) for _ in range(draw.choice((0, 1, 3, 200)))}
    deep: Any = draw.choice(NUMBERS)
    for _ in range(draw.choice((1, 5, 120, 240, 260))):
        deep = [deep] if way == 18 else {"a": deep}
    return deep


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value inside a JSON value, but of those that lie very deep."""
    if len(path) > DEEPEST:
        return []
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [each for key, inner in inside for each in ((*path, key), *places(inner, (*path, key)))]


def changed_json(draw: Random, value: Any) -> Any:
    """Return a copy of a JSON object with one value changed, added, moved or left out."""
    copy = json.loads(json.dumps(value))
    paths = places(copy)
    *above, last = draw.choice(paths)
    holder = copy
    for key in above:
        holder = holder[key]
    way = draw.randrange(8)
    if way == 0:
        del holder[last]
    elif way == 1 and isinstance(holder, dict):
        holder[any_text(draw)] = any_value(draw)
    elif way == 2:
        holder[last] = [holder[last]]
    elif way == 3 and isinstance(holder[last], str):
        holder[last] = holder[last] + any_text(draw)
    else:
        holder[last] = any_value(draw)
    return copy


def written(draw: Random, value: Any) -> bytes:
    """Return JSON as some sender would write it, also where it may not be written."""
    text = json.dumps(value, ensure_ascii=draw.random() < 0.5, indent=draw.choice((None, None, None, 0)))
    if draw.random() < 0.05:  # a key given twice
        text = text.replace("{", '{"id": "first", ' if draw.random() < 0.5 else '{"data": 1, ', 1)
    encoding = draw.choice(("utf-8",) * 30 + ("utf-16", "utf-8-sig", "latin-1", "cp1252", "utf-32"))
    return text.encode(encoding, "surrogatepass" if encoding.startswith("utf") else "replace")


def changed_bytes(draw: Random, raw: bytes, pieces: Sequence[bytes] = PIECES) -> bytes:
    """Return bytes with one thing done to them: a byte or a run of them changed, put in, left out, doubled, moved."""
    at, other = draw.randrange(len(raw) + 1), draw.randrange(len(raw) + 1)
    low, high = sorted((at, other))
    short = min(high, low + draw.choice((1, 2, 10, 100)))
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: raw[:at] + bytes([draw.randrange(256)]) + raw[at + 1 :],
        lambda: raw[:at] + draw.choice(pieces) + raw[at:],
        lambda: raw[:low] + draw.choice(pieces) + raw[short:],
        lambda: raw[:low] + raw[short:],
        lambda: raw[:low] + raw[low:short] * draw.choice((2, 3, 50)) + raw[short:],
        lambda: raw[:at],
        lambda: raw[:low] + raw[high : high + 50] + raw[low:high] + raw[high + 50 :],
        lambda: raw[:at] + draw.choice(pieces) * draw.choice((2, 30, 1_000)) + raw[at:],
    )
    return draw.choice(ways)()


def changed_lines(draw: Random, raw: bytes, pieces: Sequence[bytes] = PIECES) -> bytes:
    """Return a text of lines with one line left out, doubled, moved, put together with the next or changed."""
    lines = raw.splitlines(keepends=True) or [b""]
    at, other = draw.randrange(len(lines)), draw.randrange(len(lines))
    way = draw.randrange(6)
    if way == 0:
        del lines[at]
    elif way == 1:
        lines[at] *= draw.choice((2, 3, 60))
    elif way == 2:
        lines[at], lines[other] = lines[other], lines[at]
    elif way == 3:
        lines[at] = lines[at].rstrip(b"\r\n")
    else:
        lines[at] = changed_bytes(draw, lines[at], pieces)
    return b"".join(lines)
