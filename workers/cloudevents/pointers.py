"""JSON pointers: where in an event a fault is."""


def pointer(path: list[str]) -> str:
    """Join steps into a JSON pointer (RFC 6901), escaped."""
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in path)
