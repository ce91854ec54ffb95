"""The metrics that are read when somebody asks for them, each from whoever knows it."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping

import msgspec
from prometheus_client.core import Metric

from decision_service.edge.http.connections import HttpConnections
from decision_service.edge.rpc.authenticator import Authenticator
from decision_service.edge.rpc.interceptors.admission import ConcurrencyLimits
from decision_service.edge.rpc.open_calls import OpenCalls
from decision_service.edge.rpc.server import RpcServer
from decision_service.edge.tls import Certificates
from decision_service.instruments import Samples, one, read_counter, read_gauge
from decision_service.pipeline.operations.replica_check import ReplicaCheck
from decision_service.pipeline.rollout.guardrails.watch import GuardrailWatch
from decision_service.pipeline.rollout.journal import Rollouts
from decision_service.pipeline.rules.active import ActiveRules
from decision_service.rollout.model import Plan
from decision_service.rollout.state import RolloutState, TrackName
from decision_service.smile.source import SmileSource
from decision_service.smile.transport.breaker import BreakerState


def of_health(server: RpcServer, version: str, commit: str) -> Iterator[Metric]:
    """Whether decisions are taken, and which program this is."""
    yield read_gauge("serving", "1 while health is SERVING", one(server.is_serving))
    build = ((version, commit, platform.python_version()), 1.0)
    words = "The program by version and commit, and the Python that runs it"
    yield read_gauge("build_info", words, (build,), "version", "commit", "python")


def of_certificate(certificates: Certificates | None) -> Iterator[Metric]:
    """When the served certificate is no longer valid; no sample without TLS."""
    yield read_gauge(
        "certificate_expiry_timestamp_seconds",
        "When the first certificate of the chain that is served expires (Unix time)",
        () if certificates is None else one(certificates.expires.timestamp()),
    )


def of_tokens(authenticator: Authenticator) -> Iterator[Metric]:
    """When each caller's token was last used; a token is named by the first digits of its hash."""
    yield read_gauge(
        "token_last_use_timestamp_seconds",
        "When a token was last used since the start (Unix time), 0 where it was not",
        (
            (
                (token.caller.name, token.hashed.hex()[:8], f"{token.until or ''}"),
                used.timestamp() if used else 0.0,
            )
            for token, used in authenticator.last_uses()
        ),
        *("caller", "token", "until"),
    )


def of_vendor(source: SmileSource) -> Iterator[Metric]:
    """Requests to the vendor, the circuit, and what the request limit made them wait."""
    now = source.status
    yield read_counter("upstream_requests", "Requests sent to the vendor", one(now.requests))
    yield read_counter("upstream_retries", "Requests sent again", one(now.retries))
    yield read_counter("upstream_tls_failures", "Connections refused by us", one(now.tls_failures))
    yield read_counter("upstream_cross_tenant", "Answers about another user", one(now.cross_tenant))
    yield read_counter(
        "upstream_limiter_wait_seconds",
        "Time requests waited for the request limit",
        one(now.waited_seconds),
    )
    drift = now.clock_drift
    yield read_gauge(
        "upstream_clock_ahead_seconds",
        "How far this clock is ahead of the vendor's",
        () if drift is None else one(drift.total_seconds()),
    )
    yield read_gauge(
        "upstream_circuit_open",
        "1 while the circuit is open",
        one(now.breaker is BreakerState.OPEN),
    )
    yield read_gauge(
        "upstream_paused_seconds",
        "How long requests still rest after a 429",
        one(now.paused_seconds),
    )


def of_rules(active_rules: ActiveRules) -> Iterator[Metric]:
    """Which rules decide, and whether the last reading of the folder was refused."""
    loaded = (
        ((name, str(version), rules.digest), 1.0)
        for name, product in sorted(active_rules.current().products.items())
        for version, rules in sorted(product.versions.items())
    )
    yield read_gauge("rules_info", "The rules in force", loaded, "product", "version", "digest")
    yield read_gauge(
        "rules_refused",
        "Problems in the last reading of the rules folder",
        one(len(active_rules.status.refused)),
    )


