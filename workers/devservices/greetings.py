"""Whether a part answers at its address: an address that is printed is one that works now.

Connects and says hello, no more: an address from the environment may be somebody's real server.
"""

import smtplib
import socket
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from workers.devservices import SETTINGS, Part, postgres
from workers.errors import NotNow

SECONDS = 20.0
"""How long a part that runs already may take to answer: it may just have been woken."""
POLL_SECONDS = 0.2
HELLO_SECONDS = 3.0


def see_that_they_answer(addresses: Mapping[str, str], seconds: float | None = None) -> None:
    """Wait until each part answers; raises NotNow naming the first that does not, and its setting."""
    patience = SECONDS if seconds is None else seconds
    for name, address in addresses.items():
        deadline = time.monotonic() + patience
        while not KINDS[name](address):
            if time.monotonic() > deadline:
                setting = SETTINGS[Part(name)]
                raise NotNow(
                    f"{name} does not answer at {shown(address)} within {patience:.0f} s. If {setting} is set, correct "
                    f"or unset it; else run `boucle services down {name}`, then `boucle services up {name}`."
                )
            time.sleep(POLL_SECONDS)


def shown(address: str) -> str:
    """Hide the password of an address."""
    head, at, rest = address.rpartition("@")
    return f"{head.rpartition(':')[0]}:***@{rest}" if at and ":" in head.partition("//")[2] else address


def accepts(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), HELLO_SECONDS).close()
    except OSError:
        return False
    return True


def kafka_answers(bootstrap: str) -> bool:
    """Tell whether one of a cluster's servers takes connections."""
    pairs = [server.strip().rpartition(":") for server in bootstrap.split(",")]
    return any(port.isdecimal() and accepts(host.strip("[]"), int(port)) for host, _, port in pairs)


def smtp_answers(url: str) -> bool:
    """Tell whether a mail server greets; where it speaks TLS at once, whether it takes connections."""
    address = urlsplit(url)
    host, port = address.hostname or "", address.port or 25
    if address.scheme == "smtps":
        return accepts(host, port)
    try:
        with smtplib.SMTP(host, port, timeout=HELLO_SECONDS) as client:
            return client.noop()[0] == 250
    except (OSError, smtplib.SMTPException):
        return False


KINDS: Mapping[str, Callable[[str], bool]] = {
    "kafka": kafka_answers,
    "postgres": postgres.answers,
    "smtp": smtp_answers,
}
