"""The documents: settings, verbs, topics, metrics, states, reasons and retention stand in docs/ as in the code.

`python tests/test_docs.py` writes the generated parts of docs/settings.md and docs/commands.md anew.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from pydantic import SecretStr
from pydantic_core import PydanticUndefined
from starlette.routing import Route

from workers.adapters.kafka import Topic
from workers.cli import boucle
from workers.domain.explain.words import TRANSPORT
from workers.domain.invariants import GROUPS
from workers.domain.types import DecisionOutcome, Reason
from workers.settings import Settings
from workers.usecases.operation.status import STATUS_GROUPS
from workers.usecases.privacy.retention import KEEPS
from workers.web.app import PUBLIC, public_paths

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
AGAIN = "Run `python tests/test_docs.py`, then read what it wrote."
TABLES = {
    "touchpoint": "touchpoints",
    "survey_request": "survey_requests",
    "response": "responses",
    "decision": "decisions",
    "action": "actions",
    "dispatch": "dispatches",
    "ticket": "tickets",
    "testimonial": "testimonials",
    "dead_letter": "dead_letters",
}
"""The headings of states.md, and what books.GROUPS calls the same rows."""


def settings_lines() -> Iterator[str]:
    """Give the table of every setting."""
    yield "| variable | default | meaning |"
    yield "|---|---|---|"
    for name, field in Settings.model_fields.items():
        default = field.default
        if default is PydanticUndefined or default is None or (isinstance(default, SecretStr) and not default):
            default = ""
        shown = {True: "yes", False: "no"}.get(default, str(default)) if isinstance(default, bool) else str(default)
        secret = " (secret)" if field.annotation is SecretStr else ""
        yield f"| `BOUCLE_{name.upper()}` | {f'`{shown}`' if shown else ''} | {field.description}{secret} |"


def verbs(group: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Give every verb with its path; a group is one only where it does something by itself."""
    if not isinstance(group, click.Group) or (path and group.invoke_without_command):
        yield path, group
    if not isinstance(group, click.Group):
        return
    context = click.Context(group)
    for name in sorted(group.list_commands(context)):
        command = group.get_command(context, name)
        assert command is not None
        yield from verbs(command, (*path, name))


def verb_lines() -> Iterator[str]:
    """Give the table of every verb."""
    yield "| verb | what it does |"
    yield "|---|---|"
    for path, command in verbs(boucle):
        words = ["boucle", *path, *(usage_of(param) for param in command.params if usage_of(param))]
        usage = " ".join(words).replace("|", "\\|")
        yield f"| `{usage}` | {(command.help or '').split(chr(10) * 2)[0].replace(chr(10), ' ').strip()} |"


def usage_of(parameter: click.Parameter) -> str:
    """Return a parameter as it stands in a usage line."""
    if isinstance(parameter, click.Argument):
        name = metavar_of(parameter) if isinstance(parameter.type, click.Choice) else metavar_of(parameter).upper()
        name += "..." if parameter.nargs == -1 else ""
        return name if parameter.required else f"[{name}]"
    option = max(parameter.opts, key=len)
    if parameter.name == "form":
        return "[--format json]"
    flag = isinstance(parameter, click.Option) and parameter.is_flag
    shown = option if flag else f"{option} {metavar_of(parameter)}"
    return shown if parameter.required else f"[{shown}]"


def metavar_of(parameter: click.Parameter) -> str:
    """Return what stands for an option's value."""
    kind: Any = parameter.type
    return "|".join(kind.choices) if isinstance(kind, click.Choice) else (parameter.name or "").upper()


ACTS = """dead-letters discard, mail test, migrate, pause, resume, rules export, rules import, run, services down,
services up, sms reply, stream, tickets claim, tickets done, tickets note, topics create, users add, users digest,
users end-sessions, users link, users password, users remove, users reset-second-factor, users role, web, web token,
web try"""
"""The verbs that do something and say so in a sentence; all others print data."""


def test_every_verb_that_prints_data_prints_json() -> None:
    """A script may add --format json to each verb but those that only act."""
    silent = {" ".join(path) for path, verb in verbs(boucle) if "form" not in {param.name for param in verb.params}}
    assert silent == set(ACTS.replace("\n", " ").split(", "))


def path_lines() -> Iterator[str]:
    """Give the table of paths that are open to the world, each with the module that says what it shows."""
    yield "| path | what it is |"
    yield "|---|---|"
    for module in PUBLIC:
        what = (module.__doc__ or "").partition("\n")[0].partition(", /")[0]
        for path in sorted({route.path for route in module.routes if isinstance(route, Route)}):
            yield f"| `{path}` | {what.rstrip('.')} |"