def of_agreement(agreement: ReplicaCheck) -> Iterator[Metric]:
    """Whether the processes on the store decide by the same rules."""
    yield read_gauge(
        "rules_differ_seconds",
        "For how long the processes on the store have decided by different rules",
        one(agreement.seconds),
    )
    yield read_gauge(
        "rules_in_force",
        "Processes on the store by the digest of all that they decide by",
        (((used.digest,), used.processes) for used in agreement.in_force),
        "digest",
    )


def of_rollouts(rollouts: Rollouts) -> Iterator[Metric]:
    """Where this process stands, and how many applicants each track takes."""
    yield read_gauge(
        "rollout_percent",
        "The share of applicants in the go-live, and of these of the challenger, in percent",
        (one for product in rollouts.products() for one in _percents(product.plan, product.state)),
        *("product", "track"),
    )
    yield read_gauge(
        "rollout_position",
        "The last step of the journal that this process follows",
        (((name,), entry.position) for name, entry in rollouts.latest_steps().items()),
        "product",
    )


def _percents(plan: Plan, state: RolloutState) -> Samples:
    go_live, challenger = state.go_live, plan.versions.challenger
    share = 0 if go_live.killed else plan.go_live.stages.percent(go_live.stage)
    yield (plan.product, TrackName.GO_LIVE.value), share / 1000
    if challenger is not None and state.challenger is not None:
        track = state.challenger
        share = 0 if track.killed else challenger.stages.percent(track.stage)
        yield (plan.product, TrackName.CHALLENGER.value), share / 1000


def of_guardrails(watch: GuardrailWatch) -> Iterator[Metric]:
    """What each guardrail came to when it was last looked at."""
    samples = (
        ((name, one.guardrail.name, one.arm or "", one.judgement.standing.value), 1.0)
        for name, one in watch.states()
    )
    yield read_gauge(
        "rollout_guardrail_state",
        "1 for the state of each guardrail: waiting, ok or tripped",
        samples,
        *("product", "guardrail", "arm", "state"),
    )


def of_limits(limits: ConcurrencyLimits, calls: OpenCalls) -> Iterator[Metric]:
    """Work in progress, waiting and refused, and calls whose client kept them waiting."""
    by_name = msgspec.structs.asdict(limits)
    working = {name: bulkhead.working for name, bulkhead in by_name.items()}
    yield read_gauge("in_progress", "Calls that have a place", _each(working), "limit")
    waiting = {name: bulkhead.waiting for name, bulkhead in by_name.items()}
    yield read_gauge("waiting", "Calls that wait for a place", _each(waiting), "limit")
    refused = {name: bulkhead.refused for name, bulkhead in by_name.items()}
    groups = {
        "calls": calls.known,
        "health": calls.health,
        "unauthenticated": calls.unauthenticated,
    }
    refused |= {name: group.refused for name, group in groups.items()}
    yield read_counter("shed", "Calls refused for want of a place", _each(refused), "limit")
    yield read_counter(
        "slow_readers", "Calls ended because their reply was not read", one(calls.slow_readers)
    )
    yield read_counter(
        "slow_senders", "Calls ended because their message did not come", one(calls.slow_senders)
    )


def of_http(servers: Mapping[str, HttpConnections]) -> Iterator[Metric]:
    """Connections that were broken off because of their client, by the setting of their address."""
    ended = {setting.lower(): connections.ended for setting, connections in servers.items()}
    yield read_counter(
        "http_connections_ended",
        "HTTP connections broken off because their client kept them waiting",
        _each(ended),
        "address",
    )


def of_process(restarts: Mapping[str, int], dropped: int) -> Iterator[Metric]:
    """Background tasks that had to be started again, and log lines that did not fit."""
    yield read_counter("task_restarts", "Background tasks started again", _each(restarts), "task")
    yield read_counter(
        "log_lines_dropped", "Log lines dropped because nobody read them", one(dropped)
    )


def _each(figures: Mapping[str, float]) -> Samples:
    return (((name,), figure) for name, figure in figures.items())
