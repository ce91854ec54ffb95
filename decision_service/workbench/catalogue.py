"""The catalogue of factors as Markdown and as plain rows, so that documentation never drifts
from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from decision_service.domain.factor import Better, FactorSpec, Mover
from decision_service.factors.laws import DEFINITIONS, LAWS, TOGETHER
from decision_service.factors.registry import catalogue, months

INTRODUCTION = """\
# Factors

After this page you can choose the factors of a rule, and say what each value means and when it is
missing.

Generated from the registry; do not edit. A factor is a number or label computed from one
applicant's data at one instant. Money is exact to the currency's minor unit, rounded half-even;
numbers are exact decimals of 34 digits. A value that cannot be computed is missing with its
causes, never zero.

Each factor says which way is better for an applicant: *higher is better*, *lower is better*, or
neither. The checks on rule files and the tests of the shipped rules use that direction.

Some factors say who moves them. *Moved by the applicant*: what the applicant does changes the value
(earns more, pays a loan). *Moved by waiting*: the calendar does. All others are moved by nobody, or
only by tricks. [Recourse](recourse.md) uses this.
"""

MONTHS = """\
## Months: known, open, zero

A *source* is one account's records of one kind: payroll, estimated incomes, or a gig platform's
earnings. Each source settles months. A month is settled when it has ended and one of two things is
true: the source has posted it, or the source's posting lag has passed.

| source | posting lag, unless the rules say otherwise |
|---|---|
| payroll | 10 days after the month's end, or the account's own delay; half a month posts none |
| schemes and their estimates | `_data/posting_lags.yaml`, mostly 2 months |
| all others | none |

A source is *live* when its newest income is at most 3 months before its settled month. Live sources
judge; where none is live, all do.

* **Known with income**: some source shows income above zero in the month.
* **Known without income (zero)**: every live source has settled the month and shows nothing.
* **Open**: no source shows income, and some live source may still post it.

The **horizon** of counts, gaps and `has_*` is the latest month that a live source has settled.
Amounts (averages, sums, changes) end at the latest month to which nothing can be added any more.
Months after the horizon are not yet due: they neither help nor hurt and are never zero.

Where an open month could change a value, the value is missing: NOT_YET_POSTED, with the month, the
source that is waited for, and the date when it is due, unless that is past. No rule can look past
that; it refers.

Three applicants on 15 November 2026 (`#` income, `0` zero, `?` open, `.` not yet due):

```
1 Steady pay; the scheme posts two months late: all is known.
             Apr May Jun Jul Aug Sep Oct | Nov
  payroll     #   #   #   #   #   #   #  |  .      settled to October
  scheme      #   #   #   #   #   .   .  |  .      settled to August
  the month   #   #   #   #   #   #   #  |  .      horizon October, months_since_last 0

2 Payroll stopped after August; the scheme may still show September.
             Apr May Jun Jul Aug Sep Oct | Nov
  payroll     #   #   #   #   #   0   0  |  .      settled to October
  scheme      #   #   #   #   #   .   .  |  .      settled to August, September due on 1 December
  the month   #   #   #   #   #   ?   ?  |  .      NOT_YET_POSTED: a person looks at it

3 The same without the scheme: payroll's own silence is proof.
             Apr May Jun Jul Aug Sep Oct | Nov
  payroll     #   #   #   #   #   0   0  |  .      settled to October
  the month   #   #   #   #   #   0   0  |  .      horizon October, months_since_last 2
```

Further rules:

* **A scheme's silence is not proof.** For up to 13 months after its newest record nothing is known
  from a scheme alone. Its months become zero where an employment on record has ended since, or a
  live payroll or platform source has settled them.
* **The newest truth is not waited out.** Where a live source that carried a third or more of the
  last 6 known months already shows, in a later month, nothing or under 60 % of its median, amounts
  are NOT_YET_POSTED. A payroll that shows nothing is named before a scheme that is only late.
* **A document is never live**, and its silence says nothing: uploads, archives and providers that
  pass on documents.
* **Connecting more hides no income.** Beside a live source one more account never moves the horizon
  of counts back and never takes income from a month. It may make a month without income open, and
  better proof outranks a higher figure: payroll an estimate, both of them any document, a
  platform's earnings an estimate that no employer stands behind. The evidence says so.