def public_in(proxy: str) -> str:
    """Return the paths that are open to the world in the words of a proxy."""
    prefixes, paths = public_paths()
    if proxy == "nginx":
        inner = "|".join(re.escape(path).replace(r"\-", "-") for path in prefixes)
        return f"^({inner}|({'|'.join(re.escape(path) for path in paths)})$)"
    if proxy == "caddy":
        return " ".join([*(f"{prefix}*" for prefix in prefixes), *paths])
    return " || ".join([*(f"PathPrefix(`{prefix}`)" for prefix in prefixes), *(f"Path(`{path}`)" for path in paths)])


PUBLIC_IN = {
    "nginx": re.compile(r"(?<=    location ~ )\S+(?= \{)"),
    "caddy": re.compile(r"(?<=    @public path ).+"),
    "traefik": re.compile(r"(?<=feedback.example.org`\) && \()(?:PUBLIC_PATHS|Path.+\))(?=\)\")"),
}
"""Where the paths stand in the examples of proxies.md."""
DOORS = (
    "/v1/events",
    "Kafka",
    "/a/ /u/ /i/ /t/ /r/",
    "/w/",
    "sign-in",
    "uploads",
    "CSV",
    "bounce mailbox",
    "webhooks",
    "/metrics",
)
"""Where something comes in from outside: threats.md has a row for each."""


def layers() -> list[list[str]]:
    """Return the layers of pyproject.toml, top first."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (names_of_layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [layer.split(" : ") for layer in names_of_layers]


def architecture_lines() -> Iterator[str]:
    """Give the picture of the layers, and what each folder is for in its own words."""
    yield "```mermaid"
    yield "flowchart TD"
    for number, layer in enumerate(layers()):
        yield f'    subgraph layer{number}[" "]'
        yield "        direction LR"
        yield from (f"        {folder}" for folder in layer)
        yield "    end"
    yield from (f"    layer{number} --> layer{number + 1}" for number in range(len(layers()) - 1))
    yield "```"
    yield ""
    yield "| folder | what it is |"
    yield "|---|---|"
    for folder in (folder for layer in layers() for folder in layer):
        yield f"| `{folder}` | {head_of(folder)} |"


def head_of(folder: str) -> str:
    """Return the first sentence of a folder or module of workers/."""
    path = ROOT / "workers" / folder / "__init__.py"
    source = (path if path.is_file() else path.parent.with_suffix(".py")).read_text()
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


GENERATED = {
    "settings.md": settings_lines,
    "commands.md": verb_lines,
    "proxies.md": path_lines,
    "architecture.md": architecture_lines,
}


def generated(page: str) -> str:
    """Return the generated part of a page."""
    return "\n".join(GENERATED[page]())


@pytest.mark.parametrize("page", sorted(GENERATED))
def test_every_setting_and_every_verb_is_documented_as_it_is(page: str) -> None:
    """A setting or verb that is new, renamed or gone shows in its page, with its own words."""
    text = (DOCS / page).read_text()
    assert generated(page) in text, AGAIN


@pytest.mark.parametrize("proxy", sorted(PUBLIC_IN))
def test_each_example_of_a_proxy_lets_the_public_paths_through(proxy: str) -> None:
    """A page that is new in the public part, or gone from it, shows in every example."""
    (pattern,) = PUBLIC_IN[proxy].findall((DOCS / "proxies.md").read_text())
    assert pattern == public_in(proxy), AGAIN


def test_every_topic_is_documented() -> None:
    """topics.md has each topic and each schema, and no other."""
    text = (DOCS / "topics.md").read_text()
    assert set(re.findall(r"`(boucle\.[a-z-]+)`", text)) == {str(topic) for topic in Topic}
    schemas = {path.stem for path in (ROOT / "schemas").glob("*/*.json")}
    in_tables = {name for line in text.splitlines() if line.startswith("| `boucle.") for name in line.split("|")[3:4]}
    assert {name for cell in in_tables for name in re.findall(r"`([a-z-]+)`", cell)} == schemas


def test_every_metric_is_documented() -> None:
    """metrics.md has each metric that /metrics gives, and no other."""
    source = (ROOT / "workers" / "web" / "api" / "metrics.py").read_text()
    named = set(re.findall(r"\"(boucle_[a-z_]+)\"", source)) | {f"boucle_{group}" for group in STATUS_GROUPS}
    documented = set(re.findall(r"^\| `(boucle_[a-z_]+)`", (DOCS / "metrics.md").read_text(), re.MULTILINE))
    assert {name.removesuffix("_total") for name in documented} == named


PROMQL = frozenset(["absent", "and", "by", "delta", "increase", "offset", "on", "or", "rate", "sum", "unless"])


def test_every_alert_is_about_a_metric_and_a_state_that_exist() -> None:
    """alerts.yaml names metrics of metrics.md, labels they have, states there are, and pages that are there."""
    rows = re.findall(r"^\| `(boucle_[a-z_]+)` \|([^|]*)\|", (DOCS / "metrics.md").read_text(), re.MULTILINE)
    labels_of = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    (group,) = yaml.safe_load((DOCS / "alerts.yaml").read_text())["groups"]
    assert group["rules"]
    for rule in group["rules"]:
        expression = rule["expr"]
        assert (DOCS / rule["annotations"]["runbook"]).is_file(), rule["alert"]
        assert {"summary", "description"} <= set(rule["annotations"])
        for name, chosen in re.findall(r"(boucle_\w+)(?:\{([^}]*)\})?", expression):
            assert name in labels_of, f"{rule['alert']}: {name} is no metric"
            for label, values in re.findall(r"(\w+)=~?\"([^\"]*)\"", chosen):
                assert label in labels_of[name], f"{rule['alert']}: {name} has no label {label}"
                if label == "state":
                    assert set(values.split("|")) <= set(GROUPS[name.removeprefix("boucle_")])
        bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|boucle_\w+|offset \w+", "", expression)
        assert set(re.findall(r"[a-z]+", bare)) <= PROMQL, rule["alert"]


def sections() -> dict[str, str]:
    """Return the sections of states.md by table."""
    parts = re.split(r"^## (\w+)$", (DOCS / "states.md").read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def transitions(section: str) -> list[tuple[str, str, str, set[str]]]:
    """Return (from, to, verb, reasons) of a section."""
    rows_of_states = []
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[0] not in ("from", "---"):
            rows_of_states.append((cells[0], cells[1], cells[2], set(re.findall(r"`([^`]+)`", cells[3])) - {"-"}))
    return rows_of_states


def test_every_table_with_states_has_a_section() -> None:
    """states.md has the tables that the books count by state, each with its states in the code's words."""
    sections_by_table = sections()
    assert set(sections_by_table) == set(TABLES)
    assert set(TABLES.values()) == set(GROUPS)
    for table, group in TABLES.items():
        listed = re.findall(r"`(\w+)`", sections_by_table[table].strip().splitlines()[0].split(";")[0])
        assert listed == [str(state) for state in GROUPS[group]], table
    outcomes = re.findall(r"`(\w+)`", sections_by_table["decision"].strip().splitlines()[0].split(";")[1])
    assert outcomes == [str(decision_outcome) for decision_outcome in DecisionOutcome]


