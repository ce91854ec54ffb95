"""Calls of the service with a signed-in person's credentials, and what it refuses."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from time import perf_counter
from typing import Any

import grpc
from google.protobuf.message_factory import GetMessageClass
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo

from decision_service.cli.client import (
    Connection,
    answered,
    details_of,
    joined,
    method_of,
    unreachable,
)

SECONDS = 10.0
"""How long a call may take."""

PAGES = 20


class Refused(Exception):
    """What the service answered in the place of a reply: a sentence, and a code to go by.

    `reason` is the stable one of the API, such as `REVIEW_REFUSED`; `fields` are sentences by the
    name of the field that they are about.
    """

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = ""
        self.fields: dict[str, str] = {}

    @classmethod
    def of(cls, error: grpc.RpcError, connection: Connection) -> Refused:
        # Every RpcError of a stub is a grpc.Call as well, which its type does not say.
        call: Any = error
        if not answered(error):
            return cls(grpc.StatusCode.UNAVAILABLE, unreachable(connection.server, error))
        refused = cls(call.code(), call.details() or "the service gave no reason")
        for detail in details_of(error):
            if isinstance(detail, ErrorInfo):
                refused.reason = detail.reason
            elif isinstance(detail, BadRequest):
                refused.fields |= {one.field: one.description for one in detail.field_violations}
        return refused


class Service:
    """The API for one visit; `seconds` is what its calls took."""

    def __init__(self, connection: Connection, token: str) -> None:
        self.seconds = 0.0
        self._connection = connection
        self._metadata = (
            ("authorization", f"Bearer {token}"),
            # One for all calls of a visit, by which the service's log is searched.
            ("x-request-id", secrets.token_hex(8)),
        )

    def call(self, name: str, **fields: Any) -> Any:
        """The reply of a method such as `ReviewService.GetReview`; raises Refused."""
        method = self._connection.method(name)
        request = GetMessageClass(method_of(name).input_type)(**fields)
        began = perf_counter()
        try:
            return method(request, timeout=SECONDS, metadata=self._metadata)
        except grpc.RpcError as error:
            raise Refused.of(error, self._connection) from None
        finally:
            self.seconds += perf_counter() - began

    def pages(self, name: str, **fields: Any) -> Iterator[Any]:
        """At most PAGES pages of a list, each asked for when the one before it is used up."""
        for _ in range(PAGES):
            page = self.call(name, **fields)
            yield page
            if not page.next_page_token:
                return
            fields["page_token"] = page.next_page_token

    def review(self, review_id: str) -> Any:
        """A review with all of its steps."""
        return joined(self.pages("ReviewService.GetReview", review_id=review_id, page_size=100))

    def find(self, name: str, **fields: Any) -> Any:
        """The reply, or None where the person may not ask or nothing is found."""
        try:
            return self.call(name, **fields)
        except Refused as refused:
            if refused.code in {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.PERMISSION_DENIED}:
                return None
            raise