* Months before the first day from which transactions are known, without an estimate or payroll, are
  not observed: neither zero nor a gap.
"""

MONTHLY_INCOME = """\
### How the monthly income is made

* An account's month is its payroll (net, else gross, else base); where it has none, its estimate;
  at a gig platform where it has neither, its earnings: EARNING less FEE and REVERSAL, from the
  first day of the 13th month before as_of. **A fee is given back once**: credits of class REVERSAL
  count, by account and in order of time, up to the fees and REVERSAL debits since that day that no
  earlier credit has used. A month below zero lowers the income, and counts in place of the
  account's own estimate.
* Negative amounts are corrections and sum into their month. Only a month whose contributions sum
  below zero is BAD_DATA.
* A pay period of up to 31 days belongs to the month of its end date, else of its start date; a
  longer one is spread over its days exactly. Without an end date Bimonthly covers two months,
  Quarterly three, Annually twelve; with one, the dates count and not the frequency.
* A frequency that nobody knows makes every month its days touch BAD_DATA (without an end date: the
  twelve months from its start); a payroll record without any amount makes its month NO_DATA,
  unless another one tells of its period or sums it up.
* **One payslip counts once.** Of one account and employer, equal periods are the same pay, with the
  larger amount. A summary replaces the payslips in its period where it is within 5 % of their sum;
  otherwise both count (a 13th-month payslip), and the evidence says so. Where others cross the ends
  of a period of more than 31 days, it adds only what its part of a month is more than theirs. Any
  other overlap of more than 2 days leaves the amount of the account's months unknown, BAD_DATA
  (PAYSLIPS_OVERLAP) where a factor needs them; that they were paid is known.
* **One job counts once.** Employers are the same when their names agree without case, punctuation,
  blanks and legal forms. A payslip without a name joins the only named employer. Three equal
  payments for equal periods at two accounts that are no platforms are one job, whatever the names.
* `per_job`: payroll is the sum over employers of the highest account within each. Gig is the sum
  over platforms of the best account at each: the platform's own word before uploads, then the
  highest. A month with payroll is payroll plus gig; otherwise the larger of the highest estimate
  and gig.
* An estimate counts up to its scheme's legal ceiling. One that no employment of the same account
  with a named employer covers counts at most 1.5 times the earnings of a month of which a platform
  tells; where employments could not be read, such a month is missing.
* **A document proves an employer, never an amount.** Where payroll or a scheme's estimate tells a
  month, documents add nothing; to an estimate at its ceiling they add up to a quarter of the
  ceiling. Elsewhere they count like payroll, as DOCUMENT.
  `max` takes the highest account (of equal ones that with the smaller id), `sum` all of them.
* More than 20 % of the amounts of the accounts that earn so, in the months looked at, without a
  class makes the factor UNCLASSIFIED; so does it where nothing else tells of income. Records in
  another currency make it MIXED_CURRENCY; a single one in a month with domestic income is left
  out, and the evidence says so.

### Proof

* **PAYROLL**: payroll of a connected account.
* **REMITTED**: a scheme's estimate in a month that an employment of the same account with a named
  employer covers, or of a scheme that was paid to, without an employer, in 18 of the 24 months up
  to it, where it is at most one and a half times the usual estimate.
* **PLATFORM**: a gig platform's estimates and earnings.
* **DOCUMENT**: what an upload, an archive, or a provider that passes on documents tells.
* **DECLARED**: everything else, months bought at a scheme among it.

A month is *backed* where PAYROLL, REMITTED and PLATFORM parts carry two thirds of its income.
"""

TRUST = """\
## Which data counts

* Used are accounts that are CONNECTED, and archives, uploads and social security records. An
  account in any other state that has delivered before is PARTIAL, one that has not is ignored.
* A DISCONNECTED account is never used. Where only such could feed a kind it is EXPIRED
  (CONSENT_REVOKED); so is the income for 90 days after an account was disconnected that fed it.
* An account feeds the kinds that its provider lists, and those it has records of. A provider that
  is in neither the vendor's list nor `_data/provider_types.yaml` is unknown: what it says of income
  is dropped (UNKNOWN_PROVIDER where nothing else feeds it).
* **Dead ends taint nothing.** An account in error, stale or disconnected is superseded, and does
  not count, where a connected one of the same provider covers it: the same kinds and employers,
  records as early and as new, every loan. A payroll account in error or stale counts without
  tainting where its job has ended, or another job's payroll shows every month since. The evidence
  names them.
