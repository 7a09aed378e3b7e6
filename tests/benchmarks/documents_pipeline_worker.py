"""The parser and the embedder alone, on one file: seconds, and how many chunks it has."""

import time
from pathlib import Path

from tests.benchmarks.worker import answer, read_question, set_django_up

PDF = "application/pdf"


def main() -> None:
    (path,) = read_question()
    descriptor = set_django_up()
    from documents import chunking, embeddings, parsers  # noqa: PLC0415  Django is set up now.
    from documents.types import Limits  # noqa: PLC0415

    began = time.perf_counter()
    parsed = parsers.parse_in_child(Path(path), PDF, limits=Limits(), check=lambda: None)
    parse = time.perf_counter() - began
    texts = [chunking.in_context(piece) for piece in chunking.split(parsed)]
    embedder = embeddings.current()
    embedder.embed_documents(["So that the model is loaded."])
    began = time.perf_counter()
    for start in range(0, len(texts), embedder.batch_size):
        embedder.embed_documents(texts[start : start + embedder.batch_size])
    embed = time.perf_counter() - began
    answer({"parse": parse, "embed": embed, "chunks": len(texts)}, descriptor)


if __name__ == "__main__":
    main()
