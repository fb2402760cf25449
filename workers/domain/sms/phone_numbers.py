"""A telephone number as carriers take it: E.164, the same however it was written."""

LONGEST_NUMBER = 64
"""Signs; in a longer text the library would look for a number."""


def international(text: str, country: str) -> str | None:
    """Return a number in E.164 such as +33612345678, or None for what is no number that could exist.

    A number without a country's prefix is read as one of `country` (ISO 3166 alpha-2); without one it is none.
    """
    if not 3 < len(text) <= LONGEST_NUMBER:
        return None
    import phonenumbers  # the plans of all countries take long to load, and few installations ask by SMS

    try:
        number = phonenumbers.parse(text, country or None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
