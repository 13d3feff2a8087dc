# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, Self
import numpy as np, pandas as pd
from ._sklearn import BaseEstimator
from .histories import Histories
from .rank import Blend
from .stack import LearnedBlend, PairFeatures
__all__ = ['OF_ALL', 'SAYS', 'rank', 'Mixture', 'CategoryRanker', 'diversify', 'ItemIndex', 'recall_against', 'Evidence', 'what_was_done', 'reasons']

def rank(
    ranker: Any,
    histories: Histories,
    candidates: dict[str, Iterable[str]] | Iterable[str] | Iterable[Iterable[str]] | None = None,
    k: int = 10,
    exclude_seen: bool | str = False,
    now: int | None = None,
) -> pd.DataFrame: ...

class Mixture(BaseEstimator):
    rankers: Mapping[str, Any]
    blend: Blend | LearnedBlend
    view: str
    action: str | None
    features: PairFeatures | None
    def __init__(
        self,
        rankers: Mapping[str, Any],
        blend: Blend | LearnedBlend,
        view: str = 'all',
        action: str | None = None,
        features: PairFeatures | None = None,
    ) -> None: ...
    def fit(self, histories: Histories, y: Any = None) -> Self: ...
    @property
    def item_ids_(self) -> np.ndarray: ...
    def score(self, histories: Histories, now: int | None = None) -> np.ndarray: ...

class CategoryRanker(BaseEstimator):
    items: pd.DataFrame
    chances: Callable[[Histories, int], np.ndarray] | None
    categories: Sequence[str] | np.ndarray | None
    calibrate: bool
    personal: bool
    moments: int
    days: float
    strength: float
    decay: float
    recent: float
    seed: int
    item_ids_: Any
    popularity_: Any
    items_: Any
    names_: Any
    code_: Any
    share_: Any
    rest_: Any
    base_: Any
    model_: Any
    curve_: Any
    def __init__(
        self,
        items: pd.DataFrame,
        chances: Callable[[Histories, int], np.ndarray] | None = None,
        categories: Sequence[str] | np.ndarray | None = None,
        calibrate: bool = True,
        personal: bool = True,
        moments: int = 3,
        days: float = 28,
        strength: float = 1,
        decay: float = 90,
        recent: float = 28,
        seed: int = 0,
    ) -> None: ...
    def fit(self, histories: Histories, now: int | None = None) -> Self: ...
    def probabilities(self, histories: Histories, now: int | None = None) -> np.ndarray: ...
    def score(self, histories: Histories, now: int | None = None) -> np.ndarray: ...

OF_ALL: tuple[str, ...]

def diversify(
    items: np.ndarray,
    scores: np.ndarray,
    vectors: np.ndarray,
    k: int = 10,
    method: Literal['mmr', 'dpp'] = 'dpp',
    weight: float = 0.7,
) -> np.ndarray: ...

class ItemIndex:
    vectors: Any
    kind: Literal['exact', 'ivf', 'hnsw']
    index: Any
    def __init__(
        self,
        vectors: np.ndarray,
        kind: Literal['exact', 'ivf', 'hnsw'] = 'exact',
        cells: int | None = None,
        probes: int = 32,
        links: int = 32,
        effort: int = 128,
    ) -> None: ...
    def search(self, queries: np.ndarray, k: int = 10) -> tuple[np.ndarray, np.ndarray]: ...

def recall_against(exact: tuple[np.ndarray, np.ndarray], found: tuple[np.ndarray, np.ndarray]) -> float: ...

class Evidence:
    histories: Histories
    now: int
    users: np.ndarray
    items: np.ndarray
    name: Callable[[int], str]
    people: str
    verb: Any
    until: int | None
    past: Any
    kept: Any
    met: Any
    at: Any
    owner: Any
    gap: Any
    like: Any
    def __init__(
        self,
        histories: Histories,
        now: int,
        users: np.ndarray,
        items: np.ndarray,
        name: Callable[[int], str],
        people: str = 'households',
        verb: str | None = None,
        until: int | None = None,
    ) -> None: ...
    def own(self, n: int) -> slice: ...
    def once(self, make: Callable[[], Any], *key: Any) -> Any: ...
    def many(self, n: int) -> str: ...
    def days(self, n: float) -> str: ...
    def of_action(self, ranker: Any) -> Self: ...
    def user(self, n: int) -> Histories: ...
    def nearest(self, n: int, weights: np.ndarray, words: str) -> str | None: ...

def what_was_done(histories: Histories) -> str: ...

SAYS: dict[str, Any]

def reasons(
    lists: pd.DataFrame,
    ranker: Any,
    histories: Histories,
    texts: Mapping[str, str] | pd.Series | None = None,
    now: int | None = None,
    people: str = 'households',
    verb: str | None = None,
    until: int | None = None,
) -> pd.DataFrame: ...
