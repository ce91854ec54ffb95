"""What kept a chosen term from being the next one, and how each term was judged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from decision_service.language.evaluation.emitter import Evaluate, Values, compile_trees
from decision_service.language.expressions import tree
from decision_service.language.expressions.tree import Node
from decision_service.ruleset.constructs.offer.choice import LARGEST, LONGEST, TermChoice
from decision_service.ruleset.program.wording import Wording


class TermBinding:
    """The choice of a term, ready to say why."""

    def __init__(self, choice: TermChoice) -> None:
        self.choice = choice
        self.asked = compile_trees(choice.asked)
        self.parts = [_compiled(node) for node in choice.asked]

    def text(self, term: int, values: Values) -> str:
        """The comparison, as written, that the next term in the wanted direction does not fulfil.

        Empty for the last term in that direction. Of the largest amount it is the amount.
        """
        if self.choice.choose == LARGEST:
            return self.choice.asked[0].text
        step = 1 if self.choice.choose == LONGEST else -1
        index = self.choice.terms.index(term) + step
        if not 0 <= index < len(self.choice.terms):
            return ""
        failing = (text for text, part in self.parts[index] if part(values) is not True)
        return next(failing, self.choice.asked[index].text)

    def note(self, values: Values, wording: Wording) -> str:
        """Each term with its condition's truth or its amount."""
        pairs = zip(self.choice.terms, self.choice.asked, self.asked, strict=True)
        shown = (
            f"{term}: {wording.value(evaluate(values), node.type)}"
            for term, node, evaluate in pairs
        )
        return ", ".join(shown)


def _compiled(node: Node) -> Sequence[tuple[str, Evaluate | Any]]:
    parts = node.operands if isinstance(node, tree.All) else (node,)
    return list(zip([part.text for part in parts], compile_trees(parts), strict=True))
