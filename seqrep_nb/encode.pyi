# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self
import numpy as np
import pandas as pd
from ._sklearn import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from .store import VectorStore
__all__ = ['POOLINGS', 'WIDTHS', 'PRECISIONS', 'pool', 'normalize_rows', 'Engine', 'encode_hidden', 'batches', 'pad_lines', 'encode_ids',
           'openvino_model', 'load_engine', 'arithmetic', 'check_texts', 'checkpoint_hash', 'TextEncoder', 'encode']

POOLINGS: tuple[str, ...]

def pool(hidden: np.ndarray, mask: np.ndarray, how: Literal['mean', 'cls', 'last'] = 'mean') -> np.ndarray: ...

def normalize_rows(x: np.ndarray) -> np.ndarray: ...

class Engine(NamedTuple):
    run: Callable[[np.ndarray, np.ndarray], Any]
    width: int
    positions: int
    words: int
    batch_tokens: int
    compiles: bool = ...

def encode_hidden(backbone: Any, ids: np.ndarray, mask: np.ndarray) -> np.ndarray: ...

def batches(lengths: Sequence[int] | np.ndarray, batch_tokens: int = 16384) -> list[np.ndarray]: ...

def pad_lines(lines: Sequence[Sequence[int] | np.ndarray], pad: int = 0, shape: tuple[int, int] = (0, 0)) -> tuple[np.ndarray, np.ndarray]: ...

WIDTHS: tuple[int, ...]

def encode_ids(
    backbone: Any,
    lines: Sequence[Sequence[int] | np.ndarray],
    pooling: Literal['mean', 'cls', 'last'] = 'mean',
    batch_tokens: int | None = None,
    pad: int = 0,
    what: str | None = 'encode texts',
) -> np.ndarray: ...

def openvino_model(folder: str | Path, int8: bool = False) -> Any: ...

PRECISIONS: dict[str, tuple[str, ...]]

def load_engine(
    checkpoint: str | Path | None = None,
    engine: Literal['keras', 'openvino'] = 'keras',
    precision: Literal['float32', 'bfloat16', 'float16', 'int8'] = 'float32',
) -> Engine: ...

def arithmetic(engine: Literal['keras', 'openvino'], precision: Literal['float32', 'bfloat16', 'float16', 'int8']) -> str: ...

def check_texts(texts: Sequence[str] | np.ndarray | pd.Series) -> list[str]: ...

def checkpoint_hash(folder: str | Path) -> str: ...

class TextEncoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    checkpoint: str | Path | None
    pooling: Literal['mean', 'cls', 'last']
    max_length: int
    batch_tokens: int | None
    normalize: bool
    unknown_limit: float
    engine: Literal['keras', 'openvino']
    precision: Literal['float32', 'bfloat16', 'float16', 'int8']
    store: str | PathLike | None
    keep: Literal['start', 'end']
    folder_: Any
    unknown_share_: Any
    def __init__(
        self,
        checkpoint: str | Path | None = None,
        pooling: Literal['mean', 'cls', 'last'] = 'mean',
        max_length: int = 64,
        batch_tokens: int | None = None,
        normalize: bool = True,
        unknown_limit: float = 0.2,
        engine: Literal['keras', 'openvino'] = 'keras',
        precision: Literal['float32', 'bfloat16', 'float16', 'int8'] = 'float32',
        store: str | PathLike | None = None,
        keep: Literal['start', 'end'] = 'start',
    ) -> None: ...
    def fit(self, X: Sequence[str] | np.ndarray | pd.Series, y: None = None) -> Self: ...
    def transform(self, X: Sequence[str] | np.ndarray | pd.Series) -> np.ndarray: ...
    def vector_store(self) -> VectorStore: ...
    def __sklearn_tags__(self) -> Any: ...

def encode(texts: Sequence[str] | np.ndarray | pd.Series, **kw: Any) -> np.ndarray: ...
