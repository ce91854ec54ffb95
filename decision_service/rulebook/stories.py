"""Stories: applicants as an analyst describes them, from their accounts to the decision."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from itertools import count, cycle
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec.structs import replace

from decision_service.domain.accounts import MONTHLY_KINDS, Kind
from decision_service.domain.factor import FactorValue
from decision_service.domain.person import (
    FoundPerson,
    GivenApplicant,
    History,
    Match,
    OwnFacts,
    Reuse,
)
from decision_service.domain.snapshot import (
    Account,
    Contribution,
    Employment,
    EstimatedIncome,
    Identity,
    Income,
    Liability,
    LinkCounts,
    PayWatch,
    Read,
    Snapshot,
    Source,
    Task,
    Transaction,
)
from decision_service.domain.values import AsOf, IllegalAmount, Money, Month, noon, to_minor
from decision_service.factors.compute import compute, fetch_plan, needs_with
from decision_service.factors.match import people_read, with_match
from decision_service.factors.pay_watches import watched
from decision_service.factors.registry import catalogue
from decision_service.rulebook.folder import ProductTexts
from decision_service.rulebook.rulebook import Product
from decision_service.rules.evaluate import Facts, evaluate
from decision_service.rules.expectations import (
    NOTHING_EXPECTED,
    Difference,
    read_expectation,
    shown,
)
from decision_service.rules.inputs import bind_made_up, list_answers
from decision_service.rules.language.diagnostics import Diagnostic, Place, Report
from decision_service.rules.language.fields import Fields, as_decimal, as_scalar, parse_day
from decision_service.rules.language.yaml import ListNode, YamlNode, read
from decision_service.rules.program import CompiledRuleset
from decision_service.rules.tests import CaseResult
from decision_service.rules.tests_file import RuleTestCase, claim_name, read_given

Found = TypeVar("Found")

_EVERY = {"month": "Monthly", "half": "Semimonthly", "week": "Weekly"}
_AGO = re.compile(r"([0-9]{1,5}) (minute|hour|day|month)s? ago")
_NAMED = {
    "today": "0 days ago",
    "yesterday": "1 day ago",
    "this month": "0 months ago",
    "last month": "1 month ago",
}
_CLOCK = re.compile(r"([0-9-]{10}) ([01][0-9]|2[0-3]):([0-5][0-9])")
_A_DAY = timedelta(days=1)
_MONTH_HINT = "write 2026-10, `3 months ago`, `last month` or `this month`"
_DAY_HINT = "write 2026-10-05, `12 days ago`, `yesterday` or `today`"
_MOMENT_HINT = f"{_DAY_HINT}; or 2026-10-05 08:30, `3 hours ago`, `5 minutes ago`"

_MONTHS = "from to months except"
_PAYSLIP = "employer start end every paid_on cut_off pays_after net gross base frequency"
_TRIPS = "days_a_week fees words cash_out"
_LOAN = "end open overdue instalment frequency"

REQUIRED = ("title", "product", "today", "application", "accounts", "why")
OPTIONAL = ("version", "applicant", "on_record", "expect", "figures")
_STATE = ("name", "kind", "status", "connected", "synced", "disconnected", "error", "readings")
_PERSON = ("born", "person", "phone", "email")

_KINDS = ("account", "upload", "archive", "social security")
_STATUSES = ("CONNECTED", "ERROR", "PENDING", "AWAITING_MFA", "DISCONNECTED")
_AMOUNTS = ("granted", "instalments", "granted_to_others")
_COUNTS = ("applied_today", "applied_in_30_days", "overdue_loans", "repaid_loans")
_USES = ("users_of_account", "customers_of_user", "users_of_person", "users_of_documents")


class Part(msgspec.Struct, frozen=True, eq=False):
    """A part of a story; a day, month or moment is dated, or counted back from the instant.

    `shown` collects on which day each payslip of an account was there first.
    """

    fields: Fields
    as_of: AsOf
    currency: str
    source: str = ""
    ids: Any = None
    shown: Any = None

    def day(self, key: str) -> date | None:
        return self._read(self.fields.get(key), key, self._day, hint=_DAY_HINT)

    def moment(self, key: str) -> datetime | None:
        """A moment; a day means its noon, and no later than an hour before the story's instant."""
        return self._read(self.fields.get(key), key, self._moment, hint=_MOMENT_HINT)

    def month(self, node: YamlNode | None, key: str) -> Month | None:
        return self._read(node, key, self._month, hint=_MONTH_HINT)

    def months(self) -> list[Month]:
        """Those of `from` and `to`, or of `months`, without those under `except`."""
        first = self.month(self.fields.get("from"), "from")
        last = self.month(self.fields.get("to"), "to")
        named = [self.month(node, "months") for node in self.fields.items("months")]
        left_out = [self.month(node, "except") for node in self.fields.items("except")]
        if first and last:
            named += map(Month, range(first.index, last.index + 1))
        if not named:
            hint = "write `from` and `to`, the earlier one first, or a list under `months`"
            self.refuse("names no month", hint)
        return [month for month in named if month and month not in left_out]

    def amounts(self, key: str) -> Iterator[int | None]:
        """In minor units what a key gives each record in turn: one amount, or a list of them."""
        return cycle([self._minor(node, key) for node in each(self.fields.get(key))] or [None])

    def record(self, struct: Callable[..., Found], *values: object) -> Found:
        return struct(f"{self.source}-{next(self.ids):05}", self.source, *values)

    def refuse(self, what: str, hint: str) -> None:
        """Report what the part lacks, unless something is wrong already."""
        if not self.fields.report.failed:
            place = self.fields.node.place
            message = f"{self.fields.what} {what}"
            self.fields.report.error("R121", place, message, hint)

    def _minor(self, node: YamlNode, key: str) -> int | None:
        amount = as_decimal(node, f"`{key}`", self.fields.report)
        try:
            return None if amount is None else to_minor(amount, self.currency)
        except IllegalAmount as error:
            self.fields.report.error("R309", node.place, str(error))
            return None

    def _read(
        self, node: YamlNode | None, key: str, parse: Callable[[str], Found | None], hint: str
    ) -> Found | None:
        scalar = None if node is None else as_scalar(node, f"`{key}`", self.fields.report)
        found = parse(_NAMED.get(scalar.text, scalar.text)) if scalar else None
        if scalar and found is None:
            message = f"`{key}` cannot be `{scalar.text}`"
            self.fields.report.error("R122", scalar.place, message, hint)
        return found

    def _month(self, text: str) -> Month | None:
        back = _AGO.fullmatch(text)
        day = parse_day(f"{text}-01")
        if back is None or back[2] != "month":
            return Month.of(day) if day else None
        return Month.of(self.as_of.date).plus(-int(back[1]))

    def _day(self, text: str) -> date | None:
        back = _AGO.fullmatch(text)
        if back is None or back[2] != "day":
            return parse_day(text)
        return self.as_of.date - int(back[1]) * _A_DAY

    def _moment(self, text: str) -> datetime | None:
        back = _AGO.fullmatch(text)
        day = self._day(text)
        now = self.as_of.instant
        if back and back[2] in ("minute", "hour"):
            return now - timedelta(**{f"{back[2]}s": int(back[1])})
        dated = instant(text, self.as_of.zone)
        if day is None:
            return dated.instant if dated else None
        return min(noon(day, self.as_of.zone).instant, now - timedelta(hours=1))


