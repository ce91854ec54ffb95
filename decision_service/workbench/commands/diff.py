"""`rules diff`: what changed between two versions or two states of the rules, with what is
proved of it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from msgspec.structs import asdict, replace

from decision_service.cli.output import (
    CommandError,
    Exit,
    Format,
    FormatOption,
    console,
    print_json,
)
from decision_service.factors.registry import catalogue
from decision_service.rulebook.acceptance import ListChange, list_changes
from decision_service.rulebook.rulebook import Product, Rulebook
from decision_service.rules.inputs import SHARED
from decision_service.rules.language.diagnostics import plural
from decision_service.rules.program import CompiledRuleset
from decision_service.workbench.backtest.render import encoded, headline, honesty
from decision_service.workbench.backtest.report import ImpactReport, Proofs
from decision_service.workbench.changes import Direction, WrittenChange, keys_of
from decision_service.workbench.commands.folder import (
    DEFAULT_PATH,
    LoadedRules,
    find_version,
    names_version,
    rules_of,
)
from decision_service.workbench.constants import NamedVersion
from decision_service.workbench.diff import RulesetDiff, compare
from decision_service.workbench.plan_diff import compare_plans, file_of
from decision_service.workbench.proofs.report import claim_proofs
from decision_service.workbench.proofs.solver import SolverMissing
from decision_service.workbench.safeguards import guard_changes

_SIDE = "a version's file or product@1; or a rules folder, a part of one, or a git revision"


@dataclass(frozen=True, slots=True)
class ChangedVersion:
    """A version that decides otherwise than before, or may decide now.

    `before` is the same version or else the champion as it was, `champion` that alone; both None
    for a new product.
    """

    after: CompiledRuleset
    role: str
    before: CompiledRuleset | None
    champion: CompiledRuleset | None

    @property
    def name(self) -> str:
        """`personal-loan-ph v2 (challenger)`."""
        role = f" ({self.role})" if self.role else ""
        return f"{self.after.ruleset} v{self.after.version}{role}"


def changed_versions(old: Rulebook, new: Rulebook) -> Iterator[ChangedVersion]:
    """In the order of products and versions; a version that only became champion is one."""
    for name, product in new.products.items():
        was = old.products.get(name)
        for number, ruleset in sorted(product.versions.items()):
            same = was.versions.get(number) if was else None
            champion = was.champion if was else None
            promoted = ruleset is product.champion and champion is not None
            if promoted and champion is not None and champion.digest == ruleset.digest:
                promoted = False
            if promoted or same is None or same.digest != ruleset.digest:
                before = champion if promoted else same or champion
                yield ChangedVersion(ruleset, _role(product, number), before, champion)


def _role(product: Product, number: int) -> str:
    if number == product.champion.version:
        return "champion"
    challenger = product.plan.versions.challenger
    return "challenger" if challenger and challenger.version == number else ""


@dataclass(frozen=True, slots=True)
class PlanDiff:
    product: str
    before: str
    after: str
    changes: tuple[WrittenChange, ...]


@dataclass(frozen=True, slots=True)
class RulesDiff:
    """Two states compared; `versions` have no comparison where nothing was before."""

    gone: tuple[str, ...]
    versions: tuple[tuple[ChangedVersion, RulesetDiff | None], ...]
    plans: tuple[PlanDiff, ...]
    lists: tuple[ListChange, ...]
    guards: tuple[WrittenChange, ...]

    def __bool__(self) -> bool:
        return bool(self.gone or self.versions or self.plans or self.lists or self.guards)


def compare_rules(old: LoadedRules, new: LoadedRules) -> RulesDiff:
    if old.part != new.part:
        first, second = (rules.part or "all products" for rules in (old, new))
        raise CommandError(
            f"one side is {first} and the other {second}: name the same part of both, or two "
            "versions by their files",
            Exit.USAGE,
        )
    folders = old.selection.folder, new.selection.folder
    lists = list_changes(*folders, datetime.now(UTC))
    return RulesDiff(
        tuple(_gone(old, new)),
        tuple(_versions(old, new)),
        tuple(_plans(old, new)),
        tuple(one for one in lists.changes if _selected(new, one.path)) if lists else (),
        tuple(one for one in guard_changes(*folders) if _selected(new, one.group)),
    )


def _selected(rules: LoadedRules, path: str) -> bool:
    part = rules.part
    shared = "/" not in part and path.startswith(SHARED)  # of every product
    return shared or part in ("", path) or path.startswith(f"{part}/")


def _versions(
    old: LoadedRules, new: LoadedRules
) -> Iterator[tuple[ChangedVersion, RulesetDiff | None]]:
    for one in changed_versions(old.rulebook, new.rulebook):
        if not _selected(new, f"{one.after.ruleset}/v{one.after.version}.yaml"):
            continue
        was = None if one.before is None else old.files(one.before)
        yield one, None if was is None else compare(was, new.files(one.after), catalogue())


def _plans(old: LoadedRules, new: LoadedRules) -> Iterator[PlanDiff]:
    before, after = old.rulebook.products, new.rulebook.products
    for name in keys_of(before, after):
        sides = (before.get(name), after.get(name))
        first, second = (None if product is None else product.plan for product in sides)
        found = compare_plans(first, second)
        changes = tuple(one for one in found if _selected(new, f"{name}/{file_of(one)}"))
        if changes:
            before_digest, digest = (plan.digest if plan else "" for plan in (first, second))
            yield PlanDiff(name, before_digest, digest, changes)


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
    for one, found in comparison.versions:
        against = f" against v{one.before.version}" if one.before else ""
        changes = () if found is None else found.changes
        words = "decides alike" if found and found.alike else plural(len(changes), "change")
        yield f"{one.name}{against}: {'is new' if found is None else words}"
        yield from change_lines(changes, "  ")
    for plan in comparison.plans:
        yield f"{plan.product} rollout plan: {plural(len(plan.changes), 'change')}"
        yield from change_lines(plan.changes, "  ")
    for change in comparison.lists:
        yield f"{Direction.CHANGES}: {change.path} {change.words}"
    yield from change_lines(comparison.guards)


def states_dict(comparison: RulesDiff) -> dict[str, Any]:
    return {
        "gone": list(comparison.gone),
        "versions": [
            {
                "role": one.role,
                "before": one.before and ruleset_dict(one.before),
                "after": ruleset_dict(one.after),
                **({} if found is None else comparison_dict(found)),
            }
            for one, found in comparison.versions
        ],
        "plans": [
            {
                "product": plan.product,
                "before": plan.before or None,
                "after": plan.after or None,
                "changes": [asdict(change) for change in plan.changes],
            }
            for plan in comparison.plans
        ],
        "lists": [asdict(change) for change in comparison.lists],
        "guards": [asdict(change) for change in comparison.guards],
    }


def change_lines(changes: Iterable[WrittenChange], indent: str = "") -> Iterator[str]:
    for group, found in groupby(changes, key=lambda change: change.group):
        yield f"{indent}{group}"
        for change in found:
            yield f"{indent}  {change.direction}: {change.subject} {change.words}"


def comparison_dict(comparison: RulesetDiff) -> dict[str, Any]:
    return {
        "identical": comparison.identical,
        "alike": comparison.alike,
        "changes": [asdict(change) for change in comparison.changes],
    }


def ruleset_dict(ruleset: CompiledRuleset) -> dict[str, Any]:
    return {key: getattr(ruleset, key) for key in ("ruleset", "version", "digest")}


ProveOption = Annotated[
    bool, typer.Option("--prove", help="prove the change for all applicants (extra `workbench`)")
]


def proved(
    old: CompiledRuleset,
    new: CompiledRuleset,
    since: date | None = None,
    name: str = "",
) -> Proofs:
    """What is proved of a change from a day on, else from today; raises CommandError."""
    today = since or datetime.now(UTC).astimezone(new.zone).date()
    try:
        claims = tuple(claim_proofs(old, new, today, time.monotonic))
    except SolverMissing as error:
        raise CommandError(str(error), Exit.USAGE) from None
    return Proofs(f"v{old.version}", name or f"v{new.version}", today.isoformat(), claims)


def sentences(proofs: Proofs) -> list[str]:
    return [one.sentence for one in proofs.claims]


def diff(
    before: Annotated[str, typer.Argument(metavar="A", help=_SIDE)],
    after: Annotated[str, typer.Argument(metavar="B", help="the other one")],
    rules: Annotated[
        Path, typer.Option("--rules", help="the rules folder of product@version and revisions")
    ] = DEFAULT_PATH,
    prove_changes: ProveOption = False,
    cases: Annotated[
        Path | None,
        typer.Option("--cases", help="also what it does to people of this `decisions export`"),
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Two versions, or all versions, rollout plans and lists of two folders or revisions."""
    version, other = names_version(before), names_version(after)
    if version is not other:
        one, two = (before, after) if version else (after, before)
        raise CommandError(
            f"{one} is a version and {two} is none: name two versions, or two folders or git "
            "revisions",
            Exit.USAGE,
        )
    if not version:
        _states(before, after, rules, form, prove=prove_changes, cases=cases)
        return
    if cases is not None:
        raise CommandError(
            "--cases is about two states: name two folders or git revisions, or take `backtest`",
            Exit.USAGE,
        )
    _two_versions(before, after, rules, form, prove=prove_changes)


