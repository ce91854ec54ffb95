import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.type import money_pb2 as _money_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LoanStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOAN_STATUS_UNSPECIFIED: _ClassVar[LoanStatus]
    LOAN_STATUS_BOOKED: _ClassVar[LoanStatus]
    LOAN_STATUS_NOT_TAKEN_UP: _ClassVar[LoanStatus]
    LOAN_STATUS_REPAID: _ClassVar[LoanStatus]
    LOAN_STATUS_CHARGED_OFF: _ClassVar[LoanStatus]

class OutcomeReceipt(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTCOME_RECEIPT_UNSPECIFIED: _ClassVar[OutcomeReceipt]
    OUTCOME_RECEIPT_RECORDED: _ClassVar[OutcomeReceipt]
    OUTCOME_RECEIPT_OLDER: _ClassVar[OutcomeReceipt]
    OUTCOME_RECEIPT_REPEATED: _ClassVar[OutcomeReceipt]
    OUTCOME_RECEIPT_CORRECTED: _ClassVar[OutcomeReceipt]
LOAN_STATUS_UNSPECIFIED: LoanStatus
LOAN_STATUS_BOOKED: LoanStatus
LOAN_STATUS_NOT_TAKEN_UP: LoanStatus
LOAN_STATUS_REPAID: LoanStatus
LOAN_STATUS_CHARGED_OFF: LoanStatus
OUTCOME_RECEIPT_UNSPECIFIED: OutcomeReceipt
OUTCOME_RECEIPT_RECORDED: OutcomeReceipt
OUTCOME_RECEIPT_OLDER: OutcomeReceipt
OUTCOME_RECEIPT_REPEATED: OutcomeReceipt
OUTCOME_RECEIPT_CORRECTED: OutcomeReceipt

class RecordOutcomeRequest(_message.Message):
    __slots__ = ("outcome",)
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    outcome: LoanOutcome
    def __init__(self, outcome: _Optional[_Union[LoanOutcome, _Mapping]] = ...) -> None: ...

class RecordOutcomeResponse(_message.Message):
    __slots__ = ("receipt", "newest_as_of_date", "overdrawn")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    NEWEST_AS_OF_DATE_FIELD_NUMBER: _ClassVar[int]
    OVERDRAWN_FIELD_NUMBER: _ClassVar[int]
    receipt: OutcomeReceipt
    newest_as_of_date: str
    overdrawn: Overdrawn
    def __init__(self, receipt: _Optional[_Union[OutcomeReceipt, str]] = ..., newest_as_of_date: _Optional[str] = ..., overdrawn: _Optional[_Union[Overdrawn, _Mapping]] = ...) -> None: ...

class ListOutcomesRequest(_message.Message):
    __slots__ = ("decision_id", "page_size", "page_token")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    page_size: int
    page_token: str
    def __init__(self, decision_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListOutcomesResponse(_message.Message):
    __slots__ = ("outcomes", "next_page_token", "overdrawn")
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    OVERDRAWN_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[RecordedOutcome]
    next_page_token: str
    overdrawn: Overdrawn
    def __init__(self, outcomes: _Optional[_Iterable[_Union[RecordedOutcome, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., overdrawn: _Optional[_Union[Overdrawn, _Mapping]] = ...) -> None: ...

class Overdrawn(_message.Message):
    __slots__ = ("paid_out_amount", "approved_amount")
    PAID_OUT_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    APPROVED_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    paid_out_amount: _money_pb2.Money
    approved_amount: _money_pb2.Money
    def __init__(self, paid_out_amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., approved_amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ...) -> None: ...

class RecordedOutcome(_message.Message):
    __slots__ = ("outcome", "report_time", "replaced")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REPORT_TIME_FIELD_NUMBER: _ClassVar[int]
    REPLACED_FIELD_NUMBER: _ClassVar[int]
    outcome: LoanOutcome
    report_time: _timestamp_pb2.Timestamp
    replaced: bool
    def __init__(self, outcome: _Optional[_Union[LoanOutcome, _Mapping]] = ..., report_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., replaced: _Optional[bool] = ...) -> None: ...

class LoanOutcome(_message.Message):
    __slots__ = ("decision_id", "loan_id", "as_of_date", "status", "disbursed_amount", "disburse_date", "instalment", "repaid_amount", "overdue_days", "correction", "replaces_loan_id")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    LOAN_ID_FIELD_NUMBER: _ClassVar[int]
    AS_OF_DATE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    DISBURSED_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    DISBURSE_DATE_FIELD_NUMBER: _ClassVar[int]
    INSTALMENT_FIELD_NUMBER: _ClassVar[int]
    REPAID_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    OVERDUE_DAYS_FIELD_NUMBER: _ClassVar[int]
    CORRECTION_FIELD_NUMBER: _ClassVar[int]
    REPLACES_LOAN_ID_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    loan_id: str
    as_of_date: str
    status: LoanStatus
    disbursed_amount: _money_pb2.Money
    disburse_date: str
    instalment: _money_pb2.Money
    repaid_amount: _money_pb2.Money
    overdue_days: int
    correction: bool
    replaces_loan_id: str
    def __init__(self, decision_id: _Optional[str] = ..., loan_id: _Optional[str] = ..., as_of_date: _Optional[str] = ..., status: _Optional[_Union[LoanStatus, str]] = ..., disbursed_amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., disburse_date: _Optional[str] = ..., instalment: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., repaid_amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., overdue_days: _Optional[int] = ..., correction: _Optional[bool] = ..., replaces_loan_id: _Optional[str] = ...) -> None: ...
