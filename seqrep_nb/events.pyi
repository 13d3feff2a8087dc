# Made by scripts/stubs.py from the module beside it, never edited
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
import numpy as np, pandas as pd, pyarrow as pa
__all__ = ['EVENT_COLUMNS', 'ITEM_COLUMNS', 'ACTIONS', 'MISSING', 'FIRST', 'LAST', 'NO_TIME', 'UNITS', 'FAULTS', 'WAYS', 'PURCHASES', 'SUFFIXES',
           'ORDER', 'Log', 'Ids', 'time_kinds', 'validate_events', 'validate_items', 'read_events', 'read_items', 'check_events', 'among',
           'sort_events']

EVENT_COLUMNS: dict[str, str]
ITEM_COLUMNS: dict[str, str]
ACTIONS: tuple[str, ...]

@dataclass(repr=False)
class Log:
    name: str
    events: pd.DataFrame
    items: pd.DataFrame | None
    users: pd.DataFrame | None = ...
    rejected: pd.DataFrame | None = ...
    def summary(self) -> pd.Series: ...
    def __repr__(self) -> str: ...

MISSING: Any

class Ids(typing.Protocol):
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Any]: ...
    def __getitem__(self, part: slice, /) -> Any: ...

FIRST: Any
LAST: Any
NO_TIME: Any
UNITS: dict[str, float]

def time_kinds(array: pa.Array) -> dict[str, int]: ...

FAULTS: dict[str, tuple[str, ...]]
WAYS: dict[str, str]
PURCHASES: tuple[str, ...]

def validate_events(
    table: pd.DataFrame,
    on_bad: Literal['raise', 'reject'] = 'raise',
    source: str = 'events',
    default_action: str | None = None,
    actions: dict[str, str] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]: ...

def validate_items(table: pd.DataFrame, on_bad: Literal['raise', 'reject'] = 'raise', source: str = 'items') -> tuple[pd.DataFrame, pd.DataFrame]: ...

SUFFIXES: dict[str, str]

def read_events(
    path: str | Path,
    on_bad: Literal['raise', 'reject'] = 'raise',
    default_action: str | None = None,
    columns: dict[str, str] | None = None,
    actions: dict[str, str] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]: ...

def read_items(
    path: str | Path,
    on_bad: Literal['raise', 'reject'] = 'raise',
    columns: dict[str, str] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]: ...

def check_events(events: Any, source: str = 'events') -> pd.DataFrame: ...

def among(column: pd.Series, values: Ids) -> np.ndarray: ...

ORDER: tuple[str, ...]

def sort_events(events: pd.DataFrame) -> pd.DataFrame: ...
