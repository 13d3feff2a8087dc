# Made by scripts/stubs.py from the module beside it, never edited
from typing import ClassVar
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self
import numpy as np, pandas as pd, scipy.sparse as sp
from .events import Ids
from .journey import Campaigns
from .histories import Histories
from .split import Split, TimeLike
__all__ = ['top_items', 'RankingTask', 'ranking_task', 'next_events', 'next_item', 'ColdTask', 'cold_task', 'will_buy', 'IntentTask', 'intent_tasks',
           'earlier_cuts', 'next_categories', 'PreferenceTask', 'preference_tasks', 'MomentTask', 'campaign_windows', 'campaign_response',
           'click_task', 'session_looks', 'session_task', 'query_task', 'user_labels']

def top_items(train: pd.DataFrame, n: int = 12000) -> np.ndarray: ...

@dataclass(frozen=True)
class RankingTask:
    histories: Histories
    relevant: sp.csr_matrix
    seen: sp.csr_matrix
    cut: pd.Timestamp
    dataset: str = ...
    target: ClassVar[str]
    def __repr__(self) -> str: ...
    @property
    def now(self) -> int: ...
    def view(self, name: str = 'all') -> tuple[sp.csr_matrix, sp.csr_matrix]: ...

def ranking_task(split: Split, item_ids: Ids | None = None, dataset: str = 'unnamed log') -> RankingTask: ...

def next_events(split: Split, action: str | None = None) -> pd.DataFrame: ...

def next_item(split: Split, item_ids: Ids | None = None, action: str | None = None, dataset: str = 'unnamed log') -> RankingTask: ...

@dataclass(frozen=True, repr=False)
class ColdTask(RankingTask):
    candidates: np.ndarray | None = ...
    target: ClassVar[str]
    def view(self, name: str = 'cold') -> tuple[sp.csr_matrix, sp.csr_matrix]: ...

def cold_task(split: Split, days: float | None = None, dataset: str = 'unnamed log') -> ColdTask: ...

def will_buy(histories: Histories, future: pd.DataFrame, cut: TimeLike, days: float = 7) -> np.ndarray: ...

@dataclass(frozen=True)
class IntentTask:
    histories: Histories
    y: np.ndarray
    cut: pd.Timestamp
    days: float = ...
    def __repr__(self) -> str: ...
    @property
    def now(self) -> int: ...

def intent_tasks(events: pd.DataFrame, cuts: Iterable[TimeLike], days: float = 7, item_ids: Ids | None = None) -> list[IntentTask]: ...

def earlier_cuts(cut: TimeLike, n: int = 8, days: float = 7, every: str = 'MS') -> list[pd.Timestamp]: ...

def next_categories(task: RankingTask, items: pd.DataFrame, min_users: int = 50) -> tuple[np.ndarray, np.ndarray]: ...

@dataclass(frozen=True)
class PreferenceTask:
    histories: Histories
    y: np.ndarray
    categories: np.ndarray
    cut: pd.Timestamp
    days: float = ...
    def __repr__(self) -> str: ...
    @property
    def now(self) -> int: ...

def preference_tasks(
    events: pd.DataFrame,
    items: pd.DataFrame,
    cuts: Iterable[TimeLike],
    days: float = 28,
    categories: int = 30,
    item_ids: Ids | None = None,
) -> list[PreferenceTask]: ...

@dataclass(frozen=True)
class MomentTask:
    whole: Histories
    users: np.ndarray
    now: np.ndarray
    closes: np.ndarray
    y: np.ndarray
    rows: pd.DataFrame
    met: np.ndarray | None = ...
    def __len__(self) -> int: ...
    def __repr__(self) -> str: ...
    @property
    def histories(self) -> Histories: ...
    def take(self, rows: Sequence[int] | np.ndarray | slice) -> Self: ...
    def split(self, cut: TimeLike) -> tuple[Self, Self]: ...

def campaign_windows(events: pd.DataFrame, campaigns: Campaigns, days: float | None = None, past_days: float = 28) -> pd.DataFrame: ...

def campaign_response(
    events: pd.DataFrame,
    campaigns: Campaigns,
    campaign_ids: Iterable[str] | None = None,
    days: float | None = None,
    past_days: float = 28,
    item_ids: Ids | None = None,
) -> MomentTask: ...

def click_task(
    impressions: pd.DataFrame,
    cut: TimeLike,
    events: pd.DataFrame,
    days: float | None = None,
    minutes: float = 30,
    item_ids: Ids | None = None,
) -> MomentTask: ...

def session_looks(events: pd.DataFrame) -> pd.DataFrame: ...

def session_task(events: pd.DataFrame, cut: TimeLike, item_ids: Ids | None = None) -> MomentTask: ...

def query_task(events: pd.DataFrame, items: pd.DataFrame, cut: TimeLike, item_ids: Ids | None = None) -> tuple[MomentTask, np.ndarray]: ...

def user_labels(histories: Histories, users: pd.DataFrame, column: str, least: int = 20) -> tuple[np.ndarray, np.ndarray]: ...
