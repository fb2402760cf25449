"""Dispatching: mails and webhooks are leased, prepared, handed over in lanes, and their ends recorded.

Exactly once is not possible over SMTP; what may have left twice is counted as a copy, with the same bytes.
"""

from workers.usecases.delivery.outcomes import undeliverable
from workers.usecases.delivery.outgoing import Parcel
from workers.usecases.delivery.sender import Dispatching, HookSender, MailSender

__all__ = ["Dispatching", "HookSender", "MailSender", "Parcel", "undeliverable"]
