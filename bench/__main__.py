"""`python -m bench [PART …]`: every part prints a table; without arguments all of them."""

from __future__ import annotations

import sys

from bench import bad_writes, factors, fuzz, rules, shadow

PARTS = {
    "rules": rules.run,
    "factors": factors.run,
    "fuzz": fuzz.run,
    "bad-writes": bad_writes.run,
    "shadow": shadow.run,
}
LONG = {"bad-writes", "shadow"}
"""Parts that run only when they are asked for."""


def main() -> None:
    """Run the parts that were asked for."""
    asked = sys.argv[1:] or [name for name in PARTS if name not in LONG]
    unknown = [name for name in asked if name not in PARTS]
    if unknown:
        sys.exit(f"there is no part {unknown[0]}: the parts are {', '.join(PARTS)}")
    for name in asked:
        PARTS[name]()


if __name__ == "__main__":
    main()
