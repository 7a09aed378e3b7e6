"""Every endpoint of version 1, and a call for each way in which it answers.

The keys are those that clients of the old servers may look for, of both servers together. `old`
says which of the two gave that answer; NEW is what Novara alone says: there it was a 500,
silence, or worse.
"""

from typing import Final

from tests.contract.v1_calls.accounts import ACCOUNTS
from tests.contract.v1_calls.around import AROUND
from tests.contract.v1_calls.checkins import CHECKINS
from tests.contract.v1_calls.insights import INSIGHTS
from tests.contract.v1_calls.people import PEOPLE
from tests.contract.v1_calls.rest import REST

GROUPS: Final = (ACCOUNTS, PEOPLE, CHECKINS, INSIGHTS, REST, AROUND)
