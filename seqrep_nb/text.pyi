# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
import numpy as np
import pandas as pd
from .events import Ids
from .split import TimeLike
from .histories import Histories
from .tasks import IntentTask, MomentTask
__all__ = ['ACTION_VERBS', 'TIMED', 'FLAT', 'FULL', 'FIELDS', 'PRICE_WORDS', 'DEFAULT_CHECKPOINT', 'DEFAULT_REVISION', 'CHECKPOINT_PACKAGE',
           'CHECKPOINT_HASHES', 'HOW_TO_GET', 'HUB_FILES', 'PICKLES', 'CONVERT', 'PARTS', 'LINE_TYPES', 'action_verb', 'relative_time', 'event_text',
           'history_line', 'price_bands', 'price_words', 'query_text', 'describe_items', 'item_texts', 'history_queries', 'history_texts',
           'check_hashes', 'packaged_checkpoint', 'hub_checkpoint', 'find_checkpoint', 'quiet_imports', 'load_tokenizer', 'unknown_share',
           'check_unknown', 'refuse_unknown', 'token_lines', 'tokenize_newest', 'survival', 'task_lines', 'write_lines', 'read_lines']

ACTION_VERBS: dict[str, str]

def action_verb(action: str) -> str: ...

def relative_time(days: Sequence[float] | np.ndarray) -> np.ndarray: ...

TIMED: str
FLAT: str
FULL: str
FIELDS: dict[str, str]

def event_text(
    items: Sequence[str] | np.ndarray,
    actions: Sequence[str] | np.ndarray | str = 'buy',
    days: Sequence[float] | np.ndarray | None = None,
    template: str = ...,
    prices: Sequence[str] | np.ndarray | None = None,
    places: Sequence[str] | np.ndarray | None = None,
    queries: Sequence[str] | np.ndarray | None = None,
) -> np.ndarray: ...

def history_line(behaviours: Sequence[str]) -> str: ...

PRICE_WORDS: tuple[str, ...]

def price_bands(prices: Sequence[float] | np.ndarray | pd.Series, bands: int = 3) -> np.ndarray: ...

def price_words(prices: Sequence[float] | np.ndarray | pd.Series, edges: np.ndarray, words: Sequence[str] = ...) -> np.ndarray: ...

def query_text(queries: Sequence[str | None] | np.ndarray, prefix: str = '') -> list[str]: ...

def describe_items(items: pd.DataFrame, template: str = '{text}') -> list[str]: ...

def item_texts(items: pd.DataFrame, item_ids: Ids) -> list[str]: ...

def history_queries(histories: Histories, events: pd.DataFrame) -> np.ndarray: ...

def history_texts(
    histories: Histories,
    item_texts: Sequence[str],
    last: int = 64,
    now: TimeLike | np.ndarray | None = None,
    template: str = ...,
    edges: np.ndarray | None = None,
    places: Sequence[str] | None = None,
    queries: np.ndarray | None = None,
) -> list[list[str]]: ...

DEFAULT_CHECKPOINT: str
DEFAULT_REVISION: str
CHECKPOINT_PACKAGE: str
CHECKPOINT_HASHES: dict[str, str]
HOW_TO_GET: str

def check_hashes(folder: str | Path, hashes: dict[str, str] = ...) -> None: ...

def packaged_checkpoint() -> Path | None: ...

HUB_FILES: list[Any]
PICKLES: list[str]
CONVERT: str

def hub_checkpoint(name: str, revision: str | None = None, timeout: float = 5, endpoint: str | None = None, patience: float = 30) -> Path: ...

def find_checkpoint(name: str | Path | None = None, revision: str | None = None) -> Path: ...

@contextmanager
def quiet_imports() -> Iterator[None]: ...

def load_tokenizer(folder: str | Path | None = None) -> Any: ...

def unknown_share(tokenizer: Any, texts: Sequence[str]) -> float: ...

def check_unknown(tokenizer: Any, texts: Sequence[str], limit: float = 0.2) -> float: ...

def refuse_unknown(texts: Sequence[str], counts: np.ndarray, limit: float = 0.2) -> float: ...

def token_lines(tokenizer: Any, behaviours: Sequence[Sequence[str]], max_length: int) -> tuple[list[list[int]], np.ndarray]: ...

def tokenize_newest(tokenizer: Any, behaviours: Sequence[Sequence[str]], max_length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]: ...

def survival(kept: Sequence[int] | np.ndarray, total: Sequence[int] | np.ndarray) -> np.ndarray: ...

PARTS: tuple[str, ...]
LINE_TYPES: dict[str, Any]

def task_lines(task: IntentTask | MomentTask, item_texts: Sequence[str], **rendering: Any) -> pd.DataFrame: ...

def write_lines(folder: str | Path, train: pd.DataFrame, val: pd.DataFrame, test: pd.DataFrame, kind: Literal['csv', 'parquet'] = 'csv') -> None: ...

def read_lines(folder: str | Path) -> dict[str, pd.DataFrame]: ...
