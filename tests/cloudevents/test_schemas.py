"""The documents other systems rely on: examples hold, our own messages fit, and every reference leads somewhere."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import jsonschema_rs
import orjson
import pytest
import yaml

from workers import cloudevents
from workers.cloudevents import Codec, Event, Rejected, read_schemas
from workers.domain.types import Band, TicketState

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "schemas"
NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
SCHEMAS = read_schemas(
    {str(path.relative_to(FOLDER)): path.read_bytes() for path in FOLDER.rglob("*.json") if path.name != "openapi.json"}
)
CODEC = Codec(SCHEMAS)
ASYNCAPI = yaml.safe_load((FOLDER / "asyncapi.yaml").read_text())
OPENAPI = orjson.loads((FOLDER / "openapi.json").read_bytes())
REGISTRY = jsonschema_rs.Registry([("https://boucle.example/schemas/parts.json", SCHEMAS["parts.json"])])
TOPICS_IN = {"boucle.events", "boucle.scores", "boucle.ticket-updates"}
TOPICS_OUT = {"boucle.survey-requests", "boucle.responses", "boucle.tickets", "boucle.testimonials"}
TRIGGERS = (
    *("purchase", "deal_won", "customer_started", "delivery", "milestone", "wave", "interaction_ended"),
    *("onboarding_finished", "feature_first_used"),
    *("website_visited", "article_read", "meeting_held", "trial_started", "renewal_due", "support_solved"),
    *("refund", "order_cancelled", "churned", "deceased", "complaint_opened", "complaint_closed"),
)


def examples(folder: str) -> list[tuple[str, dict[str, object]]]:
    """Return every example of a folder with the name of its schema."""
    named_examples = []
    for name, schema in sorted(SCHEMAS.items()):
        if name.startswith(folder):
            given = schema["examples"]
            assert isinstance(given, list)
            named_examples += [(name, example) for example in given]
    return named_examples


def validator(name: str) -> jsonschema_rs.Draft202012Validator:
    """Return a strict validator of one schema, formats included."""
    schema = jsonschema_rs.dereference(SCHEMAS[name], registry=REGISTRY, offline=True)
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


def references(node: object) -> Iterator[str]:
    """Yield every $ref of a document."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield str(value)
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def leads_somewhere(reference: str, document: object, at: Path) -> bool:
    """Follow one $ref, inside the document or into a file beside it."""
    file, _, pointer = reference.partition("#")
    if file:
        target = at.parent / file
        if not target.is_file():
            return False
        document = orjson.loads(target.read_bytes())
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(document, dict) or name not in document:
            return False
        document = document[name]
    return True


@pytest.mark.parametrize(("name", "example"), examples("in/"))
def test_every_example_that_comes_in_is_accepted(name: str, example: dict[str, object]) -> None:
    """What the schemas show is what the codec takes, and it is valid with formats checked too."""
    result = CODEC.parse(orjson.dumps(example), (), NOW)
    assert isinstance(result, Event), result
    validator(name).validate(example)


@pytest.mark.parametrize("name", sorted(name for name in SCHEMAS if name != "parts.json"))
def test_every_schema_is_one_and_shows_all_its_types(name: str) -> None:
    """Each schema is valid itself, has its own $id, and an example of every type it describes."""
    schema = SCHEMAS[name]
    assert jsonschema_rs.meta.is_valid(schema)
    assert schema["$id"] == f"https://boucle.example/schemas/{name}"
    given = schema["properties"]
    assert isinstance(given, dict)
    shown = {example["type"] for each, example in examples(name) if each == name}
    assert set(given["type"]["enum"]) - shown <= {
        "boucle.ticket.claimed.v1",  # the outgoing ticket message is the same for each change
        "boucle.ticket.waiting.v1",
        "boucle.ticket.reopened.v1",
    }


def test_every_type_of_the_interface_is_accepted() -> None:
    """The published names, and no others under our prefix."""
    wanted = {f"boucle.journey.{trigger}.v1" for trigger in TRIGGERS}
    wanted |= {f"boucle.customer.{change}.v1" for change in ("changed", "merged", "opted_out", "erased")}
    wanted |= {f"boucle.ticket.{change}.v1" for change in cloudevents.TicketChange}
    wanted |= {"boucle.score.v1", "boucle.survey-request.sent.v1", "boucle.survey-request.failed.v1"}
    assert set(CODEC.types) == wanted


