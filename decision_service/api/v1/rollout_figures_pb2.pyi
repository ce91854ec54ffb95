import datetime

from decision_service.api.v1 import decision_pb2 as _decision_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.type import money_pb2 as _money_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RolloutFigures(_message.Message):
    __slots__ = ("since_time", "arms", "shadows", "guardrails", "next", "caps")
    SINCE_TIME_FIELD_NUMBER: _ClassVar[int]
    ARMS_FIELD_NUMBER: _ClassVar[int]
    SHADOWS_FIELD_NUMBER: _ClassVar[int]
    GUARDRAILS_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    CAPS_FIELD_NUMBER: _ClassVar[int]
    since_time: _timestamp_pb2.Timestamp
    arms: _containers.RepeatedCompositeFieldContainer[ArmFigures]
    shadows: _containers.RepeatedCompositeFieldContainer[ShadowFigures]
    guardrails: _containers.RepeatedCompositeFieldContainer[GuardrailFigures]
    next: _containers.RepeatedCompositeFieldContainer[NextStage]
    caps: _containers.RepeatedCompositeFieldContainer[CapFigures]
    def __init__(self, since_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., arms: _Optional[_Iterable[_Union[ArmFigures, _Mapping]]] = ..., shadows: _Optional[_Iterable[_Union[ShadowFigures, _Mapping]]] = ..., guardrails: _Optional[_Iterable[_Union[GuardrailFigures, _Mapping]]] = ..., next: _Optional[_Iterable[_Union[NextStage, _Mapping]]] = ..., caps: _Optional[_Iterable[_Union[CapFigures, _Mapping]]] = ...) -> None: ...

class CapFigures(_message.Message):
    __slots__ = ("name", "tier", "approvals", "max_approvals", "amount", "max_amount")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TIER_FIELD_NUMBER: _ClassVar[int]
    APPROVALS_FIELD_NUMBER: _ClassVar[int]
    MAX_APPROVALS_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    MAX_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    name: str
    tier: str
    approvals: int
    max_approvals: int
    amount: _money_pb2.Money
    max_amount: _money_pb2.Money
    def __init__(self, name: _Optional[str] = ..., tier: _Optional[str] = ..., approvals: _Optional[int] = ..., max_approvals: _Optional[int] = ..., amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., max_amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ...) -> None: ...

class ArmFigures(_message.Message):
    __slots__ = ("arm", "version", "percent", "applicants", "decisions", "approved", "referred", "declined", "missing", "approved_amount", "attempts", "internal_errors", "p99_ms")
    ARM_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    APPLICANTS_FIELD_NUMBER: _ClassVar[int]
    DECISIONS_FIELD_NUMBER: _ClassVar[int]
    APPROVED_FIELD_NUMBER: _ClassVar[int]
    REFERRED_FIELD_NUMBER: _ClassVar[int]
    DECLINED_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    APPROVED_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    INTERNAL_ERRORS_FIELD_NUMBER: _ClassVar[int]
    P99_MS_FIELD_NUMBER: _ClassVar[int]
    arm: str
    version: int
    percent: str
    applicants: int
    decisions: int
    approved: MeasuredShare
    referred: MeasuredShare
    declined: MeasuredShare
    missing: MeasuredShare
    approved_amount: _money_pb2.Money
    attempts: int
    internal_errors: int
    p99_ms: int
    def __init__(self, arm: _Optional[str] = ..., version: _Optional[int] = ..., percent: _Optional[str] = ..., applicants: _Optional[int] = ..., decisions: _Optional[int] = ..., approved: _Optional[_Union[MeasuredShare, _Mapping]] = ..., referred: _Optional[_Union[MeasuredShare, _Mapping]] = ..., declined: _Optional[_Union[MeasuredShare, _Mapping]] = ..., missing: _Optional[_Union[MeasuredShare, _Mapping]] = ..., approved_amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., attempts: _Optional[int] = ..., internal_errors: _Optional[int] = ..., p99_ms: _Optional[int] = ...) -> None: ...

class MeasuredShare(_message.Message):
    __slots__ = ("count", "percent", "low", "high")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    count: int
    percent: str
    low: str
    high: str
    def __init__(self, count: _Optional[int] = ..., percent: _Optional[str] = ..., low: _Optional[str] = ..., high: _Optional[str] = ...) -> None: ...

