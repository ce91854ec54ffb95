"""`python -m decision_service` is the same as `decision-service`."""

from __future__ import annotations

from decision_service.cli import main

if __name__ == "__main__":
    main()
