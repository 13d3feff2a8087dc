# Made by scripts/stubs.py from the module beside it, never edited
from typing import TypeAlias
import datetime, re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
import numpy as np, pandas as pd
from .events import Ids
__all__ = ['ISO', 'TimeLike', 'COLUMNS', 'STATISTICS', 'as_time', 'Split', 'temporal_split', 'basket_key', 'target_action', 'first_baskets',
           'inner_cut', 'LeaveOneOut', 'leave_one_out', 'foreseen', 'UserSplit', 'user_split', 'Finding', 'Audit', 'audit', 'audit_split']

ISO: re.Pattern[str]
TimeLike: TypeAlias = str | datetime.date | np.datetime64

def as_time(time: TimeLike, where: str = 'cut') -> pd.Timestamp: ...

@dataclass(frozen=True)
class Split:
    cut: pd.Timestamp
    train: pd.DataFrame
    test: pd.DataFrame
    def __repr__(self) -> str: ...

def temporal_split(events: pd.DataFrame, cut: TimeLike) -> Split: ...

def basket_key(events: pd.DataFrame) -> pd.Series: ...

def target_action(events: pd.DataFrame) -> str | None: ...

def first_baskets(split: Split) -> pd.DataFrame: ...

def inner_cut(events: pd.DataFrame, share: float = 0.1, min_users: int = 50) -> pd.Timestamp: ...

@dataclass(frozen=True)
class LeaveOneOut:
    cuts: pd.Series
    train: pd.DataFrame
    test: pd.DataFrame
    def __repr__(self) -> str: ...

def leave_one_out(events: pd.DataFrame) -> LeaveOneOut: ...

def foreseen(split: Any) -> pd.DataFrame: ...

@dataclass(frozen=True)
class UserSplit:
    share: float
    seed: int
    train: pd.DataFrame
    test: pd.DataFrame
    def __repr__(self) -> str: ...

def user_split(events: pd.DataFrame, share: float = 0.2, seed: int = 0) -> UserSplit: ...

@dataclass(frozen=True)
class Finding:
    check: str
    rows: pd.DataFrame
    way_out: str
    @property
    def passed(self) -> bool: ...
    @property
    def example(self) -> str: ...

@dataclass(frozen=True)
class Audit:
    findings: tuple[Finding, ...]
    @property
    def passed(self) -> bool: ...
    @property
    def table(self) -> pd.DataFrame: ...
    @property
    def rows(self) -> dict[str, pd.DataFrame]: ...
    def __getitem__(self, check: str) -> pd.DataFrame: ...
    def __repr__(self) -> str: ...

COLUMNS: list[str]
STATISTICS: tuple[str, ...]

def audit(
    train: pd.DataFrame,
    test: pd.DataFrame | None = None,
    cut: TimeLike | None = None,
    vocabulary: Ids | None = None,
    fitted: Any = None,
    kind: Literal['time', 'user'] = 'time',
    raw: pd.DataFrame | None = None,
    support: dict[str, int] | None = None,
    histories: Any = None,
    targets: pd.DataFrame | None = None,
    candidates: Ids | pd.DataFrame | None = None,
    results: Any = None,
    texts: Sequence[str] | None = None,
    labels: Sequence[Any] | np.ndarray | pd.DataFrame | None = None,
) -> Audit: ...

def audit_split(
    train: pd.DataFrame,
    test: pd.DataFrame | None = None,
    cut: TimeLike | None = None,
    vocabulary: Ids | None = None,
    fitted: Any = None,
    **more: Any,
) -> pd.DataFrame: ...
