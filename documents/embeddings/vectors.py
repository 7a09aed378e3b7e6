"""What vectors must be before anybody stores or compares them."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from documents.failures import Code, StepFailed

Vector = NDArray[np.float32]
Vectors = NDArray[np.float32]

# Of a vector of length 1. A provider that fails quietly gives zeros, or one number all along.
_LEAST_SPREAD: Final = 1e-6


def validated(vectors: Any, count: int, dimensions: int) -> Vectors:
    """Give the vectors at length 1, or refuse: other shape, not finite, zero, one value only."""
    try:
        # What is too large becomes infinite, and is refused as such.
        with np.errstate(over="ignore"):
            found = np.ascontiguousarray(vectors, dtype=np.float32)
    except (TypeError, ValueError):
        raise StepFailed(Code.EMBEDDER_REJECTED, "The vectors are no table of numbers.") from None
    if found.shape != (count, dimensions):
        expected = f"{count} of {dimensions} dimensions were expected"
        raise StepFailed(Code.EMBEDDER_REJECTED, f"The vectors are {found.shape}; {expected}.")
    if not np.isfinite(found).all():
        raise StepFailed(Code.EMBEDDER_REJECTED, "A vector holds a value that is no number.")
    lengths = np.linalg.norm(found.astype(np.float64), axis=1, keepdims=True)
    if not (lengths > np.finfo(np.float32).tiny).all():
        raise StepFailed(Code.EMBEDDER_REJECTED, "A vector is zero.")
    unit: Vectors = (found / lengths).astype(np.float32)
    if dimensions > 1 and (unit.std(axis=1) < _LEAST_SPREAD).any():
        raise StepFailed(Code.EMBEDDER_REJECTED, "A vector has the same value everywhere.")
    return unit