# Two versions


def _two_versions(before: str, after: str, rules: Path, form: Format, *, prove: bool) -> None:
    old, new = find_version(before, rules), find_version(after, rules)
    comparison = compare(old.files, new.files, catalogue())
    proofs = sentences(proved(old.ruleset, new.ruleset)) if prove else []
    if form is Format.JSON:
        named = (("before", old), ("after", new))
        sides = {k: ruleset_dict(v.ruleset) | {"file": v.files.path} for k, v in named}
        print_json(sides | comparison_dict(comparison) | ({"proofs": proofs} if prove else {}))
        return
    _print([_headline(old, new, comparison), *change_lines(comparison.changes), *proofs])


def _headline(old: NamedVersion, new: NamedVersion, comparison: RulesetDiff) -> str:
    pair = f"{old.name} → {new.name}"
    if comparison.identical:
        return f"{pair}: identical behaviour (digest {old.ruleset.digest[:12]})"
    if comparison.alike:
        return f"{pair}: identical behaviour under another name"
    return f"{pair}: {plural(len(comparison.changes), 'change')}"


# Two states


def _states(
    before: str, after: str, rules: Path, form: Format, *, prove: bool, cases: Path | None
) -> None:
    with ExitStack() as opened:
        old, new = (
            LoadedRules.read(opened.enter_context(rules_of(word, rules)))
            for word in (before, after)
        )
        comparison = compare_rules(old, new)
        impact = {} if cases is None else dict(_impact(comparison, old, new, cases))
    pairs = [(one.name, one.before, one.after) for one, _ in comparison.versions]
    proofs = [
        f"{name}: {line}"
        for name, was, now in pairs
        if prove and was is not None
        for line in sentences(proved(was, now))
    ]
    if form is Format.JSON:
        found = states_dict(comparison) | ({"proofs": proofs} if prove else {})
        if cases is not None:
            found["impact"] = {name: msgspec.json.decode(encoded(r)) for name, r in impact.items()}
        print_json({"before": before, "after": after} | found)
        return
    same = "" if comparison else ": no version, plan, list or guard differs"
    _print([f"{before} → {after}{same}", *state_lines(comparison), *proofs])
    for name, report in impact.items():
        _print([f"What {name} would have decided", *headline(report), *honesty(report)])


