"""The OCI layout that build.sh makes, the image unpacked, and commands run in it."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BUILT = HERE.parents[1] / "dist/image"
ROOT = BUILT / "bundle/rootfs"
USER = 65532
SECONDS = 60


@cache
def _blob(digest: str) -> Any:
    return json.loads((BUILT / "oci/blobs" / digest.replace(":", "/")).read_text())


@cache
def manifest() -> Any:
    """The image's manifest."""
    [entry] = json.loads((BUILT / "oci/index.json").read_text())["manifests"]
    return _blob(entry["digest"])


def config() -> Any:
    """How containers of the image run."""
    return _blob(manifest()["config"]["digest"])["config"]


def entered(*words: str, into: int | None = None) -> list[str]:
    """The command that runs the image in namespaces of its own, or in those of a process."""
    outer, join = ["unshare", "--mount", "--net"], []
    if into is not None:
        outer, join = ["nsenter", f"--target={into}", "--mount", "--net"], ["--join"]
    enter = [*outer, sys.executable, str(HERE / "enter.py"), *join]
    return [*enter, str(ROOT), json.dumps(config()), *words]


def run(served: subprocess.Popen[bytes], *words: str) -> subprocess.CompletedProcess[str]:
    """A command of the image, beside the one that serves."""
    command = entered(*words, into=served.pid)
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)


def wait_until_healthy(served: subprocess.Popen[bytes]) -> None:
    """Ask the image's own health command until it is content."""
    for _ in range(SECONDS):
        if (asked := run(served, "health")).returncode == 0:
            return
        assert served.poll() is None
    raise AssertionError(asked.stderr)
