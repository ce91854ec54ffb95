"""`python -m decision_service` is the same as `decision-service`."""

from decision_service.cli import main

if __name__ == "__main__":
    main()
