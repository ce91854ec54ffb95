"""Reads a story's file: an applicant at an instant, and what is expected; and decides it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import msgspec
from msgspec.structs import replace

from decision_service.domain.factor import FactorValue
from decision_service.domain.kinds import MONTHLY_KINDS, Kind
from decision_service.domain.money import Money
from decision_service.domain.own_facts import History, Match, OwnFacts, Reuse
from decision_service.domain.person import FoundPerson, GivenApplicant
from decision_service.domain.snapshot import (
    Account,
    Identity,
    Read,
    Snapshot,
    Source,
    Task,
    Transaction,
)
from decision_service.factors.compute import compute
from decision_service.factors.match import people_read
from decision_service.factors.plan import fetch_plan
from decision_service.factors.registry import catalogue
from decision_service.language.diagnostics import Diagnostic, Place, Report
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.parser import read
from decision_service.pipeline.decide.concluding.judge import needs_of
from decision_service.pipeline.decide.matching import with_match
from decision_service.pipeline.rules.folder import ProductTexts
from decision_service.pipeline.rules.rulebook import Product
from decision_service.pipeline.trial.stories.records import SECTIONS, Part, each, instant
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.run.evaluator import Facts, evaluate
from decision_service.ruleset.run.inputs import bind_inputs
from decision_service.ruleset.run.lists import list_answers
from decision_service.ruleset.testing.case_reading import RuleTestCase, claim_name, read_given
from decision_service.ruleset.testing.cases import CaseResult
from decision_service.ruleset.testing.expectations import (
    NOTHING_EXPECTED,
    Difference,
    read_expectation,
    shown,
)

REQUIRED = ("title", "product", "today", "application", "accounts", "why")
OPTIONAL = ("version", "applicant", "on_record", "expect", "figures")
_STATE = ("name", "kind", "status", "connected", "synced", "disconnected", "error")
_PERSON = ("born", "person", "phone", "email")
OF_ACCOUNT = (*_STATE, *_PERSON, *SECTIONS)
_KINDS = ("account", "upload", "archive", "social security")
_STATUSES = ("CONNECTED", "ERROR", "PENDING", "AWAITING_MFA", "DISCONNECTED")
_AMOUNTS = ("granted", "instalments", "granted_to_others")
_COUNTS = ("applied_today", "applied_in_30_days", "overdue_loans", "repaid_loans")
_USES = ("users_of_account", "customers_of_user", "users_of_person")


class Story(msgspec.Struct, frozen=True):
    """One file, read for the version that decides it.

    `case` has the application, and under `factors` those whose values are expected. `snapshot` is
    the applicant's data as the vendor would give it, `own` what this lender has on record.
    """

    fields: Fields
    ruleset: CompiledRuleset
    case: RuleTestCase
    applicant: GivenApplicant | None
    snapshot: Snapshot
    own: OwnFacts


def stories_of(texts: ProductTexts, product: Product) -> tuple[list[Story], list[Diagnostic]]:
    """The stories of a product that can be decided, and all that is wrong with the others."""
    found: list[Story] = []
    problems: list[Diagnostic] = []
    titles: dict[str, Place] = {}
    for file in texts.stories:
        report = Report()
        story = read_story(file.path, file.text, {product.name: product}, report)
        if story is not None:
            claim_name(story.case.name, story.case.place, titles, report)
        problems += report.diagnostics()
        found += [story] if story is not None and not report.failed else []
    return found, problems


def run_story(story: Story, product: Product) -> CaseResult:
    """The result of a story; its data goes through the factors, its facts through the rules."""
    ruleset, case = story.ruleset, story.case
    assert case.as_of is not None  # noqa: S101  a story without an instant is refused
    bound = bind_inputs(ruleset, case.given.inputs, product.input_names)
    if bound.problems:
        return CaseResult(case, None, problem="; ".join(p.description for p in bound.problems))
    needs, known = needs_of(ruleset, bound.values), ruleset.needs.policy.provider_types
    used = {one.provider_id for one in story.snapshot.accounts}
    used |= {one.provider_id for one in story.snapshot.sources}
    providers = tuple(known[name] for name in sorted(used & known.keys()))
    plan = fetch_plan(needs, case.as_of)
    unasked = {one.value: None for one in MONTHLY_KINDS | {Kind.LINKS} if one not in plan.kinds}
    every: Read[Transaction] = story.snapshot.transactions or Read()
    asked = tuple(t for t in every.records if plan.first_day is None or t.date >= plan.first_day)
    transactions = replace(every, records=asked, first_day=plan.first_day)
    reads: dict[str, Any] = {"transactions": transactions, **unasked}
    snapshot = replace(story.snapshot, providers=providers, **reads)
    people = people_read(snapshot, needs, case.as_of)
    own = with_match(story.own, story.applicant, people)
    factors = compute(snapshot, needs, case.as_of, own).values
    answers = list_answers(ruleset, bound.values, case.as_of.date)
    facts = Facts(factors, bound.values, case.as_of, answers=answers)
    verdict = evaluate(ruleset, facts)
    found = (*case.expectation.differences(verdict), *figure_differences(case, facts))
    return CaseResult(case, verdict, found, facts=facts)


def figure_differences(case: RuleTestCase, facts: Facts) -> Iterator[Difference]:
    """The factors that have another value than the story's `figures`."""
    for name, expected in case.given.factors.items():
        actual = facts.factors.get(name)
        shown = "not asked for" if actual is None else shown_value(actual)
        if shown != shown_value(expected):
            yield Difference(name, shown_value(expected), shown)


