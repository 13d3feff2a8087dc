# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any
import numpy as np, pandas as pd
from .contest import Question, Verdict
__all__ = ['FEW', 'searches_asked', 'known_before', 'query_table', 'relearned', 'text_answers', 'ngram_answers', 'query_question', 'unseen_only',
           'hold_shop', 'query_contest']

def searches_asked(events: pd.DataFrame, items: pd.DataFrame) -> SimpleNamespace: ...

def known_before(keys: np.ndarray, times: np.ndarray, values: np.ndarray, ask_keys: np.ndarray, ask_times: np.ndarray) -> np.ndarray: ...

def query_table(s: SimpleNamespace) -> dict[str, np.ndarray]: ...

def relearned(
    s: SimpleNamespace,
    answer: Callable[[tuple[np.ndarray, ...], np.ndarray, int], dict[str, np.ndarray]],
    every: float = 7,
) -> dict[str, np.ndarray]: ...

def text_answers(
    s: SimpleNamespace,
    items: pd.DataFrame,
    met: np.ndarray,
    encoder: Callable[[list[str]], np.ndarray] = ...,
) -> Callable[[tuple[np.ndarray, ...], np.ndarray, int], dict[str, np.ndarray]]: ...

def ngram_answers(s: SimpleNamespace) -> Callable[[tuple[np.ndarray, ...], np.ndarray, int], dict[str, np.ndarray]]: ...

def query_question(
    events: pd.DataFrame,
    items: pd.DataFrame,
    searches: pd.DataFrame | None = None,
    since: str | pd.Timestamp | None = None,
    encoder: Callable[[list[str]], np.ndarray] | None = ...,
    dataset: str = 'unnamed log',
) -> Question: ...

FEW: dict[str, Any]

def unseen_only(question: Question, verdict: Verdict) -> Verdict: ...

def hold_shop(
    seed: int = 0,
    users: int = 1000,
    days: int = 90,
    since: str | pd.Timestamp = '2025-01-25',
    cut: str | pd.Timestamp = '2025-03-01',
    encoder: Callable[[list[str]], np.ndarray] = ...,
    times: int = 300,
) -> dict[str, Any]: ...

def query_contest(seeds: Sequence[int] = (0, 1, 2), **kw: Any) -> dict[str, Any]: ...
