"""ImprovementActions: a theme per answer, an initiative per theme, and one mail to each who asked for what is done."""

import email
import email.policy
from collections.abc import Iterator
from pathlib import Path

import pytest
from embedded import Embedded, about, journey

from workers.domain.records import Dispatch, Response, SurveyRequest
from workers.domain.types import DispatchState
from workers.errors import BadInput, Conflict
from workers.store import tables
from workers.store.report.themes import NO_THEME, Theme
from workers.store.sign_in.audit_log import list_acts
from workers.usecases.initiatives import ImprovementActions, InitiativeState, Kind, ThemeState, weight

TEXTS = {"fr": {"change": "un nouveau transporteur", "change_sentence": "un autre transporteur vous livre."}}
PEOPLE = ("asked", "asked-twice", "other-wish", "left", "erased")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Embedded]:
    """Give an installation with five customers who gave a 7 and said what could be better."""
    made = Embedded(tmp_path, mail_per_day="0")
    for name in PEOPLE:
        made.take(journey("delivery", name, reference=f"order-{name}"))
    made.settle()
    for request in made.rows(SurveyRequest):
        assert made.parts.customer_actions.answer(request.id, 7, "")
    made.later(minutes=5)
    for response in made.rows(Response):
        assert made.parts.customer_actions.improve(response.id, f"Livrez plus vite ({response.reference}).")
    yield made
    made.close()


@pytest.fixture
def improving(house: Embedded) -> ImprovementActions:
    """Give the use case."""
    return ImprovementActions(house.store, house.parts.policies.current, house.parts.now)


def response_of(house: Embedded, name: str) -> Response:
    """Return a customer's answer."""
    return next(response for response in house.rows(Response) if response.reference == f"order-{name}")


def announced(house: Embedded) -> list[Dispatch]:
    """Return the mails that say that it is done."""
    return [dispatch for dispatch in house.rows(Dispatch) if dispatch.template == "you-asked"]


def begun(house: Embedded, improving: ImprovementActions) -> int:
    """Sort the answers and begin an initiative for the wish for faster delivery; return its number."""
    theme = improving.add_theme("Faster delivery", Kind.WISH, "nadia")
    other = improving.add_theme("A bulb in the box", Kind.WISH, "nadia")
    for name in PEOPLE:
        assert improving.sort(response_of(house, name).id, other if name == "other-wish" else theme, "nadia")
    return improving.add_initiative(theme, name="New carrier", owner="nadia", texts=TEXTS, by="nadia")


def finish(improving: ImprovementActions, id: int, version: int = 1) -> int:
    """Mark an initiative as done."""
    done = InitiativeState.DONE
    return improving.change_initiative(
        id, version, name="New carrier", owner="nadia", state=done, texts=TEXTS, by="nadia"
    )


def test_exactly_those_who_asked_are_told_once(house: Embedded, improving: ImprovementActions) -> None:
    """Who wished for something else, opted out or was erased gets nothing; telling again tells nobody."""
    id = begun(house, improving)
    house.take(about("opted_out", "left", house.clock.at), about("erased", "erased", house.clock.at))
    assert finish(improving, id) == 2
    assert improving.tell(id, "nadia") == 0
    house.settle()
    mails = announced(house)
    assert {mail.response for mail in mails} == {response_of(house, "asked").id, response_of(house, "asked-twice").id}
    assert all(mail.state == DispatchState.ACCEPTED for mail in mails)


def test_the_mail_quotes_the_wish_and_says_what_changed(house: Embedded, improving: ImprovementActions) -> None:
    """The customer reads their own words, the month, and the change in their language."""
    assert finish(improving, begun(house, improving))
    house.settle()
    mail = next(mail for mail in announced(house) if mail.response == response_of(house, "asked").id)
    assert mail.facts["quote"] == "Livrez plus vite (order-asked)."
    path = house.parts.settings.home / "mailbox" / f"{mail.id}.eml"
    read = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    part = read.get_body(("plain",))
    assert part is not None
    text = " ".join(part.get_content().split())
    assert "Vous l'aviez demandé, c'est fait" in str(read["Subject"])
    assert "un autre transporteur vous livre" in text
    assert "Livrez plus vite (order-asked)." in text


def test_two_wishes_of_one_person_are_one_mail(house: Embedded, improving: ImprovementActions) -> None:
    """Of several answers of a person with the theme the newest is quoted."""
    id = begun(house, improving)
    house.later(days=200)
    house.take(journey("delivery", "asked-twice", house.clock.at, reference="order-second"))
    house.settle()
    request = next(request for request in house.rows(SurveyRequest) if request.reference == "order-second")
    assert house.parts.customer_actions.answer(request.id, 8, "Toujours trop lent.")
    house.later(minutes=5)
    assert improving.sort(response_of(house, "second").id, improving.themes()[0].theme.id, "nadia")
    assert finish(improving, id) == 4
    quoted = [mail.facts["quote"] for mail in announced(house) if mail.response == response_of(house, "second").id]
    assert quoted == ["Toujours trop lent."]
    assert len({mail.customer for mail in announced(house)}) == len(announced(house))


