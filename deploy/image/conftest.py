"""The image that `make image` has built, or the reason why there is none."""

from __future__ import annotations

import pytest
from unpacked import BUILT


@pytest.fixture(autouse=True, scope="session")
def image() -> None:
    """Skips every check where no image was built."""
    if not (BUILT / "oci").is_dir():
        pytest.skip("there is no image: root builds it, apt-get install buildah umoci mmdebstrap")
