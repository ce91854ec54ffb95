"""`rules diff`: what changed between two versions or two states of the rules, with what is
proved of it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from msgspec.structs import replace

from decision_service.cli.output import (
    CommandError,
    Exit,
    Format,
    FormatOption,
    print_json,
    print_lines,
)
from decision_service.domain.decision import Arm
from decision_service.factors.registry import catalogue
from decision_service.rulebook.acceptance import ListChange, list_changes
from decision_service.rulebook.changes import Direction, WrittenChange, keys_of
from decision_service.rulebook.differences import RulesetDiff, compare
from decision_service.rulebook.loosenings import (
    guard_changes,
    loosenings,
    name_of,
    unaccepted,
)
from decision_service.rulebook.plan_differences import compare_plans, file_of
from decision_service.rulebook.rulebook import Rulebook
from decision_service.rules.inputs import SHARED
from decision_service.rules.language.diagnostics import plural
from decision_service.rules.program import CompiledRuleset
from decision_service.workbench.backtest.render import encoded, headline, honesty
from decision_service.workbench.backtest.report import ImpactReport, Proofs
from decision_service.workbench.commands.folder import (
    DEFAULT_PATH,
    LoadedRules,
    find_version,
    names_version,
    rules_of,
)
from decision_service.workbench.proofs.report import claim_proofs

_TO_ACCEPT = "the newer rules are looser: accept what is meant by --accept NAME"
_SIDE = "a version's file or product@1; or a rules folder, a part of one, or a git revision"


class ChangedVersion(msgspec.Struct, frozen=True):
    """A version that decides otherwise than before, or may decide now.

    `before` is the same version or else the champion as it was, `champion` that alone; both None
    for a new product, of which there is no comparison either.
    """

    after: CompiledRuleset
    role: str
    before: CompiledRuleset | None
    champion: CompiledRuleset | None
    found: RulesetDiff | None = None

    @property
    def name(self) -> str:
        """`personal-loan-ph v2 (challenger)`."""
        role = f" ({self.role})" if self.role else ""
        return f"{self.after.ruleset} v{self.after.version}{role}"


def _changed_versions(old: Rulebook, new: Rulebook) -> Iterator[ChangedVersion]:
    """In the order of products and versions; a version that only became champion is one."""
    for name, product in new.products.items():
        was = old.products.get(name)
        champion = was.champion if was else None
        for number, ruleset in sorted(product.versions.items()):
            same = was.versions.get(number) if was else None
            is_champion = ruleset is product.champion
            role = ""
            if is_champion or number == product.plan.versions.of(Arm.CHALLENGER):
                role = "champion" if is_champion else "challenger"
            if is_champion and champion and champion.digest != ruleset.digest:
                yield ChangedVersion(ruleset, role, champion, champion=champion)
            elif same is None or same.digest != ruleset.digest:
                yield ChangedVersion(ruleset, role, same or champion, champion=champion)


class PlanDiff(msgspec.Struct, frozen=True):
    product: str
    before: str | None
    after: str | None
    changes: tuple[WrittenChange, ...]


class RulesDiff(msgspec.Struct, frozen=True):
    """Two states compared; `loosenings` are to be accepted, `guards` what else guards the rules."""

    gone: tuple[str, ...]
    versions: tuple[ChangedVersion, ...]
    plans: tuple[PlanDiff, ...]
    lists: tuple[ListChange, ...]
    guards: tuple[WrittenChange, ...]
    loosenings: tuple[WrittenChange, ...]

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__struct_fields__)


def compare_rules(old: LoadedRules, new: LoadedRules) -> RulesDiff:
    if old.part != new.part:
        raise CommandError(
            f"one side is {old.part or 'all products'} and the other {new.part or 'all products'}: "
            "name the same part of both, or two versions by their files"
        )
    folders = old.selection.folder, new.selection.folder
    lists = list_changes(*folders)
    asked = tuple(one for one in loosenings(old.state, new.state) if _selected(new, one.group))
    return RulesDiff(
        tuple(_gone(old, new)),
        tuple(_versions(old, new)),
        tuple(_plans(old, new)),
        lists=tuple(one for one in lists if _selected(new, one.path)),
        guards=tuple(
            one
            for one in guard_changes(old.state, new.state)
            if one.direction is Direction.TIGHTENS and _selected(new, one.group)
        ),
        loosenings=asked,
    )


def _selected(rules: LoadedRules, path: str) -> bool:
    part = rules.part
    shared = "/" not in part and path.startswith(SHARED)  # of every product
    return shared or part in ("", path) or path.startswith(f"{part}/")


def _versions(old: LoadedRules, new: LoadedRules) -> Iterator[ChangedVersion]:
    for one in _changed_versions(old.rulebook, new.rulebook):
        if not _selected(new, f"{one.after.ruleset}/v{one.after.version}.yaml"):
            continue
        was = None if one.before is None else old.files(one.before)
        found = None if was is None else compare(was, new.files(one.after), catalogue())
        yield replace(one, found=found)


def _plans(old: LoadedRules, new: LoadedRules) -> Iterator[PlanDiff]:
    before = old.rulebook.products
    after = new.rulebook.products
    for name in keys_of(before, after):
        old_plan = before[name].plan if name in before else None
        new_plan = after[name].plan if name in after else None
        found = compare_plans(old_plan, new_plan)
        changes = tuple(one for one in found if _selected(new, f"{name}/{file_of(one)}"))
        if changes:
            digests = [plan.digest if plan else None for plan in (old_plan, new_plan)]
            yield PlanDiff(name, digests[0], digests[1], changes=changes)


def _gone(old: LoadedRules, new: LoadedRules) -> Iterator[str]:
    for name, product in old.rulebook.products.items():
        kept = new.rulebook.products.get(name)
        for number in sorted(product.versions):
            left = kept is not None and number in kept.versions
            if not left and _selected(old, f"{name}/v{number}.yaml"):
                yield f"{name} v{number}"


def state_lines(comparison: RulesDiff) -> Iterator[str]:
    for name in comparison.gone:
        yield f"{name} is gone"
    for one in comparison.versions:
        against = f" against v{one.before.version}" if one.before else ""
        changes = () if one.found is None else one.found.changes
        words = plural(len(changes), "change")
        if one.found is None or one.found.alike:
            words = "is new" if one.found is None else "decides alike"
        yield f"{one.name}{against}: {words}"
        yield from _change_lines(changes, "  ")
    for plan in comparison.plans:
        yield f"{plan.product} rollout plan: {plural(len(plan.changes), 'change')}"
        yield from _change_lines(plan.changes, "  ")
    for change in comparison.lists:
        yield f"{Direction.CHANGES}: {change.path} {change.words}"
    yield from _change_lines(comparison.guards)
    if comparison.loosenings:
        yield f"{plural(len(comparison.loosenings), 'loosening')} to be accepted by name:"
    for asked in comparison.loosenings:
        yield f"  {name_of(asked)} {asked.words}"


def _states_dict(comparison: RulesDiff) -> dict[str, Any]:
    versions = [
        {
            "role": one.role,
            "before": one.before and _ruleset_dict(one.before),
            "after": _ruleset_dict(one.after),
            **({} if one.found is None else msgspec.to_builtins(one.found)),
        }
        for one in comparison.versions
    ]
    rest = msgspec.to_builtins(replace(comparison, versions=()))
    return {**rest, "versions": versions}


def _change_lines(changes: Iterable[WrittenChange], indent: str = "") -> Iterator[str]:
    for group, found in groupby(changes, key=lambda change: change.group):
        yield f"{indent}{group}"
        for change in found:
            yield f"{indent}  {change.direction}: {change.subject} {change.words}"


def _ruleset_dict(ruleset: CompiledRuleset) -> dict[str, Any]:
    return {key: getattr(ruleset, key) for key in ("ruleset", "version", "digest")}


AcceptOption = Annotated[
    list[str] | None,
    typer.Option("--accept", metavar="NAME", help="a loosening that is meant, or its file"),
]
FailOption = Annotated[
    bool, typer.Option("--fail-on-loosening", help="exit 1 where one is not accepted")
]
ProveOption = Annotated[
    bool, typer.Option("--prove", help="prove the change for all applicants (extra `workbench`)")
]


def proved(
    old: CompiledRuleset, new: CompiledRuleset, since: date | None = None, name: str = ""
) -> Proofs:
    """What is proved of a change from a day on, else from today; raises SolverMissing."""
    today = since or datetime.now(UTC).astimezone(new.zone).date()
    claims = tuple(claim_proofs(old, new, today, clock=time.monotonic))
    return Proofs(f"v{old.version}", name or f"v{new.version}", today.isoformat(), claims=claims)


def diff(
    before: Annotated[str, typer.Argument(metavar="A", help=_SIDE)],
    after: Annotated[str, typer.Argument(metavar="B", help="the other one")],
    rules: Annotated[
        Path, typer.Option("--rules", help="the rules folder of product@version and revisions")
    ] = DEFAULT_PATH,
    prove_changes: ProveOption = False,
    cases: Annotated[
        Path | None,
        typer.Option(
            "--cases", help="also what it does to people of this file of `decisions cases`"
        ),
    ] = None,
    fail_on_loosening: FailOption = False,
    accept: AcceptOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Two versions, or all versions, rollout plans and lists of two folders or revisions."""
    version = names_version(before)
    other = names_version(after)
    if version is not other:
        one, two = (before, after) if version else (after, before)
        raise CommandError(
            f"{one} is a version and {two} is none: name two versions, or two folders or git "
            "revisions"
        )
    if not version:
        found = _states(before, after, rules, form=form, prove=prove_changes, cases=cases)
        left = unaccepted(found.loosenings, accept or ())
        if fail_on_loosening and left:
            raise CommandError(_TO_ACCEPT, Exit.FINDINGS, tuple(left))
        return
    if fail_on_loosening or accept:
        raise CommandError(
            "--fail-on-loosening and --accept are about two states: name two folders or git "
            "revisions"
        )
    if cases is not None:
        raise CommandError(
            "--cases is about two states: name two folders or git revisions, or take `backtest`"
        )
    _two_versions(before, after, rules, form=form, prove=prove_changes)


