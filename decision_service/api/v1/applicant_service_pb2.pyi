import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LinkToken(_message.Message):
    __slots__ = ("access_token", "expire_time", "mode", "connect_url")
    ACCESS_TOKEN_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    CONNECT_URL_FIELD_NUMBER: _ClassVar[int]
    access_token: str
    expire_time: _timestamp_pb2.Timestamp
    mode: str
    connect_url: str
    def __init__(self, access_token: _Optional[str] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., mode: _Optional[str] = ..., connect_url: _Optional[str] = ...) -> None: ...

class CreateApplicantRequest(_message.Message):
    __slots__ = ("applicant_ref", "return_url", "provider_types", "first_provider_ids", "language")
    APPLICANT_REF_FIELD_NUMBER: _ClassVar[int]
    RETURN_URL_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_TYPES_FIELD_NUMBER: _ClassVar[int]
    FIRST_PROVIDER_IDS_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    applicant_ref: str
    return_url: str
    provider_types: _containers.RepeatedScalarFieldContainer[str]
    first_provider_ids: _containers.RepeatedScalarFieldContainer[str]
    language: str
    def __init__(self, applicant_ref: _Optional[str] = ..., return_url: _Optional[str] = ..., provider_types: _Optional[_Iterable[str]] = ..., first_provider_ids: _Optional[_Iterable[str]] = ..., language: _Optional[str] = ...) -> None: ...

class CreateApplicantResponse(_message.Message):
    __slots__ = ("user_id", "link_token", "created")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    LINK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    link_token: LinkToken
    created: bool
    def __init__(self, user_id: _Optional[str] = ..., link_token: _Optional[_Union[LinkToken, _Mapping]] = ..., created: _Optional[bool] = ...) -> None: ...

class CreateLinkTokenRequest(_message.Message):
    __slots__ = ("user_id", "return_url", "provider_types", "first_provider_ids", "language")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    RETURN_URL_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_TYPES_FIELD_NUMBER: _ClassVar[int]
    FIRST_PROVIDER_IDS_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    return_url: str
    provider_types: _containers.RepeatedScalarFieldContainer[str]
    first_provider_ids: _containers.RepeatedScalarFieldContainer[str]
    language: str
    def __init__(self, user_id: _Optional[str] = ..., return_url: _Optional[str] = ..., provider_types: _Optional[_Iterable[str]] = ..., first_provider_ids: _Optional[_Iterable[str]] = ..., language: _Optional[str] = ...) -> None: ...

class CreateLinkTokenResponse(_message.Message):
    __slots__ = ("link_token",)
    LINK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    link_token: LinkToken
    def __init__(self, link_token: _Optional[_Union[LinkToken, _Mapping]] = ...) -> None: ...

class EraseApplicantRequest(_message.Message):
    __slots__ = ("user_id",)
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    def __init__(self, user_id: _Optional[str] = ...) -> None: ...

class EraseApplicantResponse(_message.Message):
    __slots__ = ("revoked_accounts", "erased_snapshots")
    REVOKED_ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    ERASED_SNAPSHOTS_FIELD_NUMBER: _ClassVar[int]
    revoked_accounts: int
    erased_snapshots: int
    def __init__(self, revoked_accounts: _Optional[int] = ..., erased_snapshots: _Optional[int] = ...) -> None: ...

class ExportApplicantRequest(_message.Message):
    __slots__ = ("user_id", "page_token")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    page_token: str
    def __init__(self, user_id: _Optional[str] = ..., page_token: _Optional[str] = ...) -> None: ...

