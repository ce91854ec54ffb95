"""The built documentation site: its pages, their links, and the reference of the protos."""

from __future__ import annotations

from pathlib import Path

import yaml

from deploy.docs import build, links, reference
from protos.compiling import image
from protos.descriptors import Descriptors

PROTOS = image("--include_source_info")


def test_every_link_leads_somewhere_and_nothing_is_loaded_from_elsewhere() -> None:
    """Files, headings, styles, scripts and pictures of each page."""
    assert list(links.broken(build.SITE)) == []
    assert len(list(build.SITE.rglob("*.html"))) > 70


def test_a_link_to_nowhere_is_found(tmp_path: Path) -> None:
    """A missing page, a missing heading, a missing picture and a script of another host."""
    (tmp_path / "index.html").write_text(
        '<h1 id="here">x</h1><a href="#here"></a><a href="gone.html"></a><a href="#gone"></a>'
        '<img src="gone.svg"><script src="https://cdn.example/x.js"></script>'
    )
    assert list(links.broken(tmp_path)) == [
        "index.html loads gone.svg",
        "index.html loads https://cdn.example/x.js",
        "index.html leads to gone.html",
        "index.html leads to #gone",
    ]


def test_every_call_and_message_is_in_the_reference() -> None:
    """Each has a heading on the page of its file, and no field is without a sentence."""
    known = Descriptors(PROTOS)
    for file in reference.files(PROTOS):
        page = links.read(build.SITE / "protos" / f"{Path(file.name).stem}.html")
        kinds = reference.kinds(file, known)
        names = [reference.short(kind).replace(".", "") for kind in kinds]
        names += [method.name for service in file.service for method in service.method]
        assert {name.lower() for name in names} <= page.ids, file.name
    for name, text in reference.pages(PROTOS).items():
        assert not [line for line in text.splitlines() if line.endswith("|  |")], name


def test_pages_and_places_without_each_other_are_named() -> None:
    """A page that the navigation leaves out, and one that it names and nobody has."""
    made = {f"protos/{name}" for name in reference.pages(PROTOS)}
    named = {*build.nav_pages(yaml.safe_load(build.CONFIG.read_text(encoding="utf-8"))["nav"])}
    assert build.problems(named, made) == []
    assert (found := build.problems({"docs/callers.md", "docs/gone.md"}, made))
    assert found[0] == "docs/gone.md: there is no such page"
    assert "docs/upgrade.md: the navigation leads nobody to it" in found
    assert "protos/decision.md: the navigation leads nobody to it" in found