def instant(text: str, zone: Any) -> AsOf | None:
    """A date with the time that follows it, or at noon."""
    clock = _CLOCK.fullmatch(text)
    day = parse_day(clock[1] if clock else text)
    if clock is None or day is None:
        return noon(day, zone) if day else None
    return AsOf.at(datetime.combine(day, time(int(clock[2]), int(clock[3])), zone), zone)


def each(node: YamlNode | None) -> tuple[YamlNode, ...]:
    """The entries of a section: a list of them, or the only one without a dash."""
    return node.items if isinstance(node, ListNode) else (node,) if node else ()


def _payslips(part: Part) -> Iterator[Income]:
    fields = part.fields
    amounts = {key: part.amounts(key) for key in ("base", "gross", "net")}
    if not any(map(fields.has, amounts)):
        part.refuse("names no amount", "add `net:`, what one payslip paid out")
    every = fields.choice("every", _EVERY) or "month"
    after = fields.integer("pays_after", 0, 99) or 0
    for first, last in _periods(part, every):
        there = last + after * _A_DAY
        if after and there > part.as_of.date:
            continue
        about = (first, last, fields.text("frequency") or _EVERY[every], part.currency)
        paid_out = map(next, amounts.values())
        payslip = part.record(Income, fields.text("employer"), *about, *paid_out)
        part.shown[payslip.id] = there
        yield payslip


