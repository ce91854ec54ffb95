import datetime

from decision_service.api.v1 import applicant_service_pb2 as _applicant_service_pb2
from decision_service.api.v1 import values_pb2 as _values_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.type import money_pb2 as _money_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTCOME_UNSPECIFIED: _ClassVar[Outcome]
    OUTCOME_APPROVE: _ClassVar[Outcome]
    OUTCOME_REFER: _ClassVar[Outcome]
    OUTCOME_DECLINE: _ClassVar[Outcome]
    OUTCOME_NOT_ENROLLED: _ClassVar[Outcome]

class ReferKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REFER_KIND_UNSPECIFIED: _ClassVar[ReferKind]
    REFER_KIND_DATA: _ClassVar[ReferKind]
    REFER_KIND_SCORE: _ClassVar[ReferKind]
    REFER_KIND_POLICY: _ClassVar[ReferKind]
    REFER_KIND_LEGAL: _ClassVar[ReferKind]

class ReviewState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REVIEW_STATE_UNSPECIFIED: _ClassVar[ReviewState]
    REVIEW_STATE_OPEN: _ClassVar[ReviewState]
    REVIEW_STATE_CLAIMED: _ClassVar[ReviewState]
    REVIEW_STATE_AWAITING_DATA: _ClassVar[ReviewState]
    REVIEW_STATE_DECIDING_AGAIN: _ClassVar[ReviewState]
    REVIEW_STATE_AWAITING_SECOND: _ClassVar[ReviewState]
    REVIEW_STATE_COMPLETED: _ClassVar[ReviewState]
    REVIEW_STATE_ENDED: _ClassVar[ReviewState]
    REVIEW_STATE_AWAITING_RELEASE: _ClassVar[ReviewState]