class ShadowFigures(_message.Message):
    __slots__ = ("version", "percent", "compared", "agreed", "not_comparable", "failed", "changes")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    COMPARED_FIELD_NUMBER: _ClassVar[int]
    AGREED_FIELD_NUMBER: _ClassVar[int]
    NOT_COMPARABLE_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    version: int
    percent: str
    compared: int
    agreed: int
    not_comparable: int
    failed: int
    changes: _containers.RepeatedCompositeFieldContainer[OutcomeChange]
    def __init__(self, version: _Optional[int] = ..., percent: _Optional[str] = ..., compared: _Optional[int] = ..., agreed: _Optional[int] = ..., not_comparable: _Optional[int] = ..., failed: _Optional[int] = ..., changes: _Optional[_Iterable[_Union[OutcomeChange, _Mapping]]] = ...) -> None: ...

class OutcomeChange(_message.Message):
    __slots__ = ("live", "other", "count")
    LIVE_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    live: _decision_pb2.Outcome
    other: _decision_pb2.Outcome
    count: int
    def __init__(self, live: _Optional[_Union[_decision_pb2.Outcome, str]] = ..., other: _Optional[_Union[_decision_pb2.Outcome, str]] = ..., count: _Optional[int] = ...) -> None: ...

class GuardrailFigures(_message.Message):
    __slots__ = ("name", "metric", "of", "action", "standing", "value", "allowed", "window", "units", "min_units", "points", "allowed_low", "allowed_high")
    NAME_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    OF_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    STANDING_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    MIN_UNITS_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_LOW_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_HIGH_FIELD_NUMBER: _ClassVar[int]
    name: str
    metric: str
    of: str
    action: str
    standing: str
    value: str
    allowed: str
    window: str
    units: int
    min_units: int
    points: _containers.RepeatedCompositeFieldContainer[GuardrailPoint]
    allowed_low: str
    allowed_high: str
    def __init__(self, name: _Optional[str] = ..., metric: _Optional[str] = ..., of: _Optional[str] = ..., action: _Optional[str] = ..., standing: _Optional[str] = ..., value: _Optional[str] = ..., allowed: _Optional[str] = ..., window: _Optional[str] = ..., units: _Optional[int] = ..., min_units: _Optional[int] = ..., points: _Optional[_Iterable[_Union[GuardrailPoint, _Mapping]]] = ..., allowed_low: _Optional[str] = ..., allowed_high: _Optional[str] = ...) -> None: ...

class GuardrailPoint(_message.Message):
    __slots__ = ("end_time", "value", "low", "high", "units")
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    end_time: _timestamp_pb2.Timestamp
    value: str
    low: str
    high: str
    units: int
    def __init__(self, end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., value: _Optional[str] = ..., low: _Optional[str] = ..., high: _Optional[str] = ..., units: _Optional[int] = ...) -> None: ...

class NextStage(_message.Message):
    __slots__ = ("track", "stage", "percent", "hold_until_time", "decisions_missing", "blocked_by", "decisions", "waiting", "guardrails")
    TRACK_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    HOLD_UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    DECISIONS_MISSING_FIELD_NUMBER: _ClassVar[int]
    BLOCKED_BY_FIELD_NUMBER: _ClassVar[int]
    DECISIONS_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    GUARDRAILS_FIELD_NUMBER: _ClassVar[int]
    track: str
    stage: str
    percent: str
    hold_until_time: _timestamp_pb2.Timestamp
    decisions_missing: int
    blocked_by: _containers.RepeatedScalarFieldContainer[str]
    decisions: int
    waiting: _containers.RepeatedCompositeFieldContainer[WaitingGuardrail]
    guardrails: int
    def __init__(self, track: _Optional[str] = ..., stage: _Optional[str] = ..., percent: _Optional[str] = ..., hold_until_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., decisions_missing: _Optional[int] = ..., blocked_by: _Optional[_Iterable[str]] = ..., decisions: _Optional[int] = ..., waiting: _Optional[_Iterable[_Union[WaitingGuardrail, _Mapping]]] = ..., guardrails: _Optional[int] = ...) -> None: ...

class WaitingGuardrail(_message.Message):
    __slots__ = ("name", "units", "min_units")
    NAME_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    MIN_UNITS_FIELD_NUMBER: _ClassVar[int]
    name: str
    units: int
    min_units: int
    def __init__(self, name: _Optional[str] = ..., units: _Optional[int] = ..., min_units: _Optional[int] = ...) -> None: ...
