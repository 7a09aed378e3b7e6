"""Twenty documents and several processes of two workers: each stage is done once, by one of them."""

from concurrent.futures import ThreadPoolExecutor

from tests.documents.crashes.installation import Installation, Person
from tests.documents.crashes.story import SHORT, Calm, attempts, left_over, read

STAGES = ("uploading", "processing", "chunking", "embedding")


def test_does_each_stage_once(installation: Installation, calm: Calm, olga: Person):
    installation.start_worker(name="second", processes=2)
    with ThreadPoolExecutor(2) as pool:
        documents = list(pool.map(lambda _: olga.upload("one-of-many.md", SHORT), range(20)))

    installation.until(lambda: olga.has_completed(documents))

    expected = [(stage, 1, "succeeded", "") for stage in STAGES]
    for document in documents:
        assert attempts(installation, document) == expected
        read(installation, document).assert_same(calm.stories[SHORT])
    assert left_over(installation) == []
