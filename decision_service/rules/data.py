"""How old a sync may be (`max_age`), and the files of `_data` that products share."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TypeAlias, TypeVar

import msgspec
from msgspec.structs import replace

from decision_service.domain.accounts import Kind
from decision_service.domain.needs import ClassRule, DataPolicy, SchemeCeiling, TransactionClass
from decision_service.domain.snapshot import Provider
from decision_service.rules.draft import RulesetDraft
from decision_service.rules.keys import MAX_AGE
from decision_service.rules.language.diagnostics import Place, Report, did_you_mean
from decision_service.rules.language.expressions import money_minor
from decision_service.rules.language.fields import (
    Fields,
    as_choice,
    as_decimal,
    as_scalar,
    as_text,
    shortened,
)
from decision_service.rules.language.yaml import MapEntry, YamlNode, read
from decision_service.rules.literals import as_amount, as_currency
from decision_service.rules.program import RulesetFiles

T = TypeVar("T")
Reading: TypeAlias = Callable[[str, str, Report], T]

PROVIDERS_FILE = "provider_types.yaml"
CEILINGS_FILE = "scheme_ceilings.yaml"
LAGS_FILE = "posting_lags.yaml"
CLASSES_FILE = "transaction_classes.yaml"
EMPLOYERS_FILE = "employers.yaml"
MOST_MONTHS = 24
MOST_DAYS = 92
_FEE_SHARES = "fee_shares"
_LEAST_SHARE = Decimal("0.01")
_MOST_SHARE = Decimal("0.5")
DEFAULT = "default"
PAYROLL = "payroll"
# A further word here would make two employers one, so that their incomes are not added up.
LEGAL_FORMS = (
    "Inc", "Corp", "Corporation", "Co", "Company", "Ltd", "Limited", "PT", "Tbk", "Pte", "Pvt",
)  # fmt: skip

_CEILING_KEYS = ("provider", "currency", "since", "amount")
_SIGNS = {"+": 1, "-": -1}
_SUPPORTED = tuple(kind.value.upper() for kind in Kind)
_LAG = re.compile(r"(0|[1-9][0-9]{0,2}) (day|month)s?")
_GLOB = re.compile(r"[A-Za-z0-9_*?\-]{1,60}")


def shared(reading: Reading[T], files: RulesetFiles, name: str, report: Report) -> T | None:
    """What a file holds, read once for all versions that share it; None where there is none."""
    text = files.data.get(name)
    if text is None:
        return None
    path = str(PurePosixPath(files.path).parent.parent / "_data" / name)
    # Only a file without faults is kept: those of another belong into the report of each version.
    found: T | None = _faultless(reading, path, text)
    if found is None:
        return reading(path, text, report)
    # The reading that was kept had a report of its own, and a version may quote a line.
    report.add_text(path, text)
    return found


def opened(
    path: str,
    text: str,
    report: Report,
    *,
    required: Collection[str] = (),
    optional: Collection[str] = (),
) -> Fields | None:
    node = read(path, text, report)
    what = f"`{PurePosixPath(path).name}`"
    if node is None:
        return None
    return Fields.of(node, what, report, required=required, optional=optional)


def check_pattern(pattern: str, place: Place, providers: Iterable[str], report: Report) -> None:
    """R136 for a pattern that matches no provider of the file, where there is a readable one."""
    known = list(providers)
    # Without the file, or where it cannot be read, nothing is known of a pattern.
    if not known or any(fnmatchcase(provider, pattern) for provider in known):
        return
    families = [f"{provider.partition('_')[0]}_*" for provider in known]
    hint = did_you_mean(pattern, [*known, *families])
    message = f"`{pattern}` matches no provider of `{PROVIDERS_FILE}`"
    report.error("R136", place, message, hint or "write an id that is there, or add it there")


@lru_cache(16)
def _faultless(reading: Reading[T], path: str, text: str) -> T | None:
    report = Report()
    found = reading(path, text, report)
    return None if report.diagnostics() else found


class _Written(msgspec.Struct, frozen=True):
    ceiling: SchemeCeiling
    place: Place


def read_ceilings(
    files: RulesetFiles, providers: Iterable[str], report: Report
) -> tuple[SchemeCeiling, ...]:
    """The ceilings in file order; their patterns must match one of the providers, if any."""
    known = list(providers)
    written = shared(_ceilings, files, CEILINGS_FILE, report=report) or ()
    for each in written:
        check_pattern(each.ceiling.provider, each.place, known, report=report)
    return tuple(each.ceiling for each in written)


def _ceilings(path: str, text: str, report: Report) -> tuple[_Written, ...]:
    fields = opened(path, text, report, required=("ceilings",))
    items = fields.items("ceilings") if fields is not None else ()
    read = [_ceiling(item, report) for item in items]
    written = tuple(each for each in read if each is not None)
    _check_repeated(written, report)
    return written


def _ceiling(node: YamlNode, report: Report) -> _Written | None:
    fields = Fields.of(node, "a ceiling", report, required=_CEILING_KEYS)
    if fields is None:
        return None
    provider = fields.text("provider")
    since = fields.day("since")
    currency = as_currency(fields.scalar("currency"), report)
    minor = None if currency is None else _amount(fields, currency)
    if provider is None or currency is None or since is None or minor is None:
        return None
    return _Written(
        SchemeCeiling(provider, currency, since, amount=minor), fields.place("provider")
    )


def _amount(fields: Fields, currency: str) -> int | None:
    node = fields.get("amount")
    amount = None if node is None else as_amount(node, "`amount`", currency, report=fields.report)
    if amount is not None and amount <= 0:
        fields.report.error("R123", fields.place("amount"), "a ceiling must be above 0")
        return None
    return None if amount is None else money_minor(amount, currency)


def _check_repeated(written: Sequence[_Written], report: Report) -> None:
    seen: set[tuple[object, ...]] = set()
    for each in written:
        found = each.ceiling
        key = (found.provider, found.currency, found.since)
        if key in seen:
            message = f"the ceiling of `{found.provider}` since {found.since} is repeated"
            report.error("R124", each.place, message, "leave one of the two")
        seen.add(key)


def _classes(path: str, text: str, report: Report) -> tuple[ClassRule, ...]:
    fields = opened(path, text, report, required=("classes",))
    items = fields.items("classes") if fields is not None else ()
    rules = [_class_rule(item, report) for item in items]
    return tuple(rule for rule in rules if rule is not None)


def _class_rule(node: YamlNode, report: Report) -> ClassRule | None:
    fields = Fields.of(
        node, "a class", report, required=("provider", "words", "class"), optional=("sign",)
    )
    if fields is None:
        return None
    provider = fields.text("provider")
    words = [as_text(word, "a word", report) for word in fields.items("words")]
    gives = fields.choice("class", [c.value for c in TransactionClass])
    sign = fields.choice("sign", _SIGNS)
    if provider is None or gives is None:
        return None
    folded = tuple(word.casefold() for word in words if word is not None)
    return ClassRule(provider, folded, _SIGNS.get(sign or "", 0), gives=TransactionClass(gives))


class ListedProvider(msgspec.Struct, frozen=True):
    """A provider of the file, with our own marks: they hold whatever the vendor's list says."""

    provider: Provider
    documents: bool
    charges_fees: bool
    fee_share: Decimal | None = None


