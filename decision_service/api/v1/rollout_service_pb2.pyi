import datetime

from decision_service.api.v1 import decision_pb2 as _decision_pb2
from decision_service.api.v1 import rollout_pb2 as _rollout_pb2
from decision_service.api.v1 import rollout_figures_pb2 as _rollout_figures_pb2
from decision_service.api.v1 import values_pb2 as _values_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.type import money_pb2 as _money_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListRolloutsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListRolloutsResponse(_message.Message):
    __slots__ = ("rollouts",)
    ROLLOUTS_FIELD_NUMBER: _ClassVar[int]
    rollouts: _containers.RepeatedCompositeFieldContainer[_rollout_pb2.Rollout]
    def __init__(self, rollouts: _Optional[_Iterable[_Union[_rollout_pb2.Rollout, _Mapping]]] = ...) -> None: ...

class GetRolloutRequest(_message.Message):
    __slots__ = ("product", "with_points")
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    WITH_POINTS_FIELD_NUMBER: _ClassVar[int]
    product: str
    with_points: bool
    def __init__(self, product: _Optional[str] = ..., with_points: _Optional[bool] = ...) -> None: ...

class GetRolloutResponse(_message.Message):
    __slots__ = ("rollout", "figures")
    ROLLOUT_FIELD_NUMBER: _ClassVar[int]
    FIGURES_FIELD_NUMBER: _ClassVar[int]
    rollout: _rollout_pb2.Rollout
    figures: _rollout_figures_pb2.RolloutFigures
    def __init__(self, rollout: _Optional[_Union[_rollout_pb2.Rollout, _Mapping]] = ..., figures: _Optional[_Union[_rollout_figures_pb2.RolloutFigures, _Mapping]] = ...) -> None: ...

class ExplainAssignmentRequest(_message.Message):
    __slots__ = ("product", "user_id", "customer_ref", "requested_amount", "requested_term_months", "inputs")
    class InputsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _values_pb2.InputValue
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_values_pb2.InputValue, _Mapping]] = ...) -> None: ...
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_REF_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_TERM_MONTHS_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    product: str
    user_id: str
    customer_ref: str
    requested_amount: _money_pb2.Money
    requested_term_months: int
    inputs: _containers.MessageMap[str, _values_pb2.InputValue]
    def __init__(self, product: _Optional[str] = ..., user_id: _Optional[str] = ..., customer_ref: _Optional[str] = ..., requested_amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., requested_term_months: _Optional[int] = ..., inputs: _Optional[_Mapping[str, _values_pb2.InputValue]] = ...) -> None: ...

class ExplainAssignmentResponse(_message.Message):
    __slots__ = ("assignment", "version", "segment", "pin", "approved_today", "compared")
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    PIN_FIELD_NUMBER: _ClassVar[int]
    APPROVED_TODAY_FIELD_NUMBER: _ClassVar[int]
    COMPARED_FIELD_NUMBER: _ClassVar[int]
    assignment: _decision_pb2.Assignment
    version: int
    segment: str
    pin: Pin
    approved_today: _money_pb2.Money
    compared: bool
    def __init__(self, assignment: _Optional[_Union[_decision_pb2.Assignment, _Mapping]] = ..., version: _Optional[int] = ..., segment: _Optional[str] = ..., pin: _Optional[_Union[Pin, _Mapping]] = ..., approved_today: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., compared: _Optional[bool] = ...) -> None: ...

