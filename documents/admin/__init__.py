"""The console's pages about documents: the pipeline, the queue of what needs help, each story."""

from documents.admin.story import DocumentAdmin

__all__ = ["DocumentAdmin"]
