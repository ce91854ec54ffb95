"""JSON Schemas of a rollout plan and of a desk, for editors: keys and words complete."""

from __future__ import annotations

from decision_service.domain.decision import ReferKind
from decision_service.domain.values import LARGEST_AMOUNT
from decision_service.rollout.desk import REASON_CODE, TOLD
from decision_service.rollout.model import Advance, GuardrailAction, GuardrailScope, Metric, Unit
from decision_service.rules.language.schema_forms import (
    DIALECT,
    DURATION,
    PRODUCT,
    TEXT,
    TEXTS,
    VERSION,
    Schema,
    about,
    choice,
    closed,
    listed,
)

_NAME: Schema = {"type": "string", "pattern": "^[a-z][a-z0-9_-]{0,59}$"}
_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 100}
_AMOUNT: Schema = {"type": "number", "exclusiveMinimum": 0, "maximum": int(LARGEST_AMOUNT)}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_POSITIVE: Schema = {"type": "integer", "minimum": 1}

_RATES = tuple(metric.value for metric in Metric if metric.is_rate)


def plan_schema() -> Schema:
    keys = {
        "product": about(PRODUCT, "the name of the folder"),
        "unit": about(choice(Unit), "what is dealt to arms: the vendor's user, or your customer"),
        "pin_for": about(DURATION, "how long an applicant keeps an arm, such as 90d"),
        "go_live": _go_live(),
        "versions": _versions(),
        "caps": about(
            listed(_cap()), "what a civil day may approve; beyond it people are referred"
        ),
        "guardrails": listed(_guardrail()),
        "second_person_above": about(
            _SHARE, "what gives a greater share, in percent, needs two callers"
        ),
    }
    required = ("product", "unit", "pin_for", "go_live", "versions")
    return {"$schema": DIALECT, **closed("a rollout plan", required, keys)}


def _go_live() -> Schema:
    segment = {"name": _NAME, "when": TEXT, "percent": _SHARE}
    keys = {
        "salt": about(TEXT, "deals the applicants; keep it while the product lives"),
        "allow": about(listed(TEXT), "units that are decided here whatever the stage"),
        "deny": about(listed(TEXT), "units that are not"),
        "segments": listed(closed("a segment", tuple(segment), segment)),
        **_stages(),
        "advance": about(choice(Advance), "auto goes on by itself when a stage has been held"),
    }
    return closed("go-live", ("salt", "stages", "initial_stage"), keys)


def _stages() -> dict[str, Schema]:
    stage = {"name": _NAME, "percent": _SHARE, "hold": DURATION, "min_decisions": _COUNT}
    steps = listed(closed("a stage", ("name", "percent"), stage), minItems=1)
    return {"stages": steps, "initial_stage": _NAME}


def _versions() -> Schema:
    shadow = {"version": VERSION, "percent": _SHARE}
    keys = {
        "champion": VERSION,
        "challenger": _challenger(),
        "shadow": listed(closed("a shadow", tuple(shadow), shadow)),
    }
    return closed("versions", ("champion",), keys)


def _challenger() -> Schema:
    change: Schema = {"type": "number", "minimum": -1, "maximum": 1}
    within: Schema = {"type": "number", "minimum": 0, "maximum": 1}
    expected = closed("an expectation", ("change", "within"), {"change": change, "within": within})
    keys = {
        "version": VERSION,
        "salt": TEXT,
        **_stages(),
        "expect": closed("what is meant to change", (), dict.fromkeys(_RATES, expected)),
    }
    return closed("a challenger", ("version", "salt", "stages", "initial_stage"), keys)


def _cap() -> Schema:
    keys = {
        "name": _NAME,
        "tier": about(TEXT, "a tier of the offer; without it the cap is for the product"),
        "approvals_per_day": _POSITIVE,
        "amount_per_day": _AMOUNT,
        "max_amount": about(_AMOUNT, "of one application, with `arm`"),
        "arm": about(choice(("challenger",)), "beyond it the champion decides"),
    }
    either = [{"required": [key]} for key in ("approvals_per_day", "amount_per_day", "max_amount")]
    return closed("a cap", ("name",), keys, anyOf=either)


def _guardrail() -> Schema:
    keys = {
        "name": _NAME,
        "metric": choice(Metric),
        "scope": choice(GuardrailScope),
        "min_units": about(_POSITIVE, "applicants below which nothing is judged"),
        "action": choice(GuardrailAction),
        "max": about({"type": "number", "minimum": 0}, "a fixed ceiling; a rate is a fraction"),
        "window": DURATION,
        "versus": choice(("champion",)),
    }
    required = ("name", "metric", "scope", "min_units", "action")
    either = [{"required": ["max"]}, {"required": ["versus"]}]
    return closed("a guardrail", required, keys, oneOf=either)


def desk_schema() -> Schema:
    when = {
        "kinds": about(listed(choice(ReferKind)), "of the referral"),
        "tags": about(listed(TEXT), "of which the decision has one"),
        "reasons": about(listed(TEXT), "codes of which the decision has one"),
        "min_amount": about(_AMOUNT, "that was asked for, at least"),
        "max_amount": about(_AMOUNT, "that was asked for, at most"),
    }
    queue = {"name": _NAME, "sla": DURATION, "when": closed("what a queue takes", (), when)}
    limits = dict.fromkeys(("review", "review_second"), _AMOUNT)
    reason = {
        "code": {"type": "string", "pattern": f"^{REASON_CODE}$"},
        "text": about(TEXT, "for reviewers"),
        "letter": about(TEXTS, "for applicants, by language; `en` is needed"),
        "told": about(choice(TOLD), "nobody keeps it out of letters; applicant unless written"),
    }
    keys = {
        "queues": about(
            listed(closed("a queue", ("name", "sla"), queue)), "the first that takes a case has it"
        ),
        "authority": about(
            closed("authority", tuple(limits), limits),
            "what one person ends, and two",
        ),
        "reasons": listed(closed("a reason", ("code", "text"), reason), minItems=1),
        "contest": closed("contested decisions", ("sla",), {"sla": DURATION}),
    }
    desk = closed("how persons review", ("authority", "reasons"), keys)
    return {"$schema": DIALECT, **desk}
