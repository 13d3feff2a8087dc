# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
import numpy as np, pandas as pd, scipy.sparse as sp
from .events import Ids
from .tasks import RankingTask
__all__ = ['RANKING_METRICS', 'top_k', 'recall_at_k', 'ndcg_at_k', 'hit_rate_at_k', 'mrr_at_k', 'map_at_k', 'Protocol', 'Result', 'evaluate_ranking',
           'interval', 'compare', 'pool', 'coverage_at_k', 'novelty_at_k', 'diversity_at_k', 'evaluate_lists', 'compare_many', 'reliability',
           'expected_calibration_error', 'classification_results', 'macro_pr_auc', 'multilabel_result', 'result_rows', 'results_table']

def top_k(scores: np.ndarray, k: int = 10, exclude: sp.csr_matrix | None = None) -> np.ndarray: ...

def recall_at_k(ranked: np.ndarray, relevant: sp.csr_matrix, k: int = 10) -> np.ndarray: ...

def ndcg_at_k(ranked: np.ndarray, relevant: sp.csr_matrix, k: int = 10) -> np.ndarray: ...

def hit_rate_at_k(ranked: np.ndarray, relevant: sp.csr_matrix, k: int = 10) -> np.ndarray: ...

def mrr_at_k(ranked: np.ndarray, relevant: sp.csr_matrix, k: int = 10) -> np.ndarray: ...

def map_at_k(ranked: np.ndarray, relevant: sp.csr_matrix, k: int = 10) -> np.ndarray: ...

RANKING_METRICS: dict[str, Any]

@dataclass(frozen=True)
class Protocol:
    dataset: str
    task: str
    cut: str
    view: str = ...
    target: str = ...
    candidates: str = ...
    ties: str = ...
    users: int = ...
    def stamp(self) -> str: ...

@dataclass(frozen=True)
class Result:
    model: str
    metric: str
    values: np.ndarray
    protocol: Protocol
    seed: int = ...
    statistic: Callable[[np.ndarray], float] | None = ...
    per_user: Ids | None = ...
    centred: bool = ...
    @property
    def value(self) -> float: ...
    def __repr__(self) -> str: ...

def evaluate_ranking(
    model: str,
    scores: np.ndarray,
    task: RankingTask,
    view: str = 'all',
    k: int = 10,
    seed: int = 0,
    dataset: str | None = None,
    metrics: Sequence[str] = ('NDCG', 'Recall'),
    negatives: int | None = None,
) -> list[Result]: ...

def interval(result: Result, times: int = 1000, level: float = 0.95, seed: int = 0) -> tuple[float, float, float]: ...

def compare(better: Result, base: Result, times: int = 1000, level: float = 0.95, seed: int = 0) -> dict[str, float]: ...

def pool(results: Sequence[Result]) -> Result: ...

def coverage_at_k(ranked: np.ndarray, items: int, k: int = 10) -> float: ...

def novelty_at_k(ranked: np.ndarray, counts: np.ndarray, users: int, k: int = 10) -> np.ndarray: ...

def diversity_at_k(ranked: np.ndarray, features: np.ndarray, k: int = 10) -> np.ndarray: ...

def evaluate_lists(
    model: str,
    scores: np.ndarray,
    task: RankingTask,
    view: str = 'all',
    k: int = 10,
    seed: int = 0,
    dataset: str | None = None,
    features: np.ndarray | None = None,
) -> list[Result]: ...

def compare_many(results: Sequence[Result], base: Result, times: int = 1000, level: float = 0.95, seed: int = 0) -> pd.DataFrame: ...

def reliability(y: np.ndarray, probability: np.ndarray, bins: int = 10) -> pd.DataFrame: ...

def expected_calibration_error(y: np.ndarray, probability: np.ndarray, bins: int = 10) -> float: ...

def classification_results(
    model: str,
    y: np.ndarray,
    probability: np.ndarray,
    protocol: Protocol,
    seed: int = 0,
    bins: int | None = None,
    per_user: Ids | None = None,
) -> list[Result]: ...

def macro_pr_auc(values: np.ndarray) -> float: ...

def multilabel_result(
    model: str,
    Y: np.ndarray,
    probability: np.ndarray,
    protocol: Protocol,
    seed: int = 0,
    per_user: Ids | None = None,
) -> Result: ...

def result_rows(results: Sequence[Result], times: int = 1000) -> list[dict[str, Any]]: ...

def results_table(rows: Sequence[dict[str, Any]], digits: int = 4) -> pd.DataFrame: ...
