"""Policies: the tables in use, read from the operator's folders, checked, and remembered by version.

A faulty table is refused with all its faults; the one in use goes on. Decisions keep the version they were taken with.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import PurePath

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers import causes, ruletable
from workers.compiled import FollowUpTable, JourneyPlan
from workers.composing import Brand, Templates
from workers.data import Data
from workers.duetime import Calendar, SendWindow, Wait, add_wait, instant_of, parse_window, zone_info
from workers.links import Links
from workers.policy import ContraryRule, Plan, Policy, Rest, WaveDay
from workers.ruletable import Known, RestPeriod, Table, WaveDate
from workers.settings import Settings
from workers.store import tables
from workers.store.engine import Store
from workers.words import BadInput, Ids, MailClass, Misconfigured

JOURNEY_PLAN, FOLLOW_UP = "rules/journey-plan", "rules/follow-up"
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
    """Holds the policy in use."""

    def __init__(
        self, data: Data, settings: Settings, brand: Brand, templates: Templates, ids: Ids, links: Links
    ) -> None:
        self._data = data
        self._settings = settings
        self._brand = brand
        self._templates = templates
        self._ids = ids
        self._links = links
        self._policy = self._load()

    def current(self) -> Policy:
        """Return the policy in use."""
        return self._policy

    def _load(self) -> Policy:
        """Read, check and compile both tables; raises Misconfigured with every fault of both."""
        faults: list[str] = []
        found: dict[str, Table] = {}
        for place in (JOURNEY_PLAN, FOLLOW_UP):
            try:
                table = ruletable.load(self._data.folder(place))
                ruletable.refuse(table, ruletable.check(table, known=self.known()))
                found[place] = table
            except Misconfigured as error:
                faults += [f"{place}: {fault}" for fault in error.faults]
            except BadInput as error:
                faults.append(f"{place}: {error}")
        if faults:
            raise Misconfigured(faults)
        try:
            return self._policy_of(found[JOURNEY_PLAN], found[FOLLOW_UP])
        except BadInput as error:  # a small file beside the tables
            raise Misconfigured([f"rules: {error}"]) from error

    def known(self) -> Known:
        """Return what names in a table may refer to."""
        return Known(
            templates=self._templates.known(),
            languages=frozenset(self._templates.catalogs.languages),
            actions=ACTIONS,
        )

    def _policy_of(self, plan: Table, follow_up: Table) -> Policy:
        settings, brand = self._settings, self._brand
        calendar = ruletable.load_calendar(self._data.read("rules/calendar.yaml"))
        hours = SendWindow(weekdays=calendar.weekdays, opens=calendar.opens, closes=calendar.closes)
        holidays = frozenset(calendar.holidays)
        contrary = ruletable.load_contrary((self._data.folder(JOURNEY_PLAN) / "contrary.csv").read_bytes())
        dates = self._data.folder(JOURNEY_PLAN) / "waves.csv"
        waves = ruletable.load_waves(dates.read_bytes()) if dates.exists() else ()
        journeys = JourneyPlan(plan)
        return Policy(
            ids=self._ids,
            plan=journeys,
            contrary=tuple(ContraryRule(one.events, one.effect, one.scope, one.until, one.wait) for one in contrary),
            rest=rest_of(plan.rest),
            follow_up=FollowUpTable(follow_up),
            calendar=Calendar(zone=calendar.zone, hours=hours, holidays=holidays),
            window=parse_window(settings.send_window),
            holidays=holidays,
            zone=brand.time_zone,
            language=brand.language,
            languages=frozenset(self._templates.catalogs.languages),
            settling=timedelta(seconds=settings.settling_seconds),
            agents_address=settings.agents_address or brand.reply_to,
            webhook=bool(settings.webhook_url),
            mail_classes=self.mail_classes(),
            links=self._links,
            root_causes=causes.read_causes(self._data.read(causes.FILE)),
            waves=tuple(wave_day(one, hours, brand.time_zone, journeys) for one in waves),
        )

    def mail_classes(self) -> Mapping[str, MailClass]:
        """Return the class of each mail template."""
        return {name: self._templates.mail_class(name) for name in self._templates.known()}

    def remember(self, store: Store, now: datetime) -> None:
        """Keep the tables in use by version, so that old decisions stay explainable. Idempotent."""
        policy = self._policy
        wanted = [one.table for one in (policy.plan, policy.follow_up) if isinstance(one, JourneyPlan | FollowUpTable)]

        def work(connection: Connection) -> None:
            table = tables.rule_table
            for one in wanted:
                if connection.execute(sa.select(table.c.name).where(table.c.version == one.version)).first() is None:
                    connection.execute(
                        sa.insert(table).values(version=one.version, name=one.name, content=one.content, live_from=now)
                    )

        store.write(work)


def known_names(data: Data) -> Known:
    """Return what names in a table may refer to, by the names of files alone: no template is tried."""
    languages = frozenset(PurePath(name).stem for name in data.list("templates/catalogs") if name.endswith(".po"))
    return Known(templates=dict.fromkeys(data.list("templates/mail"), languages), languages=languages, actions=ACTIONS)


def wave_day(wave: WaveDate, hours: SendWindow, zone: str, plan: Plan) -> WaveDay:
    """Return a day of the list: it begins when the team does, and is over when its last touchpoint is given up.

    The date alone is its key, because a name may be corrected after the wave went out.
    """
    at = instant_of(datetime.combine(wave.day, hours.opens), zone_info(zone))
    steps = plan.steps_for("wave", True, None, None)
    ends = [add_wait(add_wait(at, step.due, zone), step.give_up_after, zone) for step in steps]
    return WaveDay(wave.day.isoformat(), wave.name, at, max(ends, default=at))


def rest_of(rest: RestPeriod | None) -> Rest:
    """Return the rest period of the journey plan; none given means nobody rests."""
    if rest is None:
        return Rest(Wait(), Wait(), 10_000, Wait(months=12))
    return Rest(rest.all_surveys, rest.same_template, rest.at_most, rest.within)
