"""What differs between a story and its decision, and how it is shown."""

from __future__ import annotations

from collections.abc import Iterator

from decision_service.decide.stories import figure_differences, shown_value
from decision_service.domain.decision import Verdict
from decision_service.domain.errors import InputInvalid
from decision_service.domain.values import Missing, Month
from tests.stories.running import Decided
from tests.stories.story import ServiceStory, Waiting

Line = tuple[str, str, str]
"""A field, what is expected of it, what came."""


def differences(story: ServiceStory, decided: Decided) -> list[Line]:
    """Everything in which the decision is not the story's."""
    verdict, case = decided.verdict, story.rules.case
    if story.refused is not None or verdict is None:
        return list(_refusal(story, decided))
    told = (*case.expectation.differences(verdict), *figure_differences(case, decided.facts))
    found: list[Line] = [(d.field, d.expected, d.actual) for d in told]
    named = {reason.factor for reason in verdict.reasons}
    if not set(story.about) <= named:
        found.append(("about", ", ".join(story.about), ", ".join(sorted(named)) or "none"))
    if story.waits_for is not None:
        found += _waiting(story, story.waits_for, verdict)
    return found


def _refusal(story: ServiceStory, decided: Decided) -> Iterator[Line]:
    refused, error = story.refused, decided.error
    if refused is None:
        yield "outcome", str(story.outcome), f"refused: {error}"
    elif error is None:
        outcome = decided.verdict.outcome if decided.verdict else "none"
        yield "outcome", "the request is refused", str(outcome)
    elif refused.not_ready is isinstance(error, InputInvalid):
        yield "refused", "data not ready" if refused.not_ready else "a field", str(error)
    elif isinstance(error, InputInvalid) and refused.field is not None:
        fields = {problem.field for problem in error.problems}
        if refused.field not in fields:
            yield "refused.field", refused.field, ", ".join(sorted(fields))


def _waiting(story: ServiceStory, waits: Waiting, verdict: Verdict) -> Iterator[Line]:
    found = [one.missing for one in verdict.data_requests if one.missing.month is not None]
    if not any(_is(waits, missing) for missing in found):
        told = "; ".join(sorted({_awaited(missing) for missing in found})) or "nothing"
        account = f" by {waits.account}" if waits.account else ""
        yield "waits_for", f"{waits.month}{account}, due {waits.due or 'whenever'}", told


def _is(waits: Waiting, missing: Missing) -> bool:
    same_month = missing.month == waits.month.index
    same_day = waits.due is None or missing.due == waits.due
    same_source = waits.account is None or f"a-{waits.account}" == missing.source
    return same_month and same_day and same_source


def _awaited(missing: Missing) -> str:
    return f"{Month(missing.month or 0)} by {missing.source}, due {missing.due}"


def explained(story: ServiceStory, decided: Decided, found: list[Line]) -> str:
    """The whole story of a failure, for whoever reads the test's output."""
    lines = [f"{story.path}: {story.title}", ""]
    lines += [f"  {name}: expected {expected}, got {actual}" for name, expected, actual in found]
    verdict = decided.verdict
    if verdict is not None:
        lines += ["", "  reasons", *_reasons(verdict), "", "  asked for", *_requests(verdict)]
        scores = (f"    {s.scorecard} {s.score} to {s.best_score} {s.band}" for s in verdict.scores)
        lines += ["", "  scores", *scores, "", "  factors", *_factors(decided)]
    return "\n".join([*lines, "", f"  why: {story.why}"])


def _reasons(verdict: Verdict) -> Iterator[str]:
    for one in verdict.reasons:
        yield f"    {one.code}: {one.factor} is {one.actual or '?'}, needs {one.required or '?'}"


def _requests(verdict: Verdict) -> Iterator[str]:
    for one in verdict.data_requests:
        awaited = f" ({_awaited(one.missing)})" if one.missing.month is not None else ""
        yield f"    {one.factor}: {one.missing.cause}{awaited}"


def _factors(decided: Decided) -> Iterator[str]:
    """Those that the reasons name first."""
    named = {r.factor for r in decided.verdict.reasons} if decided.verdict else set()
    factors = decided.facts.factors
    for name in sorted(factors, key=lambda n: (n not in named, n)):
        yield f"    {'*' if name in named else ' '} {name} = {shown_value(factors[name])}"
