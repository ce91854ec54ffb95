"""The command line, one package for each group of commands; `main` imports the one that is named.

Only what every command needs stands here; no rule, factor or decision is computed in this package.
"""

import os


def main() -> None:
    """Run a command; imported late, so that `import decision_service.cli` costs nothing."""
    # gRPC's core writes lines of its own to stderr, where ours are one sentence each.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from decision_service.cli.main import main as run_main

    run_main()
