"""The tables of the report: one for each of its charts, the same on the page, in CSV and in XLSX. Pure."""

from collections.abc import Callable, Iterable

from workers.calendar import in_zone
from workers.domain import reporting
from workers.domain.reporting import BANDS, BESIDE, LADDER, SCORES, Figures, Lane, OverTime, Reading, Step
from workers.usecases.report import funnel
from workers.usecases.report.funnel import Fate
from workers.usecases.report.funnel_questions import NO_REASON
from workers.usecases.report.sections import ASKED, CONSENTED, GIVEN, REFUSED, Review
from workers.web.staff.report.addresses import asked_at
from workers.web.staff.report.cells import (
    NOT_ASKED,
    Cell,
    Sheet,
    count_of,
    flag,
    number,
    points,
    questions,
    ratio,
    share,
    sheet,
    word,
)
from workers.web.staff.report.rating_charts import ratings_over_time_sheet
from workers.web.staff.report.wording import Words


def sheets(review: Review, words: Words) -> list[Sheet]:
    """Return every table in the order of the page."""
    makers: tuple[Callable[[Review, Words], Sheet], ...] = (
        loop_sheet,
        touchpoint_sheet,
        ratings_sheet,
        time_sheet,
        ratings_over_time_sheet,
        scores_sheet,
        asked_sheet,
        not_asked_sheet,
        causes_sheet,
        themes_sheet,
        competitors_sheet,
        movement_sheet,
        testimonials_sheet,
        announced_sheet,
        notes_sheet,
        wordings_sheet,
    )
    return [make(review, words) for make in makers]


def loop_sheet(review: Review, words: Words) -> Sheet:
    """Return the loop: how far detractors came, what stands beside, and the median time to first contact."""
    counts = review.loop.steps
    total = counts[Step.DETRACTORS]
    rows = [
        [
            word(words.text(f"loop.{step}")),
            number(words, counts[step], loop=step.value),
            share(words, counts[step], total),
        ]
        for step in (*LADDER, *BESIDE)
    ]
    for name, length in (("working", review.loop.working), ("wall", review.loop.wall)):
        minutes = None if length is None else round(length.total_seconds() / 60)
        rows.append([word(words.text(f"loop.median-{name}")), Cell(minutes, words.length(length)), word("")])
    return sheet("loop", words, ("step", "n", "share"), rows)


def readings(words: Words, reading: Reading, **pick: object) -> list[Cell]:
    """Return the cells of an NPS: n, points, interval, bands, flag; each band opens its answers."""
    bands = zip(BANDS, (reading.figures.promoters, reading.figures.passives, reading.figures.detractors), strict=True)
    return [
        number(words, reading.n, **pick),
        points(words, reading.nps),
        points(words, reading.low),
        points(words, reading.high),
        *(number(words, n, **{**pick, "band": band.value} if pick else {}) for band, n in bands),
        flag(words, reading.flag),
    ]


MEASURED = ("n", "nps", "low", "high", "promoters", "passives", "detractors", "flag")


def touchpoint_sheet(review: Review, words: Words) -> Sheet:
    """Return the NPS of each touchpoint, with what was asked there and the channels of its answers."""
    rows = []
    for touchpoint in review.touchpoints:
        reading, asked = touchpoint.reading, asked_at(touchpoint.trigger, touchpoint.touchpoint)
        rows.append(
            [
                word(words.touchpoint(touchpoint.touchpoint)),
                word(words.text("relationship" if touchpoint.relationship else "transactional")),
                word(words.trigger(touchpoint.trigger)),
                *readings(words, reading, **asked),
                questions(words, reading.figures.asked, Fate.ASKED, **asked),
                ratio(words, reading.rate),
                questions(words, reading.figures.open, Fate.OPEN, **asked),
                word(
                    ", ".join(
                        f"{words.word('report.channel', name)} {words.whole(n)}" for name, n in touchpoint.channels
                    )
                ),
            ]
        )
    columns = ("touchpoint", "kind", "trigger", *MEASURED, "asked", "rate", "open", "channels")
    return sheet("touchpoints", words, columns, rows)


def ratings_sheet(review: Review, words: Words) -> Sheet:
    """Return the answers to CSAT and CES questions of each touchpoint, which are in no NPS."""
    rows = []
    for rating in review.ratings:
        asked = {**asked_at(rating.trigger, rating.touchpoint), "question": rating.kind.value}
        rows.append(
            [
                word(words.text(f"question.{rating.kind}")),
                word(words.touchpoint(rating.touchpoint)),
                number(words, rating.n, **asked),
                *(ratio(words, share) for share in (rating.share, rating.low, rating.high)),
                Cell(None if rating.mean is None else round(rating.mean, 2), words.mean(rating.mean)),
                flag(words, rating.flag),
                questions(words, rating.asked, Fate.ASKED, **asked),
                ratio(words, rating.rate),
                questions(words, rating.open, Fate.OPEN, **asked),
            ]
        )
    columns = ("question", "touchpoint", "n", "good", "low", "high", "mean", "flag", "asked", "rate", "open")
    return sheet("ratings", words, columns, rows)


