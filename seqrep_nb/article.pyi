# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Self
import numpy as np, pandas as pd
from ._sklearn import BaseEstimator
from .histories import Histories
from .tasks import RankingTask
__all__ = ['DEFECTS', 'softmax', 'Chain', 'article_inputs', 'article_weights', 'article_chain', 'distinct_lists', 'RepairedChain', 'word_labels',
           'Defect', 'defects_table']

def softmax(z: np.ndarray) -> np.ndarray: ...

class Chain(NamedTuple):
    h: np.ndarray
    f: np.ndarray
    p: np.ndarray
    r: np.ndarray

def article_inputs(histories: Histories, now: int | np.ndarray, last: int = 4) -> np.ndarray: ...

def article_weights(inputs: int, width: int = 768, classes: int = 12, items: int = 240, scale: float = 1.0, seed: int = 0) -> list[np.ndarray]: ...

def article_chain(x: np.ndarray, weights: Sequence[np.ndarray], between: Callable[[np.ndarray], np.ndarray] = ...) -> Chain: ...

def distinct_lists(scores: np.ndarray, k: int = 10) -> int: ...

class RepairedChain(BaseEstimator):
    item_vectors: np.ndarray
    categories: Sequence[str] | np.ndarray
    half_life: float
    width: int
    strength: float
    actions: Sequence[str]
    directions_: Any
    item_ids_: Any
    popularity_: Any
    classes_: Any
    category_: Any
    head_: Any
    classifier_: Any
    weights_: Any
    def __init__(
        self,
        item_vectors: np.ndarray,
        categories: Sequence[str] | np.ndarray,
        half_life: float = 30,
        width: int = 32,
        strength: float = 0.1,
        actions: Sequence[str] = ('view', 'buy'),
    ) -> None: ...
    def fit(self, task: RankingTask, y: Any = None) -> Self: ...
    def represent(self, histories: Histories) -> np.ndarray: ...
    def features(self, histories: Histories) -> np.ndarray: ...
    def predict_proba(self, histories: Histories) -> np.ndarray: ...
    def score(self, histories: Histories, now: int) -> np.ndarray: ...

def word_labels(lines: Sequence[str], word: str) -> np.ndarray: ...

class Defect(NamedTuple):
    name: str
    repair: str
    chapter: str

DEFECTS: tuple[Defect, ...]

def defects_table(measured: Mapping[str, str]) -> pd.DataFrame: ...
