# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self
import numpy as np, pandas as pd, scipy.sparse as sp
from ._sklearn import BaseEstimator
from .events import Ids, Log
from .histories import Histories
from .search import SearchRanker
from seqrep_nb.behaviour import BehaviourTransformer
__all__ = ['NAMELESS', 'BASES', 'LEARNED', 'SLOW', 'TRANSFORMER', 'WALK', 'VIEWS', 'FORMAT', 'STATE', 'FLAT', 'find_baskets', 'inner_cuts',
           'sample_users', 'OfAction', 'ranker_grid', 'make_ranker', 'BehaviourPipeline', 'transformer_weights', 'restore_transformer', 'recode',
           'probabilities', 'file_sums', 'check_folder', 'load_model']

def find_baskets(events: pd.DataFrame, gap_minutes: float = 30) -> tuple[pd.DataFrame, str]: ...

def inner_cuts(events: pd.DataFrame, n: int = 3, min_users: int = 50) -> list[pd.Timestamp]: ...

def sample_users(events: pd.DataFrame, users: int = 20000, rows: int = 2500000, seed: int = 0) -> pd.DataFrame: ...

class OfAction(BaseEstimator):
    ranker: BaseEstimator
    action: str
    ranker_: Any
    def __init__(self, ranker: BaseEstimator, action: str) -> None: ...
    def fit(self, histories: Histories, y: Any = None) -> Self: ...
    def score(self, histories: Histories, now: int | None = None) -> np.ndarray: ...

def ranker_grid(
    days: float,
    action: str | None = None,
    text: bool = True,
    places: bool = False,
    alike: bool = False,
) -> dict[str, list[dict[str, Any]]]: ...

def make_ranker(name: str, settings: dict[str, Any], vectors: np.ndarray | None = None, groups: np.ndarray | None = None) -> BaseEstimator: ...

class BehaviourPipeline(BaseEstimator):
    max_items: int
    cuts: int
    budget: float
    steps: int
    checkpoint: str | None
    seed: int
    baskets_: Any
    deadline_: Any
    work_: Any
    store_: Any
    name_: Any
    versions_: Any
    notes_: Any
    days_: Any
    action_: Any
    item_ids_: Any
    histories_: Any
    met_: Any
    ends_: Any
    now_: Any
    items_: Any
    vectors_: Any
    views_: Any
    settings_: Any
    inner_quality_: Any
    base_: Any
    cuts_: Any
    blend_: Any
    weights_: Any
    fallback_: Any
    learned_: Any
    learned_report_: Any
    cold_: Any
    searched_: Any
    plan_: Any
    early_: Any
    behaviour_: Any
    sample_ids_: Any
    factors_: Any
    heads_: Any
    head_report_: Any
    def __init__(
        self,
        max_items: int = 30000,
        cuts: int = 3,
        budget: float = 20.0,
        steps: int = 400,
        checkpoint: str | None = None,
        seed: int = 0,
    ) -> None: ...
    def fit(self, log: Log, work: str | Path | None = None, met: pd.DataFrame | None = None, store: str | Path | None = None) -> Self: ...
    @property
    def search_(self) -> SearchRanker: ...
    def score(
        self,
        histories: Histories,
        view: Literal['all', 'new', 'unseen'] = 'all',
        exclude: sp.csr_matrix | None = None,
        now: int | None = None,
    ) -> np.ndarray: ...
    def blocks(self, n: int, width: int | None = None) -> list[np.ndarray]: ...
    def excluded(self, histories: Histories, exclude: Literal['seen', 'bought'] | None, met: pd.DataFrame | None = None) -> sp.csr_matrix | None: ...
    def recommend(
        self,
        histories: Histories,
        k: int = 10,
        exclude: Literal['seen', 'bought'] | None = None,
        query: str | None = None,
        now: int | None = None,
        met: pd.DataFrame | None = None,
    ) -> pd.DataFrame: ...
    def histories_of(self, user_ids: Ids) -> Histories: ...
    def extended(self, events: pd.DataFrame) -> Histories: ...
    def names(self) -> dict[str, str]: ...
    def explain(
        self,
        lists: pd.DataFrame,
        histories: Histories,
        exclude: Literal['seen', 'bought'] | None = None,
        query: str | None = None,
        now: int | None = None,
        people: str = 'customers',
    ) -> pd.DataFrame: ...
    def recommend_new(self, histories: Histories, items: pd.DataFrame, k: int = 10, now: int | None = None) -> pd.DataFrame: ...
    def explain_new(self, lists: pd.DataFrame, histories: Histories, items: pd.DataFrame, now: int | None = None) -> pd.DataFrame: ...
    def classify(self, histories: Histories, now: int | None = None) -> pd.DataFrame: ...
    def represent(self, histories: Histories, now: int | None = None) -> tuple[np.ndarray, str]: ...
    def save(self, folder: str | Path, report: dict[str, Any] | None = None, extra: Callable[[Path], None] | None = None) -> None: ...
    def report(self) -> dict[str, Any]: ...

NAMELESS: tuple[str, ...]
BASES: dict[str, tuple[str, ...]]
LEARNED: tuple[str, ...]
SLOW: dict[str, tuple[float, ...]]
TRANSFORMER: dict[str, Any]
WALK: int

def transformer_weights(model: 'BehaviourTransformer') -> dict[str, np.ndarray]: ...

def restore_transformer(
    model: 'BehaviourTransformer',
    arrays: Mapping[str, np.ndarray],
    item_ids: np.ndarray,
    place_names: Sequence[str],
    action_names: Sequence[str],
) -> 'BehaviourTransformer': ...

def recode(histories: Histories, item_ids: Ids, place_names: Sequence[str], action_names: Sequence[str]) -> Histories: ...

def probabilities(heads: list[Any], X: np.ndarray) -> np.ndarray: ...

VIEWS: dict[Any, str]
FORMAT: int
STATE: tuple[str, ...]
FLAT: tuple[str, ...]

def file_sums(folder: str | Path) -> str: ...

def check_folder(folder: str | Path) -> dict[str, Any]: ...

def load_model(folder: str | Path) -> BehaviourPipeline: ...