def _earlier_readings(
    part: Part, account: Account, payslips: Sequence[Income]
) -> tuple[PayWatch, ...]:
    """What readings of an account every few days, before the story's own, showed of its pay."""
    node = part.fields.get("readings")
    fields = node and Fields.of(node, "`readings`", part.fields.report, required=("from", "every"))
    if not fields:
        return ()
    read = Part(fields, part.as_of, part.currency)
    day = read.day("from")
    every = fields.integer("every", 1, 99)
    before = Snapshot("story")
    while day and every and day < part.as_of.date:
        there = tuple(one for one in payslips if part.shown[one.id] <= day)
        at = replace(account, monitor_updated_at=noon(day, part.as_of.zone).instant)
        before = watched(Snapshot("story", (at,), incomes=Read(there)), before)
        day += every * _A_DAY
    return before.watches


def _periods(part: Part, every: str) -> Iterator[tuple[date, date]]:
    start = part.day("start")
    if start or part.fields.has("start"):
        return iter([(start, part.day("end") or start)] if start else [])
    days = [part.fields.integer(key, 1, 28) for key in ("paid_on", "cut_off")]
    found = (period for month in part.months() for period in _within(month, every, *days))
    # A payslip is there at the end of its period at the earliest.
    return (period for period in found if period[1] <= part.as_of.date)


def _within(
    month: Month, every: str, paid_on: int | None, cut_off: int | None
) -> list[tuple[date, date]]:
    first = month.first_day
    last = month.last_day
    if paid_on:
        return [(first.replace(day=paid_on),) * 2]
    if cut_off:
        before = month.plus(-1).first_day.replace(day=cut_off)
        return [(before + _A_DAY, first.replace(day=cut_off))]
    if every == "half":
        return [(first, first.replace(day=15)), (first.replace(day=16), last)]
    if every == "week":
        return [(day - 6 * _A_DAY, day) for day in _days(first, last) if day.weekday() == 6]
    return [(first, last)]


def _days(first: date | None, last: date | None) -> Iterator[date]:
    while first and last and first <= last:
        yield first
        first += _A_DAY


def _estimates(part: Part) -> Iterator[EstimatedIncome]:
    for month, amount in zip(part.months(), part.amounts("amount"), strict=False):
        yield part.record(EstimatedIncome, month.index, part.currency, amount)


def _contributions(part: Part) -> Iterator[Contribution]:
    on = part.fields.integer("on", 1, 28)
    for month, amount in zip(part.months(), part.amounts("amount"), strict=False):
        day = month.first_day.replace(day=on) if on else month.last_day
        yield part.record(Contribution, day, part.currency, amount)


def _employments(part: Part) -> Iterator[Employment]:
    start = part.day("from")
    end = part.day("to")
    status = "Separated" if end else "Employed"
    yield part.record(Employment, part.fields.text("employer"), status, start, end, end or start)


def _loans(part: Part) -> Iterator[Liability]:
    amount = next(part.amounts("amount"))
    instalment = next(part.amounts("instalment"))
    left = next(part.amounts("open"))
    overdue = next(part.amounts("overdue"))
    terms = (amount, instalment, part.fields.text("frequency") or "Monthly", left, overdue, None)
    dates = (part.day("start"), part.day("end"))
    yield part.record(Liability, part.fields.text("type"), *dates, part.currency, *terms)


