"""What the pages of a built site lead to and load."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_LOADED = {"script": "src", "img": "src", "iframe": "src", "link": "href", "source": "src"}
_POINTERS = {"canonical", "alternate", "edit", "next", "prev"}


class Page(HTMLParser):
    """The ids of one page, what it leads to, and what a browser loads for it."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.leads: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one element."""
        found = {name: value for name, value in attrs if value is not None}
        self.ids.update(found[name] for name in ("id", "name") if name in found)
        if tag == "a" and "href" in found:
            self.leads.append(found["href"])
        elif found.get("rel") not in _POINTERS and (target := found.get(_LOADED.get(tag, ""))):
            self.loads.append(target)


@cache
def read(file: Path) -> Page:
    """A page of the site."""
    page = Page()
    page.feed(file.read_text(encoding="utf-8"))
    return page


def broken(site: Path) -> Iterator[str]:
    """Each page and target where neither file nor heading is there, or that is another host's."""
    for file in sorted(site.rglob("*.html")):
        page = read(file)
        for target in page.loads:
            if urlsplit(target).netloc or not _is_there(site, file, target):
                yield f"{file.relative_to(site)} loads {target}"
        for target in page.leads:
            if not urlsplit(target).scheme and not _is_there(site, file, target):
                yield f"{file.relative_to(site)} leads to {target}"


def _is_there(site: Path, file: Path, target: str) -> bool:
    parts = urlsplit(target)
    if parts.scheme == "data":
        return True
    folder = site if parts.path.startswith("/") else file.parent
    place = folder / unquote(parts.path).lstrip("/") if parts.path else file
    place = place / "index.html" if place.is_dir() else place
    if not place.is_file():
        return False
    heading = unquote(parts.fragment)
    return not heading or place.suffix != ".html" or heading in read(place).ids