* A first sync that has not finished is not data: the account's kinds are NOT_FETCHED
  (DATA_ARRIVING), after a day PARTIAL.
* STALE: synced longer ago than the ruleset's max_age, or never. EXPIRED: a kind that was read and
  is empty, though an account of over 60 days gave records of it before; an account that does not
  tell when it was created counts as old.
* A failure of a source taints only the kinds which that source feeds. Records of a source that no
  list names make the kind CHANGED_WHILE_READING.
"""


_INTRODUCTION = """\
## Laws between factors

A law holds of every applicant of whom all its factors are known. Proofs look only at people of whom
all laws hold, and [recourse](recourse.md) suggests nothing that breaks one. Counts, months and
amounts can end at different months (see above), so that some laws that seem plain do not hold: a
month without a record of its own counts where a longer pay period covers it, the best-covered
scheme is not the one that paid last, and a loan without a balance can be overdue.
"""


def laws_section() -> str:
    families = groupby(LAWS, key=lambda law: law.name.partition(":")[0])
    return "\n".join(
        [
            _INTRODUCTION,
            *(
                "\n".join([f"### Laws of {name}\n", *(f"* `{law.expression}`" for law in laws), ""])
                for name, laws in families
            ),
            "### Computed from others\n",
            *(f"* `{one.factor} = {one.expression}`" for one in DEFINITIONS),
            "\n### Missing together\n",
            "Of each line all factors are known, all are absent, or a failure hides all.\n",
            *("* " + ", ".join(f"`{name}`" for name in group) for group in TOGETHER),
            "",
        ]
    )


UNVERIFIED = (
    "Parity is claimed only for one account, one record a month and full history, on made-up data;"
    " against the real vendor it is unverified."
)

GUIDE = (
    ("accumulated number of months with income", "income.months_total"),
    ("accumulated number of months with contributions", "contributions.months_total"),
    *(
        (f"number of {kind} in the {w.period}", f"{family}.count_{w.label}")
        for kind, family in (("incomes", "income"), ("contributions", "contributions"))
        for w in months(3, 6, 9, 12)
    ),
    *(
        (f"difference in {kind} amount over the {w.period}", f"{family}.change_{w.label}")
        for kind, family in (("income", "income"), ("contribution", "contributions"))
        for w in months(6, 12, 24)
    ),
)
"""The integration guide's factor families, with our names."""

_STATISTICS = ("sum", "average", "min", "max", "median", "std")
_LOAN_STATISTICS = ("total", "average", "min", "max", "std")
_DIVISOR = "divisor n - 1, which the vendor's document leaves open"


def vendor_factors() -> Iterator[tuple[str, str, str]]:
    """Each Insights feature, ours, and where they differ in the one case of `UNVERIFIED`."""
    yield from _incomes()
    yield from _liabilities()
    yield from _people()


def _incomes() -> Iterator[tuple[str, str, str]]:
    yield "incomes_count", "income.months_total", "months with income, not records"
    yield "incomes_first_income_month_range", "income.months_since_first", "ours up to the horizon"
    yield "incomes_missing_month_max", "income.longest_inner_gap_all", ""
    yield "incomes_missing_month_count", "income.inner_gaps_all", ""
    for name in _STATISTICS:
        yield f"incomes_amount_{name}", f"income.{name}_all", _noted(name)
    for n in (3, 6, 9, 12, 18):
        for name in _STATISTICS:
            yield f"incomes_last{n}_months_amount_{name}", f"income.{name}_{n}m", _noted(name)
    yield "incomes_last18_months_max_amount_count", "income.months_at_max_18m", ""
    yield "incomes_starting_amount", "income.starting_amount", ""
    yield "incomes_current_amount", "income.current_amount", ""
    yield "incomes_latest_growth", "income.growth_12m", "ours in percent"


