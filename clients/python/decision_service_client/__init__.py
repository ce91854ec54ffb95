"""Calls the credit decision service: typed, with deadlines, retries and request ids."""

from google.type.money_pb2 import Money

from decision_service_client import v1
from decision_service_client.client import AsyncClient, Client
from decision_service_client.refusals import Refusal, refusal_of

__all__ = ["AsyncClient", "Client", "Money", "Refusal", "refusal_of", "v1"]
