"""`python -m tests.benchmarks [name …]`: measure, and print ratios."""

import argparse
import signal
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

from tests.benchmarks.report import as_markdown, as_text
from tests.benchmarks.scale_data import SIZES
from tests.benchmarks.servers import APPS
from tests.benchmarks.session import session

BENCHMARKS = (
    *("post_event", "timeline", "v1_checkins", "batch", "gate", "parts", "metrics", "reads"),
    *("audit_cost", "audit_reads", "audit_sealing"),
    "flags",
    "flags_http",
    "exposures",
    "limits",
    "parsing",
    "retrieval",
    "documents_console",
    "home",
    "document_search",
    "documents_pipeline",
)


def main() -> int:
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    benchmarks: list[ModuleType] = [
        import_module(f"tests.benchmarks.{name}") for name in options.names or BENCHMARKS
    ]
    needed = {app for benchmark in benchmarks for app in benchmark.APPS}
    names = [name for name in APPS if name in needed and name not in options.without]
    reports = []
    with session(
        names,
        rounds=options.rounds,
        seconds=options.seconds,
        threads=options.threads,
        events=SIZES[options.events],
        data_folder=options.data,
        pdf=options.pdf,
        markitdown=options.markitdown,
    ) as started:
        for benchmark in benchmarks:
            print(f"\n{benchmark.__doc__}", flush=True)
            reports.append(benchmark.run(started))
            print(f"\n{as_text(reports[-1])}", flush=True)
    if options.markdown:
        options.markdown.write_text("\n".join(map(as_markdown, reports)))
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=f"Measure side by side and print ratios. Names: {', '.join(BENCHMARKS)}.",
        epilog="Postgres and Valkey are embedded, unless DATABASE_URL and REDIS_URL name others.",
    )
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], metavar="name")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds, at least 3")
    parser.add_argument("--seconds", type=float, default=4, help="per app and round")
    parser.add_argument("--threads", type=int, default=8, help="of Novara's one process")
    parser.add_argument("--events", choices=SIZES, default="100k", help="of metrics and reads")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="keep large databases here")
    parser.add_argument("--pdf", type=Path, metavar="FILE", help="what parsing reads")
    parser.add_argument(
        "--markitdown", type=Path, metavar="PYTHON", help="an interpreter that has it, for parsing"
    )
    parser.add_argument("--without", action="append", default=[], choices=APPS, metavar="APP")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables here too")
    options = parser.parse_args()
    if options.rounds < 3:
        parser.error("--rounds: fewer than 3 rounds say nothing")
    return options


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nInterrupted; everything that was started has been ended.")
        sys.exit(130)
