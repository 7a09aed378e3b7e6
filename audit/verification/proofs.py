"""The proof of a single entry: what others need to check it without the rest of the log."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from django.conf import settings
from psycopg import sql

from audit import chain, checkpoints, lines, storage
from audit.lines import Line
from audit.models import AuditCheckpoint
from audit.sealing import microseconds
from audit.verification import explanations, links
from audit.verification.faults import Fault, instant, name_of, when
from audit.verification.links import StoredLink
from audit.verification.whole import one_moment

# Of a chain that grows, the next checkpoint is a minute away.
LOOKED_THROUGH: Final = 100


@dataclass(slots=True)
class Proof:
    """`state`: proven, waiting (not sealed or signed yet), pruned, false, unknown."""

    entry_id: int
    state: str = "proven"
    sentence: str = ""
    faults: list[Fault] = field(default_factory=list)
    document: dict[str, Any] = field(default_factory=dict)


def prove(entry_id: int) -> Proof:
    """Lead an entry to the root of its link, and that to a signature."""
    proof = Proof(entry_id)
    with one_moment():
        found = list(lines.read(sql.SQL("id = {}").format(sql.Literal(entry_id))))
        if not found:
            _prove_absence(proof)
        elif found[0].position >= lines.end_of_chains():
            proof.state = "waiting"
            proof.sentence = f"Entry {entry_id} is not sealed yet."
        else:
            _prove_sealed(proof, found[0])
    if proof.faults:
        proof.state, proof.sentence = "false", proof.faults[0].sentence
    return proof


def _prove_absence(proof: Proof) -> None:
    link = links.link_with(proof.entry_id)
    if link is None:
        proof.state = "unknown"
        proof.sentence = (
            f"Neither the log nor a link knows entry {proof.entry_id}: it was never written, or"
            " retention deleted it with all others of its link."
        )
        return
    place = link.entry_ids.index(proof.entry_id)
    pruning = explanations.load().pruning_of(link, place)
    if pruning:
        proof.state = "pruned"
        proof.sentence = (
            f"Entry {proof.entry_id} was deleted by retention {when(pruning.at)}, as entry"
            f" {pruning.entry_id} says."
        )
        return
    _fault(proof, link, "entry-missing", "is missing, and no retention tells of it")


def _prove_sealed(proof: Proof, line: Line) -> None:
    tenant = uuid.UUID(line.tenant.decode())
    link = links.link_of(tenant, line.position)
    if link is None or line.id not in link.entry_ids:
        sentence = f"Entry {line.id} lies in the sealed past, and no link holds it."
        proof.faults.append(Fault("entry-inserted", sentence, tenant, None, line.id))
        return
    index = link.entry_ids.index(line.id)
    path = chain.inclusion_path(chain.split(link.leaves), index)
    if chain.root_of_path(line.leaf, index, link.entry_count, path) != link.root:
        _fault(proof, link, "entry-changed", "is not what was sealed: it was changed")
    if line.is_erased and not explanations.load().explains_erasure(line):
        _fault(proof, link, "erasure-unexplained", "has lost its payload for no known reason")
    if link.computed_hash() != link.hash:
        _fault(proof, link, "link-changed", "hangs in a link that was changed")
    proof.document = _document(line, link, index, path)
    proof.sentence = (
        f"Entry {line.id}, recorded {when(instant(line.recorded_at))}, is in link {link.sequence}"
        f" of {name_of(tenant)}, sealed {when(link.sealed_at)}"
        f"{'; its payload was erased, and its commitment is intact' if line.is_erased else ''}."
    )
    _prove_signed(proof, link)


def _document(line: Line, link: StoredLink, index: int, path: list[bytes]) -> dict[str, Any]:
    return {
        "entry": line.id,
        "leaf": line.leaf.hex(),
        "index": index,
        "size": link.entry_count,
        "path": [node.hex() for node in path],
        "link": _told(link),
    }


def _told(link: StoredLink) -> dict[str, Any]:
    """Tell all that the hash of a link covers."""
    return {
        "tenant": str(link.tenant_id),
        "sequence": link.sequence,
        "entries": link.entry_count,
        "root": link.root.hex(),
        "before": [link.end.tx_id, link.end.id],
        "next_transaction": link.next_tx,
        "sealed_at": microseconds(link.sealed_at),
        "previous": link.previous_hash.hex(),
        "hash": link.hash.hex(),
    }


def _prove_signed(proof: Proof, link: StoredLink) -> None:
    """Go along the chain to the first link that a checkpoint tells of."""
    for one, head in _heads_after(link):
        signed = checkpoints.signed_statement(one)
        if why := chain.flaw(signed, settings.AUDIT_SIGNING_KEYS):
            _fault(proof, link, "checkpoint-forged", f"has a checkpoint that proves nothing: {why}")
            return
        between = links.links_up_to(link, head.link)
        last = link
        for following in between:
            if following.previous_hash != last.hash or following.computed_hash() != following.hash:
                what = f"hangs in a chain that is broken at link {following.sequence}"
                _fault(proof, link, "chain-broken", what)
                return
            last = following
        if last.hash.hex() != head.hash:
            what = f"hangs in a chain that checkpoint {one.number} tells otherwise"
            _fault(proof, link, "chain-rewritten", what)
            return
        proof.document |= {
            "links": [_told(following) for following in between],
            "checkpoint": {
                "statement": one.statement,
                "key": one.key_id,
                "public_key": chain.public_key(settings.AUDIT_SIGNING_KEYS[one.key_id]),
                "signature": one.signature,
            },
        }
        proof.sentence += f" Checkpoint {one.number} of {when(one.signed_at)} signs it"
        proof.sentence += f"{', and is in the mirror.' if _is_mirrored(one) else '.'}"
        return
    proof.state = "waiting"
    proof.sentence += " No checkpoint signs it yet."


def _heads_after(link: StoredLink) -> Iterator[tuple[AuditCheckpoint, chain.Head]]:
    later = AuditCheckpoint.objects.filter(last_seal_id__gte=link.id).order_by("number")
    for one in later[:LOOKED_THROUGH]:
        for head in chain.Statement.of(one.statement).heads:
            if head.tenant == link.tenant_id and head.link >= link.sequence:
                yield one, head


def _is_mirrored(one: AuditCheckpoint) -> bool:
    content = checkpoints.signed_statement(one).content()
    try:
        return storage.get(checkpoints.name_of(one)) == content
    except Exception:  # noqa: BLE001  Each storage has errors of its own.
        return False


def _fault(proof: Proof, link: StoredLink, kind: str, what: str) -> None:
    proof.faults.append(
        Fault(
            kind,
            f"Entry {proof.entry_id}, sealed {when(link.sealed_at)} in link {link.sequence} of"
            f" {name_of(link.tenant_id)}, {what}.",
            link.tenant_id,
            link.sequence,
            proof.entry_id,
            link.sealed_at,
        )
    )
