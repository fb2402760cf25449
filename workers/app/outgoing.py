"""What hands over: mails, webhooks and messages of the outbox, with what takes returned mails; for who sends."""

import os
import secrets
import socket
from functools import cached_property
from typing import TYPE_CHECKING

from workers.adapters import kafka
from workers.adapters.returned_mails import OneFile
from workers.adapters.smtp.sender import SmtpSender
from workers.adapters.smtp.server import Server
from workers.app.parts import Parts
from workers.app.settings_values import kafka_of, returned_mail
from workers.errors import BadInput, Misconfigured
from workers.usecases.bounces.collection import Place

if TYPE_CHECKING:  # parts that few commands need: each is imported where it is made
    from workers.adapters.file_mailbox import MailboxSender
    from workers.usecases.bounces.intake import BounceIntake
    from workers.usecases.delivery.handing_over import HookSender, MailSender
    from workers.usecases.delivery.sender import Delivery
    from workers.usecases.outbox_relay import OutboxRelay
    from workers.usecases.sms.carrier import TextCarrier

MAILBOX_AT_ONCE = 100
"""Mails written into the local mailbox per group; there is no connection to spare."""


class Outgoing:
    """Makes what the sending roles run; each is made anew for its own event loop or thread, the mailbox once."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @cached_property
    def mailbox(self) -> "MailboxSender | None":
        """Return the local mailbox, or None when mails leave by SMTP."""
        from workers.adapters.file_mailbox import MailboxSender

        return None if self._parts.settings.has_smtp else MailboxSender(self._parts.settings.home / "mailbox")

    def mail_sender(self) -> "MailSender":
        """Return what hands mails over; one per event loop."""
        if self.mailbox is not None:
            return self.mailbox
        return SmtpSender(self._parts.settings.smtp_url.get_secret_value(), self._parts.settings.smtp_connections)

    def text_carrier(self) -> "TextCarrier | None":
        """Return what carries SMS, one per event loop; None without one. Raises Misconfigured."""
        url = self._parts.settings.sms_url.get_secret_value()
        if not url:
            return None
        from workers.app.text_carriers import carrier_of

        return carrier_of(url, self.text_door, self._parts.settings.home)

    @property
    def text_door(self) -> str:
        """The address at which the carrier of SMS tells us things; its last part is a secret."""
        from workers.app.text_carriers import kind_of

        parts = self._parts
        kind = kind_of(parts.settings.sms_url.get_secret_value())
        return f"{parts.settings.base_url}/m/{kind}/{parts.ids.keyed_hash('sms door', kind)[:32]}"

    def hook_sender(self) -> "HookSender | None":
        """Return what hands webhooks over, or None when none is set up."""
        if not self._parts.settings.webhook_url:
            return None
        from workers.adapters.webhook import WebhookSender

        settings = self._parts.settings
        return WebhookSender(settings.webhook_url, settings.webhook_secret.get_secret_value(), self._private_allowed)

    @property
    def _private_allowed(self) -> tuple[str, ...]:
        return tuple(url.strip() for url in self._parts.settings.allow_private_urls.split(",") if url.strip())

    @cached_property
    def webhook_target(self) -> str:
        """Return the name of where webhooks go, empty for nowhere; raises Misconfigured with every fault of it."""
        url, secret = self._parts.settings.webhook_url, self._parts.settings.webhook_secret.get_secret_value()
        if not url:
            return ""
        from workers.adapters.webhook import check_target

        return check_target(url, secret, self._private_allowed)

    def delivery(self, mails: "MailSender | None" = None) -> "Delivery":
        """Return what hands mails and webhooks over; one per event loop, with a mail sender of the caller's own."""
        from workers.usecases.delivery.sender import Delivery

        parts, settings = self._parts, self._parts.settings
        return Delivery(
            parts.store,
            parts.policy,
            parts.now,
            parts.files.templates,
            parts.sending,
            mails or self.mail_sender(),
            self.hook_sender(),
            connections=settings.smtp_connections if settings.has_smtp else MAILBOX_AT_ONCE,
            lease_seconds=settings.lease_seconds,
            crm_url=settings.crm_url,
        )

    def bounce_intake(self) -> "BounceIntake":
        """Make what judges mails that came back; only those sent to a return path that we signed count."""
        from workers.usecases.bounces.intake import BounceIntake

        parts = self._parts
        return BounceIntake(parts.store, parts.policy, parts.now, parts.links.read_return_path)

    def returned_mail(self) -> Place | None:
        """Return where returned mails lie, or None when nothing is set; raises Misconfigured for what is no place."""
        address = self._parts.settings.bounces.get_secret_value()
        try:
            place = returned_mail(address) if address else None
        except BadInput as error:
            raise Misconfigured([f"BOUCLE_BOUNCES: {error}"]) from error
        if isinstance(place, OneFile):
            raise Misconfigured([f"BOUCLE_BOUNCES: {place} is one file; name a folder, a Maildir or imaps://..."])
        return place

    def outbox_relay(self) -> "OutboxRelay":
        """Return what moves the outbox on: to Kafka, or to a file without a broker."""
        from workers.adapters.file_outbox import FileOutlet
        from workers.usecases.outbox_relay import SHARES, OutboxRelay

        cluster = kafka_of(self._parts.settings)
        holder = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
        if cluster is None:
            return OutboxRelay(self._parts.store, FileOutlet(self._parts.settings.home / "outbox.jsonl"), holder)
        outlet = kafka.TopicOutlet(cluster, self._parts.settings.topic_prefix)
        return OutboxRelay(self._parts.store, outlet, holder, shares=SHARES)

    @cached_property
    def mail_server(self) -> Server | None:
        """Return the mail server's address, or None without one; raises Misconfigured when it names none."""
        return Server.parse(self._parts.settings.smtp_url.get_secret_value()) if self._parts.settings.has_smtp else None