AT = datetime(2026, 3, 31, 12, 5, tzinfo=UTC)


def emitted(crm_id: str) -> list[tuple[str, bytes]]:
    """Return one message of every sort with the schema it must fit."""
    request = cloudevents.SurveyRequestCreated(
        request="r-1",
        channel="sms",
        trigger="delivery",
        touchpoint="delivery-now",
        reference="5001",
        label="lamp",
        language="fr",
        link="https://feedback.example/a/T",
        closes_at=AT,
    ).to_bytes(cloudevents.Occasion("e-1", crm_id, AT))
    responses = [
        cloudevents.ResponseReceived(
            response="x-1",
            request=asked,
            score=3,
            band=Band.DETRACTOR,
            previous_band=before,
            trigger="delivery",
            touchpoint="delivery-now",
            reference="",
            has_comment=True,
            wants_contact=False,
            revision=1,
        ).to_bytes(cloudevents.Occasion("e-2", crm_id, AT))
        for asked, before in (("r-1", Band.PROMOTER), (None, None))
    ]
    rating = cloudevents.RatingReceived(
        response="x-2",
        request="r-2",
        question="csat",
        score=2,
        lowest=1,
        highest=5,
        trigger="interaction_ended",
        touchpoint="interaction",
        reference="",
        has_comment=True,
        wants_contact=False,
        revision=1,
    ).to_bytes(cloudevents.Occasion("e-6", crm_id, AT))
    tickets = [
        cloudevents.TicketChanged(
            change=change,
            ticket="t-1",
            number=17,
            score=3,
            trigger="delivery",
            reference="5001",
            due_at=AT,
            play="solve",
            state=TicketState.OPEN,
            owner="",
        ).to_bytes(cloudevents.Occasion("e-3", crm_id, AT))
        for change in ("opened", "claimed", "waiting", "done", "reopened")
    ]
    consented = cloudevents.TestimonialConsented(
        testimonial="m-1", wording="Good.", shown_name="M.", place="", scope="website", language="en"
    ).to_bytes(cloudevents.Occasion("e-4", crm_id, AT))
    withdrawn = cloudevents.TestimonialWithdrawn(testimonial="m-1").to_bytes(cloudevents.Occasion("e-5", crm_id, AT))
    return [
        ("out/survey-request.json", request),
        *(("out/response.json", response) for response in responses),
        ("out/rating.json", rating),
        *(("out/ticket.json", ticket) for ticket in tickets),
        ("out/testimonial-consented.json", consented),
        ("out/testimonial-withdrawn.json", withdrawn),
    ]


@pytest.mark.parametrize("crm_id", ["C-1042", ""])
def test_every_message_we_send_fits_its_schema(crm_id: str) -> None:
    """Formats included; a message about an erased customer has no subject."""
    for name, body in emitted(crm_id):
        validator(name).validate(orjson.loads(body))
        assert ("subject" in orjson.loads(body)) == bool(crm_id)


@pytest.mark.parametrize(("name", "example"), examples("out/"))
def test_every_example_that_goes_out_is_what_we_send(name: str, example: dict[str, object]) -> None:
    """An example shows exactly the fields a real message has, and is valid."""
    validator(name).validate(example)
    real = {schema_name: orjson.loads(body) for schema_name, body in emitted("C-1042")}[name]
    assert example.keys() == real.keys()
    data = example["data"]
    assert isinstance(data, dict)
    assert data.keys() == real["data"].keys()


def test_the_same_values_give_the_same_bytes() -> None:
    """A message sent twice is one event to its readers; keys are sorted."""
    assert emitted("C-1") == emitted("C-1")
    for _, body in emitted("C-1"):
        assert body == orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS)


def test_a_naive_time_is_not_sent() -> None:
    """A time without a zone is a mistake of ours and must not reach others."""
    with pytest.raises(ValueError, match="time zone"):
        cloudevents.TestimonialWithdrawn(testimonial="m").to_bytes(cloudevents.Occasion("e", "C", datetime(2026, 1, 1)))  # noqa: DTZ001  # the point
    with pytest.raises(ValueError, match="no change"):
        cloudevents.TicketChanged(
            change="noted",
            ticket="t",
            number=1,
            score=1,
            trigger="",
            reference="",
            due_at=AT,
            play="",
            state=TicketState.OPEN,
            owner="",
        ).to_bytes(cloudevents.Occasion("e", "C", AT))


