"""gRPC's core as grpcio's own servers reach it; nothing else in the program names it.

It is no public interface: a new grpcio may change it, which `tests/integration/test_transport.py`
and everything that is tested on the wire would tell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from grpc._cython import cygrpc  # type: ignore[attr-defined]  # Cython, without stubs

Event: TypeAlias = Any
"""What a completion queue hands out; its `tag` is what the operation was begun with."""

Tag: TypeAlias = Callable[[Event], None]

CompletionQueue: Any = cygrpc.CompletionQueue
CoreServer: Any = cygrpc.Server
ReceiveMessage: Any = cygrpc.ReceiveMessageOperation
ReceiveClose: Any = cygrpc.ReceiveCloseOnServerOperation
SendHead: Any = cygrpc.SendInitialMetadataOperation
SendMessage: Any = cygrpc.SendMessageOperation
SendStatus: Any = cygrpc.SendStatusFromServerOperation
auth_context: Any = cygrpc.auth_context
DONE: Any = cygrpc.CompletionType.operation_complete
SHUT_DOWN: Any = cygrpc.CompletionType.queue_shutdown

NO_FLAGS = 0
NO_METADATA: tuple[()] = ()
