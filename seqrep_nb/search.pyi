# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Self
from types import SimpleNamespace
import numpy as np, pandas as pd, scipy.sparse as sp
from ._sklearn import BaseEstimator
from .events import Ids
from .histories import Histories
from .metrics import Protocol, Result
from .simulator import SimulatedShop
__all__ = ['QUERY_PARTS', 'PERSON_PARTS', 'TASTES', 'UNTAUGHT', 'LEARNED', 'ESCI', 'search_clicks', 'BM25', 'encode_queries', 'learn_map',
           'ClickEvidence', 'taste', 'histories_at', 'part_weights', 'SearchRanker', 'louder', 'weighted', 'graded_ndcg', 'search_results',
           'planted_relevance', 'load_esci']

def search_clicks(events: pd.DataFrame, item_ids: Iterable[str] | None = None) -> pd.DataFrame: ...

class BM25(BaseEstimator):
    k1: float
    b: float
    ngrams: tuple[int, int] | None
    counter_: Any
    weights_: Any
    def __init__(self, k1: float = 1.2, b: float = 0.75, ngrams: tuple[int, int] | None = None) -> None: ...
    def fit(self, texts: Iterable[str | None], y: Any = None) -> Self: ...
    def score(self, queries: Iterable[str | None]) -> np.ndarray: ...

def encode_queries(texts: Sequence[str], checkpoint: str | Path | None = None) -> np.ndarray: ...

def learn_map(
    inputs: np.ndarray,
    clicked: sp.csr_matrix,
    items: np.ndarray,
    penalty: float = 1e-05,
    start: float = 10.0,
    iterations: int = 60,
) -> np.ndarray: ...

class ClickEvidence(BaseEstimator):
    bandwidth: float
    strength: float
    pieces_: Any
    known_: Any
    clicked_: Any
    popularity_: Any
    def __init__(self, bandwidth: float = 0.2, strength: float = 5.0) -> None: ...
    def fit(self, queries: Iterable[str], clicked: sp.csr_matrix, popularity: np.ndarray) -> Self: ...
    def score(self, queries: Iterable[str]) -> np.ndarray: ...

def taste(bag: sp.csr_matrix, groups: np.ndarray, popularity: np.ndarray, strength: float = 5.0) -> np.ndarray: ...

def histories_at(events: pd.DataFrame, searches: pd.DataFrame, item_ids: Ids) -> Histories: ...

def part_weights(X: np.ndarray, offset: float | np.ndarray = 0.0, ridge: float = 0.001) -> np.ndarray: ...

QUERY_PARTS: tuple[str, ...]
PERSON_PARTS: tuple[str, ...]
TASTES: tuple[str, ...]
UNTAUGHT: dict[str, float]

class SearchRanker(BaseEstimator):
    encoder: Callable[[Sequence[str]], np.ndarray] | None
    text: str
    dims: int
    penalty: float
    bandwidth: float
    strength: float
    half_life: float
    inner_days: float
    position_power: float
    examples: int
    rivals: int
    negatives: int
    personal: float
    cells: int
    seed: int
    sample_: Any
    shown_: Any
    weights_: Any
    item_ids_: Any
    words_: Any
    letters_: Any
    vectors_: Any
    groups_: Any
    dear_: Any
    known_: Any
    popularity_: Any
    queries_: Any
    evidence_: Any
    content_: Any
    mean_: Any
    basis_: Any
    places_: Any
    query_map_: Any
    profile_map_: Any
    def __init__(
        self,
        encoder: Callable[[Sequence[str]], np.ndarray] | None = ...,
        text: str = 'text',
        dims: int = 128,
        penalty: float = 1e-05,
        bandwidth: float = 0.2,
        strength: float = 5.0,
        half_life: float = 60,
        inner_days: float = 21,
        position_power: float = 0.0,
        examples: int = 3000,
        rivals: int = 60,
        negatives: int = 200,
        personal: float = 1.0,
        cells: int = 8000000,
        seed: int = 0,
    ) -> None: ...
    def fit(
        self,
        events: pd.DataFrame,
        items: pd.DataFrame,
        cut: str | datetime | np.datetime64 | None = None,
        impressions: pd.DataFrame | None = None,
        vectors: np.ndarray | None = None,
    ) -> Self: ...
    def represent(
        self,
        queries: Sequence[str | None] | None = None,
        histories: Histories | None = None,
        now: int | np.ndarray | None = None,
    ) -> np.ndarray: ...
    def parts(
        self,
        queries: Sequence[str | None],
        histories: Histories | None = None,
        now: int | np.ndarray | None = None,
    ) -> dict[str, np.ndarray]: ...
    def weigh(self, parts: Sequence[str] = ..., shown: bool = True) -> dict[str, float]: ...
    def score(
        self,
        queries: Sequence[str | None],
        histories: Histories | None = None,
        now: int | np.ndarray | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> np.ndarray: ...
    def rank(
        self,
        queries: Sequence[str | None],
        histories: Histories | None = None,
        k: int = 10,
        now: int | np.ndarray | None = None,
    ) -> pd.DataFrame: ...
    def to_parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray], pd.DataFrame | None]: ...
    @classmethod
    def from_parts(
        cls,
        about: Mapping[str, Any],
        arrays: Mapping[str, np.ndarray],
        clicked: pd.DataFrame | None,
        items: pd.DataFrame,
        vectors: np.ndarray | None = None,
        encoder: Callable[[Sequence[str]], np.ndarray] | None = ...,
    ) -> SearchRanker: ...

def louder(weights: Mapping[str, float], times: float) -> dict[str, float]: ...

def weighted(parts: Mapping[str, np.ndarray], weights: Mapping[str, float]) -> np.ndarray: ...

def graded_ndcg(ranked: np.ndarray, gains: np.ndarray, k: int = 10) -> np.ndarray: ...

def search_results(
    model: str,
    scores: np.ndarray,
    clicks: pd.DataFrame,
    item_ids: Ids,
    protocol: Protocol,
    gains: np.ndarray | None = None,
    k: int = 10,
) -> list[Result]: ...

def planted_relevance(shop: SimulatedShop, users: Ids, queries: Sequence[str] | np.ndarray) -> np.ndarray: ...

LEARNED: tuple[str, ...]
ESCI: dict[str, float]

def load_esci(
    folder: str | Path,
    locale: Literal['us', 'es', 'jp'] = 'us',
    split: Literal['train', 'test'] | None = None,
    small: bool = True,
) -> SimpleNamespace: ...