def shown_value(factor: FactorValue) -> str:
    """A factor's value as a story writes it, or why it is missing."""
    if factor.value is None:
        return "missing " + ", ".join(sorted({one.cause.value for one in factor.missing}))
    return shown(factor.value.major if isinstance(factor.value, Money) else factor.value)


def read_story(
    path: str,
    text: str,
    products: Mapping[str, Product],
    report: Report,
    also: tuple[str, ...] = (),
    of_account: tuple[str, ...] = (),
) -> Story | None:
    """The story of a file about one of the products; None where anything is wrong.

    `also` and `of_account` are further keys of the story and its accounts, which the caller reads.
    """
    node, optional = read(path, text, report), (*OPTIONAL, *also)
    fields = node and Fields.of(node, "a story", report, required=REQUIRED, optional=optional)
    product = fields and products.get(fields.choice("product", products) or "")
    version = fields and product and fields.choice("version", map(str, product.versions))
    today = fields and fields.scalar("today")
    if not (fields and product and today):
        return None
    ruleset = product.version(int(version or 0))
    as_of = instant(today.text, ruleset.zone)
    if as_of is None:
        message = f"`today` cannot be `{today.text}`"
        report.error("R122", today.place, message, "write 2026-11-15, or 2026-11-15 08:30")
        return None
    whole = Part(fields, as_of, ruleset.currency)
    given = read_given(
        fields.map("application"), fields.map("figures"), ruleset, catalogue(), report
    )
    title, expect = fields.text("title") or "", fields.get("expect")
    expectation = read_expectation(expect, report) if expect else NOTHING_EXPECTED
    if expect is None and not fields.has("refused"):
        hint = "add `expect: {outcome: …}`"
        report.error("R121", fields.node.place, "a story has no `expect`", hint)
    applicant, snapshot, own = _applicant(fields), _snapshot(whole, of_account), _on_record(whole)
    fields.text("why")
    if report.failed or expectation is None:
        return None
    case = RuleTestCase(title, fields.place("title"), expectation, given, as_of, snapshot=path)
    return Story(fields, ruleset, case, applicant, snapshot, own)


def _snapshot(story: Part, also: tuple[str, ...]) -> Snapshot:
    """The applicant's data; no provider is in it."""
    found: defaultdict[str, list[Any]] = defaultdict(list)
    taken: set[str] = set()
    report, optional = story.fields.report, (*OF_ACCOUNT, *also)
    for node in story.fields.items("accounts"):
        fields = Fields.of(node, "an account", report, required=("provider",), optional=optional)
        if fields is not None:
            _add_account(fields, story, taken, found)
    kinds = ("identities", *(section.kind for section in SECTIONS.values()))
    reads: dict[str, Any] = {kind: Read(tuple(found[kind])) for kind in kinds}
    reads["identities"] = replace(reads["identities"], people=tuple(found["people"]))
    accounts, sources = tuple(found["accounts"]), tuple(found["sources"])
    return Snapshot("story", accounts, sources=sources, **reads)