class DecisionView(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DECISION_VIEW_UNSPECIFIED: _ClassVar[DecisionView]
    DECISION_VIEW_BASIC: _ClassVar[DecisionView]
    DECISION_VIEW_FULL: _ClassVar[DecisionView]

class Component(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COMPONENT_UNSPECIFIED: _ClassVar[Component]
    COMPONENT_KNOCKOUT: _ClassVar[Component]
    COMPONENT_POLICY: _ClassVar[Component]
    COMPONENT_SCORECARD: _ClassVar[Component]
    COMPONENT_TABLE: _ClassVar[Component]
    COMPONENT_LEGAL: _ClassVar[Component]
    COMPONENT_DATA: _ClassVar[Component]

class Truth(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRUTH_UNSPECIFIED: _ClassVar[Truth]
    TRUTH_TRUE: _ClassVar[Truth]
    TRUTH_FALSE: _ClassVar[Truth]
    TRUTH_UNKNOWN: _ClassVar[Truth]

class KindStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    KIND_STATUS_UNSPECIFIED: _ClassVar[KindStatus]
    KIND_STATUS_COMPLETE: _ClassVar[KindStatus]
    KIND_STATUS_PARTIAL: _ClassVar[KindStatus]
    KIND_STATUS_MISSING: _ClassVar[KindStatus]

class OfferKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OFFER_KIND_UNSPECIFIED: _ClassVar[OfferKind]
    OFFER_KIND_FULL: _ClassVar[OfferKind]
    OFFER_KIND_REDUCED: _ClassVar[OfferKind]

class MonthState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MONTH_STATE_UNSPECIFIED: _ClassVar[MonthState]
    MONTH_STATE_KNOWN: _ClassVar[MonthState]
    MONTH_STATE_OPEN: _ClassVar[MonthState]
    MONTH_STATE_ZERO: _ClassVar[MonthState]
    MONTH_STATE_FLAWED: _ClassVar[MonthState]
OUTCOME_UNSPECIFIED: Outcome
OUTCOME_APPROVE: Outcome
OUTCOME_REFER: Outcome
OUTCOME_DECLINE: Outcome
OUTCOME_NOT_ENROLLED: Outcome
REFER_KIND_UNSPECIFIED: ReferKind
REFER_KIND_DATA: ReferKind
REFER_KIND_SCORE: ReferKind
REFER_KIND_POLICY: ReferKind
REFER_KIND_LEGAL: ReferKind
REVIEW_STATE_UNSPECIFIED: ReviewState
REVIEW_STATE_OPEN: ReviewState
REVIEW_STATE_CLAIMED: ReviewState
REVIEW_STATE_AWAITING_DATA: ReviewState
REVIEW_STATE_DECIDING_AGAIN: ReviewState
REVIEW_STATE_AWAITING_SECOND: ReviewState
REVIEW_STATE_COMPLETED: ReviewState
REVIEW_STATE_ENDED: ReviewState
REVIEW_STATE_AWAITING_RELEASE: ReviewState
DECISION_VIEW_UNSPECIFIED: DecisionView
DECISION_VIEW_BASIC: DecisionView
DECISION_VIEW_FULL: DecisionView
COMPONENT_UNSPECIFIED: Component
COMPONENT_KNOCKOUT: Component
COMPONENT_POLICY: Component
COMPONENT_SCORECARD: Component
COMPONENT_TABLE: Component
COMPONENT_LEGAL: Component
COMPONENT_DATA: Component
TRUTH_UNSPECIFIED: Truth
TRUTH_TRUE: Truth
TRUTH_FALSE: Truth
TRUTH_UNKNOWN: Truth
KIND_STATUS_UNSPECIFIED: KindStatus
KIND_STATUS_COMPLETE: KindStatus
KIND_STATUS_PARTIAL: KindStatus
KIND_STATUS_MISSING: KindStatus
OFFER_KIND_UNSPECIFIED: OfferKind
OFFER_KIND_FULL: OfferKind
OFFER_KIND_REDUCED: OfferKind
MONTH_STATE_UNSPECIFIED: MonthState
MONTH_STATE_KNOWN: MonthState
MONTH_STATE_OPEN: MonthState
MONTH_STATE_ZERO: MonthState
MONTH_STATE_FLAWED: MonthState

class Decision(_message.Message):
    __slots__ = ("decision_id", "request_id", "application_id", "customer_ref", "user_id", "product", "outcome", "refer_kind", "reasons", "data_requests", "scores", "offer", "conditions", "ruleset_ref", "assignment", "data_quality", "factor_values", "rule_traces", "as_of_date", "create_time", "expire_time", "engine_version", "inputs", "list_answers", "tags", "withheld_tags", "override", "recourse", "review", "first_decision_id", "connect", "income_months", "outcome_in_force", "approved_amount_in_force")
    class InputsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _values_pb2.InputValue
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_values_pb2.InputValue, _Mapping]] = ...) -> None: ...
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    APPLICATION_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_REF_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REFER_KIND_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    DATA_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    OFFER_FIELD_NUMBER: _ClassVar[int]
    CONDITIONS_FIELD_NUMBER: _ClassVar[int]
    RULESET_REF_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    DATA_QUALITY_FIELD_NUMBER: _ClassVar[int]
    FACTOR_VALUES_FIELD_NUMBER: _ClassVar[int]
    RULE_TRACES_FIELD_NUMBER: _ClassVar[int]
    AS_OF_DATE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    ENGINE_VERSION_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    LIST_ANSWERS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    WITHHELD_TAGS_FIELD_NUMBER: _ClassVar[int]
    OVERRIDE_FIELD_NUMBER: _ClassVar[int]
    RECOURSE_FIELD_NUMBER: _ClassVar[int]
    REVIEW_FIELD_NUMBER: _ClassVar[int]
    FIRST_DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    CONNECT_FIELD_NUMBER: _ClassVar[int]
    INCOME_MONTHS_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_IN_FORCE_FIELD_NUMBER: _ClassVar[int]
    APPROVED_AMOUNT_IN_FORCE_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    request_id: str
    application_id: str
    customer_ref: str
    user_id: str
    product: str
    outcome: Outcome
    refer_kind: ReferKind
    reasons: _containers.RepeatedCompositeFieldContainer[Reason]
    data_requests: _containers.RepeatedCompositeFieldContainer[DataRequest]
    scores: _containers.RepeatedCompositeFieldContainer[Score]
    offer: Offer
    conditions: _containers.RepeatedCompositeFieldContainer[Condition]
    ruleset_ref: RulesetRef
    assignment: Assignment
    data_quality: DataQuality
    factor_values: _containers.RepeatedCompositeFieldContainer[FactorValue]
    rule_traces: _containers.RepeatedCompositeFieldContainer[RuleTrace]
    as_of_date: str
    create_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    engine_version: str
    inputs: _containers.MessageMap[str, _values_pb2.InputValue]
    list_answers: _containers.RepeatedCompositeFieldContainer[ListAnswer]
    tags: _containers.RepeatedScalarFieldContainer[str]
    withheld_tags: _containers.RepeatedScalarFieldContainer[str]
    override: Override
    recourse: Recourse
    review: DecisionReview
    first_decision_id: str
    connect: Connect
    income_months: _containers.RepeatedCompositeFieldContainer[IncomeMonth]
    outcome_in_force: Outcome
    approved_amount_in_force: _money_pb2.Money
    def __init__(self, decision_id: _Optional[str] = ..., request_id: _Optional[str] = ..., application_id: _Optional[str] = ..., customer_ref: _Optional[str] = ..., user_id: _Optional[str] = ..., product: _Optional[str] = ..., outcome: _Optional[_Union[Outcome, str]] = ..., refer_kind: _Optional[_Union[ReferKind, str]] = ..., reasons: _Optional[_Iterable[_Union[Reason, _Mapping]]] = ..., data_requests: _Optional[_Iterable[_Union[DataRequest, _Mapping]]] = ..., scores: _Optional[_Iterable[_Union[Score, _Mapping]]] = ..., offer: _Optional[_Union[Offer, _Mapping]] = ..., conditions: _Optional[_Iterable[_Union[Condition, _Mapping]]] = ..., ruleset_ref: _Optional[_Union[RulesetRef, _Mapping]] = ..., assignment: _Optional[_Union[Assignment, _Mapping]] = ..., data_quality: _Optional[_Union[DataQuality, _Mapping]] = ..., factor_values: _Optional[_Iterable[_Union[FactorValue, _Mapping]]] = ..., rule_traces: _Optional[_Iterable[_Union[RuleTrace, _Mapping]]] = ..., as_of_date: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., engine_version: _Optional[str] = ..., inputs: _Optional[_Mapping[str, _values_pb2.InputValue]] = ..., list_answers: _Optional[_Iterable[_Union[ListAnswer, _Mapping]]] = ..., tags: _Optional[_Iterable[str]] = ..., withheld_tags: _Optional[_Iterable[str]] = ..., override: _Optional[_Union[Override, _Mapping]] = ..., recourse: _Optional[_Union[Recourse, _Mapping]] = ..., review: _Optional[_Union[DecisionReview, _Mapping]] = ..., first_decision_id: _Optional[str] = ..., connect: _Optional[_Union[Connect, _Mapping]] = ..., income_months: _Optional[_Iterable[_Union[IncomeMonth, _Mapping]]] = ..., outcome_in_force: _Optional[_Union[Outcome, str]] = ..., approved_amount_in_force: _Optional[_Union[_money_pb2.Money, _Mapping]] = ...) -> None: ...

