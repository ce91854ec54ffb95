"""A Ray cluster of two CPUs on this machine, in a process of its own that ends it.

As a program: begins the cluster, prints its address, and ends it when its input ends.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

OWN = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token"}
_MEMORY = 80_000_000
"""Bytes for objects: the least that Ray takes."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster, and the variables by which a program reaches it."""

    process: psutil.Process
    environ: dict[str, str]

    def workers(self) -> list[psutil.Process]:
        """The processes that carry out tasks, those that wait for one too."""
        every = self.process.children(recursive=True)
        return [one for one in every if one.name().startswith("ray::") and _works(one)]


def _works(process: psutil.Process) -> bool:
    return "Agent" not in " ".join(process.cmdline())


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Begin a cluster with a token of its own; every process of it ends."""
    with TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        environ = {**OWN, "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        command = [sys.executable, "-m", __name__, folder]
        with subprocess.Popen(
            command,
            env={**os.environ, **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as popen:
            assert popen.stdout is not None
            address = popen.stdout.readline().strip()
            cluster = Cluster(psutil.Process(popen.pid), {**environ, "RAY_ADDRESS": address})
            every = cluster.process.children(recursive=True)
            try:
                yield cluster
            finally:
                popen.communicate(timeout=60)
                psutil.wait_procs(every, 30)


def main(folder: Path) -> None:
    """Begin, print, wait, end."""
    import ray

    told = ray.init(
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=_MEMORY,
        log_to_driver=False,
        _temp_dir=str(folder),
    )
    sys.stdout.write(f"{told.address_info['gcs_address']}\n")
    sys.stdout.flush()
    sys.stdin.read()
    ray.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