@pytest.mark.parametrize("table", sorted(TABLES))
def test_every_state_is_reached_from_the_start(table: str) -> None:
    """Transitions name known states only, each with a verb, and lead from a new row to every state."""
    states = {str(state) for state in GROUPS[TABLES[table]]}
    rows = transitions(sections()[table])
    unset = set(re.findall(r"`(\w+)`", "".join(re.findall(r"No verb of this release sets: (.*)", sections()[table]))))
    assert all(verb for _, _, verb, _ in rows)
    assert {named for row in rows for named in row[:2]} - {"(new)"} == states - unset
    reached, before = {"(new)"}, set[str]()
    while reached != before:
        before = set(reached)
        reached |= {to for start, to, _, _ in rows if start in reached}
    assert reached - {"(new)"} == states - unset


def test_every_reason_is_documented_and_no_other() -> None:
    """Each reason code of the code stands on the page, and the page has none of its own."""
    on_page = {reason for section in sections().values() for *_, reasons in transitions(section) for reason in reasons}
    text = (DOCS / "states.md").read_text()
    coded = {str(reason) for reason in Reason} | set(TRANSPORT)
    assert on_page - coded == set()
    assert {reason for reason in coded if f"`{reason}`" not in text} == set()


def test_retention_is_documented_as_it_is() -> None:
    """privacy.md has each table's days, as `boucle retention` has them."""
    rows = [f"| `{keep.name}` | {keep.days} | {keep.since} | {keep.why} |" for keep in KEEPS]
    assert "\n".join(rows) in (DOCS / "privacy.md").read_text()


