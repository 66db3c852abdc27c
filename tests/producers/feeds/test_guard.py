"""The guard: no URL may reach into our own network."""

from __future__ import annotations

import pytest

from producers.feeds.guard import target
from wirewatch.errors import Rejected


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://user@127.0.0.1/",
        "http://8.8.8.8@127.0.0.1/",
        "http://8.8.8.8:25/",
    ],
)
def test_a_url_into_our_own_network_or_to_another_service_is_refused(url: str) -> None:
    with pytest.raises(Rejected) as caught:
        target(url)
    assert caught.value.reason == "refused"


@pytest.mark.parametrize("url", ["ftp://8.8.8.8/", "file:///etc/passwd", "gopher://8.8.8.8/", "//8.8.8.8/", "8.8.8.8"])
def test_only_http_urls_are_fetched(url: str) -> None:
    with pytest.raises(Rejected) as caught:
        target(url, allow_private=True)
    assert caught.value.reason == "bad-url"


def test_a_public_address_needs_no_resolver_and_comes_back_as_it_is() -> None:
    assert target("https://8.8.8.8/feed").addresses == ("8.8.8.8",)
    assert target("https://8.8.8.8/feed").port == 443


def test_a_private_address_is_taken_where_the_user_allows_it() -> None:
    assert target("http://127.0.0.1:9999/", allow_private=True).addresses == ("127.0.0.1",)
