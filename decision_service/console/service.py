"""Calls of the service with a signed-in person's credentials, and what it refuses."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from time import perf_counter
from typing import Any

import grpc
from google.protobuf.message_factory import GetMessageClass
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from grpc_status import rpc_status

from decision_service.cli.client import Connection, answered, method_of, unreachable

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
        call: Any = error  # every RpcError of a stub is a grpc.Call as well
        if not answered(error):
            return cls(grpc.StatusCode.UNAVAILABLE, unreachable(connection.server))
        refused = cls(call.code(), call.details() or "the service gave no reason")
        status = rpc_status.from_call(call)
        for detail in status.details if status else ():
            info, bad = ErrorInfo(), BadRequest()
            if detail.Unpack(info):
                refused.reason = info.reason
            elif detail.Unpack(bad):
                refused.fields |= {one.field: one.description for one in bad.field_violations}
        return refused


class Service:
    """The API for one visit; `seconds` is what its calls took."""

    def __init__(self, connection: Connection, token: str) -> None:
        self.seconds = 0.0
        self._connection = connection
        self._metadata = (
            ("authorization", f"Bearer {token}"),
            ("x-request-id", secrets.token_hex(8)),
        )

    def call(self, name: str, **fields: Any) -> Any:
        """The reply of a method such as `ReviewService.GetReview`; raises Refused."""
        rpc = method_of(name)
        asked, reply = GetMessageClass(rpc.input_type), GetMessageClass(rpc.output_type)
        path = f"/{rpc.containing_service.full_name}/{rpc.name}"
        channel = self._connection.channel
        made = channel.unary_unary(path, asked.SerializeToString, reply.FromString)
        began = perf_counter()
        try:
            return made(asked(**fields), timeout=SECONDS, metadata=self._metadata)
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
        pages = self.pages("ReviewService.GetReview", review_id=review_id, page_size=100)
        review = next(pages).review
        for page in pages:
            review.events.extend(page.review.events)
        return review

    def find(self, name: str, **fields: Any) -> Any:
        """The reply, or None where the person may not ask or nothing is found."""
        try:
            return self.call(name, **fields)
        except Refused as refused:
            if refused.code in {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.PERMISSION_DENIED}:
                return None
            raise
