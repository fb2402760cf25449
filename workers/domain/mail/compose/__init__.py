"""Compose a mail: template, facts, links and an instant give the bytes that leave, the same each time.

Split by step: `brand` (who writes), `facts` (what is said), `templates` (how it looks), `message` and `mime` (what
leaves). Pure:
no clock, no random, no I/O beyond the data reader that `Templates.load` is given.
"""

from typing import TYPE_CHECKING

from workers import on_demand

if TYPE_CHECKING:
    from workers.domain.mail.compose.brand import Brand
    from workers.domain.mail.compose.facts import MailFacts
    from workers.domain.mail.compose.message import compose
    from workers.domain.mail.compose.mime import Composed, survey_message_id
    from workers.domain.mail.compose.templates import Templates

__all__ = [
    "Brand",
    "Composed",
    "MailFacts",
    "Templates",
    "compose",
    "survey_message_id",
]

PLACES = {
    "Brand": "workers.domain.mail.compose.brand",
    "MailFacts": "workers.domain.mail.compose.facts",
    "compose": "workers.domain.mail.compose.message",
    **dict.fromkeys(("Composed", "survey_message_id"), "workers.domain.mail.compose.mime"),
    "Templates": "workers.domain.mail.compose.templates",
}
__getattr__ = on_demand(__name__, PLACES)
