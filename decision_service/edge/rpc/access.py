"""Who may call what: one row per RPC. An RPC without a row is refused to everybody."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

PACKAGE = "decision_service.api.v1"


class Role(StrEnum):
    """What a caller may do; `read` reads every caller's decisions, others only their own.

    `onboard_all` reaches every caller's applicants, `onboard` only those that the caller created.
    `subject_access` exports what is stored of them, all of it.
    `rules_approve` signs what one of `rules` proposed, and reads what that needs.
    `review_second` confirms what one of `review` completed above the authority of one person.
    """

    DECIDE = "decide"
    READ = "read"
    RULES = "rules"
    RULES_APPROVE = "rules_approve"
    ROLLOUT = "rollout"
    ONBOARD = "onboard"
    ONBOARD_ALL = "onboard_all"
    SUBJECT_ACCESS = "subject_access"
    OUTCOMES = "outcomes"
    OPERATE = "operate"
    REVIEW = "review"
    REVIEW_SECOND = "review_second"


_ANY = frozenset(Role)
_SEEN_ROLLOUTS = frozenset({Role.ROLLOUT, Role.READ, Role.RULES_APPROVE})
_SEEN_RULES = frozenset({Role.RULES, Role.RULES_APPROVE, Role.READ})
_TRIED_RULES = frozenset({Role.RULES, Role.RULES_APPROVE})
_READ_ROLLOUTS = (
    "ListRollouts",
    "GetRollout",
    "ExplainAssignment",
    "ListRolloutSteps",
    "CompareVersions",
)
_MOVE_ROLLOUTS = (
    "AdvanceRollout",
    "ConfirmRollout",
    "RollBackRollout",
    "PauseRollout",
    "ResumeRollout",
    "SetKillSwitch",
)
ROLLOUT_STEPS = frozenset(f"/{PACKAGE}.RolloutService/{name}" for name in _MOVE_ROLLOUTS)
"""Kill and the other steps of rollouts, which no other calls keep out."""

REFLECTION = "/grpc.reflection."
_REVIEWERS = frozenset({Role.REVIEW, Role.REVIEW_SECOND})
_READ_REVIEWS = ("ListReviews", "GetReview")
_WORK_ON_REVIEWS = (
    "ClaimReview",
    "ReleaseReview",
    "AddReviewNote",
    "RequestReviewData",
    "DecideAgain",
    "CompleteReview",
)
_ONBOARDERS = frozenset({Role.ONBOARD, Role.ONBOARD_ALL})
_ONBOARD = ("CreateApplicant", "CreateLinkToken", "GetApplicant", "EraseApplicant")

METHODS: Mapping[str, frozenset[Role]] = {
    f"/{PACKAGE}.DecisionService/CreateDecision": frozenset({Role.DECIDE}),
    f"/{PACKAGE}.DecisionService/GetDecision": frozenset({Role.DECIDE, Role.READ}),
    f"/{PACKAGE}.DecisionService/ListDecisions": frozenset({Role.DECIDE, Role.READ}),
    f"/{PACKAGE}.DecisionService/ReplayDecision": frozenset({Role.DECIDE, Role.READ}),
    f"/{PACKAGE}.RulesetService/ListRulesets": _SEEN_RULES,
    f"/{PACKAGE}.RulesetService/GetRuleset": _SEEN_RULES,
    f"/{PACKAGE}.RulesetService/ValidateRuleset": _TRIED_RULES,
    f"/{PACKAGE}.RulesetService/EvaluateRuleset": _TRIED_RULES,
    **{f"/{PACKAGE}.RolloutService/{name}": _SEEN_ROLLOUTS for name in _READ_ROLLOUTS},
    **dict.fromkeys(ROLLOUT_STEPS, frozenset({Role.ROLLOUT})),
    **{f"/{PACKAGE}.ApplicantService/{name}": _ONBOARDERS for name in _ONBOARD},
    f"/{PACKAGE}.ApplicantService/ExportApplicant": frozenset({Role.SUBJECT_ACCESS}),
    f"/{PACKAGE}.ClockService/GetClock": frozenset({Role.OPERATE, Role.READ}),
    f"/{PACKAGE}.ClockService/ResetClock": frozenset({Role.OPERATE}),
    f"/{PACKAGE}.OutcomeService/RecordOutcome": frozenset({Role.OUTCOMES}),
    f"/{PACKAGE}.OutcomeService/ListOutcomes": frozenset({Role.OUTCOMES, Role.READ}),
    **{f"/{PACKAGE}.ReviewService/{name}": _REVIEWERS | {Role.READ} for name in _READ_REVIEWS},
    **{f"/{PACKAGE}.ReviewService/{name}": _REVIEWERS for name in _WORK_ON_REVIEWS},
    f"/{PACKAGE}.ReviewService/ConfirmReview": frozenset({Role.REVIEW_SECOND}),
    f"/{PACKAGE}.ReviewService/RequestReview": frozenset({Role.DECIDE}),
    f"/{PACKAGE}.NoticeService/GetNotice": frozenset({Role.DECIDE, Role.READ}),
    f"/{PACKAGE}.NoticeService/ListNotices": frozenset({Role.DECIDE, Role.READ}),
    f"/{PACKAGE}.NoticeService/RecordNoticeSent": frozenset({Role.DECIDE}),
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": _ANY,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": _ANY,
}
"""The roles of which a caller needs one."""

HEALTH_METHODS = frozenset(f"/grpc.health.v1.Health/{name}" for name in ("Check", "List", "Watch"))
"""Methods that need no credentials and are served under any load."""

UNOBSERVED = (*HEALTH_METHODS, REFLECTION)
"""How the methods begin that platforms call all the time: neither logged nor counted."""
