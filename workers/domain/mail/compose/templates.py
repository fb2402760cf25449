"""How a mail looks: the templates, compiled and proved at start, and written for one mail.

A mail is a folder `templates/mail/NAME/` (mail.html, mail.txt, meta.yaml) and its texts `NAME.*` in the catalogs.
Operators may edit templates, so they run in Jinja's immutable sandbox; customer data is only ever a value in them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from jinja2 import BaseLoader, Environment, StrictUndefined, Template, TemplateError, TemplateNotFound
from jinja2.sandbox import ImmutableSandboxedEnvironment

from workers.domain.mail.compose import card, digest_card
from workers.domain.mail.compose.brand import Brand
from workers.domain.mail.compose.facts import MailFacts, subject_line, ticket_number, values
from workers.domain.mail.compose.kinds import MAILS, read_kind
from workers.domain.mail.compose.prerendered import (
    Forms,
    NotBeforehand,
    Place,
    Render,
    WrittenOut,
    finished,
    may_be_rendered_beforehand,
    written_out,
)
from workers.domain.mail.compose.quoted import encoded
from workers.domain.mail.compose.samples import SAMPLE_AT, SAMPLE_FACTS, look, sample_mail
from workers.domain.mail.links import Links
from workers.domain.mail.question_wording import QuestionWording, Wordings, load_worded
from workers.domain.mail.translations import Catalog, Catalogs, DataFiles
from workers.domain.reporting.scales import ASKS, SCALES
from workers.domain.types import MailClass, QuestionKind
from workers.errors import BadInput, BoucleError, Misconfigured, Never
from workers.text.directions import isolated, parted, with_isolates

_SUBJECT_LONGEST = 150  # signs; a phone shows some 40, a header line carries far more
_SCORE = re.compile(r"\?score=(\d+)")


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
    wordings: Wordings
    forms: dict[tuple[str, str, str], Forms] = field(default_factory=dict)
    """What is rendered beforehand, by template, language and wording of the question."""

    def forms_of(self, template: str, language: str, wording: str) -> Forms:
        """Return what is rendered beforehand of a template in a language and wording."""
        key = (template, language, wording)
        if key not in self.forms:
            kind = self.mails[template]
            parts = [(part.environment, str(part.name)) for part in (kind.html, kind.text)]
            self.forms[key] = Forms(lambda: all(may_be_rendered_beforehand(*part) for part in parts))
        return self.forms[key]

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

    def __init__(self, mails: Mapping[str, _Mail], catalogs: Catalogs, brand: Brand, wordings: Wordings) -> None:
        self._in_use = _InUse(dict(mails), catalogs, brand, wordings)

    @property
    def catalogs(self) -> Catalogs:
        """The texts in use; `take_over` replaces them."""
        return self._in_use.catalogs

    @property
    def languages(self) -> frozenset[str]:
        """Return the languages that mails are written in."""
        return self._in_use.catalogs.languages

    @property
    def brand(self) -> Brand:
        """Who writes: name, address and look of the mails."""
        return self._in_use.brand

    def take_over(self, other: "Templates") -> None:
        """Write by other templates, texts and brand from now on, all at once; a mail being written stays as it was."""
        self._in_use = other._in_use

    @classmethod
    def load(cls, data: DataFiles, brand: Brand) -> "Templates":
        """Read and try every template; raise Misconfigured with all faults: texts, templates, links, size."""
        catalogs, wordings = load_worded(data, brand.language, brand.wording)
        html = _environment(data, autoescape=True)
        text = _environment(data, autoescape=False)
        mails: dict[str, _Mail] = {}
        faults: list[str] = []
        for name in data.list(MAILS):
            try:
                mails[name] = _read_mail(data, name, html, text)
            except (TemplateError, BadInput, ValueError, Misconfigured) as error:
                faults.append(f"{MAILS}/{name} cannot be read: {type(error).__name__}: {error}")
        templates = cls(mails, catalogs, brand, wordings)
        faults.extend(templates._try_all())
        if faults:
            raise Misconfigured(faults)
        return templates

    def languages_by_template(self) -> Mapping[str, frozenset[str]]:
        """Return each template with its languages: all that have a catalog, because `load` refuses one with a gap."""
        return dict.fromkeys(self._in_use.mails, self._in_use.catalogs.languages)

    def mail_class(self, template: str) -> MailClass:
        """Return why mails of this template are sent; raise Never for a template that does not exist."""
        return self._in_use.mail(template).mail_class

    def wordings(self) -> Wordings:
        """Return the wordings of the question: those with a number, and the one in use of each language."""
        return self._in_use.wordings

    def catalog_asking(
        self, language: str, wording: QuestionWording | None, kind: QuestionKind = QuestionKind.NPS
    ) -> Catalog:
        """Return the texts of the language nearest to a tag; its question in a wording, where that is of it."""
        in_use = self._in_use
        return in_use.wordings.catalog(in_use.catalogs.catalog(language), wording, kind)

    def threads(self, template: str) -> bool:
        """Say whether mails of this template belong under the survey that they answer."""
        return self._in_use.mail(template).thread

    def write(self, mail: MailFacts, links: Links, at: datetime) -> tuple[str, str, str]:
        """Return subject, plain text and HTML of a mail; raise Never when its facts do not suffice."""
        words = self._words(mail, links, at)
        return words.subject, *words.parts

    def write_quoted(self, mail: MailFacts, links: Links, at: datetime) -> tuple[str, bytes, bytes]:
        """Return the same with both parts in quoted-printable; of a kind that comes again most is encoded already."""
        words = self._words(mail, links, at)
        if words.forms is not None and (parts := words.forms.quoted(words.facts, words.links)) is not None:
            return words.subject, *parts
        text, html = words.parts
        return words.subject, encoded(text), encoded(html)

    def _words(self, mail: MailFacts, links: Links, at: datetime) -> "_Words":
        in_use = self._in_use
        kind = in_use.mail(mail.template)
        catalog = in_use.catalogs.catalog(in_use.catalogs.negotiate(mail.language))
        catalog = in_use.wordings.catalog(catalog, mail.wording, mail.kind)
        wording = mail.wording.id if mail.wording else ""
        has_lists = mail.facts.get("history") or mail.facts.get(digest_card.FACTS)
        return _Words(
            mail,
            catalog,
            with_isolates(values(mail, catalog, in_use.brand, at), is_rtl(catalog)),
            _link_functions(mail, links),
            lambda: _renderer(mail, kind, catalog, in_use.brand),
            None if has_lists else in_use.forms_of(mail.template, catalog.language, wording),
        )

    def scale_faults(self, template: str, kind: QuestionKind) -> list[str]:
        """Return why a mail does not ask a kind of question: buttons of another scale, or none at all."""
        links, scale = Links(["sample"], "https://sample.example"), SCALES[kind]
        faults = []
        for language in sorted(self.catalogs.languages):
            try:
                mail = sample_mail(template, language, {**SAMPLE_FACTS, ASKS: kind.value})
                _, _, html = self.write(mail, links, SAMPLE_AT)
            except BoucleError as error:
                faults.append(f"{MAILS}/{template} in {language!r}, asking {kind}: {error}")
                continue
            if [int(n) for n in _SCORE.findall(html)] != list(scale.numbers):
                faults.append(
                    f"{MAILS}/{template} in {language!r} has not the buttons of {kind}, {scale.lowest} to "
                    f"{scale.highest}: your copy must pass `scale` on, as in parts.scores(answer(), t, brand, scale)"
                )
        return faults

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
                        faults.append(f"{MAILS}/{name} in {language!r}: {error}")
                    else:
                        faults.extend(f"{MAILS}/{name} in {language!r}: {fault}" for fault in look(text, html))
        return list(dict.fromkeys(faults))


@dataclass(frozen=True, slots=True)
class _Words:
    """What one mail says, before it is written; `forms`: what is rendered beforehand of its kind."""

    mail: MailFacts
    catalog: Catalog
    facts: Mapping[str, object]
    links: Mapping[str, Callable[[], object]]
    renderer: Callable[[], Render]
    forms: Forms | None

    @property
    def parts(self) -> tuple[str, str]:
        """Return plain text and HTML. Raises Never."""
        try:
            if self.forms is None:
                return finished(*self.renderer()(self.facts, self.links))
            return finished(*self.forms.write(self.facts, self.links, self.renderer))
        except TemplateError as error:
            raise Never(f"the template {self.mail.template!r} cannot be rendered: {error}") from error

    @property
    def subject(self) -> str:
        """Return the subject. Raises Never."""
        text = self.catalog.text(_subject_id(self.mail, self.catalog), parted(self.facts)[1])
        return subject_line(text, _SUBJECT_LONGEST)


def _renderer(mail: MailFacts, kind: _Mail, catalog: Catalog, brand: Brand) -> Render:
    """Return what renders both parts of a mail, with its facts or with places instead of them."""
    history, digest = card.history(mail, catalog), digest_card.sections(mail, catalog)

    def render(facts: Mapping[str, object], links: Mapping[str, Callable[[], object]]) -> tuple[str, str]:
        plain, known = parted(facts)
        t, apart = _tellers(catalog, facts, known)

        def ticket_lines() -> list[tuple[str, str]]:
            if isinstance(facts["brand"], Place):
                raise NotBeforehand
            return card.lines(mail, {**known, "phone": plain.get("phone")}, catalog)

        context: dict[str, object] = {
            **links,
            "mail": mail.template,
            "mail_class": kind.mail_class.value,
            "lang": catalog.language,
            "brand": brand,
            "facts": plain,
            "history": history,
            "digest": digest,
            "scale": SCALES[mail.kind],
            "ticket_lines": ticket_lines,
            "t": t,
            "apart": apart,
            "rtl": is_rtl(catalog),
            "preheader": lambda: _preheader(mail, catalog, known),
        }
        html = kind.html.render(context)
        return kind.text.render(context), html

    return render


def _preheader(mail: MailFacts, catalog: Catalog, facts: Mapping[str, object]) -> str | WrittenOut:
    """Return what an inbox shows beside the subject; nothing for an operator's own mail that has no such text."""
    preheader = f"{mail.template}.preheader"
    return written_out(catalog.text(preheader, facts)) if preheader in catalog.ids else ""


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
    return _Mail(
        *read_kind(data, name),
        html.get_template(f"mail/{name}/mail.html"),
        text.get_template(f"mail/{name}/mail.txt"),
    )


