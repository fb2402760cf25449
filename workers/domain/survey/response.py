"""Responses: what a customer (or another tool) said becomes a response with its revisions.

An answer is provisional until it has been still for the settling time, and may change until its request closes.
The same answer twice changes nothing. Routing is decided elsewhere.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypedDict

from workers.domain.customer_case import CustomerCase
from workers.domain.history import Subject, Why, history
from workers.domain.outbound_messages import OWN_CHANNELS, is_ours
from workers.domain.policy import Policy
from workers.domain.records import Journey, Response, ResponseRevision, SurveyRequest
from workers.domain.records.choices import codes_in, joined
from workers.domain.reporting.nps import band_of
from workers.domain.reporting.scales import check_score
from workers.domain.survey.planning.occurrences import is_occurrence
from workers.domain.survey.planning.recurrence import follow_recurrence
from workers.domain.types import MAIL, MailClass, Reason, RequestState, ResponseState
from workers.structs import replace

SETTLES_AT_MOST = timedelta(minutes=10)
"""However often an answer changes, it is routed after this time."""
LATE_AFTER = timedelta(days=7)
"""Mails about an answer older than this when it arrives are not sent; tickets are opened all the same."""
VERSIONS_KEPT = 20
"""Versions of one answer that are kept each; of more, which nobody needs, only the last before each decision."""
SLOW_SETTLING = timedelta(days=1)
"""How long such an answer settles, at most until its question closes: a link costs a decision a day."""
ANSWERABLE = (RequestState.OPEN, RequestState.ANSWERED)
SECONDS_A_DAY = 86_400
OTHER = "other"
"""The trigger of a score that names none."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said: a score on the scale of its question, a comment, a wish for contact.

    `drivers` are codes of what was named as the reason, `competitor` what was written of another company; None where
    nothing was said of them now, and what was said before stays.
    """

    score: int
    comment: str
    wants_contact: bool
    at: datetime
    phone: str = ""
    half_day: str = ""
    channel: str = MAIL
    agent: str = ""
    drivers: tuple[str, ...] | None = None
    competitor: str | None = None


@dataclass(frozen=True, slots=True)
class OutsideScore:
    """A score that another tool collected; `source` and `external_id` name it for ever."""

    source: str
    external_id: str
    answer: Answer
    trigger: str
    asked_at: datetime
    reference: str
    label: str
    question: str | None = None
    """What was asked: csat or ces. None: an NPS question."""


def answer_request(case: CustomerCase, request: SurveyRequest, answer: Answer) -> None:
    """Keep the response to one of our requests: new, changed (n+1), or nothing when it says the same again.

    Raises BadInput for a score that is off the scale of its question.
    """
    check_score(request.question, answer.score)
    earlier = response_to(case, request.id)
    if earlier is None:
        response = first_answer(case, request, answer)
        case.add(response)
    else:
        response = changed_answer(earlier, answer, case.policy, case.now, closes_at=request.closes_at)
        if response is earlier:
            return
        case.change(response)
    revision = revision_of(response, answer)
    if earlier is not None and response.n == earlier.n:
        case.change(revision)
    else:
        case.add(revision)
    if request.state != RequestState.ANSWERED:
        case.change(replace(request, state=RequestState.ANSWERED, reason="", changed_at=case.now))
    case.cancel("request", request.id, Reason.ANSWERED, MailClass.SURVEY)
    follow_recurrence(case)


def response_to(case: CustomerCase, request: str) -> Response | None:
    """Return the response to a request, or None: a request has one, with as many revisions as it was changed."""
    return next((response for response in case.all(Response) if response.request == request), None)


def repeats(earlier: Response, answer: Answer) -> bool:
    """Tell whether an answer says no more than an earlier one: the same score and the same words."""
    return (earlier.score, earlier.comment) == (answer.score, answer.comment)


def first_answer(case: CustomerCase, request: SurveyRequest, answer: Answer) -> Response:
    """Return the first version of a response; `after_days` runs from the anchor to when the question was sent."""
    asked = request.sent_at or request.asked_at
    settling = case.policy.settling if is_ours(answer.channel, case.policy) else timedelta()
    return Response(
        id=case.ids.derive(request.asked_at, "response", request.id),
        customer=request.customer,
        request=request.id,
        source=None,
        external_id=None,
        trigger=request.trigger,
        touchpoint=request.step,
        reference=request.reference,
        label=request.label,
        details=request.details,
        anchor_at=request.anchor_at,
        asked_at=asked,
        after_days=days_between(request.anchor_at, asked),
        **answer_columns(answer, question=request.question),
        first_answered_at=answer.at,
        settling_since=case.now,
        settles_at=case.now + settling,
        n=1,
        state=ResponseState.SETTLING,
        previous_band=previous_band(case, answer.at, request.question),
        late=case.now - answer.at > LATE_AFTER,
        question=request.question,
    )


def changed_answer(
    earlier: Response, answer: Answer, policy: Policy, now: datetime, *, closes_at: datetime | None = None
) -> Response:
    """Return the response with its next revision, settling again; the very same when nothing differs or it is older.

    From VERSIONS_KEPT on, what a link changes before it is decided stays one version, and settles slowly: the last word
    counts, by the time the question closes at the latest.
    """
    words = answer_columns(answer, earlier, earlier.question)
    said, said_before = weight(words), weight(answer_columns(answer_in(earlier), question=earlier.question))
    yields = answer.at == earlier.answered_at and answer.channel not in OWN_CHANNELS and said < said_before
    if said == said_before or yields or answer.at < earlier.answered_at:
        return earlier
    since = earlier.settling_since if earlier.state == ResponseState.SETTLING else now
    settling = policy.settling if is_ours(answer.channel, policy) else timedelta()
    settles_at = min(now + settling, since + SETTLES_AT_MOST)
    often = (is_ours(answer.channel, policy) or earlier.place is not None) and earlier.n >= VERSIONS_KEPT
    if often and closes_at is not None:
        settles_at = min(since + SLOW_SETTLING, max(closes_at, settles_at))
    return replace(
        earlier,
        **words,
        n=earlier.n if often and earlier.state == ResponseState.SETTLING else earlier.n + 1,
        state=ResponseState.SETTLING,
        settling_since=since,
        settles_at=settles_at,
        late=now - answer.at > LATE_AFTER,
    )


def answer_in(response: Response) -> Answer:
    """Return the answer that a response holds, as if it were given again."""
    return Answer(
        score=response.score,
        comment=response.comment,
        wants_contact=response.wants_contact,
        at=response.answered_at,
        phone=response.phone,
        half_day=response.half_day,
        channel=response.channel,
        agent=response.agent,
        drivers=codes_in(response.drivers),
        competitor=response.competitor,
    )


def weight(columns: "AnswerColumns") -> tuple[int, str, bool, str, str, str, str, str]:
    """Return what an answer says; of two events of one instant the heavier one counts.

    Any order of arrival agrees on it, so that a replay changes nothing. Of a person's clicks the later one counts.
    """
    words = (columns["comment"], columns["wants_contact"], columns["phone"], columns["half_day"], columns["agent"])
    return (columns["score"], *words, columns["drivers"], columns["competitor"])


class AnswerColumns(TypedDict):
    """The columns of a response that an answer sets."""

    score: int
    band: str
    comment: str
    wants_contact: bool
    phone: str
    half_day: str
    channel: str
    agent: str
    answered_at: datetime
    drivers: str
    competitor: str


def answer_columns(answer: Answer, earlier: Response | None = None, question: str | None = None) -> AnswerColumns:
    """Return the columns of a response that an answer sets; of what it says nothing of, the earlier ones.

    Only an NPS score has a band: it is what counts in the NPS.
    """
    before = (earlier.drivers, earlier.competitor) if earlier else (None, None)
    drivers = before[0] if answer.drivers is None else joined(answer.drivers)
    competitor = before[1] if answer.competitor is None else answer.competitor
    return {
        "score": answer.score,
        "band": band_of(answer.score, question),
        "comment": answer.comment,
        "wants_contact": answer.wants_contact,
        "phone": answer.phone,
        "half_day": answer.half_day,
        "channel": answer.channel,
        "agent": answer.agent,
        "answered_at": answer.at,
        "drivers": drivers or "",
        "competitor": competitor or "",
    }


def revision_of(response: Response, answer: Answer) -> ResponseRevision:
    """Return the line of history for the response's current version."""
    return ResponseRevision(
        response.id,
        response.n,
        response.customer,
        answer.score,
        answer.comment,
        answer.wants_contact,
        answer.at,
        response.drivers,
    )