class Pin(_message.Message):
    __slots__ = ("arm", "version", "create_time", "expire_time")
    ARM_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    arm: str
    version: int
    create_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    def __init__(self, arm: _Optional[str] = ..., version: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListRolloutStepsRequest(_message.Message):
    __slots__ = ("product", "page_size", "page_token")
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    product: str
    page_size: int
    page_token: str
    def __init__(self, product: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRolloutStepsResponse(_message.Message):
    __slots__ = ("steps", "next_page_token")
    STEPS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    steps: _containers.RepeatedCompositeFieldContainer[_rollout_pb2.RolloutStep]
    next_page_token: str
    def __init__(self, steps: _Optional[_Iterable[_Union[_rollout_pb2.RolloutStep, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class AdvanceRolloutRequest(_message.Message):
    __slots__ = ("product", "track", "why", "ticket", "plan_digest", "position", "early")
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    TRACK_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    PLAN_DIGEST_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    EARLY_FIELD_NUMBER: _ClassVar[int]
    product: str
    track: str
    why: str
    ticket: str
    plan_digest: str
    position: int
    early: bool
    def __init__(self, product: _Optional[str] = ..., track: _Optional[str] = ..., why: _Optional[str] = ..., ticket: _Optional[str] = ..., plan_digest: _Optional[str] = ..., position: _Optional[int] = ..., early: _Optional[bool] = ...) -> None: ...

class AdvanceRolloutResponse(_message.Message):
    __slots__ = ("step", "rollout")
    STEP_FIELD_NUMBER: _ClassVar[int]
    ROLLOUT_FIELD_NUMBER: _ClassVar[int]
    step: _rollout_pb2.RolloutStep
    rollout: _rollout_pb2.Rollout
    def __init__(self, step: _Optional[_Union[_rollout_pb2.RolloutStep, _Mapping]] = ..., rollout: _Optional[_Union[_rollout_pb2.Rollout, _Mapping]] = ...) -> None: ...

class ConfirmRolloutRequest(_message.Message):
    __slots__ = ("product", "why", "ticket", "plan_digest", "position")
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    PLAN_DIGEST_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    product: str
    why: str
    ticket: str
    plan_digest: str
    position: int
    def __init__(self, product: _Optional[str] = ..., why: _Optional[str] = ..., ticket: _Optional[str] = ..., plan_digest: _Optional[str] = ..., position: _Optional[int] = ...) -> None: ...

class ConfirmRolloutResponse(_message.Message):
    __slots__ = ("step", "rollout")
    STEP_FIELD_NUMBER: _ClassVar[int]
    ROLLOUT_FIELD_NUMBER: _ClassVar[int]
    step: _rollout_pb2.RolloutStep
    rollout: _rollout_pb2.Rollout
    def __init__(self, step: _Optional[_Union[_rollout_pb2.RolloutStep, _Mapping]] = ..., rollout: _Optional[_Union[_rollout_pb2.Rollout, _Mapping]] = ...) -> None: ...

class RollBackRolloutRequest(_message.Message):
    __slots__ = ("product", "track", "why", "ticket", "plan_digest", "position")
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    TRACK_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    PLAN_DIGEST_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    product: str
    track: str
    why: str
    ticket: str
    plan_digest: str
    position: int
    def __init__(self, product: _Optional[str] = ..., track: _Optional[str] = ..., why: _Optional[str] = ..., ticket: _Optional[str] = ..., plan_digest: _Optional[str] = ..., position: _Optional[int] = ...) -> None: ...

class RollBackRolloutResponse(_message.Message):
    __slots__ = ("step", "rollout")
    STEP_FIELD_NUMBER: _ClassVar[int]
    ROLLOUT_FIELD_NUMBER: _ClassVar[int]
    step: _rollout_pb2.RolloutStep
    rollout: _rollout_pb2.Rollout
    def __init__(self, step: _Optional[_Union[_rollout_pb2.RolloutStep, _Mapping]] = ..., rollout: _Optional[_Union[_rollout_pb2.Rollout, _Mapping]] = ...) -> None: ...

class PauseRolloutRequest(_message.Message):
    __slots__ = ("product", "why", "ticket")
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    product: str
    why: str
    ticket: str
    def __init__(self, product: _Optional[str] = ..., why: _Optional[str] = ..., ticket: _Optional[str] = ...) -> None: ...

class PauseRolloutResponse(_message.Message):
    __slots__ = ("step", "rollout")
    STEP_FIELD_NUMBER: _ClassVar[int]
    ROLLOUT_FIELD_NUMBER: _ClassVar[int]
    step: _rollout_pb2.RolloutStep
    rollout: _rollout_pb2.Rollout
    def __init__(self, step: _Optional[_Union[_rollout_pb2.RolloutStep, _Mapping]] = ..., rollout: _Optional[_Union[_rollout_pb2.Rollout, _Mapping]] = ...) -> None: ...

class ResumeRolloutRequest(_message.Message):
    __slots__ = ("product", "why", "ticket")
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    product: str
    why: str
    ticket: str
    def __init__(self, product: _Optional[str] = ..., why: _Optional[str] = ..., ticket: _Optional[str] = ...) -> None: ...

class ResumeRolloutResponse(_message.Message):
    __slots__ = ("step", "rollout")
    STEP_FIELD_NUMBER: _ClassVar[int]
    ROLLOUT_FIELD_NUMBER: _ClassVar[int]
    step: _rollout_pb2.RolloutStep
    rollout: _rollout_pb2.Rollout
    def __init__(self, step: _Optional[_Union[_rollout_pb2.RolloutStep, _Mapping]] = ..., rollout: _Optional[_Union[_rollout_pb2.Rollout, _Mapping]] = ...) -> None: ...

class SetKillSwitchRequest(_message.Message):
    __slots__ = ("product", "arm", "killed", "why", "ticket")
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    ARM_FIELD_NUMBER: _ClassVar[int]
    KILLED_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    product: str
    arm: str
    killed: bool
    why: str
    ticket: str
    def __init__(self, product: _Optional[str] = ..., arm: _Optional[str] = ..., killed: _Optional[bool] = ..., why: _Optional[str] = ..., ticket: _Optional[str] = ...) -> None: ...

class SetKillSwitchResponse(_message.Message):
    __slots__ = ("step", "rollout")
    STEP_FIELD_NUMBER: _ClassVar[int]
    ROLLOUT_FIELD_NUMBER: _ClassVar[int]
    step: _rollout_pb2.RolloutStep
    rollout: _rollout_pb2.Rollout
    def __init__(self, step: _Optional[_Union[_rollout_pb2.RolloutStep, _Mapping]] = ..., rollout: _Optional[_Union[_rollout_pb2.Rollout, _Mapping]] = ...) -> None: ...