class ExportApplicantResponse(_message.Message):
    __slots__ = ("records", "next_page_token")
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedCompositeFieldContainer[StoredRecord]
    next_page_token: str
    def __init__(self, records: _Optional[_Iterable[_Union[StoredRecord, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class StoredRecord(_message.Message):
    __slots__ = ("kind", "id", "content")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    kind: str
    id: str
    content: str
    def __init__(self, kind: _Optional[str] = ..., id: _Optional[str] = ..., content: _Optional[str] = ...) -> None: ...

class GetApplicantRequest(_message.Message):
    __slots__ = ("user_id", "country", "employer_kind")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    COUNTRY_FIELD_NUMBER: _ClassVar[int]
    EMPLOYER_KIND_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    country: str
    employer_kind: str
    def __init__(self, user_id: _Optional[str] = ..., country: _Optional[str] = ..., employer_kind: _Optional[str] = ...) -> None: ...

class GetApplicantResponse(_message.Message):
    __slots__ = ("applicant",)
    APPLICANT_FIELD_NUMBER: _ClassVar[int]
    applicant: Applicant
    def __init__(self, applicant: _Optional[_Union[Applicant, _Mapping]] = ...) -> None: ...

class Applicant(_message.Message):
    __slots__ = ("user_id", "accounts", "data", "ready", "not_ready_reason", "likely_referrals", "product_needs")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    NOT_READY_REASON_FIELD_NUMBER: _ClassVar[int]
    LIKELY_REFERRALS_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_NEEDS_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    accounts: _containers.RepeatedCompositeFieldContainer[ApplicantAccount]
    data: _containers.RepeatedCompositeFieldContainer[ApplicantData]
    ready: bool
    not_ready_reason: str
    likely_referrals: _containers.RepeatedCompositeFieldContainer[LikelyReferral]
    product_needs: _containers.RepeatedCompositeFieldContainer[ProductNeed]
    def __init__(self, user_id: _Optional[str] = ..., accounts: _Optional[_Iterable[_Union[ApplicantAccount, _Mapping]]] = ..., data: _Optional[_Iterable[_Union[ApplicantData, _Mapping]]] = ..., ready: _Optional[bool] = ..., not_ready_reason: _Optional[str] = ..., likely_referrals: _Optional[_Iterable[_Union[LikelyReferral, _Mapping]]] = ..., product_needs: _Optional[_Iterable[_Union[ProductNeed, _Mapping]]] = ...) -> None: ...

class ProductNeed(_message.Message):
    __slots__ = ("product", "data_kinds", "lacking", "link_token_request")
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    DATA_KINDS_FIELD_NUMBER: _ClassVar[int]
    LACKING_FIELD_NUMBER: _ClassVar[int]
    LINK_TOKEN_REQUEST_FIELD_NUMBER: _ClassVar[int]
    product: str
    data_kinds: _containers.RepeatedScalarFieldContainer[str]
    lacking: _containers.RepeatedCompositeFieldContainer[LackingKind]
    link_token_request: CreateLinkTokenRequest
    def __init__(self, product: _Optional[str] = ..., data_kinds: _Optional[_Iterable[str]] = ..., lacking: _Optional[_Iterable[_Union[LackingKind, _Mapping]]] = ..., link_token_request: _Optional[_Union[CreateLinkTokenRequest, _Mapping]] = ...) -> None: ...

class LackingKind(_message.Message):
    __slots__ = ("data_kind", "message", "providers")
    DATA_KIND_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    data_kind: str
    message: str
    providers: _containers.RepeatedCompositeFieldContainer[NamedProvider]
    def __init__(self, data_kind: _Optional[str] = ..., message: _Optional[str] = ..., providers: _Optional[_Iterable[_Union[NamedProvider, _Mapping]]] = ...) -> None: ...

class NamedProvider(_message.Message):
    __slots__ = ("provider_id", "name")
    PROVIDER_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    provider_id: str
    name: str
    def __init__(self, provider_id: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class LikelyReferral(_message.Message):
    __slots__ = ("product", "reason", "message")
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    product: str
    reason: str
    message: str
    def __init__(self, product: _Optional[str] = ..., reason: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class ApplicantAccount(_message.Message):
    __slots__ = ("account_id", "provider_id", "status", "error_code", "explanation", "advice")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    ADVICE_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    provider_id: str
    status: str
    error_code: str
    explanation: str
    advice: str
    def __init__(self, account_id: _Optional[str] = ..., provider_id: _Optional[str] = ..., status: _Optional[str] = ..., error_code: _Optional[str] = ..., explanation: _Optional[str] = ..., advice: _Optional[str] = ...) -> None: ...

class ApplicantData(_message.Message):
    __slots__ = ("kind", "source_id", "collect_time")
    KIND_FIELD_NUMBER: _ClassVar[int]
    SOURCE_ID_FIELD_NUMBER: _ClassVar[int]
    COLLECT_TIME_FIELD_NUMBER: _ClassVar[int]
    kind: str
    source_id: str
    collect_time: _timestamp_pb2.Timestamp
    def __init__(self, kind: _Optional[str] = ..., source_id: _Optional[str] = ..., collect_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
