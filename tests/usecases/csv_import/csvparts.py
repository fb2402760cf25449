"""What the tests of importing files share: the codec of the shipped schemas, and a small export with its mapping.

Holds no test.
"""

from pathlib import Path

from workers.cloudevents import Codec, read_schemas

SCHEMAS = Path(__file__).parents[3] / "schemas"
CODEC = Codec(
    read_schemas(
        {
            str(path.relative_to(SCHEMAS)): path.read_bytes()
            for path in SCHEMAS.rglob("*.json")
            if path.name != "openapi.json"
        }
    )
)
HEAD = "customer_id,email,name,order_id,paid_at,label,delivery\n"
MAPPING = """
source: shop
time_zone: Europe/Paris
customer: {id: "{customer_id}", email: "{email}", name: "{name}"}
events:
  - type: boucle.journey.purchase.v1
    id: "{order_id}-purchase"
    time: "{paid_at}"
    data: {reference: "{order_id}", label: "{label}", delivery_expected: "{delivery}"}
"""


def line(number: int, name: str = "Bo", label: str = "lamp") -> str:
    """Return one good row."""
    return f"c{number},a{number}@example.org,{name},p{number},2026-11-20T10:05:00,{label},no\n"
