"""Cutting a document into chunks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents import chunking
from documents.types import Page, Parsed


def parsed(*texts: str) -> Parsed:
    pages = tuple(Page(number, text) for number, text in enumerate(texts, 1))
    return Parsed(pages, "test", "1")


@given(st.lists(st.text(alphabet="aä🙂e\u0301 \n#`~=-*|>", max_size=400), min_size=1, max_size=5))
def test_gives_pieces_of_the_text_in_order(texts):
    document = parsed(*texts)

    chunks = chunking.split(document)

    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    assert all(document.text[chunk.start : chunk.end] == chunk.text for chunk in chunks)
    assert all(any(map(str.isalnum, chunk.text)) for chunk in chunks)
    assert chunks == chunking.split(document)


def test_leaves_no_word_out_and_overlaps():
    words = [f"word{number}" for number in range(20_000)]

    chunks = chunking.split(parsed(" ".join(words)))

    assert {word for chunk in chunks for word in chunk.text.split()} >= set(words)
    assert max(len(chunk.text) for chunk in chunks) <= chunking.LIMIT
    assert 0 < chunks[0].end - chunks[1].start <= chunking.OVERLAP


def test_tells_the_pages_that_a_chunk_is_on():
    first, *_, last = chunking.split(parsed("one", "", "two", "three " * 400))

    assert (first.first_page, first.last_page) == (1, 3)
    assert (last.first_page, last.last_page) == (4, 4)


def test_tells_the_headings_above_but_none_from_code():
    document = parsed(
        "# Plan\n\n## Drugs **now** ##\n\n"
        + "pay " * 450
        + "\n\n```sh\n# no heading\n```\n\nShares\n------\n\n"
        + "cost " * 450
    )

    headings = {chunk.heading for chunk in chunking.split(document)}

    assert headings == {("Plan", "Drugs now"), ("Plan", "Shares")}


def test_tells_no_heading_without_a_title():
    document = parsed("# Plan #\n\n## #\n\n" + "pay " * 450 + "\n\n#\n\n" + "cost " * 450)

    headings = [chunk.heading for chunk in chunking.split(document)]

    assert list(dict.fromkeys(headings)) == [("Plan",), ()]


def test_finds_the_way_through_headings_alone():
    document = parsed("# One\n## Two\n" * 50_000 + "# Last\n\nThe end.")

    *_, before, last = chunking.split(document)

    assert before.heading[0] == "One"
    assert (last.heading, last.text[-8:]) == (("Last",), "The end.")


def test_makes_no_chunk_of_a_heading_that_the_next_chunk_tells():
    chunks = chunking.split(parsed("# Plan\n\n## Drugs\n\n" + "pay " * 450))

    assert chunks[0].heading == ("Plan", "Drugs")
    assert "pay" in chunks[0].text


def test_keeps_a_document_of_headings_alone():
    chunks = chunking.split(parsed("# One\n\n# Two\n\n# Three"))

    assert "\n\n".join(chunk.text for chunk in chunks) == "# One\n\n# Two\n\n# Three"


@pytest.mark.parametrize("text", ["", " \n\t", "\n" * 1_000_000, " \n" * 500_000, "---\n***", "🙂"])
def test_makes_nothing_of_nothing(text):
    assert chunking.split(parsed(text)) == []


def test_survives_many_empty_pages():
    chunks = chunking.split(parsed("first", *[""] * 20_000, "last"))

    assert [chunk.text for chunk in chunks] == ["first", "last"]
    assert chunks[1].first_page == 20_002
