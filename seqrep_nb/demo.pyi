# Made by scripts/stubs.py from the module beside it, never edited
from typing import Any
from pathlib import Path
from threading import Lock
from typing import Literal
import pandas as pd
from .histories import Histories
from .model import BehaviourPipeline
__all__ = ['NEW', 'ADDED', 'VIEWS', 'STYLE', 'LARGE', 'SMALL', 'customers', 'history_table', 'without_event', 'with_event', 'with_action',
           'changed_history', 'find_items', 'listed', 'answered', 'DemoPage', 'moved', 'check_free', 'serve']

NEW: str

def customers(pipeline: BehaviourPipeline, n: int = 500) -> list[str]: ...

def history_table(pipeline: BehaviourPipeline, user_id: str) -> pd.DataFrame: ...

ADDED: int

def without_event(table: pd.DataFrame, row: int) -> pd.DataFrame: ...

def with_event(table: pd.DataFrame, item_id: str, action: str, now: int) -> pd.DataFrame: ...

def with_action(table: pd.DataFrame, row: int, action: str) -> pd.DataFrame: ...

def changed_history(pipeline: BehaviourPipeline, table: pd.DataFrame, user_id: str) -> Histories: ...

def find_items(pipeline: BehaviourPipeline, words: str, n: int = 8) -> list[str]: ...

VIEWS: dict[str, Any]

def listed(
    pipeline: BehaviourPipeline,
    histories: Histories,
    view: Literal['all', 'new', 'unseen'] = 'all',
    k: int = 10,
    query: str = '',
) -> pd.DataFrame: ...

def answered(pipeline: BehaviourPipeline, histories: Histories, n: int | None = 5) -> pd.DataFrame: ...

class DemoPage:
    lock: Lock
    pipeline: BehaviourPipeline
    names: Any
    view: Any
    query: Any
    asked: Any
    actions: Any
    action: Any
    stored: Any
    table: Any
    user_id: Any
    at: Any
    rows: Any
    found: Any
    undo: Any
    list: Any
    heads: Any
    busy: Any
    def __init__(self, pipeline: BehaviourPipeline) -> None: ...
    def choose(self, user_id: str) -> None: ...
    def answers(self) -> tuple[pd.DataFrame, pd.DataFrame]: ...
    def draw(self) -> None: ...
    async def change(self, table: pd.DataFrame | None = None) -> None: ...

def moved(rank: int, before: float) -> str: ...

STYLE: str
LARGE: str
SMALL: str

def check_free(host: str, port: int) -> None: ...

def serve(model: str | Path, host: str = '127.0.0.1', port: int = 8080, browser: bool = True) -> BehaviourPipeline: ...
