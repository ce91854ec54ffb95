"""Builds the documentation site from the Markdown of this checkout: `python -m deploy.docs.build`.

The pages keep their places below the checkout, so that their links are the same here and there.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from deploy.docs import reference
from protos.compiling import image

ROOT = Path(__file__).resolve().parents[2]
CONFIG = Path(__file__).with_name("mkdocs.yml")
STYLE = CONFIG.with_name("site.css")
STAGE = ROOT / "dist" / "docs"
SITE = STAGE / "site"
_LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)")


def nav_pages(entry: object) -> Iterator[str]:
    """The pages of a part of the navigation, in its order."""
    if isinstance(entry, str):
        yield entry
    elif isinstance(entry, dict):
        yield from nav_pages([*entry.values()])
    elif isinstance(entry, list):
        for one in entry:
            yield from nav_pages(one)


def linked(page: Path) -> Iterator[Path]:
    """The files of this checkout that a page links to or shows, other pages among them."""
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        file = (page.parent / target).resolve()
        if "://" not in target and file.is_file() and file.is_relative_to(ROOT):
            yield file


def led_to(named: Iterable[str]) -> set[Path]:
    """The pages that are named, those that one of them links to, and what all of these show."""
    pages = {ROOT / one for one in named if (ROOT / one).is_file()}
    pages |= {file for page in pages for file in linked(page) if file.suffix == ".md"}
    return pages.union(*map(linked, pages))


def problems(named: set[str], made: Iterable[str]) -> list[str]:
    """Pages of the navigation that nobody has, and pages that it leads nobody to."""
    docs = {_name(one) for one in (ROOT / "docs").rglob("*.md")}
    there = {*made, *(_name(one) for one in led_to(named))}
    return [f"{one}: there is no such page" for one in sorted(named - there)] + [
        f"{one}: the navigation leads nobody to it"
        for one in sorted((docs - there) | ({*made} - named))
    ]


def stage(named: Iterable[str], made: dict[str, str], out: Path = STAGE) -> None:
    """Put every page and what it links to in a folder of their own, with those that were made."""
    shutil.rmtree(out, ignore_errors=True)
    for file in led_to(named) | {*(ROOT / "protos" / "decision_service").rglob("*.proto")}:
        _copy(file, out / "pages" / _name(file))
    for name, text in made.items():
        (out / "pages" / name).write_text(text, encoding="utf-8")
    _copy(CONFIG, out / CONFIG.name)
    _copy(STYLE, out / "pages" / STYLE.name)


def _name(file: Path) -> str:
    return str(file.relative_to(ROOT))


def _copy(file: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, place)


def main() -> int:
    """Stage and build; 1 where a page or a link is wrong."""
    named = {*nav_pages(yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["nav"])}
    protos = reference.pages(image("--include_source_info"))
    made = {f"protos/{name}": text for name, text in protos.items()}
    if found := problems(named, made):
        print(*(f"{one}: mend `nav` in deploy/docs/mkdocs.yml" for one in found), sep="\n")
        return 1
    stage(named, made)
    zensical = str(Path(sys.executable).with_name("zensical"))
    command = [zensical, "build", "--clean", "--strict", "-f", str(STAGE / CONFIG.name)]
    if code := subprocess.run(command, cwd=STAGE, check=False).returncode:
        return code
    pages = len([*SITE.rglob("*.html")])
    print(f"{pages} pages, {len(made)} of them from the protos: {_name(SITE)}/index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
