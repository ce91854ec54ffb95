"""A report as a JSON document, with the SHA-256 of its figures."""

from __future__ import annotations

import msgspec

from decision_service.impact.figures import ImpactReport


def encoded(report: ImpactReport) -> bytes:
    """The document; the same report gives the same bytes."""
    body = {**msgspec.to_builtins(report), "sha256": report.digest}
    return msgspec.json.format(msgspec.json.encode(body), indent=2) + b"\n"


def decoded(document: bytes) -> ImpactReport:
    """The report of a document; raises msgspec.DecodeError, also where its own digest is wrong."""
    report = msgspec.json.decode(document, type=ImpactReport)
    if msgspec.json.decode(document).get("sha256") != report.digest:
        raise msgspec.ValidationError("its figures are not those of its own `sha256`")
    return report
