"""`rules prove`: whether a claim about two versions holds of every applicant."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any

import typer

from decision_service.author.constants import NamedVersion
from decision_service.author.folder import DEFAULT_PATH, RulesOption, find_anywhere
from decision_service.author.proofs.claims import Proofs
from decision_service.author.proofs.comparison import CLAIMS, Claim, compared
from decision_service.author.proofs.questions import Question
from decision_service.author.proofs.report import (
    case_of,
    claim_proofs,
    differences,
    factor_model,
    person_text,
    shown,
    untypical,
    verdict_text,
)
from decision_service.author.proofs.search import Counterexample, Proved, Result, Undecided
from decision_service.author.proofs.search import prove as prove_it
from decision_service.cli.output import (
    CommandError,
    Exit,
    Format,
    FormatOption,
    print_json,
    print_lines,
    seconds,
)
from decision_service.rules.program import CompiledRuleset

DEFAULT_SECONDS = 60.0
_WORDS = {Proved: "PROVED", Counterexample: "COUNTEREXAMPLE", Undecided: "UNDECIDED"}
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


def lines(question: Question, claim: str, result: Result, today: date) -> Iterator[str]:
    if isinstance(result, Proved):
        parts = f" in {result.periods} periods of its parameters" if result.periods > 1 else ""
        yield f"PROVED: {claim}, for every applicant from {today} on{parts}"
    elif isinstance(result, Undecided):
        yield f"UNDECIDED: {claim}: {result.why}"
    else:
        yield f"COUNTEREXAMPLE: not so: {claim}"
        yield f"  {person_text(question, result)}"
        yield "  As a rule test:"
        yield case_of(question, result)


def as_dict(question: Question, claim: str, result: Result, today: date) -> Mapping[str, Any]:
    word = _WORDS[type(result)]
    found: dict[str, Any] = {"claim": claim, "result": word, "from": today.isoformat()}
    if isinstance(result, Proved):
        return {**found, "periods": result.periods}
    if isinstance(result, Undecided):
        return {**found, "why": result.why}
    sides = zip(question.sides, result.verdicts, strict=True)
    return {
        **found,
        "as_of": result.day.isoformat(),
        "differs_from_typical": untypical(question, result),
        "changed": {n: shown(question, n, value) for n, value in result.changed.items()},
        "differences": differences(result),
        "verdicts": [{"of": side, "verdict": verdict_text(verdict)} for side, verdict in sides],
        "case": case_of(question, result),
    }


def prove(
    old: Annotated[
        str, typer.Argument(metavar="OLD", help="a file, product@1, or REVISION:product@1")
    ],
    new: Annotated[str, typer.Argument(metavar="NEW", help="the other one")],
    where: Annotated[
        str, typer.Argument(metavar="WHERE", help="with `--claim only`, a condition")
    ] = "",
    claim: Annotated[
        Claim,
        typer.Option(
            "--claim", metavar="CLAIM", help=f"what NEW is, beside OLD: {', '.join(Claim)}"
        ),
    ] = Claim.TIGHTENS,
    timeout: Annotated[
        float, seconds("the time limit, such as 60s", "--timeout")
    ] = DEFAULT_SECONDS,
    on: Annotated[str, typer.Option("--from", help="a day, YYYY-MM-DD; else today")] = "",
    rules: RulesOption = DEFAULT_PATH,
    form: FormatOption = Format.TABLE,
) -> None:
    """Where it does not hold, a person is shown for whom it does not.

    Exit code 0: proved; 1: a counterexample; 4: undecided.
    """
    versions = find_anywhere(old, rules), find_anywhere(new, rules)
    question = _question(versions, claim, where)
    today = _day(on, versions[1])
    result = decided(question, today, timeout)
    words = _claim_text(versions, claim, where)
    if form is Format.JSON:
        digests = {"old": versions[0].ruleset.digest, "new": versions[1].ruleset.digest}
        print_json({**as_dict(question, words, result, today=today), "digests": digests})
    else:
        print_lines(*lines(question, words, result, today=today))
    if not isinstance(result, Counterexample | Undecided):
        return
    raise typer.Exit(Exit.UNDECIDED if isinstance(result, Undecided) else Exit.FINDINGS)


def decided(question: Question, today: date, limit: float) -> Result:
    end = time.monotonic() + limit

    def seconds_left() -> float:
        return end - time.monotonic()

    return prove_it(question, today, seconds_left)


def _question(versions: tuple[NamedVersion, NamedVersion], claim: Claim, where: str) -> Question:
    if bool(where) is not (claim is Claim.ONLY):
        words = (
            "needs a condition" if claim is Claim.ONLY else f"is for `--claim only`, not {claim}"
        )
        what = "--claim only" if claim is Claim.ONLY else f"the condition {where}"
        raise CommandError(f'{what} {words}: as in --claim only "income.months_24m < 6"')
    old = versions[0].ruleset
    new = versions[1].ruleset
    return compared(old, new, claim, world=factor_model(old, new), where=where)


def _day(text: str, version: NamedVersion) -> date:
    if not text:
        return datetime.now(UTC).astimezone(version.ruleset.zone).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--from is {text}: write a day as 2026-12-01") from None


def _claim_text(versions: tuple[NamedVersion, NamedVersion], claim: Claim, where: str) -> str:
    said = {"OLD": versions[0].name, "NEW": versions[1].name, "WHERE": where}
    return " ".join(said.get(word, word) for word in CLAIMS[claim].words.split())