def _trips(part: Part) -> Iterator[Transaction]:
    """Working days from Monday on; with `cash_out: true` the week's rest leaves on Sundays.

    Days of one amount are a tenth above and below it in turn; those of a list are as written.
    """
    fields = part.fields
    amounts = part.amounts("a_day")
    kept = 0
    week = fields.integer("days_a_week", 1, 7) or 6
    fees = fields.decimal("fees", 0, 100) or 0
    words = fields.text("words") or "Trip earnings"
    cash_out = fields.flag("cash_out")
    # No two real days pay the same.
    tenths = cycle((0,) if isinstance(fields.get("a_day"), ListNode) else (1, -1))
    for day in _days(part.day("from"), part.day("to")):
        entries = []
        if day.weekday() < week and (amount := next(amounts)):
            amount += next(tenths) * (amount // 10)
            entries = [(words, amount), ("Service fee", -round(amount * fees / 100))]
            kept += sum(amount for _, amount in entries)
        if cash_out and day.weekday() == 6:
            entries.append(("Cash out to bank account", -kept))
            kept = 0
        for words_, amount in entries:
            if amount:
                yield part.record(Transaction, day, words_, part.currency, amount)


def _transactions(part: Part) -> Iterator[Transaction]:
    first = part.day("from") or part.day("on")
    last = part.day("to") or part.day("on")
    if first is None or last is None:
        part.refuse("names no day", "add `on:` a day, or `from:`, `to:` and `every:`")
    every = part.fields.choice("every", ("day", "week", "month")) or "month"
    amounts = part.amounts("amount")
    words = part.fields.text("words")
    form = {"day": "day", "week": "%w", "month": "%d"}[every]
    for day in _days(first, last):
        if first and day.strftime(form) == first.strftime(form):
            yield part.record(Transaction, day, words, part.currency, next(amounts))


def _tasks(part: Part) -> Iterator[Task]:
    started = part.moment("started")
    finished = part.moment("finished")
    about = (part.fields.text("type") or "LINK_ACCOUNT", "Finished" if finished else "Started")
    yield part.record(Task, *about, started, finished, bool(finished))


def _lenders(part: Part) -> Iterator[LinkCounts]:
    yield part.record(LinkCounts, ((7, part.fields.integer("in_7_days", 0)),))


class Section(NamedTuple):
    kind: str
    records: Callable[[Part], Iterator[Any]]
    required: str
    optional: str


SECTIONS = {
    "payroll": Section("incomes", _payslips, "", optional=f"{_PAYSLIP} {_MONTHS}"),
    "estimates": Section("eincomes", _estimates, "amount", optional=_MONTHS),
    "contributions": Section("contributions", _contributions, "amount", optional=f"{_MONTHS} on"),
    "employments": Section("employments", _employments, "from", optional="employer to"),
    "loans": Section("liabilities", _loans, "type start amount", optional=_LOAN),
    "trips": Section("transactions", _trips, "from to a_day", optional=_TRIPS),
    "transactions": Section(
        "transactions", _transactions, "amount words", optional="on from to every"
    ),
    "tasks": Section("tasks", _tasks, "started", optional="type finished"),
    "lenders": Section("links", _lenders, "in_7_days", optional=""),
}


OF_ACCOUNT = (*_STATE, *_PERSON, *SECTIONS)


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
    found: list[Story] = []
    problems: list[Diagnostic] = []
    titles: dict[str, Place] = {}
    for file in texts.stories:
        report = Report()
        story = read_story(file.path, file.text, {product.name: product}, report=report)
        if story is not None:
            claim_name(story.case.name, story.case.place, titles, report=report)
        problems += report.diagnostics()
        found += [story] if story is not None and not report.failed else []
    return found, problems


def run_story(story: Story, product: Product) -> CaseResult:
    """The result of a story; its data goes through the factors, its facts through the rules."""
    ruleset = story.ruleset
    case = story.case
    assert case.as_of is not None  # noqa: S101  a story without an instant is refused
    bound = bind_made_up(
        ruleset, case.given.inputs, case.as_of.date, also_known=product.input_names
    )
    if bound.problems:
        return CaseResult(case, None, problem="; ".join(p.description for p in bound.problems))
    needs = needs_with(ruleset.needs, bound.values)
    known = ruleset.needs.policy.provider_types
    used = {one.provider_id for one in story.snapshot.accounts}
    used |= {one.provider_id for one in story.snapshot.sources}
    providers = tuple(known[name] for name in sorted(used & known.keys()))
    plan = fetch_plan(needs, case.as_of)
    unasked = {one.value: None for one in MONTHLY_KINDS | {Kind.LINKS} if one not in plan.kinds}
    every: Read[Transaction] = story.snapshot.transactions or Read()
    asked = tuple(t for t in every.records if plan.first_day is None or t.date >= plan.first_day)
    transactions = replace(every, records=asked, first_day=plan.first_day)
    reads: dict[str, Any] = {"transactions": transactions, **unasked}
    # What no rule reads is not asked of the vendor, and factors differ by what was read.
    snapshot = replace(story.snapshot, providers=providers, **reads)
    people = people_read(snapshot, needs, case.as_of)
    own = with_match(story.own, story.applicant, people)
    factors = compute(snapshot, needs, case.as_of, own=own).values
    answers = list_answers(ruleset, bound.values, case.as_of.date)
    facts = Facts(factors, bound.values, case.as_of, answers=answers)
    verdict = evaluate(ruleset, facts)
    found = (*case.expectation.differences(verdict), *figure_differences(case, facts))
    return CaseResult(case, verdict, found, facts=facts)


def figure_differences(case: RuleTestCase, facts: Facts) -> Iterator[Difference]:
    for name, expected in case.given.factors.items():
        actual = facts.factors.get(name)
        shown = "not asked for" if actual is None else shown_value(actual)
        if shown != shown_value(expected):
            yield Difference(name, shown_value(expected), shown)


def shown_value(factor: FactorValue) -> str:
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
    """None where anything is wrong; `also` and `of_account` are keys that the caller reads."""
    node = read(path, text, report)
    optional = (*OPTIONAL, *also)
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
        fields.map("application"),
        fields.map("figures"),
        ruleset,
        catalogue=catalogue(),
        report=report,
    )
    title = fields.text("title") or ""
    expect = fields.get("expect")
    expectation = read_expectation(expect, report) if expect else NOTHING_EXPECTED
    if expect is None and not fields.has("refused"):
        hint = "add `expect: {outcome: …}`"
        report.error("R121", fields.node.place, "a story has no `expect`", hint)
    applicant = _applicant(fields)
    snapshot = _snapshot(whole, of_account)
    own = _on_record(whole)
    # Used by no one here: it is read, so that one that is no text is reported.
    fields.text("why")
    if report.failed or expectation is None:
        return None
    case = RuleTestCase(
        title, fields.place("title"), expectation, given=given, as_of=as_of, snapshot=path
    )
    return Story(fields, ruleset, case, applicant=applicant, snapshot=snapshot, own=own)


