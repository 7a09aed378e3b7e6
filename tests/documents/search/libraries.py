"""People with documents that are through, or not quite, and questions to them."""

from typing import Any

from accounts.models import User
from documents import pipeline
from documents.models import Document
from tests.conftest import client_of
from tests.documents.papers import make_document

PATH = "/api/v2/documents/search"

SECTIONS = {
    "Your embryo transfer": (
        "The transfer is planned for Tuesday morning at nine. Please come with a full bladder,"
        " and bring the consent form. Somebody should drive you home. "
        "We will show you the picture of the embryo before we begin. "
    ),
    "Medication": (
        "Take two hundred milligrams of progesterone every evening, also after the transfer."
        " Keep the vials in the refrigerator, and never freeze them. "
        "If you forget a dose, take it as soon as you notice. "
    ),
    "Costs": (
        "Your insurance pays for half of the treatment. The deductible is three hundred dollars."
        " Send the invoices to the company within ninety days. "
        "Our office helps you with the paperwork when something was refused. "
    ),
}


def letter(*, times: int = 4) -> bytes:
    """Write sections that are as long as a piece each."""
    return "\n\n".join(
        f"# {title}\n\n" + "\n\n".join([text] * times) for title, text in SECTIONS.items()
    ).encode()


def add(
    user: User, content: bytes | None = None, *, until: str = "completed", **changes: Any
) -> Document:
    """Give somebody a document that workers have brought so far."""
    document = make_document(user, content=letter() if content is None else content, **changes)
    while document.status != until:
        assert pipeline.advance()
        document.refresh_from_db()
    return document


def answer_to(user: User, query: str, **more: Any) -> Any:
    return client_of(user).call("POST", PATH, {"query": query, **more})


def ask(user: User, query: str, **more: Any) -> Any:
    response = answer_to(user, query, **more)
    assert response.status_code == 200, response.content
    return response.json()
