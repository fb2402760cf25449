"""How much of each customer a batch of events needs: whole where an answer or a merge may change anything of them."""

import orjson
from embedded import Embedded, about, journey, score
from waveparts import wave

from workers.cloudevents import Event
from workers.domain.customer.profile import customer_id
from workers.domain.types import CustomerId
from workers.usecases.case_reader import Need, need_of
from workers.usecases.event_owners import EventOwners


def need(boucle: Embedded, *sent: dict[str, object], in_part: bool = True) -> Need:
    """Return what events need to know in an installation that knows nobody."""
    parsed = [boucle.parts.files.codec.parse(orjson.dumps(event), (), boucle.clock.now()) for event in sent]
    events = [event for event in parsed if isinstance(event, Event)]
    assert len(events) == len(sent)
    with boucle.store.reading() as connection:
        owners = EventOwners(connection, boucle.parts.policies.current().ids)
        owners.find(events)
        return need_of(events, owners, in_part=in_part)


def key(boucle: Embedded, crm_id: str) -> CustomerId:
    """Return our key of a customer."""
    return customer_id(crm_id, boucle.parts.policies.current().ids)


def test_who_has_journeys_alone_is_read_in_part(boucle: Embedded) -> None:
    """All their events are kept for planning, in order; a dry run, which locks nobody, reads everybody whole."""
    sent = [journey("purchase", "1", reference="a", delivery_expected=True), journey("delivery", "1", reference="a")]
    part = need(boucle, *sent)
    assert (part.whole, part.crm_ids) == (set(), {key(boucle, "1"): "1"})
    assert [event.name for event in part.planned[key(boucle, "1")]] == ["purchase", "delivery"]
    assert need(boucle, *sent, in_part=False).whole == {key(boucle, "1")}


def test_an_answer_needs_its_customer_whole_and_nobody_else(boucle: Embedded) -> None:
    """Of two customers of one batch only the one who answered is read whole."""
    both = need(boucle, score(3, "1"), journey("delivery", "2", reference="b"))
    assert both.whole == {key(boucle, "1")}
    assert set(both.planned) == {key(boucle, "2")}


def test_a_merge_needs_both_whole(boucle: Embedded) -> None:
    """Every row of the one moves to the other, who may be named by nothing else in the batch."""
    both = need(boucle, about("merged", "old", merged_into="new"))
    assert both.whole == {key(boucle, "old"), key(boucle, "new")}
    assert set(both.crm_ids.values()) == {"old", "new"}


def test_who_is_named_by_nothing_is_nobody(boucle: Embedded) -> None:
    """A wave for everybody needs no customer."""
    assert need(boucle, wave()) == Need()
