"""The built-in model: real weights, no network."""

import os
import socket
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from documents import checks, embeddings
from documents.embeddings import minilm
from documents.embeddings.minilm import MiniLM
from documents.failures import Code, StepFailed


@pytest.fixture(scope="module")
def model() -> MiniLM:
    return MiniLM()


def test_gives_what_the_published_model_gives(model):
    # From its makers' model card: the first three values of each, to about four digits.
    sentences = ["This is an example sentence", "Each sentence is converted"]

    vectors = model.embed_documents(sentences)

    expected = [[0.0676, 0.0635, 0.0487], [0.0864, 0.1027, 0.0054]]
    assert vectors[:, :3] == pytest.approx(np.array(expected), abs=1e-4)


def test_puts_like_meanings_near(model):
    near, far = model.embed_documents(["You pay the first $500 yourself.", "The cat is asleep."])

    asked = model.embed_query("How high is my deductible?")

    assert asked @ near > asked @ far + 0.2


def test_gives_the_same_vector_alone_and_among_others(model):
    texts = ["short", "a somewhat longer text of several words " * 9, "", "x" * 3_000] * 5

    vectors = model.embed_documents(texts)

    assert vectors.shape == (20, 384)
    assert vectors[1] == pytest.approx(model.embed_documents([texts[1]])[0], abs=1e-5)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


def test_reads_no_further_than_its_window(model):
    text = "word " * 254

    assert model.embed_query(text + "first end") == pytest.approx(model.embed_query(text), abs=1e-6)
    assert model.embed_documents([]).shape == (0, 384)


def test_uses_no_network(monkeypatch):
    def refuse(*_):
        raise AssertionError

    monkeypatch.setattr(socket.socket, "connect", refuse)

    assert MiniLM().embed_query("offline").shape == (384,)


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json"])
def test_refuses_files_that_are_not_the_known_ones(file, tmp_path):
    for name in minilm.HASHES:
        (tmp_path / name).symlink_to(minilm._folder() / name)
    (tmp_path / file).unlink()
    (tmp_path / file).write_bytes(b"something else")
    model = MiniLM(folder=tmp_path)

    with pytest.raises(StepFailed) as failed:
        model.embed_query("text")

    assert failed.value.code == Code.EMBEDDER_UNAVAILABLE
    assert file in failed.value.detail
    assert model.check() == failed.value.detail


def test_says_what_to_do_without_the_weights(monkeypatch, tmp_path):
    monkeypatch.setattr(minilm, "PACKAGE", "not_installed_at_all")

    assert "requirements-weights.txt" in (MiniLM().check() or "")
    assert "model.safetensors of the embedding model cannot be read" in (
        MiniLM(folder=tmp_path).check() or ""
    )


def test_stops_what_starts_without_the_weights(monkeypatch):
    assert checks.check_embedder() == []

    monkeypatch.setattr(minilm, "PACKAGE", "not_installed_at_all")

    with pytest.raises(CommandError, match=r"documents\.E002.*requirements-weights\.txt"):
        call_command("check", stderr=StringIO())


def test_is_one_for_a_process_and_another_for_its_child():
    ours = embeddings.current()
    pid = os.fork()
    if not pid:
        os._exit(embeddings.current() is ours)

    _, status = os.waitpid(pid, 0)

    assert embeddings.current() is ours
    assert os.waitstatus_to_exitcode(status) == 0
    assert embeddings.check() is None


@pytest.mark.parametrize(
    ("vectors", "word"),
    [
        ([[1.0, 2.0, 3.0]], "expected"),
        ([[1.0, 2.0], [1.0]], "no table"),
        ([[1.0, 2.0], ["x", 1.0]], "no table"),
        ([[1.0, 2.0], [float("nan"), 1.0]], "no number"),
        ([[1.0, 2.0], [float("inf"), 1.0]], "no number"),
        ([[1.0, 2.0], [1e300, 1.0]], "no number"),
        ([[1.0, 2.0], [0.0, 0.0]], "zero"),
        ([[1.0, 2.0], [0.5, 0.5]], "same value"),
    ],
)
def test_refuses_vectors_that_say_nothing(vectors, word):
    with pytest.raises(StepFailed, match=word) as failed:
        embeddings.validated(vectors, 2, 2)

    assert failed.value.code == Code.EMBEDDER_REJECTED
