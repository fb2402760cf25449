"""Pages: one Jinja environment over templates/pages, one layout, the texts of the catalogs in the reader's language.

Everything is escaped, and templates run in the sandbox that mails run in: operators may edit both. A page's module
says what is shown; nothing here knows one page from another.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateError, TemplateNotFound
from jinja2.sandbox import ImmutableSandboxedEnvironment
from starlette.requests import Request
from starlette.responses import HTMLResponse

from workers.adapters.resources import Data
from workers.domain.mail.compose import Brand
from workers.domain.mail.question_wording import QuestionWording
from workers.domain.mail.translations import Catalog, Catalogs
from workers.domain.types import QuestionKind
from workers.errors import Misconfigured
from workers.text.plain_text import UNSAFE, for_reader
from workers.web.http.answers.assets import Assets
from workers.web.http.answers.banner import banner
from workers.web.http.requests.context import Web
from workers.web.http.requests.parameters import parameters_of

FOLDER = "templates/pages"
LANGUAGE = "lang"
"""The query parameter of the language switch."""
READER = "reader"
"""Names in a request's state the language of whom a link was sent to, for pages that know nothing else of them."""


class Asking(NamedTuple):
    """What the question on a page measures, and the wording that it was asked in; None: the one in use now."""

    kind: QuestionKind
    wording: QuestionWording | None


ASKING_NPS = Asking(QuestionKind.NPS, None)


class Pages:
    """Writes pages as HTML: the templates, compiled at the start, with the texts, the brand and the addresses."""

    def __init__(self, web: Web, assets: Assets) -> None:
        """Compile every page template; raise Misconfigured with all that cannot be read."""
        self._web = web
        self._assets = assets
        self._prefix = urlsplit(web.settings.base_url).path.rstrip("/")
        self._env = _environment(web.data)
        self._env.globals.update(brand=self._brand, url=self.url, asset=lambda name: self.url(assets.path(name)))
        faults = []
        for name in web.data.list(FOLDER):
            try:
                if name.endswith(".html"):
                    self._env.get_template(name)
            except TemplateError as error:
                faults.append(f"{FOLDER}/{name} cannot be read: {type(error).__name__}: {error}")
        if faults:
            raise Misconfigured(faults)

    @property
    def _catalogs(self) -> Catalogs:
        return self._web.templates.catalogs

    @property
    def _brand(self) -> Brand:
        return self._web.templates.brand

    def url(self, path: str) -> str:
        """Return a path on this server as a browser must ask for it: PUBLIC_URL may stand in a folder."""
        return f"{self._prefix}{path}"

    def language(self, request: Request, preferred: str | None = None) -> str:
        """Return the language to write in: the switch's, else the one known of the reader, else the browser's."""
        switched = parameters_of(request).values.get(LANGUAGE, "")
        if switched in self._catalogs.languages:
            return switched
        preferred = preferred or getattr(request.state, READER, None)
        if preferred:
            return self._catalogs.negotiate(preferred)
        return accepted(request.headers.get("accept-language", ""), self._catalogs)

    def catalog(self, language: str) -> Catalog:
        """Return the texts of a language tag, or of the one nearest to it."""
        return self._catalogs.catalog(language)

    def show(
        self,
        request: Request,
        name: str,
        language: str,
        values: Mapping[str, object] | None = None,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        asking: Asking = ASKING_NPS,
    ) -> HTMLResponse:
        """Answer a page; `values` are its template's variables, `asking` is what the question on it asks."""
        catalog, brand = self._web.templates.catalog_asking(language, asking.wording, asking.kind), self._brand
        if self._env.globals["brand"] is not brand:  # it was edited while we run
            self._env.globals["brand"] = brand
            self._assets.paint(brand.colour)
        text = self._env.get_template(name).render(
            lang=language,
            t=_teller(catalog, brand.name),
            catalog=catalog,
            switches=self._switches(request, language),
            here=self.url(request.url.path),
            demo=banner(request, self._web, catalog),
            **(values or {}),
        )
        return HTMLResponse(text, status, headers={"Content-Language": language, **(headers or {})})

    def say(
        self, request: Request, about: str, status: int, headers: Mapping[str, str] | None = None, what: str = ""
    ) -> HTMLResponse:
        """Answer a page that only says something: the texts `page.ABOUT.title` and `page.ABOUT.body`.

        `what` names the part of the address that the body is about, where it is about one.
        """
        language = self.language(request)
        values = {"about": about, "what": what}
        return self.show(request, "message.html", language, values, status=status, headers=headers)

    def _switches(self, request: Request, language: str) -> list[dict[str, str]]:
        """Return the other languages with their own names and the address of this page in them."""
        switches = []
        for other in sorted(self._catalogs.languages - {language}):
            kept = [(key, value) for key, value in parameters_of(request).values.items() if key != LANGUAGE]
            address = f"{self.url(request.url.path)}?{urlencode([*kept, (LANGUAGE, other)])}"
            name = str(self.catalog(other).locale.get_display_name() or other)
            switches.append({"lang": other, "name": name[0].upper() + name[1:], "url": address})
        return switches


def pages_of(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


def gone(request: Request) -> HTMLResponse:
    """Answer what unknown, erased, closed and too old links of customers have in common: nobody learns which it is."""
    return pages_of(request).say(request, "closed", 404)


def accepted(header: str, catalogs: Catalogs) -> str:
    """Return the language that a browser asks for first and that there is (RFC 9110, 12.5.4); else the brand's."""
    wanted: list[tuple[float, int, str]] = []
    for place, part in enumerate(header[:500].split(",")):
        tag, _, quality = part.strip().partition(";q=")
        try:
            wanted.append((-float(quality or 1), place, tag.strip()))
        except ValueError:
            continue
    for _, _, tag in sorted(wanted):
        language = catalogs.negotiate(tag)
        if tag and language.split("-")[0].lower() == tag.split("-")[0].lower():
            return language
    return catalogs.default


def _teller(catalog: Catalog, brand: str) -> Callable[..., str]:
    def t(id: str, **more: object) -> str:
        return catalog.text(id, {"brand": brand, **more})

    return t


class _Loader(BaseLoader):
    """Give Jinja the page templates by name, the operator's own before the shipped ones."""

    def __init__(self, data: Data) -> None:
        self._data = data

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Callable[[], bool] | None]:
        try:
            return self._data.read(f"{FOLDER}/{template}").decode(), template, lambda: True
        except (Misconfigured, ValueError) as error:
            raise TemplateNotFound(template, str(error)) from error


def fit(value: object) -> object:
    """Return what a page writes: text without what breaks a page or lies about it, markup still markup."""
    if isinstance(value, str) and (UNSAFE.search(value) or "\r" in value):
        return type(value)(for_reader(value))
    return value


def _environment(data: Data) -> Environment:
    return ImmutableSandboxedEnvironment(
        loader=_Loader(data),
        autoescape=True,
        finalize=fit,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
