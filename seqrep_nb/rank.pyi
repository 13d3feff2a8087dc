# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self
import numpy as np, pandas as pd, scipy.sparse as sp
from ._sklearn import BaseEstimator
from .events import Ids
from .histories import Histories
from .tasks import RankingTask
__all__ = ['ContentRanker', 'distribution', 'Blend', 'all_scores', 'default_rankers', 'recommend']

class ContentRanker(BaseEstimator):
    item_vectors: np.ndarray
    half_life: float
    temperature: float
    directions_: Any
    item_ids_: Any
    def __init__(self, item_vectors: np.ndarray, half_life: float = 60, temperature: float = 0.1) -> None: ...
    def fit(self, histories: Histories, y: Any = None) -> Self: ...
    def represent(self, histories: Histories, now: int | None = None) -> np.ndarray: ...
    def score(self, histories: Histories, now: int | None = None) -> np.ndarray: ...

def distribution(scores: np.ndarray, exclude: sp.csr_matrix | None = None, logits: bool | None = None) -> np.ndarray: ...

class Blend(BaseEstimator):
    base: str | dict[str, str]
    grid: Sequence[float]
    steps: int
    depth: int
    errors: float
    k: int
    views: Sequence[str]
    verify: bool
    names_: Any
    logits_: Any
    weights_: Any
    inner_: Any
    def __init__(
        self,
        base: str | dict[str, str] = 'personal frequency',
        grid: Sequence[float] = (0, 0.03, 0.06, 0.125, 0.25, 0.5, 1, 2, 4),
        steps: int = 8,
        depth: int = 100,
        errors: float = 1.0,
        k: int = 10,
        views: Sequence[str] = ('all', 'new'),
        verify: bool = False,
    ) -> None: ...
    def fit(self, scores: dict[str, np.ndarray] | Iterable[dict[str, np.ndarray]], task: RankingTask | Sequence[RankingTask]) -> Self: ...
    def score(self, scores: Mapping[str, np.ndarray], view: str = 'all', exclude: sp.csr_matrix | None = None) -> np.ndarray: ...

def all_scores(rankers: Mapping[str, Any], histories: Histories, now: int) -> dict[str, np.ndarray]: ...

def default_rankers(item_vectors: np.ndarray, seed: int = 0, **behaviour: Any) -> dict[str, BaseEstimator]: ...

def recommend(scores: np.ndarray, item_ids: Ids, user_ids: Ids, k: int = 10, exclude: sp.csr_matrix | None = None) -> pd.DataFrame: ...
