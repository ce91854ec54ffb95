"""The `stages:` and the sections that follow them, each read by its construct."""

from __future__ import annotations

from decision_service.domain.verdict import Component
from decision_service.language.types import FLAG
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import ListNode, MapNode, YamlNode
from decision_service.language.yaml.readers import as_list
from decision_service.ruleset.compile.sections.derived import read_waiting
from decision_service.ruleset.constructs.registry import CLOSING, STAGES, Construct
from decision_service.ruleset.program.part import APPLIES_WHEN, StageCondition
from decision_service.ruleset.reading.draft import NamedPart, RulesetDraft

_COMPONENTS = [c.value for c in Component]


def announce(draft: RulesetDraft) -> None:
    """Note every name that derived expressions, stages and the offer will define."""
    derived = draft.root.get("derived")
    if isinstance(derived, MapNode):
        draft.names.upcoming |= {f"derived.{e.key}" for e in derived.entries}
    for stage in _stage_nodes(draft):
        for key, construct in STAGES.items():
            body = stage.get(key)
            if body is not None:
                draft.names.upcoming |= construct.announces(body)
    for key, construct in CLOSING.items():
        body = draft.root.get(key)
        if body is not None:
            draft.names.upcoming |= construct.announces(body)


def _stage_nodes(draft: RulesetDraft) -> list[MapNode]:
    node = draft.root.get("stages")
    items = node.items if isinstance(node, ListNode) else ()
    return [item for item in items if isinstance(item, MapNode)]


def read_stages(draft: RulesetDraft) -> None:
    """Read every stage in order, so that each sees what earlier ones define."""
    node = draft.root.get("stages")
    items = as_list(node, "`stages`", draft.report) if node is not None else ()
    if isinstance(node, ListNode) and not items:
        draft.report.error("R123", node.place, "`stages` is empty", "write at least one stage")
    for item in items:
        _read_stage(item, draft)
        read_waiting(draft)
    read_waiting(draft, last=True)


def _read_stage(node: YamlNode, draft: RulesetDraft) -> None:
    required = ("name", "component")
    optional = (APPLIES_WHEN, *STAGES)
    fields = Fields.of(node, "a stage", draft.report, required=required, optional=optional)
    if fields is None:
        return
    name = fields.identifier("name")
    if name is not None:
        draft.claim(name, fields.place("name"), "stage")
    component = fields.choice("component", _COMPONENTS)
    condition = _condition(name or "?", fields, draft)
    construct = _only_construct(fields, draft)
    if construct is None:
        draft.touch(node)
        return
    fitting = _component(fields, component, construct, draft)
    body = fields.get(construct.key)
    part = construct.read(body, fitting, draft) if body is not None else None
    if part is None:
        draft.touch(node)
        draft.names.broken |= construct.announces(body) if body is not None else set()
        return
    draft.stages.append(NamedPart(name or "?", fitting, part, fields.place("name"), condition))


def _condition(name: str, fields: Fields, draft: RulesetDraft) -> StageCondition | None:
    """For whom the stage is evaluated; read before its body, which may not decide that."""
    when = draft.expression(fields.scalar(APPLIES_WHEN), FLAG)
    if when is None:
        return None
    return StageCondition(name, when, fields.node.key_place(APPLIES_WHEN))


def _only_construct(fields: Fields, draft: RulesetDraft) -> Construct | None:
    given = [key for key in STAGES if fields.has(key)]
    if len(given) == 1:
        return STAGES[given[0]]
    keys = ", ".join(f"`{key}`" for key in STAGES)
    found = " and ".join(f"`{key}`" for key in given) or "none"
    message = f"a stage holds one of {keys}; this one holds {found}"
    draft.report.error("R121", fields.node.place, message, "make it two stages" if given else "")
    return None


def _component(
    fields: Fields, written: str | None, construct: Construct, draft: RulesetDraft
) -> Component:
    fits = construct.components
    if written is None or Component(written) in fits:
        return Component(written) if written else fits[0]
    words = " or ".join(c.value for c in fits)
    message = f"a stage with `{construct.key}` has the component {words}, not {written}"
    draft.report.error("R123", fields.place("component"), message)
    return fits[0]


def read_closing(draft: RulesetDraft) -> None:
    """Read the sections that see the stages' results, in their order of evaluation."""
    for key, construct in CLOSING.items():
        body = draft.root.get(key)
        if body is None:
            continue
        component = construct.components[0]
        part = construct.read(body, component, draft)
        if part is not None:
            place = draft.root.node.key_place(key)
            draft.closing.append(NamedPart(key, component, part, place))
