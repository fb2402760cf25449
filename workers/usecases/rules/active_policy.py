"""Policies: the rules in use in the form the core uses them, remembered by version before the first decision.

A faulty edit is refused with all its faults; what was in use goes on. Decisions keep the version they were taken with.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from pathlib import PurePath
from typing import TYPE_CHECKING

from workers.adapters.resources import Data
from workers.adapters.rule_files import Earlier, LiveRules
from workers.calendar import Calendar, instant_of, parse_send_window, zone_info
from workers.decision_table import KnownNames, Table, WaveDate
from workers.decision_table.live import Refused
from workers.decision_table.model.table import Column
from workers.decision_table.trials.replay import rest_in_use
from workers.domain.attributes import FILE, columns_of
from workers.domain.compiled_tables.follow_up import FollowUpTable
from workers.domain.compiled_tables.in_use import Versions
from workers.domain.compiled_tables.journey_plan import JourneyPlan
from workers.domain.customer.declared_attributes import read_attributes
from workers.domain.followup.table_contract import FOLLOW_UP, JOURNEY_PLAN
from workers.domain.mail.compose.kinds import KindsOfMail
from workers.domain.mail.deliverability import DeadRule, KeepRule, RefusalRule
from workers.domain.mail.links import Links
from workers.domain.policy import ContraryRule, Policy, WaveDay
from workers.domain.survey.planning import wave_ends
from workers.domain.types import Ids, MailClass
from workers.errors import Misconfigured
from workers.settings import Settings
from workers.store.engine import Store
from workers.store.rules import live, wordings
from workers.text.mail_addresses import mailbox

if TYPE_CHECKING:  # with the templates and the schemas behind it, which only a role takes over anew
    from workers.adapters.text_files import LiveText

__all__ = ["ACTIONS", "FOLLOW_UP", "JOURNEY_PLAN", "Policies", "known_names", "wave_day"]

log = logging.getLogger(__name__)
ACTIONS = frozenset(
    {
        "thank_you",
        "testimonial_request",
        "improvement_question",
        "urgent_contact",
        "call_back",
        "reopen_ticket",
        "public_review_request",
    }
)


class Policies:
    """Holds the policy in use. Any thread may read; `look` swaps it, one caller at a time."""

    def __init__(
        self,
        data: Data,
        settings: Settings,
        templates: KindsOfMail,
        ids: Ids,
        links: Links,
        earlier: Earlier | None = None,
        texts: Sequence["LiveText"] = (),
    ) -> None:
        """Read the rules. Faulty ones raise Misconfigured; with `earlier`, what that gives goes on instead.

        `texts` are the files beside the rules that are taken over with them.

        Only a role starts without `earlier`, and only a role says which version is in use and what it refused.
        """
        self._settings = settings
        self._texts = texts
        self._templates = templates
        self._ids = ids
        self._links = links
        self._is_role = earlier is None
        self._looking = threading.Lock()
        self._stored = live.StoredVersions()
        self._rules = LiveRules(data, self.known_names, earlier or (lambda place: None))
        self._refused = self._rules.refused()
        self._was: Mapping[str, str] = {}
        self._told: Mapping[str, Refused] = {}
        self._behind = False
        self._policy = self._build()

    def current(self) -> Policy:
        """Return the policy in use; it never changes, a rule that is edited makes another one."""
        return self._policy

    def refused(self) -> Mapping[str, Refused]:
        """Return the edits that were not taken, by the name of the table's folder or of the file."""
        return self._refused

    def look(self, store: Store, now: datetime) -> bool:
        """Take over what was edited, if it is good, and tell of it once if it is not; say whether anything changed.

        Cheap while nothing changes. What is taken over decides only after the store knows its version. Raises NotNow.
        """
        with self._looking:
            edited = [text.refresh() for text in self._texts]
            if any(edited):
                self._rules.forget()  # a table may name a template that is there now
            self._behind |= self._rules.refresh() or any(edited) or self._unknown_versions(store)
            if not self._behind:
                return False
            self._remember(store, now)
            self._behind = False
            return True

    def remember(self, store: Store, now: datetime) -> None:
        """Keep the rules in use by version, so that old decisions stay explainable. Idempotent."""
        with self._looking:
            self._remember(store, now)

    def known_names(self) -> KnownNames:
        """Return what names in a table may refer to."""
        return KnownNames(
            templates=self._templates.languages_by_template(),
            languages=self._templates.languages,
            actions=ACTIONS,
        )

    def _all_refused(self) -> Mapping[str, Refused]:
        """Return what was not taken, of the rules and of the files beside them."""
        return {**self._rules.refused(), **{text.name: text.refused for text in self._texts if text.refused}}

    def _unknown_versions(self, store: Store) -> bool:
        """Tell whether another process has taken a version over that this one could not look up."""
        with store.reading() as connection:
            return not live.all_told(connection, self._stored)

    def _remember(self, store: Store, now: datetime) -> None:
        """Keep what is in use in the store, then use it: what other processes had in use can be looked up as well."""
        items, refused = list(self._rules.contents()), self._all_refused()
        kept = [
            live.Kept(item.place, item.name, item.version, item.content, item.candidate, item.numbered)
            for item in items
        ]
        faults = {name: refusal.faults for name, refusal in refused.items()}
        self._stored = live.remember(store, kept, faults if self._is_role else None, now)
        if self._is_role:
            wordings.remember(store, self._templates.wordings(), now)
        self._policy = self._build()
        self._refused = refused
        self._tell({item.place: item.version for item in items})

    def _tell(self, in_use: Mapping[str, str]) -> None:
        """Say in the log what was taken over and what was refused: once."""
        for place, version in in_use.items():
            if self._was and self._was.get(place) != version:
                log.info("%s: version %s is in use", place, version[:12], extra={"action": "rules.live"})
        for name, refusal in self._refused.items() if self._is_role else ():
            if refusal != self._told.get(name):
                log.error(
                    "%s: the edit is refused, version %s goes on. %s",
                    name,
                    refusal.live_version[:12],
                    " ".join(refusal.faults),
                    extra={"action": "rules.refused"},
                )
        self._was, self._told = in_use, self._refused

    def _build(self) -> Policy:
        """Return the rules as the core uses them."""
        settings, brand, rules = self._settings, self._templates.brand, self._rules
        calendar, plan, contents = rules.calendar.value, rules.plan, self._stored.contents
        earlier = Versions(contents, JourneyPlan, self._stored.numbers)
        written_as = self._stored.written_as(plan.version)
        journeys = JourneyPlan(plan, earlier, rules.candidate(JOURNEY_PLAN), written_as)
        return Policy(
            ids=self._ids,
            plan=journeys,
            contrary=tuple(
                ContraryRule(rule.events, rule.effect, rule.scope, rule.until, rule.wait, rule.at_most)
                for rule in rules.contrary.value
            ),
            rest=rest_in_use(plan.rest),
            follow_up=FollowUpTable(rules.follow_up, Versions(contents, FollowUpTable), rules.candidate(FOLLOW_UP)),
            calendar=Calendar(zone=calendar.zone, hours=calendar.hours, holidays=calendar.days_off),
            calls_a_day=calendar.calls_a_day,
            window=parse_send_window(settings.send_window),
            holidays=calendar.days_off,
            zone=brand.time_zone,
            language=brand.language,
            languages=self._templates.languages,
            settling=timedelta(seconds=settings.settling_seconds),
            agents_address=settings.agents_address or brand.reply_to,
            webhook=bool(settings.webhook_url),
            mail_classes=self.mail_classes(),
            links=self._links,
            root_causes=rules.causes.value,
            attributes=rules.attributes.value,
            waves=tuple(
                wave_day(rule, calendar.opens_on(rule.day), brand.time_zone, journeys) for rule in rules.waves.value
            ),
            triggers=journeys.triggers() | listed_triggers(rules.follow_up),
            refusals=RefusalRule(settings.refusing_domains, timedelta(minutes=settings.refusing_minutes)),
            dead=DeadRule(settings.soft_bounces, timedelta(days=settings.soft_bounce_days)),
            shared_mailboxes=frozenset(mailbox(part) for part in settings.shared_mailboxes.split(",") if part.strip()),
            keep=KeepRule(
                survey=timedelta(days=settings.keep_survey_days),
                service=timedelta(days=settings.keep_service_days),
                promotion=timedelta(days=settings.keep_promotion_days),
            ),
            sites=rules.sites.value,
            places=rules.places.value,
            drivers=rules.drivers.value,
            duties=rules.duties.value,
            country=brand.country,
            wording=self._templates.wordings().id_in_use,
            team_country=calendar.days_off.country,
            texts=bool(settings.sms_url.get_secret_value()),
        )

    def mail_classes(self) -> Mapping[str, MailClass]:
        """Return the class of each mail template."""
        return {name: self._templates.mail_class(name) for name in self._templates.languages_by_template()}


