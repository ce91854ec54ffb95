"""From the text of `desk.yaml`, how persons review a product's applications."""

from __future__ import annotations

from collections.abc import Iterator

from decision_service.domain.reviews import (
    CONTEST_QUEUE,
    CONTEST_SLA,
    DEFAULT_QUEUE,
    Authority,
    ReviewPolicy,
    ReviewQueue,
    ReviewReason,
)
from decision_service.rollout.keys import NOBODY, THE_DESK, Read, refuse_repeated
from decision_service.rules.language import yaml
from decision_service.rules.language.diagnostics import Report


def read_desk(path: str, text: str, report: Report) -> ReviewPolicy | None:
    """All faults are reported; the policy counts for nothing where there is an error."""
    desk = THE_DESK.read(yaml.read(path, text, report), report)
    if desk is None:
        return None
    for key, name in (("queues", "name"), ("reasons", "code")):
        refuse_repeated(((one[name], place) for one, place in desk[key] if one), key, report)
    if desk.has("reasons") and not desk["reasons"]:
        message = "`reasons` is empty, so no review could be completed"
        desk.error("P323", "reasons", message, "add a code and its text")
    contest = desk["contest"]
    return ReviewPolicy(
        tuple(_queues(desk)),
        _authority(desk["authority"]),
        tuple(_reasons(desk)),
        (contest and contest["sla"]) or CONTEST_SLA,
    )


def _queues(desk: Read) -> Iterator[ReviewQueue]:
    for queue, _ in desk["queues"]:
        if queue is None:
            continue
        name, when = queue["name"], queue["when"]
        if name in (DEFAULT_QUEUE, CONTEST_QUEUE):
            message = f"a queue is named `{name}`, which is the service's own"
            queue.error("P320", "name", message, "choose another name")
        if when is None:
            yield ReviewQueue(name, queue["sla"])
            continue
        least, most = when["min_amount"], when["max_amount"]
        if least is not None and most is not None and least > most:
            message = (
                f"`min_amount` {least} is above `max_amount` {most}, so the queue takes nothing"
            )
            when.error("P321", "min_amount", message, "swap them, or drop one")
        chosen = (when["kinds"], when["tags"], when["reasons"])
        yield ReviewQueue(name, queue["sla"], *chosen, least, most)


def _authority(read: Read | None) -> Authority | None:
    if read is None or read["review"] is None or read["review_second"] is None:
        return None
    one, two = read["review"], read["review_second"]
    if one > two:
        message = f"one person may approve up to {one}, and two only up to {two}"
        read.error("P322", "review_second", message, "let `review_second` be at least `review`")
    return Authority(one, two)


def _reasons(desk: Read) -> Iterator[ReviewReason]:
    for reason, _ in desk["reasons"]:
        if reason is None or reason["code"] is None:
            continue
        code, is_told = reason["code"], reason["told"] != NOBODY
        if reason.has("letter") and not is_told:
            message = f"{code} is told to nobody, and has words for a letter"
            reason.error("P327", "letter", message, "drop `letter`, or `told`")
        yield ReviewReason(code, reason["text"] or "", reason["letter"] or {}, is_told)
