"""The picture of the console: a case of the made-up people, as a reviewer has it.

`make pictures` takes it anew, after a change of the pages' look.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.e2e.browser import CHROMIUM, QUIET

TARGET = Path(__file__).with_name("console.png")
PORT = 8095


def main() -> None:
    """Start the console with its people, claim a case, and take the picture."""
    words = [sys.executable, "-m", "decision_service", "sandbox", "console", "--port", str(PORT)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as console:  # noqa: S603 - own words
        try:
            next(iter(console.stdout or ()))  # it serves by then
            with sync_playwright() as playwright:
                chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
                page = chromium.new_page(viewport={"width": 1180, "height": 760})
                page.goto(f"http://127.0.0.1:{PORT}/sign-in")
                page.get_by_role("button", name="rosa").click()
                page.get_by_role("button", name="Next").click()
                page.locator("#approve-reason").select_option("INCOME_CONFIRMED")
                page.screenshot(path=TARGET)
                chromium.close()
        finally:
            console.terminate()


if __name__ == "__main__":
    main()
