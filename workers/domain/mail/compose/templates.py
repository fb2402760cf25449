"""How a mail looks: the templates, compiled and proved at start, and written for one mail.

A mail is a folder `templates/mail/NAME/` (mail.html, mail.txt, meta.yaml) and its texts `NAME.*` in the catalogs.
Operators may edit templates, so they run in Jinja's immutable sandbox; customer data is only ever a value in them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from jinja2 import BaseLoader, Environment, StrictUndefined, Template, TemplateError, TemplateNotFound
from jinja2.sandbox import ImmutableSandboxedEnvironment

from workers.domain.mail.compose import card
from workers.domain.mail.compose.brand import Brand
from workers.domain.mail.compose.facts import MailFacts, one_line, ticket_number, values
from workers.domain.mail.compose.samples import SAMPLE_AT, SAMPLE_FACTS, look, sample_mail
from workers.domain.mail.links import Links
from workers.domain.mail.translations import Catalog, Catalogs, DataFiles
from workers.domain.types import MailClass
from workers.errors import BadInput, BoucleError, Misconfigured, Never
from workers.text.yaml_text import read_yaml

_SUBJECT_LONGEST = 150  # signs; a phone shows some 40, a header line carries far more
_MAIL = "templates/mail"
_EMPTY_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class _Mail:
    """One kind of mail: its class, whether it belongs under the survey, and its two templates."""

    mail_class: MailClass
    thread: bool
    html: Template
    text: Template


@dataclass(frozen=True, slots=True)
class _InUse:
    """What mails are written by, in one value, so that no mail is written by half of two."""

    mails: Mapping[str, _Mail]
    catalogs: Catalogs
    brand: Brand

    def mail(self, template: str) -> _Mail:
        if template not in self.mails:
            raise Never(f"there is no mail template {template!r}; there are {', '.join(sorted(self.mails))}")
        return self.mails[template]


class _Loader(BaseLoader):
    """Give Jinja the templates by their path under templates/."""

    def __init__(self, data: DataFiles) -> None:
        self._data = data

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Callable[[], bool] | None]:
        try:
            return self._data.read(f"templates/{template}").decode(), template, lambda: True
        except (BoucleError, ValueError) as error:
            raise TemplateNotFound(template, str(error)) from error


class Templates:
    """Every kind of mail in every language, proved to render."""

    def __init__(self, mails: Mapping[str, _Mail], catalogs: Catalogs, brand: Brand) -> None:
        self._in_use = _InUse(dict(mails), catalogs, brand)

    @property
    def catalogs(self) -> Catalogs:
        """Return the texts in use."""
        return self._in_use.catalogs

    @property
    def brand(self) -> Brand:
        """Return who writes."""
        return self._in_use.brand

    def take_over(self, other: "Templates") -> None:
        """Write by other templates, texts and brand from now on, all at once; a mail being written stays as it was."""
        self._in_use = other._in_use

    @classmethod
    def load(cls, data: DataFiles, brand: Brand) -> "Templates":
        """Read and try every template; raise Misconfigured with all faults: texts, templates, links, size."""
        catalogs = Catalogs.load(data, brand.language)
        html = _environment(data, autoescape=True)
        text = _environment(data, autoescape=False)
        mails: dict[str, _Mail] = {}
        faults: list[str] = []
        for name in data.list(_MAIL):
            try:
                mails[name] = _read_mail(data, name, html, text)
            except (TemplateError, BadInput, ValueError, Misconfigured) as error:
                faults.append(f"{_MAIL}/{name} cannot be read: {type(error).__name__}: {error}")
        templates = cls(mails, catalogs, brand)
        faults.extend(templates._try_all())
        if faults:
            raise Misconfigured(faults)
        return templates

    def known(self) -> Mapping[str, frozenset[str]]:
        """Return the languages of each template."""
        return dict.fromkeys(self._in_use.mails, self._in_use.catalogs.languages)

    def mail_class(self, template: str) -> MailClass:
        """Return why mails of this template are sent; raise Never for a template that does not exist."""
        return self._in_use.mail(template).mail_class

    def threads(self, template: str) -> bool:
        """Say whether mails of this template belong under the survey that they answer."""
        return self._in_use.mail(template).thread

    def write(self, mail: MailFacts, links: Links, at: datetime) -> tuple[str, str, str]:
        """Return subject, plain text and HTML of a mail; raise Never when its facts do not suffice."""
        in_use = self._in_use
        kind = in_use.mail(mail.template)
        catalog = in_use.catalogs.catalog(in_use.catalogs.negotiate(mail.language))
        found = values(mail, catalog, in_use.brand, at)
        context: dict[str, object] = {
            **_link_functions(mail, links),
            "mail": mail.template,
            "mail_class": kind.mail_class.value,
            "lang": catalog.language,
            "brand": in_use.brand,
            "facts": found,
            "history": card.history(mail, catalog),
            "ticket_lines": lambda: card.lines(mail, found, catalog),
            "t": _teller(catalog, found),
            "preheader": lambda: _preheader(mail, catalog, found),
        }
        try:
            html, text = kind.html.render(context), kind.text.render(context)
        except TemplateError as error:
            raise Never(f"the template {mail.template!r} cannot be rendered: {error}") from error
        subject = one_line(catalog.text(_subject_id(mail, catalog), found), _SUBJECT_LONGEST)
        return subject, _EMPTY_LINES.sub("\n\n", text).strip() + "\n", html

    def _try_all(self) -> list[str]:
        """Render every mail in every language, with all facts and with none, and return what is wrong."""
        links = Links(["sample"], "https://sample.example")
        faults: list[str] = []
        for name in sorted(self._in_use.mails):
            for language in sorted(self.catalogs.languages):
                for facts in (SAMPLE_FACTS, {}):
                    try:
                        _, text, html = self.write(sample_mail(name, language, facts), links, SAMPLE_AT)
                    except BoucleError as error:
                        faults.append(f"{_MAIL}/{name} in {language!r}: {error}")
                    else:
                        faults.extend(f"{_MAIL}/{name} in {language!r}: {fault}" for fault in look(text, html))
        return list(dict.fromkeys(faults))


def _preheader(mail: MailFacts, catalog: Catalog, found: Mapping[str, object]) -> str:
    """Return what an inbox shows beside the subject; nothing for an operator's own mail that has no such text."""
    preheader = f"{mail.template}.preheader"
    return catalog.text(preheader, found) if preheader in catalog.ids else ""