class IncomeMonth(_message.Message):
    __slots__ = ("month", "state", "amount", "parts")
    MONTH_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    month: str
    state: MonthState
    amount: _money_pb2.Money
    parts: _containers.RepeatedCompositeFieldContainer[IncomePart]
    def __init__(self, month: _Optional[str] = ..., state: _Optional[_Union[MonthState, str]] = ..., amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., parts: _Optional[_Iterable[_Union[IncomePart, _Mapping]]] = ...) -> None: ...

class IncomePart(_message.Message):
    __slots__ = ("provider_id", "data_kind", "amount")
    PROVIDER_ID_FIELD_NUMBER: _ClassVar[int]
    DATA_KIND_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    provider_id: str
    data_kind: str
    amount: _money_pb2.Money
    def __init__(self, provider_id: _Optional[str] = ..., data_kind: _Optional[str] = ..., amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ...) -> None: ...

class Connect(_message.Message):
    __slots__ = ("provider_types", "link_token_request", "lacking")
    PROVIDER_TYPES_FIELD_NUMBER: _ClassVar[int]
    LINK_TOKEN_REQUEST_FIELD_NUMBER: _ClassVar[int]
    LACKING_FIELD_NUMBER: _ClassVar[int]
    provider_types: _containers.RepeatedScalarFieldContainer[str]
    link_token_request: _applicant_service_pb2.CreateLinkTokenRequest
    lacking: _containers.RepeatedCompositeFieldContainer[_applicant_service_pb2.LackingKind]
    def __init__(self, provider_types: _Optional[_Iterable[str]] = ..., link_token_request: _Optional[_Union[_applicant_service_pb2.CreateLinkTokenRequest, _Mapping]] = ..., lacking: _Optional[_Iterable[_Union[_applicant_service_pb2.LackingKind, _Mapping]]] = ...) -> None: ...

