"""Comparisons and `in`: the types that can be compared, and the labels that exist."""

from __future__ import annotations

from collections.abc import Sequence

from decision_service.language.diagnostics import Place, Report, did_you_mean
from decision_service.language.expressions import tree
from decision_service.language.expressions.fitting import fit_together
from decision_service.language.expressions.tree import Node
from decision_service.language.types import FLAG, ORDERED, TEXT, joint, phrase


def compared(
    left: Node, operator: str, right: Node, place: Place, currency: str, report: Report
) -> Node | None:
    """The comparison of two sides; None where they cannot be compared, reported at `place`."""
    words = f"`{left.text} {operator} {right.text}`"
    mixed = f"{phrase(left.type)} cannot be compared with {phrase(right.type)}: {words}"
    first, second = fit_together([left, right], currency, report)
    if first is None or second is None:
        return None
    shared = joint((first.type, second.type))
    if shared is None:
        flag = {first.type, second.type} == {FLAG, TEXT}
        report.error("R304", place, mixed, "use true/false or the bare flag" if flag else "")
        return None
    if operator not in ("==", "!=") and shared not in ORDERED:
        report.error("R304", place, f"{shared} has no order: {words}", "use `==` or `in`")
        return None
    if not (is_label(first, second, report) and is_label(second, first, report)):
        return None
    here = Place(left.place.file, left.place.line, left.place.column, right.place.end)
    return tree.Compare(operator, first, second, text=words[1:-1], place=here)


def options_of(
    operand: Node, options: Sequence[Node], place: Place, currency: str, report: Report
) -> tuple[tree.Literal, ...] | None:
    """The values after `in`, in the operand's type; None where they are not literals of it."""
    fitted = fit_together([operand, *options], currency, report)[1:]
    if None in fitted:
        return None
    constants = [o for o in fitted if isinstance(o, tree.Constant)]
    if not constants or len(constants) != len(options):
        message, hint = "`in` takes literals in parentheses", 'as in ("A", "B")'
        report.error("R303", place, message, hint)
        return None
    if joint([operand.type, *(c.type for c in constants)]) is None:
        what = f"`{operand.text}` is {phrase(operand.type)}"
        report.error("R304", place, f"{what}; not all of what follows `in` are")
        return None
    if [c for c in constants if not is_label(operand, c, report)]:
        return None
    return tuple(dict.fromkeys(c.value for c in constants))


def is_label(name: Node, label: Node, report: Report) -> bool:
    """Whether a literal is one of the labels that the name can have; reported where it is not."""
    if not (isinstance(name, tree.NameRead) and isinstance(label, tree.Constant)):
        return True
    labels = name.symbol.labels
    if not labels or label.value in labels:
        return True
    message = f"`{name.text}` is never {label.text}"
    report.error("R308", label.place, message, did_you_mean(str(label.value), labels))
    return False
