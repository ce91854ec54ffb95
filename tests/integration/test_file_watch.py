"""Noticing changed files, on a real file system."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from decision_service.runtime import files
from decision_service.runtime.files import FileWatch


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes count after a twentieth of a second."""
    monkeypatch.setattr(files, "QUIET_MS", 50)
    monkeypatch.setattr(files, "LOOK_MS", 100)


@asynccontextmanager
async def watched(*paths: Path) -> AsyncIterator[Callable[[], object]]:
    """Watches while the block lasts, and gives what waits for the next change."""
    heard: asyncio.Queue[None] = asyncio.Queue()
    watch = FileWatch(*paths)

    async def follow() -> None:
        async for _ in watch.changes():
            heard.put_nowait(None)

    following = asyncio.create_task(follow())
    try:
        yield lambda: asyncio.wait_for(heard.get(), 30)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


def mounted(folder: Path, version: int) -> None:
    """Put a version of the files in place as Kubernetes does: a link to a folder is swapped."""
    (folder / f"..{version}").mkdir()
    (folder / f"..{version}" / "tls.crt").write_text(str(version))
    (folder / "..new").symlink_to(f"..{version}")
    (folder / "..new").rename(folder / "..data")


def secret(tmp_path: Path) -> Path:
    """A file that is mounted as a secret is."""
    folder = tmp_path / "tls"
    folder.mkdir()
    mounted(folder, 1)
    (folder / "tls.crt").symlink_to("..data/tls.crt")
    return folder / "tls.crt"


async def test_a_folder_behind_a_swapped_link_is_another(tmp_path: Path) -> None:
    """As git-sync swaps it: the link is above the folder, and the old folder is deleted."""
    link = tmp_path / "current"
    for revision in (1, 2):
        (tmp_path / f"revision-{revision}" / "rules").mkdir(parents=True)
        (tmp_path / f"revision-{revision}" / "rules" / "v1.yaml").write_text(str(revision))
    link.symlink_to("revision-1")
    async with watched(link / "rules") as change:
        (tmp_path / "new").symlink_to("revision-2")
        (tmp_path / "new").rename(link)
        shutil.rmtree(tmp_path / "revision-1")
        await change()
        (link / "rules" / "v1.yaml").write_text("changed in place")
        await change()


@pytest.mark.parametrize("whole", [False, True], ids=["file", "folder"])
async def test_a_swapped_link_is_a_change(tmp_path: Path, *, whole: bool) -> None:
    """The files are others though no event names them, time and again."""
    file = secret(tmp_path)
    async with watched(file.parent if whole else file) as change:
        for version in (2, 3):
            mounted(file.parent, version)
            await change()
            assert file.read_text() == str(version)


async def test_changes_below_a_folder_are_noticed_wherever_they_are(tmp_path: Path) -> None:
    """A file that is written, added or taken away, also in a folder that came later."""
    root = tmp_path / "rules"
    (root / "loan").mkdir(parents=True)
    (root / "loan" / "v1.yaml").write_text("a: 1")
    async with watched(root) as change:
        (root / "loan" / "v1.yaml").write_text("a: 2")
        await change()
        (root / "gig").mkdir()
        (root / "gig" / "v1.yaml").write_text("a: 1")
        await change()
        (root / "gig" / "v1.yaml").write_text("a: 3")
        await change()
        (root / "loan" / "v1.yaml").unlink()
        await change()


async def test_a_folder_that_goes_away_and_comes_back_is_watched_again(tmp_path: Path) -> None:
    """Its end, its return and what is changed in the new one are changes."""
    root = tmp_path / "rules"
    root.mkdir()
    async with watched(root) as change:
        shutil.rmtree(root)
        await change()
        root.mkdir()
        await change()
        (root / "v1.yaml").write_text("a: 1")
        await change()


def test_neighbours_and_what_editors_leave_are_no_changes(tmp_path: Path) -> None:
    """Only what is watched counts, and only when it has changed since it was looked at last."""
    file, root = tmp_path / "callers.yaml", tmp_path / "rules"
    file.write_text("a")
    root.mkdir()
    one, folder = FileWatch(file), FileWatch(root)
    (tmp_path / "decisions.db-wal").write_text("b")
    (root / ".v1.yaml.swp").write_text("c")
    (root / ".git").mkdir()
    (root / ".git" / "HEAD").write_text("d")
    assert (one.changed(), folder.changed()) == (False, False)
    file.write_text("e")
    (root / "v1.yaml").write_text("f")
    assert (one.changed(), folder.changed()) == (True, True)
    assert (one.changed(), folder.changed()) == (False, False)


async def test_a_file_system_that_tells_nothing_is_looked_at(tmp_path: Path) -> None:
    """Where a link leads to a folder that is not watched, the change is seen by looking."""
    elsewhere, here = tmp_path / "elsewhere", tmp_path / "here"
    elsewhere.mkdir()
    here.mkdir()
    (elsewhere / "tls.crt").write_text("1")
    (here / "tls.crt").symlink_to(elsewhere / "tls.crt")
    async with watched(here / "tls.crt") as change:
        (elsewhere / "tls.crt").write_text("2 and more")
        await change()


async def test_where_nothing_can_be_watched_it_is_looked_at(tmp_path: Path) -> None:
    """A file in a folder that is not there yet is noticed when it comes."""
    file = tmp_path / "run" / "secrets" / "callers.yaml"
    async with watched(file) as change:
        file.parent.mkdir(parents=True)
        file.write_text("a")
        await change()
