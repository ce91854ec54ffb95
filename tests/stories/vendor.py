"""The vendor of one story: it answers every list."""

from __future__ import annotations

from tests.stories.accounts import LISTS
from tests.stories.story import Story
from tests.stories.writer import USER
from tests.unit.smile.vendor import Vendor, problem

_GOVERNMENT = ("IDENTITIES", "EMPLOYMENTS", "CONTRIBUTIONS", "EINCOMES", "LIABILITIES")
_PAYROLL = ("IDENTITIES", "EMPLOYMENTS", "INCOMES")
_PLATFORM = ("IDENTITIES", "TRANSACTIONS")
PROVIDERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "sss_ph": ("GOVERNMENT", _GOVERNMENT),
    "gsis_ph": ("GOVERNMENT", _GOVERNMENT),
    "pagibig_ph": ("GOVERNMENT", ("IDENTITIES", "EMPLOYMENTS", "CONTRIBUTIONS", "LIABILITIES")),
    "philhealth_ph": ("GOVERNMENT", ("IDENTITIES", "EMPLOYMENTS", "CONTRIBUTIONS", "EINCOMES")),
    "sprout_ph": ("SYSTEM", _PAYROLL),
    "salarium_ph": ("SYSTEM", _PAYROLL),
    "payruler_ph": ("SYSTEM", _PAYROLL),
    "jollikusina_ph": ("EMPLOYER", _PAYROLL),
    "grab_ph": ("GIG", (*_PLATFORM, "EINCOMES")),
    "lalamove_ph": ("GIG", _PLATFORM),
    "foodpanda_ph": ("GIG", _PLATFORM),
    "angkas_ph": ("GIG", _PLATFORM),
    "gcash_ph": ("SYSTEM", _PLATFORM),
}
"""The vendor's own list; a provider that does not stand here is unlisted."""


def vendor_of(story: Story) -> Vendor:
    """The vendor as the story tells it; a list that fails answers 503 every time."""
    lists = {name: [item for one in story.accounts for item in one.lists[name]] for name in LISTS}
    listed = [one.listed for one in story.accounts if one.listed]
    providers = [
        {"id": name, "type": kind, "supported": list(supported)}
        for name, (kind, supported) in PROVIDERS.items()
    ]
    vendor = Vendor(accounts=listed, providers=providers, **lists)
    vendor.users = {USER}
    for name in story.failing:
        vendor.each(f"/{name}", problem(503))
    return vendor
