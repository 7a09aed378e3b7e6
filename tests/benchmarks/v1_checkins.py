"""V1's daily check-in, POST of 18 fields and list: beside the old work, and by length of history."""

from collections.abc import Callable, Sequence

from tests.benchmarks import checkin_data
from tests.benchmarks.checkin_data import Group
from tests.benchmarks.load import CONNECTIONS, Once, Scenario
from tests.benchmarks.measure import Contestant, Sample, Series, client_of, ratio, side_by_side
from tests.benchmarks.race import both_cpus, figures, versions
from tests.benchmarks.report import UNKNOWN, Report, Table
from tests.benchmarks.servers import App
from tests.benchmarks.session import Session

APPS = ("novara", "express")
AT_LEAST, AT_MOST = "≥ 3", "≤ 1.3"
# As large as the old database that the tests bring over.
PEOPLE, DAYS = 200, 400
SHORT, LONG = 10, 3_650
# So many with a short history that it stays short while they go on.
SHORT_PEOPLE, LONG_PEOPLE = 2_000, 20


def run(session: Session) -> Report:
    apps = [session.apps[name] for name in APPS if name in session.apps]
    sizes = ((PEOPLE, DAYS), (SHORT_PEOPLE, SHORT), (LONG_PEOPLE, LONG))
    usual, short, long = groups = [checkin_data.make_group(session.stage, *size) for size in sizes]
    fill(session, groups)
    # Lists first, while there is nothing but the history.
    lists = [race(session, [listing(app, usual, limit) for app in apps]) for limit in (30, 7)]
    long_lists = race(session, [listing(app, group) for app in apps for group in (long, short)])
    posts = race(
        session, [posting(app, usual, path) for app in apps for path in app.paths if path in POSTS]
    )
    long_posts = race(session, [posting(app, group) for app in apps for group in (long, short)])
    races, lengths = [posts, *lists], [long_posts, long_lists]
    return Report(
        "V1: POST a check-in of 18 fields, and list them",
        f"{session.setting()} {CONNECTIONS} connections, one process each; Novara with"
        f" {session.stage.threads} threads and all guarantees, the twin with a pool of 8"
        " connections. The twin does the old service's work: the user by e-mail, the newest 100"
        " check-ins to find a duplicate, six INSERTs in one transaction; its list is the join of"
        " the day's mood and medication events, which knows 10 of the 18 fields, so its answer is"
        " a quarter of Novara's. As at HEAD of the old service it writes mood and medication"
        f" alone, and 7 fields are lost. {PEOPLE} people with {DAYS} check-ins each; every POST"
        f" is for a day of its own. Of the long history, {LONG_PEOPLE} people with {LONG:,}"
        f" check-ins; of the short one, {SHORT_PEOPLE:,} with {SHORT}, and a few more in the end.",
        [
            Table(
                ("", "requests/s", "target", "app's CPU per request", "app's and Postgres' CPU"),
                [row for series in races for row in ratios(series, AT_LEAST)]
                # The old work grows with the history: with a short one it is at its best.
                + [row for series in lengths for row in ratios(series[1::2], UNKNOWN)],
            ),
            Table(
                ("", "time per request", "target", "app's CPU", "app's and Postgres' CPU"),
                [row for series in lengths for row in growth(series)],
            ),
            figures([one for series in (*races, *lengths) for one in series]),
        ],
        [*versions(session, APPS), *session.notes],
    )


def fill(session: Session, groups: Sequence[Group]) -> None:
    print("Filling the tables …", flush=True)
    checkin_data.fill_novara(session.stage, session.novara, session.people[-1], groups)
    if "express" in session.apps:
        checkin_data.fill_express(session.stage, session.apps["express"], groups)


def race(session: Session, contestants: Sequence[Contestant]) -> list[Series]:
    return side_by_side(
        contestants,
        rounds=session.rounds,
        seconds=session.seconds,
        postmaster=session.postmaster,
    )


POSTS = {"checkin": "POST", "checkin-as-at-head": "POST as at HEAD"}


def posting(app: App, group: Group, path: str = "checkin") -> Contestant:
    scenario = Once("POST", app.address(path), (), supply=group.forms())
    return client_of(app, scenario, f"{app.name}: {POSTS[path]}, {history(group)}")


def listing(app: App, group: Group, limit: int = 7) -> Contestant:
    # As many of each group, so that neither has more of its rows at hand.
    scenario = Scenario("GET", f"{app.address('checkins')}{limit}", group.tokens[:LONG_PEOPLE])
    return client_of(app, scenario, f"{app.name}: list of {limit}, {history(group)}")


def history(group: Group) -> str:
    return f"{group.days:,} check-ins"


def ratios(series: Sequence[Series], target: str) -> list[tuple[str, ...]]:
    """Novara against each other one; the target is for the first."""
    first, *others = series
    return [
        compared(first, other, lambda s: s.per_second, UNKNOWN if number else target)
        for number, other in enumerate(others)
    ]


def growth(series: Sequence[Series]) -> list[tuple[str, ...]]:
    """A long history against a short one, app by app."""
    return [
        compared(long, short, lambda s: 1 / s.per_second, UNKNOWN if number else AT_MOST)
        for number, (long, short) in enumerate(zip(series[::2], series[1::2], strict=True))
    ]


def compared(
    one: Series, other: Series, speed: Callable[[Sample], float], target: str
) -> tuple[str, ...]:
    first, *rest = (
        str(ratio(one, other, figure) or UNKNOWN)
        for figure in (speed, lambda s: s.app_us, both_cpus)
    )
    return f"{one.name} / {other.name}", first, target, *rest
