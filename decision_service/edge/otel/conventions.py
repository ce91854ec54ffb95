"""Names of metrics by OpenTelemetry's conventions, from those of Prometheus.

A collector that writes these metrics for Prometheus gives each that has no conventional name the
name that `/metrics` shows.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from decision_service.edge.rpc.access import METHODS
from decision_service.instruments import NAMESPACE

_UNITS = {"_seconds": "s", "_bytes": "By"}
_FULL_METHODS = {method.rpartition("/")[2]: method.removeprefix("/") for method in METHODS}


class MetricName(msgspec.Struct, frozen=True):
    """A name and a unit (UCUM); empty for counts."""

    name: str
    unit: str = ""


CALL_DURATION = MetricName("rpc.server.call.duration", "s")

_CONVENTIONAL = {
    f"{NAMESPACE}_call_seconds": CALL_DURATION,
    "process_cpu_seconds": MetricName("process.cpu.time", "s"),
    "process_resident_memory_bytes": MetricName("process.memory.usage", "By"),
    "process_virtual_memory_bytes": MetricName("process.memory.virtual", "By"),
    "process_open_fds": MetricName("process.unix.file_descriptor.count", "{file_descriptor}"),
}


def metric_name(family: str) -> MetricName:
    """The name of a family of Prometheus."""
    found = _CONVENTIONAL.get(family)
    if found is not None:
        return found
    name = family.replace(f"{NAMESPACE}_", f"{NAMESPACE}.", 1)
    for suffix, unit in _UNITS.items():
        if name.endswith(suffix):
            return MetricName(name.removesuffix(suffix), unit)
    return MetricName(name)


def attributes_of(name: MetricName, labels: Mapping[str, str]) -> dict[str, str]:
    """The attributes of a sample; those of calls have conventional names."""
    if name is not CALL_DURATION:
        return dict(labels)
    method = labels["method"]
    return {"rpc.system.name": "grpc", "rpc.method": _FULL_METHODS.get(method, method)}
