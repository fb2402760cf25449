"""docker-compose.yml says what the program understands; no container engine is needed to hold that."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import yaml
from click.testing import CliRunner

from workers.app import kafka_of
from workers.cli import boucle
from workers.devservices import kafka, postgres
from workers.settings import Settings, read
from workers.usecases.operation.weak_settings import Surroundings, weak_settings

ROOT = Path(__file__).parent.parent
ROLES = ("stream", "send", "web")
OURS = (*ROLES, "migrate", "topics")


def compose() -> dict[str, dict[str, dict[str, object]]]:
    """Read the file, anchors and merges resolved."""
    read: dict[str, dict[str, dict[str, object]]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    return read


def variables() -> Iterator[str]:
    """Yield every variable that the roles are given."""
    for name in OURS:
        environment = compose()["services"][name]["environment"]
        assert isinstance(environment, dict)
        yield from environment


def test_every_variable_is_a_setting() -> None:
    """A role is given no variable that the settings do not know."""
    settings_known = {f"BOUCLE_{name.upper()}" for name in Settings.model_fields}
    settings_known |= {f"{name}_FILE" for name in settings_known}
    assert sorted(set(variables()) - settings_known) == []


def test_the_settings_can_be_read() -> None:
    """With the two variables that an operator must set, every role's settings are without fault."""
    for name in OURS:
        environment = compose()["services"][name]["environment"]
        assert isinstance(environment, dict)
        filled = {name: without_substitution(str(value)) for name, value in environment.items()}
        settings = read(filled)
        assert settings.sending == "held"
        cluster = kafka_of(settings)
        assert cluster is not None
        assert cluster.faults() == []
        assert weak_settings(settings, Surroundings(has_api_keys=False, sample_values=["name"])) == []


def without_substitution(text: str) -> str:
    """Fill in `${NAME:-default}` as the engine does, and a value for what must be given."""
    return re.sub(r"\$\{\w+:([-?])([^}]*)\}", lambda match: match[2] if match[1] == "-" else "given-" + 40 * "x", text)


def test_the_roles_are_given_the_real_parts() -> None:
    """Each role gets broker, database, mail server and secret, by the names of the containers beside it."""
    needed = {"BOUCLE_DATABASE_URL", "BOUCLE_KAFKA_BOOTSTRAP", "BOUCLE_SMTP_URL", "BOUCLE_SECRET", "BOUCLE_HOME"}
    services = compose()["services"]
    for role in ROLES:
        environment = services[role]["environment"]
        assert isinstance(environment, dict)
        assert needed <= set(environment)
        assert environment["BOUCLE_KAFKA_BOOTSTRAP"].partition(":")[0] in services
        assert environment["BOUCLE_SMTP_URL"].removeprefix("smtp://").partition(":")[0] in services
        assert environment["BOUCLE_DATABASE_URL"].rpartition("@")[2].partition(":")[0] in services


def test_a_role_waits_for_what_it_needs() -> None:
    """Roles start after migrations and topics; whatever is waited for to be healthy has a health check."""
    services = compose()["services"]
    for role in ROLES:
        waits = services[role]["depends_on"]
        assert isinstance(waits, dict)
        assert waits["migrate"]["condition"] == waits["topics"]["condition"] == "service_completed_successfully"
    for name, service in services.items():
        waits = service.get("depends_on", {})
        assert isinstance(waits, dict)
        for other, how in waits.items():
            assert how["condition"] != "service_healthy" or "healthcheck" in services[other], f"{name} on {other}"


def test_commands_are_verbs_of_the_command_line() -> None:
    """The roles and the one-shot services run verbs that exist."""
    for name in OURS:
        words = compose()["services"][name]["command"]
        assert isinstance(words, list)
        shown = CliRunner().invoke(boucle, [*words, "--help"])
        assert shown.exit_code == 0, shown.output


def test_versions_are_those_that_tests_run_on() -> None:
    """Kafka and PostgreSQL in containers are the versions that the tests start, and the image is this version."""
    services = compose()["services"]
    assert services["kafka"]["image"] == f"apache/kafka:{kafka.VERSION}"
    assert services["postgres"]["image"] == f"postgres:{postgres.OLDEST}"
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert {services[name]["image"] for name in OURS} == {f"boucle:{version}"}


def test_the_image_holds_what_the_wheel_holds() -> None:
    """The inline Dockerfile copies every folder that the package bundles."""
    build = compose()["services"]["web"]["build"]
    assert isinstance(build, dict)
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    for folder in wheel["only-include"]:
        assert f"COPY {folder} /src/{folder}" in build["dockerfile_inline"]


def test_only_pages_are_reachable_and_only_from_this_machine() -> None:
    """No port is published beyond loopback, and none of the broker or the database at all."""
    services = compose()["services"]
    for service in services.values():
        ports = service.get("ports", [])
        assert isinstance(ports, list)
        assert all(port.startswith("127.0.0.1:") for port in ports)
    assert "ports" not in services["kafka"]
    assert "ports" not in services["postgres"]
