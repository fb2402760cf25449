"""Texts that broke something, and any text: what every page, file, mail and log has to bear. Holds no test."""

from hypothesis import strategies as st

NASTY = (
    *("\x00", "\ud800", "\udfff", "\ufffe", "\uffff", "\ufdd0", "\U0001fffe", "\ufeff", "\x1b[2J", "\x9b31m", "\x7f"),
    *("\x85", "\u2028", "\u2029", "\u202e", "\u2066", "\r", "\r\n", "\t", "\n=1", "=1+1", "\uff1d1", "x" * 40_000),
    *("😀", "e\u0301", "\u0637", "<script>", "]]>", "&#0;", "\\u0000", '"', "'", ";", "_x0000_", "{{ 7 }}", "%s"),
)
"""Each was refused, or misunderstood, by some format."""


def any_text() -> st.SearchStrategy[str]:
    """Return a strategy for any text at all, lone surrogates included, and the nasty ones between other words."""
    some = st.text(st.characters(exclude_categories=()), max_size=30)
    return st.lists(st.one_of(st.sampled_from(NASTY), some), max_size=4).map("".join)
