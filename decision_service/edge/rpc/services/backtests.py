"""The BacktestService: a translation around the runs of the service."""

from __future__ import annotations

from decision_service.api.v1 import backtest_service_pb2 as pb
from decision_service.edge.rpc.context import RpcContext
from decision_service.edge.rpc.mapping.backtests import question_from, run_id_from, run_message
from decision_service.edge.rpc.services.methods import Methods, unary
from decision_service.pipeline.backtest.runs.operate import OperateBacktests

SERVICE = "decision_service.api.v1.BacktestService"


class BacktestServicer:
    """Translates between the wire and the runs."""

    def __init__(self, operate: OperateBacktests) -> None:
        self._operate = operate

    async def start_backtest(
        self, request: pb.StartBacktestRequest, context: RpcContext
    ) -> pb.StartBacktestResponse:
        """A new run."""
        run = await self._operate.start(question_from(request), context.info.caller)
        return pb.StartBacktestResponse(backtest=run_message(run))

    async def get_backtest(
        self, request: pb.GetBacktestRequest, context: RpcContext
    ) -> pb.GetBacktestResponse:
        """A run as it stands."""
        del context
        run = await self._operate.get(run_id_from(request.backtest_id))
        return pb.GetBacktestResponse(backtest=run_message(run))

    async def list_backtests(
        self, request: pb.ListBacktestsRequest, context: RpcContext
    ) -> pb.ListBacktestsResponse:
        """The runs that are kept."""
        del request, context
        runs = await self._operate.every()
        return pb.ListBacktestsResponse(backtests=[run_message(run) for run in runs])

    async def get_backtest_report(
        self, request: pb.GetBacktestReportRequest, context: RpcContext
    ) -> pb.GetBacktestReportResponse:
        """The report of a run that is done."""
        del context
        report = await self._operate.report(run_id_from(request.backtest_id))
        return pb.GetBacktestReportResponse(report_json=report)

    async def cancel_backtest(
        self, request: pb.CancelBacktestRequest, context: RpcContext
    ) -> pb.CancelBacktestResponse:
        """End a run."""
        del context
        run = await self._operate.cancel(run_id_from(request.backtest_id))
        return pb.CancelBacktestResponse(backtest=run_message(run))


def methods(servicer: BacktestServicer) -> Methods:
    """The service's methods."""
    return {
        "StartBacktest": unary(servicer.start_backtest, pb.StartBacktestRequest),
        "GetBacktest": unary(servicer.get_backtest, pb.GetBacktestRequest),
        "ListBacktests": unary(servicer.list_backtests, pb.ListBacktestsRequest),
        "GetBacktestReport": unary(servicer.get_backtest_report, pb.GetBacktestReportRequest),
        "CancelBacktest": unary(servicer.cancel_backtest, pb.CancelBacktestRequest),
    }
