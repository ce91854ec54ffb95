"""How a client reaches the service: TLS, token, and the retries of the service config."""

from __future__ import annotations

from importlib import metadata, resources

import grpc

CONFIG = resources.files(__package__).joinpath("service_config.json").read_text(encoding="utf-8")
AGENT = f"decision-service-client/{metadata.version('decision-service-client')}"
OPTIONS = [("grpc.service_config", CONFIG), ("grpc.primary_user_agent", AGENT)]


def credentials_of(
    token: str | None,
    authority: bytes | None,
    credentials: grpc.ChannelCredentials | None,
    *,
    plaintext: bool,
) -> grpc.ChannelCredentials | None:
    """TLS with a token where there is one; None is plaintext.

    Raises ValueError where plaintext and something of TLS are asked for together.
    """
    if plaintext:
        if token or authority or credentials:
            raise ValueError("token, authority and credentials need TLS: leave plaintext out")
        return None
    secured = credentials or grpc.ssl_channel_credentials(authority)
    if token is None:
        return secured
    return grpc.composite_channel_credentials(secured, grpc.access_token_call_credentials(token))