def _two_versions(before: str, after: str, rules: Path, form: Format, *, prove: bool) -> None:
    old = find_version(before, rules)
    new = find_version(after, rules)
    comparison = compare(old.files, new.files, catalogue())
    proofs = _proved(old.ruleset, new.ruleset) if prove else []
    if form is Format.JSON:
        named = (("before", old), ("after", new))
        sides = {k: _ruleset_dict(v.ruleset) | {"file": v.files.path} for k, v in named}
        print_json(sides | msgspec.to_builtins(comparison) | ({"proofs": proofs} if prove else {}))
        return
    words = plural(len(comparison.changes), "change")
    if comparison.identical:
        words = f"identical behaviour (digest {old.ruleset.digest[:12]})"
    elif comparison.alike:
        words = "identical behaviour under another name"
    pair = f"{old.name} → {new.name}: {words}"
    print_lines(pair, *_change_lines(comparison.changes), *proofs)


def _proved(old: CompiledRuleset, new: CompiledRuleset) -> list[str]:
    return [one.sentence for one in proved(old, new).claims]


def _states(
    before: str, after: str, rules: Path, form: Format, *, prove: bool, cases: Path | None
) -> RulesDiff:
    if cases is not None:
        try:
            cases.open("rb").close()  # also where no version changed
        except OSError as error:
            raise CommandError(f"{cases} cannot be read ({error.strerror})") from None
    with ExitStack() as opened:
        old = LoadedRules.read(opened.enter_context(rules_of(before, rules)))
        new = LoadedRules.read(opened.enter_context(rules_of(after, rules)))
        comparison = compare_rules(old, new)
        impact = {} if cases is None else dict(_impact(comparison, old, new, cases=cases))
    proofs = [
        f"{one.name}: {line}"
        for one in comparison.versions
        if prove and one.before is not None
        for line in _proved(one.before, one.after)
    ]
    if form is Format.JSON:
        found = _states_dict(comparison) | ({"proofs": proofs} if prove else {})
        if cases is not None:
            found["impact"] = {name: msgspec.json.decode(encoded(r)) for name, r in impact.items()}
        print_json({"before": before, "after": after} | found)
        return comparison
    same = "" if comparison else ": no version, plan, list or guard differs"
    print_lines(f"{before} → {after}{same}", *state_lines(comparison), *proofs)
    for name, report in impact.items():
        print_lines(f"What {name} would have decided", *headline(report), *honesty(report))
    return comparison


def _impact(
    found: RulesDiff, old: LoadedRules, new: LoadedRules, cases: Path
) -> Iterator[tuple[str, ImpactReport]]:
    for one in found.versions:
        if one.champion is not None and one.champion.digest != one.after.digest:
            yield one.name, _judged(one, old, new, cases=cases)


def _judged(one: ChangedVersion, old: LoadedRules, new: LoadedRules, cases: Path) -> ImpactReport:
    from decision_service.workbench.backtest.replica import KeyRange
    from decision_service.workbench.backtest.rules import BacktestOrder, compared
    from decision_service.workbench.commands.backtest_run import Applicants, answered

    window = KeyRange(datetime(1971, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
    product = old.rulebook.products[one.after.ruleset]
    sides = old.named(product.champion), new.named(one.after)
    texts = {**new.texts, **old.texts}
    both = compared(product, *sides, figures={}, points=(), texts=texts)
    order = BacktestOrder(product.name, both.base, both.other, known=product.input_names)
    return answered(both, order, Applicants(window, cases=cases))
