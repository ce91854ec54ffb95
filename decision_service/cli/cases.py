"""`decisions cases`: recorded decisions, without persons' data, as rule tests, JSON or CSV."""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cache
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, TextIO

import msgspec
import typer
from google.protobuf.descriptor import EnumDescriptor

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import outcome_service_pb2 as outcome_pb
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.api.v1 import values_pb2
from decision_service.build import templates
from decision_service.cli.calls import Call
from decision_service.cli.client import Connection
from decision_service.cli.commands import require_span
from decision_service.cli.output import CommandError, Exit, new_file, show_count
from decision_service.domain.values import Cause, Missing
from decision_service.rules.language.diagnostics import plural
from decision_service.server.transport.wire import amount_text, enum_name

COLUMNS = (
    "decision", "product", "version", "digest", "as_of_date", "outcome", "refer_kind", "reasons",
    "conditions", "data_requests", "scores", "requested_amount", "requested_term_months",
    "offer_kind", "approved_amount", "max_amount", "currency", "term_months", "monthly_rate",
    "tier", "binding",
)  # fmt: skip
_PAGE = 500
_JSON = msgspec.json.Encoder(decimal_format="number")
_DIGITS = 16
"""Hex digits of a tag: a million decisions have a pair of one tag in 1 of 37 million exports."""


def tag_of(decision_id: str) -> str:
    """A word for a decision by which it is found again from its id, and never the reverse."""
    return hashlib.sha256(decision_id.encode()).hexdigest()[:_DIGITS]


def export_key() -> bytes:
    """A secret of one export, which keeps applicants of it apart."""
    return secrets.token_bytes(_DIGITS)


class Texts:
    """Texts as they may leave: words of the rule file stay, any other gets a stand-in."""

    def __init__(self, ruleset: rules_pb.Ruleset) -> None:
        self._source = ruleset.source
        self._labels = {label for each in ruleset.inputs for label in each.one_of}
        self._stand_ins: dict[str, str] = {}

    def shown(self, text: str) -> str:
        """The text, or `text-1` in its place, the same text always by the same word."""
        known = text in self._labels or any(f"{q}{text}{q}" in self._source for q in "\"'")
        if known:
            return text
        return self._stand_ins.setdefault(text, f"text-{len(self._stand_ins) + 1}")


@dataclass(frozen=True, slots=True)
class Exported:
    """A decision in FULL view with the version that made it, as the server has it now.

    `ruleset` is empty where the server has that version no more, or where no rules decided. `key`
    is the export's. `loan_bad` is None where no loan is known.
    """

    decision: pb.Decision
    ruleset: rules_pb.Ruleset
    key: bytes = field(default_factory=export_key)
    loan_bad: bool | None = None

    @property
    def tag(self) -> str:
        return tag_of(self.decision.decision_id)

    @property
    def unit(self) -> str:
        """A word for the applicant, the same in one export alone."""
        digest = hmac.new(self.key, self.decision.user_id.encode(), hashlib.sha256)
        return digest.hexdigest()[:_DIGITS]


def cases_head(exported: Exported) -> str:
    ref = exported.decision.ruleset_ref
    lines = (
        "# yaml-language-server: $schema=../../_schema/tests.schema.json",
        f"ruleset: {ref.ruleset}",
        f"version: {ref.version}",
        "cases:",
    )
    return "\n".join(lines) + "\n"


def case(exported: Exported) -> str:
    """A case that expects what was decided; amounts, months and dates are kept.

    No id and no reference goes into it; texts are masked. Lists hold those that were on them then.
    """
    decision = exported.decision
    row = case_row(exported)
    rules = decision.override if decision.HasField("override") else decision
    inputs = {name: _written(cell) for name, cell in row["inputs"].items()}
    inputs |= dict.fromkeys(_too_old(exported), f"missing {Cause.STALE}")
    lists: dict[str, list[str]] = {}
    for answer in decision.list_answers:
        lists.setdefault(answer.list, []).extend([inputs[answer.input]] if answer.listed else [])
    return _case_template().render(
        exported=exported,
        decision=decision,
        rules=rules,
        outcome=enum_name(pb.Outcome.DESCRIPTOR, rules.outcome),
        refer_kind=_set_name(pb.ReferKind.DESCRIPTOR, rules.refer_kind),
        overridden=decision.HasField("override"),
        declined=rules.outcome == pb.OUTCOME_DECLINE,
        inputs=inputs,
        lists=lists,
        factors={each.name: _factor(each) for each in decision.factor_values},
        bands={name: _written(one["band"]) for name, one in row["scores"].items()},
        offer=row["offer"] and _offer(row["offer"], decision.offer.term_binding),
    )


