# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Sequence
import numpy as np, pandas as pd
from .events import Ids
from .metrics import Result
__all__ = ['undo_weights', 'decision_value', 'slice_results', 'domain_auc']

def undo_weights(probability: np.ndarray, weight: float) -> np.ndarray: ...

def decision_value(y: np.ndarray, decided: np.ndarray, gain: float = 5.0, cost: float = 1.0) -> float: ...

def slice_results(
    y: np.ndarray,
    probability: np.ndarray,
    slices: Sequence[str] | np.ndarray | pd.Series,
    users: Ids | None = None,
    min_rows: int = 50,
    level: float = 0.95,
    times: int = 1000,
) -> pd.DataFrame: ...

def domain_auc(
    old: np.ndarray | pd.DataFrame,
    new: np.ndarray | pd.DataFrame,
    old_users: Ids | None = None,
    new_users: Ids | None = None,
    seed: int = 0,
) -> Result: ...
