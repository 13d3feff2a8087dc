# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any
import numpy as np
from .clean import Rule
from .split import TimeLike
__all__ = ['RESERVED', 'BROKEN', 'NAMES', 'parquet_files', 'settle', 'copies', 'cut_sessions', 'prepare_log']

def parquet_files(paths: str | Path | Iterable[str | Path]) -> list[Path]: ...

RESERVED: tuple[str, ...]
BROKEN: dict[str, Rule]
NAMES: dict[str, str]

def settle(rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]: ...

def copies(rows: dict[str, np.ndarray]) -> np.ndarray: ...

def cut_sessions(rows: dict[str, np.ndarray], gap: int, by_id: bool) -> tuple[np.ndarray, np.ndarray]: ...

def prepare_log(
    files: str | Path | Iterable[str | Path],
    out: str | Path,
    cut: TimeLike | None = None,
    rules: dict[str, Rule] | None = None,
    gap_minutes: float = 30,
    ignore: str | Collection[str] = (),
    memory: str = '4GB',
    threads: int | None = None,
) -> dict[str, Any]: ...
