"""Goals of parameters by label: each label that has a value of its own, the rest, and no label."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from decision_service.language.diagnostics import Place
from decision_service.language.evaluation.kleene import Unknown
from decision_service.ruleset.program.model import CompiledRuleset, ParamSpec

_DEFAULT = "default"


def label_goals(ruleset: CompiledRuleset) -> Iterable[tuple[str, str, Place]]:
    """Each value of each parameter by label, as (what, which, place)."""
    for param in ruleset.params.values():
        for which in (*(each.label or _DEFAULT for each in param.labels), *_open(param)):
            yield param_goal(param), which, ruleset.places[f"params.{param.name}"]


def labels_reached(ruleset: CompiledRuleset, values: Sequence[Any]) -> Iterable[tuple[str, str]]:
    """The values that counted in one evaluation."""
    for labelled in ruleset.program.labelled:
        param, label = ruleset.params[labelled.param], values[labelled.by]
        if label.__class__ is Unknown:
            yield param_goal(param), "unknown"
            continue
        word = str(label).lower() if isinstance(label, bool) else str(label)
        own = any(each.label == word for each in param.labels)
        yield param_goal(param), word if own else _DEFAULT


def param_goal(param: ParamSpec) -> str:
    """A parameter in goals."""
    return f"parameter `{param.name}`"


def _open(param: ParamSpec) -> tuple[str, ...]:
    return ("unknown",) if param.by else ()
