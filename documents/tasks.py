"""Work for later. Rows are the truth: the broker only wakes, and what is lost is found again."""

from celery import shared_task

from documents import pipeline, queries, storage


@shared_task
def advance() -> None:
    """Do one step of the document that is due; the next one, whosever it is, takes its turn."""
    if pipeline.advance():
        advance.delay()
