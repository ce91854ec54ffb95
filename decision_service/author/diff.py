"""`rules diff`: what changed between two versions or two states of the rules, with what is
proved of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from msgspec.structs import replace

from decision_service.author.backtest.render import encoded, headline, honesty
from decision_service.author.backtest.report import ImpactReport
from decision_service.author.folder import (
    DEFAULT_PATH,
    LoadedRules,
    find_version,
    names_version,
    rules_of,
)
from decision_service.author.prove import ProveOption, proved
from decision_service.cli.output import (
    CommandError,
    Exit,
    Format,
    FormatOption,
    print_json,
    print_lines,
)
from decision_service.factors.registry import catalogue
from decision_service.rulebook.differences import compare
from decision_service.rulebook.loosenings import unaccepted
from decision_service.rulebook.states import (
    ChangedVersion,
    RulesDiff,
    change_lines,
    compare_states,
    difference_lines,
)
from decision_service.rules.inputs import SHARED
from decision_service.rules.language.diagnostics import plural
from decision_service.rules.program import CompiledRuleset

_TO_ACCEPT = "the newer rules are looser: accept what is meant by --accept NAME"
_SIDE = "a version's file or product@1; or a rules folder, a part of one, or a git revision"


def compare_rules(old: LoadedRules, new: LoadedRules) -> RulesDiff:
    if old.part != new.part:
        raise CommandError(
            f"one side is {old.part or 'all products'} and the other {new.part or 'all products'}: "
            "name the same part of both, or two versions by their files"
        )
    return compare_states(old.state, new.state, partial(_selected, new))


def _selected(rules: LoadedRules, path: str) -> bool:
    part = rules.part
    shared = "/" not in part and path.startswith(SHARED)  # of every product
    return shared or part in ("", path) or path.startswith(f"{part}/")


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


def _ruleset_dict(ruleset: CompiledRuleset) -> dict[str, Any]:
    return {key: getattr(ruleset, key) for key in ("ruleset", "version", "digest")}


AcceptOption = Annotated[
    list[str] | None,
    typer.Option("--accept", metavar="NAME", help="a loosening that is meant, or its file"),
]
FailOption = Annotated[
    bool, typer.Option("--fail-on-loosening", help="exit 1 where one is not accepted")
]


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
    print_lines(pair, *change_lines(comparison.changes), *proofs)


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
    print_lines(f"{before} → {after}{same}", *difference_lines(comparison), *proofs)
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
    from decision_service.author.backtest.order import Applicants, answered
    from decision_service.author.backtest.replica import KeyRange
    from decision_service.author.backtest.rules import BacktestOrder, compared

    window = KeyRange(datetime(1971, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
    product = old.rulebook.products[one.after.ruleset]
    sides = old.named(product.champion), new.named(one.after)
    texts = {**new.texts, **old.texts}
    both = compared(product, *sides, figures={}, points=(), texts=texts)
    order = BacktestOrder(product.name, both.base, both.other, known=product.input_names)
    return answered(both, order, Applicants(window, cases=cases))
