"""`decisions export`: recorded decisions for other uses, without the persons' data."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import outcome_service_pb2 as outcome_pb
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.api.v1.outcome_service_pb2_grpc import OutcomeServiceStub
from decision_service.cli.client.calls import Stub, call, decisions, outcomes, rulesets
from decision_service.cli.client.fields import (
    ApplicationOption,
    CustomerOption,
    ProductOption,
    UserOption,
)
from decision_service.cli.client.options import ServerOptions, calls_server
from decision_service.cli.decisions.export.export_file import ExportFile
from decision_service.cli.decisions.export.masking import Exported, export_key
from decision_service.cli.decisions.filters import (
    BeforeOption,
    DecisionFilter,
    FromOption,
    OutcomeOption,
)
from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.extras import require_extra

_PAGE = 500
_GONE = frozenset({"RULESET_UNKNOWN"})


class ExportFormat(StrEnum):
    """What decisions are written as."""

    FIXTURE = "fixture"
    CASES = "cases"
    JSONL = "jsonl"
    PARQUET = "parquet"
    CSV = "csv"


@calls_server
def export(
    form: Annotated[
        ExportFormat,
        typer.Option(
            "--format",
            help="fixture: a rule test of one decision; cases: rule tests of one version's; "
            "jsonl or parquet: all that may leave, for backtest --cases; csv: the figures, a "
            "row each",
        ),
    ],
    decision_id: Annotated[
        str, typer.Argument(metavar="ID", help="one decision; without it, those that match")
    ] = "",
    user_id: UserOption = "",
    application_id: ApplicationOption = "",
    customer_ref: CustomerOption = "",
    product: ProductOption = "",
    outcome: OutcomeOption = None,
    first_day: FromOption = "",
    before: BeforeOption = "",
    output: Annotated[
        Path | None, typer.Option("--out", help="a new file; standard output without it")
    ] = None,
    *,
    server: ServerOptions,
) -> None:
    """Write decisions without the persons' data.

    Ids, references and free texts stay out; amounts, months and dates are kept.
    """
    wanted = DecisionFilter(
        user_id, application_id, customer_ref, product, outcome, first_day, before
    )
    _check(form, decision_id, wanted)
    if form is ExportFormat.PARQUET:
        _require_parquet(output)
    source = _Source(server)
    written_as = ExportFormat.CASES if form is ExportFormat.FIXTURE else form
    with (
        decisions(server) as stub,
        outcomes(server) as reports,
        ExportFile.open(output, written_as.value) as file,
    ):
        of_loans = reports if form in {ExportFormat.JSONL, ExportFormat.PARQUET} else None
        for one in [decision_id] if decision_id else source.ids(stub, wanted):
            file.add(source.full(stub, one, of_loans))
        if decision_id and not file.written:
            raise CommandError(
                f"{decision_id} was decided by no rules (not enrolled): there is nothing that a "
                "rule test could repeat",
                Exit.FINDINGS,
            )


def _check(form: ExportFormat, decision_id: str, wanted: DecisionFilter) -> None:
    if decision_id and wanted != DecisionFilter():
        raise CommandError("give an id or filters, not both", Exit.USAGE)
    if form is ExportFormat.FIXTURE and not decision_id:
        raise CommandError(
            "a fixture is of one decision: give its id, or take --format cases", Exit.USAGE
        )
    if form is ExportFormat.CASES and not decision_id and not wanted.product:
        raise CommandError("rule tests are of one product: name it with --product", Exit.USAGE)


def _require_parquet(output: Path | None) -> None:
    if output is None:
        raise CommandError("Parquet goes to a file: name it with --out", Exit.USAGE)
    require_extra("pyarrow", "--format parquet needs pyarrow")


class _Source:
    """Reads decisions page by page, and each version of rules once."""

    def __init__(self, server: ServerOptions) -> None:
        self._server = server
        self._key = export_key()
        self._rules: dict[tuple[str, int], rules_pb.Ruleset] = {}

    def ids(self, stub: Stub, wanted: DecisionFilter) -> Iterator[str]:
        """The ids of matching decisions, newest first."""
        token, more = "", True
        while more:
            page = call(stub.ListDecisions, wanted.request(_PAGE, token), self._server)
            yield from (decision.decision_id for decision in page.decisions)
            token = page.next_page_token
            more = bool(token)

    def full(self, stub: Stub, decision_id: str, reports: OutcomeServiceStub | None) -> Exported:
        """A decision in FULL view, recourse apart, with its rules and what its loans came to."""
        request = service_pb.GetDecisionRequest(
            decision_id=decision_id, view=pb.DECISION_VIEW_FULL, without_recourse=True
        )
        decision = call(stub.GetDecision, request, self._server).decision
        key = (decision.product, decision.ruleset_ref.version)
        if key not in self._rules:
            self._rules[key] = self._read_rules(*key)
        bad = None if reports is None else self._loan_bad(reports, decision_id)
        return Exported(decision, self._rules[key], self._key, bad)

    def _loan_bad(self, stub: OutcomeServiceStub, decision_id: str) -> bool | None:
        """Whether a loan is charged off or overdue by its newest report; None: none taken up."""
        request = outcome_pb.ListOutcomesRequest(decision_id=decision_id, page_size=_PAGE)
        newest: dict[str, outcome_pb.LoanOutcome] = {}
        more = True
        while more:
            page = call(stub.ListOutcomes, request, self._server)
            newest |= {one.outcome.loan_id: one.outcome for one in page.outcomes}
            request.page_token = page.next_page_token
            more = bool(request.page_token)
        unused, lost = outcome_pb.LOAN_STATUS_NOT_TAKEN_UP, outcome_pb.LOAN_STATUS_CHARGED_OFF
        taken = [one for one in newest.values() if one.status != unused]
        bad = any(one.status == lost or one.overdue_days for one in taken)
        return bad if taken else None

    def _read_rules(self, product: str, version: int) -> rules_pb.Ruleset:
        """The version as the server has it now; empty where there is none."""
        if not version:
            return rules_pb.Ruleset()
        request = rules_pb.GetRulesetRequest(product=product, version=version)
        try:
            with rulesets(self._server) as stub:
                found: rules_pb.Ruleset = call(
                    stub.GetRuleset, request, self._server, findings=_GONE
                ).ruleset
        except CommandError as error:
            if error.code is Exit.FINDINGS:
                return rules_pb.Ruleset()
            raise
        return found
