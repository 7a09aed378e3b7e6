"""What a search of one's own documents finds, says and refuses."""

import uuid
from collections import Counter

import pytest
from django.db import connection
from django.utils import timezone

from core import gate
from documents import embeddings, leases
from documents.failures import FAILURES, Code, StepFailed
from documents.models import (
    Document,
    EmbeddingModel,
    EncryptionKey,
    UserDocumentVectors,
)
from documents.services import changing, searching
from flags import rules
from tests.conftest import client_of
from tests.documents.parsers.files import pdf
from tests.documents.search.libraries import PATH, add, answer_to, ask, letter
from tests.factories import make_tenant, make_user
from tests.flag_sets import Flags
from tests.house.catalog import rows
from tests.house.wire import traffic


def places(found):
    return [(one["document_id"], one["chunk"]) for one in found["results"]]


def test_finds_a_piece_by_its_words_and_says_where(person):
    document = add(person, original_filename="letter.md", document_type="policy")

    found = ask(person, "How much progesterone in the evening?")

    best = found["results"][0]
    assert best["document_id"] == str(document.id)
    assert (best["filename"], best["document_type"]) == ("letter.md", "policy")
    assert best["heading"] == ["Medication"]
    words = Counter(best["snippet"][start:end] for start, end in best["highlights"])
    assert set(words) == {"progesterone", "evening"}
    assert best["scores"]["lexical"] > 0
    assert best["scores"]["vector"] > 0
    assert (best["page"], best["last_page"]) == (None, None)
    assert (found["mode"], found["reason"]) == ("hybrid", None)
    assert found["searched"] == {
        "documents": 1,
        "chunks": document.total_chunks,
        "embedded_chunks": document.total_chunks,
        "left_out_documents": 0,
        "unreadable_documents": 0,
    }


def test_finds_a_piece_by_its_meaning_alone(person):
    add(person)

    best = ask(person, "how expensive will it become")["results"][0]

    assert best["heading"] == ["Costs"]
    assert best["scores"]["lexical"] is None
    assert best["scores"]["vector"] > 0
    assert best["highlights"] == []


def test_tells_the_pages_of_a_file_that_has_them(person):
    add(
        person,
        pdf(["About the clinic and its people.", "The deductible is three hundred."]),
        content_type="application/pdf",
    )

    best = ask(person, "deductible")["results"][0]

    assert (best["page"], best["last_page"]) in {(2, 2), (1, 2)}


def test_counts_highlights_in_code_points(person):
    add(person, "Grüße 👩‍⚕️🧪 und Geduld: the estradiol 🧬 level is fine.".encode())

    best = ask(person, "estradiol level")["results"][0]

    found = [best["snippet"][start:end] for start, end in best["highlights"]]
    assert found == ["estradiol", "level"]


def test_gives_no_more_than_asked_for_and_the_best_of_them(person):
    add(person)

    everything = ask(person, "transfer medication costs", limit=50)

    assert len(everything["results"]) > 2
    assert places(ask(person, "transfer medication costs", limit=2)) == places(everything)[:2]
    scores = [one["score"] for one in everything["results"]]
    assert scores == sorted(scores, reverse=True)


def test_says_the_same_when_asked_again(person):
    add(person)
    add(person, letter(times=5))

    first, second = (answer_to(person, "progesterone").content for _ in range(2))

    assert first == second


def test_looks_only_where_it_is_told_to(person):
    policy = add(person, document_type="policy")
    plain = add(person, b"progesterone", content_type="text/plain", document_type="note")

    def found_in(**filters):
        found = ask(person, "progesterone", **filters)
        return {one["document_id"] for one in found["results"]}, found["searched"]["documents"]

    assert found_in() == ({str(policy.id), str(plain.id)}, 2)
    assert found_in(document_ids=[str(policy.id)]) == ({str(policy.id)}, 1)
    assert found_in(document_type="note") == ({str(plain.id)}, 1)
    assert found_in(content_type="text/plain") == ({str(plain.id)}, 1)
    assert found_in(content_type="text/plain", document_type="policy") == (set(), 0)


@pytest.mark.parametrize("has_documents", [True, False])
def test_finds_nothing_in_documents_of_nobody_or_of_others(person, has_documents):
    hers, others = add(make_user()), add(make_user(tenant=person.tenant))
    if has_documents:
        add(person)

    answers = {
        answer_to(person, "progesterone", document_ids=[str(key)]).content
        for key in (uuid.uuid4(), hers.id, others.id)
    }

    (answer,) = answers
    assert b'"results":[]' in answer
    assert b'"documents":0' in answer


def test_is_not_moved_by_what_others_keep(person):
    add(person)
    add(person, letter(times=5), original_filename="second.md")
    questions = ("progesterone dose", "how expensive is it", "the transfer on Tuesday", "xyzzy")
    before = [answer_to(person, query, limit=50).content for query in questions]

    neighbor, stranger = make_user(tenant=person.tenant), make_user(tenant=make_tenant())
    for other in (neighbor, stranger):
        add(other)
        add(other, b"Take nine hundred milligrams of progesterone. " * 30)
        add(other, b"xyzzy costs nothing, and transfers are on Friday. " * 30)

    assert [answer_to(person, query, limit=50).content for query in questions] == before
    assert ask(neighbor, "xyzzy")["results"] != ask(person, "xyzzy")["results"]