_case_template = cache(lambda: templates(__package__).get_template("case.yaml.j2"))


def _foremost(missing: Any) -> tuple[bool, str, str]:
    """What is tainted comes first, since it says more than what is absent."""
    return not missing.tainted, missing.cause, missing.source_id


def _factor(factor: pb.FactorValue) -> str:
    if factor.HasField("value"):
        return _written(_value_cell(factor.value, None))
    first = min(factor.missing, key=_foremost)
    usual = Missing(Cause(first.cause)).reason
    own = "" if first.reason in ("", usual) else first.reason
    return f"missing {first.cause} {own}".strip()


def _written(cell: Any) -> str:
    """A cell as a rule test has it: an amount and a date alone, anything else as in JSON."""
    if isinstance(cell, dict):
        return str(cell["amount"] if "amount" in cell else cell["date"])
    return _JSON.encode(cell).decode()


def _offer(cells: Mapping[str, Any], term_binding: str) -> dict[str, str]:
    plain = ("approved_amount", "max_amount", "term_months", "monthly_rate")
    words = {"tier": cells["tier"], "binding": cells["binding"], "term_binding": term_binding}
    return {
        "kind": cells["offer_kind"],
        **{name: str(cells[name]) for name in plain if cells.get(name)},
        **{name: _written(word) for name, word in words.items() if word},
        **{name: _written(cell) for name, cell in cells["outputs"].items()},
    }


def json_line(exported: Exported) -> str:
    return _JSON.encode(case_row(exported)).decode() + "\n"


def case_row(exported: Exported) -> dict[str, Any]:
    """What `COLUMNS` name, with every input (a date as `{date}`), factor, score and offer line."""
    decision = exported.decision
    texts = Texts(exported.ruleset)
    ref = decision.ruleset_ref
    override = decision.override
    return {
        "decision": exported.tag,
        "product": decision.product,
        "version": ref.version or None,
        "digest": ref.digest,
        "as_of_date": decision.as_of_date,
        "outcome": enum_name(pb.Outcome.DESCRIPTOR, decision.outcome),
        "refer_kind": _set_name(pb.ReferKind.DESCRIPTOR, decision.refer_kind),
        "unit": exported.unit,
        "decided": decision.create_time.ToJsonString(),
        "arm": decision.assignment.arm,
        "reasons": [reason.code for reason in decision.reasons],
        "conditions": [condition.id for condition in decision.conditions],
        "data_requests": [asked.factor for asked in decision.data_requests],
        "scores": {
            one.scorecard: {"score": one.score, "band": one.band} for one in decision.scores
        },
        "inputs": {
            name: _value_cell(decision.inputs[name], texts) for name in sorted(decision.inputs)
        },
        "observed": {
            name: given.observed_on
            for name, given in sorted(decision.inputs.items())
            if given.observed_on
        },
        "factors": {one.name: _factor_cell(one) for one in decision.factor_values},
        "providers": sorted({a.provider_id for a in decision.data_quality.accounts if a.used}),
        "list_answers": [
            {"list": one.list, "input": one.input, "listed": one.listed, "digest": one.list_digest}
            for one in decision.list_answers
        ],
        "offer": _offer_cells(decision.offer, texts) if decision.HasField("offer") else None,
        "override": {
            "kind": override.kind,
            "outcome": _set_name(pb.Outcome.DESCRIPTOR, override.outcome),
            "refer_kind": _set_name(pb.ReferKind.DESCRIPTOR, override.refer_kind),
            "reasons": [reason.code for reason in override.reasons],
        }
        if decision.HasField("override")
        else None,
        "loan_bad": exported.loan_bad,
    }