def _snapshot(story: Part, also: tuple[str, ...]) -> Snapshot:
    found: defaultdict[str, list[Any]] = defaultdict(list)
    taken: set[str] = set()
    report = story.fields.report
    optional = (*OF_ACCOUNT, *also)
    for node in story.fields.items("accounts"):
        fields = Fields.of(node, "an account", report, required=("provider",), optional=optional)
        if fields is not None:
            _add_account(fields, story, taken, found=found)
    kinds = ("identities", *(section.kind for section in SECTIONS.values()))
    reads: dict[str, Any] = {kind: Read(tuple(found[kind])) for kind in kinds}
    reads["identities"] = replace(reads["identities"], people=tuple(found["people"]))
    accounts = tuple(found["accounts"])
    sources = tuple(found["sources"])
    snapshot = Snapshot("story", accounts, sources=sources, **reads)
    earlier = tuple(found["watches"])
    return watched(snapshot, Snapshot("story", watches=earlier)) if earlier else snapshot


def _add_account(
    fields: Fields, story: Part, taken: set[str], found: defaultdict[str, list[Any]]
) -> None:
    provider = fields.text("provider") or ""
    report = fields.report
    name = fields.text("name") or provider
    kind = fields.choice("kind", _KINDS) or "account"
    if name in taken:
        hint = "give this account a `name:` of its own"
        report.error("R124", fields.node.place, f"another account is named `{name}`", hint)
    taken.add(name)
    ids = count(1)
    # The vendor's ids of accounts begin with `a-`, and those of no other source do.
    source = f"{'a' if kind == 'account' else 'u'}-{name}"
    part = Part(fields, story.as_of, story.currency, source=source, ids=ids, shown={})
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
                of_section = Part(
                    inner, story.as_of, currency, source=source, ids=ids, shown=part.shown
                )
                found[section.kind] += section.records(of_section)
    if kind != "account":
        found["sources"].append(
            Source(source, kind.upper().replace(" ", "_"), provider, newest_created_at=synced)
        )
    else:
        account = _account(part, provider, synced)
        found["accounts"].append(account)
        payslips = [one for one in found["incomes"] if one.source == source]
        found["watches"] += _earlier_readings(part, account, payslips)
        # Without a finished task the vendor would still be reading the account for the first time.
        if account.created_at and account.monitor_updated_at and len(found["tasks"]) == tasks:
            times = (account.created_at, synced, bool(synced))
            found["tasks"].append(part.record(Task, "LINK_ACCOUNT", "Finished", *times))
    if any(map(fields.has, _PERSON)):
        born = part.day("born")
        person = fields.text("person") or ""
        phone = fields.text("phone")
        email = fields.text("email")
        phones = (phone,) if phone else ()
        emails = (email,) if email else ()
        found["people"].append(FoundPerson(person, born, phones, emails=emails, source=source))
        found["identities"].append(part.record(Identity, born))


