"""Alarms: what needs a person. Each line of the log that has `alarm=` is counted.

The counts are the process's, as its log is. `docs/operations.md` says of each alarm what to do.
"""

from __future__ import annotations

from enum import StrEnum

from prometheus_client import Counter

from decision_service.instruments import counter


class Alarm(StrEnum):
    """Every alarm there is, by the name that the log and the metric show."""

    CROSS_TENANT = "CROSS_TENANT"
    UPSTREAM_TLS = "UPSTREAM_TLS"
    UPSTREAM_KEYS = "UPSTREAM_KEYS"
    EVENT_CONFLICT = "EVENT_CONFLICT"
    REVOCATION_NOT_CONFIRMED = "REVOCATION_NOT_CONFIRMED"
    RULES_REFUSED = "RULES_REFUSED"
    RULE_ERROR = "RULE_ERROR"
    RULES_DIFFER = "RULES_DIFFER"
    AUTHENTICATION = "AUTHENTICATION"
    CLOCK = "CLOCK"
    CLOCK_RESET = "CLOCK_RESET"
    NOT_REPORTED = "NOT_REPORTED"


ALARMS: Counter = counter(None, "alarms", "Lines of the log with an alarm", "alarm")
"""The counts, from zero on; a service registers them among its metrics."""

for _alarm in Alarm:
    ALARMS.labels(_alarm)


def raised(alarm: Alarm) -> Alarm:
    """Count an alarm; what the line of the log that raises it has as `alarm`."""
    ALARMS.labels(alarm).inc()
    return alarm
