"""What several suites of sources play through."""

import pytest

from pwh_assets.sources.network import egress


@pytest.fixture
def loopback_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    """127.0.0.1 plays the public internet, everything else our own network; nobody has a proxy."""
    monkeypatch.setattr(egress, "is_public", lambda address: address == "127.0.0.1")
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