def previous_band(case: CustomerCase, before: datetime, question: str | None = None) -> str:
    """Return the band of the customer's last NPS response before an instant, or empty; other scores have none."""
    if question:
        return ""
    earlier = [response for response in case.all(Response) if response.answered_at < before and not response.question]
    return max(earlier, key=lambda response: (response.answered_at, response.id)).band if earlier else ""


def days_between(start: datetime, end: datetime) -> float:
    """Return the days from start to end, 0 where the end comes first."""
    return max(0.0, (end - start).total_seconds() / SECONDS_A_DAY)


def take_score(case: CustomerCase, score: OutsideScore) -> None:
    """Keep the response for a score that another tool collected; nothing when it is known by source and id.

    The very same answer under another id of its source counts once; the history of the first says so. Raises BadInput
    for a score that is off its question's scale.
    """
    responses = case.all(Response)
    if any((response.source, response.external_id) == (score.source, score.external_id) for response in responses):
        return
    check_score(score.question, score.answer.score)
    twin = next((response for response in responses if is_told_again(score, response)), None)
    if twin is not None:
        why = Why(Reason.COUNTED_ONCE, score.external_id)
        case.add(history(Subject(case.id, "response", twin.id), twin.state, why, score.answer.at, case.ids))
        return
    response = response_for(case, score)
    case.add(response)
    case.add(revision_of(response, score.answer))
    for later in follow_ups(case, response):
        case.change(later)


