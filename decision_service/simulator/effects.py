"""Every effect a fault can have, by name."""

from __future__ import annotations

from .data_faults import DATA_FAULTS
from .effect import Effect
from .transport_faults import TRANSPORT_FAULTS

EFFECTS: dict[str, Effect] = {**TRANSPORT_FAULTS, **DATA_FAULTS}
