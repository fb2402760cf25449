"""Ids: what was derived once is derived again, by every version."""

import hmac
from datetime import UTC, datetime

import pytest

from workers.domain.types import Ids

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_ids_are_those_of_every_version_before() -> None:
    """The same secret and natural key give the id that 0.1.0 gave, however often they are asked."""
    ids = Ids(b"one secret")
    for _ in range(2):
        assert ids.derive(AT, "touchpoint", "C-1", "purchase") == "019cadc6-9a80-80c7-a79e-8e9a497f746e"
        assert ids.derive(None, "customer", "C-1") == "168392a7-5677-8882-a390-d4a2fc2d50f9"
        assert ids.keyed_hash("address", "a@b.example") == (
            "3159d7a310864ed4a9afc037c9257b985c1103f00e4c3d6271f9e8dbf66e2890"
        )


@pytest.mark.parametrize("size", [0, 1, 32, 63, 64, 65, 200])
def test_a_keyed_hash_is_hmac_whatever_the_secret_is(size: int) -> None:
    """RFC 2104, also for a secret as long as a block of the hash, and for a longer one."""
    secret = bytes(range(size))
    assert Ids(secret).keyed_hash("a", "b") == hmac.new(secret, b"hash\x1fa\x1fb", "sha256").hexdigest()
