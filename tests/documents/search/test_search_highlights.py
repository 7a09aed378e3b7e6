"""Words of a question are found in a text however they are written, though few words are stemmed."""

import random

import pytest

from documents import lexical, ranking

ODD = [
    "dying",
    "lying",
    "tying",
    "skies",
    "skis",
    "sky",
    "news",
    "idly",
    "gently",
    "ugly",
    "early",
    "only",
    "singly",
    "ties",
    "die",
    "lies",
    "cries",
    "yes",
    "year",
    "yield",
    "youth",
    "buying",
    "played",
    "playing",
    "yearly",
    "dyed",
    "typed",
    "embryos",
    "Embryo's",
    "Ärztin",
    "naïve",
    "1,000",
    "200",
    "200mg",
    "proceed",
    "innings",
    "exceeding",
    "outing",
    "succeed",
    "herring",
    "canning",
    "earring",
    "generously",
    "communism",
    "arsenal",
    "universities",
    "relational",
    "hopefulness",
    "electricity",
    "adjustable",
    "IVF",
    "icsi",
]


def every(text: str) -> list[tuple[int, int, str]]:
    return list(lexical.Words().stems(text))


@pytest.mark.parametrize("word", ODD)
def test_finds_a_word_by_its_stem(word):
    found = every(word)

    assert list(lexical.Words([stem for _, _, stem in found]).stems(word)) == found


@pytest.mark.parametrize("seed", range(200))
def test_marks_the_same_as_if_all_words_were_stemmed(seed):
    dice = random.Random(seed)  # noqa: S311
    endings = ("", "s", "ies", "ing", "ed", "ly", "ness", "ational", "y", "ying", "'s")
    words = [
        "".join(dice.choices("aeioudklmnrsty", k=dice.randint(1, 6))) + dice.choice(endings)
        for _ in range(60)
    ]
    text = " ".join(words)
    stems = lexical.terms(" ".join(dice.sample(words, 4)))

    shown, places = ranking.snippet(text, stems)

    assert places == [(start, end) for start, end, stem in every(shown) if stem in stems]


def test_shows_the_beginning_when_a_question_has_no_word_that_counts():
    assert ranking.snippet("The first words of it.", []) == ("The first words of it.", [])