def _providers(path: str, text: str, report: Report) -> tuple[ListedProvider, ...]:
    fields = opened(path, text, report, required=("providers",), optional=(_FEE_SHARES,))
    if fields is None:
        return ()
    node = fields.map("providers")
    found = [_provider(e.key, e.value, report) for e in (node.entries if node else ())]
    shares = _fee_shares(fields, report)
    marked = []
    for listed in found:
        if listed is not None:
            share = shares.pop(listed.provider.id, None)
            marked.append(replace(listed, fee_share=share))
    for provider_id in shares:
        message = f"`{_FEE_SHARES}` names `{provider_id}`, which `providers` does not list"
        hint = "list the provider, or remove its share"
        report.error("R136", fields.place(_FEE_SHARES), message, hint)
    return tuple(marked)


def _fee_shares(fields: Fields, report: Report) -> dict[str, Decimal]:
    """What each named provider usually keeps of an earning, above 0 and below 1."""
    node = fields.map(_FEE_SHARES)
    found = {}
    for entry in node.entries if node else ():
        what = f"the fee share of `{entry.key}`"
        share = as_decimal(entry.value, what, report, low=_LEAST_SHARE, high=_MOST_SHARE)
        if share is not None:
            found[entry.key] = share
    return found


def _provider(provider_id: str, node: YamlNode, report: Report) -> ListedProvider | None:
    what = f"provider `{provider_id}`"
    optional = ("name", "documents", "charges_fees")
    fields = Fields.of(node, what, report, required=("type", "supported"), optional=optional)
    if fields is None:
        return None
    type_ = fields.text("type")
    kinds = [as_choice(k, "a kind", _SUPPORTED, report=report) for k in fields.items("supported")]
    supported = tuple(kind for kind in kinds if kind is not None)
    documents = bool(fields.flag("documents"))
    charges_fees = bool(fields.flag("charges_fees"))
    if type_ is None:
        return None
    provider = Provider(provider_id, type_, supported, name=fields.text("name") or "")
    return ListedProvider(provider, documents, charges_fees)


class Employers(msgspec.Struct, frozen=True):
    none: tuple[str, ...] = ()
    legal_forms: tuple[str, ...] = ()


def folded(text: str) -> str:
    """A name without case, punctuation and blanks: `Self-Employed` is `selfemployed`."""
    # As employers are compared: `Self-Employed` and `self employed` are one word.
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _employers(path: str, text: str, report: Report) -> Employers:
    fields = opened(path, text, report, optional=("not_employers", "legal_forms"))
    if fields is None:
        return Employers()
    none = [as_text(n, "a word", report) for n in fields.items("not_employers")]
    forms = [
        as_choice(n, "a legal form", LEGAL_FORMS, report=report)
        for n in fields.items("legal_forms")
    ]
    return Employers(_folded(none), _folded(forms))


