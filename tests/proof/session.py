import time
from tests.proof.findings import Proof
from tests.proof.calls import Ledger
from tests.proof.markers import Markers
from tests.proof import world as w, fuzz, console, streams

def run(running, options):
    t=time.time()
    m=Markers(options.seed); ledger=Ledger(m); world=w.World(m, ledger, running.web)
    proof=Proof(options.seed, options.quick)
    with proof.section("World","") as s:
        w.fill(world)
        w.settle()
        w.see_to(world)
        w.coverage(world, s)
        w.judge(world, s)
    before = w.rows_of(world, "charlie")
    with proof.section("Streams","") as s:
        streams.tickets(world, s)
        streams.listen(world, s, running.stream)
        w.wait_for_documents(world)
        w.judge(world, s)
        print(s.facts)
    before = w.rows_of(world, "charlie")
    ledger.sights.clear()
    with proof.section("Console","") as s:
        console.walk(world, s, is_quick=options.quick)
        w.judge(world, s)
        print(s.facts)
        after = w.rows_of(world, "charlie")
        for t in before:
            if before[t]!=after[t]: s.found(t)
    for f in s.findings: print(f.what, "\n     ", f.how)
    with proof.section("Fuzz","") as s:
        fuzz.fuzz(world, s, is_quick=options.quick)
        w.judge(world, s)
        print(s.facts)
        after = w.rows_of(world, "charlie")
        for t in before:
            if before[t]!=after[t]: s.found(t)
    for f in s.findings: print(f.what, "\n     ", f.how)
    return 0
