"""What lies in a window that is too full: against a count of every window."""

import datetime as dt
import uuid

from hypothesis import given
from hypothesis import strategies as st

from audit.types import Counts
from audit.windows import Happening, Measure, episodes, marked

START = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
PEOPLE = [uuid.UUID(int=number) for number in range(3)]


def at(second: float, number: int = 0, who: uuid.UUID | None = None, objects: int = 1) -> Happening:
    return Happening(number, START + dt.timedelta(seconds=second), who, objects)


HAPPENINGS = st.lists(
    st.tuples(st.integers(0, 60), st.sampled_from([None, *PEOPLE]), st.integers(1, 4)), max_size=25
).map(
    lambda drawn: [
        at(second, number, who, objects)
        for number, (second, who, objects) in enumerate(sorted(drawn, key=lambda one: one[0]))
    ]
)


@given(HAPPENINGS, st.sampled_from(list(Counts)), st.integers(1, 6), st.integers(1, 30))
def test_marks_what_a_count_of_every_window_marks(happenings, counts, threshold, seconds):
    window = dt.timedelta(seconds=seconds)
    expected = set()
    for last in happenings:
        inside = [one for one in happenings if last.at - window < one.at <= last.at]
        people = {one.subject_id for one in inside if one.subject_id}
        value = {
            Counts.ENTRIES: len(inside),
            Counts.OBJECTS: sum(one.objects for one in inside),
            Counts.PEOPLE: len(people),
        }[counts]
        if value >= threshold:
            expected |= {one.id for one in inside}

    found = marked(happenings, counts=counts, threshold=threshold, window=window)

    assert {one.id for one in found} == expected
    assert len(found) == len(expected)


def test_forgets_who_has_left_the_window():
    measure = Measure(Counts.PEOPLE)
    first, second = at(0, who=PEOPLE[0]), at(1, who=PEOPLE[1])

    measure.add(first)
    measure.add(second)
    measure.take(first)

    assert measure.value == 1


def test_counts_runs_that_a_pause_parts():
    happenings = [at(second) for second in (0, 5, 10, 100, 105)]

    count = episodes(happenings, pause=dt.timedelta(seconds=30))

    assert count == 2
