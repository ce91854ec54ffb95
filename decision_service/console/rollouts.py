"""Pages of rollouts: stages, figures with their guardrails over time, and the steps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from math import inf
from typing import Any, NamedTuple

from starlette.responses import Response
from starlette.routing import Route

from decision_service.api.v1 import rollout_figures_pb2 as figures_pb
from decision_service.cli import rollout as words
from decision_service.cli.client import method_of
from decision_service.console.service import Refused
from decision_service.console.web import Handler, Pages, Visit, sentence

STEPS = {
    "advance": ("AdvanceRollout", True),
    "confirm": ("ConfirmRollout", True),
    "roll-back": ("RollBackRollout", False),
    "pause": ("PauseRollout", False),
    "resume": ("ResumeRollout", False),
    "kill": ("SetKillSwitch", True),
    "revive": ("SetKillSwitch", True),
}
"""By the last part of its path: the method, and whether it has weight."""

FINAL = {"advance": "Advance", "confirm": "Confirm the step of", "kill": "Kill"}
"""Steps of which a summary is shown first, since many applicants feel them; each with its verb."""

_ON_THE_PAGE = {"INVALID_ARGUMENT", "FAILED_PRECONDITION", "ABORTED"}
_AGAIN = {"PLAN_CHANGED", "ROLLOUT_MOVED_ON"}
"""Refusals after which the same step may be sent again, now that the page shows what is new."""

WIDE = 480
HIGH = 150
LEFT = 44
RIGHT = 80
EDGE = 12
"""Of a picture: its size, the room of its numbers and of the names of its bounds, and above."""


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route("/rollouts", _rollouts),
        pages.route("/rollouts/{product}", _rollout),
        *(
            pages.route(f"/rollouts/{{product}}/{step}", _taking(step), "POST", weighty=weighty)
            for step, (_, weighty) in STEPS.items()
        ),
    ]


def _rollouts(visit: Visit) -> Response:
    found = visit.service.call("RolloutService.ListRollouts").rollouts
    return visit.page("rollouts.html", rollouts=found, stage=words.stage_text)


def _rollout(visit: Visit, refused: Refused | None = None, step: str = "") -> Response:
    """A rollout; with what was refused, its form is open and has what was typed."""
    product = visit.path["product"]
    call = visit.service.call
    found = call("RolloutService.GetRollout", product=product, with_points=True)
    token = visit.query.get("after", "")
    journal = call(
        "RolloutService.ListRolloutSteps", product=product, page_size=20, page_token=token
    )
    taken = visit.query.get("step", "")
    return visit.page(
        "rollout.html",
        409 if refused else 200,
        one=found.rollout,
        figures=found.figures,
        pictures=[(one, picture(one)) for one in found.figures.guardrails],
        journal=journal,
        taken=next((each for each in journal.steps if str(each.position) == taken), None),
        unchanged=taken == "0",
        refused=refused,
        problem=sentence(refused) if refused else "",
        is_again=bool(refused and refused.reason in _AGAIN),
        form_of=(step, visit.text("track") or visit.text("arm")),
        typed=visit.text,
        said=words,
        lines=[
            *words.shadow_lines(found.figures.shadows),
            *words.day_lines(found.figures),
            *words.group_lines(found.rollout),
        ],
    )


def _taking(step: str) -> Handler:
    """The handler of a form: it takes the step, and shows the journal's row of it."""
    name = f"RolloutService.{STEPS[step][0]}"
    asked = method_of(name).input_type.fields_by_name

    def take(visit: Visit) -> Response:
        if visit.text("sure") == "no":
            return _rollout(visit, step=step)
        # Why is asked for on the form: without it the service refuses, and says so there.
        is_asked = step in FINAL and visit.session.may("rollout") and visit.text("why")
        if is_asked and visit.text("sure") != "yes":
            return _summary(visit, step)
        position = visit.text("position")
        given: dict[str, Any] = {field: visit.text(field) for field in asked} | {
            "product": visit.path["product"],
            "position": int(position) if position.isdecimal() and len(position) < 19 else 0,
            "early": bool(visit.text("early")),
            "killed": step == "kill",
        }
        try:
            reply = visit.service.call(name, **{field: given[field] for field in asked})
        except Refused as refused:
            if refused.code.name not in _ON_THE_PAGE:
                raise
            return _rollout(visit, refused, step)
        return visit.go(f"/rollouts/{visit.path['product']}?step={reply.step.position}")

    return take