def _impact(
    found: RulesDiff, old: LoadedRules, new: LoadedRules, cases: Path
) -> Iterator[tuple[str, ImpactReport]]:
    try:
        cases.open("rb").close()  # also where no version changed
    except OSError as error:
        raise CommandError(f"{cases} cannot be read ({error.strerror})", Exit.USAGE) from None
    for one, _ in found.versions:
        if one.champion is not None and one.champion.digest != one.after.digest:
            yield one.name, _judged(one, old, new, cases)


def _judged(one: ChangedVersion, old: LoadedRules, new: LoadedRules, cases: Path) -> ImpactReport:
    from decision_service.workbench.backtest.replica import KeyRange
    from decision_service.workbench.backtest.rules import BacktestOrder
    from decision_service.workbench.commands.backtest_run import (
        Applicants,
        answered,
        compared_rules,
    )

    window = KeyRange(datetime(1971, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
    name = one.after.ruleset
    compared = compared_rules(old.path, name, new.file(one.after), {}, ())
    at_hand = {text.digest: text.body for text in new.loading.texts}
    compared = replace(compared, texts={**at_hand, **compared.texts})
    order = BacktestOrder(name, compared.base, compared.other, compared.product.input_names)
    return answered(compared, order, Applicants(window, cases=cases))


def _print(lines: list[str]) -> None:
    for line in lines:
        console().print(line, markup=False, soft_wrap=True)