def _folded(words: list[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(folded(word) for word in words if word is not None))


def read_data(draft: RulesetDraft) -> None:
    """Read `max_age` and the `_data` files that belong to every ruleset's content."""
    policy = _of_files(draft)
    draft.policy = replace(policy, max_age=draft.root.duration(MAX_AGE) or policy.max_age)


def _of_files(draft: RulesetDraft) -> DataPolicy:
    files = draft.files
    report = draft.report
    listed = shared(_providers, files, PROVIDERS_FILE, report=report) or ()
    employers = shared(_employers, files, EMPLOYERS_FILE, report=report) or Employers()
    providers = {each.provider.id: each.provider for each in listed}
    policy = DataPolicy(
        draft.names.currency,
        transaction_classes=shared(_classes, files, CLASSES_FILE, report=report) or (),
        provider_types=providers,
        ceilings=read_ceilings(files, providers, report),
        not_employers=employers.none,
        legal_forms=employers.legal_forms,
        document_providers=frozenset(e.provider.id for e in listed if e.documents),
        fee_providers=frozenset(e.provider.id for e in listed if e.charges_fees),
        # None and not empty: a version without shares has the digest that it had before there were
        # any.
        fee_shares={e.provider.id: e.fee_share for e in listed if e.fee_share is not None} or None,
    )
    return _with_lags(policy, shared(_lags, files, LAGS_FILE, report=report) or (), report)


class _Lag(msgspec.Struct, frozen=True):
    pattern: str
    months: int
    days: int
    place: Place


def _lags(path: str, text: str, report: Report) -> tuple[_Lag, ...]:
    fields = opened(path, text, report, required=("posting_lag",))
    node = fields.map("posting_lag") if fields is not None else None
    found = [_lag(entry, report) for entry in (node.entries if node is not None else ())]
    return tuple(lag for lag in found if lag is not None)


def _lag(entry: MapEntry, report: Report) -> _Lag | None:
    pattern = entry.key
    scalar = as_scalar(entry.value, f"`{entry.key}`", report)
    if not _GLOB.fullmatch(pattern):
        hint = "a provider id, with `*` for any characters: sss_*"
        report.error("R125", entry.key_place, f"`{pattern}` is no provider pattern", hint)
    if scalar is None:
        return None
    written = _LAG.fullmatch(scalar.text)
    number, unit = (int(written[1]), written[2]) if written else (0, "")
    most = 0 if not unit else MOST_DAYS if unit == "day" else MOST_MONTHS
    if not unit or number > most or (pattern == PAYROLL and unit == "month"):
        units = "0 to 92 days" if pattern == PAYROLL else "0 to 24 months or 0 to 92 days"
        message = f"`{pattern}` is `{shortened(scalar.text)}`; it must be {units}"
        report.error("R123", scalar.place, message, "write `2 months` or `10 days`")
        return None
    months, days = (number, 0) if unit == "month" else (0, number)
    return _Lag(pattern, months, days, place=entry.key_place)


def _with_lags(policy: DataPolicy, lags: Sequence[_Lag], report: Report) -> DataPolicy:
    """The policy with the lags of the file; the first pattern that matches a provider counts."""
    named = {lag.pattern: lag for lag in lags if lag.pattern in (DEFAULT, PAYROLL)}
    patterns = [lag for lag in lags if lag.pattern not in named]
    for lag in patterns:
        check_pattern(lag.pattern, lag.place, policy.provider_types, report=report)
    _warn_of_hidden(patterns, policy, report)
    default = named.get(DEFAULT)
    payroll = named.get(PAYROLL)
    return replace(
        policy,
        default_lag=default.months if default else 0,
        posting_lag=tuple((lag.pattern, lag.months) for lag in patterns),
        default_lag_days=default.days if default else 0,
        # Released files and the digests of their versions have it; an account's own delay counts
        # now.
        payroll_lag_days=payroll.days if payroll else policy.payroll_lag_days,
        posting_lag_days=tuple((lag.pattern, lag.days) for lag in patterns if not lag.months),
    )


def _warn_of_hidden(lags: Iterable[_Lag], policy: DataPolicy, report: Report) -> None:
    """R137 (warning) for a pattern whose providers all match earlier ones."""
    taken: set[str] = set()
    for lag in lags:
        matched = {each for each in policy.provider_types if fnmatchcase(each, lag.pattern)}
        # The first pattern that matches a provider counts, so that nothing is left for this one.
        if matched and matched <= taken:
            message = f"`{lag.pattern}` never counts: patterns above it match all its providers"
            report.warning("R137", lag.place, message, "move it up, or remove it")
        taken |= matched