class Recourse(_message.Message):
    __slots__ = ("kind", "changes", "decide_again_on", "approved_amount", "may_be_told")
    KIND_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    DECIDE_AGAIN_ON_FIELD_NUMBER: _ClassVar[int]
    APPROVED_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    MAY_BE_TOLD_FIELD_NUMBER: _ClassVar[int]
    kind: str
    changes: _containers.RepeatedCompositeFieldContainer[FactorChange]
    decide_again_on: str
    approved_amount: _money_pb2.Money
    may_be_told: bool
    def __init__(self, kind: _Optional[str] = ..., changes: _Optional[_Iterable[_Union[FactorChange, _Mapping]]] = ..., decide_again_on: _Optional[str] = ..., approved_amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., may_be_told: _Optional[bool] = ...) -> None: ...

class FactorChange(_message.Message):
    __slots__ = ("factor", "value", "needed", "steps", "may_be_told")
    FACTOR_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    NEEDED_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    MAY_BE_TOLD_FIELD_NUMBER: _ClassVar[int]
    factor: str
    value: _values_pb2.InputValue
    needed: _values_pb2.InputValue
    steps: str
    may_be_told: bool
    def __init__(self, factor: _Optional[str] = ..., value: _Optional[_Union[_values_pb2.InputValue, _Mapping]] = ..., needed: _Optional[_Union[_values_pb2.InputValue, _Mapping]] = ..., steps: _Optional[str] = ..., may_be_told: _Optional[bool] = ...) -> None: ...

