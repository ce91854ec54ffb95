import datetime

from decision_service.api.v1 import decision_pb2 as _decision_pb2
from decision_service.api.v1 import notice_service_pb2 as _notice_service_pb2
from decision_service.api.v1 import values_pb2 as _values_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.type import money_pb2 as _money_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreateDecisionRequest(_message.Message):
    __slots__ = ("request_id", "user_id", "product", "application_id", "customer_ref", "requested_amount", "requested_term_months", "inputs", "wait_timeout", "view", "applicant")
    class InputsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _values_pb2.InputValue
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_values_pb2.InputValue, _Mapping]] = ...) -> None: ...
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    APPLICATION_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_REF_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_TERM_MONTHS_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    WAIT_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    APPLICANT_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    user_id: str
    product: str
    application_id: str
    customer_ref: str
    requested_amount: _money_pb2.Money
    requested_term_months: int
    inputs: _containers.MessageMap[str, _values_pb2.InputValue]
    wait_timeout: _duration_pb2.Duration
    view: _decision_pb2.DecisionView
    applicant: ApplicantDetails
    def __init__(self, request_id: _Optional[str] = ..., user_id: _Optional[str] = ..., product: _Optional[str] = ..., application_id: _Optional[str] = ..., customer_ref: _Optional[str] = ..., requested_amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., requested_term_months: _Optional[int] = ..., inputs: _Optional[_Mapping[str, _values_pb2.InputValue]] = ..., wait_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., view: _Optional[_Union[_decision_pb2.DecisionView, str]] = ..., applicant: _Optional[_Union[ApplicantDetails, _Mapping]] = ...) -> None: ...

class ApplicantDetails(_message.Message):
    __slots__ = ("name", "birth_date", "phone", "email")
    NAME_FIELD_NUMBER: _ClassVar[int]
    BIRTH_DATE_FIELD_NUMBER: _ClassVar[int]
    PHONE_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    name: str
    birth_date: str
    phone: str
    email: str
    def __init__(self, name: _Optional[str] = ..., birth_date: _Optional[str] = ..., phone: _Optional[str] = ..., email: _Optional[str] = ...) -> None: ...

class CreateDecisionResponse(_message.Message):
    __slots__ = ("decision",)
    DECISION_FIELD_NUMBER: _ClassVar[int]
    decision: _decision_pb2.Decision
    def __init__(self, decision: _Optional[_Union[_decision_pb2.Decision, _Mapping]] = ...) -> None: ...

class GetDecisionRequest(_message.Message):
    __slots__ = ("decision_id", "view", "without_recourse", "with_notices")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_RECOURSE_FIELD_NUMBER: _ClassVar[int]
    WITH_NOTICES_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    view: _decision_pb2.DecisionView
    without_recourse: bool
    with_notices: bool
    def __init__(self, decision_id: _Optional[str] = ..., view: _Optional[_Union[_decision_pb2.DecisionView, str]] = ..., without_recourse: _Optional[bool] = ..., with_notices: _Optional[bool] = ...) -> None: ...

class GetDecisionResponse(_message.Message):
    __slots__ = ("decision", "notices")
    DECISION_FIELD_NUMBER: _ClassVar[int]
    NOTICES_FIELD_NUMBER: _ClassVar[int]
    decision: _decision_pb2.Decision
    notices: _containers.RepeatedCompositeFieldContainer[_notice_service_pb2.Notice]
    def __init__(self, decision: _Optional[_Union[_decision_pb2.Decision, _Mapping]] = ..., notices: _Optional[_Iterable[_Union[_notice_service_pb2.Notice, _Mapping]]] = ...) -> None: ...

