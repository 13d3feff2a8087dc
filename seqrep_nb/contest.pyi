# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Mapping, Sequence
from typing import Any
from dataclasses import dataclass
import numpy as np, pandas as pd
from .metrics import Result
__all__ = ['SIZES', 'STRENGTHS', 'ENTRIES', 'SHARES', 'MIXES', 'Question', 'Verdict', 'contest', 'verdict_results', 'mean_of_seeds',
           'gains_over_seeds', 'hold_contest']

@dataclass(frozen=True)
class Question:
    name: str
    table: pd.DataFrame
    represented: pd.DataFrame
    y: np.ndarray
    users: np.ndarray
    now: np.ndarray
    closes: np.ndarray
    label: np.ndarray | None = ...
    best: np.ndarray | None = ...
    dataset: str = ...
    def __post_init__(self) -> None: ...
    def __len__(self) -> int: ...
    def __repr__(self) -> str: ...
    @property
    def labels(self) -> int: ...

SIZES: tuple[int, ...]
STRENGTHS: tuple[float, ...]
ENTRIES: dict[str, Any]

@dataclass(frozen=True)
class Verdict:
    cut: pd.Timestamp
    rows: np.ndarray
    said: dict
    chosen: dict
    tried: dict
    seed: int = ...

SHARES: tuple[float, ...]
MIXES: list[tuple[Any, Any, Any]]

def contest(
    question: Question,
    cut: str | pd.Timestamp,
    until: str | pd.Timestamp | None = None,
    seed: int = 0,
    entries: Mapping[str, list[tuple[str, str, float]]] | None = None,
) -> Verdict: ...

def verdict_results(question: Question, verdicts: Sequence[Verdict]) -> dict[str, Result]: ...

def mean_of_seeds(results: Sequence[Result]) -> Result: ...

def gains_over_seeds(by_seed: Sequence[Mapping[str, Result]], times: int = 1000) -> list[dict[str, Any]]: ...

def hold_contest(
    question: Question,
    cuts: Sequence[str | pd.Timestamp],
    until: str | pd.Timestamp | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    times: int = 1000,
    entries: Mapping[str, list[tuple[str, str, float]]] | None = None,
) -> dict[str, Any]: ...
