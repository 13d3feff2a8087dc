# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Mapping, Sequence
from typing import Any, Self
import numpy as np, pandas as pd
from ._sklearn import BaseEstimator, ClassifierMixin
from .histories import Histories
from .metrics import Result
from .tasks import RankingTask
__all__ = ['FEATURES', 'history_features', 'NeuralClassifier', 'boosted_trees', 'default_classifiers', 'class_probabilities', 'inner_rows',
           'category_shares', 'preference_results']

FEATURES: list[str]

def history_features(histories: Histories, now: int | np.ndarray) -> pd.DataFrame: ...

class NeuralClassifier(ClassifierMixin, BaseEstimator):
    hidden: int
    dropout: float
    learning_rate: float
    epochs: int
    batch_size: int
    random_state: int | None
    classes_: Any
    model_: Any
    def __init__(
        self,
        hidden: int = 512,
        dropout: float = 0.5,
        learning_rate: float = 0.001,
        epochs: int = 3,
        batch_size: int = 32,
        random_state: int | None = 0,
    ) -> None: ...
    def fit(self, X: np.ndarray | pd.DataFrame, y: np.ndarray) -> Self: ...
    def predict_proba(self, X: np.ndarray | pd.DataFrame) -> np.ndarray: ...
    def predict(self, X: np.ndarray | pd.DataFrame) -> np.ndarray: ...

def boosted_trees(leaves: int = 15, rounds: int = 100, seed: int = 0, **settings: Any) -> Any: ...

def default_classifiers(seed: int = 0) -> dict[str, BaseEstimator]: ...

def class_probabilities(classifier: Any, X: np.ndarray | pd.DataFrame, classes: Sequence[Any] | np.ndarray) -> np.ndarray: ...

def inner_rows(now: np.ndarray, closes: np.ndarray, share: float = 0.75) -> tuple[np.ndarray, np.ndarray]: ...

def category_shares(histories: Histories, items: pd.DataFrame, categories: Sequence[str] | np.ndarray) -> np.ndarray: ...

def preference_results(
    items: pd.DataFrame,
    inner_task: RankingTask,
    task: RankingTask,
    representations: Mapping[str, np.ndarray],
    categories: int = 30,
    min_users: int = 50,
    seed: int = 0,
) -> list[Result]: ...
