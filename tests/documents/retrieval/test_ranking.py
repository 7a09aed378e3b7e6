"""Finding the chunks that answer a question."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents import lexical, ranking

TEXTS = {
    "policy": ["The deductible is high.", "Drugs cost a copay.", "Call us at any time of the day."],
    "letter": ["Your copay for drugs has changed, and drugs are dear.", "Yours sincerely."],
}


def unit(*values: float) -> np.ndarray:
    vector = np.array(values, np.float32)
    return vector / np.linalg.norm(vector)


def searchable(name: str, vectors: np.ndarray | None = None) -> ranking.Searchable:
    return ranking.Searchable(name, lexical.build(TEXTS[name]), vectors)


def places(hits):
    return [(hit.document_id, hit.ordinal) for hit in hits]


def test_finds_by_words_alone():
    hits = ranking.rank(
        "drug", None, documents=[searchable("policy"), searchable("letter")], limit=9
    )

    assert places(hits) == [("letter", 0), ("policy", 1)]
    assert [hit.score for hit in hits] == [hit.lexical_score for hit in hits]
    assert 1 > hits[0].score > hits[1].score > 0
    assert {hit.vector_score for hit in hits} == {None}


def test_finds_by_meaning_where_no_word_fits():
    vectors = np.stack([unit(1, 0), unit(0, 1), unit(1, 1)])

    hits = ranking.rank("excess", unit(1, 0.1), documents=[searchable("policy", vectors)], limit=2)

    assert places(hits) == [("policy", 0), ("policy", 2)]
    assert hits[0].vector_score == pytest.approx(1 / np.sqrt(1.01), abs=1e-6)
    assert hits[0].lexical_score is None


def test_puts_first_what_is_good_both_ways():
    vectors = np.stack([unit(1, 0.2), unit(1, 0), unit(0, 1)])

    hits = ranking.rank(
        "deductible", unit(1, 0), documents=[searchable("policy", vectors)], limit=3
    )

    assert places(hits)[:2] == [("policy", 0), ("policy", 1)]
    both = (hits[0].lexical_score or 0, hits[0].vector_score or 0)
    assert min(both) > 0
    assert hits[0].score == pytest.approx(sum(both) / 2)
    assert hits[1].score == pytest.approx(1 / 2)
    assert hits[1].lexical_score is None
    assert hits[1].vector_score == pytest.approx(1)


def test_trusts_words_less_the_fewer_of_them_are_found():
    vectors = np.stack([unit(1, 0.5), unit(1, 1), unit(0, 1)])
    documents = [searchable("policy", vectors)]

    [whole, *_] = ranking.rank("copay drugs", unit(1, 0), documents=documents, limit=3)
    [part, *_] = ranking.rank(
        "copay of a zebra, a quagga and an okapi", unit(1, 0), documents=documents, limit=3
    )

    assert (whole.ordinal, part.ordinal) == (1, 0)


def test_finds_by_meaning_what_is_far_from_any_word():
    words = ["many same words"] * 300
    vectors = np.stack([*[unit(1, 2)] * 300, unit(1, 0)])
    document = ranking.Searchable("one", lexical.build([*words, "other"]), vectors)

    [best, *_] = ranking.rank("same zebra", unit(1, 0), documents=[document], limit=5)

    assert best.ordinal == 300


def test_leaves_out_what_says_nothing():
    vectors = np.stack([unit(-1, 0), unit(-1, 1), unit(1, 1)])

    hits = ranking.rank("zebra", unit(1, 0), documents=[searchable("policy", vectors)], limit=9)

    assert places(hits) == [("policy", 2)]


def test_searches_a_document_whose_vectors_are_not_all_there_yet():
    documents = [searchable("policy", np.stack([unit(1, 0)])), searchable("letter")]

    hits = ranking.rank("drugs", unit(1, 0), documents=documents, limit=9)

    assert set(places(hits)) == {("policy", 0), ("policy", 1), ("letter", 0)}


def test_scores_by_the_given_documents_alone():
    alone = ranking.rank("drugs", None, documents=[searchable("policy")], limit=1)
    beside = ranking.rank(
        "drugs", None, documents=[searchable("policy"), searchable("letter")], limit=2
    )

    [same] = [hit for hit in beside if hit.document_id == "policy"]
    assert same.lexical_score != alone[0].lexical_score


@pytest.mark.parametrize("query", ["", "the of and", "🙂", "zebra"])
def test_finds_nothing_without_a_reason(query):
    assert ranking.rank(query, None, documents=[searchable("policy")], limit=9) == []
    assert ranking.rank(query, None, documents=[], limit=9) == []


def test_joins_many_chunks_in_a_stable_order():
    vectors = np.repeat(unit(1, 2)[None], 1_000, axis=0)
    document = ranking.Searchable("same", lexical.build(["same words"] * 1_000), vectors)

    hits = ranking.rank("words", unit(1, 2), documents=[document], limit=20)

    assert [hit.ordinal for hit in hits] == list(range(20))


def test_shows_where_the_words_stand_together():
    text = "drugs " + "filler " * 200 + "The **copay** for\n\ndrugs, 🙂 is low. " + "filler " * 200

    shown, highlights = ranking.snippet(text, lexical.terms("copay of a drug"))

    assert "The **copay** for drugs, 🙂 is low." in shown
    assert [shown[start:end] for start, end in highlights] == ["copay", "drugs"]
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    assert len(shown) <= ranking.SNIPPET + 4


def test_shows_the_beginning_where_no_word_stands():
    assert ranking.snippet("Short text.", ["zebra"]) == ("Short text.", [])


@given(st.text(alphabet="ab ä\u0301\n🙂", max_size=900), st.text(alphabet="ab ", max_size=5))
def test_shows_words_at_their_places(text, query):
    stems = lexical.terms(query)

    shown, highlights = ranking.snippet(text, stems)

    assert len(shown) <= ranking.SNIPPET + 4
    assert all(lexical.terms(shown[start:end])[0] in stems for start, end in highlights)
    assert bool(highlights) or not (set(lexical.terms(text)) & set(stems)) or len(text) > 280