def time_sheet(review: Review, words: Words) -> Sheet:
    """Return the NPS over time: every period of every line, and the step to it where it is more than chance."""
    return lines(((chart, chart.lanes) for chart in review.over_time), words)


def drawn_sheet(charts: Iterable[OverTime], words: Words) -> Sheet:
    """Return the part of `time_sheet` that a page draws, which keeps it small."""
    return lines(((chart, chart.shown) for chart in charts), words)


def lines(charts: Iterable[tuple[OverTime, Iterable[Lane]]], words: Words) -> Sheet:
    """Return a row for each period of these lines; n opens its answers."""
    rows = []
    for chart, lanes in charts:
        for lane in lanes:
            for before, period in zip((None, *lane.periods), lane.periods, strict=False):
                pick = {**asked_at(chart.trigger, chart.touchpoint), **words.addresses.days(*words.axis.days(period))}
                if lane.segment:
                    pick["segment"] = lane.segment
                step = period.change.delta if period.change and period.change.significant else None
                when = words.axis.when_changed(before, period) if before and step is not None else ""
                names = (words.touchpoint(chart.touchpoint), words.segment(lane.segment), words.axis.period(period))
                _, *measured = readings(words, period.reading)
                rows.append(
                    [
                        *map(word, names),
                        number(words, period.reading.n, **pick),
                        *measured,
                        Cell(reporting.rounded(step), words.points(step) if step is not None else ""),
                        word(when),
                    ]
                )
    return sheet("time", words, ("touchpoint", "segment", "period", *MEASURED, "change", "changed-when"), rows)


def scores_sheet(review: Review, words: Words) -> Sheet:
    """Return how often each score was given; only touchpoints with answers."""
    rows = [
        [
            word(words.touchpoint(touchpoint.touchpoint)),
            *(
                number(
                    words, touchpoint.scores[score], **asked_at(touchpoint.trigger, touchpoint.touchpoint), score=score
                )
                for score in SCORES
            ),
        ]
        for touchpoint in review.touchpoints
        if touchpoint.reading.n
    ]
    made = sheet("scores", words, ("touchpoint",), rows)
    return Sheet(made.name, made.title, (*made.columns, *map(str, SCORES)), rows)


def asked_sheet(review: Review, words: Words) -> Sheet:
    """Return the funnel from asked to commented, and what stands beside it; shares are of what was asked."""
    f = review.funnel
    first = f.answered - f.answered_after_reminder
    cells = {
        "asked": questions(words, f.asked, Fate.ASKED),
        "lost": questions(words, f.lost, Fate.LOST),
        "silent": questions(words, f.silent, Fate.SILENT),
        "clicked": questions(words, f.clicked_only, Fate.CLICKED),
        "answered": number(words, f.answered, ours="yes"),
        "first": number(words, first, ours="yes", reminded="no"),
        "reminder": number(words, f.answered_after_reminder, reminded="yes"),
        "commented": number(words, f.commented, ours="yes", commented="yes"),
        "reminded": questions(words, f.reminded, Fate.REMINDED),
        "machine": questions(words, f.suspected_machine, Fate.MACHINE),
        "settling": number(words, settling(review).settling, settling="yes"),
        "late": number(words, settling(review).late, late="yes"),
    }
    rows = [
        [word(words.text(f"asked.{name}")), cell, share(words, count_of(cell), f.asked)] for name, cell in cells.items()
    ]
    return sheet("asked", words, ("step", "n", "share"), rows)


def settling(review: Review) -> Figures:
    """Return the sum of what may still change or came late."""
    return sum((touchpoint.reading.figures for touchpoint in review.touchpoints), Figures())


def not_asked_sheet(review: Review, words: Words) -> Sheet:
    """Return how many touchpoints led to no question, by state and reason."""
    rows = [
        [
            word(words.word("report.state", str(group["state"]))),
            word(reason(words, str(group["code"]))),
            unasked(words, group),
        ]
        for group in review.not_asked
    ]
    return sheet("not-asked", words, ("state", "reason", "n"), rows)


def unasked(words: Words, group: dict[str, object]) -> Cell:
    """Return a count of touchpoints that were not asked, which opens them."""
    n = int(str(group["n"]))
    query = words.addresses.query(state=group["state"], reason=group["code"] or NO_REASON)
    return Cell(n, words.whole(n), query if n else "", NOT_ASKED)


def reason(words: Words, code: str) -> str:
    """Return why a touchpoint was not asked: the catalog's words, or the sentence that `explain` says."""
    id = f"report.reason.{code or 'not_due'}"
    return words.catalog.text(id, {}) if id in words.catalog.ids else funnel.reason_of(code)