def _too_old(exported: Exported) -> Iterator[str]:
    """The inputs that were observed outside too long before the decision."""
    decision = exported.decision
    today = date.fromisoformat(decision.as_of_date)
    for one in exported.ruleset.inputs:
        observed = decision.inputs[one.name].observed_on if one.name in decision.inputs else ""
        if observed and one.max_age_days:
            age = today - date.fromisoformat(observed)
            if age.days > one.max_age_days:
                yield one.name


def csv_line(exported: Exported) -> str:
    row = case_row(exported)
    scores = (f"{name}={one['score']}" for name, one in row["scores"].items())
    cells = row | (row["offer"] or {}) | {"scores": " ".join(scores)}
    for name in ("reasons", "conditions", "data_requests"):
        cells[name] = " ".join(row[name])
    for name in ("requested_amount", "requested_term_months"):
        value = row["inputs"].get(name)
        cells[name] = value["amount"] if isinstance(value, dict) else value
    return csv_row(cells)


def csv_row(cells: Mapping[str, object]) -> str:
    text = io.StringIO()
    csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n").writerow(cells)
    return text.getvalue()


def _set_name(enum: EnumDescriptor, number: int) -> str:
    return enum_name(enum, number) if number else ""


def _offer_cells(offer: pb.Offer, texts: Texts) -> dict[str, Any]:
    amounts = {name: getattr(offer, name) for name in ("approved_amount", "max_amount")}
    return {
        **{name: amount_text(one) for name, one in amounts.items() if offer.HasField(name)},
        "currency": offer.approved_amount.currency_code,
        "offer_kind": _set_name(pb.OfferKind.DESCRIPTOR, offer.kind),
        "term_months": offer.term_months or None,
        "monthly_rate": offer.monthly_rate,
        "tier": offer.tier,
        "binding": offer.binding,
        "outputs": {
            name: _value_cell(offer.outputs[name], texts) for name in sorted(offer.outputs)
        },
    }


def _factor_cell(factor: pb.FactorValue) -> Any:
    if factor.HasField("value"):
        return _value_cell(factor.value, None)
    # In the order of the sources, which stay out: of two like causes the first is shown.
    causes = sorted(factor.missing, key=lambda missing: missing.source_id)
    return {"missing": [{"cause": one.cause, "reason": one.reason} for one in causes]}


def _value_cell(value: values_pb2.InputValue, texts: Texts | None) -> Any:
    match value.WhichOneof("value"):
        case "money":
            return {"amount": amount_text(value.money), "currency": value.money.currency_code}
        case "flag":
            return value.flag
        case "number":
            return Decimal(value.number)
        case "date":
            return {"date": value.date}
    return value.text if texts is None else texts.shown(value.text)


class CaseFormat(StrEnum):
    TESTS = "tests"
    JSONL = "jsonl"
    CSV = "csv"


_LINES: Mapping[CaseFormat, Callable[[Exported], str]] = {
    CaseFormat.TESTS: case,
    CaseFormat.JSONL: json_line,
    CaseFormat.CSV: csv_line,
}


def _lines(form: CaseFormat, decisions: Iterable[Exported], *, single: bool) -> Iterator[str]:
    """Lines of text; how many decisions they are of goes to stderr.

    Rule tests are of the version of the first decision: others are left out, and counted. Raises
    CommandError where the `single` one was decided by no rules.
    """
    written = left_out = 0
    version: tuple[str, int] | None = None
    if form is CaseFormat.CSV:
        yield csv_row(dict(zip(COLUMNS, COLUMNS, strict=True)))
    for exported in decisions:
        if form is CaseFormat.TESTS:
            ref = exported.decision.ruleset_ref
            if version is None and ref.version:
                version = (ref.ruleset, ref.version)
                yield cases_head(exported)
            if single and version is None:
                raise CommandError(
                    f"{exported.decision.decision_id} was decided by no rules (not enrolled): "
                    "there is nothing that a rule test could repeat",
                    Exit.FINDINGS,
                )
            if version != (ref.ruleset, ref.version):
                left_out += 1
                continue
        yield _LINES[form](exported)
        written += 1
        show_count(written, "decisions")
    left = f", {left_out:,} left out: decided by other rules, or by none" if left_out else ""
    start = "\r" if sys.stderr.isatty() else ""
    sys.stderr.write(f"{start}{plural(written, 'decision')}{left}\n")


