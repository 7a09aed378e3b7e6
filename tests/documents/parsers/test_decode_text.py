import random

import pytest

from documents.failures import StepFailed
from documents.parsers.decoding import decoded

ENGLISH = "The patient’s cycle was “normal”. Dr. Müller – 5 µg a day.\n"  # noqa: RUF001
GERMAN = "Die Patientin klagte über Übelkeit; Größe der Follikel: 18 mm.\n"
FRENCH = "La patiente a été examinée lundi; à côté de la clinique, où elle prend le thé.\n"
POLISH = (
    "Pacjentka została zbadana w poniedziałek, ból głowy ustąpił. Wyniki badań krwi są"
    " prawidłowe, a następna wizyta odbędzie się za dwa tygodnie.\n"
)
RUSSIAN = "Пациентка принимала лекарство утром и вечером, эффектов нет.\n"
GREEK = "Ο ασθενής πήρε το φάρμακο το πρωί και το βράδυ.\n"  # noqa: RUF001
JAPANESE = "患者は月曜日に診察を受けました。薬は朝と夜に飲みます。\n"
CHINESE = "患者星期一来就诊。早晚服药，没有副作用。\n"  # noqa: RUF001


@pytest.mark.parametrize("times", [1, 9000])
@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        *((ENGLISH, name) for name in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")),
        *((GERMAN, name) for name in ("utf-32", "utf-32-le", "utf-32-be", "cp1252", "latin-1")),
        (ENGLISH, "cp1252"),
        (FRENCH, "cp1252"),
        (POLISH, "cp1250"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        (GREEK, "cp1253"),
        (JAPANESE, "shift_jis"),
        (CHINESE, "gb18030"),
        (CHINESE, "utf-16-be"),
    ],
)
def test_finds_the_encoding(text: str, encoding: str, times: int) -> None:
    content = (text * times).encode(encoding)

    read, _ = decoded(content)

    assert read == text * times


def test_reads_one_umlaut_among_much_english() -> None:
    text = "The patient was seen on Monday and has no complaints. " * 40 + "Dr. Müller"

    read, encoding = decoded(text.encode("cp1252"))

    assert (read, encoding) == (text, "cp1252")


def test_keeps_utf8_of_which_a_byte_is_broken() -> None:
    content = ("Größe und Übelkeit. " * 20).encode() + b"\xc3"

    read, encoding = decoded(content)

    assert encoding == "utf-8"
    assert read.startswith("Größe und Übelkeit.")


def test_believes_a_declaration_where_bytes_do_not_tell() -> None:
    content = "La bibliothèque".encode("cp1250", errors="ignore") + b" \xe8"

    read, encoding = decoded(content, declared="iso-8859-2")

    assert encoding == "iso-8859-2"
    assert read.endswith("č")


@pytest.mark.parametrize("size", [500, 100_000])
def test_refuses_bytes_that_are_no_text(size: int) -> None:
    content = random.Random(1).randbytes(size)  # noqa: S311

    with pytest.raises(StepFailed):
        decoded(content)
