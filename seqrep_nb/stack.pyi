# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self
import numpy as np, pandas as pd, scipy.sparse as sp
from ._sklearn import BaseEstimator
from .histories import Histories
__all__ = ['SIZES', 'Met', 'Past', 'places', 'propose', 'PlacePopularity', 'shared', 'OfGroups', 'PairFeatures', 'Candidates', 'gather',
           'LearnedBlend']

@dataclass(frozen=True)
class Met:
    groups: int
    key: np.ndarray
    count: np.ndarray
    newest: np.ndarray
    oldest: np.ndarray
    back: np.ndarray
    recent: np.ndarray
    steps: np.ndarray
    @property
    def user(self) -> np.ndarray: ...
    @property
    def group(self) -> np.ndarray: ...
    @property
    def gap(self) -> np.ndarray: ...
    def find(self, users: np.ndarray, groups: np.ndarray) -> np.ndarray: ...

class Past:
    basket: Any
    histories: Histories
    now: int
    who: Any
    age: Any
    number: Any
    back: Any
    def __init__(self, histories: Histories, now: int) -> None: ...
    def meet(self, code: Sequence[int] | np.ndarray | None = None, decay: float = 45, keep: bool | np.ndarray = True) -> Met: ...

def places(users: np.ndarray, values: np.ndarray) -> np.ndarray: ...

def propose(past: Past, scores: Mapping[str, np.ndarray], depth: int = 50, own: int = 120, decay: float = 45) -> tuple[np.ndarray, np.ndarray]: ...

class PlacePopularity(BaseEstimator):
    days: float
    prior: float
    decay: float
    item_ids_: Any
    place_names_: Any
    share_: Any
    own_: Any
    lean_: Any
    def __init__(self, days: float = 28, prior: float = 200, decay: float = 60) -> None: ...
    def fit(self, histories: Histories, y: Any = None) -> Self: ...
    def score(self, histories: Histories, now: int | None = None) -> np.ndarray: ...

def shared(of: np.ndarray, share: np.ndarray, groups: np.ndarray, power: float = 1.0) -> np.ndarray: ...

class OfGroups(BaseEstimator):
    ranker: Any
    groups: Sequence[int] | np.ndarray
    within: Any
    power: float
    item_ids_: Any
    ranker_: Any
    within_: Any
    def __init__(self, ranker: Any, groups: Sequence[int] | np.ndarray, within: Any, power: float = 1.0) -> None: ...
    def fit(self, histories: Histories, y: Any = None) -> Self: ...
    def score(self, histories: Histories, now: int | None = None) -> np.ndarray: ...
    def of_groups(self, histories: Histories, now: int) -> np.ndarray: ...

class PairFeatures(BaseEstimator):
    groups: Mapping[str, np.ndarray] | None
    span: float
    action: str | None
    item_ids_: Any
    reach_: Any
    lately_: Any
    facts_: Any
    def __init__(self, groups: Mapping[str, np.ndarray] | None = None, span: float = 365, action: str | None = None) -> None: ...
    @property
    def decay(self) -> float: ...
    def fit(self, histories: Histories, now: int) -> Self: ...
    def transform(self, past: Past, users: np.ndarray, items: np.ndarray, scores: Mapping[str, np.ndarray]) -> pd.DataFrame: ...

@dataclass(frozen=True)
class Candidates:
    users: np.ndarray
    items: np.ndarray
    X: pd.DataFrame
    y: np.ndarray | None = ...
    best: np.ndarray | None = ...
    def __len__(self) -> int: ...
    def take(self, keep: np.ndarray) -> Self: ...
    def view(self, relevant: sp.csr_matrix, excluded: sp.csr_matrix) -> Self: ...
    def spread(self, score: np.ndarray, shape: tuple[int, int]) -> np.ndarray: ...
    def quality(self, score: np.ndarray) -> np.ndarray: ...

def gather(
    past: Past,
    scores: Mapping[str, np.ndarray],
    features: PairFeatures,
    depth: int = 50,
    own: int = 120,
    by: Iterable[str] | None = None,
) -> Candidates: ...

SIZES: dict[str, dict[str, int]]

class LearnedBlend(BaseEstimator):
    size: Literal['small', 'large'] | None
    leave_out: Sequence[str]
    share: float
    learning_rate: float
    bags: int | None
    seed: int
    held_: Any
    size_: Any
    columns_: Any
    boosters_: Any
    def __init__(
        self,
        size: Literal['small', 'large'] | None = None,
        leave_out: Sequence[str] = (),
        share: float = 0.3,
        learning_rate: float = 0.05,
        bags: int | None = None,
        seed: int = 0,
    ) -> None: ...
    def fit(self, parts: Iterable[Candidates]) -> Self: ...
    def score(self, candidates: Candidates) -> np.ndarray: ...
    def rank(self, candidates: Candidates, k: int = 10, n: int | None = None) -> tuple[np.ndarray, np.ndarray]: ...
    def to_dict(self) -> dict[str, Any]: ...
    @classmethod
    def from_dict(cls, about: Mapping[str, Any]) -> LearnedBlend: ...
    def importance(self) -> pd.Series: ...
    def added(self, candidates: Candidates, rows: np.ndarray) -> pd.DataFrame: ...