def test_no_link_leads_nowhere() -> None:
    """Every relative link between the pages names a file that exists, and every verb that is named exists."""
    verbs_known = {" ".join(path) for path, _ in verbs(boucle)}
    for page in DOCS.glob("*.md"):
        text = page.read_text()
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
        for quoted in re.findall(r"`boucle ([a-z][a-z -]*[a-z])", text):
            words = [word for word in quoted.split() if not word.startswith("-")]
            starts = [" ".join(words[:length]) for length in (1, 2)]
            groups = {name.split(" ")[0] for name in verbs_known}
            assert any(start in verbs_known or start in groups for start in starts), f"{page.name}: boucle {quoted}"


def test_every_door_names_guards_that_exist() -> None:
    """threats.md names for each door a test that is there, and every public path."""
    text = (DOCS / "threats.md").read_text()
    rows = [
        line for line in text.partition("## The doors")[2].partition("## Against")[0].splitlines() if "tests/" in line
    ]
    named = {row: re.findall(r"`(tests/[a-z_0-9/]+\.py)`", row) for row in rows}
    assert len(rows) > len(DOORS)
    assert all(named.values())
    assert [path for paths in named.values() for path in paths if not (ROOT / path).is_file()] == []
    assert [door for door in DOORS if door not in text] == []


def diagram(table: str) -> str:
    """Return the transitions of a table as a diagram; a state that no verb sets has no arrow."""
    rows = transitions(sections()[table])
    arrows = dict.fromkeys((start.replace("(new)", "[*]"), to) for start, to, _, _ in rows if start != to)
    return "\n".join(["```mermaid", "stateDiagram-v2", *(f"    {a} --> {b}" for a, b in arrows), "```"])


@pytest.mark.parametrize("table", sorted(TABLES))
def test_every_table_with_states_has_its_diagram(table: str) -> None:
    """What is drawn is what the table of transitions says."""
    assert f"<!-- diagram -->\n{diagram(table)}\n<!-- end -->" in sections()[table], AGAIN


def test_every_word_of_the_code_is_in_the_code() -> None:
    """words.md explains the code's own nouns, and each is the name of a class."""
    section = (DOCS / "words.md").read_text().partition("## In the code")[2]
    named = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    sources = [path.read_text() for path in (ROOT / "workers").rglob("*.py")]
    assert len(named) > 15
    assert [
        name for name in named if not any(re.search(rf"^class {name}\b", source, re.MULTILINE) for source in sources)
    ] == []


def test_every_path_that_a_contributor_is_told_exists() -> None:
    """CONTRIBUTING.md and architecture.md name files and folders that are there."""
    for page in (ROOT / "CONTRIBUTING.md", DOCS / "architecture.md"):
        named = re.findall(r"`((?:workers|tests|rules|templates|schemas|docs)/[\w./-]*)`", page.read_text())
        assert [path for path in named if not (ROOT / path).exists()] == [], page.name


def test_every_library_has_its_row_in_the_design() -> None:
    """DESIGN.md says of each library that is installed what it is for and over what; none that is gone stays there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = [re.split(r"[\[><=]", line)[0].lower() for line in project["dependencies"]]
    section = (ROOT / "DESIGN.md").read_text().partition("## Libraries, and why")[2].partition("\n### ")[0]
    assert re.findall(r"^\| `([a-z0-9-]+)` \|", section, re.MULTILINE) == sorted(names)
    assert [name for name in ("oidc", "spf") if f"(`{name}`;" not in section] == []


def write() -> None:
    """Write the generated parts of the pages between their marks."""
    states = DOCS / "states.md"
    parts = re.split(r"^(## \w+)$", states.read_text(), flags=re.MULTILINE)
    for at in range(1, len(parts), 2):
        bare = re.sub(r"<!-- diagram -->.*?<!-- end -->\n", "", parts[at + 1], flags=re.DOTALL).rstrip("\n")
        drawn = f"<!-- diagram -->\n{diagram(parts[at].removeprefix('## '))}\n<!-- end -->"
        parts[at + 1] = f"{bare}\n\n{drawn}\n" + ("\n" if at + 2 < len(parts) else "")
    states.write_text("".join(parts))
    for page in GENERATED:
        path = DOCS / page
        head, mark, rest = path.read_text().partition("<!-- generated -->")
        tail = rest.partition("<!-- end -->")[2]
        path.write_text(f"{head}{mark}\n{generated(page)}\n<!-- end -->{tail}")
    path = DOCS / "proxies.md"
    for proxy, place in PUBLIC_IN.items():
        path.write_text(place.sub(public_in(proxy).replace("\\", r"\\"), path.read_text()))


if __name__ == "__main__":
    write()