def _summary(visit: Visit, step: str) -> Response:
    """Whom a final step would reach, to be looked at before it is taken."""
    product = visit.path["product"]
    found = visit.service.call("RolloutService.GetRollout", product=product)
    one = found.rollout
    verb = f"{FINAL[step]} {product}"
    if step == "advance":
        track = one.challenger if visit.text("track") == "challenger" else one.go_live
        would = (
            f"{visit.text('track')} goes from {track.percent} % to {track.next.name}, "
            f"{track.next.percent} % of applicants."
        )
        if visit.text("early"):
            would += " Hold and count of the present stage are not met."
    elif step == "confirm":
        proposed = [f"{words.proposed_text(one.proposed)}."] if one.HasField("proposed") else []
        would = " ".join([*proposed, *one.widens])
    elif visit.text("arm") == "challenger":
        verb = f"Kill the challenger of {product}"
        would = "The champion decides in its place, in every process within two seconds."
    else:
        would = "No applicant is decided here, in every process within two seconds."
    arms = [f"{a.arm} v{a.version}: {a.applicants:,} applicants" for a in found.figures.arms]
    return visit.summary(
        verb,
        rank="danger" if step == "kill" else "main",
        rows=[
            ("What happens", would),
            ("Decided so far", "\n".join(arms)),
            ("Why", visit.text("why")),
        ],
    )


class Picture(NamedTuple):
    """A guardrail's share over time: numbers of an SVG, and words.

    `runs` are lines with their bands, without a gap of time; `bounds` and `ticks` are heights with
    their words, `outside` the places of shares that are not allowed.
    """

    runs: Sequence[tuple[str, str]]
    bounds: Sequence[tuple[float, str]]
    ticks: Sequence[tuple[float, str]]
    outside: Sequence[tuple[float, float]]
    words: str


def picture(one: figures_pb.GuardrailFigures) -> Picture | None:
    """None where no span has a share."""
    values = [float(point.value) for point in one.points if point.value]
    if not values:
        return None
    limits = [
        (float(text), f"{name} {float(text):g}")
        for name, text in (("at least", one.allowed_low), ("at most", one.allowed_high))
        if text
    ]
    least = float(one.allowed_low or -inf)
    most = float(one.allowed_high or inf)
    edges = [float(edge) for point in one.points if point.value for edge in (point.low, point.high)]
    every = [*values, *edges, *(at for at, _ in limits)]
    low = min(every)
    high = max(every)

    def at(place: int, share: float | str) -> tuple[float, float]:
        across = (WIDE - LEFT - RIGHT) * place / max(len(one.points) - 1, 1)
        return round(LEFT + across, 1), y(float(share))

    def y(share: float) -> float:
        return round(EDGE + (high - share) / (high - low or 1) * (HIGH - 2 * EDGE), 1)

    outside = [
        at(place, point.value)
        for place, point in enumerate(one.points)
        if point.value and not least <= float(point.value) <= most
    ]
    runs = []
    for has_share, group in groupby(enumerate(one.points), lambda each: bool(each[1].value)):
        if has_share:
            found = [*group]
            found.append(found[-1])  # a span alone is a dot
            line = [at(place, point.value) for place, point in found]
            band = [at(place, point.high) for place, point in found]
            band += [at(place, point.low) for place, point in reversed(found)]
            runs.append((_written(line), _written(band)))
    allowed = f"; allowed is {' and '.join(text for _, text in limits)}" if limits else ""
    return Picture(
        runs,
        [(y(at), text) for at, text in limits],
        [(y(at), f"{at:.1f}") for at in (low, high)],
        outside=outside,
        words=f"From {min(values):.1f} to {max(values):.1f} in the {len(values)} of "
        f"{len(one.points)} spans that have a share; the newest is {values[-1]:.1f}, with the "
        f"95 % interval {edges[-2]:.1f} to {edges[-1]:.1f}{allowed}. "
        f"Spans outside: {len(outside)}.",
    )


def _written(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in places)
