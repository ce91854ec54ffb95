"""Run an unpacked image as a container engine would: `enter.py ROOT CONFIG ARGUMENT...`.

Call it in mount and network namespaces of its own: `unshare --mount --net`. The image's user,
folder, environment and entry point hold; its root is read-only, /tmp and /data are empty. With
`--join` before ROOT the namespaces are those of a process that called it, entered by `nsenter`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def mount(*words: object) -> None:
    """Call mount(8)."""
    subprocess.run(["mount", *map(str, words)], check=True)


def arrange(root: Path, user: int) -> None:
    """A loopback interface, /proc, /dev, /tmp and /data, and all the rest read-only."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    mount("--make-rprivate", "/")
    mount("--bind", root, root)
    mount("-t", "proc", "proc", root / "proc")
    mount("--rbind", "/dev", root / "dev")
    mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", root / "tmp")
    mount("-t", "tmpfs", "-o", f"mode=0700,uid={user},gid={user}", "tmpfs", root / "data")
    mount("-o", "remount,bind,ro", root)


def run(root: Path, config: dict[str, list[str]], user: int, arguments: list[str]) -> None:
    """Become the image's user in its root, and its entry point; does not return."""
    environ = dict(entry.split("=", 1) for entry in config["Env"])
    environ |= {k: v for k, v in os.environ.items() if k.startswith("DECISION_")}
    os.chroot(root)
    os.chdir(str(config["WorkingDir"]))
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
    words = [*config["Entrypoint"], *arguments]
    os.execvpe(words[0], words, environ)


if __name__ == "__main__":
    joins = sys.argv[1] == "--join"
    place, written, *given = sys.argv[2:] if joins else sys.argv[1:]
    read = json.loads(written)
    number = int(str(read["User"]).partition(":")[0])
    if not joins:
        arrange(Path(place), number)
    run(Path(place), read, number, given)