class DecisionReview(_message.Message):
    __slots__ = ("review_ids", "state", "outcome", "standing_decision_id", "approved_amount", "role", "decide_time", "decided_again_as", "term_months", "instalment", "expire_time", "final_time")
    REVIEW_IDS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    STANDING_DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    APPROVED_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    DECIDE_TIME_FIELD_NUMBER: _ClassVar[int]
    DECIDED_AGAIN_AS_FIELD_NUMBER: _ClassVar[int]
    TERM_MONTHS_FIELD_NUMBER: _ClassVar[int]
    INSTALMENT_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    FINAL_TIME_FIELD_NUMBER: _ClassVar[int]
    review_ids: _containers.RepeatedScalarFieldContainer[str]
    state: ReviewState
    outcome: Outcome
    standing_decision_id: str
    approved_amount: _money_pb2.Money
    role: str
    decide_time: _timestamp_pb2.Timestamp
    decided_again_as: str
    term_months: int
    instalment: _money_pb2.Money
    expire_time: _timestamp_pb2.Timestamp
    final_time: _timestamp_pb2.Timestamp
    def __init__(self, review_ids: _Optional[_Iterable[str]] = ..., state: _Optional[_Union[ReviewState, str]] = ..., outcome: _Optional[_Union[Outcome, str]] = ..., standing_decision_id: _Optional[str] = ..., approved_amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., role: _Optional[str] = ..., decide_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., decided_again_as: _Optional[str] = ..., term_months: _Optional[int] = ..., instalment: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., final_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListAnswer(_message.Message):
    __slots__ = ("list", "input", "listed", "list_digest")
    LIST_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    LISTED_FIELD_NUMBER: _ClassVar[int]
    LIST_DIGEST_FIELD_NUMBER: _ClassVar[int]
    list: str
    input: str
    listed: bool
    list_digest: str
    def __init__(self, list: _Optional[str] = ..., input: _Optional[str] = ..., listed: _Optional[bool] = ..., list_digest: _Optional[str] = ...) -> None: ...

class Override(_message.Message):
    __slots__ = ("kind", "outcome", "refer_kind", "reasons", "cap")
    KIND_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REFER_KIND_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    CAP_FIELD_NUMBER: _ClassVar[int]
    kind: str
    outcome: Outcome
    refer_kind: ReferKind
    reasons: _containers.RepeatedCompositeFieldContainer[Reason]
    cap: str
    def __init__(self, kind: _Optional[str] = ..., outcome: _Optional[_Union[Outcome, str]] = ..., refer_kind: _Optional[_Union[ReferKind, str]] = ..., reasons: _Optional[_Iterable[_Union[Reason, _Mapping]]] = ..., cap: _Optional[str] = ...) -> None: ...

class Reason(_message.Message):
    __slots__ = ("code", "message", "component", "factor", "actual", "required", "points_lost", "regulatory_text", "actual_value", "required_value")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    COMPONENT_FIELD_NUMBER: _ClassVar[int]
    FACTOR_FIELD_NUMBER: _ClassVar[int]
    ACTUAL_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_FIELD_NUMBER: _ClassVar[int]
    POINTS_LOST_FIELD_NUMBER: _ClassVar[int]
    REGULATORY_TEXT_FIELD_NUMBER: _ClassVar[int]
    ACTUAL_VALUE_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_VALUE_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    component: Component
    factor: str
    actual: str
    required: str
    points_lost: str
    regulatory_text: str
    actual_value: _values_pb2.InputValue
    required_value: _values_pb2.InputValue
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ..., component: _Optional[_Union[Component, str]] = ..., factor: _Optional[str] = ..., actual: _Optional[str] = ..., required: _Optional[str] = ..., points_lost: _Optional[str] = ..., regulatory_text: _Optional[str] = ..., actual_value: _Optional[_Union[_values_pb2.InputValue, _Mapping]] = ..., required_value: _Optional[_Union[_values_pb2.InputValue, _Mapping]] = ...) -> None: ...

class DataRequest(_message.Message):
    __slots__ = ("factor", "cause", "help")
    FACTOR_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    HELP_FIELD_NUMBER: _ClassVar[int]
    factor: str
    cause: _values_pb2.MissingCause
    help: str
    def __init__(self, factor: _Optional[str] = ..., cause: _Optional[_Union[_values_pb2.MissingCause, _Mapping]] = ..., help: _Optional[str] = ...) -> None: ...

class Score(_message.Message):
    __slots__ = ("scorecard", "score", "best_score", "band")
    SCORECARD_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    BEST_SCORE_FIELD_NUMBER: _ClassVar[int]
    BAND_FIELD_NUMBER: _ClassVar[int]
    scorecard: str
    score: str
    best_score: str
    band: str
    def __init__(self, scorecard: _Optional[str] = ..., score: _Optional[str] = ..., best_score: _Optional[str] = ..., band: _Optional[str] = ...) -> None: ...

