# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Sequence
import numpy as np
__all__ = ['nearest']

def nearest(
    vectors: np.ndarray,
    rows: Sequence[int] | np.ndarray,
    k: int = 5,
    allowed: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]: ...
