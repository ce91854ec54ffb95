"""The picture of docs/monitoring.md: the drift of a real report on made-up people.

`make pictures` takes it anew, after a change of the report's look.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

from tests.e2e.browser import CHROMIUM, QUIET
from tests.e2e.process import command
from tests.kits.monitored_people import monitored_people
from tests.kits.recorded_people import PRODUCT, RULES

TARGET = Path(__file__).with_name("monitor.png")
DAYS = ("--from", "2026-09-01", "--to", "2026-09-30", "--baseline", "2026-07-01..2026-08-31")
_LOOK = """
html { zoom: .75; } body { max-width: none; } section { padding: .4rem .8rem; }
section h2 { margin-top: .3rem; } tr:nth-child(n + 7) { display: none; }
"""
"""Smaller than on a screen, and of the table the first rows."""


def main() -> None:
    """Report on a store of three months, and take the part on drift."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        asked = ("--store", monitored_people(folder), "--rules", str(RULES), "--out", name)
        done = command("monitor", PRODUCT, *DAYS, *asked, folder=folder)
        if done.returncode:
            raise SystemExit(done.stderr)
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            page = chromium.new_page(viewport={"width": 840, "height": 700}, color_scheme="light")
            page.goto((folder / "monitor.html").as_uri())
            page.add_style_tag(content=_LOOK)
            drift = page.locator(
                "section", has=page.get_by_role("heading", name="Drift", exact=True)
            )
            drift.screenshot(path=TARGET, animations="disabled")
            chromium.close()


if __name__ == "__main__":
    main()
