"""The command line with the limit of requests to the vendor out of the way.

`python -m bench.unlimited serve …` is `decision-service serve …` in every other respect. The
setting itself ends at the vendor's 20 a second, so that no operator can do this by mistake.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import decision_service.cli.serve as command
from decision_service.cli import main
from decision_service.runtime.config import load
from decision_service.runtime.settings import Settings

REQUESTS_PER_SECOND = 2_000
"""More than a core can send, and no more: the limiter's own time grows with the limit."""


def unlimited(
    config_file: Path | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """The configuration, but for the limit."""
    raised = {"smile_requests_per_second": REQUESTS_PER_SECOND}
    return load(config_file, environ).model_copy(update=raised)


if __name__ == "__main__":
    command.load = unlimited
    main()
