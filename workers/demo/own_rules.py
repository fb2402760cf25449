"""The lamp shop's own rules, as an operator writes them into a folder of overrides: the shipped ones with more columns.

Some customers are asked by SMS, some on the shop's site; a question about the lamp in use is asked of a share; after a
call the question is how satisfied they are; hotels and decorators are accounts and are asked again and again;
milestones wait for support. What an operator of the demo has overridden is left alone, and then the lamp shop is asked
about by those rules.
"""

import csv
import io
from pathlib import Path

from workers.adapters.resources import Data
from workers.domain.attributes import FILE as ATTRIBUTES_FILE
from workers.domain.places.listed import FILE as PLACES_FILE
from workers.domain.types import MAIL, SMS, QuestionKind
from workers.domain.web_sites import FILE as SITES_FILE

FOLDER = "lamp-shop"
"""Where they stand in the home of the demo; edit them there while the demo runs."""
PLAN, CALENDAR = "rules/journey-plan", "rules/calendar.yaml"
SITE = "lamp-shop"
ORIGIN = "https://www.lamp-shop.example"
REACHED_BY, KIND = "reached_by", "customer_kind"
ATTRIBUTES = f"""# What the lamp shop's CRM says of a customer beyond name and region.
{REACHED_BY}:              # who asked the shop to write by SMS
  type: text
  values: [{MAIL}, {SMS}]
  may be unknown: no
  if missing: {MAIL}
  personal: no
{KIND}:           # people at home, or hotels and decorators
  type: text
  values: [home, trade]
  personal: no
account:                 # the hotel or decorator that somebody buys for
  type: text
  personal: no
  silent after: P120D
role:
  type: text
  values: [decides, uses]
  personal: no
"""
SITES = f"""# The shop's site puts the question on its pages: after an order, and to who stays.
{SITE}:
  name: lamp-shop.example
  origins: [{ORIGIN}]
  triggers: {{purchase: yes, time: 30}}
"""
TILL = "till"
PLACES = f"""# A screen by the till, for whoever is there; what is pressed again and again is kept apart.
{TILL}:
  kind: kiosk
  label: Lamp shop, at the till
  limits: {{minute: 3}}
"""
BY_SMS = {"J2": "J2-sms"}
"""The rows that are asked by SMS as well, of those who are reached so, and the id of the row that asks them."""
ON_SITE_FIRST = {"J3": "web then mail after 3d"}
SHARES = {"J3": "70"}
"""Per row, how many of a hundred customers are asked."""
QUESTIONS = {"J11": QuestionKind.CSAT.value}
"""Per row, what is asked where it is not the NPS: after a call, whether this one went well."""

COMES_ROUND = {"J18": "P6M"}
"""The row that asks who has lamps on trial, hotels and decorators, again and again."""
MAY_WAIT = dict.fromkeys(("J4", "J5", "J6", "J8", "J9", "J10"), "P5D")
"""The rows that wait while support could not call who would be unhappy."""
CALLS_A_DAY = 1
"""Calls of one agent on a whole day: all three do many other things."""
NEW_COLUMNS = {
    "channel: text": ON_SITE_FIRST,
    "share: integer 1..100": SHARES,
    "question: text": QUESTIONS,
    "every: wait": COMES_ROUND,
    "may wait: wait": MAY_WAIT,
}
"""Outputs that the shipped plan does not have, by their lines of table.yaml, each with its cells by the row's id."""


def write_rules(folder: Path, shipped: Data) -> Path:
    """Write the lamp shop's rules into a folder, over those of an earlier demo, and return it."""
    for name, text in files_of(shipped).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def files_of(shipped: Data) -> dict[str, str]:
    """Return the texts of the files by where they belong."""
    return {
        ATTRIBUTES_FILE: ATTRIBUTES,
        SITES_FILE: SITES,
        PLACES_FILE: PLACES,
        CALENDAR: shipped.read(CALENDAR).decode().replace("# calls_a_day: 8", f"calls_a_day: {CALLS_A_DAY}"),
        f"{PLAN}/table.yaml": definition(shipped.read(f"{PLAN}/table.yaml").decode()),
        f"{PLAN}/rules.csv": rows(shipped.read(f"{PLAN}/rules.csv").decode()),
        f"{PLAN}/cases.csv": cases(shipped.read(f"{PLAN}/cases.csv").decode()),
        f"{PLAN}/contrary.csv": shipped.read(f"{PLAN}/contrary.csv").decode(),
        f"{PLAN}/waves.csv": shipped.read(f"{PLAN}/waves.csv").decode(),
    }


def definition(text: str) -> str:
    """Return the columns, with how a customer is reached, and where and how many are asked."""
    column = f"  {REACHED_BY}: {{type: text, values: [{MAIL}, {SMS}]}}\n"
    inputs, outputs = text.split("\noutputs:\n")
    new = "".join(f"  {line}\n" for line in NEW_COLUMNS)
    return f"{inputs.rstrip()}\n{column}\noutputs:\n{new}{outputs}"


def rows(text: str) -> str:
    """Return the shipped rows with the new columns, and one more for each that is also asked by SMS."""
    head, *shipped = csv.reader(io.StringIO(text), delimiter=";")
    new = [[*head, REACHED_BY, *(line.partition(":")[0] for line in NEW_COLUMNS)]]
    touchpoint, reminder = head.index("touchpoint"), head.index("reminder")
    for row in shipped:
        id = row[0]
        new.append([*row, MAIL if id in BY_SMS else "-", *(cells.get(id, "") for cells in NEW_COLUMNS.values())])
        if id in BY_SMS:
            by_sms = [BY_SMS[id], *row[1:]]
            by_sms[touchpoint], by_sms[reminder] = f"{row[touchpoint]}-{SMS}", ""
            new.append([*by_sms, SMS, SMS, *[""] * (len(NEW_COLUMNS) - 1)])
    return written(new)


def cases(text: str) -> str:
    """Return the shipped cases, each for who is reached by mail and for who is reached by SMS."""
    head, *shipped = csv.reader(io.StringIO(text), delimiter=";")
    new = [[*head[:-1], REACHED_BY, head[-1]]]
    for *inputs, rules in shipped:
        by_sms = [BY_SMS.get(rule, rule) for rule in rules.split(",")]
        new += [[*inputs, MAIL, rules], [*inputs, SMS, ",".join(by_sms)]]
    return written(new)


def written(lines: list[list[str]]) -> str:
    """Return a table as the files have them."""
    out = io.StringIO()
    csv.writer(out, delimiter=";", lineterminator="\n").writerows(lines)
    return out.getvalue()
