"""Authentication and authorization: who is calling, and whether that caller may call the method."""

from __future__ import annotations

import asyncio
from typing import Any

from decision_service.domain.errors import PermissionDenied, Unauthenticated
from decision_service.edge.rpc.access import HEALTH_METHODS, METHODS
from decision_service.edge.rpc.call_info import CallInfo
from decision_service.edge.rpc.callers import Caller
from decision_service.edge.rpc.context import Behaviour, RpcContext
from decision_service.edge.rpc.interceptors.base import CallInterceptor
from decision_service.edge.rpc.interceptors.failed_authentications import FailedAuthentications


class AuthenticationInterceptor(CallInterceptor):
    """Refuses calls of unknown callers, and of callers without a role for the method.

    Who calls was found out before the call had a place (`Authenticator`).
    """

    def __init__(self, failures: FailedAuthentications) -> None:
        super().__init__()
        self._failures = failures

    def around(self, inner: Behaviour, method: str) -> Behaviour:
        """The behaviour, whose calls are authorized; health checks need no credentials."""
        if method in HEALTH_METHODS:
            return inner
        authorizer = Authorizer(method)

        async def call(request: Any, context: RpcContext) -> Any:
            if context.caller is None:
                await asyncio.sleep(self._failures.delay(context.address))
                raise Unauthenticated(_UNKNOWN)
            authorizer.authorize(context.caller, context.info)
            return await inner(request, context)

        return call


_UNKNOWN = "the caller is not known: send one `authorization: Bearer <token>` with a token in use"


class Authorizer:
    """Refuses a method to callers without one of the roles that its row names."""

    def __init__(self, method: str) -> None:
        self.method = method
        self._allowed = METHODS.get(method, frozenset())

    def authorize(self, caller: Caller, info: CallInfo) -> None:
        """Record the caller in the call; raises PermissionDenied."""
        info.caller, info.sees_all = caller.name, caller.sees_all
        info.onboards_all = caller.onboards_all
        if self._allowed.isdisjoint(caller.roles):
            needed = " or ".join(sorted(self._allowed)) or "no role there is"
            name = self.method.rpartition("/")[2]
            raise PermissionDenied(f"{caller.name} may not call {name}: it needs {needed}")