def test_forgets_at_once_what_was_deleted(person):
    stays, goes = add(person), add(person, letter(times=5))
    assert {one["document_id"] for one in ask(person, "transfer", limit=50)["results"]} == {
        str(stays.id),
        str(goes.id),
    }

    with gate.as_person(person.id) as owner:
        changing.delete(person=owner, document_id=goes.id)

    found = ask(person, "transfer", limit=50)
    assert {one["document_id"] for one in found["results"]} == {str(stays.id)}
    assert found["searched"]["documents"] == 1


def test_leaves_out_what_is_cancelled_or_not_cut_yet(person):
    document = add(person, until="embedding")
    assert ask(person, "progesterone")["searched"]["documents"] == 1

    with gate.as_person(person.id) as owner:
        changing.cancel(person=owner, document_id=document.id)
    add(person, until="chunking")

    found = ask(person, "progesterone")
    assert (found["results"], found["searched"]["documents"]) == ([], 0)


def test_searches_by_words_what_is_not_embedded_yet(person):
    document = add(person, until="embedding")

    found = ask(person, "progesterone in the evening")

    assert (found["mode"], found["reason"]) == ("lexical", "not-yet-embedded")
    assert found["searched"]["embedded_chunks"] == 0
    assert found["searched"]["chunks"] == document.total_chunks
    assert found["results"][0]["heading"] == ["Medication"]
    assert found["results"][0]["scores"]["vector"] is None


def test_searches_by_words_what_the_embedder_refused(person):
    document = add(person, until="embedding")
    while is_tried_again(document):
        claim = leases.claim_next()
        assert claim is not None
        leases.fail(claim, StepFailed(Code.EMBEDDER_REJECTED))

    found = ask(person, "progesterone in the evening")

    assert "by words" in FAILURES[Code.EMBEDDER_REJECTED].advice
    assert (found["mode"], found["reason"]) == ("lexical", "not-yet-embedded")
    assert found["results"][0]["heading"] == ["Medication"]


def is_tried_again(document):
    """Let the pause of a document be over, if it is to be tried again."""
    waiting = Document.objects.filter(id=document.id, status="embedding")
    return waiting.update(due_at=timezone.now())


def test_says_when_a_part_is_not_searched_by_meaning(person):
    add(person)
    add(person, letter(times=5), until="embedding")

    found = ask(person, "progesterone")

    assert (found["mode"], found["reason"]) == ("hybrid", "not-yet-embedded")
    assert found["searched"]["chunks"] > found["searched"]["embedded_chunks"] > 0


def test_never_compares_vectors_of_another_model(person):
    document = add(person)
    other = EmbeddingModel.objects.create(name=f"m-{uuid.uuid4()}", version="1", dimensions=384)
    UserDocumentVectors.objects.filter(document=document).update(model=other)

    found = ask(person, "progesterone")

    assert (found["mode"], found["reason"]) == ("lexical", "other-model")
    assert found["results"][0]["heading"] == ["Medication"]
    assert found["results"][0]["scores"]["vector"] is None


def test_answers_sensibly_without_any_document(person):
    assert ask(person, "progesterone") == {
        "results": [],
        "mode": "hybrid",
        "reason": None,
        "searched": {
            "documents": 0,
            "chunks": 0,
            "embedded_chunks": 0,
            "left_out_documents": 0,
            "unreadable_documents": 0,
        },
    }


@pytest.mark.parametrize("query", ["???", "the and of", "…", "👩‍⚕️", "a" * 1000])
def test_answers_questions_without_a_word_that_counts(person, query):
    add(person)

    assert ask(person, query)["searched"]["documents"] == 1


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({}, "query"),
        ({"query": ""}, "query"),
        ({"query": " \n\t "}, "query"),
        ({"query": "x" * 1001}, "query"),
        ({"query": 7}, "query"),
        ({"query": "a\0b"}, "query"),
        ({"query": "x", "limit": 0}, "limit"),
        ({"query": "x", "limit": 51}, "limit"),
        ({"query": "x", "limit": "10"}, "limit"),
        ({"query": "x", "document_ids": []}, "document_ids"),
        ({"query": "x", "document_ids": ["nobody"]}, "document_ids"),
        ({"query": "x", "document_ids": str(uuid.uuid4())}, "document_ids"),
        ({"query": "x", "document_type": "t" * 51}, "document_type"),
        ({"query": "x", "content_type": 1}, "content_type"),
        ({"query": "x", "q": "y"}, "q"),
    ],
)
def test_names_the_field_that_is_wrong(as_alice, body, name):
    response = as_alice.call("POST", PATH, body)

    assert response.status_code == 400
    assert name in response.json()["detail"]
    assert "x" * 100 not in response.content.decode()


