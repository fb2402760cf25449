"""What is wrong with a setting, as a sentence for whoever set it: the variable, what it says, what is wanted instead.

A value of a secret is never shown, only how long it is. No words of a library reach an operator.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from workers.errors import Misconfigured

PREFIX = "BOUCLE_"
LONGEST_SHOWN = 80
TRUE_OR_FALSE = {True: "yes", False: "no"}


class FaultKind(StrEnum):
    """What to do about a setting: correct a `bad` one, remove or rename an `unknown` one, strengthen a `weak` one."""

    BAD = "bad"
    UNKNOWN = "unknown"
    WEAK = "weak"


@dataclass(frozen=True, slots=True)
class SettingFault:
    """One fault: `value` as it may be shown, `problem` what is wrong with it, `advice` what to set instead."""

    variable: str
    kind: FaultKind
    value: str
    problem: str
    advice: str

    @property
    def sentence(self) -> str:
        """The fault in one sentence: what stands there, what is wrong with it, what to do."""
        shown = f"{self.variable}={self.value}" if self.value else self.variable
        if self.kind is FaultKind.UNKNOWN:
            return f"{shown}: {self.problem}; {self.advice}"
        end = "" if self.advice.endswith((".", "?")) else "."
        return f"{shown}: {self.problem}. {self.advice[:1].upper()}{self.advice[1:]}{end}"

    def as_dict(self) -> dict[str, str]:
        """Return the fault as `boucle check --format json` prints it, its sentence beside its parts."""
        return {**asdict(self), "kind": str(self.kind), "sentence": self.sentence}


class FaultySettings(Misconfigured):
    """The settings cannot be used: every fault at once.

    `sound` is the text of each setting without fault, for whoever looks for other faults beside these.
    """

    def __init__(self, faults: list[SettingFault], sound: Mapping[str, str]) -> None:
        self.setting_faults = faults
        self.sound = sound
        super().__init__([fault.sentence for fault in faults])


def variable_of(name: str) -> str:
    return PREFIX + name.upper()


USER_INFO = re.compile(r"://[^/@\s]{1,1000}@")
"""A name and password in an address, wherever one was written by mistake."""


def shown_value(text: str, *, is_secret: bool) -> str:
    """Return a value as it may be shown: one short line, and of a secret its length alone."""
    if is_secret:
        return f"({len(text)} character{'s' if len(text) != 1 else ''}, not shown)"
    line = USER_INFO.sub("://...@", " ".join(text.split()))
    return line if len(line) <= LONGEST_SHOWN else f"{line[:LONGEST_SHOWN]}..."


def is_secret(field: FieldInfo) -> bool:
    """Tell whether a setting's value must never be shown."""
    return field.annotation is SecretStr


def of_validation(error: ErrorDetails, fields: Mapping[str, FieldInfo], values: Mapping[str, str]) -> SettingFault:
    """Turn pydantic's error about one field into a fault that names the variable and what to write instead."""
    name = str(error["loc"][0])
    field = fields[name]
    value = shown_value(values.get(name, ""), is_secret=is_secret(field))
    if error["type"] == "value_error":  # a sentence of our own: what is wrong, then what to do
        problem, _, advice = str(error["ctx"]["error"]).partition("; ")
        return SettingFault(variable_of(name), FaultKind.BAD, value, problem, advice or wanted(field))
    return SettingFault(variable_of(name), FaultKind.BAD, value, f"this is not {expected(field)}", wanted(field))


def expected(field: FieldInfo) -> str:
    """Return in words what a setting's value must be."""
    choices = choices_of(field)
    if choices:
        return " or ".join([", ".join(choices[:-1]), choices[-1]]) if len(choices) > 1 else choices[0]
    if field.annotation is bool:
        return "yes or no"
    if field.annotation in (int, float):
        kind = "a whole number" if field.annotation is int else "a number"
        return f"{kind}{range_of(field)}"
    return "a text that can be used here"


def choices_of(field: FieldInfo) -> list[str]:
    """Return the words a setting may have, when there are but a few."""
    pattern = next((rule.pattern for rule in field.metadata if getattr(rule, "pattern", None)), "")
    match = re.fullmatch(r"\^\(([\w|-]+)\)\$", str(pattern))
    return match[1].split("|") if match else []


def range_of(field: FieldInfo) -> str:
    """Put the limits of a number into words that follow `a number`; empty without limits."""
    limits: dict[str, Any] = {}
    for rule in field.metadata:
        for name in ("ge", "gt", "le", "lt"):
            if getattr(rule, name, None) is not None:
                limits[name] = getattr(rule, name)
    if "ge" in limits and "le" in limits:
        return f" from {limits['ge']} to {limits['le']}"
    words = {"ge": "of {} or more", "gt": "above {}", "le": "of {} or less", "lt": "below {}"}
    bounds = [words[name].format(limit) for name, limit in limits.items()]
    return f" {' and '.join(bounds)}" if bounds else ""


def wanted(field: FieldInfo) -> str:
    """Return what to do: set what is expected, or unset the variable for its default."""
    default = TRUE_OR_FALSE[field.default] if isinstance(field.default, bool) else field.default
    what = "set one of them" if choices_of(field) or field.annotation is bool else "set one"
    if default in (None, "") or isinstance(default, SecretStr):
        return f"{what}, or unset it"
    return f"{what}, or unset it for {default}"
