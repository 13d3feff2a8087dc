# Made by scripts/stubs.py from the module beside it, never edited
from typing import Any, Literal, Self
import numpy as np, scipy.sparse as sp
from ._sklearn import BaseEstimator
from .histories import Histories
__all__ = ['Popularity', 'PersonalFrequency', 'decayed_frequency', 'TIFUKNN', 'ItemKNN', 'UserKNN', 'EASE', 'IALS']

class Popularity(BaseEstimator):
    days: float | None
    by: Literal['users', 'rows']
    item_ids_: Any
    popularity_: Any
    def __init__(self, days: float | None = None, by: Literal['users', 'rows'] = 'users') -> None: ...
    def fit(self, histories: Histories, y: Any = None) -> Self: ...
    def score(self, histories: Histories, now: int | None = None) -> np.ndarray: ...

class PersonalFrequency(BaseEstimator):
    popularity_: Any
    item_ids_: Any
    def fit(self, histories: Histories, y: Any = None) -> Self: ...
    def score(self, histories: Histories, now: int | None = None) -> np.ndarray: ...

def decayed_frequency(histories: Histories, group_size: int = 7, within: float = 0.9, across: float = 0.7) -> sp.csr_matrix: ...

class TIFUKNN(BaseEstimator):
    group_size: int
    within: float
    across: float
    neighbours: int
    alpha: float
    popularity_: Any
    item_ids_: Any
    user_ids_: Any
    vectors_: Any
    index_: Any
    def __init__(self, group_size: int = 7, within: float = 0.9, across: float = 0.7, neighbours: int = 300, alpha: float = 0.7) -> None: ...
    def fit(self, histories: Histories, y: Any = None) -> Self: ...
    def score(self, histories: Histories, now: int | None = None) -> np.ndarray: ...

class ItemKNN(BaseEstimator):
    neighbours: int
    shrink: float
    half_life: float | None
    popularity_: Any
    item_ids_: Any
    similarity_: Any
    def __init__(self, neighbours: int = 100, shrink: float = 20, half_life: float | None = None) -> None: ...
    def fit(self, histories: Histories, y: Any = None, similarity: sp.csr_matrix | None = None) -> Self: ...
    def score(self, histories: Histories, now: int | None = None) -> np.ndarray: ...

class UserKNN(BaseEstimator):
    neighbours: int
    half_life: float | None
    cap: float | None
    popularity_: Any
    item_ids_: Any
    user_ids_: Any
    newest_: Any
    idf_: Any
    vectors_: Any
    worth_: Any
    def __init__(self, neighbours: int = 100, half_life: float | None = 30, cap: float | None = 2) -> None: ...
    def fit(self, histories: Histories, y: Any = None) -> Self: ...
    def score(self, histories: Histories, now: int | None = None) -> np.ndarray: ...

class EASE(BaseEstimator):
    lam: float
    items: int
    popularity_: Any
    item_ids_: Any
    modelled_: Any
    weights_: Any
    def __init__(self, lam: float = 200, items: int = 4000) -> None: ...
    def fit(self, histories: Histories, y: Any = None) -> Self: ...
    def score(self, histories: Histories, now: int | None = None) -> np.ndarray: ...

class IALS(BaseEstimator):
    factors: int
    reg: float
    alpha: float
    iterations: int
    seed: int
    popularity_: Any
    item_ids_: Any
    item_factors_: Any
    def __init__(self, factors: int = 64, reg: float = 30, alpha: float = 1, iterations: int = 8, seed: int = 0) -> None: ...
    def fit(self, histories: Histories, y: Any = None, item_factors: np.ndarray | None = None) -> Self: ...
    def represent(self, histories: Histories, now: int | None = None) -> np.ndarray: ...
    def score(self, histories: Histories, now: int | None = None) -> np.ndarray: ...
