import datetime

from decision_service.api.v1 import decision_pb2 as _decision_pb2
from decision_service.api.v1 import values_pb2 as _values_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.type import money_pb2 as _money_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ReleaseState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RELEASE_STATE_UNSPECIFIED: _ClassVar[ReleaseState]
    RELEASE_STATE_WAITING: _ClassVar[ReleaseState]
    RELEASE_STATE_CONFIRMED_ONCE: _ClassVar[ReleaseState]
    RELEASE_STATE_IN_FORCE: _ClassVar[ReleaseState]
    RELEASE_STATE_REPLACED: _ClassVar[ReleaseState]
    RELEASE_STATE_DECLINED: _ClassVar[ReleaseState]
    RELEASE_STATE_STALE: _ClassVar[ReleaseState]
    RELEASE_STATE_EXPIRED: _ClassVar[ReleaseState]
RELEASE_STATE_UNSPECIFIED: ReleaseState
RELEASE_STATE_WAITING: ReleaseState
RELEASE_STATE_CONFIRMED_ONCE: ReleaseState
RELEASE_STATE_IN_FORCE: ReleaseState
RELEASE_STATE_REPLACED: ReleaseState
RELEASE_STATE_DECLINED: ReleaseState
RELEASE_STATE_STALE: ReleaseState
RELEASE_STATE_EXPIRED: ReleaseState

class ListReleasesRequest(_message.Message):
    __slots__ = ("page_size",)
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    def __init__(self, page_size: _Optional[int] = ...) -> None: ...

class ListReleasesResponse(_message.Message):
    __slots__ = ("releases", "position")
    RELEASES_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    releases: _containers.RepeatedCompositeFieldContainer[Release]
    position: int
    def __init__(self, releases: _Optional[_Iterable[_Union[Release, _Mapping]]] = ..., position: _Optional[int] = ...) -> None: ...

class Release(_message.Message):
    __slots__ = ("digest", "state", "base", "steps", "expire_time", "authors")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    AUTHORS_FIELD_NUMBER: _ClassVar[int]
    digest: str
    state: ReleaseState
    base: int
    steps: _containers.RepeatedCompositeFieldContainer[ReleaseStep]
    expire_time: _timestamp_pb2.Timestamp
    authors: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, digest: _Optional[str] = ..., state: _Optional[_Union[ReleaseState, str]] = ..., base: _Optional[int] = ..., steps: _Optional[_Iterable[_Union[ReleaseStep, _Mapping]]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., authors: _Optional[_Iterable[str]] = ...) -> None: ...

class ReleaseStep(_message.Message):
    __slots__ = ("position", "time", "action", "caller", "subject", "sign_in_time", "why", "ticket", "accepted")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    SIGN_IN_TIME_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    position: int
    time: _timestamp_pb2.Timestamp
    action: str
    caller: str
    subject: str
    sign_in_time: _timestamp_pb2.Timestamp
    why: str
    ticket: str
    accepted: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, position: _Optional[int] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., action: _Optional[str] = ..., caller: _Optional[str] = ..., subject: _Optional[str] = ..., sign_in_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., why: _Optional[str] = ..., ticket: _Optional[str] = ..., accepted: _Optional[_Iterable[str]] = ...) -> None: ...

class Loosening(_message.Message):
    __slots__ = ("name", "words")
    NAME_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    name: str
    words: str
    def __init__(self, name: _Optional[str] = ..., words: _Optional[str] = ...) -> None: ...

class GetReleaseRequest(_message.Message):
    __slots__ = ("digest",)
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    digest: str
    def __init__(self, digest: _Optional[str] = ...) -> None: ...

class GetReleaseResponse(_message.Message):
    __slots__ = ("release", "position", "changes", "loosenings", "claims")
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    LOOSENINGS_FIELD_NUMBER: _ClassVar[int]
    CLAIMS_FIELD_NUMBER: _ClassVar[int]
    release: Release
    position: int
    changes: _containers.RepeatedScalarFieldContainer[str]
    loosenings: _containers.RepeatedCompositeFieldContainer[Loosening]
    claims: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, release: _Optional[_Union[Release, _Mapping]] = ..., position: _Optional[int] = ..., changes: _Optional[_Iterable[str]] = ..., loosenings: _Optional[_Iterable[_Union[Loosening, _Mapping]]] = ..., claims: _Optional[_Iterable[str]] = ...) -> None: ...

class ConfirmReleaseRequest(_message.Message):
    __slots__ = ("digest", "position", "accepted", "why", "ticket")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    digest: str
    position: int
    accepted: _containers.RepeatedScalarFieldContainer[str]
    why: str
    ticket: str
    def __init__(self, digest: _Optional[str] = ..., position: _Optional[int] = ..., accepted: _Optional[_Iterable[str]] = ..., why: _Optional[str] = ..., ticket: _Optional[str] = ...) -> None: ...

class ConfirmReleaseResponse(_message.Message):
    __slots__ = ("release",)
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    release: Release
    def __init__(self, release: _Optional[_Union[Release, _Mapping]] = ...) -> None: ...

