# Made by scripts/stubs.py from the module beside it, never edited
from typing import Any
from collections.abc import Mapping, Sequence
from typing import Literal, Self
import numpy as np, pandas as pd
from ._sklearn import BaseEstimator
from .events import Ids
from .tasks import ColdTask
from .stack import Candidates, Met
__all__ = ['item_groups', 'ColdFeatures', 'text_scores', 'per_text', 'ColdRanker']

def item_groups(items: pd.DataFrame, item_ids: Ids) -> dict[str, np.ndarray]: ...

class ColdFeatures:
    task: ColdTask
    groups: Mapping[str, np.ndarray]
    log: 'ColdFeatures|None'
    past: Any
    pairs: Any
    kept: Any
    decay: Any
    news: Any
    def __init__(
        self,
        task: ColdTask,
        groups: Mapping[str, np.ndarray],
        share: float = 0.25,
        decay: float = ...,
        log: 'ColdFeatures|None' = None,
    ) -> None: ...
    @property
    def met(self) -> dict[str, Met]: ...
    def of_group(self, name: str) -> pd.DataFrame: ...
    def rate(self, name: str) -> np.ndarray: ...

def text_scores(task: ColdTask, texts: Sequence[str | None] | np.ndarray, vectors: np.ndarray) -> dict[str, np.ndarray]: ...

def per_text(task: ColdTask, texts: Sequence[str | None] | np.ndarray, scores: np.ndarray) -> tuple[ColdTask, np.ndarray]: ...

class ColdRanker(BaseEstimator):
    items: pd.DataFrame
    depth: int
    size: Literal['small', 'large'] | None
    leave_out: Sequence[str]
    seed: int
    trees_: Any
    def __init__(
        self,
        items: pd.DataFrame,
        depth: int = 60,
        size: Literal['small', 'large'] | None = None,
        leave_out: Sequence[str] = (),
        seed: int = 0,
    ) -> None: ...
    def fit(self, lessons: Sequence[ColdTask], described: Sequence[Mapping[str, np.ndarray]] = ()) -> Self: ...
    def lesson(self, task: ColdTask, described: Mapping[str, np.ndarray] = {}) -> Candidates: ...
    def lesson_of(self, f: ColdFeatures, described: Mapping[str, np.ndarray] = {}) -> Candidates: ...
    def learn(self, parts: Sequence[Candidates]) -> Self: ...
    def score(self, task: ColdTask, described: Mapping[str, np.ndarray] | None = None) -> np.ndarray: ...
    def features(self, task: ColdTask) -> ColdFeatures: ...
    def order(self, f: ColdFeatures, pairs: Candidates) -> np.ndarray: ...
    def candidates(self, f: ColdFeatures, described: Mapping[str, np.ndarray] = {}, keep: np.ndarray | None = None) -> Candidates: ...
