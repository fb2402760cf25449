"""What one event, one batch and one record may cost: processor time and memory of a child process, generously."""

from pathlib import Path

from budget import costs, dear

SECONDS, MEGABYTES = 4.0, 300.0
"""What is allowed takes less than a third of it; what 0.1.0 let happen took ten times as much."""
SITE = """
    from pathlib import Path
    from webparts import Site
    site = Site(Path("home"))
    BATCH = {"content-type": "application/cloudevents-batch+json"}
    ONE = {"content-type": "application/cloudevents+json"}
    def send(body, status, headers=ONE):
        answer = site.client.post("/v1/events", content=body, headers=headers)
        assert answer.status_code == status, (answer.status_code, answer.text[:300])
    send(b"{}", 400)
"""
INTAKE = """
    from pathlib import Path
    from embedded import Embedded
    from workers.usecases.dead_letters import DeadLetters
    from workers.store.ledger import Incoming
    from workers.domain.types import Ingress
    boucle = Embedded(Path("home"))
    def take(body):
        message = Incoming(body, [("ce_x", b"1")], None, "boucle.events", 0, 1)
        assert boucle.parts.intake.take([message], Ingress.KAFKA)[0].rejected
    take(b"{}")
"""
EVENTS = {
    "900 kB of byte order marks": r'b"\xef\xbb\xbf" * 300_000 + b"{}"',
    "300,000 empty objects in one event": """b'{"data":[' + b"{}," * 300_000 + b'{}]}'""",
    "a megabyte of backslashes": r"""b'{"id":"' + b"\\" * 980_000 + b'"}'""",
    "80,000 unknown fields": """b"{" + b",".join(b'"%d":1' % n for n in range(80_000)) + b"}" """,
    "a megabyte that is not UTF-8": r'b"\xff" * 990_000',
}
BATCHES = {
    "1.6 million empty objects": ('b"[" + b"{}," * 1_600_000 + b"{}]"', 413),
    "2.4 million numbers": ('b"[" + b"1," * 2_400_000 + b"1]"', 413),
    "one event of a million lists": ('b"[[" + b"[]," * 1_600_000 + b"[]]]"', 400),
    "a large event before half a million": ('b"[[" + b"[]," * 1_000_000 + b"[]]" + b",{}" * 600_000 + b"]"', 413),
    "one text of commas": ("""b'["' + b"," * 4_900_000 + b'"]'""", 400),
    "five megabytes of byte order marks": (r'b"\xef\xbb\xbf" * 1_600_000', 400),
    "commas and opened texts": ("""b"[" + b'",' * 2_400_000""", 413),
    "commas and backslashes": (r"""b"[," + b'"\\' * 2_400_000""", 400),
    "many commas and a text that never ends": (r"""b"[[" + b"," * 1_001 + b'"\\' * 2_400_000""", 400),
}


def test_one_event_by_http_costs_little(tmp_path: Path) -> None:
    """The cost of an event is linear in its size, whatever it holds."""
    cost_of = costs(SITE, {name: f"send({body}, 400)" for name, body in EVENTS.items()}, tmp_path)
    assert dear(cost_of, SECONDS, MEGABYTES) == {}


def test_one_batch_by_http_costs_little(tmp_path: Path) -> None:
    """A batch is counted before it is read, so that its cost does not depend on how many events it claims."""
    cost_of = costs(
        SITE, {name: f"send({body}, {status}, BATCH)" for name, (body, status) in BATCHES.items()}, tmp_path
    )
    assert dear(cost_of, SECONDS, MEGABYTES) == {}


def test_one_record_of_kafka_costs_little(tmp_path: Path) -> None:
    """A record is not bounded by a door as a request is: 100 MB of it are hashed, and its beginning kept."""
    bodies = {**EVENTS, "a hundred megabytes": 'b" " * 100_000_000'}
    cost_of = costs(INTAKE, {name: f"take({body})" for name, body in bodies.items()}, tmp_path)
    assert dear(cost_of, SECONDS, MEGABYTES) == {}


RECORDS = """
    import gzip, sys, zlib
    from budget import TESTS
    sys.path.append(str(TESTS / "adapters" / "kafka"))
    from batchparts import HEAD, batch, by_aiokafka, by_kafka_python, record, sealed, sized, varint
    from workers.adapters.kafka.record_batches import read_by_record
    read_by_record(1_000_000)
    packer = zlib.compressobj(1, wbits=31)
    size = 300_000_000
    around = bytes(2) + varint(0) + sized(b"key") + varint(size)
    packed = packer.compress(varint(len(around) + size + 1) + around)
    for _ in range(300):
        packed += packer.compress(bytes(1_000_000))
    packed += packer.compress(varint(0)) + packer.flush()
    raw = batch(0, [packed], 1)
    behind = batch(1, [record(0, b"behind")])
    def read(by):
        found = by(raw + behind)
        assert (found.records[0].value.size, found.records[1].value) == (size, b"behind")
"""


def test_a_record_that_inflates_to_300_megabytes_costs_little(tmp_path: Path) -> None:
    """Both client libraries give its beginning, size and digest, and what stands behind it."""
    works = {"the stream": "read(by_aiokafka)", "the audit": "read(by_kafka_python)"}
    assert dear(costs(RECORDS, works, tmp_path), 2 * SECONDS, 100) == {}


def test_many_large_letters_are_listed_within_little_memory(tmp_path: Path) -> None:
    """A list of dead letters reads no bodies: 40 MB of them stay in the database."""
    works = {
        "filling": "for n in range(45):\n    take(b'%d' % n + b'x' * 900_000)",
        "listing": "assert len(DeadLetters(boucle.store, boucle.parts.intake.take, boucle.clock.now).list()) == 46",
    }
    assert dear({"listing": costs(INTAKE, works, tmp_path)["listing"]}, SECONDS, 20) == {}
