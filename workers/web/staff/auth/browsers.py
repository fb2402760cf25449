"""What a browser calls itself, in few words: for the list of one's own sessions.

Nothing is decided by it: anybody may send any name.
"""

PROGRAMS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("CrOS", "Chromebook"),
    ("Linux", "Linux"),
)
"""Marks in the order in which they are looked for: most browsers name others too."""


def browser_name(user_agent: str) -> str:
    """Return program and system, such as "Firefox, Windows"; empty where neither is known."""
    text = user_agent[:500]
    parts = (next((name for mark, name in marks if mark in text), "") for marks in (PROGRAMS, SYSTEMS))
    return ", ".join(filter(None, parts))