@pytest.mark.parametrize("path", [f"{PATH}?query=progesterone", f"{PATH}"])
def test_is_not_asked_in_a_url(as_alice, path):
    assert as_alice.call("GET", path).status_code == 405


def damage(table, condition, *values):
    sql = f"UPDATE {table} SET sealed = overlay(sealed placing '\\x00' from 30) WHERE {condition}"
    rows(sql, values)


def test_opens_only_what_it_shows(person):
    document = add(person)
    damage("document_chunks", "document_id = %s AND ordinal > 0", document.id)

    found = ask(person, "bladder", limit=1)

    assert [one["chunk"] for one in found["results"]] == [0]
    assert found["reason"] is None


def test_leaves_out_a_piece_that_does_not_open_and_says_so(person, caplog):
    document = add(person)
    damage("document_chunks", "document_id = %s AND ordinal > 0", document.id)

    found = ask(person, "progesterone transfer", limit=50)

    assert [one["chunk"] for one in found["results"]] == [0]
    assert (found["mode"], found["reason"]) == ("hybrid", "unreadable")
    assert found["searched"]["unreadable_documents"] == 1
    assert str(document.id) in str([vars(record) for record in caplog.records])


@pytest.mark.parametrize("table", ["document_terms", "user_document_vectors"])
def test_searches_the_rest_when_one_document_does_not_open(person, table, caplog):
    whole, broken = add(person), add(person, letter(times=5))
    damage(table, "document_id = %s", broken.id)

    found = ask(person, "progesterone", limit=50)

    assert {one["document_id"] for one in found["results"]} == {str(whole.id)}
    assert (found["mode"], found["reason"]) == ("hybrid", "unreadable")
    assert found["searched"]["documents"] == found["searched"]["unreadable_documents"] == 1
    logged = str([vars(record) for record in caplog.records])
    assert str(broken.id) in logged
    assert str(person.id) not in logged


def test_searches_the_newest_of_too_many(person, monkeypatch):
    oldest, older, newest = (add(person, letter(times=times)) for times in (4, 5, 6))
    each = embeddings.current().dimensions * 4 + searching.WORDS_BYTES
    monkeypatch.setattr(searching, "MOST_BYTES", each * ((newest.total_chunks or 0) + 1))

    found = ask(person, "progesterone", limit=50)

    searched = {one["document_id"] for one in found["results"]}
    assert searched == {str(newest.id), str(older.id)}
    assert found["reason"] == "too-many-documents"
    assert found["searched"]["left_out_documents"] == 1
    chosen = ask(person, "progesterone", document_ids=[str(oldest.id)])
    assert {one["document_id"] for one in chosen["results"]} == {str(oldest.id)}
    assert chosen["reason"] is None


def test_says_so_when_a_persons_key_is_gone(person):
    add(person)
    EncryptionKey.objects.filter(user=person).update(kek_id="another")

    response = answer_to(person, "progesterone")

    assert response.status_code == 503
    assert response.json()["code"] == "search-unavailable"
    assert response.json()["retryable"] is True


@pytest.fixture
def flags_committed(person):
    """As the person's rows are committed, so are flags; encryption is put back."""
    before = rules.replace(None)
    flags = Flags()
    yield flags
    flags.change("vector_encryption", is_enabled=True)
    rules.replace(before)


def test_finds_what_is_stored_plain_and_sealed_alike(person, flags_committed):
    add(person)
    flags_committed.change("vector_encryption", is_enabled=False)
    add(person, letter(times=5))

    found = ask(person, "progesterone", limit=50)

    assert found["searched"]["documents"] == 2
    assert len({one["document_id"] for one in found["results"]}) == 2


def test_writes_neither_question_nor_answer_into_the_log(person, caplog, capfd):
    add(person)
    caplog.clear()
    capfd.readouterr()

    ask(person, "progesterone quixotically")

    written = capfd.readouterr()
    told = str([vars(record) for record in caplog.records]) + written.out + written.err
    assert "api/v2/documents/search" in told
    assert "quixotically" not in told
    assert "progesterone" not in told


def test_asks_the_database_three_things_inside_the_gate(person):
    for times in range(4, 12):
        add(person, letter(times=times))
    client = client_of(person)
    body = {"query": "progesterone", "limit": 50}
    assert client.call("POST", PATH, body).json()["searched"]["documents"] == 8

    with traffic() as counted:
        response = client.call("POST", PATH, body)

    assert len(response.json()["results"]) > 3
    # BEGIN, the gate, keys, indexes, chunks, COMMIT.
    assert counted.statements == 6
    assert not connection.in_atomic_block


def test_knows_no_document_of_an_account_that_is_switched_off(person):
    add(person)
    client = client_of(person)
    type(person).objects.filter(id=person.id).update(is_active=False)

    assert client.call("POST", PATH, {"query": "progesterone"}).status_code == 401
    assert Document.objects.filter(user=person).exists()
