# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal, Self
import pandas as pd
from ._sklearn import BaseEstimator
__all__ = ['RULES', 'BOT_MEASURES', 'NOISE_RULES', 'BOT_ROWS', 'Rule', 'flag_expressions', 'Cleaned', 'clean_events', 'near_duplicates',
           'consecutive_repeats', 'outliers', 'bots', 'inject_noise', 'MinimumSupport', 'assign_sessions']

@dataclass(frozen=True)
class Rule:
    bad: Callable | None
    why: str
    needs: tuple[str, ...] = ...
    again: bool = ...

RULES: dict[str, Rule]

def flag_expressions(table: Any, rules: dict[str, Rule]) -> dict[str, Any]: ...

@dataclass
class Cleaned:
    events: pd.DataFrame
    rejected: pd.DataFrame
    report: pd.DataFrame

def clean_events(
    events: pd.DataFrame,
    rules: dict[str, Rule] | None = None,
    switch_off: str | Collection[str] = (),
    engine: str | Any = 'duckdb',
) -> Cleaned: ...

def near_duplicates(seconds: float = 10) -> Rule: ...

def consecutive_repeats(minutes: float = 30) -> Rule: ...

def outliers(column: str, times: float = 5, least: int = 5) -> Rule: ...

BOT_MEASURES: dict[str, tuple[Any, int, str]]

def bots(measure: Literal['rate', 'regularity', 'hours', 'insistence'], times: float = 10, least: int = 50) -> Rule: ...

NOISE_RULES: dict[str, Any]
BOT_ROWS: int

def inject_noise(
    events: pd.DataFrame,
    duplicates: float = 0.0,
    near_duplicates: float = 0.0,
    bots: float = 0.0,
    prices: float = 0.0,
    repeats: float = 0.0,
    quantities: float = 0.0,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.Series]: ...

class MinimumSupport(BaseEstimator):
    users: int
    items: int
    users_: Any
    items_: Any
    def __init__(self, users: int = 5, items: int = 5) -> None: ...
    def fit(self, train: pd.DataFrame, y: None = None) -> Self: ...
    def transform(self, events: pd.DataFrame) -> Cleaned: ...

def assign_sessions(events: pd.DataFrame, gap_minutes: float = 30, engine: str | Any = 'duckdb') -> pd.DataFrame: ...