class DeclineReleaseRequest(_message.Message):
    __slots__ = ("digest", "why", "ticket")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    digest: str
    why: str
    ticket: str
    def __init__(self, digest: _Optional[str] = ..., why: _Optional[str] = ..., ticket: _Optional[str] = ...) -> None: ...

class DeclineReleaseResponse(_message.Message):
    __slots__ = ("release",)
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    release: Release
    def __init__(self, release: _Optional[_Union[Release, _Mapping]] = ...) -> None: ...

class RevertReleaseRequest(_message.Message):
    __slots__ = ("position", "to", "with_lists", "why", "ticket")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    WITH_LISTS_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    position: int
    to: int
    with_lists: bool
    why: str
    ticket: str
    def __init__(self, position: _Optional[int] = ..., to: _Optional[int] = ..., with_lists: _Optional[bool] = ..., why: _Optional[str] = ..., ticket: _Optional[str] = ...) -> None: ...

class RevertReleaseResponse(_message.Message):
    __slots__ = ("release",)
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    release: Release
    def __init__(self, release: _Optional[_Union[Release, _Mapping]] = ...) -> None: ...

class Ruleset(_message.Message):
    __slots__ = ("ref", "title", "currency", "time_zone", "loaded_time", "role", "inputs", "factors", "source", "reasons")
    REF_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    LOADED_TIME_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    FACTORS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    ref: _decision_pb2.RulesetRef
    title: str
    currency: str
    time_zone: str
    loaded_time: _timestamp_pb2.Timestamp
    role: str
    inputs: _containers.RepeatedCompositeFieldContainer[RulesetInput]
    factors: _containers.RepeatedScalarFieldContainer[str]
    source: str
    reasons: _containers.RepeatedCompositeFieldContainer[RulesetReason]
    def __init__(self, ref: _Optional[_Union[_decision_pb2.RulesetRef, _Mapping]] = ..., title: _Optional[str] = ..., currency: _Optional[str] = ..., time_zone: _Optional[str] = ..., loaded_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., role: _Optional[str] = ..., inputs: _Optional[_Iterable[_Union[RulesetInput, _Mapping]]] = ..., factors: _Optional[_Iterable[str]] = ..., source: _Optional[str] = ..., reasons: _Optional[_Iterable[_Union[RulesetReason, _Mapping]]] = ...) -> None: ...

class RulesetReason(_message.Message):
    __slots__ = ("code", "text")
    CODE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    code: str
    text: str
    def __init__(self, code: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class RulesetInput(_message.Message):
    __slots__ = ("name", "type", "required", "min", "max", "one_of", "max_age_days", "source")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_FIELD_NUMBER: _ClassVar[int]
    MIN_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    ONE_OF_FIELD_NUMBER: _ClassVar[int]
    MAX_AGE_DAYS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    required: bool
    min: str
    max: str
    one_of: _containers.RepeatedScalarFieldContainer[str]
    max_age_days: int
    source: str
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., required: _Optional[bool] = ..., min: _Optional[str] = ..., max: _Optional[str] = ..., one_of: _Optional[_Iterable[str]] = ..., max_age_days: _Optional[int] = ..., source: _Optional[str] = ...) -> None: ...

class Problem(_message.Message):
    __slots__ = ("code", "error", "file", "line", "column", "message", "hint", "rendered")
    CODE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    HINT_FIELD_NUMBER: _ClassVar[int]
    RENDERED_FIELD_NUMBER: _ClassVar[int]
    code: str
    error: bool
    file: str
    line: int
    column: int
    message: str
    hint: str
    rendered: str
    def __init__(self, code: _Optional[str] = ..., error: _Optional[bool] = ..., file: _Optional[str] = ..., line: _Optional[int] = ..., column: _Optional[int] = ..., message: _Optional[str] = ..., hint: _Optional[str] = ..., rendered: _Optional[str] = ...) -> None: ...

class ListRulesetsRequest(_message.Message):
    __slots__ = ("product",)
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    product: str
    def __init__(self, product: _Optional[str] = ...) -> None: ...

class ListRulesetsResponse(_message.Message):
    __slots__ = ("rulesets", "read_time", "refused", "in_force", "lists", "list_changes", "release")
    RULESETS_FIELD_NUMBER: _ClassVar[int]
    READ_TIME_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    IN_FORCE_FIELD_NUMBER: _ClassVar[int]
    LISTS_FIELD_NUMBER: _ClassVar[int]
    LIST_CHANGES_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    rulesets: _containers.RepeatedCompositeFieldContainer[Ruleset]
    read_time: _timestamp_pb2.Timestamp
    refused: _containers.RepeatedCompositeFieldContainer[Problem]
    in_force: _containers.RepeatedCompositeFieldContainer[RulesInForce]
    lists: _containers.RepeatedCompositeFieldContainer[KeyList]
    list_changes: _containers.RepeatedCompositeFieldContainer[ListChange]
    release: Release
    def __init__(self, rulesets: _Optional[_Iterable[_Union[Ruleset, _Mapping]]] = ..., read_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., refused: _Optional[_Iterable[_Union[Problem, _Mapping]]] = ..., in_force: _Optional[_Iterable[_Union[RulesInForce, _Mapping]]] = ..., lists: _Optional[_Iterable[_Union[KeyList, _Mapping]]] = ..., list_changes: _Optional[_Iterable[_Union[ListChange, _Mapping]]] = ..., release: _Optional[_Union[Release, _Mapping]] = ...) -> None: ...

