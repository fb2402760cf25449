"""The list of root causes is the operator's; what is wrong with it is said before anything starts."""

import pytest

from workers.domain.ticket.root_causes import read_causes
from workers.errors import Misconfigured


def test_areas_and_their_causes_are_read_in_order() -> None:
    """As they stand in the file, so they stand in the form."""
    assert read_causes(b"delivery: [late, damaged]\nproduct: [defect]\n") == {
        "delivery": ("late", "damaged"),
        "product": ("defect",),
    }


def test_a_word_is_read_as_it_is_written() -> None:
    """What YAML takes for an answer or a number is a name like others."""
    assert read_causes(b"on: [off, no, y2k]") == {"on": ("off", "no", "y2k")}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "holds no areas"),
        (b"[a, b]", "holds no areas"),
        (b"delivery: [", "cannot be read"),
        (b"delivery: late", "has no causes"),
        (b"delivery: []", "has no causes"),
        (b"delivery: [late, late]", "twice"),
        (b"Delivery: [late]", "is no name"),
        (b"delivery: ['too late/now']", "is no name"),
        (b"other: [late]", "leave it out"),
    ],
)
def test_a_list_that_cannot_be_used_says_what_to_write(body: bytes, said: str) -> None:
    """A sentence with the file's name."""
    with pytest.raises(Misconfigured, match=said) as refused:
        read_causes(body)
    assert all(fault.startswith("rules/root-causes.yaml") for fault in refused.value.faults)


def test_every_fault_is_said_at_once() -> None:
    """Nobody mends one and starts again to find the next."""
    with pytest.raises(Misconfigured) as refused:
        read_causes(b"Delivery: []\nother: [x, x]\n")
    assert len(refused.value.faults) == 4
