"""The report: one page, readable on a phone, that needs nothing beside itself."""

import datetime as dt
import html
from collections import Counter
from pathlib import Path
from typing import Final

from tests.proof.findings import MOST_TOLD, Finding, Mutation, Proof, Section

STYLE: Final = """
:root { color-scheme: light dark; --ink: #1d2430; --soft: #5b6675; --line: #d9dee6; --page: #f6f7f9;
  --card: #fff; --good: #0b6b46; --good-soft: #e3f4ec; --bad: #a3232b; --bad-soft: #fbe6e7; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #a3adba; --line: #333b47;
  --page: #14181e; --card: #1c222b; --good: #6fd3a5; --good-soft: #14352a; --bad: #f39aa0;
  --bad-soft: #401d21; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2.25rem 0 .5rem; }
h3 { font-size: 1.05rem; margin: 0; }
p { margin: .25rem 0 .75rem; max-width: 46rem; }
.quiet { color: var(--soft); }
.verdict { padding: 1.1rem 1.25rem; border-radius: .6rem; background: var(--good-soft);
  border: 1px solid var(--good); border-left-width: .4rem; }
.verdict.bad { background: var(--bad-soft); border-color: var(--bad); }
.verdict h1 { color: var(--good); } .verdict.bad h1 { color: var(--bad); }
.verdict p { margin: 0; } .verdict + p { margin-top: .75rem; max-width: none; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem;
  margin: 1rem 0; padding: 0; list-style: none; }
.figures li { background: var(--card); border: 1px solid var(--line); border-radius: .5rem;
  padding: .7rem .9rem; }
.figures b { display: block; font-size: 1.5rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.figures span { color: var(--soft); font-size: .9rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .5rem;
  padding: .9rem 1rem; margin: .75rem 0; }
.head { display: flex; gap: .75rem; align-items: baseline; justify-content: space-between;
  flex-wrap: wrap; }
.state { font-size: .85rem; font-weight: 600; padding: .1rem .55rem; border-radius: 1rem;
  background: var(--good-soft); color: var(--good); white-space: nowrap; }
.state.bad { background: var(--bad-soft); color: var(--bad); }
dl { display: grid; grid-template-columns: minmax(9rem, 20rem) 1fr; gap: .3rem 1rem; margin: .5rem 0 0;
  font-size: .93rem; }
dt { color: var(--soft); } dd { margin: 0; font-variant-numeric: tabular-nums; }
details { margin-top: .6rem; } summary { cursor: pointer; padding: .35rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .93rem; }
th { text-align: left; color: var(--soft); font-weight: 600; }
th, td { padding: .45rem .6rem .45rem 0; border-top: 1px solid var(--line); vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
code, pre { font: .86rem/1.45 ui-monospace, monospace; }
pre { white-space: pre-wrap; background: var(--page); border: 1px solid var(--line);
  border-radius: .4rem; padding: .6rem .75rem; margin: .4rem 0; }
.findings { padding-left: 1.1rem; } .findings li { margin: .5rem 0; }
@media (max-width: 40rem) {
  main { padding: 1rem .75rem 3rem; }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .4rem; }
  .holes thead { display: none; }
  .holes tr { display: block; border-top: 1px solid var(--line); padding: .5rem 0; }
  .holes td { display: block; border: 0; padding: .1rem 0; }
  .holes td + td { color: var(--soft); }
}
"""


def write(proof: Proof, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(proof))


def verdict(proof: Proof) -> str:
    """Say it in one line."""
    tried = sum(section.tried for section in proof.sections)
    found = sum(len(section.findings) for section in proof.sections)
    caught = len(proof.mutations) - len(proof.survivors)
    holes = f"{caught} of {len(proof.mutations)} holes made on purpose were seen"
    return f"{title(proof)}: {found or 'no'} findings in {tried:,} tries; {holes}."


def title(proof: Proof) -> str:
    return "Nothing leaks" if proof.holds else "The proof fails"


