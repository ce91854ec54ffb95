import datetime

from decision_service.api.v1 import ruleset_service_pb2 as _ruleset_service_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetCallerRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetCallerResponse(_message.Message):
    __slots__ = ("caller", "roles")
    CALLER_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    caller: str
    roles: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, caller: _Optional[str] = ..., roles: _Optional[_Iterable[str]] = ...) -> None: ...

class GetStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetStatusResponse(_message.Message):
    __slots__ = ("engine_version", "commit", "serving", "reasons", "remarks", "vendor", "certificate_expire_time", "backlog", "refused", "read_time", "in_force", "tokens")
    ENGINE_VERSION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    SERVING_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    REMARKS_FIELD_NUMBER: _ClassVar[int]
    VENDOR_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    BACKLOG_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    READ_TIME_FIELD_NUMBER: _ClassVar[int]
    IN_FORCE_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    engine_version: str
    commit: str
    serving: bool
    reasons: _containers.RepeatedScalarFieldContainer[str]
    remarks: _containers.RepeatedScalarFieldContainer[str]
    vendor: VendorStatus
    certificate_expire_time: _timestamp_pb2.Timestamp
    backlog: _containers.RepeatedCompositeFieldContainer[Backlog]
    refused: _containers.RepeatedCompositeFieldContainer[_ruleset_service_pb2.Problem]
    read_time: _timestamp_pb2.Timestamp
    in_force: _containers.RepeatedCompositeFieldContainer[_ruleset_service_pb2.RulesInForce]
    tokens: _containers.RepeatedCompositeFieldContainer[TokenStatus]
    def __init__(self, engine_version: _Optional[str] = ..., commit: _Optional[str] = ..., serving: _Optional[bool] = ..., reasons: _Optional[_Iterable[str]] = ..., remarks: _Optional[_Iterable[str]] = ..., vendor: _Optional[_Union[VendorStatus, _Mapping]] = ..., certificate_expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., backlog: _Optional[_Iterable[_Union[Backlog, _Mapping]]] = ..., refused: _Optional[_Iterable[_Union[_ruleset_service_pb2.Problem, _Mapping]]] = ..., read_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., in_force: _Optional[_Iterable[_Union[_ruleset_service_pb2.RulesInForce, _Mapping]]] = ..., tokens: _Optional[_Iterable[_Union[TokenStatus, _Mapping]]] = ...) -> None: ...

class VendorStatus(_message.Message):
    __slots__ = ("mode", "circuit", "requests_per_second", "requests", "retries", "paused_seconds", "clock_ahead_ms", "keys_refused")
    MODE_FIELD_NUMBER: _ClassVar[int]
    CIRCUIT_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    RETRIES_FIELD_NUMBER: _ClassVar[int]
    PAUSED_SECONDS_FIELD_NUMBER: _ClassVar[int]
    CLOCK_AHEAD_MS_FIELD_NUMBER: _ClassVar[int]
    KEYS_REFUSED_FIELD_NUMBER: _ClassVar[int]
    mode: str
    circuit: str
    requests_per_second: str
    requests: int
    retries: int
    paused_seconds: int
    clock_ahead_ms: int
    keys_refused: bool
    def __init__(self, mode: _Optional[str] = ..., circuit: _Optional[str] = ..., requests_per_second: _Optional[str] = ..., requests: _Optional[int] = ..., retries: _Optional[int] = ..., paused_seconds: _Optional[int] = ..., clock_ahead_ms: _Optional[int] = ..., keys_refused: _Optional[bool] = ...) -> None: ...

class Backlog(_message.Message):
    __slots__ = ("name", "count", "late", "oldest_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    LATE_FIELD_NUMBER: _ClassVar[int]
    OLDEST_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    count: int
    late: int
    oldest_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., count: _Optional[int] = ..., late: _Optional[int] = ..., oldest_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class TokenStatus(_message.Message):
    __slots__ = ("caller", "token", "until", "last_use_time")
    CALLER_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    LAST_USE_TIME_FIELD_NUMBER: _ClassVar[int]
    caller: str
    token: str
    until: str
    last_use_time: _timestamp_pb2.Timestamp
    def __init__(self, caller: _Optional[str] = ..., token: _Optional[str] = ..., until: _Optional[str] = ..., last_use_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
