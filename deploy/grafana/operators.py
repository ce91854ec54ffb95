"""The operators' dashboard: is it well, is it quick, who is slow, what is too much."""

from __future__ import annotations

from panels import Dashboard, Panel, Query, Row, Variable
from queries import PREFIX, WINDOW, counted, quantile, rate

ONE = 'instance=~"$instance"'
CREATE = f'{ONE},method="CreateDecision"'


def _gauge(metric: str, legend: str, prefix: str = PREFIX) -> Query:
    return Query(f"{prefix}{metric}{{{ONE}}}", legend)


HEALTH = Row(
    "Health",
    (
        Panel(
            "Serving",
            "1 while decisions are taken.",
            (_gauge("serving", "{{instance}}"),),
            kind="stat",
        ),
        Panel(
            "Alarms within an hour",
            "Lines of the log that need a person, by alarm.",
            (Query(counted("alarms_total", "alarm", where=ONE), "{{alarm}}"),),
        ),
        Panel(
            "What runs",
            "Version and commit of each process.",
            (_gauge("build_info", "{{instance}} {{version}} {{commit}}"),),
            kind="stat",
        ),
        Panel(
            "Task restarts within an hour",
            "Background tasks that had to be started again.",
            (Query(counted("task_restarts_total", "task", where=ONE), "{{task}}"),),
        ),
        Panel(
            "Certificate",
            "Time until the served certificate expires.",
            (
                Query(
                    f"{PREFIX}certificate_expiry_timestamp_seconds{{{ONE}}} - time()",
                    "{{instance}}",
                ),
            ),
            unit="s",
            kind="stat",
        ),
        Panel(
            "Log lines dropped",
            "Lines that nobody read in time.",
            (Query(rate("log_lines_dropped_total", "instance", where=ONE), "{{instance}}"),),
        ),
    ),
)
RATES = Row(
    "Rates",
    (
        Panel(
            "Calls",
            "Calls a second by method.",
            (Query(rate("calls_total", "method", where=ONE), "{{method}}"),),
            unit="reqps",
        ),
        Panel(
            "Decisions",
            "Decisions recorded a second by outcome.",
            (Query(rate("decisions_total", "outcome", where=ONE), "{{outcome}}"),),
            stacked=True,
        ),
        Panel(
            "Errors",
            "Errors a second by reason.",
            (Query(rate("errors_total", "reason", where=ONE), "{{reason}}"),),
        ),
    ),
)
LATENCY = Row(
    "Latency",
    (
        Panel(
            "CreateDecision",
            "Median and 99th percentile.",
            (
                Query(quantile(0.5, "call_seconds", where=CREATE), "p50"),
                Query(quantile(0.99, "call_seconds", where=CREATE), "p99"),
            ),
            unit="s",
        ),
        Panel(
            "All methods, p99",
            "The 99th percentile by method.",
            (Query(quantile(0.99, "call_seconds", "method", where=ONE), "{{method}}"),),
            unit="s",
        ),
        Panel(
            "Event loop",
            "How late the event loop runs; from 250 ms on new work is refused.",
            (_gauge("loop_lag_seconds", "{{instance}}"),),
            unit="s",
        ),
    ),
)
VENDOR = Row(
    "Vendor",
    (
        Panel(
            "Requests",
            "Requests to the vendor a second, and those sent again.",
            (
                Query(
                    rate("upstream_requests_total", "instance", where=ONE), "{{instance}} requests"
                ),
                Query(
                    rate("upstream_retries_total", "instance", where=ONE), "{{instance}} retries"
                ),
            ),
            unit="reqps",
        ),
        Panel(
            "Circuit and pauses",
            "1 while no requests are sent; seconds left of a pause after a 429.",
            (
                _gauge("upstream_circuit_open", "{{instance}} open"),
                _gauge("upstream_paused_seconds", "{{instance}} paused"),
            ),
        ),
        Panel(
            "Wait for the request limit",
            "Seconds that a request waits on average.",
            (
                Query(
                    f"rate({PREFIX}upstream_limiter_wait_seconds_total{{{ONE}}}{WINDOW})"
                    f" / rate({PREFIX}upstream_requests_total{{{ONE}}}{WINDOW})",
                    "{{instance}}",
                ),
            ),
            unit="s",
        ),
        Panel(
            "Clock",
            "How far this clock is ahead of the vendor's.",
            (_gauge("upstream_clock_ahead_seconds", "{{instance}}"),),
            unit="s",
        ),
        Panel(
            "Events received",
            "Webhooks a second by the answer they got.",
            (Query(rate("events_received_total", "outcome", where=ONE), "{{outcome}}"),),
        ),
        Panel(
            "Events handled",
            "Webhooks a second by what came of them.",
            (Query(rate("events_handled_total", "outcome", where=ONE), "{{outcome}}"),),
        ),
    ),
)
STORE = Row(
    "Store",
    (
        Panel(
            "Commits",
            "Median and 99th percentile of a group's commit.",
            (
                Query(quantile(0.5, "store_commit_seconds", where=ONE), "p50"),
                Query(quantile(0.99, "store_commit_seconds", where=ONE), "p99"),
            ),
            unit="s",
        ),
        Panel(
            "Group size",
            "Decisions in a commit on average.",
            (
                Query(
                    f"rate({PREFIX}store_group_size_sum{{{ONE}}}{WINDOW})"
                    f" / rate({PREFIX}store_group_size_count{{{ONE}}}{WINDOW})",
                    "{{instance}}",
                ),
            ),
        ),
        Panel(
            "Rules",
            "Problems of the last reading of the rules, and how long processes have differed.",
            (
                _gauge("rules_refused", "{{instance}} problems"),
                _gauge("rules_differ_seconds", "{{instance}} differ (s)"),
            ),
        ),
    ),
)
OVERLOAD = Row(
    "Overload",
    (
        Panel(
            "Places",
            "Calls in progress and waiting, by limit.",
            (
                Query(f"sum by (limit) ({PREFIX}in_progress{{{ONE}}})", "{{limit}} in progress"),
                Query(f"sum by (limit) ({PREFIX}waiting{{{ONE}}})", "{{limit}} waiting"),
            ),
        ),
        Panel(
            "Refused",
            "Calls a second that were refused for want of a place.",
            (Query(rate("shed_total", "limit", where=ONE), "{{limit}}"),),
            unit="reqps",
        ),
        Panel(
            "Unknown callers",
            "Authentications a second that failed.",
            (Query(rate("failed_authentications_total", "instance", where=ONE), "{{instance}}"),),
        ),
    ),
)
EVENTS = Row(
    "Events to send",
    (
        Panel(
            "Waiting",
            "Events that a receiver has not taken, by subscription.",
            (
                Query(
                    f"max by (subscription) ({PREFIX}events_to_send{{{ONE}}})", "{{subscription}}"
                ),
            ),
        ),
        Panel(
            "Oldest",
            "Age of the oldest, by subscription, also of one that PostgreSQL holds back.",
            (
                Query(
                    f"max by (subscription) ({PREFIX}events_oldest_seconds{{{ONE}}})",
                    "{{subscription}}",
                ),
            ),
            unit="s",
        ),
        Panel(
            "Not taken within an hour",
            "Attempts that failed, by subscription.",
            (
                Query(
                    counted("event_failures_total", "subscription", where=ONE), "{{subscription}}"
                ),
            ),
        ),
        Panel(
            "Given up",
            "Events that were not taken within a day; `events resend` sends them again.",
            (Query(f"max by (subscription) ({PREFIX}events_dead{{{ONE}}})", "{{subscription}}"),),
            kind="stat",
        ),
    ),
)
PROCESS = Row(
    "Process",
    (
        Panel(
            "CPU",
            "Seconds of processor time a second.",
            (Query(f"rate(process_cpu_seconds_total{{{ONE}}}{WINDOW})", "{{instance}}"),),
        ),
        Panel(
            "Memory",
            "Resident.",
            (_gauge("process_resident_memory_bytes", "{{instance}}", ""),),
            unit="bytes",
        ),
        Panel(
            "Open files",
            "Used, of those that the process may have.",
            (Query(f"process_open_fds{{{ONE}}} / process_max_fds{{{ONE}}}", "{{instance}}"),),
            unit="percentunit",
        ),
    ),
)
OPERATORS = Dashboard(
    "decision-service-operators",
    "Decision service: operators",
    (HEALTH, RATES, LATENCY, VENDOR, STORE, OVERLOAD, EVENTS, PROCESS),
    (Variable("instance", f"{PREFIX}serving"),),
)
