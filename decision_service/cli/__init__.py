"""The command line; `main` imports the command that is named, and no other."""

from __future__ import annotations

import os


def main() -> None:
    """Run a command; imported late, so that `import decision_service.cli` costs nothing."""
    # gRPC's core writes lines of its own to stderr, where ours are one sentence each.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from decision_service.cli.main import main as run_main

    run_main()
