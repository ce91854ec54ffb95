"""The pictures of docs/impact.md: parts of real reports on made-up people, the same at every run.

`make pictures` takes them anew, after a change of the report's look.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, sync_playwright

from tests.e2e.browser import CHROMIUM, QUIET
from tests.e2e.process import command
from tests.kits.recorded_people import PRODUCT, RULES, recorded_people

TARGET = Path(__file__).parent / "impact"
CHANGE = (
    ("--set", "params.min_monthly_income=16000"),
    ("--set", "params.max_disagreement=0.9"),
    ("--set", "params.max_debt_to_income=0.30"),
    ("--set", "score.bands.B.from=300"),
    ("--params-as-of", "2026-11-01"),
)
"""The day makes the figures that change soon the same at every run."""
CURVE = ("--sweep", "params.min_monthly_income=8000..40000/4000")
_BY = ("--by", "amount")
_ASIDE = {"", "approvals-by-arm"}
"""Parts that look as others do."""
_WIDTH, _HEIGHT = 840, 700
_LOOK = """
html { zoom: .75; } body { max-width: none; }
section { padding: .4rem .8rem; } section h2 { margin-top: .3rem; }
"""
"""Smaller than on a screen."""
_SHORT = {"examples": 8, "sweep-curve": 7}
"""Parts of which the first rows tell enough."""


def main() -> None:
    """Write every picture; one of each part."""
    TARGET.mkdir(exist_ok=True)
    with TemporaryDirectory() as name:
        people, folder = recorded_people(Path(name)), Path(name)
        reports = {one: _report(folder / one, people, words) for one, words in _reports().items()}
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            size = {"width": _WIDTH, "height": _HEIGHT}
            page = chromium.new_page(viewport=size, color_scheme="light")
            for report, file in reports.items():
                page.goto(file.as_uri())
                page.add_style_tag(content=_LOOK)
                _take(page, report)
            chromium.close()


def _reports() -> Mapping[str, tuple[str, ...]]:
    change = tuple(word for pair in CHANGE for word in pair)
    return {"change": (*change, *_BY), "curve": CURVE}


def _report(folder: Path, people: str, words: tuple[str, ...]) -> Path:
    asked = ("--store", people, "--rules", str(RULES))
    done = command("backtest", PRODUCT, *asked, *words, "--out", str(folder), folder=folder.parent)
    if done.returncode:
        raise SystemExit(done.stderr)
    return folder / "impact.html"


def _take(page: Page, report: str) -> None:
    for place, name in _parts(page, report):
        file = TARGET / f"{name}.png"
        if rows := _SHORT.get(name):
            rest = f"section:nth-of-type({place + 1}) tr:nth-child(n + {rows + 1})"
            page.add_style_tag(content=f"{rest} {{ display: none; }}")
        page.locator("section").nth(place).screenshot(path=file, animations="disabled")
        print(f"{file.name}: {file.stat().st_size // 1024} KB")  # noqa: T201 - what a tool says


def _parts(page: Page, report: str) -> Iterator[tuple[int, str]]:
    """The places of the parts to take: all of the change, once each; of the sweep the sweep."""
    seen: set[str] = set()
    for place, title in enumerate(page.locator("section > h2").all_inner_texts()):
        told = title.partition(":")[0]
        name = re.sub(r"[^a-z]+", "-", told.lower()).strip("-")
        if report != "change":
            name = f"sweep-{report}" if title.startswith("Sweep") else ""
        if name not in seen | _ASIDE:
            seen.add(name)
            yield place, name


if __name__ == "__main__":
    main()
