"""The catalogue as Markdown and as plain rows, so that documentation never drifts from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import groupby

from decision_service.domain.factor import FactorSpec
from decision_service.factors.registry import catalogue
from decision_service.factors.vendor_names import GUIDE, UNVERIFIED, vendor_factors

Row = Mapping[str, str | int | bool | list[str] | None]

_MONTHLY_INCOME = """\
### How the monthly income is made

* An account's month is its payroll (net, else gross, else base); where it has none, its estimate.
  A period of up to 31 days belongs to the month of its end date, else of its start date; a longer
  one is spread over its days exactly. Without an end date Bimonthly covers two months, Quarterly
  three, Annually twelve; with one, the dates count and not the frequency.
* A frequency that nobody knows makes every month its days touch BAD_DATA (without an end date: the
  twelve months from its start); a payroll record without any amount makes its month NO_DATA.
* A gig account whose whole history has neither payroll nor estimates earns by its transactions:
  the signed sum of EARNING, FEE and REVERSAL, from the first day of the 13th month before as_of. A
  month of it with other transactions only is a month of 0.
* `per_job`: payroll is the sum over employers of the highest account within each (names without
  case and superfluous blanks); gig is the sum over platforms of the highest account at each. A
  month with payroll is payroll plus gig; otherwise the larger of the highest estimate and gig.
  `max` takes the highest account (of equal ones that with the smaller id), `sum` all of them.
* The history begins with the first record of any of these and ends at the earliest horizon among
  the accounts that feed it. Months in between without a record are 0.
* More than 20 % of the amounts of the accounts that earn so, in the months looked at, without a
  class makes the factor UNCLASSIFIED; a record in another currency in one of them MIXED_CURRENCY.
  A taint of the months looked at is told before a history that is too short.
"""
_TRUST = """\
## Which data counts

* Used are accounts that are CONNECTED, and archives, uploads and social security records. An
  account in any other state that has delivered before is PARTIAL, one that has not is ignored; a
  DISCONNECTED one is never used, and where only such could feed a kind it is EXPIRED
  (CONSENT_REVOKED).
* An account feeds the kinds that its provider lists, and those it has records of. One whose
  provider is in no list may feed anything; an archive of such a provider feeds what it holds.
* STALE: synced longer ago than the ruleset's max_age, or never. EXPIRED: a kind that was read and
  is empty, though an account of over 60 days gave records of it before; an account that does not
  tell when it was created counts as old.
* A failure of a source taints only the kinds which that source feeds. Records of a source that no
  list names make the kind CHANGED_WHILE_READING.
"""
_INTRODUCTION = """\
# Factors

Generated from the registry; do not edit. A factor is a number or label computed from one
applicant's data at one instant. Money is exact to the currency's minor unit, rounded half-even;
numbers are exact decimals of 34 digits. A month counts once it is settled: ended before the
account's last sync, and the provider's posting lag has passed; the last settled month is the
horizon. A value that cannot be computed is missing with its causes, never zero.
"""


def rows() -> list[Row]:
    """Every factor as plain values, sorted by name; bounds in the factor's unit."""
    return [_row(spec) for spec in catalogue().values()]


def markdown() -> str:
    """The whole catalogue as one Markdown document, with the vendor's names for ours."""
    families = groupby(catalogue().values(), key=lambda spec: spec.family)
    parts = [
        _INTRODUCTION,
        _TRUST,
        *(_family(name, specs) for name, specs in families),
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


def _row(spec: FactorSpec) -> Row:
    return {
        "name": spec.name,
        "type": spec.type.value,
        "unit": spec.unit,
        "range": range_of(spec),
        "lower": _text(spec.lower),
        "upper": _text(spec.upper),
        "labels": list(spec.labels),
        "sentence": spec.sentence,
        "formula": spec.formula,
        "kinds": sorted(kind.value for kind in spec.kinds),
        "months": spec.months,
        "needs_months": spec.needs_months,
        "causes": sorted(cause.value for cause in spec.causes),
        "parity": spec.parity,
    }


def _text(bound: Decimal | None) -> str | None:
    return None if bound is None else str(bound)


def _family(name: str, specs: Iterable[FactorSpec]) -> str:
    notes = [_MONTHLY_INCOME] if name == "income" else []
    return "\n".join([f"## {name}\n", *notes, *(_entry(spec) for spec in specs)])


def _entry(spec: FactorSpec) -> str:
    facts = [spec.type.value, spec.unit, range_of(spec)]
    facts += [f"{spec.months} months"] if spec.months else []
    facts += [f"needs {spec.needs_months} observed"] if spec.needs_months else []
    facts += ["for comparison with the vendor only"] if spec.parity else []
    causes = ", ".join(sorted(cause.value for cause in spec.causes))
    kinds = ", ".join(sorted(kind.value for kind in spec.kinds))
    return (
        f"### `{spec.name}`\n\n{spec.sentence}\n\n*{' · '.join(f for f in facts if f)}*\n\n"
        f"{spec.formula}\n\nRests on {kinds}. Missing: {causes}.\n"
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
            *_insights(),
            "",
        ]
    )


def _insights() -> Iterator[str]:
    for theirs, ours, difference in vendor_factors():
        yield f"| `{theirs}` | `{ours}` | {difference} |"
