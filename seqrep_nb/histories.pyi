# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self
import numpy as np, pandas as pd, scipy.sparse as sp
from .events import Ids
__all__ = ['EMPTY', 'DAY', 'STORED', 'STREAMED', 'Histories', 'distinct_rows', 'build_histories', 'last_k', 'time_gaps', 'Normaliser',
           'write_histories', 'read_histories', 'history_batches', 'history_dataset']

@dataclass(frozen=True)
class Histories:
    user_ids: np.ndarray
    item_ids: np.ndarray
    offsets: np.ndarray
    items: np.ndarray
    actions: np.ndarray
    timestamps: np.ndarray
    baskets: np.ndarray
    places: np.ndarray
    prices: np.ndarray
    action_names: tuple[str, ...] = ...
    place_names: tuple[str, ...] = ...
    def __len__(self) -> int: ...
    def __repr__(self) -> str: ...
    @property
    def lengths(self) -> np.ndarray: ...
    @property
    def users(self) -> np.ndarray: ...
    def __getitem__(self, user_id: str) -> pd.DataFrame: ...
    def take(self, rows: Sequence[int] | np.ndarray | slice) -> Histories: ...
    def where(self, keep: np.ndarray) -> Histories: ...
    def before(self, time: int | np.ndarray) -> Histories: ...
    def counts(self, by: Literal['rows', 'baskets'] = 'rows', action: str | None = None) -> sp.csr_matrix: ...
    def last(self, k: int, side: Literal['left', 'right'] = 'left', **columns: np.ndarray) -> dict[str, np.ndarray]: ...
    def ages(self, now: int | np.ndarray) -> np.ndarray: ...
    def numbers(self, now: int | np.ndarray | None = None) -> dict[str, np.ndarray]: ...

def distinct_rows(*columns: np.ndarray) -> tuple[np.ndarray, ...]: ...

def build_histories(
    events: pd.DataFrame,
    item_ids: Ids | None = None,
    user_ids: Ids | None = None,
    place_names: Sequence[str] | None = None,
    action_names: Sequence[str] | None = None,
) -> Histories: ...

EMPTY: dict[str, Any]

def last_k(offsets: np.ndarray, k: int, side: Literal['left', 'right'] = 'left') -> tuple[np.ndarray, np.ndarray]: ...

DAY: int

def time_gaps(timestamps: np.ndarray, offsets: np.ndarray) -> np.ndarray: ...

class Normaliser:
    method: Literal['z-score', 'min-max']
    columns: Sequence[str] | None
    log: bool
    scalers_: Any
    fitted_: Any
    def __init__(self, method: Literal['z-score', 'min-max'] = 'z-score', columns: Sequence[str] | None = None, log: bool = False) -> None: ...
    def get_params(self, deep: bool = True) -> dict[str, Any]: ...
    def set_params(self, **params: Any) -> Self: ...
    def __repr__(self) -> str: ...
    def fit(self, columns: Mapping[str, np.ndarray] | pd.DataFrame, y: None = None) -> Self: ...
    def transform(self, columns: Mapping[str, np.ndarray] | pd.DataFrame) -> dict[str, np.ndarray] | pd.DataFrame: ...
    def inverse_transform(self, columns: Mapping[str, np.ndarray] | pd.DataFrame) -> dict[str, np.ndarray] | pd.DataFrame: ...
    def fit_transform(self, columns: Mapping[str, np.ndarray] | pd.DataFrame, y: None = None) -> dict[str, np.ndarray] | pd.DataFrame: ...

STORED: dict[str, Any]

def write_histories(histories: Histories, path: str | Path, row_group_size: int = 131072) -> None: ...

def read_histories(path: str | Path) -> Histories: ...

def history_batches(
    paths: str | Path | Sequence[str | Path],
    window: int,
    batch_size: int,
    side: Literal['left', 'right'] = 'left',
    shuffle: int = 0,
    seed: int = 0,
    epoch: int = 0,
    normaliser: Normaliser | None = None,
    rows: int = 65536,
) -> Iterator[dict[str, np.ndarray]]: ...

STREAMED: dict[str, str]

def history_dataset(
    paths: str | Path | Sequence[str | Path],
    window: int,
    batch_size: int,
    side: Literal['left', 'right'] = 'left',
    shuffle: int = 0,
    seed: int = 0,
    normaliser: Normaliser | None = None,
    users: bool = False,
) -> Any: ...
