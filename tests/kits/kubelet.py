"""A volume as a kubelet writes it: files in a folder of their own, and links that are swapped."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from itertools import count
from pathlib import Path


class KubeletVolume:
    """A mounted ConfigMap or Secret at `root`, with files by their path in it.

    `..data` links to the folder with the present files, and each name at the top links into
    `..data`. An update writes another folder, then renames a new link over `..data`.
    """

    def __init__(self, root: Path, files: Mapping[str, str]) -> None:
        self._root = root
        self._numbers = count(1)
        root.mkdir()
        self.update(files)

    def update(self, files: Mapping[str, str]) -> None:
        """Have these files in place of the present ones, all at the same moment."""
        before = (self._root / "..data").resolve()
        self.swap(self.write(files))
        tops = {path.partition("/")[0] for path in files}
        for top in tops:
            link = self._root / top
            if not link.is_symlink():
                link.symlink_to(f"..data/{top}")
        for link in self._root.iterdir():
            if not link.name.startswith("..") and link.name not in tops:
                link.unlink()
        if before != self._root / "..data":
            shutil.rmtree(before)

    def write(self, files: Mapping[str, str]) -> Path:
        """The first half of an update: the new folder, to which nothing links yet."""
        folder = self._root / f"..2026_11_27_05_00_00.{next(self._numbers):09}"
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        return folder

    def swap(self, folder: Path) -> None:
        """The second half: `..data` links to the folder."""
        (self._root / "..data_tmp").symlink_to(folder.name)
        (self._root / "..data_tmp").rename(self._root / "..data")