def _account(part: Part, provider: str, synced: datetime) -> Account:
    fields = part.fields
    connected = part.fields.scalar("connected")
    created = changed = None
    if connected is None or connected.text != "unknown":
        created = part.moment("connected") or part.as_of.instant - timedelta(days=400)
        changed = part.moment("disconnected") or created
    usual = "DISCONNECTED" if fields.has("disconnected") else "CONNECTED"
    status = fields.choice("status", _STATUSES) or usual
    # What was read of an account before it failed is as old as its last sync.
    read_at = synced if status in ("CONNECTED", "ERROR") else None
    return Account(
        part.source,
        provider,
        status,
        created_at=created,
        error_code=fields.text("error"),
        connection_updated_at=changed,
        monitor_status="ACTIVE" if status == "CONNECTED" else "INACTIVE",
        monitor_updated_at=read_at,
    )


def _applicant(story: Fields) -> GivenApplicant | None:
    node = story.get("applicant")
    keys = ("name", "born", "phone", "email")
    fields = node and Fields.of(node, "`applicant`", story.report, optional=keys)
    if not fields:
        return None
    name = fields.text("name") or ""
    phone = fields.text("phone") or ""
    email = fields.text("email") or ""
    return GivenApplicant(name, fields.day("born"), phone, email=email)


def _on_record(story: Part) -> OwnFacts:
    """What this lender knows; without `on_record` nothing, and no other user of the account."""
    node = story.fields.get("on_record")
    keys = (*_AMOUNTS, *_COUNTS, *_USES, "declined")
    fields = node and Fields.of(node, "`on_record`", story.fields.report, optional=keys)
    if not fields:
        # Keyed, as with a secret for hashes: without one the shipped rules refer every applicant.
        return OwnFacts(History(story.currency), Reuse(1, 1, 1, keyed=True), Match())
    part = Part(fields, story.as_of, story.currency)
    in_a_day = fields.integer("applied_today", 0) or 0
    in_a_month = fields.integer("applied_in_30_days", 0) or 0
    history = History(
        story.currency,
        (in_a_day, in_a_day, in_a_month, in_a_month),
        last_decline=part.day("declined"),
        exposure=next(part.amounts("granted")) or 0,
        instalments=next(part.amounts("instalments")) or 0,
        overdue_loans=fields.integer("overdue_loans", 0) or 0,
        repaid_loans=fields.integer("repaid_loans", 0) or 0,
        linked=next(part.amounts("granted_to_others")) or 0,
    )
    reuse = Reuse(
        users_of_account=fields.integer("users_of_account", 1) or 1,
        customers_of_user=fields.integer("customers_of_user", 1) or 1,
        users_of_person=fields.integer("users_of_person", 1) or 1,
        keyed=True,
        users_of_documents=fields.integer("users_of_documents", 1) or 1,
    )
    return OwnFacts(history, reuse)
