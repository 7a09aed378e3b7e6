from django.utils import timezone
from documents import pipeline
from documents.models import Document
from tests.documents.papers import make_document


def test_it(person):
    document = make_document(person)
    type(person.tenant).objects.filter(id=person.tenant_id).update(is_active=False)
    seen = []
    for _ in range(5):
        Document.objects.filter(id=document.id).update(due_at=timezone.now())
        took = pipeline.advance()
        document.refresh_from_db()
        seen.append((took, document.status, document.losses, document.error_code))
    assert seen == []
