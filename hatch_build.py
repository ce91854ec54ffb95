"""Puts into a built package what lies outside it: rules, protos, docs, deploy, locks, commit."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMMIT = "decision_service/commit.txt"
STARTER = "decision_service/starter"
EXTRAS = ("console", "otel", "ray", "workbench")
"""Those whose lock is in the package, for who installs one of them later."""


class PackageHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds files to wheels and source archives; an editable install has its checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the files to add, and their places."""
        self._folder = TemporaryDirectory()
        if version == "editable":
            return
        root, added = Path(self.root), build_data["force_include"]
        if self.target_name == "wheel":
            brought = [
                root / "rules",
                *(root / "docs").glob("*.md"),
                root / "docs" / "openapi.yaml",
                *(one for one in (root / "protos").iterdir() if one.is_dir()),
                *(root / "requirements" / f"{extra}.txt" for extra in EXTRAS),
            ]
            deploy = root / "deploy"
            brought.append(deploy / "files.txt")
            for pattern in (deploy / "files.txt").read_text(encoding="ascii").split():
                brought += sorted(one for one in deploy.glob(pattern) if one.is_file())
            added |= {str(one): f"{STARTER}/{one.relative_to(root)}" for one in brought}
        if not (root / COMMIT).exists():
            added[str(self._commit(root))] = COMMIT

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - the hook's form
        """Remove what was made for the build."""
        self._folder.cleanup()

    def _commit(self, root: Path) -> Path:
        sys.path.insert(0, str(root))
        from decision_service.build import UNKNOWN, commit_of

        commit = commit_of(root)
        file = Path(self._folder.name, "commit.txt")
        file.write_text("" if commit == UNKNOWN else f"{commit}\n", encoding="ascii")
        return file
