"""Decides credit applications from verified income data, durably and replayably."""

import os

__version__ = "0.2.0"

os.environ.setdefault("GRPC_EXPERIMENTS", "-event_engine_listener")
"""Whoever waits for gRPC reads the connections itself (docs/decisions/0074); gRPC takes this over
when it is first imported."""
