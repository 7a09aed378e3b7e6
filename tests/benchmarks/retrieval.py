"""Finding the passage that answers a question: by words, by meaning, by both."""

import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from documents import chunking, lexical, parsers, ranking
from documents.embeddings.minilm import MiniLM
from documents.types import Chunk, Limits
from tests.benchmarks.report import Report, Table, number
from tests.benchmarks.session import Session

APPS = ()
TITLE = "Finding the passage that answers a question"
# The search was made by the first ones; the others, by another author, were not looked at for it.
SETS = {"development": "questions.json", "held out": "questions_held_out.json"}
FOLDER = "BENCH_DOCUMENTS"
DEEP = 10


class Question(TypedDict):
    """`files` hold the answer; a chunk that has the phrase in it is the right one."""

    question: str
    files: list[str]
    phrase: str


def run(session: Session) -> Report:
    folder = os.environ.get(FOLDER)
    sets = {name: _questions(file) for name, file in SETS.items()}
    asked = [question for questions in sets.values() for question in questions]
    names = sorted({name for question in asked for name in question["files"]})
    if not folder or not all((Path(folder) / name).is_file() for name in names):
        files = ", ".join(names)
        note = f"Not measured: {FOLDER} must be the folder that has these files: {files}."
        return Report(TITLE, note, [])
    chunks = {name: _chunks(Path(folder) / name) for name in names}
    model = MiniLM()
    documents, seconds = _documents(chunks, model)
    count = sum(map(len, chunks.values()))
    rows = []
    for way in ("words", "meaning", "both"):
        figures = [
            _figures([_rank(question, way, documents, chunks, model) for question in questions])
            for questions in sets.values()
        ]
        # Each figure of all sets side by side.
        rows.append((way, *(cell for cells in zip(*figures, strict=True) for cell in cells)))
    measures = ("recall@5", "recall@10", "MRR")
    header = ("by", *(f"{measure}, {name}" for measure in measures for name in sets))
    sizes = " and ".join(f"{len(questions)} ({name})" for name, questions in sets.items())
    return Report(
        TITLE,
        f"{sizes} questions, the former in other words than the answer's, over {count:,} chunks of"
        f" {len(names)} PDFs of one owner. A question counts as answered at k if one of the first"
        " k chunks holds the phrase that answers it. MRR: the mean of 1 / rank of the first."
        " The search was chosen by the development set alone; the target is a recall@5 of"
        " at least 0.85 by both.",
        [Table(header, rows)],
        [
            f"Embedded {count / seconds:.1f} chunks a second by {model.name} {model.version}.",
            f"Chunks {chunking.NAME} {chunking.VERSION}, words {lexical.NAME} {lexical.VERSION}.",
        ],
    )


def _questions(file: str) -> list[Question]:
    questions: list[Question] = json.loads(Path(__file__).with_name(file).read_text())
    return questions


def _chunks(path: Path) -> list[Chunk]:
    parsed = parsers.parse_in_child(path, "application/pdf", limits=Limits(), check=lambda: None)
    return chunking.split(parsed)


def _documents(
    chunks: Mapping[str, Sequence[Chunk]], model: MiniLM
) -> tuple[list[ranking.Searchable[str]], float]:
    documents, seconds = [], 0.0
    for name, pieces in chunks.items():
        texts = [chunking.in_context(piece) for piece in pieces]
        started = time.perf_counter()
        vectors = model.embed_documents(texts)
        seconds += time.perf_counter() - started
        documents.append(ranking.Searchable(name, lexical.build(texts), vectors))
    return documents, seconds


def _rank(
    question: Question,
    way: str,
    documents: Sequence[ranking.Searchable[str]],
    chunks: Mapping[str, Sequence[Chunk]],
    model: MiniLM,
) -> int | None:
    words = "" if way == "meaning" else question["question"]
    vector = None if way == "words" else model.embed_query(question["question"])
    hits = ranking.rank(words, vector, documents=documents, limit=DEEP)
    wanted = _plain(question["phrase"])
    for rank, hit in enumerate(hits, 1):
        text = chunks[hit.document_id][hit.ordinal].text
        if hit.document_id in question["files"] and wanted in _plain(text):
            return rank
    return None


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()


def _figures(ranks: Sequence[int | None]) -> tuple[str, ...]:
    def share(deep: int) -> str:
        return number(sum(rank is not None and rank <= deep for rank in ranks) / len(ranks), 2)

    return share(5), share(DEEP), number(sum(1 / rank for rank in ranks if rank) / len(ranks), 2)