class ListDecisionsRequest(_message.Message):
    __slots__ = ("user_id", "application_id", "customer_ref", "product", "outcome", "create_time_from", "create_time_before", "page_size", "page_token", "unreported", "any_id", "reason", "version", "arm", "decided_again", "by_person", "outcome_in_force", "approved_amount_from", "approved_amount_to")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    APPLICATION_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_REF_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FROM_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_BEFORE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    UNREPORTED_FIELD_NUMBER: _ClassVar[int]
    ANY_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ARM_FIELD_NUMBER: _ClassVar[int]
    DECIDED_AGAIN_FIELD_NUMBER: _ClassVar[int]
    BY_PERSON_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_IN_FORCE_FIELD_NUMBER: _ClassVar[int]
    APPROVED_AMOUNT_FROM_FIELD_NUMBER: _ClassVar[int]
    APPROVED_AMOUNT_TO_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    application_id: str
    customer_ref: str
    product: str
    outcome: _decision_pb2.Outcome
    create_time_from: _timestamp_pb2.Timestamp
    create_time_before: _timestamp_pb2.Timestamp
    page_size: int
    page_token: str
    unreported: bool
    any_id: str
    reason: str
    version: int
    arm: str
    decided_again: bool
    by_person: bool
    outcome_in_force: _decision_pb2.Outcome
    approved_amount_from: _money_pb2.Money
    approved_amount_to: _money_pb2.Money
    def __init__(self, user_id: _Optional[str] = ..., application_id: _Optional[str] = ..., customer_ref: _Optional[str] = ..., product: _Optional[str] = ..., outcome: _Optional[_Union[_decision_pb2.Outcome, str]] = ..., create_time_from: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., create_time_before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., unreported: _Optional[bool] = ..., any_id: _Optional[str] = ..., reason: _Optional[str] = ..., version: _Optional[int] = ..., arm: _Optional[str] = ..., decided_again: _Optional[bool] = ..., by_person: _Optional[bool] = ..., outcome_in_force: _Optional[_Union[_decision_pb2.Outcome, str]] = ..., approved_amount_from: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., approved_amount_to: _Optional[_Union[_money_pb2.Money, _Mapping]] = ...) -> None: ...

class ListDecisionsResponse(_message.Message):
    __slots__ = ("decisions", "next_page_token")
    DECISIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    decisions: _containers.RepeatedCompositeFieldContainer[_decision_pb2.Decision]
    next_page_token: str
    def __init__(self, decisions: _Optional[_Iterable[_Union[_decision_pb2.Decision, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ReplayDecisionRequest(_message.Message):
    __slots__ = ("decision_id", "ruleset_ref", "view", "inputs", "requested_amount", "requested_term_months")
    class InputsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _values_pb2.InputValue
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_values_pb2.InputValue, _Mapping]] = ...) -> None: ...
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    RULESET_REF_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_TERM_MONTHS_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    ruleset_ref: _decision_pb2.RulesetRef
    view: _decision_pb2.DecisionView
    inputs: _containers.MessageMap[str, _values_pb2.InputValue]
    requested_amount: _money_pb2.Money
    requested_term_months: int
    def __init__(self, decision_id: _Optional[str] = ..., ruleset_ref: _Optional[_Union[_decision_pb2.RulesetRef, _Mapping]] = ..., view: _Optional[_Union[_decision_pb2.DecisionView, str]] = ..., inputs: _Optional[_Mapping[str, _values_pb2.InputValue]] = ..., requested_amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., requested_term_months: _Optional[int] = ...) -> None: ...

class ReplayDecisionResponse(_message.Message):
    __slots__ = ("decision", "differing_fields", "decided_by_engine_version", "changed_fields")
    DECISION_FIELD_NUMBER: _ClassVar[int]
    DIFFERING_FIELDS_FIELD_NUMBER: _ClassVar[int]
    DECIDED_BY_ENGINE_VERSION_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELDS_FIELD_NUMBER: _ClassVar[int]
    decision: _decision_pb2.Decision
    differing_fields: _containers.RepeatedScalarFieldContainer[str]
    decided_by_engine_version: str
    changed_fields: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, decision: _Optional[_Union[_decision_pb2.Decision, _Mapping]] = ..., differing_fields: _Optional[_Iterable[str]] = ..., decided_by_engine_version: _Optional[str] = ..., changed_fields: _Optional[_Iterable[str]] = ...) -> None: ...