def _add_account(
    fields: Fields, story: Part, taken: set[str], found: defaultdict[str, list[Any]]
) -> None:
    """An account, or an upload and the like, with its records; it was read an hour ago."""
    provider, report = fields.text("provider") or "", fields.report
    name, kind = fields.text("name") or provider, fields.choice("kind", _KINDS) or "account"
    if name in taken:
        hint = "give this account a `name:` of its own"
        report.error("R124", fields.node.place, f"another account is named `{name}`", hint)
    taken.add(name)
    ids, source = count(1), f"{'a' if kind == 'account' else 'u'}-{name}"
    part = Part(fields, story.as_of, story.currency, source, ids)
    synced = part.moment("synced") or story.as_of.instant - timedelta(hours=1)
    tasks = len(found["tasks"])
    for key, section in SECTIONS.items():
        optional = (*section.optional.split(), "currency")
        for entry in each(fields.get(key)):
            inner = Fields.of(
                entry, f"`{key}`", report, required=section.required.split(), optional=optional
            )
            if inner is not None:
                currency = inner.text("currency") or story.currency
                of_section = Part(inner, story.as_of, currency, source, ids)
                found[section.kind] += section.records(of_section)
    if kind != "account":
        found["sources"].append(Source(source, kind.upper().replace(" ", "_"), provider, synced))
    else:
        account = _account(part, provider, synced)
        found["accounts"].append(account)
        if account.created_at and account.monitor_updated_at and len(found["tasks"]) == tasks:
            times = (account.created_at, synced, bool(synced))
            found["tasks"].append(part.record(Task, "LINK_ACCOUNT", "Finished", *times))
    if any(map(fields.has, _PERSON)):
        born = part.day("born")
        person, *contacts = (fields.text(key) or "" for key in _PERSON[1:])
        phones, emails = (tuple(filter(None, (one,))) for one in contacts)
        found["people"].append(FoundPerson(person, born, phones, emails, source))
        found["identities"].append(part.record(Identity, born))


def _account(part: Part, provider: str, synced: datetime) -> Account:
    """The account as the vendor lists it; one that has delivered did so at its sync."""
    fields, connected = part.fields, part.fields.scalar("connected")
    created = changed = None
    if connected is None or connected.text != "unknown":
        created = part.moment("connected") or part.as_of.instant - timedelta(days=400)
        changed = part.moment("disconnected") or created
    usual = "DISCONNECTED" if fields.has("disconnected") else "CONNECTED"
    status = fields.choice("status", _STATUSES) or usual
    monitor = ("ACTIVE" if status == "CONNECTED" else "INACTIVE",)
    read_at = synced if status in ("CONNECTED", "ERROR") else None
    error = fields.text("error")
    return Account(part.source, provider, status, created, error, changed, *monitor, read_at)


def _applicant(story: Fields) -> GivenApplicant | None:
    """Who applies, as the loan system says; None where it says nothing."""
    node = story.get("applicant")
    keys = ("name", "born", "phone", "email")
    fields = node and Fields.of(node, "`applicant`", story.report, optional=keys)
    if not fields:
        return None
    name, phone, email = (fields.text(key) or "" for key in ("name", "phone", "email"))
    return GivenApplicant(name, fields.day("born"), phone, email)


def _on_record(story: Part) -> OwnFacts:
    """What this lender knows; without `on_record` nothing, and no other user of the account."""
    node, keys = story.fields.get("on_record"), (*_AMOUNTS, *_COUNTS, *_USES, "declined")
    fields = node and Fields.of(node, "`on_record`", story.fields.report, optional=keys)
    if not fields:
        return OwnFacts(History(story.currency), Reuse(1, 1, 1, keyed=True), Match())
    part = Part(fields, story.as_of, story.currency)
    granted, instalments, others = (next(part.amounts(key)) or 0 for key in _AMOUNTS)
    in_a_day, in_a_month, overdue, repaid = (fields.integer(key, 0) or 0 for key in _COUNTS)
    account, user, person = (fields.integer(key, 1) or 1 for key in _USES)
    history = History(
        story.currency,
        (in_a_day, in_a_day, in_a_month, in_a_month),
        last_decline=part.day("declined"),
        exposure=granted,
        instalments=instalments,
        overdue_loans=overdue,
        repaid_loans=repaid,
        linked=others,
    )
    return OwnFacts(history, Reuse(account, user, person, keyed=True))
