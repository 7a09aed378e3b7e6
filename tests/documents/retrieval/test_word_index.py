"""The word index of a document."""

import numpy as np
import pytest

from documents import lexical


def found(index: bytes, query: str) -> dict[int, int]:
    """Tell which chunks have a word of the query, and how often."""
    loaded = lexical.load(index)
    wanted = np.array([lexical.hash_of(stem) for stem in lexical.terms(query)], np.uint64)
    return {
        int(ordinal): int(count)
        for _, start, end in loaded.find(wanted)
        for ordinal, count in zip(loaded.ordinals[start:end], loaded.counts[start:end], strict=True)
    }


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("Deductibles apply.", "deductible"),
        ("Die Ärztin fragt.", "arztin"),
        ("Die A\u0308rztin fragt.", "Ärztin"),
        ("Straße", "STRASSE"),
        ("\ufb01nance", "finance"),
        ("It costs $1,500 a year.", "1500"),
        ("Take 2.5 mg.", "2.5"),
        ("The patient\u2019s card.", "patient"),
        ("co\u00adpay", "copay"),
        ("B12 and IL-6", "b12"),
        ("Ελληνικά κείμενα", "ΕΛΛΗΝΙΚΆ"),
    ],
)
def test_finds_a_word_however_it_is_written(written, asked):
    assert found(lexical.build(["Nothing.", written]), asked) == {1: 1}


def test_counts_words_of_each_chunk():
    index = lexical.build(["pay and pay", "", "the pay of the day"])

    assert found(index, "pay") == {0: 2, 2: 1}
    assert lexical.load(index).lengths.tolist() == [2, 0, 2]


def test_forgets_common_words():
    assert lexical.terms("What is the copay for THE doctor, and why don't I know?") == [
        "copay",
        "doctor",
        "know",
    ]


def test_is_the_same_for_the_same_text_and_reads_in_place():
    index = lexical.build(["one two three", "two"])

    loaded = lexical.load(index)

    assert lexical.build(["one two three", "two"]) == index
    assert not loaded.hashes.flags.owndata
    assert not loaded.ordinals.flags.owndata


@pytest.mark.parametrize("texts", [[], [""], ["the"], ["🙂"]])
def test_holds_nothing_where_nothing_is(texts):
    index = lexical.build(texts)

    assert len(lexical.load(index)) == len(texts)
    assert found(index, "anything") == {}


def test_holds_more_chunks_than_small_numbers_count():
    index = lexical.build([*[""] * 70_000, "far"])

    assert found(index, "far") == {70_000: 1}


@pytest.mark.parametrize("content", [b"", b"NLX1", b"something else", b"NLX1" + bytes([255]) * 12])
def test_refuses_other_bytes(content):
    with pytest.raises(ValueError, match=r"."):
        lexical.load(content)


def test_caps_a_word_that_is_repeated_without_end():
    assert found(lexical.build(["ha " * 1_000]), "ha") == {0: 255}