@contextmanager
def _opened(path: Path | None) -> Iterator[TextIO]:
    if path is None:
        yield sys.stdout
        return
    with new_file(path) as file, TextIOWrapper(file, encoding="utf-8") as text:
        yield text


def cases(
    call: Call,
    form: Annotated[
        CaseFormat,
        typer.Option(
            "--format",
            help="tests: rule tests, of decisions of one version or of one decision; jsonl: all "
            "that may leave, for backtest --cases; csv: the main columns",
        ),
    ],
    decision_id: Annotated[
        str,
        typer.Argument(metavar="DECISION_ID", help="one decision; without it, those that match"),
    ] = "",
    output: Annotated[
        Path | None, typer.Option("--out", help="a new file; standard output without it")
    ] = None,
) -> None:
    wanted = call.request
    _check(form, decision_id, wanted)
    wanted.page_size = _PAGE
    with call.server.connect() as connection, _opened(output) as file:
        source = _Source(connection, loans=form is CaseFormat.JSONL)
        found = map(source.full, [decision_id] if decision_id else source.ids(wanted))
        for line in _lines(form, found, single=bool(decision_id)):
            file.write(line)


def _check(form: CaseFormat, decision_id: str, wanted: service_pb.ListDecisionsRequest) -> None:
    require_span(wanted)
    if decision_id and wanted.ByteSize():
        raise CommandError("give an id or filters, not both")
    if form is CaseFormat.TESTS and not decision_id and not wanted.product:
        raise CommandError("rule tests are of one product: name it with --product")


class _Source:
    def __init__(self, connection: Connection, *, loans: bool) -> None:
        self._connection = connection
        self._loans = loans
        self._key = export_key()
        self._rules: dict[tuple[str, int], rules_pb.Ruleset] = {}

    def ids(self, wanted: service_pb.ListDecisionsRequest) -> Iterator[str]:
        for page in self._connection.pages("DecisionService.ListDecisions", wanted):
            yield from (decision.decision_id for decision in page.decisions)

    def full(self, decision_id: str) -> Exported:
        request = service_pb.GetDecisionRequest(
            decision_id=decision_id, view=pb.DECISION_VIEW_FULL, without_recourse=True
        )
        decision = self._connection.call("DecisionService.GetDecision", request).decision
        key = (decision.product, decision.ruleset_ref.version)
        if key not in self._rules:
            self._rules[key] = self._read_rules(*key)
        bad = self._loan_bad(decision_id) if self._loans else None
        return Exported(decision, self._rules[key], self._key, loan_bad=bad)

    def _loan_bad(self, decision_id: str) -> bool | None:
        """Whether a loan is charged off or overdue by its newest report; None: none taken up."""
        request = outcome_pb.ListOutcomesRequest(decision_id=decision_id, page_size=_PAGE)
        newest: dict[str, outcome_pb.LoanOutcome] = {}
        for page in self._connection.pages("OutcomeService.ListOutcomes", request):
            newest |= {
                one.outcome.loan_id: one.outcome for one in page.outcomes if not one.replaced
            }
        unused = outcome_pb.LOAN_STATUS_NOT_TAKEN_UP
        lost = outcome_pb.LOAN_STATUS_CHARGED_OFF
        taken = [one for one in newest.values() if one.status != unused]
        bad = any(one.status == lost or one.overdue_days for one in taken)
        return bad if taken else None

    def _read_rules(self, product: str, version: int) -> rules_pb.Ruleset:
        if not version:
            return rules_pb.Ruleset()
        request = rules_pb.GetRulesetRequest(product=product, version=version)
        reply = self._connection.find("RulesetService.GetRuleset", request, "RULESET_UNKNOWN")
        return rules_pb.Ruleset() if reply is None else reply.ruleset
