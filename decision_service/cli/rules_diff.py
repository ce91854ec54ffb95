"""`rules diff`: what changed between two versions, or two states of the rules, in plain words.

It adds itself and `rules prove` to `rules`, as both need more than the rules themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from msgspec.structs import replace

from decision_service.cli.display.output import Format, FormatOption, console, print_json
from decision_service.cli.display.text import counted
from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.proofs.commands import prove
from decision_service.cli.rules.commands import commands
from decision_service.cli.rules.diff.changes import ChangedVersion
from decision_service.cli.rules.diff.loaded import LoadedRules
from decision_service.cli.rules.diff.output import (
    change_lines,
    comparison_dict,
    ruleset_dict,
    state_lines,
    states_dict,
)
from decision_service.cli.rules.diff.proofs import ProveOption, proved, sentences
from decision_service.cli.rules.diff.revisions import rules_of
from decision_service.cli.rules.diff.states import RulesDiff, compare_rules
from decision_service.cli.rules.folder import DEFAULT_PATH
from decision_service.cli.rules.version import NamedVersion, find_version, names_version
from decision_service.factors.registry import catalogue
from decision_service.impact.document import encoded
from decision_service.impact.figures import ImpactReport
from decision_service.impact.render.wording import headline, honesty
from decision_service.ruleset.diff.versions import RulesetDiff, compare

_SIDE = "a version's file or product@1; or a rules folder, a part of one, or a git revision"

commands.command()(prove)


@commands.command()
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
    """Say in plain words what changed from A to B.

    Two versions, or all versions, rollout plans and lists of two folders or revisions.
    """
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
    _versions(before, after, rules, form, prove=prove_changes)


# Two versions


def _versions(before: str, after: str, rules: Path, form: Format, *, prove: bool) -> None:
    old, new = find_version(before, rules), find_version(after, rules)
    comparison = compare(old.files, new.files, catalogue())
    proofs = sentences(proved(old.ruleset, new.ruleset)) if prove else []
    if form is Format.JSON:
        sides = {"before": _named(old), "after": _named(new)}
        print_json(sides | comparison_dict(comparison) | ({"proofs": proofs} if prove else {}))
        return
    _print([_headline(old, new, comparison), *change_lines(comparison.changes), *proofs])


def _headline(old: NamedVersion, new: NamedVersion, comparison: RulesetDiff) -> str:
    pair = f"{old.name} → {new.name}"
    if comparison.identical:
        return f"{pair}: identical behaviour (digest {old.ruleset.digest[:12]})"
    if comparison.alike:
        return f"{pair}: identical behaviour under another name"
    return f"{pair}: {counted(len(comparison.changes), 'change')}"


def _named(version: NamedVersion) -> dict[str, Any]:
    return ruleset_dict(version.ruleset) | {"file": version.files.path}


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
        told = states_dict(comparison) | ({"proofs": proofs} if prove else {})
        if cases is not None:
            told["impact"] = {name: msgspec.json.decode(encoded(r)) for name, r in impact.items()}
        print_json({"before": before, "after": after} | told)
        return
    same = "" if comparison else ": no version, plan, list or guard differs"
    _print([f"{before} → {after}{same}", *state_lines(comparison), *proofs])
    for name, report in impact.items():
        _print([f"What {name} would have decided", *headline(report), *honesty(report)])


def _impact(
    found: RulesDiff, old: LoadedRules, new: LoadedRules, cases: Path
) -> Iterator[tuple[str, ImpactReport]]:
    """What each changed version would have decided, against the champion as it was."""
    try:
        cases.open("rb").close()  # also where no version changed
    except OSError as error:
        raise CommandError(f"{cases} cannot be read ({error.strerror})", Exit.USAGE) from None
    for one, _ in found.versions:
        if one.champion is not None and one.champion.digest != one.after.digest:
            yield one.name, _judged(one, old, new, cases)


def _judged(one: ChangedVersion, old: LoadedRules, new: LoadedRules, cases: Path) -> ImpactReport:
    from decision_service.cli.backtest.local.rules import compared_rules
    from decision_service.cli.backtest.local.run import LocalBacktest, answered
    from decision_service.cli.backtest.local.sources import SourceNames
    from decision_service.pipeline.backtest.ports import KeyRange
    from decision_service.pipeline.backtest.rules import BacktestOrder

    window = KeyRange(datetime(1971, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
    name = one.after.ruleset
    compared = compared_rules(old.path, name, new.file(one.after), {}, ())
    at_hand = {text.digest: text.body for text in new.loading.texts}
    compared = replace(compared, texts={**at_hand, **compared.texts})
    order = BacktestOrder(name, compared.base, compared.other, compared.product.input_names)
    return answered(LocalBacktest(compared, order, window), SourceNames(cases=cases))


def _print(lines: list[str]) -> None:
    for line in lines:
        console().print(line, markup=False, soft_wrap=True)
