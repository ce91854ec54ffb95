import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SentFilter(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SENT_FILTER_UNSPECIFIED: _ClassVar[SentFilter]
    SENT_FILTER_SENT: _ClassVar[SentFilter]
    SENT_FILTER_NOT_SENT: _ClassVar[SentFilter]

class NoticeKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NOTICE_KIND_UNSPECIFIED: _ClassVar[NoticeKind]
    NOTICE_KIND_APPROVAL: _ClassVar[NoticeKind]
    NOTICE_KIND_COUNTER_OFFER: _ClassVar[NoticeKind]
    NOTICE_KIND_ADVERSE_ACTION: _ClassVar[NoticeKind]
    NOTICE_KIND_INCOMPLETE: _ClassVar[NoticeKind]
SENT_FILTER_UNSPECIFIED: SentFilter
SENT_FILTER_SENT: SentFilter
SENT_FILTER_NOT_SENT: SentFilter
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

class ListNoticesRequest(_message.Message):
    __slots__ = ("decision_id", "kind", "sent", "page_size", "page_token")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    kind: NoticeKind
    sent: SentFilter
    page_size: int
    page_token: str
    def __init__(self, decision_id: _Optional[str] = ..., kind: _Optional[_Union[NoticeKind, str]] = ..., sent: _Optional[_Union[SentFilter, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListNoticesResponse(_message.Message):
    __slots__ = ("notices", "next_page_token")
    NOTICES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    notices: _containers.RepeatedCompositeFieldContainer[Notice]
    next_page_token: str
    def __init__(self, notices: _Optional[_Iterable[_Union[Notice, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

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
