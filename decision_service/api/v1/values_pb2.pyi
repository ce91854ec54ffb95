from google.type import money_pb2 as _money_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class InputValue(_message.Message):
    __slots__ = ("number", "text", "flag", "money", "date", "observed_on", "consent_reference")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    FLAG_FIELD_NUMBER: _ClassVar[int]
    MONEY_FIELD_NUMBER: _ClassVar[int]
    DATE_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_ON_FIELD_NUMBER: _ClassVar[int]
    CONSENT_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    number: str
    text: str
    flag: bool
    money: _money_pb2.Money
    date: str
    observed_on: str
    consent_reference: str
    def __init__(self, number: _Optional[str] = ..., text: _Optional[str] = ..., flag: _Optional[bool] = ..., money: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., date: _Optional[str] = ..., observed_on: _Optional[str] = ..., consent_reference: _Optional[str] = ...) -> None: ...

class MissingCause(_message.Message):
    __slots__ = ("cause", "tainted", "reason", "data_kind", "source_id", "account_error_code", "detail", "month", "due_date")
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    TAINTED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DATA_KIND_FIELD_NUMBER: _ClassVar[int]
    SOURCE_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    MONTH_FIELD_NUMBER: _ClassVar[int]
    DUE_DATE_FIELD_NUMBER: _ClassVar[int]
    cause: str
    tainted: bool
    reason: str
    data_kind: str
    source_id: str
    account_error_code: str
    detail: str
    month: str
    due_date: str
    def __init__(self, cause: _Optional[str] = ..., tainted: _Optional[bool] = ..., reason: _Optional[str] = ..., data_kind: _Optional[str] = ..., source_id: _Optional[str] = ..., account_error_code: _Optional[str] = ..., detail: _Optional[str] = ..., month: _Optional[str] = ..., due_date: _Optional[str] = ...) -> None: ...
