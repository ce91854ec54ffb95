"""The figures that are read when somebody asks for metrics, each from whoever knows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from decision_service.edge.http.webhooks import WebhookReceiver
from decision_service.edge.metrics import Reading
from decision_service.edge.rpc.admission import Rooms
from decision_service.edge.rpc.server import RpcServer
from decision_service.edge.rpc.stalls import StallWatch
from decision_service.pipeline.operations.replica_check import Agreement
from decision_service.pipeline.rollout.event_counters import EventCounters
from decision_service.pipeline.rollout.guardrails.watch import ADVANCES, GUARDRAIL_ACTIONS
from decision_service.pipeline.rollout.journal import Rollouts
from decision_service.pipeline.rollout.pairs.shadow import DROPPED, EVALUATIONS, SLOW
from decision_service.pipeline.rules.active import ActiveRules
from decision_service.pipeline.snapshots.event_worker import EventWorker
from decision_service.smile.breaker import BreakerState
from decision_service.smile.source import SmileSource, Status
from decision_service.supervision import Supervisor


def _one(value: Callable[[], float]) -> Callable[[], Iterator[tuple[tuple[str, ...], float]]]:
    def read() -> Iterator[tuple[tuple[str, ...], float]]:
        yield (), value()

    return read


def of_vendor(source: SmileSource) -> tuple[Reading, ...]:
    """Requests to the vendor, the circuit, and what the request limit made them wait."""

    def count(name: str, words: str, read: Callable[[Status], float]) -> Reading:
        return Reading(name, words, _one(lambda: read(source.status)), counter=True)

    return (
        count("upstream_requests", "Requests sent to the vendor", lambda s: s.requests),
        count("upstream_retries", "Requests sent again", lambda s: s.retries),
        count("upstream_tls_failures", "Connections refused by us", lambda s: s.tls_failures),
        count("upstream_cross_tenant", "Answers about another user", lambda s: s.cross_tenant),
        count(
            "upstream_limiter_wait_seconds",
            "Time requests waited for the request limit",
            lambda s: s.waited_seconds,
        ),
        Reading(
            "upstream_circuit_open",
            "1 while the circuit is open",
            _one(lambda: source.status.breaker is BreakerState.OPEN),
        ),
        Reading(
            "upstream_paused_seconds",
            "How long requests still rest after a 429",
            _one(lambda: source.status.paused_seconds),
        ),
    )


def of_rules(shelf: ActiveRules) -> tuple[Reading, ...]:
    """Which rules decide, and whether the last reading of the folder was refused."""

    def loaded() -> Iterator[tuple[tuple[str, ...], float]]:
        for name, product in sorted(shelf.current().products.items()):
            for version, rules in sorted(product.versions.items()):
                yield (name, str(version), rules.digest), 1.0

    labels = ("product", "version", "digest")
    return (
        Reading("rules_info", "The rules in force", loaded, labels),
        Reading(
            "rules_refused",
            "Problems in the last reading of the rules folder",
            _one(lambda: len(shelf.status.refused)),
        ),
    )


def of_agreement(agreement: Agreement) -> tuple[Reading, ...]:
    """Whether the processes on the store decide by the same rules."""

    def in_force() -> Iterator[tuple[tuple[str, ...], float]]:
        for one in agreement.in_force:
            yield (one.digest,), one.processes

    return (
        Reading(
            "rules_differ_seconds",
            "For how long the processes on the store have decided by different rules",
            _one(lambda: agreement.seconds),
        ),
        Reading(
            "rules_in_force",
            "Processes on the store by the digest of all that they decide by",
            in_force,
            ("digest",),
        ),
    )


def of_events(receiver: WebhookReceiver, worker: EventWorker) -> tuple[Reading, ...]:
    """Events that arrived, by what was answered, by the secret that signed them, by what came."""
    return (
        Reading(
            "events_received",
            "Events of the vendor by what was answered",
            lambda: (((name,), count) for name, count in sorted(receiver.counts.items())),
            ("outcome",),
            counter=True,
        ),
        Reading(
            "events_by_type",
            "Signed events by type; unknown are those that the vendor did not document so far",
            lambda: (((name,), count) for name, count in sorted(receiver.types.items())),
            ("type",),
            counter=True,
        ),
        Reading(
            "events_signed",
            "Events by the place of the secret that signed them, 0 being the newest",
            lambda: (((str(place),), count) for place, count in sorted(receiver.keys.items())),
            ("secret",),
            counter=True,
        ),
        Reading(
            "events_handled",
            "Events by what came of them",
            lambda: (((name.value,), count) for name, count in sorted(worker.counts.items())),
            ("outcome",),
            counter=True,
        ),
    )


_ROLLOUTS = (
    (GUARDRAIL_ACTIONS, "Steps that guardrails took", ("product", "guardrail", "action")),
    (ADVANCES, "Stages that go-live advanced by itself", ("product",)),
    (EVALUATIONS, "Silent versions asked, by result", ("product", "version", "result")),
    (DROPPED, "Silent versions not asked, by why", ("product", "why")),
    (SLOW, "Silent versions that took longer than they may", ("product", "version")),
)


def of_rollouts(occurrences: EventCounters, rollouts: Rollouts) -> tuple[Reading, ...]:
    """What guardrails did, what silent versions came to, and where this process stands."""

    def read(name: str, labels: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], float]]:
        for (counted, pairs), count in sorted(occurrences.totals().items()):
            if counted == name:
                yield tuple(dict(pairs)[label] for label in labels), count

    return (
        *(
            Reading(name, words, partial(read, name, labels), labels, counter=True)
            for name, words, labels in _ROLLOUTS
        ),
        Reading(
            "rollout_position",
            "The last step of the journal that this process follows",
            lambda: (((name,), entry.position) for name, entry in rollouts.standing().items()),
            ("product",),
        ),
    )


def of_rooms(rooms: Rooms, stalls: StallWatch, server: RpcServer) -> tuple[Reading, ...]:
    """Work in progress, waiting and refused, and calls whose reply nobody read."""
    by_name = (("work", rooms.work), ("reads", rooms.reads))
    return (
        Reading(
            "in_progress",
            "Calls that have a place",
            lambda: (((name,), room.working) for name, room in by_name),
            ("room",),
        ),
        Reading(
            "waiting",
            "Calls that wait for a place",
            lambda: (((name,), room.waiting) for name, room in by_name),
            ("room",),
        ),
        Reading(
            "shed",
            "Calls refused for want of a place",
            lambda: (
                *(((name,), room.refused) for name, room in by_name),
                (("calls",), server.refused),
            ),
            ("room",),
            counter=True,
        ),
        Reading(
            "stalled_clients",
            "Calls ended because their reply was not read",
            _one(lambda: stalls.ended),
            counter=True,
        ),
    )


def of_process(supervisor: Supervisor, dropped: Callable[[], int]) -> tuple[Reading, ...]:
    """Background tasks that had to be started again, and log lines that did not fit."""
    return (
        Reading(
            "task_restarts",
            "Background tasks started again",
            lambda: (((name,), count) for name, count in supervisor.restarts.items()),
            ("task",),
            counter=True,
        ),
        Reading(
            "log_lines_dropped",
            "Log lines dropped because nobody read them",
            _one(dropped),
            counter=True,
        ),
    )
