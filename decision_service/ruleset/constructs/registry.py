"""The constructs a rule file can hold; a new one is a file beside this and a line in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from decision_service.domain.verdict import Component
from decision_service.language.yaml.nodes import YamlNode
from decision_service.ruleset.constructs import conditions
from decision_service.ruleset.constructs.offer import read as offer
from decision_service.ruleset.constructs.rules import read as rules
from decision_service.ruleset.constructs.scorecard import read as scorecard
from decision_service.ruleset.constructs.table import read as table
from decision_service.ruleset.program.part import Part
from decision_service.ruleset.reading.draft import RulesetDraft


def _no_names(_node: YamlNode) -> set[str]:
    return set()


class Construct(msgspec.Struct, frozen=True):
    """A key of the rule file, how its body is read, and which names the body will define.

    `components` are those that a stage with it may have.
    """

    key: str
    components: tuple[Component, ...]
    read: Callable[[YamlNode, Component, RulesetDraft], Part | None]
    announces: Callable[[YamlNode], set[str]] = _no_names


def _by_key(*constructs: Construct) -> Mapping[str, Construct]:
    return {construct.key: construct for construct in constructs}


STAGES = _by_key(
    Construct("rules", (Component.KNOCKOUT, Component.POLICY), rules.read_rules),
    Construct("scorecard", (Component.SCORECARD,), scorecard.read_scorecard, scorecard.announces),
    Construct("table", (Component.TABLE,), table.read_table, table.announces),
)

CLOSING = _by_key(
    Construct("offer", (Component.POLICY,), offer.read_offer, offer.announces),
    Construct("conditions", (Component.POLICY,), conditions.read_conditions),
    Construct("post_checks", (Component.LEGAL,), rules.read_post_checks),
)
