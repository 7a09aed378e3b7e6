"""Event streams, tickets and signed links: what one person's tell and open for another."""

import threading
import time
from contextlib import suppress
from typing import Final
from urllib.parse import parse_qs, urlsplit

from django.core.files.uploadedfile import SimpleUploadedFile

from config.dev.processes import wait_until
from tests.proof.calls import Caller, Sight
from tests.proof.findings import Section
from tests.proof.markers import tokens_in
from tests.proof.world import World
from tests.streams import Opened

LISTENING: Final = 20.0


def listen(world: World, section: Section, stream_url: str) -> None:
    """Alice listens while Bob and Charlie upload: her stream tells nothing of theirs."""
    heard: list[bytes] = []
    addresses = _addresses(world, "alice")
    section.expect("documents" in addresses and "flags" in addresses, "Alice gets no stream.")
    threads = [
        threading.Thread(target=_read, args=(stream_url, address, heard), daemon=True)
        for address in addresses.values()
    ]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    for name in ("bob", "charlie", "alice"):
        text = f"# {world.word(name, 'while alice listens')}\n".encode()
        form = {"file": SimpleUploadedFile(f"{world.word(name, 'file name')}.md", text)}
        world.people[name].caller.call("POST", "/api/v2/documents", form)
    wait_until(lambda: b"progress" in b"".join(heard), seconds=LISTENING)
    # What is not hers would come with the same delay.
    time.sleep(1)
    lines = b"".join(heard)
    section.tried += len(heard)
    section.expect(b"progress" in lines, "Alice's stream did not tell of her own document.")
    world.ledger.sights |= {
        ("alice", token): Sight("alice", "her stream of events") for token in tokens_in(lines)
    }
    section.fact("Lines heard on Alice's streams", len(heard))


def _read(stream_url: str, address: str, heard: list[bytes]) -> None:
    """Read on until nothing has come for a while (the patience of tests.streams)."""
    place = urlsplit(address)
    ticket = parse_qs(place.query)["ticket"][0]
    with suppress(OSError), Opened(stream_url, place.path, ticket) as stream:
        while line := stream.answer.readline():
            heard.append(line)


def _addresses(world: World, name: str) -> dict[str, str]:
    caller = world.people[name].caller
    found = {}
    documents = caller.call("POST", "/api/v2/documents/progress-stream", {})
    if documents.status_code == 200 and documents.json()["url"]:
        found["documents"] = documents.json()["url"]
    answer = caller.call("POST", "/ofrep/v1/evaluate/flags", {"context": {}})
    for stream in answer.json().get("eventStreams", []):
        found["flags"] = (
            stream.get("url") or stream["endpoint"]["origin"] + stream["endpoint"]["requestUri"]
        )
    return found


def tickets(world: World, section: Section) -> None:
    """A link to one's own file opens nothing else; nobody gets a link to somebody else's."""
    nobody = world.caller("nobody")
    alice, charlie = world.people["alice"], world.people["charlie"]
    document = _document_of(alice.caller)
    link = alice.caller.call("POST", f"/api/v2/documents/{document}/content-link", {})
    section.expect(link.status_code == 201, "Alice gets no link to her own document.")
    if link.status_code != 201:
        return
    own = urlsplit(link.json()["url"])
    section.expect(
        Caller("alice", world.url, world.ledger).call("GET", f"{own.path}?{own.query}").status_code
        == 200,
        "Alice's own link does not open.",
    )
    ticket = own.query.partition("=")[2]
    streams = _addresses(world, "alice")
    others = [value.partition("ticket=")[2].partition("&")[0] for value in streams.values()]
    their = [str(charlie.ids["document_id"]), str(world.people["bob"].ids["document_id"])]
    for target in their:
        for sent in (ticket, ticket[:-2], ticket + "A", *others):
            answer = nobody.call("GET", f"/api/v2/documents/{target}/content?ticket={sent}")
            section.expect(
                answer.status_code in {401, 404},
                f"A ticket of Alice's opens a document of somebody else: {answer.status_code}",
                f"GET /api/v2/documents/{target}/content?ticket=…",
            )
        answer = alice.caller.call("POST", f"/api/v2/documents/{target}/content-link", {})
        section.expect(answer.status_code == 404, "Alice gets a link to somebody else's document.")
    for url in streams.values():
        stream = Caller("nobody", f"{urlsplit(url).scheme}://{urlsplit(url).netloc}", world.ledger)
        for path in ("/streams/documents", "/streams/flags"):
            for sent in ("", ticket, ticket[:-2], "x.y.z"):
                answer = stream.call("GET", f"{path}?ticket={sent}")
                section.expect(
                    answer.status_code == 401, f"{path} lets a foreign ticket in", f"GET {path}"
                )


def _document_of(caller: Caller) -> str:
    """A document of this caller's that is whole."""
    listed = caller.call("GET", "/api/v2/documents?limit=50").json()
    rows = next(value for value in listed.values() if isinstance(value, list))
    return str(next(row["id"] for row in rows if row["status"] == "completed"))
