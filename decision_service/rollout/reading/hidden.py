"""Figures of `caps` that hold nobody whom another cap would not hold.

What is beyond the larger of two figures is beyond the smaller one, where that counts the same
approvals or more: a cap without a tier counts those of every tier.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from decision_service.language.diagnostics import Report
from decision_service.language.yaml.nodes import YamlNode
from decision_service.rollout.model import DayCap
from decision_service.rollout.reading.shares import place_of

_SMALLER = "make it the smaller of the two"


def warn_of_hidden_caps(read: Sequence[tuple[DayCap, YamlNode]], report: Report) -> None:
    """P317 (a warning) for each figure of a cap that holds nobody of its own."""
    caps = [cap for cap, _ in read]
    for index, (cap, node) in enumerate(read):
        figures = dict(_figures(cap))
        hiders = {
            key: _hider(key, figure, cap.tier, caps, index) for key, figure in figures.items()
        }
        for key, hider in hiders.items():
            idle = "the cap" if all(hiders.values()) else f"`{key}`"
            _warn(
                hider, key, f"the cap `{cap.name}`", f"remove {idle}, or {_SMALLER}", node, report
            )


def _figures(cap: DayCap) -> Iterator[tuple[str, Decimal]]:
    if cap.approvals is not None:
        yield "approvals_per_day", Decimal(cap.approvals)
    if cap.amount is not None:
        yield "amount_per_day", cap.amount


def _hider(
    key: str, figure: Decimal, tier: str | None, caps: Sequence[DayCap], own: int = -1
) -> tuple[Decimal, str] | None:
    """The smallest figure that hides one on a tier, with its cap's name; None where none does.

    Of two equal figures on one tier the first in the file stays.
    """
    others = [
        (other, cap.name)
        for index, cap in enumerate(caps)
        for name, other in _figures(cap)
        if name == key and index != own and cap.tier in ("", tier)
        if other < figure or (other == figure and (index < own or cap.tier != tier))
    ]
    return min(others, key=lambda one: one[0], default=None)


def _warn(
    hider: tuple[Decimal, str] | None,
    key: str,
    what: str,
    hint: str,
    node: YamlNode,
    report: Report,
) -> None:
    if hider is not None:
        figure, cap = hider
        message = (
            f"`{key}` of {what} holds nobody whom the cap `{cap}`, with {figure:f}, does not hold"
        )
        report.warning("P317", place_of(node, key), message, hint)
