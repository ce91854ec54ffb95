import datetime

from decision_service.api.v1 import decision_pb2 as _decision_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.type import money_pb2 as _money_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ReviewOrigin(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REVIEW_ORIGIN_UNSPECIFIED: _ClassVar[ReviewOrigin]
    REVIEW_ORIGIN_REFERRED: _ClassVar[ReviewOrigin]
    REVIEW_ORIGIN_CONTESTED: _ClassVar[ReviewOrigin]
REVIEW_ORIGIN_UNSPECIFIED: ReviewOrigin
REVIEW_ORIGIN_REFERRED: ReviewOrigin
REVIEW_ORIGIN_CONTESTED: ReviewOrigin

class GetReviewPersonRequest(_message.Message):
    __slots__ = ("review_id", "reason", "month")
    REVIEW_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MONTH_FIELD_NUMBER: _ClassVar[int]
    review_id: str
    reason: str
    month: str
    def __init__(self, review_id: _Optional[str] = ..., reason: _Optional[str] = ..., month: _Optional[str] = ...) -> None: ...

class GetReviewPersonResponse(_message.Message):
    __slots__ = ("person",)
    PERSON_FIELD_NUMBER: _ClassVar[int]
    person: ReviewPerson
    def __init__(self, person: _Optional[_Union[ReviewPerson, _Mapping]] = ...) -> None: ...

class ReviewPerson(_message.Message):
    __slots__ = ("decision_id", "user_id", "application_id", "customer_ref", "name_match", "birth_date_match", "without_data", "fetched_time", "names", "employers", "accounts", "income_months", "records", "records_left_out")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    APPLICATION_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_REF_FIELD_NUMBER: _ClassVar[int]
    NAME_MATCH_FIELD_NUMBER: _ClassVar[int]
    BIRTH_DATE_MATCH_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_DATA_FIELD_NUMBER: _ClassVar[int]
    FETCHED_TIME_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    EMPLOYERS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    INCOME_MONTHS_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    RECORDS_LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    user_id: str
    application_id: str
    customer_ref: str
    name_match: str
    birth_date_match: str
    without_data: bool
    fetched_time: _timestamp_pb2.Timestamp
    names: _containers.RepeatedCompositeFieldContainer[PersonName]
    employers: _containers.RepeatedCompositeFieldContainer[PersonEmployer]
    accounts: _containers.RepeatedCompositeFieldContainer[PersonAccount]
    income_months: _containers.RepeatedCompositeFieldContainer[_decision_pb2.IncomeMonth]
    records: _containers.RepeatedCompositeFieldContainer[PersonRecord]
    records_left_out: int
    def __init__(self, decision_id: _Optional[str] = ..., user_id: _Optional[str] = ..., application_id: _Optional[str] = ..., customer_ref: _Optional[str] = ..., name_match: _Optional[str] = ..., birth_date_match: _Optional[str] = ..., without_data: _Optional[bool] = ..., fetched_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., names: _Optional[_Iterable[_Union[PersonName, _Mapping]]] = ..., employers: _Optional[_Iterable[_Union[PersonEmployer, _Mapping]]] = ..., accounts: _Optional[_Iterable[_Union[PersonAccount, _Mapping]]] = ..., income_months: _Optional[_Iterable[_Union[_decision_pb2.IncomeMonth, _Mapping]]] = ..., records: _Optional[_Iterable[_Union[PersonRecord, _Mapping]]] = ..., records_left_out: _Optional[int] = ...) -> None: ...

class PersonName(_message.Message):
    __slots__ = ("name", "provider_id", "provider_name")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_ID_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    provider_id: str
    provider_name: str
    def __init__(self, name: _Optional[str] = ..., provider_id: _Optional[str] = ..., provider_name: _Optional[str] = ...) -> None: ...

class PersonEmployer(_message.Message):
    __slots__ = ("employer", "provider_id", "provider_name", "status", "start_date", "end_date")
    EMPLOYER_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_ID_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_NAME_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    employer: str
    provider_id: str
    provider_name: str
    status: str
    start_date: str
    end_date: str
    def __init__(self, employer: _Optional[str] = ..., provider_id: _Optional[str] = ..., provider_name: _Optional[str] = ..., status: _Optional[str] = ..., start_date: _Optional[str] = ..., end_date: _Optional[str] = ...) -> None: ...

class PersonAccount(_message.Message):
    __slots__ = ("account_id", "provider_id", "provider_name", "status", "error_code", "create_time", "sync_time", "used")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_ID_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_NAME_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    SYNC_TIME_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    provider_id: str
    provider_name: str
    status: str
    error_code: str
    create_time: _timestamp_pb2.Timestamp
    sync_time: _timestamp_pb2.Timestamp
    used: bool
    def __init__(self, account_id: _Optional[str] = ..., provider_id: _Optional[str] = ..., provider_name: _Optional[str] = ..., status: _Optional[str] = ..., error_code: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., sync_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., used: _Optional[bool] = ...) -> None: ...

class PersonRecord(_message.Message):
    __slots__ = ("data_kind", "record_id", "provider_id", "provider_name", "employer", "start_date", "end_date", "pay_date", "frequency", "description", "amount", "base", "gross", "net")
    DATA_KIND_FIELD_NUMBER: _ClassVar[int]
    RECORD_ID_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_ID_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_NAME_FIELD_NUMBER: _ClassVar[int]
    EMPLOYER_FIELD_NUMBER: _ClassVar[int]
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    PAY_DATE_FIELD_NUMBER: _ClassVar[int]
    FREQUENCY_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    GROSS_FIELD_NUMBER: _ClassVar[int]
    NET_FIELD_NUMBER: _ClassVar[int]
    data_kind: str
    record_id: str
    provider_id: str
    provider_name: str
    employer: str
    start_date: str
    end_date: str
    pay_date: str
    frequency: str
    description: str
    amount: _money_pb2.Money
    base: _money_pb2.Money
    gross: _money_pb2.Money
    net: _money_pb2.Money
    def __init__(self, data_kind: _Optional[str] = ..., record_id: _Optional[str] = ..., provider_id: _Optional[str] = ..., provider_name: _Optional[str] = ..., employer: _Optional[str] = ..., start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., pay_date: _Optional[str] = ..., frequency: _Optional[str] = ..., description: _Optional[str] = ..., amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., base: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., gross: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., net: _Optional[_Union[_money_pb2.Money, _Mapping]] = ...) -> None: ...

class WithdrawReviewRequest(_message.Message):
    __slots__ = ("review_id", "request_id", "text")
    REVIEW_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    review_id: str
    request_id: str
    text: str
    def __init__(self, review_id: _Optional[str] = ..., request_id: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class WithdrawReviewResponse(_message.Message):
    __slots__ = ("review",)
    REVIEW_FIELD_NUMBER: _ClassVar[int]
    review: Review
    def __init__(self, review: _Optional[_Union[Review, _Mapping]] = ...) -> None: ...

class TakeOverReviewRequest(_message.Message):
    __slots__ = ("review_id", "text")
    REVIEW_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    review_id: str
    text: str
    def __init__(self, review_id: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class TakeOverReviewResponse(_message.Message):
    __slots__ = ("review",)
    REVIEW_FIELD_NUMBER: _ClassVar[int]
    review: Review
    def __init__(self, review: _Optional[_Union[Review, _Mapping]] = ...) -> None: ...

class ClaimNextReviewRequest(_message.Message):
    __slots__ = ("product", "queue")
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    product: str
    queue: str
    def __init__(self, product: _Optional[str] = ..., queue: _Optional[str] = ...) -> None: ...

class ClaimNextReviewResponse(_message.Message):
    __slots__ = ("review",)
    REVIEW_FIELD_NUMBER: _ClassVar[int]
    review: Review
    def __init__(self, review: _Optional[_Union[Review, _Mapping]] = ...) -> None: ...

class SkipReviewRequest(_message.Message):
    __slots__ = ("review_id", "text")
    REVIEW_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    review_id: str
    text: str
    def __init__(self, review_id: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class SkipReviewResponse(_message.Message):
    __slots__ = ("review",)
    REVIEW_FIELD_NUMBER: _ClassVar[int]
    review: Review
    def __init__(self, review: _Optional[_Union[Review, _Mapping]] = ...) -> None: ...

class GetDeskRequest(_message.Message):
    __slots__ = ("product",)
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    product: str
    def __init__(self, product: _Optional[str] = ...) -> None: ...

class GetDeskResponse(_message.Message):
    __slots__ = ("desks",)
    DESKS_FIELD_NUMBER: _ClassVar[int]
    desks: _containers.RepeatedCompositeFieldContainer[Desk]
    def __init__(self, desks: _Optional[_Iterable[_Union[Desk, _Mapping]]] = ...) -> None: ...

class Desk(_message.Message):
    __slots__ = ("product", "queues", "reasons", "authority", "authority_second", "withdraw_within")
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    QUEUES_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    AUTHORITY_FIELD_NUMBER: _ClassVar[int]
    AUTHORITY_SECOND_FIELD_NUMBER: _ClassVar[int]
    WITHDRAW_WITHIN_FIELD_NUMBER: _ClassVar[int]
    product: str
    queues: _containers.RepeatedCompositeFieldContainer[DeskQueue]
    reasons: _containers.RepeatedCompositeFieldContainer[DeskReason]
    authority: _money_pb2.Money
    authority_second: _money_pb2.Money
    withdraw_within: _duration_pb2.Duration
    def __init__(self, product: _Optional[str] = ..., queues: _Optional[_Iterable[_Union[DeskQueue, _Mapping]]] = ..., reasons: _Optional[_Iterable[_Union[DeskReason, _Mapping]]] = ..., authority: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., authority_second: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., withdraw_within: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class DeskQueue(_message.Message):
    __slots__ = ("queue", "due_within", "unfinished", "overdue", "oldest_open_time")
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    DUE_WITHIN_FIELD_NUMBER: _ClassVar[int]
    UNFINISHED_FIELD_NUMBER: _ClassVar[int]
    OVERDUE_FIELD_NUMBER: _ClassVar[int]
    OLDEST_OPEN_TIME_FIELD_NUMBER: _ClassVar[int]
    queue: str
    due_within: _duration_pb2.Duration
    unfinished: int
    overdue: int
    oldest_open_time: _timestamp_pb2.Timestamp
    def __init__(self, queue: _Optional[str] = ..., due_within: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., unfinished: _Optional[int] = ..., overdue: _Optional[int] = ..., oldest_open_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class DeskReason(_message.Message):
    __slots__ = ("code", "text", "may_be_told", "outcome", "overtaken")
    CODE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    MAY_BE_TOLD_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    OVERTAKEN_FIELD_NUMBER: _ClassVar[int]
    code: str
    text: str
    may_be_told: bool
    outcome: _decision_pb2.Outcome
    overtaken: bool
    def __init__(self, code: _Optional[str] = ..., text: _Optional[str] = ..., may_be_told: _Optional[bool] = ..., outcome: _Optional[_Union[_decision_pb2.Outcome, str]] = ..., overtaken: _Optional[bool] = ...) -> None: ...

class ListReviewsRequest(_message.Message):
    __slots__ = ("product", "queue", "kind", "tag", "state", "decision_id", "unfinished", "overdue", "open_time_before", "page_size", "page_token", "one_a_person")
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    UNFINISHED_FIELD_NUMBER: _ClassVar[int]
    OVERDUE_FIELD_NUMBER: _ClassVar[int]
    OPEN_TIME_BEFORE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ONE_A_PERSON_FIELD_NUMBER: _ClassVar[int]
    product: str
    queue: str
    kind: _decision_pb2.ReferKind
    tag: str
    state: _decision_pb2.ReviewState
    decision_id: str
    unfinished: bool
    overdue: bool
    open_time_before: _timestamp_pb2.Timestamp
    page_size: int
    page_token: str
    one_a_person: bool
    def __init__(self, product: _Optional[str] = ..., queue: _Optional[str] = ..., kind: _Optional[_Union[_decision_pb2.ReferKind, str]] = ..., tag: _Optional[str] = ..., state: _Optional[_Union[_decision_pb2.ReviewState, str]] = ..., decision_id: _Optional[str] = ..., unfinished: _Optional[bool] = ..., overdue: _Optional[bool] = ..., open_time_before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., one_a_person: _Optional[bool] = ...) -> None: ...

class ListReviewsResponse(_message.Message):
    __slots__ = ("reviews", "next_page_token")
    REVIEWS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    reviews: _containers.RepeatedCompositeFieldContainer[Review]
    next_page_token: str
    def __init__(self, reviews: _Optional[_Iterable[_Union[Review, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetReviewRequest(_message.Message):
    __slots__ = ("review_id", "page_size", "page_token")
    REVIEW_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    review_id: str
    page_size: int
    page_token: str
    def __init__(self, review_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class GetReviewResponse(_message.Message):
    __slots__ = ("review", "next_page_token")
    REVIEW_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    review: Review
    next_page_token: str
    def __init__(self, review: _Optional[_Union[Review, _Mapping]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ClaimReviewRequest(_message.Message):
    __slots__ = ("review_id", "hold_until_time")
    REVIEW_ID_FIELD_NUMBER: _ClassVar[int]
    HOLD_UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    review_id: str
    hold_until_time: _timestamp_pb2.Timestamp
    def __init__(self, review_id: _Optional[str] = ..., hold_until_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ClaimReviewResponse(_message.Message):
    __slots__ = ("review",)
    REVIEW_FIELD_NUMBER: _ClassVar[int]
    review: Review
    def __init__(self, review: _Optional[_Union[Review, _Mapping]] = ...) -> None: ...

class ReleaseReviewRequest(_message.Message):
    __slots__ = ("review_id", "hand_to", "queue")
    REVIEW_ID_FIELD_NUMBER: _ClassVar[int]
    HAND_TO_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    review_id: str
    hand_to: str
    queue: str
    def __init__(self, review_id: _Optional[str] = ..., hand_to: _Optional[str] = ..., queue: _Optional[str] = ...) -> None: ...

class ReleaseReviewResponse(_message.Message):
    __slots__ = ("review",)
    REVIEW_FIELD_NUMBER: _ClassVar[int]
    review: Review
    def __init__(self, review: _Optional[_Union[Review, _Mapping]] = ...) -> None: ...

class AddReviewNoteRequest(_message.Message):
    __slots__ = ("review_id", "request_id", "text")
    REVIEW_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    review_id: str
    request_id: str
    text: str
    def __init__(self, review_id: _Optional[str] = ..., request_id: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class AddReviewNoteResponse(_message.Message):
    __slots__ = ("review",)
    REVIEW_FIELD_NUMBER: _ClassVar[int]
    review: Review
    def __init__(self, review: _Optional[_Union[Review, _Mapping]] = ...) -> None: ...

class RequestReviewDataRequest(_message.Message):
    __slots__ = ("review_id", "request_id", "data_kinds", "text")
    REVIEW_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    DATA_KINDS_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    review_id: str
    request_id: str
    data_kinds: _containers.RepeatedScalarFieldContainer[str]
    text: str
    def __init__(self, review_id: _Optional[str] = ..., request_id: _Optional[str] = ..., data_kinds: _Optional[_Iterable[str]] = ..., text: _Optional[str] = ...) -> None: ...

class RequestReviewDataResponse(_message.Message):
    __slots__ = ("review",)
    REVIEW_FIELD_NUMBER: _ClassVar[int]
    review: Review
    def __init__(self, review: _Optional[_Union[Review, _Mapping]] = ...) -> None: ...

class DecideAgainRequest(_message.Message):
    __slots__ = ("review_id",)
    REVIEW_ID_FIELD_NUMBER: _ClassVar[int]
    review_id: str
    def __init__(self, review_id: _Optional[str] = ...) -> None: ...

class DecideAgainResponse(_message.Message):
    __slots__ = ("review",)
    REVIEW_FIELD_NUMBER: _ClassVar[int]
    review: Review
    def __init__(self, review: _Optional[_Union[Review, _Mapping]] = ...) -> None: ...

class CompleteReviewRequest(_message.Message):
    __slots__ = ("review_id", "request_id", "outcome", "approved_amount", "reason", "explanation", "dry_run")
    REVIEW_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    APPROVED_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    review_id: str
    request_id: str
    outcome: _decision_pb2.Outcome
    approved_amount: _money_pb2.Money
    reason: str
    explanation: str
    dry_run: bool
    def __init__(self, review_id: _Optional[str] = ..., request_id: _Optional[str] = ..., outcome: _Optional[_Union[_decision_pb2.Outcome, str]] = ..., approved_amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., reason: _Optional[str] = ..., explanation: _Optional[str] = ..., dry_run: _Optional[bool] = ...) -> None: ...

class CompleteReviewResponse(_message.Message):
    __slots__ = ("review",)
    REVIEW_FIELD_NUMBER: _ClassVar[int]
    review: Review
    def __init__(self, review: _Optional[_Union[Review, _Mapping]] = ...) -> None: ...

class ConfirmReviewRequest(_message.Message):
    __slots__ = ("review_id", "request_id", "reject", "text", "etag")
    REVIEW_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    REJECT_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    review_id: str
    request_id: str
    reject: bool
    text: str
    etag: str
    def __init__(self, review_id: _Optional[str] = ..., request_id: _Optional[str] = ..., reject: _Optional[bool] = ..., text: _Optional[str] = ..., etag: _Optional[str] = ...) -> None: ...

class ConfirmReviewResponse(_message.Message):
    __slots__ = ("review",)
    REVIEW_FIELD_NUMBER: _ClassVar[int]
    review: Review
    def __init__(self, review: _Optional[_Union[Review, _Mapping]] = ...) -> None: ...

class RequestReviewRequest(_message.Message):
    __slots__ = ("decision_id", "request_id", "text")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    request_id: str
    text: str
    def __init__(self, decision_id: _Optional[str] = ..., request_id: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class RequestReviewResponse(_message.Message):
    __slots__ = ("review",)
    REVIEW_FIELD_NUMBER: _ClassVar[int]
    review: Review
    def __init__(self, review: _Optional[_Union[Review, _Mapping]] = ...) -> None: ...

class Review(_message.Message):
    __slots__ = ("review_id", "decision_id", "product", "origin", "decided_outcome", "kind", "tags", "queue", "requested_amount", "open_time", "due_time", "overdue", "state", "claimed_by", "claim_end_time", "awaited_kinds", "result", "completed_by", "confirmed_by", "end_time", "end_reason", "decided_again_as", "events", "etag", "term_months", "instalment", "failed_checks", "skipped_by", "second_reasons", "offered_amount", "own_application", "final_time", "other_reviews")
    REVIEW_ID_FIELD_NUMBER: _ClassVar[int]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    DECIDED_OUTCOME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    OPEN_TIME_FIELD_NUMBER: _ClassVar[int]
    DUE_TIME_FIELD_NUMBER: _ClassVar[int]
    OVERDUE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CLAIMED_BY_FIELD_NUMBER: _ClassVar[int]
    CLAIM_END_TIME_FIELD_NUMBER: _ClassVar[int]
    AWAITED_KINDS_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_BY_FIELD_NUMBER: _ClassVar[int]
    CONFIRMED_BY_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    END_REASON_FIELD_NUMBER: _ClassVar[int]
    DECIDED_AGAIN_AS_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    TERM_MONTHS_FIELD_NUMBER: _ClassVar[int]
    INSTALMENT_FIELD_NUMBER: _ClassVar[int]
    FAILED_CHECKS_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_BY_FIELD_NUMBER: _ClassVar[int]
    SECOND_REASONS_FIELD_NUMBER: _ClassVar[int]
    OFFERED_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    OWN_APPLICATION_FIELD_NUMBER: _ClassVar[int]
    FINAL_TIME_FIELD_NUMBER: _ClassVar[int]
    OTHER_REVIEWS_FIELD_NUMBER: _ClassVar[int]
    review_id: str
    decision_id: str
    product: str
    origin: ReviewOrigin
    decided_outcome: _decision_pb2.Outcome
    kind: _decision_pb2.ReferKind
    tags: _containers.RepeatedScalarFieldContainer[str]
    queue: str
    requested_amount: _money_pb2.Money
    open_time: _timestamp_pb2.Timestamp
    due_time: _timestamp_pb2.Timestamp
    overdue: bool
    state: _decision_pb2.ReviewState
    claimed_by: str
    claim_end_time: _timestamp_pb2.Timestamp
    awaited_kinds: _containers.RepeatedScalarFieldContainer[str]
    result: ReviewResult
    completed_by: str
    confirmed_by: str
    end_time: _timestamp_pb2.Timestamp
    end_reason: str
    decided_again_as: str
    events: _containers.RepeatedCompositeFieldContainer[ReviewEvent]
    etag: str
    term_months: int
    instalment: _money_pb2.Money
    failed_checks: _containers.RepeatedScalarFieldContainer[str]
    skipped_by: _containers.RepeatedScalarFieldContainer[str]
    second_reasons: _containers.RepeatedScalarFieldContainer[str]
    offered_amount: _money_pb2.Money
    own_application: bool
    final_time: _timestamp_pb2.Timestamp
    other_reviews: _containers.RepeatedCompositeFieldContainer[Review]
    def __init__(self, review_id: _Optional[str] = ..., decision_id: _Optional[str] = ..., product: _Optional[str] = ..., origin: _Optional[_Union[ReviewOrigin, str]] = ..., decided_outcome: _Optional[_Union[_decision_pb2.Outcome, str]] = ..., kind: _Optional[_Union[_decision_pb2.ReferKind, str]] = ..., tags: _Optional[_Iterable[str]] = ..., queue: _Optional[str] = ..., requested_amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., open_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., due_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., overdue: _Optional[bool] = ..., state: _Optional[_Union[_decision_pb2.ReviewState, str]] = ..., claimed_by: _Optional[str] = ..., claim_end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., awaited_kinds: _Optional[_Iterable[str]] = ..., result: _Optional[_Union[ReviewResult, _Mapping]] = ..., completed_by: _Optional[str] = ..., confirmed_by: _Optional[str] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_reason: _Optional[str] = ..., decided_again_as: _Optional[str] = ..., events: _Optional[_Iterable[_Union[ReviewEvent, _Mapping]]] = ..., etag: _Optional[str] = ..., term_months: _Optional[int] = ..., instalment: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., failed_checks: _Optional[_Iterable[str]] = ..., skipped_by: _Optional[_Iterable[str]] = ..., second_reasons: _Optional[_Iterable[str]] = ..., offered_amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., own_application: _Optional[bool] = ..., final_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., other_reviews: _Optional[_Iterable[_Union[Review, _Mapping]]] = ...) -> None: ...

class ReviewResult(_message.Message):
    __slots__ = ("outcome", "approved_amount", "reason", "explanation")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    APPROVED_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    outcome: _decision_pb2.Outcome
    approved_amount: _money_pb2.Money
    reason: str
    explanation: str
    def __init__(self, outcome: _Optional[_Union[_decision_pb2.Outcome, str]] = ..., approved_amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., reason: _Optional[str] = ..., explanation: _Optional[str] = ...) -> None: ...

class ReviewEvent(_message.Message):
    __slots__ = ("position", "event_time", "who", "action", "text", "data_kinds", "result", "decision_id")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    EVENT_TIME_FIELD_NUMBER: _ClassVar[int]
    WHO_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    DATA_KINDS_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    position: int
    event_time: _timestamp_pb2.Timestamp
    who: str
    action: str
    text: str
    data_kinds: _containers.RepeatedScalarFieldContainer[str]
    result: ReviewResult
    decision_id: str
    def __init__(self, position: _Optional[int] = ..., event_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., who: _Optional[str] = ..., action: _Optional[str] = ..., text: _Optional[str] = ..., data_kinds: _Optional[_Iterable[str]] = ..., result: _Optional[_Union[ReviewResult, _Mapping]] = ..., decision_id: _Optional[str] = ...) -> None: ...
