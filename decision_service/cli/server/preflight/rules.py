"""Whether the rules load, their tests pass, and rollouts begin at their first stage."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from decision_service.cli.display.output import progress_line
from decision_service.cli.server.preflight.check import PreflightCheck
from decision_service.cli.server.preflight.store import StoreState
from decision_service.config import (
    Settings,
)
from decision_service.edge.rpc.authenticator import read_callers_file
from decision_service.language.diagnostics import Severity, count
from decision_service.pipeline.rules.acceptance import floor_problems, unapproved
from decision_service.pipeline.rules.checks.blocked import blocked_names
from decision_service.pipeline.rules.checks.plan_risks import found_risks
from decision_service.pipeline.rules.folder import RuleFolder
from decision_service.pipeline.rules.loading import load_rules
from decision_service.pipeline.rules.policy import Policy
from decision_service.pipeline.rules.publication import published_as
from decision_service.pipeline.rules.rulebook import Product, Rulebook
from decision_service.pipeline.rules.safeguards import loosened, unaccepted
from decision_service.pipeline.trial.figures import counted
from decision_service.pipeline.trial.guarantees import UNDECIDED, guarantees_of
from decision_service.pipeline.trial.rule_tests import failures, run_rule_tests
from decision_service.proofs.solving.solver import SolverMissing
from decision_service.storage.rules_folder.files import RulesFolderMissing, read_rules
from decision_service.wiring.rules import rules_folder


def rules_checks(settings: Settings, state: StoreState) -> Iterator[PreflightCheck]:
    """Whether the rules load, their tests pass, and each rollout is at its first stage.

    What guards them is compared with the rules that decided last on the store.
    """
    try:
        folder = read_rules(rules_folder(settings))
    except RulesFolderMissing as error:
        yield PreflightCheck("rules", False, str(error))
        return
    loading = load_rules(folder, datetime.now(UTC), blocked_names(settings))
    if loading.rulebook is None:
        words = f"{count(loading.errors)} in {settings.rules_dir}: see `rules check`"
        yield PreflightCheck("rules", False, words)
        return
    if settings.require_approval:
        yield _approved(settings, folder, loading.rulebook)
    if state.rules is not None:
        yield _guards(settings, state.rules, folder, loading.rulebook)
    failed = failures(run_rule_tests(folder, loading.rulebook))
    if failed:
        words = f"{len(failed)} of their tests fail or are not there: see `rules test`"
        yield PreflightCheck("rules", False, words)
    else:
        yield PreflightCheck(
            "rules", True, f"{len(loading.rulebook.products)} products, tests passed"
        )
    for problem in loading.nothing_listed:
        yield PreflightCheck("lists", None, f"{problem.message}: {problem.hint}")
    yield from _letters(loading.rulebook)
    for name, product in sorted(loading.rulebook.products.items()):
        first = product.plan.go_live.stages.steps[0].name
        reached = (state.stages[name] or first) if name in state.stages else None
        yield _first_stage(name, product, reached)
        yield from _plan_risks(product, loading.rulebook.policy)


def _guards(
    settings: Settings, last: RuleFolder, folder: RuleFolder, rulebook: Rulebook
) -> PreflightCheck:
    """Whether all that guards the rules less than in those that decided is accepted by name."""
    now, published = datetime.now(UTC), published_as(folder)
    before = load_rules(replace(last, manifest=None), now, blocked_names(settings)).rulebook
    if before is None:
        return PreflightCheck("guards", None, "not compared: what decided last does not load now")
    accepted = () if published is None else published.accepted
    found = unaccepted(loosened(last, before, folder, rulebook, now), accepted)
    if found:
        words = f"{len(found)} are less than in what decided last, the first {found[0]}"
        todo = "publish or sign with --accept"
        return PreflightCheck("guards", False, f"{words}: {todo}")
    return PreflightCheck("guards", True, "none is less than in what decided last, or unaccepted")


def _plan_risks(product: Product, policy: Policy) -> Iterator[PreflightCheck]:
    """Whether a plan begins small, is watched and bounded, or the policy accepts that it is not."""
    name = product.name
    risks = [(one, one.named) for one in found_risks(product, Policy()) if one.named]
    for one, named in risks:
        reason = policy.reason(name, named)
        todo = f"{one.hint}, or accept `{named}` of {name} with a reason in policy.yaml"
        words = f"accepted: {reason}" if reason else todo
        yield PreflightCheck("plan", bool(reason), f"{name}: {one.message}; {words}")
    if not risks:
        yield PreflightCheck("plan", True, f"{name} begins small, with guardrails and caps")


def _letters(rulebook: Rulebook) -> Iterator[PreflightCheck]:
    """Whether letters name the lender, and not the sample's name or contact."""
    samples, good = ("Sample Lending", "lender.example", "8000 0000"), 0
    for name, product in sorted(rulebook.products.items()):
        for language, texts in sorted(product.notices.items()):
            found = next((one for one in samples if one in f"{texts.lender} {texts.contact}"), "")
            if found:
                words = f"{name}/notices/{language}.yaml has the sample's `{found}`"
                todo = "write your own `lender` and `contact`"
                yield PreflightCheck("letters", False, f"{words}: {todo}")
            good += not found
    if good:
        yield PreflightCheck("letters", True, f"{good} name a lender and a contact")