class Offer(_message.Message):
    __slots__ = ("kind", "approved_amount", "max_amount", "term_months", "monthly_rate", "tier", "binding", "outputs", "term_binding", "late_penalty", "most_total_cost")
    class OutputsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _values_pb2.InputValue
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_values_pb2.InputValue, _Mapping]] = ...) -> None: ...
    KIND_FIELD_NUMBER: _ClassVar[int]
    APPROVED_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    MAX_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    TERM_MONTHS_FIELD_NUMBER: _ClassVar[int]
    MONTHLY_RATE_FIELD_NUMBER: _ClassVar[int]
    TIER_FIELD_NUMBER: _ClassVar[int]
    BINDING_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    TERM_BINDING_FIELD_NUMBER: _ClassVar[int]
    LATE_PENALTY_FIELD_NUMBER: _ClassVar[int]
    MOST_TOTAL_COST_FIELD_NUMBER: _ClassVar[int]
    kind: OfferKind
    approved_amount: _money_pb2.Money
    max_amount: _money_pb2.Money
    term_months: int
    monthly_rate: str
    tier: str
    binding: str
    outputs: _containers.MessageMap[str, _values_pb2.InputValue]
    term_binding: str
    late_penalty: str
    most_total_cost: _money_pb2.Money
    def __init__(self, kind: _Optional[_Union[OfferKind, str]] = ..., approved_amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., max_amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., term_months: _Optional[int] = ..., monthly_rate: _Optional[str] = ..., tier: _Optional[str] = ..., binding: _Optional[str] = ..., outputs: _Optional[_Mapping[str, _values_pb2.InputValue]] = ..., term_binding: _Optional[str] = ..., late_penalty: _Optional[str] = ..., most_total_cost: _Optional[_Union[_money_pb2.Money, _Mapping]] = ...) -> None: ...

class Condition(_message.Message):
    __slots__ = ("id", "text")
    ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    id: str
    text: str
    def __init__(self, id: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class RulesetRef(_message.Message):
    __slots__ = ("ruleset", "version", "digest")
    RULESET_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    ruleset: str
    version: int
    digest: str
    def __init__(self, ruleset: _Optional[str] = ..., version: _Optional[int] = ..., digest: _Optional[str] = ...) -> None: ...

class Assignment(_message.Message):
    __slots__ = ("rollout", "enrolment_reason", "enrolment_slot", "arm", "arm_reason", "arm_slot", "plan_digest", "stage")
    ROLLOUT_FIELD_NUMBER: _ClassVar[int]
    ENROLMENT_REASON_FIELD_NUMBER: _ClassVar[int]
    ENROLMENT_SLOT_FIELD_NUMBER: _ClassVar[int]
    ARM_FIELD_NUMBER: _ClassVar[int]
    ARM_REASON_FIELD_NUMBER: _ClassVar[int]
    ARM_SLOT_FIELD_NUMBER: _ClassVar[int]
    PLAN_DIGEST_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    rollout: str
    enrolment_reason: str
    enrolment_slot: int
    arm: str
    arm_reason: str
    arm_slot: int
    plan_digest: str
    stage: str
    def __init__(self, rollout: _Optional[str] = ..., enrolment_reason: _Optional[str] = ..., enrolment_slot: _Optional[int] = ..., arm: _Optional[str] = ..., arm_reason: _Optional[str] = ..., arm_slot: _Optional[int] = ..., plan_digest: _Optional[str] = ..., stage: _Optional[str] = ...) -> None: ...

class DataQuality(_message.Message):
    __slots__ = ("snapshot_id", "fetched_time", "accounts", "kinds", "upstream_calls")
    SNAPSHOT_ID_FIELD_NUMBER: _ClassVar[int]
    FETCHED_TIME_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_CALLS_FIELD_NUMBER: _ClassVar[int]
    snapshot_id: str
    fetched_time: _timestamp_pb2.Timestamp
    accounts: _containers.RepeatedCompositeFieldContainer[AccountUse]
    kinds: _containers.RepeatedCompositeFieldContainer[KindQuality]
    upstream_calls: int
    def __init__(self, snapshot_id: _Optional[str] = ..., fetched_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., accounts: _Optional[_Iterable[_Union[AccountUse, _Mapping]]] = ..., kinds: _Optional[_Iterable[_Union[KindQuality, _Mapping]]] = ..., upstream_calls: _Optional[int] = ...) -> None: ...

class AccountUse(_message.Message):
    __slots__ = ("account_id", "provider_id", "status", "sync_time", "used", "error_code")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    SYNC_TIME_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    provider_id: str
    status: str
    sync_time: _timestamp_pb2.Timestamp
    used: bool
    error_code: str
    def __init__(self, account_id: _Optional[str] = ..., provider_id: _Optional[str] = ..., status: _Optional[str] = ..., sync_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., used: _Optional[bool] = ..., error_code: _Optional[str] = ...) -> None: ...

class KindQuality(_message.Message):
    __slots__ = ("data_kind", "status")
    DATA_KIND_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    data_kind: str
    status: KindStatus
    def __init__(self, data_kind: _Optional[str] = ..., status: _Optional[_Union[KindStatus, str]] = ...) -> None: ...

class FactorValue(_message.Message):
    __slots__ = ("name", "value", "missing", "evidence")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: _values_pb2.InputValue
    missing: _containers.RepeatedCompositeFieldContainer[_values_pb2.MissingCause]
    evidence: Evidence
    def __init__(self, name: _Optional[str] = ..., value: _Optional[_Union[_values_pb2.InputValue, _Mapping]] = ..., missing: _Optional[_Iterable[_Union[_values_pb2.MissingCause, _Mapping]]] = ..., evidence: _Optional[_Union[Evidence, _Mapping]] = ...) -> None: ...

class Evidence(_message.Message):
    __slots__ = ("record_count", "first", "last", "horizon", "grade", "record_ids", "source_ids", "notes")
    RECORD_COUNT_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    HORIZON_FIELD_NUMBER: _ClassVar[int]
    GRADE_FIELD_NUMBER: _ClassVar[int]
    RECORD_IDS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_IDS_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    record_count: int
    first: str
    last: str
    horizon: str
    grade: str
    record_ids: _containers.RepeatedScalarFieldContainer[str]
    source_ids: _containers.RepeatedScalarFieldContainer[str]
    notes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, record_count: _Optional[int] = ..., first: _Optional[str] = ..., last: _Optional[str] = ..., horizon: _Optional[str] = ..., grade: _Optional[str] = ..., record_ids: _Optional[_Iterable[str]] = ..., source_ids: _Optional[_Iterable[str]] = ..., notes: _Optional[_Iterable[str]] = ...) -> None: ...

