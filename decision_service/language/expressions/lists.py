"""`inputs.x in lists.NAME`: whether an input stands on a list of keys beside the rules."""

from __future__ import annotations

from decision_service.language.diagnostics import Place, Report
from decision_service.language.expressions import tree
from decision_service.language.expressions.tree import Node
from decision_service.language.types import TEXT, NameFault, Scope, phrase

LISTS = "lists."
_INPUTS = "inputs."


def listed(
    operand: Node,
    right: Place,
    name: str,
    text: str,
    place: Place,
    scope: Scope,
    report: Report,
) -> tree.Listed | None:
    """The question of a text input to the list `name`, which stands at `right`.

    None where there is no such list or the operand is no text input, reported at its place.
    """
    if not isinstance(operand, tree.NameRead) or not operand.symbol.name.startswith(_INPUTS):
        message = f"`{operand.text}` is no input, and lists are asked about inputs only"
        report.error("R319", operand.place, message, "write `inputs.NAME in lists.NAME`")
        return None
    if operand.type is not TEXT:
        message = f"the keys of lists are texts, and `{operand.text}` is {phrase(operand.type)}"
        report.error("R319", operand.place, message, "declare the input with `type: text`")
        return None
    answer = scope.listed(operand.symbol, name.removeprefix(LISTS))
    if isinstance(answer, NameFault):
        report.error(answer.code, right, answer.message, answer.hint)
        return None
    list_ = name.removeprefix(LISTS)
    return tree.Listed(operand, list_, answer, text=text, place=place)