def causes_sheet(review: Review, words: Words) -> Sheet:
    """Return the tickets of each root cause by stage, with their sum; stages without any have no column."""
    causes, there = reporting.table(review.causes)
    stages = [stage for stage in (*reporting.STAGES, "other") if stage in there]
    rows = []
    for cause in causes:
        cells = [number(words, review.causes.get((cause, stage), 0), cause=cause, stage=stage) for stage in stages]
        total = sum(count_of(cell) for cell in cells)
        rows.append([word(words.cause(cause)), *cells, number(words, total, cause=cause)])
    headings = tuple(words.text(f"stage.{stage}") for stage in stages)
    return Sheet(
        "causes", words.text("sheet.causes"), (words.text("column.cause"), *headings, words.text("column.all")), rows
    )


def themes_sheet(review: Review, words: Words) -> Sheet:
    """Return answers by theme and band; competitors are a list of their own."""
    return by_band(
        "themes", [theme for theme, _ in review.themes if theme and theme not in review.competitors], review, words
    )


def competitors_sheet(review: Review, words: Words) -> Sheet:
    """Return answers by the competitor that they name, and band."""
    return by_band("competitors", [theme for theme, _ in review.themes if theme in review.competitors], review, words)


def by_band(name: str, themes: list[int], review: Review, words: Words) -> Sheet:
    """Return answers by theme and band, the most frequent theme first."""
    counted = {(str(theme), band): n for (theme, band), n in review.themes.items() if theme in themes}
    rows = []
    for theme in reporting.table(counted)[0]:
        cells = [number(words, counted.get((theme, band.value), 0), theme=theme, band=band.value) for band in BANDS]
        total = sum(count_of(cell) for cell in cells)
        rows.append([word(words.theme(int(theme))), *cells, number(words, total, theme=theme)])
    return sheet(name, words, (name, "promoters", "passives", "detractors", "all"), rows)


def movement_sheet(review: Review, words: Words) -> Sheet:
    """Return persons by the band before and the latest one."""
    moved = review.movement.moved
    rows = [
        [
            word(words.text(f"before.{before or 'none'}")),
            *(number(words, moved.get((before, band.value), 0), move=f"{before}-{band.value}") for band in BANDS),
        ]
        for before in (*(band.value for band in BANDS), "")
    ]
    return sheet("movement", words, ("before", "promoters", "passives", "detractors"), rows)


def testimonials_sheet(review: Review, words: Words) -> Sheet:
    """Return testimonials asked, given, consented, refused."""
    counts = review.testimonials
    lines = (("asked", ASKED), ("given", GIVEN), ("consented", CONSENTED), ("refused", REFUSED))
    rows = [
        [word(words.text(f"voice.{name}")), number(words, sum(counts.get(state, 0) for state in states), voice=name)]
        for name, states in lines
    ]
    return sheet("testimonials", words, ("step", "n"), rows)


def announced_sheet(review: Review, words: Words) -> Sheet:
    """Return, for each initiative, how many were told and the bands of the same persons before and after."""
    rows = []
    for key, announced in sorted(review.announced.items()):
        rows.append(
            [
                word(review.initiatives.get(key, f"#{key}")),
                number(words, announced.customers_told, told=key),
                Cell(announced.sent, words.whole(announced.sent)),
                Cell(announced.answered, words.whole(announced.answered)),
                *(
                    Cell(n, words.whole(n))
                    for n in (announced.before.promoters, announced.before.passives, announced.before.detractors)
                ),
                *(
                    Cell(n, words.whole(n))
                    for n in (announced.after.promoters, announced.after.passives, announced.after.detractors)
                ),
                Cell(announced.moved_up, words.whole(announced.moved_up)),
            ]
        )
    before = ("before-promoters", "before-passives", "before-detractors")
    after = ("after-promoters", "after-passives", "after-detractors")
    return sheet("announced", words, ("initiative", "told", "sent", "answered", *before, *after, "moved-up"), rows)


def notes_sheet(review: Review, words: Words) -> Sheet:
    """Return the dated notes, with the day in the brand's zone and who wrote each."""
    rows = [
        [Cell(in_zone(note.at, words.zone).date(), words.day(note.at)), word(note.text), word(note.by)]
        for note in review.notes
    ]
    return sheet("notes", words, ("date", "note", "by"), rows)


def wordings_sheet(review: Review, words: Words) -> Sheet:
    """Return the days on which a language was asked in another wording, with both wordings."""
    rows = [
        [
            Cell(in_zone(change.at, words.zone).date(), words.day(change.at)),
            word(words.text(f"question.{change.after.kind}")),
            Cell(change.after.language, words.language(change.after.language)),
            *(word(text) for wording in (change.before, change.after) for text in (wording.id, wording.question)),
        ]
        for change in review.wordings
    ]
    columns = ("date", "question", "language", "wording-before", "question-before", "wording-after", "question-after")
    return sheet("wordings", words, columns, rows)
