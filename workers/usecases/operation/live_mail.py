"""Live mail: what still stands between an installation whose parts work and mail that reaches its customers.

None of it is a fault: a trial is meant to be like this. `boucle check` tells it, so that "in order" means live.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from workers.domain.sending_state import SendingState
from workers.settings import Settings
from workers.usecases.operation.weak_settings import Surroundings, is_open_to_others, is_this_machine


@dataclass(frozen=True, slots=True)
class MailRoute:
    """What decides whether mail reaches customers; `sending` is None where no database says it yet.

    `held` is why the settings alone hold sending at the start, or empty.
    """

    settings: Settings
    surroundings: Surroundings
    held: str
    sending: SendingState | None


def before_live(route: MailRoute) -> list[str]:
    """Return everything that keeps mail from customers or is not meant for them, as sentences; empty when live."""
    return [*server(route.settings), *brand(route), *switches(route), *doors(route)]


def server(settings: Settings) -> Iterator[str]:
    """Give that no mail server is set, and that mail goes to other people than the customers."""
    if not settings.has_smtp:
        yield "BOUCLE_SMTP_URL is unset: mails stay in the mailbox of this machine, and none reaches a customer."
    if settings.mail_redirect:
        yield "BOUCLE_MAIL_REDIRECT is set: every mail goes to that address, and none to its customer."
    if settings.mail_only_to:
        yield "BOUCLE_MAIL_ONLY_TO is set: mail to anybody else is kept back and not sent later."


def brand(route: MailRoute) -> Iterator[str]:
    """Give that the company's name and addresses are still the sample shop's."""
    if route.surroundings.sample_values:
        left = ", ".join(route.surroundings.sample_values)
        yield f"templates/brand.yaml still holds the sample shop's {left}: write your own values."


def switches(route: MailRoute) -> Iterator[str]:
    """Give that sending is held or paused: all of it, or single touchpoints."""
    state = route.sending
    paused: Sequence[str] = sorted(state.paused) if state else ()
    if state is not None and state.state == "paused":
        yield f"Sending is paused ({state.reason}): `boucle resume` once that is mended."
    elif route.held and (state is None or state.state == "held"):
        yield "Sending is held: look at `boucle send --preview`, then `boucle resume` or BOUCLE_SENDING=on."
    for touchpoint in paused:
        yield f"The touchpoint {touchpoint} is paused: `boucle resume --touchpoint {touchpoint}`."


def doors(route: MailRoute) -> Iterator[str]:
    """Give what customers and senders of events meet at the pages: links that lead nowhere, a door without a key."""
    settings = route.settings
    host = urlsplit(settings.base_url).hostname or ""
    if is_this_machine(host):
        variable = (
            "BOUCLE_PUBLIC_URL" if settings.public_url else "BOUCLE_PUBLIC_URL is unset, so that BOUCLE_HTTP_BIND"
        )
        yield f"{variable} names this machine: the links in mails lead nowhere for customers."
    elif not is_open_to_others(settings.http_bind):
        if not settings.base_url.startswith("https://"):
            yield "BOUCLE_PUBLIC_URL begins with http://: answers and sign-ins are shown to everybody on the way."
        if not settings.api_keys.get_secret_value() and not route.surroundings.has_api_keys:
            yield "There is no key for events: anybody may send them by the proxy. `boucle keys create` makes one."
