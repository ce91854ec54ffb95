"""The built documentation site in a browser: no other host, no page too wide, and the search."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, sync_playwright

from deploy.docs.build import SITE
from tests.e2e.browser import CHROMIUM, QUIET, browser

SHOWN = ["index.html", "docs/install.html", "docs/architecture.html", "docs/factors.html",
         "docs/security.html", "docs/rules.html", "protos/decision.html"]  # fmt: skip

CUT = """() => [...document.querySelectorAll("pre code")]
  .filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent)"""
"""Blocks of code that would have to be scrolled sideways."""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served() -> Iterator[str]:
    """The site's address."""
    handler = functools.partial(Quiet, directory=str(SITE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def opened(width: int, asked: list[str]) -> Iterator[Page]:
    """A window of this width; what it asks for is added to a list."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = chromium.new_page(viewport={"width": width, "height": 900})
        page.on("request", lambda request: asked.append(request.url))
        yield page
        chromium.close()


@browser
def test_no_page_is_wider_than_its_window_or_asks_another_host() -> None:
    """On a desk and on a telephone."""
    asked: list[str] = []
    with served() as address:
        for width in (1400, 400):
            with opened(width, asked) as page:
                for name in SHOWN:
                    page.goto(f"{address}/{name}")
                    wide = page.evaluate("document.documentElement.scrollWidth")
                    assert wide <= width, f"{name} is {wide} pixels wide"
                    assert page.evaluate(CUT) == [], name
    assert [one for one in asked if not one.startswith((address, "data:", "blob:"))] == []


@browser
def test_no_table_breaks_a_reason_in_its_middle() -> None:
    """Codes that callers look up, such as NOT_TAKEN_UP, stand on one line."""
    with served() as address, opened(1280, []) as page:
        for name in ("callers", "exposure"):
            page.goto(f"{address}/docs/{name}.html")
            broken = page.evaluate(
                "[...document.querySelectorAll('td code')].filter(code =>"
                " /^[A-Z_]+$/.test(code.textContent) && code.getClientRects().length > 1)"
                ".map(code => code.textContent)"
            )
            assert broken == [], name


@browser
def test_the_search_finds_a_page_by_its_words() -> None:
    """Typed words lead to the page that holds them."""
    with served() as address, opened(1280, []) as page:
        page.goto(f"{address}/index.html")
        page.get_by_role("button", name="Search").click()
        page.get_by_role("textbox").or_(page.get_by_role("combobox")).fill("erasure journal")
        page.get_by_text("Backups and erased persons").wait_for()