def test_the_topics_are_the_seven() -> None:
    """Topics in are received, topics out are sent, each with 12 partitions."""
    addresses = {name: channel["address"] for name, channel in ASYNCAPI["channels"].items()}
    assert ASYNCAPI["asyncapi"] == "3.0.0"
    assert set(addresses.values()) == TOPICS_IN | TOPICS_OUT
    assert all(channel["bindings"]["kafka"]["partitions"] == 12 for channel in ASYNCAPI["channels"].values())
    for operation in ASYNCAPI["operations"].values():
        address = addresses[operation["channel"]["$ref"].removeprefix("#/channels/")]
        assert operation["action"] == ("receive" if address in TOPICS_IN else "send")
    assert len(ASYNCAPI["operations"]) == len(addresses)


def test_every_reference_leads_somewhere() -> None:
    """AsyncAPI, OpenAPI and the schemas refer only to what is there."""
    documents = [(FOLDER / "asyncapi.yaml", ASYNCAPI), (FOLDER / "openapi.json", OPENAPI)]
    documents += [(FOLDER / name, schema) for name, schema in SCHEMAS.items()]
    lost = [
        (path.name, reference)
        for path, document in documents
        for reference in references(document)
        if not leads_somewhere(reference, document, path)
    ]
    assert lost == []


def test_every_schema_is_the_payload_of_a_message() -> None:
    """A schema nobody can find from the topics would not be read; every message is on a channel."""
    messages = ASYNCAPI["components"]["messages"]
    payloads = {message["payload"]["$ref"].removeprefix("./") for message in messages.values()}
    assert payloads == set(SCHEMAS) - {"parts.json"}
    used = {
        each["$ref"].rpartition("/")[2]
        for channel in ASYNCAPI["channels"].values()
        for each in channel["messages"].values()
    }
    assert used == set(messages)


def test_openapi_names_the_doors_and_their_answers() -> None:
    """The fixed addresses, the answers to events, and a key on the door that writes."""
    paths = OPENAPI["paths"]
    fixed = {"/v1/events", "/v1/testimonials", "/healthz", "/readyz", "/metrics", "/openapi.json", "/a/{token}"}
    assert fixed <= set(paths)
    post = paths["/v1/events"]["post"]
    assert {"202", "400", "401", "413", "415"} <= set(post["responses"])
    assert post["security"] == [{"key": []}]
    assert "application/cloudevents-batch+json" in post["requestBody"]["content"]
    operations = [way for path in paths.values() for name, way in path.items() if name in ("get", "post")]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids))
    assert all(operation["summary"] and operation["responses"] for operation in operations)


def test_openapi_examples_are_accepted() -> None:
    """A CRM engineer can copy any example and send it, in each of the three modes."""
    content = OPENAPI["paths"]["/v1/events"]["post"]["requestBody"]["content"]
    single = [each["value"] for each in content["application/cloudevents+json"]["examples"].values()]
    batch = CODEC.parse_batch(orjson.dumps(content["application/cloudevents-batch+json"]["example"]), NOW)
    assert not isinstance(batch, Rejected)
    headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "crm", "ce-type": "boucle.journey.delivery.v1"}
    headers |= {"ce-time": "2026-03-31T14:05:00Z", "content-type": "application/json"}
    binary = CODEC.parse(orjson.dumps(content["application/json"]["example"]), headers, NOW)
    results = [*(CODEC.parse(orjson.dumps(each), (), NOW) for each in single), *batch, binary]
    assert len(results) == 6
    assert all(isinstance(result, Event) for result in results)


def test_openapi_answers_fit_their_own_schemas() -> None:
    """The examples of answers have the shapes the document declares."""
    for path in OPENAPI["paths"].values():
        for operation in (path.get("get"), path.get("post")):
            for answer in (operation or {}).get("responses", {}).values():
                for content in answer.get("content", {}).values():
                    shown = [content["example"]] if "example" in content else []
                    shown += [each["value"] for each in content.get("examples", {}).values()]
                    schema = {**content["schema"], "components": OPENAPI["components"]}
                    for example in shown:
                        jsonschema_rs.Draft202012Validator(schema).validate(example)
