"""Boucle: the shared parts with the use cases made of them, and how an installation starts."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from workers.adapters.clock import Clock
from workers.app.files import tell_nobody
from workers.app.parts import Parts
from workers.errors import Misconfigured
from workers.settings import Settings

if TYPE_CHECKING:  # parts that few commands need: each is imported where it is made
    from workers.app.inspection import Inspection
    from workers.app.outgoing import Outgoing
    from workers.decision_table.live import Refused
    from workers.domain.mail.compose import Brand
    from workers.usecases.customer_actions import CustomerActions
    from workers.usecases.delivery.send_controls import Sending
    from workers.usecases.digest.weekly_round import DigestRound
    from workers.usecases.intake import Intake
    from workers.usecases.operation.clock_guard import ClockGuard
    from workers.usecases.places.claims import Claims
    from workers.usecases.places.given_answers import GivenAnswers
    from workers.usecases.places.place_answers import PlaceAnswers
    from workers.usecases.privacy.letter_search import LetterSearch
    from workers.usecases.privacy.retention import Retention
    from workers.usecases.rehearsal import Rehearsal
    from workers.usecases.rules.history import StoredRules
    from workers.usecases.scheduler import Scheduler
    from workers.usecases.sites.anonymous_questions import AnonymousQuestions
    from workers.usecases.sites.web_questions import WebQuestions
    from workers.usecases.sms.inbound import TextInbox
    from workers.usecases.sms.texting import Texting
    from workers.usecases.testimonials import Testimonials
    from workers.usecases.ticket_actions import TicketActions
    from workers.usecases.waves.reach import Reach


class Boucle(Parts):
    """All parts of one installation: the shared ones, the use cases, and what only some callers need of them.

    `outgoing` is for who sends, `inspection` for who checks.
    """

    @cached_property
    def outgoing(self) -> "Outgoing":
        """Return what hands over: mails, webhooks, the outbox."""
        from workers.app.outgoing import Outgoing

        return Outgoing(self)

    @cached_property
    def inspection(self) -> "Inspection":
        """Return what looks for faults and weak settings."""
        from workers.app.inspection import Inspection

        return Inspection(self, self.outgoing)

    @cached_property
    def clock_guard(self) -> "ClockGuard":
        """What stops due work while business time has leapt, until somebody confirms it."""
        from workers.usecases.operation.clock_guard import ClockGuard

        return ClockGuard(self.store, self.clock.now_in)

    def look_at_rules(self) -> bool:
        """Take over what was edited among the rules; say whether anything changed. Raises NotNow."""
        return self.policies.look(self.store, self.now())

    def refused_edits(self) -> Mapping[str, "Refused"]:
        """Return which edits of the rules are refused, as a command finds them where no role may have looked.

        Faults of an operator's other files are told as well.
        """
        if self.settings.overrides is not None:
            _ = self.files.templates, self.files.codec
        return self.policies.refused()

    @cached_property
    def rules(self) -> "StoredRules":
        """Return what is remembered of the rule tables: past responses, events, decisions, live versions."""
        from workers.usecases.rules.active_policy import known_names
        from workers.usecases.rules.history import StoredRules

        return StoredRules(self.store, lambda: known_names(self.files.data), lambda: self.files.brand.time_zone)

    @cached_property
    def intake(self) -> "Intake":
        """What takes events in, whichever door they come by."""
        from workers.usecases.intake import Intake

        return Intake(self.store, self.files.codec, self.policy, self.now)

    @cached_property
    def rehearsal(self) -> "Rehearsal":
        """Return what tells beforehand what the intake would do."""
        from workers.usecases.rehearsal import Rehearsal

        return Rehearsal(self.store, self.files.codec, self.policy, self.now)

    @cached_property
    def scheduler(self) -> "Scheduler":
        """Return what takes up due work."""
        from workers.usecases.scheduler import Scheduler

        return Scheduler(self.store, self.policy, self.now, self.sending)

    @cached_property
    def reach(self) -> "Reach":
        """Return what tells whom the waves to come will reach."""
        from workers.usecases.waves.reach import Reach

        return Reach(self.store, self.policy, self.now)

    @cached_property
    def customer_actions(self) -> "CustomerActions":
        """Return what carries out the acts of customers."""
        from workers.usecases.customer_actions import CustomerActions

        return CustomerActions(self.store, self.policy, self.now)

    @cached_property
    def web_questions(self) -> "WebQuestions":
        """Return what asks customers on the company's own pages."""
        from workers.domain.web_sites import parse_keys
        from workers.usecases.sites.web_questions import WebQuestions

        keys = parse_keys(self.settings.site_keys.get_secret_value())
        return WebQuestions(self.store, self.customer_actions, self.policies.current, self.now, self.sending, keys)

    @cached_property
    def place_answers(self) -> "PlaceAnswers":
        """Return what takes answers at places."""
        from workers.domain.web_sites import parse_keys
        from workers.usecases.places.place_answers import PlaceAnswers

        keys = parse_keys(self.settings.place_keys.get_secret_value())
        return PlaceAnswers(self.store, self.policies.current, self.now, keys)

    @cached_property
    def given_answers(self) -> "GivenAnswers":
        """Return what those who answered without a name do with their answers."""
        from workers.usecases.places.given_answers import GivenAnswers

        return GivenAnswers(self.store, self.policies.current, self.now)

    @cached_property
    def claims(self) -> "Claims":
        """Return what takes what owners of addresses say that were left at places."""
        from workers.usecases.places.claims import Claims

        return Claims(self.store, self.customer_actions, self.intake, self.now)

    @cached_property
    def anonymous_questions(self) -> "AnonymousQuestions":
        """Return what asks visitors without a name on sites that want it."""
        from workers.usecases.sites.anonymous_questions import AnonymousQuestions

        return AnonymousQuestions(self.store, self.policies.current, self.now, self.sending, self.place_answers)

    @cached_property
    def text_inbox(self) -> "TextInbox":
        """Return what takes reports and replies of a carrier of SMS."""
        from workers.usecases.sms.inbound import TextInbox

        return TextInbox(self.store, self.policy, self.now, self.intake.take)

    def texting(self) -> "Texting | None":
        """Return what hands SMS over, one per event loop; None where a carrier of the operator's own does."""
        carrier = self.outgoing.text_carrier()
        if carrier is None:
            return None
        from workers.usecases.sms.texting import Texting

        templates = self.files.templates
        return Texting(
            self.store,
            self.policy,
            self.now,
            lambda: templates.catalogs,
            brand=lambda: templates.brand.name,
            sending=self.sending,
            carrier=carrier,
            only_to=[number.strip() for number in self.settings.sms_only_to.split(",") if number.strip()],
        )

    @cached_property
    def testimonials(self) -> "Testimonials":
        """Return what carries out what promoters decide about their words."""
        from workers.usecases.testimonials import Testimonials

        return Testimonials(self.store, self.customer_actions)

    @cached_property
    def ticket_actions(self) -> "TicketActions":
        """Return what carries out the acts of agents."""
        from workers.usecases.ticket_actions import TicketActions

        return TicketActions(self.store, self.customer_actions)

    def retention(self) -> "Retention":
        """Return what deletes rows that are older than their table keeps them."""
        from workers.usecases.privacy.retention import Retention

        return Retention(self.store, self.now, lambda: self.policy().attributes)

    def digests(self) -> "DigestRound":
        """Return what sends the weekly digests of the team."""
        from workers.usecases.delivery.send_controls import sending_now
        from workers.usecases.digest.weekly_round import DigestRound

        return DigestRound(
            self.store, self.policy, self.now, lambda connection: sending_now(connection, self.sending).on
        )

    def letter_search(self) -> "LetterSearch":
        """Return what looks dead letters through for people who were erased."""
        from workers.usecases.privacy.letter_search import LetterSearch

        return LetterSearch(self.store, self.policy, self.now)


def start(
    settings: Settings,
    *,
    clock: Clock | None = None,
    sending: "Sending | None" = None,
    brand: "Brand | None" = None,
) -> Boucle:
    """Return the parts of an installation with everything checked; raises Misconfigured with all faults."""
    parts = Boucle(settings, clock, sending, given_brand=brand)
    try:
        parts.keys.settle(parts.store, parts.now())
        faults = parts.inspection.faults()
        if faults:
            raise Misconfigured(faults)
        parts.policies.remember(parts.store, parts.now())
    except BaseException:
        parts.store.close()
        raise
    return parts


def start_for_verb(
    settings: Settings, *, tell: Callable[[str], None] = tell_nobody, clock: Clock | None = None
) -> Boucle:
    """Return the parts of an installation for one command: each is read, checked and imported when it is asked for.

    A faulty edit of the rules is no fault: what was in use goes on, and `tell` hears of it when they are read. Raises
    Misconfigured when this machine has another key of ids than the database was begun with.
    """
    parts = Boucle(settings, clock, lenient=True, tell=tell)
    try:
        parts.keys.settle(parts.store, parts.now())
    except BaseException:
        parts.store.close()
        raise
    return parts
