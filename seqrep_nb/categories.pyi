# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self
import numpy as np, pandas as pd
from .contest import Question
from .events import Ids, Log
from .histories import Histories
from .tasks import PreferenceTask
__all__ = ['DECAYS', 'FEW', 'COUNTS', 'FOODS', 'Baskets', 'lay_out', 'pair_features', 'basket_features', 'category_table', 'category_closeness',
           'pair_sequences', 'with_names', 'PairNetwork', 'forward_opinions', 'category_question', 'counts_alone', 'category_contest', 'recipe_shop']

@dataclass(frozen=True)
class Baskets:
    who: np.ndarray
    age: np.ndarray
    back: np.ndarray
    size: np.ndarray
    money: np.ndarray
    held: np.ndarray
    ends: np.ndarray
    row: np.ndarray
    code: np.ndarray
    price: np.ndarray
    @cached_property
    def pairs(self) -> tuple[np.ndarray, np.ndarray]: ...

def lay_out(histories: Histories, now: int, items: pd.DataFrame, categories: Sequence[str] | np.ndarray) -> Baskets: ...

def pair_features(v: Baskets, n: int) -> dict[str, np.ndarray]: ...

def basket_features(v: Baskets, n: int) -> pd.DataFrame: ...

def category_table(task: PreferenceTask, v: Baskets) -> pd.DataFrame: ...

def category_closeness(
    items: pd.DataFrame,
    item_ids: Ids,
    categories: Sequence[str] | np.ndarray,
    encoder: Callable[[list[str]], np.ndarray] = ...,
) -> tuple[np.ndarray, np.ndarray]: ...

DECAYS: tuple[int, int, int, float]

def pair_sequences(histories: Histories, v: Baskets, close: np.ndarray, k: int = 20) -> np.ndarray: ...

def with_names(X: np.ndarray, directions: np.ndarray) -> np.ndarray: ...

class PairNetwork:
    width: int
    dropout: float
    batch_size: int
    learning_rate: float
    seed: int
    model_: Any
    def __init__(self, width: int = 96, dropout: float = 0.2, batch_size: int = 1024, learning_rate: float = 0.002, seed: int = 0) -> None: ...
    def fit(self, X: np.ndarray, y: np.ndarray, epochs: int = 2) -> Self: ...
    def refresh(self, X: np.ndarray, y: np.ndarray, epochs: int = 1, learning_rate: float | None = None) -> Self: ...
    def score(self, X: np.ndarray) -> np.ndarray: ...

def forward_opinions(
    X: Sequence[np.ndarray],
    y: Sequence[np.ndarray],
    now: np.ndarray,
    closes: np.ndarray,
    first: int,
    seed: int = 0,
) -> dict[int, np.ndarray]: ...

def category_question(
    events: pd.DataFrame,
    items: pd.DataFrame,
    last: str | pd.Timestamp,
    moments: int = 7,
    before: int = 8,
    days: int = 28,
    categories: int = 30,
    encoder: Callable[[list[str]], np.ndarray] = ...,
    seed: int = 0,
    dataset: str = 'unnamed log',
) -> Question: ...

FEW: dict[str, list[Any]]
COUNTS: list[str]

def counts_alone(question: Question) -> Question: ...

def category_contest(
    log: Log | None = None,
    encoder: Callable[[list[str]], np.ndarray] = ...,
    seeds: Sequence[int] = (0, 1, 2),
    times: int = 500,
) -> dict[str, Any]: ...

FOODS: tuple[str, ...]

def recipe_shop(users: int = 250, baskets: int = 40, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]: ...
