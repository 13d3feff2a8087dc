# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self
import numpy as np, pandas as pd, scipy.sparse as sp
from .contest import Question
from .events import Log
__all__ = ['MINUTE', 'DAY', 'SMOOTH', 'CLICK_ENTRIES', 'meetings', 'check_sessions', 'Codes', 'relative_prices', 'code_rows', 'so_far', 'click_table',
           'nearest_words', 'query_bags', 'ClickModel', 'click_columns', 'click_representation', 'click_question', 'click_contest']

MINUTE: int
DAY: Any

def meetings(impressions: pd.DataFrame, events: pd.DataFrame, minutes: float = 30) -> pd.DataFrame: ...

def check_sessions(events: pd.DataFrame) -> None: ...

@dataclass(frozen=True)
class Codes:
    item: np.ndarray
    user: np.ndarray
    query: np.ndarray
    category: np.ndarray
    brand: np.ndarray
    price: np.ndarray
    queries: pd.Index
    users: pd.Index

def relative_prices(items: pd.DataFrame) -> np.ndarray: ...

def code_rows(rows: pd.DataFrame, items: pd.DataFrame) -> Codes: ...

def so_far(key: np.ndarray, known: np.ndarray, values: Sequence[np.ndarray], at_key: np.ndarray, now: np.ndarray) -> list[np.ndarray]: ...

SMOOTH: dict[str, int]

def click_table(rows: pd.DataFrame, items: pd.DataFrame, events: pd.DataFrame, c: Codes, asked: np.ndarray, first: int) -> pd.DataFrame: ...

def nearest_words(odd: Sequence[str], words: Sequence[str], least: float = 0.4) -> dict[str, str]: ...

def query_bags(queries: Sequence[str] | pd.Index, titles: Sequence[str] | pd.Series) -> tuple[sp.csr_matrix, sp.csr_matrix]: ...

class ClickModel:
    blocks: dict
    positions: int
    rounds: int
    steps: int
    w_: Any
    spread_: Any
    free_: Any
    dwell_: Any
    def __init__(self, blocks: dict, positions: int, rounds: int = 6, steps: int = 12) -> None: ...
    def fit(self, A: sp.csr_matrix, position: np.ndarray, clicked: np.ndarray, time: np.ndarray, rounds: int | None = None) -> Self: ...
    @property
    def examination_(self) -> np.ndarray: ...
    def parts(self, A: sp.csr_matrix, position: np.ndarray) -> dict[str, np.ndarray]: ...

def click_columns(c: Codes, titles: Sequence[str] | pd.Series) -> tuple[dict[str, int], sp.csr_matrix]: ...

def click_representation(
    rows: pd.DataFrame,
    c: Codes,
    titles: pd.Series,
    asked: np.ndarray,
    moments: np.ndarray,
    verbose: bool = False,
) -> pd.DataFrame: ...

def click_question(
    log: Log,
    impressions: pd.DataFrame,
    best: np.ndarray | pd.Series | None = None,
    start: float = 0.5,
    every: float = 30,
    minutes: float = 30,
) -> Question: ...

CLICK_ENTRIES: dict[str, Any]

def click_contest(seeds: Sequence[int] = (0, 1, 2), n_users: int = 400, n_items: int = 500, days: int = 365, times: int = 200) -> dict[str, Any]: ...
