# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Sequence
from typing import Any, Self
import numpy as np, pandas as pd
from .contest import Question
from .events import Log
__all__ = ['KINDS', 'SESSION_ENTRIES', 'asked_sessions', 'session_kinds', 'past_rates', 'session_table', 'learned_match', 'ReasonModel',
           'session_representation', 'session_question', 'session_contest']

def asked_sessions(events: pd.DataFrame, items: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]: ...

KINDS: int

def session_kinds(sessions: pd.DataFrame, looks: pd.DataFrame) -> np.ndarray: ...

def past_rates(events: pd.DataFrame, items: pd.DataFrame, sessions: pd.DataFrame, looks: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]: ...

def session_table(events: pd.DataFrame, items: pd.DataFrame, sessions: pd.DataFrame, looks: pd.DataFrame) -> pd.DataFrame: ...

def learned_match(
    impressions: pd.DataFrame,
    events: pd.DataFrame,
    items: pd.DataFrame,
    sessions: pd.DataFrame,
    looks: pd.DataFrame,
    moments: np.ndarray,
    without: Sequence[str] = (),
) -> np.ndarray: ...

class ReasonModel:
    K: int
    ridge: float
    D: Any
    mean: Any
    sd: Any
    w_: Any
    def __init__(self, reasons: int = 4, ridge: float = 1.0) -> None: ...
    def fit(self, X: np.ndarray, carted: np.ndarray, held: np.ndarray, at: np.ndarray, kind: np.ndarray, bought: np.ndarray) -> Self: ...
    def predict(self, X: np.ndarray, removal: np.ndarray, at: np.ndarray, kind: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...

def session_representation(
    sessions: pd.DataFrame,
    looks: pd.DataFrame,
    match: np.ndarray,
    moments: np.ndarray,
    removed: np.ndarray | pd.Series,
    reasons: int = 4,
    most: int = 60,
) -> pd.DataFrame: ...

def session_question(
    log: Log,
    impressions: pd.DataFrame,
    truth: pd.DataFrame | None = None,
    first: float = 60,
    every: float = 45,
    without: Sequence[str] = (),
) -> Question: ...

SESSION_ENTRIES: dict[str, Any]

def session_contest(
    seeds: Sequence[int] = (1, 2, 3),
    n_users: int = 600,
    days: int = 365,
    times: int = 200,
    without: Sequence[str] = (),
) -> dict[str, Any]: ...
