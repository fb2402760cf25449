"""The application: routes, limits and headers put together.

A page is one module with a `routes` list; to add one, write it and name it in PUBLIC or INTERNAL: docs/proxies.md tells
which paths are open to the world. Nothing here knows what a page shows.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from types import ModuleType
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route

from workers.usecases.report.drivers import DriverReview
from workers.usecases.report.sections import Review
from workers.usecases.sign_in.access_log import AccessLog
from workers.usecases.sign_in.accounts import Accounts
from workers.usecases.sign_in.api_keys import ApiKeys, read_given
from workers.usecases.sign_in.attempts import Attempts
from workers.usecases.sign_in.second_factor import SecondFactors
from workers.usecases.sign_in.sign_ins import SignIns
from workers.web.api import events, feed, health, metrics, monitor
from workers.web.api.keys import KeyUse
from workers.web.demo import playground
from workers.web.http.answers import assets
from workers.web.http.answers.assets import Assets
from workers.web.http.answers.pages import Pages
from workers.web.http.answers.problems import HANDLERS
from workers.web.http.middleware.address_check import ReadableAddress
from workers.web.http.middleware.compression import Compression
from workers.web.http.middleware.cookies import OwnCookies
from workers.web.http.middleware.headers import SafeHeaders
from workers.web.http.middleware.limits import Limits
from workers.web.http.middleware.rates import Rates
from workers.web.http.requests.clients import Clients
from workers.web.http.requests.context import Web
from workers.web.http.requests.threads import Lanes
from workers.web.http.requests.turns import Turns
from workers.web.public import (
    answer,
    claim,
    given,
    improvement,
    optout,
    place,
    reopening,
    sms,
    testimonial,
    thanks,
    widget,
)
from workers.web.staff import accounts, customers, mails, places, queue, sms_replies, start, themes
from workers.web.staff.accounts import AccountsPage
from workers.web.staff.auth import account, login, oidc, people
from workers.web.staff.auth.guessing_limits import Patience
from workers.web.staff.report import answers, drivers, pages, questions
from workers.web.staff.report.kept_reports import KeptReports
from workers.web.staff.tables import pages as tables
from workers.web.staff.tables.view import LiveFaults
from workers.web.staff.tickets import inbox
from workers.web.staff.tickets import pages as tickets

PUBLIC: tuple[ModuleType, ...] = (
    events,
    feed,
    answer,
    thanks,
    optout,
    improvement,
    testimonial,
    reopening,
    place,
    claim,
    given,
    widget,
    sms,
    assets,
)
"""What customers, web sites and event publishers reach from anywhere: a proxy lets these paths through."""
MONITORED: tuple[ModuleType, ...] = (health, metrics)
INTERNAL: tuple[ModuleType, ...] = (
    mails,
    start,
    login,
    oidc,
    account,
    people,
    inbox,
    tickets,
    customers,
    accounts,
    sms_replies,
    places,
    queue,
    answers,
    drivers,
    questions,
    pages,
    themes,
    tables,
    playground,
)
"""What the team and this machine open."""
MODULES = PUBLIC + MONITORED + INTERNAL


def create_app(web: Web, *, ticks: Callable[[], float] = time.monotonic) -> Starlette:
    """Return the application; raises Misconfigured with every page template that cannot be read.

    `ticks` counts the seconds that the rates are measured by.
    """
    routes = [route for route in all_routes() if not (web.settings.monitor_bind and is_monitored(route))]
    rates = Rates(web.settings.rate_limit, None if web.store.sqlite else web.store, ticks)
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(Clients, web.settings.proxy_networks),
            Middleware(OwnCookies),
            Middleware(Compression),
            Middleware(Lanes),
            Middleware(SafeHeaders, web.settings.base_url, lambda: origin_of(web.templates.brand.logo)),
            Middleware(ReadableAddress),
            Middleware(Limits, rates, web.links),
        ],
        exception_handlers=HANDLERS,
    )
    app.state.web = web
    app.state.assets = Assets(web.data, web.templates.brand.colour)
    app.state.pages = Pages(web, app.state.assets)
    app.state.rates = rates
    app.state.api_keys = ApiKeys(web.store, read_given(web.settings.api_keys.get_secret_value()))
    app.state.key_use = KeyUse(web.store, ticks)
    app.state.people = Accounts(web.store, web.now)
    app.state.sign_ins = SignIns(web.store, web.now, idle=timedelta(minutes=web.settings.session_idle_minutes))
    app.state.second_factors = SecondFactors(web.store, web.now, web.ids, web.templates.brand.name)
    app.state.patience = Patience(Attempts(web.store))
    app.state.access_log = AccessLog(web.store, web.now, ticks)
    app.state.turns = Turns()
    app.state.live_faults = LiveFaults(ticks)
    kept_reports: KeptReports[Review] = KeptReports(ticks)
    kept_drivers: KeptReports[DriverReview] = KeptReports(ticks)
    app.state.kept_reports, app.state.kept_drivers = kept_reports, kept_drivers
    kept_accounts: KeptReports[AccountsPage] = KeptReports(ticks)
    app.state.kept_accounts = kept_accounts
    oidc.set_up(app, web.settings)
    return app


def all_routes() -> list[BaseRoute]:
    """Return the routes in the order in which they are tried."""
    return [route for module in MODULES for route in module.routes]


def public_paths() -> tuple[list[str], list[str]]:
    """Return what a proxy lets everybody ask for: paths that continue after a prefix, and whole paths."""
    paths = {route.path for module in PUBLIC for route in module.routes if isinstance(route, Route)}
    prefixes = sorted({path.partition("{")[0] for path in paths if "{" in path})
    return prefixes, sorted(path for path in paths if not path.startswith(tuple(prefixes)))


def is_monitored(route: BaseRoute) -> bool:
    """Monitors may have an address of their own, where the settings name one."""
    return isinstance(route, Route) and route.path in monitor.PATHS


def create_monitor(app: Starlette) -> Starlette | None:
    """Return the application for the monitor's own address, where the settings name one."""
    return monitor.create_monitor(app, all_routes()) if app.state.web.settings.monitor_bind else None


def origin_of(url: str) -> str:
    """Return scheme and host of an address, or nothing for none."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