def _approved(settings: Settings, folder: RuleFolder, rulebook: Rulebook) -> PreflightCheck:
    """Whether two callers signed the rules; a callers file with mistakes knows nobody."""
    file = settings.auth_tokens_file
    callers = None if file is None else read_callers_file(file).callers
    signers = {} if callers is None else callers.signers
    problems = unapproved(folder, rulebook, None, signers, datetime.now(UTC).date())
    if problems:
        words = f"not signed by two callers ({problems[0].message}): see `rules verify`"
        return PreflightCheck("rules", False, words)
    return PreflightCheck("rules", True, "signed by two callers")


def slow_checks(settings: Settings, seconds: float) -> Iterator[PreflightCheck]:
    """What takes minutes: whether guarantees are proved, and what tests reach and notice."""
    try:
        folder = read_rules(rules_folder(settings))
        rulebook = load_rules(folder, datetime.now(UTC), blocked_names(settings)).rulebook
        why = "the rules do not load: see `rules check`"
    except RulesFolderMissing as error:
        rulebook, why = None, str(error)
    if rulebook is None:
        yield from (PreflightCheck(name, False, why) for name in ("guarantees", "figures"))
    else:
        yield _guarantees(rulebook, seconds)
        yield _figures(folder, rulebook)


def _guarantees(rulebook: Rulebook, seconds: float) -> PreflightCheck:
    """Whether every guarantee is proved in so many seconds.

    Where no solver is installed it is neither in order nor to be done: nothing that decides needs
    one.
    """
    until = time.monotonic() + seconds
    asked = guarantees_of(rulebook, datetime.now(UTC), time.monotonic, until=until)
    try:
        found = [*asked]
    except SolverMissing as error:
        return PreflightCheck("guarantees", None, f"not proved: {error}")
    broken = [d for d in found if d.severity is Severity.ERROR]
    if broken:
        words = f"{len(broken)} do not hold or are not decided: see `rules check --prove`"
        return PreflightCheck("guarantees", False, words)
    versions = [v for product in rulebook.products.values() for v in product.versions.values()]
    open_ = [d for d in found if d.code == UNDECIDED]
    proved = f"{sum(len(version.guarantees) for version in versions) - len(open_)} proved"
    words = f"{proved}, {len(open_)} not decided: see `rules check --prove`" if open_ else proved
    return PreflightCheck("guarantees", True, words)


def _figures(folder: RuleFolder, rulebook: Rulebook) -> PreflightCheck:
    """Whether tests reach and notice what the policy asks for, and what was published of them."""
    results = run_rule_tests(folder, rulebook)
    tested, problems = counted(folder, rulebook, results, progress_line)
    below = [*problems, *floor_problems(folder.root, tested, rulebook)]
    published = published_as(folder)
    if below:
        return PreflightCheck("figures", False, f"{below[0].message}: see `rules test --figures`")
    if published is not None and published.tested != tested:
        words = "coverage and figures are not those of manifest.yaml: publish or sign again"
        return PreflightCheck("figures", False, words)
    each = (f"{name} {one.coverage} % and {one.figures} %" for name, one in tested.items())
    words = "; ".join((f"coverage and figures of {', '.join(each)}", *rulebook.policy.remarks))
    return PreflightCheck("figures", True, words)


def _first_stage(name: str, product: Product, reached: str | None) -> PreflightCheck:
    """Whether a rollout is at its first stage: as the store says, else as its plan begins."""
    stages = product.plan.go_live.stages
    stage = stages.initial if reached is None else reached
    known = stage in {step.name for step in stages.steps}
    share = f" ({stages.percent(stage) / 1000:g} %)" if known else ""
    words = f"{name} {'begins' if reached is None else 'is'} at stage {stage}{share}"
    if len(stages.steps) == 1:
        words = f"{words}, its only one: give `go_live` more `stages` in its rollout.yaml"
        return PreflightCheck("rollout", False, words)
    first = stages.steps[0].name
    if first == stage:
        return PreflightCheck("rollout", True, words)
    todo = f"set `initial_stage: {first}` in its rollout.yaml"
    if reached is not None:
        track = "" if product.plan.versions.challenger is None else " --track go-live"
        command = f"decision-service rollout roll-back {name}{track} --why WHY"
        todo = f"run `{command}` until it is at {first}"
    return PreflightCheck("rollout", False, f"{words}: {todo}")
