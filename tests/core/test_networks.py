"""Addresses in the audit log: shortened, and the same network in whatever way it is written."""

import pytest

from core.origin import NOBODY, network


@pytest.mark.parametrize(
    ("address", "shortened"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("192.0.2.77:4711", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("[::ffff:192.0.2.77]:4711", "192.0.2.0/24"),
        ("2001:db8:0:0:1:2:3:4", "2001:db8::/48"),
        ("2001:db8::1:2:3:4", "2001:db8::/48"),
        ("2001:0DB8::1", "2001:db8::/48"),
        ("2001:db8:5::1", "2001:db8:5::/48"),
        ("[2001:db8:5::1]:443", "2001:db8:5::/48"),
        ("[2001:db8:5::1]", "2001:db8:5::/48"),
        ("2001:db8:5:6:7:8:9:a", "2001:db8:5::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("::1", "::/48"),
    ],
)
def test_are_shortened(address: str, shortened: str):
    assert network(address) == shortened


@pytest.mark.parametrize(
    "address", ["", "unknown", "somebody@example.com", "1.2.3", ":", "[", "1.2.3.4," * 99]
)
def test_are_nobodys_where_there_is_none(address: str):
    assert network(address) == NOBODY