class RuleTrace(_message.Message):
    __slots__ = ("stage", "stage_outcome", "component", "rule", "truth", "effect", "reason", "comparisons", "note")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    STAGE_OUTCOME_FIELD_NUMBER: _ClassVar[int]
    COMPONENT_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    TRUTH_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    COMPARISONS_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    stage: str
    stage_outcome: Outcome
    component: Component
    rule: str
    truth: Truth
    effect: str
    reason: str
    comparisons: _containers.RepeatedCompositeFieldContainer[ComparisonTrace]
    note: str
    def __init__(self, stage: _Optional[str] = ..., stage_outcome: _Optional[_Union[Outcome, str]] = ..., component: _Optional[_Union[Component, str]] = ..., rule: _Optional[str] = ..., truth: _Optional[_Union[Truth, str]] = ..., effect: _Optional[str] = ..., reason: _Optional[str] = ..., comparisons: _Optional[_Iterable[_Union[ComparisonTrace, _Mapping]]] = ..., note: _Optional[str] = ...) -> None: ...

class ComparisonTrace(_message.Message):
    __slots__ = ("left", "operator", "right", "actual", "required", "truth")
    LEFT_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    RIGHT_FIELD_NUMBER: _ClassVar[int]
    ACTUAL_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_FIELD_NUMBER: _ClassVar[int]
    TRUTH_FIELD_NUMBER: _ClassVar[int]
    left: str
    operator: str
    right: str
    actual: str
    required: str
    truth: Truth
    def __init__(self, left: _Optional[str] = ..., operator: _Optional[str] = ..., right: _Optional[str] = ..., actual: _Optional[str] = ..., required: _Optional[str] = ..., truth: _Optional[_Union[Truth, str]] = ...) -> None: ...
