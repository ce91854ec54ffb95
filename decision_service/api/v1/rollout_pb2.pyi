import datetime

from decision_service.api.v1 import ruleset_service_pb2 as _ruleset_service_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Rollout(_message.Message):
    __slots__ = ("product", "unit", "plan_digest", "position", "paused", "go_live", "challenger", "shadows", "last_step", "refused", "segments", "allowed", "denied", "proposed", "widens")
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    PLAN_DIGEST_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    GO_LIVE_FIELD_NUMBER: _ClassVar[int]
    CHALLENGER_FIELD_NUMBER: _ClassVar[int]
    SHADOWS_FIELD_NUMBER: _ClassVar[int]
    LAST_STEP_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_FIELD_NUMBER: _ClassVar[int]
    DENIED_FIELD_NUMBER: _ClassVar[int]
    PROPOSED_FIELD_NUMBER: _ClassVar[int]
    WIDENS_FIELD_NUMBER: _ClassVar[int]
    product: str
    unit: str
    plan_digest: str
    position: int
    paused: bool
    go_live: RolloutTrack
    challenger: RolloutTrack
    shadows: _containers.RepeatedCompositeFieldContainer[ShadowVersion]
    last_step: RolloutStep
    refused: _containers.RepeatedCompositeFieldContainer[_ruleset_service_pb2.Problem]
    segments: _containers.RepeatedCompositeFieldContainer[RolloutSegment]
    allowed: int
    denied: int
    proposed: ProposedStep
    widens: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, product: _Optional[str] = ..., unit: _Optional[str] = ..., plan_digest: _Optional[str] = ..., position: _Optional[int] = ..., paused: _Optional[bool] = ..., go_live: _Optional[_Union[RolloutTrack, _Mapping]] = ..., challenger: _Optional[_Union[RolloutTrack, _Mapping]] = ..., shadows: _Optional[_Iterable[_Union[ShadowVersion, _Mapping]]] = ..., last_step: _Optional[_Union[RolloutStep, _Mapping]] = ..., refused: _Optional[_Iterable[_Union[_ruleset_service_pb2.Problem, _Mapping]]] = ..., segments: _Optional[_Iterable[_Union[RolloutSegment, _Mapping]]] = ..., allowed: _Optional[int] = ..., denied: _Optional[int] = ..., proposed: _Optional[_Union[ProposedStep, _Mapping]] = ..., widens: _Optional[_Iterable[str]] = ...) -> None: ...

class RolloutSegment(_message.Message):
    __slots__ = ("name", "condition", "percent")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    name: str
    condition: str
    percent: str
    def __init__(self, name: _Optional[str] = ..., condition: _Optional[str] = ..., percent: _Optional[str] = ...) -> None: ...

class RolloutTrack(_message.Message):
    __slots__ = ("version", "stage", "percent", "since_time", "entered_by", "killed", "stages", "next", "hold_until_time")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    SINCE_TIME_FIELD_NUMBER: _ClassVar[int]
    ENTERED_BY_FIELD_NUMBER: _ClassVar[int]
    KILLED_FIELD_NUMBER: _ClassVar[int]
    STAGES_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    HOLD_UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    version: int
    stage: str
    percent: str
    since_time: _timestamp_pb2.Timestamp
    entered_by: RolloutStep
    killed: bool
    stages: _containers.RepeatedCompositeFieldContainer[RolloutStage]
    next: RolloutStage
    hold_until_time: _timestamp_pb2.Timestamp
    def __init__(self, version: _Optional[int] = ..., stage: _Optional[str] = ..., percent: _Optional[str] = ..., since_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., entered_by: _Optional[_Union[RolloutStep, _Mapping]] = ..., killed: _Optional[bool] = ..., stages: _Optional[_Iterable[_Union[RolloutStage, _Mapping]]] = ..., next: _Optional[_Union[RolloutStage, _Mapping]] = ..., hold_until_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class RolloutStage(_message.Message):
    __slots__ = ("name", "percent", "hold", "min_decisions")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    HOLD_FIELD_NUMBER: _ClassVar[int]
    MIN_DECISIONS_FIELD_NUMBER: _ClassVar[int]
    name: str
    percent: str
    hold: _duration_pb2.Duration
    min_decisions: int
    def __init__(self, name: _Optional[str] = ..., percent: _Optional[str] = ..., hold: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., min_decisions: _Optional[int] = ...) -> None: ...

class ShadowVersion(_message.Message):
    __slots__ = ("version", "percent")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    version: int
    percent: str
    def __init__(self, version: _Optional[int] = ..., percent: _Optional[str] = ...) -> None: ...

class RolloutStep(_message.Message):
    __slots__ = ("position", "create_time", "who", "why", "action", "before", "after", "plan_digest", "figures", "ticket")
    class FiguresEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    POSITION_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    WHO_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    PLAN_DIGEST_FIELD_NUMBER: _ClassVar[int]
    FIGURES_FIELD_NUMBER: _ClassVar[int]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    position: int
    create_time: _timestamp_pb2.Timestamp
    who: str
    why: str
    action: str
    before: RolloutStanding
    after: RolloutStanding
    plan_digest: str
    figures: _containers.ScalarMap[str, str]
    ticket: str
    def __init__(self, position: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., who: _Optional[str] = ..., why: _Optional[str] = ..., action: _Optional[str] = ..., before: _Optional[_Union[RolloutStanding, _Mapping]] = ..., after: _Optional[_Union[RolloutStanding, _Mapping]] = ..., plan_digest: _Optional[str] = ..., figures: _Optional[_Mapping[str, str]] = ..., ticket: _Optional[str] = ...) -> None: ...

class RolloutStanding(_message.Message):
    __slots__ = ("go_live_stage", "killed", "challenger_version", "challenger_stage", "challenger_killed", "paused", "proposed")
    GO_LIVE_STAGE_FIELD_NUMBER: _ClassVar[int]
    KILLED_FIELD_NUMBER: _ClassVar[int]
    CHALLENGER_VERSION_FIELD_NUMBER: _ClassVar[int]
    CHALLENGER_STAGE_FIELD_NUMBER: _ClassVar[int]
    CHALLENGER_KILLED_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    PROPOSED_FIELD_NUMBER: _ClassVar[int]
    go_live_stage: str
    killed: bool
    challenger_version: int
    challenger_stage: str
    challenger_killed: bool
    paused: bool
    proposed: ProposedStep
    def __init__(self, go_live_stage: _Optional[str] = ..., killed: _Optional[bool] = ..., challenger_version: _Optional[int] = ..., challenger_stage: _Optional[str] = ..., challenger_killed: _Optional[bool] = ..., paused: _Optional[bool] = ..., proposed: _Optional[_Union[ProposedStep, _Mapping]] = ...) -> None: ...

class ProposedStep(_message.Message):
    __slots__ = ("track", "stage", "by", "create_time", "expire_time", "action", "arm", "plan_digest")
    TRACK_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    ARM_FIELD_NUMBER: _ClassVar[int]
    PLAN_DIGEST_FIELD_NUMBER: _ClassVar[int]
    track: str
    stage: str
    by: str
    create_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    action: str
    arm: str
    plan_digest: str
    def __init__(self, track: _Optional[str] = ..., stage: _Optional[str] = ..., by: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., action: _Optional[str] = ..., arm: _Optional[str] = ..., plan_digest: _Optional[str] = ...) -> None: ...
