import pytest

from documents.parsers import cleaning


def test_leaves_no_blanks_at_the_ends_of_lines() -> None:
    assert cleaning.clean("a  b \t\n  \nc\t") == "a  b\n\nc"


def test_is_not_held_up_by_blanks_within_a_line() -> None:
    text = "a" + " \t" * 1_000_000 + "b"

    assert cleaning.clean(text + " ") == text


@pytest.mark.parametrize(
    ("markdown", "has_text"),
    [
        ("![Scan](page.png)\n<!-- a comment --> ```", False),
        ("![Scan](page.png) and more", True),
        ("![" * 300_000, False),
        ("![](" * 300_000, False),
        ("<!--" * 300_000, False),
    ],
    ids=["placeholders", "text", "images", "addresses", "comments"],
)
def test_tells_text_from_what_stands_for_none(markdown: str, has_text: object) -> None:
    assert cleaning.has_text(markdown) is has_text
