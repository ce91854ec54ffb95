"""From the text of `desk.yaml`, how persons review a product's applications."""

from __future__ import annotations

import re
from datetime import timedelta

from decision_service.domain.decision import ReferKind
from decision_service.domain.reviews import (
    CONTEST_QUEUE,
    CONTEST_SLA,
    DEFAULT_QUEUE,
    Authority,
    ReviewPolicy,
    ReviewQueue,
    ReviewReason,
)
from decision_service.domain.values import LARGEST_AMOUNT
from decision_service.rollout.plan_sections import LEAST_AMOUNT, read_name, refuse_repeated
from decision_service.rules.language import yaml
from decision_service.rules.language.diagnostics import Report
from decision_service.rules.language.fields import (
    Fields,
    as_choice,
    as_text,
    read_texts,
    shortened,
)
from decision_service.rules.language.yaml import YamlNode

DESK = "desk.yaml"
NOBODY = "nobody"
REASON_CODE = r"[A-Z][A-Z0-9_]{0,59}"
TOLD = ("applicant", NOBODY)
_CODE = re.compile(REASON_CODE)
_RESERVED = frozenset({DEFAULT_QUEUE, CONTEST_QUEUE})
_WHEN = ("kinds", "tags", "reasons", "min_amount", "max_amount")


def read_desk(path: str, text: str, report: Report) -> ReviewPolicy | None:
    """All faults are reported; the policy counts for nothing where there is an error."""
    root = yaml.read(path, text, report)
    required, optional = ("authority", "reasons"), ("queues", "contest")
    fields = root and Fields.of(root, "the desk", report, required=required, optional=optional)
    if not fields:
        return None
    return ReviewPolicy(
        _read_queues(fields),
        _read_authority(fields),
        _read_reasons(fields),
        _read_sla(fields.get("contest"), fields) or CONTEST_SLA,
    )


def _read_queues(review: Fields) -> tuple[ReviewQueue, ...]:
    read = [
        (_read_queue(node, review), node.place)
        for node in (review.items("queues") if review.has("queues") else ())
    ]
    refuse_repeated(((q.name, place) for q, place in read if q), "queues", review.report)
    return tuple(queue for queue, _ in read if queue)


def _read_queue(node: YamlNode, review: Fields) -> ReviewQueue | None:
    required, optional = ("name", "sla"), ("when",)
    fields = Fields.of(node, "a queue", review.report, required=required, optional=optional)
    if fields is None:
        return None
    name, sla = read_name(fields), _positive(fields, "sla")
    if name in _RESERVED:
        message = f"a queue is named `{name}`, which is the service's own"
        fields.report.error("P320", fields.place("name"), message, "choose another name")
    if name is None or sla is None:
        return None
    when = fields.get("when")
    chosen = when and Fields.of(when, "`when`", review.report, optional=_WHEN)
    return ReviewQueue(name, sla) if not chosen else _filtered(name, sla, chosen)


def _filtered(name: str, sla: timedelta, when: Fields) -> ReviewQueue:
    kinds = [as_choice(item, "a kind", ReferKind, when.report) for item in when.items("kinds")]
    tags = [as_text(item, "a tag", when.report) for item in when.items("tags")]
    reasons = [as_text(item, "a reason's code", when.report) for item in when.items("reasons")]
    least, most = (when.decimal(key, LEAST_AMOUNT, LARGEST_AMOUNT) for key in _WHEN[3:])
    if least is not None and most is not None and least > most:
        message = f"`min_amount` {least} is above `max_amount` {most}, so the queue takes nothing"
        when.report.error("P321", when.place("min_amount"), message, "swap them, or drop one")
    return ReviewQueue(
        name,
        sla,
        frozenset(ReferKind(kind) for kind in kinds if kind),
        frozenset(tag for tag in tags if tag),
        frozenset(code for code in reasons if code),
        least,
        most,
    )


def _read_authority(review: Fields) -> Authority | None:
    node = review.map("authority")
    if node is None:
        return None
    keys = ("review", "review_second")
    fields = Fields(node, "`authority`", review.report, required=keys)
    one, two = (fields.decimal(key, LEAST_AMOUNT, LARGEST_AMOUNT) for key in keys)
    if one is None or two is None:
        return None
    if one > two:
        message = f"one person may approve up to {one}, and two only up to {two}"
        hint = "let `review_second` be at least `review`"
        fields.report.error("P322", fields.place("review_second"), message, hint)
    return Authority(one, two)


def _read_reasons(review: Fields) -> tuple[ReviewReason, ...]:
    read = [(_read_reason(node, review), node.place) for node in review.items("reasons")]
    refuse_repeated(((r.code, place) for r, place in read if r), "reasons", review.report)
    if review.has("reasons") and not read:
        message = "`reasons` is empty, so no review could be completed"
        review.report.error("P323", review.place("reasons"), message, "add a code and its text")
    return tuple(reason for reason, _ in read if reason)


def _read_reason(node: YamlNode, review: Fields) -> ReviewReason | None:
    required, optional = ("code", "text"), ("letter", "told")
    fields = Fields.of(node, "a reason", review.report, required=required, optional=optional)
    scalar = None if fields is None else fields.scalar("code")
    if fields is None or scalar is None:
        return None
    if not _CODE.fullmatch(scalar.text):
        message = f"`{shortened(scalar.text)}` is not a reason's code"
        hint = "use capital letters, digits and `_`, beginning with a letter, at most 60"
        fields.report.error("P324", scalar.place, message, hint)
        return None
    is_told = fields.choice("told", TOLD) != NOBODY
    letter = fields.get("letter")
    if letter is not None and not is_told:
        message = f"{scalar.text} is told to nobody, and has words for a letter"
        fields.report.error("P327", letter.place, message, "drop `letter`, or `told`")
    texts = letter and read_texts(letter, "`letter`", fields.report)
    return ReviewReason(scalar.text, fields.text("text") or "", texts or {}, is_told)


def _read_sla(node: YamlNode | None, review: Fields) -> timedelta | None:
    fields = node and Fields.of(node, "`contest`", review.report, required=("sla",))
    return _positive(fields, "sla") if fields else None


def _positive(fields: Fields, key: str) -> timedelta | None:
    read = fields.duration(key)
    if read is not None and read <= timedelta(0):
        message = f"`{key}` is no time at all"
        fields.report.error("P326", fields.place(key), message, "write one such as 4h")
        return None
    return read
