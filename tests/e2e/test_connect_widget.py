"""What the page hands to the vendor's widget, what it makes of each callback, and its policy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from decision_service.domain.accounts import ACCOUNT_ERRORS
from tests.e2e.browser import RECORDER, applicant, browser, opened, shot, told
from tests.e2e.service import running

CODES = """
ACCOUNT_DISABLED ACCOUNT_INACCESSIBLE ACCOUNT_INCOMPLETE ACCOUNT_LOCKED AUTH_REQUIRED
EXPIRED_CREDENTIALS INVALID_ACCOUNT_TYPE INVALID_AUTH INVALID_CREDENTIALS INVALID_MFA MFA_TIMEOUT
SERVICE_UNAVAILABLE SYSTEM_ERROR TOS_REQUIRED UNSUPPORTED_AUTH_TYPE UNSUPPORTED_MFA_METHOD
"""
"""`AccountErrorCode` of the vendor's document, version 1.14.0."""

CALLBACKS = (
    ("onUploadsCreated", {"uploads": [{}]}, "You are done"),
    ("onUploadsRemoved", {"uploads": [{}]}, "How it works"),
    ("onClose", {"reason": "exit"}, "You closed the connection window."),
    ("onAccountError", {"providerId": "grab_ph"}, "Your Grab account was not connected."),
    ("onAccountCreated", {"providerId": "grab_ph"}, "Connecting your Grab account"),
    ("onAccountConnected", {"providerId": "grab_ph"}, "Your Grab account is connected"),
    ("onAccountRemoved", {"providerId": "pagibig_ph"}, "stopped sharing your Pag-IBIG account"),
    ("onAccountError", {"providerId": "x", "errorCode": "NEW_WORD"}, "Try again in a few minutes"),
    ("onUploadsCreated", {"uploads": [{}, {}]}, "2 documents were uploaded."),
    ("onUploadsRemoved", {"uploads": [{}]}, "1 document was removed."),
    ("onClose", {"reason": "error"}, "was closed by an error"),
    ("onClose", {"reason": "close"}, "You are done"),
    ("onAccountCreated", None, "Connecting your account"),
)


@pytest.mark.long
@browser
async def test_every_option_and_callback_is_wired(tmp_path: Path) -> None:
    """Options come from the configuration, callbacks are told in words, and no address has a token.

    A page that is loaded again still has a token, and what happened.
    """
    settings = {
        "http_address": "127.0.0.1:0",
        "connect_providers": "sss_ph, grab_ph",
        "connect_top_providers": "grab_ph",
        "connect_search_bar": "false",
        "connect_type_bar": "false",
        "connect_upload": "true",
        "connect_company_name": "Acme & Sons <b>",
        "connect_template_id": "tpl-1",
    }
    async with running(tmp_path, **settings) as live:
        _, address = await applicant(live, "CRM-1")
        async with opened(address, widget=RECORDER) as page:
            await page.get_by_role("button", name="Connect an account").click()
            handed = await page.evaluate("JSON.parse(JSON.stringify(window.handed))")
            assert handed.pop("apiHost").startswith("http://127.0.0.1:")
            assert handed.pop("userToken") == address.rpartition("=")[2]
            assert handed == {
                "providers": ["sss_ph", "grab_ph"],
                "topProviders": ["grab_ph"],
                "enableSearchBar": False,
                "enableTypeBar": False,
                "enableUpload": True,
                "companyName": "Acme & Sons <b>",
                "templateId": "tpl-1",
            }
            for name, given, words in CALLBACKS:
                await page.evaluate(f"window.handed.{name}({json.dumps(given)})")
                await told(page, words)
            await page.evaluate("window.handed.onUIEvent({eventName: 'OPENED'})")
            assert await page.evaluate("document.body.dataset.widget") == "OPENED"
            fresh = await page.evaluate("window.handed.onTokenExpired()")
            assert fresh not in (None, address.rpartition("=")[2])
            assert page.url == f"{live.service.http_url}/connect"
            for code, error in ACCOUNT_ERRORS.items():
                await page.evaluate(f"window.handed.onAccountError({{errorCode: '{code}'}})")
                await told(page, f"{error.happened} {error.advice}")
            await shot(page, "every-error")
            await page.reload()
            await page.get_by_role("button", name="Connect another account").click()
            await page.locator("body[data-opened]").wait_for()
            handed = await page.evaluate("window.handed.userToken")
            assert handed not in (fresh, address.rpartition("=")[2])  # each opens the widget once
            await told(page, "Your Grab account is connected")
            assert page.url == f"{live.service.http_url}/connect"


def test_every_error_code_of_the_vendor_has_words() -> None:
    """The sixteen codes of the vendor's document, no more and no less."""
    assert set(ACCOUNT_ERRORS) == set(CODES.split())


@pytest.mark.long
@browser
async def test_a_script_that_is_not_ours_does_not_run(tmp_path: Path) -> None:
    """The policy stops an inline script, a handler in an attribute and another host's script."""
    async with running(tmp_path, http_address="127.0.0.1:0") as live:
        _, address = await applicant(live, "CRM-1")
        async with opened(address, expected=("Content Security Policy",)) as page:
            await page.get_by_role("button", name="Connect an account").wait_for()
            stopped = await page.evaluate(
                """async () => {
                  const stopped = [];
                  document.addEventListener("securitypolicyviolation", (event) => {
                    stopped.push(event.effectiveDirective);
                  });
                  const inline = document.createElement("script");
                  inline.textContent = "window.ran = 'inline'";
                  document.body.append(inline);
                  const button = document.querySelector("[data-open]");
                  button.setAttribute("onfocus", "window.ran = 'handler'");
                  button.focus();
                  const other = document.createElement("script");
                  other.src = "https://elsewhere.test/x.js";
                  document.body.append(other);
                  await new Promise((done) => setTimeout(done, 500));
                  return stopped.concat(window.ran ?? []);
                }"""
            )
            assert sorted(set(stopped)) == ["script-src-attr", "script-src-elem"]
            assert len(stopped) == 3
