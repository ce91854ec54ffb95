"""The states of an account at the vendor, and how long each of them matters.

The adapter decides by these what it asks for, the factors what the answers mean: both must go by
the same.
"""

from __future__ import annotations

from datetime import timedelta

CONNECTED = "CONNECTED"
DISCONNECTED = "DISCONNECTED"
ERROR = "ERROR"
PENDING = "PENDING"
AWAITING_MFA = "AWAITING_MFA"

BEING_LINKED = frozenset({PENDING, AWAITING_MFA})

PENDS_WITHIN = timedelta(minutes=10)
"""For so long an account may be pending before it is an abandoned attempt."""
SYNCS_WITHIN = timedelta(days=1)
"""How long a first sync may run before its account counts as failed."""
MATTERS_FOR = timedelta(days=90)
"""For so long after its end an account that fed the income makes it EXPIRED."""
