"""`python -m tests.edits table [NAME …]`: what is answered to each edit, in place and as new."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.edits.edits import CHAMPIONS, FORMS, Edit, answer, before, edited, edits


def main(words: list[str]) -> int:
    """Print a row for each edit whose name has one of the words; all without any."""
    if not words or words[0] != "table":
        print("usage: python -m tests.edits table [NAME …]")
        return 2
    parts = words[1:]
    chosen = [one for one in edits() if not parts or any(part in one.edit for part in parts)]
    wrong = 0
    print("| area | edit | must be | " + " | ".join(FORMS) + " |")
    print("|---|---|---|" + "---|" * len(FORMS))
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        decides = {one: before(one, root / one / "rules") for one in CHAMPIONS}
        for number, edit in enumerate(chosen):
            cells = []
            for form in FORMS:
                folder = edited(edit, form, root / str(number) / form)
                cells.append(_cell(edit, decides[edit.product], folder))
            wrong += sum("**" in cell for cell in cells)
            row = (edit.area, edit.edit, edit.answer, *cells)
            print(f"| {' | '.join(row)} |", flush=True)
    print(f"\n{len(chosen)} edits, {wrong} answers of {len(FORMS) * len(chosen)} are others.")
    return 0


def _cell(edit: Edit, old: Path, new: Path) -> str:
    """The answer; in bold where it is another one, or lacks a word."""
    given = answer(old, new)
    if given.is_the_one(edit):
        return given.kind
    return f"**{given.kind}**" if given.kind != edit.answer else f"**{given.kind}, other words**"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
