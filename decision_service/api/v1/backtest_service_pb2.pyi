import datetime

from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BacktestState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BACKTEST_STATE_UNSPECIFIED: _ClassVar[BacktestState]
    BACKTEST_STATE_QUEUED: _ClassVar[BacktestState]
    BACKTEST_STATE_RUNNING: _ClassVar[BacktestState]
    BACKTEST_STATE_DONE: _ClassVar[BacktestState]
    BACKTEST_STATE_CANCELLED: _ClassVar[BacktestState]
    BACKTEST_STATE_FAILED: _ClassVar[BacktestState]
BACKTEST_STATE_UNSPECIFIED: BacktestState
BACKTEST_STATE_QUEUED: BacktestState
BACKTEST_STATE_RUNNING: BacktestState
BACKTEST_STATE_DONE: BacktestState
BACKTEST_STATE_CANCELLED: BacktestState
BACKTEST_STATE_FAILED: BacktestState

class Backtest(_message.Message):
    __slots__ = ("backtest_id", "product", "title", "state", "ranges_done", "ranges_total", "who", "create_time", "end_time", "problem")
    BACKTEST_ID_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    RANGES_DONE_FIELD_NUMBER: _ClassVar[int]
    RANGES_TOTAL_FIELD_NUMBER: _ClassVar[int]
    WHO_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    backtest_id: str
    product: str
    title: str
    state: BacktestState
    ranges_done: int
    ranges_total: int
    who: str
    create_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    problem: str
    def __init__(self, backtest_id: _Optional[str] = ..., product: _Optional[str] = ..., title: _Optional[str] = ..., state: _Optional[_Union[BacktestState, str]] = ..., ranges_done: _Optional[int] = ..., ranges_total: _Optional[int] = ..., who: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., problem: _Optional[str] = ...) -> None: ...

class StartBacktestRequest(_message.Message):
    __slots__ = ("product", "version", "source", "figures", "sweeps", "from_date", "to_date", "params_as_of", "by", "sample_size", "seed")
    class FiguresEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    FIGURES_FIELD_NUMBER: _ClassVar[int]
    SWEEPS_FIELD_NUMBER: _ClassVar[int]
    FROM_DATE_FIELD_NUMBER: _ClassVar[int]
    TO_DATE_FIELD_NUMBER: _ClassVar[int]
    PARAMS_AS_OF_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_SIZE_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    product: str
    version: int
    source: str
    figures: _containers.ScalarMap[str, str]
    sweeps: _containers.RepeatedCompositeFieldContainer[BacktestSweep]
    from_date: str
    to_date: str
    params_as_of: str
    by: _containers.RepeatedScalarFieldContainer[str]
    sample_size: int
    seed: int
    def __init__(self, product: _Optional[str] = ..., version: _Optional[int] = ..., source: _Optional[str] = ..., figures: _Optional[_Mapping[str, str]] = ..., sweeps: _Optional[_Iterable[_Union[BacktestSweep, _Mapping]]] = ..., from_date: _Optional[str] = ..., to_date: _Optional[str] = ..., params_as_of: _Optional[str] = ..., by: _Optional[_Iterable[str]] = ..., sample_size: _Optional[int] = ..., seed: _Optional[int] = ...) -> None: ...

class BacktestSweep(_message.Message):
    __slots__ = ("figure", "first", "last", "step")
    FIGURE_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    figure: str
    first: str
    last: str
    step: str
    def __init__(self, figure: _Optional[str] = ..., first: _Optional[str] = ..., last: _Optional[str] = ..., step: _Optional[str] = ...) -> None: ...

class StartBacktestResponse(_message.Message):
    __slots__ = ("backtest",)
    BACKTEST_FIELD_NUMBER: _ClassVar[int]
    backtest: Backtest
    def __init__(self, backtest: _Optional[_Union[Backtest, _Mapping]] = ...) -> None: ...

class GetBacktestRequest(_message.Message):
    __slots__ = ("backtest_id",)
    BACKTEST_ID_FIELD_NUMBER: _ClassVar[int]
    backtest_id: str
    def __init__(self, backtest_id: _Optional[str] = ...) -> None: ...

class GetBacktestResponse(_message.Message):
    __slots__ = ("backtest",)
    BACKTEST_FIELD_NUMBER: _ClassVar[int]
    backtest: Backtest
    def __init__(self, backtest: _Optional[_Union[Backtest, _Mapping]] = ...) -> None: ...

class ListBacktestsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListBacktestsResponse(_message.Message):
    __slots__ = ("backtests",)
    BACKTESTS_FIELD_NUMBER: _ClassVar[int]
    backtests: _containers.RepeatedCompositeFieldContainer[Backtest]
    def __init__(self, backtests: _Optional[_Iterable[_Union[Backtest, _Mapping]]] = ...) -> None: ...

class GetBacktestReportRequest(_message.Message):
    __slots__ = ("backtest_id",)
    BACKTEST_ID_FIELD_NUMBER: _ClassVar[int]
    backtest_id: str
    def __init__(self, backtest_id: _Optional[str] = ...) -> None: ...

class GetBacktestReportResponse(_message.Message):
    __slots__ = ("report_json",)
    REPORT_JSON_FIELD_NUMBER: _ClassVar[int]
    report_json: bytes
    def __init__(self, report_json: _Optional[bytes] = ...) -> None: ...

class CancelBacktestRequest(_message.Message):
    __slots__ = ("backtest_id",)
    BACKTEST_ID_FIELD_NUMBER: _ClassVar[int]
    backtest_id: str
    def __init__(self, backtest_id: _Optional[str] = ...) -> None: ...

class CancelBacktestResponse(_message.Message):
    __slots__ = ("backtest",)
    BACKTEST_FIELD_NUMBER: _ClassVar[int]
    backtest: Backtest
    def __init__(self, backtest: _Optional[_Union[Backtest, _Mapping]] = ...) -> None: ...