def test_who_asks_after_it_is_done_is_not_told(house: Embedded, improving: ImprovementActions) -> None:
    """A later complaint is news for the team, not an old wish that came true."""
    id = begun(house, improving)
    count = finish(improving, id)
    house.clock.at = house.clock.at.replace(day=house.clock.at.day + 1)
    house.take(journey("delivery", "later", house.clock.at, reference="order-later"))
    house.settle()
    request = next(request for request in house.rows(SurveyRequest) if request.reference == "order-later")
    assert house.parts.customer_actions.answer(request.id, 7, "Encore lent.")
    house.later(minutes=5)
    assert improving.sort(response_of(house, "later").id, improving.themes()[0].theme.id, "nadia")
    assert improving.tell(id, "nadia") == 0
    assert len(announced(house)) == count


def test_done_is_refused_without_words_and_stays_done(house: Embedded, improving: ImprovementActions) -> None:
    """What is done without a text would tell nothing; what is done cannot be done again or changed."""
    theme = improving.add_theme("Faster delivery", Kind.WISH, "nadia")
    empty = improving.add_initiative(theme, name="Mute", owner="", texts={}, by="nadia")
    done = InitiativeState.DONE
    with pytest.raises(BadInput, match="those who asked"):
        improving.change_initiative(empty, 1, name="Mute", owner="", state=done, texts={}, by="nadia")
    full = improving.add_initiative(theme, name="New carrier", owner="", texts=TEXTS, by="nadia")
    finish(improving, full)
    with pytest.raises(BadInput, match="for what follows"):
        finish(improving, full, version=2)
    with pytest.raises(BadInput, match="both texts"):
        improving.add_initiative(theme, name="Half", owner="", texts={"fr": {"change": "x"}}, by="nadia")


def test_two_leads_do_not_overwrite_each_other(house: Embedded, improving: ImprovementActions) -> None:
    """The second of two changes to the same version is told so, and nobody is written to."""
    id = begun(house, improving)
    doing = InitiativeState.DOING
    improving.change_initiative(id, 1, name="New carrier", owner="max", state=doing, texts=TEXTS, by="max")
    with pytest.raises(Conflict):
        finish(improving, id, version=1)
    assert announced(house) == []


def test_sorting_empties_the_list_and_can_be_undone(house: Embedded, improving: ImprovementActions) -> None:
    """An answer waits until it has a theme or is said to have none; a competitor named does not sort it."""
    waiting, _ = improving.unsorted()
    assert waiting == len(PEOPLE)
    theme, rival = (
        improving.add_theme(name, kind, "nadia") for name, kind in (("Fast", Kind.WISH), ("Lumio", Kind.COMPETITOR))
    )
    first, second = response_of(house, "asked").id, response_of(house, "left").id
    improving.sort(first, rival, "nadia")
    assert improving.unsorted()[0] == waiting
    improving.sort(first, theme, "nadia")
    improving.sort(second, NO_THEME, "nadia")
    assert improving.unsorted()[0] == waiting - 2
    assert improving.unsort(first, theme, "nadia")
    assert not improving.unsort(first, theme, "nadia")
    assert improving.unsorted()[0] == waiting - 1
    assert not improving.sort("no such answer", theme, "nadia")


def test_themes_are_ranked_by_who_asks_impact_and_cost(improving: ImprovementActions) -> None:
    """Many who ask for something cheap with much effect come first; what nobody judged counts as middling."""
    judged = Theme(1, "x", "wish", "open", 3, 1)
    assert weight(judged, 10) == 30
    assert weight(Theme(2, "y", "wish", "open", 0, 0), 10) == 10
    id = improving.add_theme("Set aside", Kind.WISH, "nadia")
    assert improving.add_theme(" set  ASIDE ", Kind.WISH, "nadia") == id
    assert improving.judge(id, name="Set aside", impact=3, cost=1, state=ThemeState.SET_ASIDE, by="nadia")
    improving.add_theme("Open", Kind.WISH, "nadia")
    assert [line.theme.name for line in improving.themes()] == ["Open", "Set aside"]
    with pytest.raises(BadInput):
        improving.judge(id, name="Set aside", impact=4, cost=1, state=ThemeState.OPEN, by="nadia")


def test_every_act_leaves_an_audit_row_without_personal_data(house: Embedded, improving: ImprovementActions) -> None:
    """Who sorted, judged, began and told is in the audit trail, by ids only."""
    finish(improving, begun(house, improving))
    with house.store.reading() as connection:
        rows = [act for act in list_acts(connection, limit=50) if act["by"] == "nadia"]
        assert connection.execute(tables.told.select()).all()
    assert {"theme.add", "theme.put", "initiative.add", "initiative.done", "initiative.tell"} <= {
        row["act"] for row in rows
    }
    assert "Livrez" not in str(rows)