def known_names(data: Data) -> KnownNames:
    """Return what names in a table may refer to, by the names of files alone: no template is tried."""
    languages = frozenset(PurePath(name).stem for name in data.list("templates/catalogs") if name.endswith(".po"))
    return KnownNames(
        templates=dict.fromkeys(data.list("templates/mail"), languages),
        languages=languages,
        actions=ACTIONS,
        inputs=declared_columns(data.read(FILE)),
    )


def check_rules(data: Data) -> None:
    """Read every rule where there may be no policy, because other files are faulty; raises Misconfigured with all."""
    LiveRules(data, lambda: known_names(data))


def declared_columns(body: bytes) -> Mapping[str, Column]:
    """Return the columns of the attributes that a file declares; none of one that cannot be read."""
    try:
        return columns_of(read_attributes(body))
    except Misconfigured:
        return {}


def listed_triggers(table: Table) -> frozenset[str]:
    """Return the triggers that the inputs of a follow-up table name; none where its column takes any text."""
    return frozenset(value for column in table.inputs if column.name == "trigger" for value in column.values or ())


def wave_day(wave: WaveDate, opens: time, zone: str, plan: JourneyPlan) -> WaveDay:
    """Return a day of the list: it begins when the team does, and is over when its last touchpoint is given up.

    The date alone is its key, because a name may be corrected after the wave went out.
    """
    at = instant_of(datetime.combine(wave.day, opens), zone_info(zone))
    return WaveDay(wave.day.isoformat(), wave.name, at, wave_ends(at, plan, zone))
