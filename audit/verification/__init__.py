"""Computes the whole chain anew and says where something is not as it was sealed.

It reads the log once, in the order of its positions, beside the links that should hold it; so it
needs little memory, and finds what is there without a link as well as what is missing. Then it
holds checkpoints and their mirror against the links.
"""

from audit.verification.aggregates import compare_aggregates
from audit.verification.faults import Fault, Report, Scope
from audit.verification.proofs import prove
from audit.verification.whole import verify

__all__ = ["Fault", "Report", "Scope", "compare_aggregates", "prove", "verify"]
