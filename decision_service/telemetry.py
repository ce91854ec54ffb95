"""Logging, and the keyed hash under which a user may appear in it."""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import sys
from typing import TextIO

import structlog


def configure_logging(level: str, *, as_json: bool, stream: TextIO = sys.stderr) -> None:
    """Send structured lines to a stream; one line per event, no person's data, no tracebacks."""
    renderer = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=stream.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
        ),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)


class UserHash:
    """Names a user in logs by a keyed hash, so that lines can be joined but nobody be found.

    Without a configured key a random one is used, and the names change with each start.
    """

    def __init__(self, key: str = "") -> None:
        self._key = key.encode() or secrets.token_bytes(32)

    def __call__(self, user_id: str) -> str:
        """Sixteen hex digits of HMAC-SHA256."""
        return hmac.new(self._key, user_id.encode(), hashlib.sha256).hexdigest()[:16]
