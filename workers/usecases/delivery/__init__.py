"""Delivery: mails and webhooks are leased, prepared, handed over in lanes, and their ends recorded.

Exactly once is not possible over SMTP; what may have left twice is counted as a copy, with the same bytes.
"""

from workers.usecases.delivery.outcomes import undeliverable
from workers.usecases.delivery.outgoing import OutgoingMessage
from workers.usecases.delivery.sender import Delivery, HookSender, MailSender

__all__ = ["Delivery", "HookSender", "MailSender", "OutgoingMessage", "undeliverable"]
