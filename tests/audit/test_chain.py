"""The arithmetic of the chain, against the words of RFC 9162 and of the database."""

import hashlib
import uuid
from typing import Any

import pytest
from django.db import connection
from psycopg import sql

from audit import chain, lines
from tests.audit import chains

KEYS = {"new": bytes(range(32)), "old": bytes(range(32, 64))}
# From the test vectors of Certificate Transparency (RFC 6962 and 9162 have the same trees).
INPUTS = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def leaves(count: int) -> list[bytes]:
    return [hashlib.sha256(b"\0" + bytes.fromhex(one)).digest() for one in INPUTS[:count]]


@pytest.mark.parametrize("count", range(1, 9))
def test_gives_the_roots_of_the_rfc(count: int):
    assert chain.root(leaves(count)).hex() == ROOTS[count - 1]


def test_proves_each_leaf_of_each_tree_and_no_other():
    for size in range(1, 40):
        all_leaves = [hashlib.sha256(bytes([n])).digest() for n in range(size)]
        for index, leaf in enumerate(all_leaves):
            path = chain.inclusion_path(all_leaves, index)

            assert chain.root_of_path(leaf, index, size, path) == chain.root(all_leaves)
            assert chain.root_of_path(all_leaves[index - 1], index, size, path) != chain.root(
                all_leaves
            ) or (size == 1)
            assert chain.root_of_path(leaf, index, size, [*path, leaf]) is None


def test_commits_as_the_database_does_when_it_erases(own_log: object):
    person = uuid.uuid4()
    entries = chains.write(uuid.uuid4(), 1, subject_id=person)
    entries += chains.write(uuid.uuid4(), 1, subject_id=person, details=None)
    entries += chains.write(uuid.uuid4(), 1, subject_id=person, details={})
    condition = sql.SQL("id = ANY ({})").format(sql.Literal(entries))
    before = list(lines.read(condition))

    chains.rows("SELECT erase_audit_payloads(%s)", person)

    after = list(lines.read(condition))
    assert [line.leaf for line in before] == [line.leaf for line in after]
    assert [line.is_erased for line in after] == [True] * 3


def test_reads_whatever_a_text_may_hold(own_log: object):
    texts = ["a\tb", "a\\tb", "\\N", "\\", "x\ny\r\b\f\v\x01", "ü😀", "'\"", " ", "\\\\N"]
    clinic = uuid.uuid4()
    for text in texts:
        chains.write(clinic, 1, object_type=text, details={text: text})

    found = list(lines.read(sql.SQL("tenant_id = {}").format(sql.Literal(str(clinic)))))

    assert [line.value(lines.OBJECT_TYPE) for line in found] == texts
    assert [line.told() for line in found] == [{text: text} for text in texts]
    assert len({line.leaf for line in found}) == len(texts)
    assert connection.connection is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((None, None), (b"", None)),
        ((b"a", None), (None, b"a")),
        ((b"a", b"null"), (b"a", None)),
    ],
)
def test_commits_to_nothing_and_to_empty_texts_otherwise(one, other):
    assert chain.commitment(b"salt", *one) != chain.commitment(b"salt", *other)


def test_takes_signatures_of_every_key_it_has_and_of_no_other():
    signed = [chain.sign("said", name, seed) for name, seed in KEYS.items()]

    assert [chain.flaw(one, KEYS) for one in signed] == ["", ""]
    assert "has no key 'old'" in chain.flaw(signed[1], {"new": KEYS["new"]})
    assert "is not that of key" in chain.flaw(signed[1], {"old": KEYS["new"]})
    other = chain.SignedStatement("said ", signed[0].key, signed[0].signature)
    assert "is not that of key" in chain.flaw(other, KEYS)
    other = chain.SignedStatement("said", signed[0].key, "no base64!")
    assert "is not that of key" in chain.flaw(other, KEYS)


def test_gives_another_hash_for_whatever_changes_in_a_link():
    tenant = uuid.uuid4()
    whole: tuple[Any, ...] = (tenant, 1, 2, b"r" * 32, 3, 4, 5, 6, b"p" * 32)
    others: tuple[Any, ...] = (uuid.uuid4(), 2, 3, b"s" * 32, 4, 5, 6, 7, b"q" * 32)

    hashes = {
        chain.Link(*[*whole[:place], others[place], *whole[place + 1 :]]).hash()
        for place in range(len(whole))
    }

    assert len(hashes | {chain.Link(*whole).hash()}) == 10
