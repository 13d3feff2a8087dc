# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
import numpy as np, pandas as pd, scipy.sparse as sp
__all__ = ['STUDY', 'STATES', 'Moment', 'inner_folds', 'search_space', 'Search', 'prediction_loss', 'tune', 'setting_importance']

@dataclass(frozen=True)
class Moment:
    X: object
    y: np.ndarray
    cut: pd.Timestamp
    days: float = ...
    @property
    def closes(self) -> pd.Timestamp: ...

def inner_folds(moments: Sequence[Moment], cut: str | pd.Timestamp, folds: int = 3) -> list[tuple[str, Any, np.ndarray, Any, np.ndarray]]: ...

def search_space(space: Mapping[str, tuple[Any, ...] | range | list[Any]]) -> dict[str, Any]: ...

STUDY: str
STATES: dict[str, str]

@dataclass(frozen=True)
class Search:
    trials: pd.DataFrame
    cost: dict
    settings: list
    study: object
    @property
    def best_number_(self) -> int: ...
    @property
    def best_params_(self) -> dict[str, Any]: ...
    @property
    def best_value_(self) -> float: ...
    def path(self) -> pd.DataFrame: ...

def prediction_loss(estimator: Any, X: np.ndarray | pd.DataFrame | sp.spmatrix, y: np.ndarray) -> float: ...

def tune(
    make: Any,
    space: Mapping[str, tuple[Any, ...] | range | list[Any]],
    moments: Sequence[Moment],
    cut: str | pd.Timestamp,
    trials: int | None = 50,
    minutes: float | None = None,
    fits: int | None = None,
    folds: int = 3,
    search: str = 'tpe',
    pruner: Any = 'halving',
    startup: int = 10,
    first: Sequence[Mapping[str, Any]] = (),
    loss: Callable[[Any, Any, np.ndarray], float] | None = None,
    seed: int = 0,
    folder: str | Path | None = None,
) -> Search: ...

def setting_importance(search: Search, seed: int = 0) -> pd.Series: ...
