"""What the tests of the envelope share: the shipped schemas, and one good event."""

from datetime import UTC, datetime
from pathlib import Path

from workers.cloudevents import read_schemas

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
FILES = {
    str(path.relative_to(ROOT / "schemas")): path.read_bytes()
    for path in sorted((ROOT / "schemas").rglob("*.json"))
    if path.name != "openapi.json"
}
SCHEMAS = read_schemas(FILES)


def delivery(**changes: object) -> dict[str, object]:
    """Return a good delivery event; a change to None removes the attribute."""
    event: dict[str, object] = {
        "specversion": "1.0",
        "id": "d-1",
        "source": "crm",
        "type": "boucle.journey.delivery.v1",
        "subject": "C-1",
        "time": "2026-03-31T14:05:00+02:00",
        "data": {
            "reference": "5001",
            "label": "lamp",
            "product": "Lumo",
            "customer": {"id": "C-1", "email": "a@b.org"},
        },
    }
    event.update(changes)
    return {name: value for name, value in event.items() if value is not None}
