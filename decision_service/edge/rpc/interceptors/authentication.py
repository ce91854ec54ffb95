"""Authentication and authorization: who is calling, and whether that caller may call the method."""

from __future__ import annotations

from typing import Any

from decision_service.domain.errors import PermissionDenied
from decision_service.edge.rpc.access import HEALTH_METHODS, METHODS
from decision_service.edge.rpc.authenticator import Authenticator
from decision_service.edge.rpc.call_info import CallInfo
from decision_service.edge.rpc.context import Behaviour, RpcContext
from decision_service.edge.rpc.interceptors.base import CallInterceptor


class AuthenticationInterceptor(CallInterceptor):
    """Refuses calls of unknown callers, and of callers without a role for the method."""

    def __init__(self, authenticator: Authenticator) -> None:
        super().__init__()
        self._authenticator = authenticator

    def around(self, inner: Behaviour, method: str) -> Behaviour:
        """The behaviour, whose calls are authorized; health checks need no credentials."""
        if method in HEALTH_METHODS:
            return inner
        authorizer = Authorizer(method, self._authenticator)

        async def call(request: Any, context: RpcContext) -> Any:
            authorizer.authorize(context.info, context)
            return await inner(request, context)

        return call


class Authorizer:
    """Refuses a method to callers without one of the roles that its row names."""

    def __init__(self, method: str, authenticator: Authenticator) -> None:
        self.method = method
        self._authenticator = authenticator
        self._allowed = METHODS.get(method, frozenset())

    def authorize(self, info: CallInfo, context: RpcContext) -> None:
        """Record the caller in the call; raises Unauthenticated or PermissionDenied."""
        caller = self._authenticator.caller(info, context)
        info.caller, info.sees_all = caller.name, caller.sees_all
        info.onboards_all = caller.onboards_all
        if self._allowed.isdisjoint(caller.roles):
            needed = " or ".join(sorted(self._allowed)) or "no role there is"
            name = self.method.rpartition("/")[2]
            raise PermissionDenied(f"{caller.name} may not call {name}: it needs {needed}")
