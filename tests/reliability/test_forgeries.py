"""Forged events: none of them is by chance a good one."""

from __future__ import annotations

from itertools import islice
from random import Random

from bench.reliability.forgeries import forgeries
from bench.reliability.sender import SECRETS, event, signed
from decision_service.server.webhooks import signing_key

BODY = event("1", "ACCOUNT_DISCONNECTED", "u-1")


def test_forgeries_are_not_the_vendors() -> None:
    """None is a pair that the vendor would send, and no two forms or many dice give the same."""
    found = list(islice(forgeries(BODY, SECRETS, Random(3)), 2_000))
    genuine = {signed(BODY, secret) for secret in SECRETS}
    assert genuine.isdisjoint(found)
    assert len(set(found)) > 1_500


def test_each_secret_signs_for_itself() -> None:
    """What the sender signs is taken by the place of its secret."""
    for place, secret in enumerate(SECRETS):
        header, body = signed(BODY, secret)
        assert signing_key(header.decode(), body, SECRETS) == place