def _environment(data: DataFiles, *, autoescape: bool) -> Environment:
    return ImmutableSandboxedEnvironment(
        loader=_Loader(data),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def _read_mail(data: DataFiles, name: str, html: Environment, text: Environment) -> _Mail:
    meta = read_yaml(data.read(f"{_MAIL}/{name}/meta.yaml"), "meta.yaml")
    if not isinstance(meta, dict) or not set(meta) <= {"class", "thread"}:
        raise ValueError("meta.yaml has the keys class (survey, service, promotion) and thread (yes, no)")
    return _Mail(
        MailClass(str(meta.get("class"))),
        bool(meta.get("thread", False)),
        html.get_template(f"mail/{name}/mail.html"),
        text.get_template(f"mail/{name}/mail.txt"),
    )


def _subject_id(mail: MailFacts, catalog: Catalog) -> str:
    """Return the id of the subject: a kind of mail may have its own, such as `reminder.subject.clicked`."""
    id = f"{mail.template}.subject"
    own = f"{id}.{mail.facts.get('kind')}"
    return own if own in catalog.ids else id


def _teller(catalog: Catalog, found: Mapping[str, object]) -> Callable[..., str]:
    def t(id: str, **more: object) -> str:
        return catalog.text(id, {**found, **more} if more else found)

    return t


def _link_functions(mail: MailFacts, links: Links) -> dict[str, object]:
    """Return the functions that templates call for links; one that names a row which is not there raises Never."""

    def need(id: str | None, what: str) -> str:
        if not id:
            raise Never(f"the template {mail.template!r} needs {what}, which this mail does not have")
        return id

    return {
        "answer": lambda: links.answer_url(need(mail.request_id, "a survey request")),
        "testimonial": lambda: links.testimonial_url(need(mail.response_id, "a response")),
        "improvement": lambda: links.improvement_url(need(mail.response_id, "a response")),
        "unsubscribe": lambda: links.unsubscribe_url(mail.dispatch_id),
        "reopen": lambda: links.reopen_url(mail.dispatch_id),
        "ticket": lambda: f"{links.base}/tickets/{need(str(ticket_number(mail) or ''), 'a ticket')}",
    }
