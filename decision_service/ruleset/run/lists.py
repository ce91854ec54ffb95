"""The answers of lists for one application's inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from decision_service.domain.decision import ListAnswer
from decision_service.domain.factor import Value
from decision_service.ruleset.program.lists import KeyList, ListQuestion
from decision_service.ruleset.program.model import CompiledRuleset


def list_answers(
    ruleset: CompiledRuleset,
    inputs: Mapping[str, Value],
    day: date,
    known: Iterable[ListAnswer] = (),
    instead: Mapping[str, KeyList] | None = None,
) -> tuple[ListAnswer, ...]:
    """What a ruleset's lists answer about bound inputs on a day in its zone.

    `known` answers, such as recorded ones, stand. Lists in `instead` take the place of those of
    their names. There is no answer for an input that was not sent, and none of a list that is gone.
    """
    if not ruleset.questions:
        return ()
    recorded = {ListQuestion(one.list, one.input): one for one in known}
    lists = ruleset.lists if instead is None else {**ruleset.lists, **instead}
    found: list[ListAnswer] = []
    for question in ruleset.questions:
        value, keys = inputs.get(question.input), lists.get(question.list)
        if not isinstance(value, str):
            continue
        if question in recorded:
            found.append(recorded[question])
        elif keys is not None:
            found.append(keys.answer(question, value, day))
    return tuple(found)