def _subject_id(mail: MailFacts, catalog: Catalog) -> str:
    """Return the id of the subject: a kind of mail may have its own, such as `reminder.subject.clicked`.

    So may a second reminder (`reminder.subject.2`) and a third.
    """
    id = f"{mail.template}.subject"
    own = (f"{id}.{mail.facts.get('kind')}", f"{id}.{mail.facts.get('reminder')}")
    return next((name for name in own if name in catalog.ids), id)


def is_rtl(catalog: Catalog) -> bool:
    """Tell whether a catalog's language is written from right to left, as the CLDR has it."""
    return bool(catalog.locale.text_direction == "rtl")


def _tellers(
    catalog: Catalog, facts: Mapping[str, object], known: Mapping[str, object]
) -> tuple[Callable[..., object], Callable[[object], object]]:
    """Return what writes a text of the catalog, and what keeps a value apart that goes the other way than the mail."""
    rtl = is_rtl(catalog)

    def apart(value: object) -> object:
        if isinstance(value, Place):
            return value.apart(facts)
        return isolated(value, rtl) if type(value) is str else value

    def t(id: str, **more: object) -> str | WrittenOut:
        extra = {name: apart(value) for name, value in more.items()}
        return written_out(catalog.text(id, {**known, **extra} if extra else known))

    t.is_rtl = rtl  # type: ignore[attr-defined]  # macros are given `t`, and no more
    return t, apart


def _link_functions(mail: MailFacts, links: Links) -> dict[str, Callable[[], object]]:
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
        "claim": lambda: links.claim_url(mail.dispatch_id),
        "reopen": lambda: links.reopen_url(mail.dispatch_id),
        "inbox": lambda: f"{links.base}/inbox",
        "own_settings": lambda: f"{links.base}/account",
        "ticket": lambda: f"{links.base}/tickets/{need(str(ticket_number(mail) or ''), 'a ticket')}",
    }