class KeyList(_message.Message):
    __slots__ = ("product", "name", "digest", "keys", "hashed")
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    HASHED_FIELD_NUMBER: _ClassVar[int]
    product: str
    name: str
    digest: str
    keys: int
    hashed: bool
    def __init__(self, product: _Optional[str] = ..., name: _Optional[str] = ..., digest: _Optional[str] = ..., keys: _Optional[int] = ..., hashed: _Optional[bool] = ...) -> None: ...

class ListChange(_message.Message):
    __slots__ = ("time", "published_by", "path", "digest_before", "digest_after", "keys", "added", "removed")
    TIME_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_BY_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    DIGEST_BEFORE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_AFTER_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    ADDED_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    time: _timestamp_pb2.Timestamp
    published_by: str
    path: str
    digest_before: str
    digest_after: str
    keys: int
    added: int
    removed: int
    def __init__(self, time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., published_by: _Optional[str] = ..., path: _Optional[str] = ..., digest_before: _Optional[str] = ..., digest_after: _Optional[str] = ..., keys: _Optional[int] = ..., added: _Optional[int] = ..., removed: _Optional[int] = ...) -> None: ...

class RulesInForce(_message.Message):
    __slots__ = ("digest", "processes", "here", "process_names")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    PROCESSES_FIELD_NUMBER: _ClassVar[int]
    HERE_FIELD_NUMBER: _ClassVar[int]
    PROCESS_NAMES_FIELD_NUMBER: _ClassVar[int]
    digest: str
    processes: int
    here: bool
    process_names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, digest: _Optional[str] = ..., processes: _Optional[int] = ..., here: _Optional[bool] = ..., process_names: _Optional[_Iterable[str]] = ...) -> None: ...

class GetRulesetRequest(_message.Message):
    __slots__ = ("product", "version")
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    product: str
    version: int
    def __init__(self, product: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class GetRulesetResponse(_message.Message):
    __slots__ = ("ruleset",)
    RULESET_FIELD_NUMBER: _ClassVar[int]
    ruleset: Ruleset
    def __init__(self, ruleset: _Optional[_Union[Ruleset, _Mapping]] = ...) -> None: ...

class ValidateRulesetRequest(_message.Message):
    __slots__ = ("product", "source")
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    product: str
    source: str
    def __init__(self, product: _Optional[str] = ..., source: _Optional[str] = ...) -> None: ...

class ValidateRulesetResponse(_message.Message):
    __slots__ = ("problems", "digest")
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    problems: _containers.RepeatedCompositeFieldContainer[Problem]
    digest: str
    def __init__(self, problems: _Optional[_Iterable[_Union[Problem, _Mapping]]] = ..., digest: _Optional[str] = ...) -> None: ...

class EvaluateRulesetRequest(_message.Message):
    __slots__ = ("product", "version", "user_id", "factors", "missing", "as_of_date", "requested_amount", "requested_term_months", "inputs")
    class FactorsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _values_pb2.InputValue
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_values_pb2.InputValue, _Mapping]] = ...) -> None: ...
    class MissingEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class InputsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _values_pb2.InputValue
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_values_pb2.InputValue, _Mapping]] = ...) -> None: ...
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    FACTORS_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    AS_OF_DATE_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_TERM_MONTHS_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    product: str
    version: int
    user_id: str
    factors: _containers.MessageMap[str, _values_pb2.InputValue]
    missing: _containers.ScalarMap[str, str]
    as_of_date: str
    requested_amount: _money_pb2.Money
    requested_term_months: int
    inputs: _containers.MessageMap[str, _values_pb2.InputValue]
    def __init__(self, product: _Optional[str] = ..., version: _Optional[int] = ..., user_id: _Optional[str] = ..., factors: _Optional[_Mapping[str, _values_pb2.InputValue]] = ..., missing: _Optional[_Mapping[str, str]] = ..., as_of_date: _Optional[str] = ..., requested_amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., requested_term_months: _Optional[int] = ..., inputs: _Optional[_Mapping[str, _values_pb2.InputValue]] = ...) -> None: ...

class EvaluateRulesetResponse(_message.Message):
    __slots__ = ("decision",)
    DECISION_FIELD_NUMBER: _ClassVar[int]
    decision: _decision_pb2.Decision
    def __init__(self, decision: _Optional[_Union[_decision_pb2.Decision, _Mapping]] = ...) -> None: ...
