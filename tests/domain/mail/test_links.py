"""Links in mails: what they carry, what they refuse, and that keys can be changed."""

from hypothesis import example, given
from hypothesis import strategies as st

from workers.domain.mail.links import Links

ID = "0195f2a0-1234-8abc-9def-0123456789ab"
URL = "https://ask.example.org/"


def test_a_link_carries_the_id_and_nothing_else_in_a_short_token() -> None:
    """A token is short enough not to break in a mail and holds nothing but the id."""
    url = Links(["k1"], URL).answer_url(ID, 9)
    assert url.startswith("https://ask.example.org/a/")
    assert url.endswith("?score=9")
    assert len(url) < 110


@given(st.binary(min_size=32, max_size=32))
@example(bytes(32))
def test_tokens_of_texts_of_one_length_have_one_length(digest: bytes) -> None:
    """Whatever stands in them: a page weighs the same for everybody and every day."""
    links = Links(["k1"], URL)
    assert len(links.sign("staff-form", digest.hex())) == len(links.sign("staff-form", "0123456789abcdef" * 4))


def test_a_token_that_was_packed_by_an_earlier_release_is_read() -> None:
    """0.1.0 packed a text where that made it shorter; its cookies and forms are still out there."""
    packed = ".eJxjMBgmAAC6WyWB.QQ5kuwuX7hrm0A41oLz9HQSUOgC5uYdZIi1q9ZF-mjQ"
    assert Links(["k1"], URL).read("session", packed) == "0" * 200


def test_each_purpose_has_its_own_token() -> None:
    """A token for one purpose opens nothing else."""
    links = Links(["k1"], URL)
    assert links.read("answer", links.sign("answer", ID)) == ID
    assert links.read("unsubscribe", links.sign("answer", ID)) is None


def test_a_new_first_key_keeps_old_links_alive_until_the_old_key_is_taken_out() -> None:
    """Keys rotate: the first signs, every one is accepted, one that is gone is not."""
    old, both, new = Links(["k1"], URL), Links(["k2", "k1"], URL), Links(["k2"], URL)
    assert both.read("answer", old.sign("answer", ID)) == ID
    assert new.read("answer", both.sign("answer", ID)) == ID
    assert new.read("answer", old.sign("answer", ID)) is None


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: not text.startswith("\0")))
@example("fifteen-signs-ok")
@example("exactly15bytes!")
@example(ID.upper())
def test_any_id_comes_back_as_it_was(id: str) -> None:
    """Whatever was signed is read again, sign for sign."""
    links = Links(["k1"], URL)
    assert links.read("nonce", links.sign("nonce", id)) == id


@given(st.data())
def test_a_changed_token_is_refused(data: st.DataObject) -> None:
    """No change of a single sign of a token is accepted for another id."""
    links = Links(["k1"], URL)
    token = links.sign("answer", ID)
    at = data.draw(st.integers(0, len(token) - 1))
    sign = data.draw(st.characters(max_codepoint=0x17F, exclude_characters=token[at]))
    assert links.read("answer", token[:at] + sign + token[at + 1 :]) in (None, ID)


@given(st.text())
def test_what_is_no_token_is_none_and_no_error(text: str) -> None:
    """Anything may stand in an address; it is refused quietly."""
    links = Links(["k1"], URL)
    assert links.read("answer", text) is None
    assert links.read_return_path(text) is None
    assert links.read_return_path(f"bounce+{text}@example.org") is None


def test_the_return_path_names_the_dispatch_and_survives_folding_to_upper_case() -> None:
    """Bounces find their dispatch, also through servers that change case, within 64 octets before the @."""
    links = Links(["k2", "k1"], URL)
    path = Links(["k1"], URL).return_path(ID, "example.org")
    local = path.partition("@")[0]
    assert len(local) <= 64
    assert path == path.lower()
    assert links.read_return_path(f"<{path.upper()}>") == ID
    assert Links(["k3"], URL).read_return_path(path) is None


def test_every_page_has_its_own_address() -> None:
    """The helpers lead to different pages, each readable for its purpose only."""
    links = Links(["k1"], URL)
    urls = {
        "answer": links.answer_url(ID),
        "unsubscribe": links.unsubscribe_url(ID),
        "testimonial": links.testimonial_url(ID),
        "improvement": links.improvement_url(ID),
    }
    for purpose, url in urls.items():
        assert links.read(purpose, url.rpartition("/")[2]) == ID
    assert len({url.rpartition("/")[0] for url in urls.values()}) == 4
    assert links.ticket_url(17) == "https://ask.example.org/tickets/17"