def page(proof: Proof) -> str:
    kind = "Quick run" if proof.is_quick else "Full run"
    if not proof.is_whole:
        kind = "Some parts alone"
    sections = "".join(map(_section, proof.sections))
    told = verdict(proof).partition(": ")[2]
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Isolation proof: {title(proof)}</title><style>{STYLE}</style></head><body><main>
<div class="verdict{"" if proof.holds else " bad"}"><h1>{title(proof)}</h1>
<p>{html.escape(told[:1].upper() + told[1:])}</p></div>
<p class="quiet">{kind} of {dt.datetime.now(dt.UTC):%B %-d, %Y, %H:%M} UTC, seed {proof.seed},
on an installation of its own.</p>
{_figures(proof)}
<h2>How it was tried</h2>
<p>Two clinics of the same shape were filled: North, with Alice, Bob and Anna of the staff, and
South, with Charlie, Dora and Sven of the staff. Whatever people can write holds a random word, a
<em>marker</em>, so that it is known again wherever it turns up. An answer that holds a marker or
an id of a row that is neither the caller's nor sent by them is a finding.</p>
{sections}
{_holes(proof)}
<h2>How to see a finding again</h2>
<p>The seed makes the same markers and the same order of calls; the ids of rows are new each
time.</p><pre>make proof SEED={proof.seed}</pre>
<p>Each finding names its request, its statement or its check. Markers are named by where they were
written, such as <code>marker of charlie (profile.nickname)</code>; contents are not in this
report.</p>
</main></body></html>
"""


def _figures(proof: Proof) -> str:
    caught = len(proof.mutations) - len(proof.survivors)
    figures = (
        (f"{sum(one.tried for one in proof.sections):,}", "tries"),
        (f"{sum(len(one.findings) for one in proof.sections):,}", "findings"),
        (f"{caught:,} / {len(proof.mutations):,}", "holes that were seen"),
        *proof.world,
        (f"{proof.seconds:,.0f}", "seconds"),
    )
    shown = "".join(
        f"<li><b>{html.escape(str(value))}</b><span>{html.escape(name)}</span></li>"
        for value, name in figures
    )
    return f'<ul class="figures">{shown}</ul>'


def _section(section: Section) -> str:
    facts = "".join(
        f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>"
        for name, value in section.facts
    )
    notes = "".join(
        f"<details><summary>{html.escape(note.partition(':')[0])}</summary>"
        f'<p class="quiet">{html.escape(note.partition(":")[2])}</p></details>'
        for note in section.notes
    )
    return f"""<section class="card"><div class="head"><h3>{html.escape(section.name)}</h3>
{_state(section.holds, _told(section))}</div>
<p class="quiet">{html.escape(section.promise)}</p>
<dl><dt>Tries</dt><dd>{section.tried:,}, in {section.seconds:.1f} s</dd>{facts}</dl>
{_findings(section.findings)}{notes}</section>"""


def _told(section: Section) -> str:
    if section.findings:
        return f"{len(section.findings)} found"
    return "Nothing found" if section.tried else "Nothing tried"


def _state(is_good: bool, words: str) -> str:  # noqa: FBT001  Used once, beside its words.
    return f'<span class="state{"" if is_good else " bad"}">{html.escape(words)}</span>'


def _findings(findings: list[Finding]) -> str:
    if not findings:
        return ""
    told = "".join(
        f"<li>{html.escape(one.what)}{f'<pre>{html.escape(one.how)}</pre>' if one.how else ''}</li>"
        for one in findings[:MOST_TOLD]
    )
    more = len(findings) - MOST_TOLD
    rest = f"<p>… and {more:,} more.</p>" if more > 0 else ""
    return f'<ul class="findings">{told}</ul>{rest}'


def _holes(proof: Proof) -> str:
    """Kinds first, with figures; then each hole, and which checks saw it."""
    if not proof.mutations:
        return ""
    kinds = Counter(one.kind for one in proof.mutations)
    caught = Counter(one.kind for one in proof.mutations if one.is_caught)
    lines = "".join(
        f'<tr><td>{html.escape(kind)}</td><td class="number">{number}</td>'
        f'<td class="number">{caught[kind]}</td></tr>'
        for kind, number in kinds.items()
    )
    survivors = "".join(map(_hole, proof.survivors))
    seen = "".join(_hole(one) for one in proof.mutations if one.is_caught)
    head = "<thead><tr><th>Hole</th><th>Seen by</th></tr></thead>"
    open_ones = (
        f'<h3>Not seen</h3><table class="holes">{head}{survivors}</table>' if survivors else ""
    )
    return f"""<h2>Holes made on purpose</h2>
<p>A proof that could not fail would prove nothing. So one guard after the other was taken away in a
copy of the database, and the checks were asked again: each has to fail then.</p>
<div class="card"><table><thead><tr><th>Kind</th><th class="number">Made</th>
<th class="number">Seen</th></tr></thead>{lines}</table>{open_ones}
<details><summary>Every hole, and what saw it</summary>
<table class="holes">{head}{seen}</table></details></div>"""


def _hole(one: Mutation) -> str:
    shown = [html.escape(check) for check in one.caught_by[:3]]
    more = len(one.caught_by) - len(shown)
    told = "<br>".join(shown) + (f"<br>and {more} more" if more > 0 else "")
    return f"<tr><td>{html.escape(one.what)}</td><td>{told or 'nobody'}</td></tr>"
