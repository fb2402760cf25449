"""How many events a batch holds is told before it is read, and told right."""

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.cloudevents.batches import holds_more_than

VALUES = st.recursive(
    st.none() | st.integers(0, 99) | st.text(st.sampled_from('[]{},:"\\ aé')),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.sampled_from('[{,"\\')), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(VALUES, max_size=12), st.integers(1, 12), st.sampled_from([None, orjson.OPT_INDENT_2]))
@settings(max_examples=150, deadline=None)
def test_the_count_is_that_of_the_list(items: list[object], limit: int, form: int | None) -> None:
    """Brackets and commas in texts and inside items count for nothing; empty lists hold nothing."""
    assert holds_more_than(orjson.dumps(items, option=form), limit) is (len(items) > limit)


@given(st.binary(max_size=60), st.integers(0, 5))
@settings(deadline=None)
def test_any_bytes_are_counted_without_an_error(body: bytes, limit: int) -> None:
    """Of what is no JSON it only must not fail: reading refuses it."""
    assert holds_more_than(body, limit) in (True, False)