def response_for(case: CustomerCase, score: OutsideScore) -> Response:
    """Return the response that a score from elsewhere is, about the journey that it belongs to, if one is known."""
    journey = anchor_of(case, score.trigger, score.asked_at, score.reference)
    answer = score.answer
    return Response(
        id=case.ids.derive(answer.at, "response", score.source, score.external_id),
        customer=case.id,
        request=None,
        source=score.source,
        external_id=score.external_id,
        trigger=score.trigger or OTHER,
        touchpoint="",
        reference=score.reference or (journey.reference if journey else ""),
        label=score.label or (journey.label if journey else ""),
        details=journey.details if journey else {},
        anchor_at=journey.anchor_at if journey else score.asked_at,
        asked_at=score.asked_at,
        after_days=days_between(journey.anchor_at, score.asked_at) if journey else 0.0,
        **answer_columns(answer, question=score.question),
        first_answered_at=answer.at,
        settling_since=case.now,
        settles_at=case.now,
        n=1,
        state=ResponseState.SETTLING,
        previous_band=previous_band(case, answer.at, score.question),
        late=case.now - answer.at > LATE_AFTER,
        said_itself=" ".join(name for name in ("reference", "label") if getattr(score, name)),
        question=score.question,
    )


def is_told_again(score: OutsideScore, response: Response) -> bool:
    """Tell whether a score is one that its source told before under another id: same time, question and words."""
    if response.request is not None:
        return False
    answer, itself = score.answer, response.said_itself
    reference = response.reference if itself is None or "reference" in itself.split() else ""
    asked = (score.source, score.question, score.trigger or OTHER, score.reference, score.asked_at)
    asked_before = (response.source, response.question, response.trigger, reference, response.asked_at)
    said = (answer.score, answer.at, answer.comment, answer.wants_contact, joined(answer.drivers or ()))
    drivers_before = response.drivers or ""
    said_before = (response.score, response.answered_at, response.comment, response.wants_contact, drivers_before)
    return asked == asked_before and said == said_before


def follow_ups(case: CustomerCase, response: Response) -> Iterable[Response]:
    """Give the responses whose previous band is another one, now that an earlier answer came after them."""
    for later in case.all(Response):
        band_before = previous_band(case, later.answered_at, later.question)
        if later.answered_at > response.answered_at and later.previous_band != band_before:
            yield replace(later, previous_band=band_before)


def find_anchors(case: CustomerCase) -> list[Response]:
    """Change the scores from elsewhere whose journey became known after them, or is known better now; return those.

    Nothing is decided again here. Together with `take_score` this makes what a score is about a function of the set of
    events, whichever topic was read first. Idempotent.
    """
    changed = []
    for response in case.all(Response):
        if response.request is not None or response.said_itself is None:
            continue
        own_reference = response.reference if "reference" in response.said_itself else ""
        journey = anchor_of(case, response.trigger, response.asked_at, own_reference)
        if journey is None:
            continue
        anchored = replace(
            response,
            reference=own_reference or journey.reference,
            label=response.label if "label" in response.said_itself else journey.label,
            details=journey.details,
            anchor_at=journey.anchor_at,
            after_days=days_between(journey.anchor_at, response.asked_at),
        )
        if anchored != response:
            case.change(anchored)
            changed.append(anchored)
    return changed


def anchor_of(case: CustomerCase, trigger: str, asked_at: datetime, reference: str) -> Journey | None:
    """Return the customer's last journey of a trigger (and reference, unless empty) before a question was asked."""
    fitting = [
        row
        for row in case.all(Journey)
        if not is_occurrence(row)
        and row.trigger == trigger
        and row.anchor_at <= asked_at
        and (not reference or row.reference == reference)
    ]
    return max(fitting, key=lambda journey: (journey.anchor_at, journey.id), default=None)
