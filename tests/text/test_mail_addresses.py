"""Mail addresses: one out of a field, the form that travels, and one name for a mailbox however it is spelt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.domain.mail.compose import mime
from workers.errors import Never
from workers.text.mail_addresses import envelope_form, mailbox, one_address, spellings

ONE_MAILBOX = (
    "jean@exämple.fr",
    "jean@xn--exmple-cua.fr",
    "Jean@EXÄMPLE.fr",
    "jean@exämple.fr.",
    "je\u200ban@exämple.fr",
    "jean@exa\u0308mple.fr",
    "jean@exämple\u3002fr",
    " <jean@exämple.fr> ",
    "mailto:jean@exämple.fr",
    "jean@exämple.fr;",
    "Jean Dupont <jean@exämple.fr>",
)


def test_every_spelling_is_one_mailbox() -> None:
    """IDN and punycode, capitals, a last dot, what nobody sees, and what stands around an address."""
    assert {mailbox(each) for each in ONE_MAILBOX} == {"jean@xn--exmple-cua.fr"}
    assert all("jean@exämple.fr" in spellings(each) for each in ONE_MAILBOX)  # what 0.1.0 remembered


@pytest.mark.parametrize(
    ("field", "address"),
    [
        ("a@b", "a@b"),
        ("<a@b>", "a@b"),
        ("mailto:a@b", "a@b"),
        ("mailto://a@b", "a@b"),
        ("MAILTO:a%2Bc@b.fr?subject=x", "a+c@b.fr"),
        ("a@b;", "a@b"),
        ("'a@b.fr'", "a@b.fr"),
        ("a@b.fr\r\n", "a@b.fr"),
        ("o'neil@b.fr", "o'neil@b.fr"),
        ("josé@b.fr", "josé@b.fr"),
        ("Marie.Roux+shop@Example.ORG", "Marie.Roux+shop@Example.ORG"),
        *(
            (field, None)
            for field in (
                *("", " ", "@", "a@", "@b", "deleted", "none", "a b@c.fr", '"a b"@c.fr', "a@b@c.fr", "a@b c.fr"),
                *("a@b.fr, c@d.fr", "a@b.fr;c@d.fr", "a@b.fr c@d.fr", "<a@b.fr>, <c@d.fr>", "a@b.fr / c@d.fr"),
                *("a..b@c.fr", ".a@b.fr", "a@-b.fr", "a@b..fr", "a@b_c.fr", "=?utf-8?q?a?=@b.fr", "a\0@b.fr"),
                *("a" * 65 + "@b.fr", "a@" + "b" * 300, "x" * 2_000, "a@b.fr\nBcc: c@d.fr", "a@[127.0.0.1]"),
            )
        ),
    ],
)
def test_a_field_holds_one_address_or_none(field: str, address: str | None) -> None:
    """What is plain is mended; two addresses, or half of one, are none."""
    assert one_address(field) == address


@given(st.text(max_size=60) | st.from_regex(r"[<a-zé. ]{0,5}[a-z+]{1,9}@[a-zé.]{1,12}[>;., ]{0,2}", fullmatch=True))
def test_what_the_door_takes_can_be_sent_and_stays_what_it_is(text: str) -> None:
    """No text breaks it; an address that is taken composes, and is taken again as it is, as one mailbox."""
    assert spellings(text)[0] == mailbox(text)
    address = one_address(text)
    if address is None:
        return
    assert one_address(address) == address
    assert mailbox(address) == mailbox(text)
    try:
        assert mime.ascii_domain(address) == envelope_form(address)
    except Never as error:
        pytest.fail(f"{address!r} was taken and cannot be sent: {error}")