def _liabilities() -> Iterator[tuple[str, str, str]]:
    yield "liabilities_loan_count", "liabilities.loan_count", ""
    for name in _LOAN_STATISTICS:
        yield f"liabilities_loan_amount_{name}", f"liabilities.loan_amount_{name}", _noted(name)
    for state in ("finished", "outstanding", "overdue"):
        yield f"liabilities_{state}_loan_count", f"liabilities.{state}_count", ""
    for name in ("max", "total", "average"):
        yield f"liabilities_outstanding_amount_{name}", f"liabilities.outstanding_{name}", ""
    for name in ("total", "average"):
        yield f"liabilities_overdue_amount_{name}", f"liabilities.overdue_{name}", ""
    for name in _STATISTICS:
        ours = f"liabilities.ongoing_amortization_{name}"
        yield f"liabilities_ongoing_amortization_amount_{name}", ours, _noted(name)
    unpaid = "no endpoint lists payments; ours is what is paid back of each loan"
    yield "liabilities_payment_count", "liabilities.repaid_count", unpaid
    for name in _STATISTICS:
        ours = "total" if name == "sum" else name
        yield f"liabilities_payment_amount_{name}", f"liabilities.repaid_{ours}", unpaid


def _people() -> Iterator[tuple[str, str, str]]:
    seen = "ours asks for payroll, contributions or earnings of the last 3 months"
    yield "employments_current_status", "employment.status", seen
    yield "employments_employer_count", "employment.employers_count", ""
    tenure = "ours the oldest open employment, in completed months"
    yield "employments_current_tenure", "employment.current_tenure_months", tenure
    yield "identity_age", "identity.age_years", ""
    for edge in ("first", "last"):
        yield f"link_days_since_{edge}", f"links.days_since_{edge}", "as told"
    for n in (3, 7, 30, 90, 180, 365, 730):
        yield f"link_day{n}_count", f"links.connected_{n}d", "as told"


def _noted(name: str) -> str:
    return _DIVISOR if name == "std" else ""


_DIRECTIONS = {Better.UP: "higher is better", Better.DOWN: "lower is better"}
_MOVERS = {Mover.APPLICANT: "moved by the applicant", Mover.WAITING: "moved by waiting"}


def markdown() -> str:
    families = groupby(catalogue().values(), key=lambda spec: spec.family)
    parts = [
        INTRODUCTION,
        MONTHS,
        TRUST,
        *(_family_section(name, specs) for name, specs in families),
        laws_section(),
        _comparison(),
    ]
    return "\n".join(parts)


def range_of(spec: FactorSpec) -> str:
    """The factor's bounds or labels in words: `0 to 12`, `at least 0`, `EMPLOYED, GIG`."""
    if spec.labels:
        return ", ".join(spec.labels)
    if spec.lower is not None and spec.upper is not None:
        return f"{spec.lower} to {spec.upper}"
    if spec.lower is not None:
        return f"at least {spec.lower}"
    return f"at most {spec.upper}" if spec.upper is not None else "any"


def _family_section(name: str, specs: Iterable[FactorSpec]) -> str:
    notes = [MONTHLY_INCOME] if name == "income" else []
    return "\n".join([f"## {name}\n", *notes, *(_entry(spec) for spec in specs)])


def _entry(spec: FactorSpec) -> str:
    facts = [spec.type.value, spec.unit, range_of(spec)]
    facts += [f"{spec.months} months"] if spec.months else []
    facts += [f"needs {spec.needs_months} observed"] if spec.needs_months else []
    facts += [_DIRECTIONS[spec.better]] if spec.better in _DIRECTIONS else []
    facts += [_MOVERS[spec.action.by]] if spec.action.by in _MOVERS else []
    facts += ["for comparison with the vendor only"] if spec.parity else []
    facts += ["for knock-outs only"] if spec.knock_out_only else []
    causes = ", ".join(sorted(cause.value for cause in spec.causes))
    kinds = ", ".join(sorted(kind.value for kind in spec.kinds))
    return (
        f"### `{spec.name}`\n\n{spec.sentence}\n\n*{' · '.join(f for f in facts if f)}*\n\n"
        f"{spec.formula}\n\nRests on {kinds or 'own records'}. Missing: {causes}.\n"
    )


def _comparison() -> str:
    return "\n".join(
        [
            "## Names in the guide and in the vendor's Insights\n",
            f"{UNVERIFIED}\n",
            "| the guide's factor | ours |",
            "|---|---|",
            *(f"| {words} | `{ours}` |" for words, ours in GUIDE),
            "",
            "| Insights feature | ours | difference |",
            "|---|---|---|",
            *(f"| `{theirs}` | `{ours}` | {words} |" for theirs, ours, words in vendor_factors()),
            "",
        ]
    )
