import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class NoticeKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NOTICE_KIND_UNSPECIFIED: _ClassVar[NoticeKind]
    NOTICE_KIND_APPROVAL: _ClassVar[NoticeKind]
    NOTICE_KIND_COUNTER_OFFER: _ClassVar[NoticeKind]
    NOTICE_KIND_ADVERSE_ACTION: _ClassVar[NoticeKind]
    NOTICE_KIND_INCOMPLETE: _ClassVar[NoticeKind]
NOTICE_KIND_UNSPECIFIED: NoticeKind
NOTICE_KIND_APPROVAL: NoticeKind
NOTICE_KIND_COUNTER_OFFER: NoticeKind
NOTICE_KIND_ADVERSE_ACTION: NoticeKind
NOTICE_KIND_INCOMPLETE: NoticeKind

class GetNoticeRequest(_message.Message):
    __slots__ = ("decision_id", "language")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    language: str
    def __init__(self, decision_id: _Optional[str] = ..., language: _Optional[str] = ...) -> None: ...

class GetNoticeResponse(_message.Message):
    __slots__ = ("notice",)
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    notice: Notice
    def __init__(self, notice: _Optional[_Union[Notice, _Mapping]] = ...) -> None: ...

class RecordNoticeSentRequest(_message.Message):
    __slots__ = ("decision_id", "kind", "language", "channel", "send_time", "review_id")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    SEND_TIME_FIELD_NUMBER: _ClassVar[int]
    REVIEW_ID_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    kind: NoticeKind
    language: str
    channel: str
    send_time: _timestamp_pb2.Timestamp
    review_id: str
    def __init__(self, decision_id: _Optional[str] = ..., kind: _Optional[_Union[NoticeKind, str]] = ..., language: _Optional[str] = ..., channel: _Optional[str] = ..., send_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., review_id: _Optional[str] = ...) -> None: ...

class RecordNoticeSentResponse(_message.Message):
    __slots__ = ("notice",)
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    notice: Notice
    def __init__(self, notice: _Optional[_Union[Notice, _Mapping]] = ...) -> None: ...

class Notice(_message.Message):
    __slots__ = ("decision_id", "kind", "language", "title", "text", "html", "template_digest", "create_time", "created_by", "send_time", "channel", "sent_by", "review_id")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    HTML_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    SEND_TIME_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    SENT_BY_FIELD_NUMBER: _ClassVar[int]
    REVIEW_ID_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    kind: NoticeKind
    language: str
    title: str
    text: str
    html: str
    template_digest: str
    create_time: _timestamp_pb2.Timestamp
    created_by: str
    send_time: _timestamp_pb2.Timestamp
    channel: str
    sent_by: str
    review_id: str
    def __init__(self, decision_id: _Optional[str] = ..., kind: _Optional[_Union[NoticeKind, str]] = ..., language: _Optional[str] = ..., title: _Optional[str] = ..., text: _Optional[str] = ..., html: _Optional[str] = ..., template_digest: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., created_by: _Optional[str] = ..., send_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., channel: _Optional[str] = ..., sent_by: _Optional[str] = ..., review_id: _Optional[str] = ...) -> None: ...
