# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple
import numpy as np
__all__ = ['FORMAT', 'MARK', 'PARTS', 'CHUNK', 'LOCK_AGE', 'FAN', 'LEFTOVER_AGE', 'SECONDS', 'hash_texts', 'place_of', 'sort_hashes', 'VectorStore',
           'Segment']

def hash_texts(texts: Iterable[str]) -> np.ndarray: ...

def place_of(table: np.ndarray, wanted: np.ndarray) -> np.ndarray: ...

def sort_hashes(hashes: np.ndarray) -> np.ndarray: ...

FORMAT: int
MARK: str
PARTS: tuple[str, ...]

class VectorStore:
    folder: Any
    key: dict[str, Any]
    width: int
    dtype: Any
    columns: Any
    path: Any
    def __init__(
        self,
        folder: str | Path,
        key: dict[str, Any],
        width: int,
        dtype: Literal['float32', 'float16'] = 'float32',
        columns: Sequence[str] = ('tokens', 'unknown'),
    ) -> None: ...
    def __len__(self) -> int: ...
    def __repr__(self) -> str: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
    def find(self, texts: Iterable[str]) -> np.ndarray: ...
    def get(self, texts: Iterable[str], out: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]: ...
    def add(self, texts: Iterable[str], vectors: np.ndarray, counts: np.ndarray | None = None) -> int: ...
    def merge(self, everything: bool = False) -> int: ...
    @property
    def nbytes(self) -> int: ...
    def check(self) -> int: ...
    def fill(
        self,
        texts: Iterable[str],
        compute: Callable[[list[str]], tuple[np.ndarray, np.ndarray | None]],
        portion: int | None = None,
        what: str = 'encode texts',
        out: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]: ...

class Segment(NamedTuple):
    name: str
    hashes: np.ndarray
    vectors: np.ndarray
    counts: np.ndarray
    sums: dict[str, int]

CHUNK: int
LOCK_AGE: int
FAN: int
LEFTOVER_AGE: int
SECONDS: int
