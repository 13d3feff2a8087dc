# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, Self
import numpy as np
from ._sklearn import BaseEstimator
from .histories import Histories
__all__ = ['visits', 'lower_states', 'StateMemory', 'States', 'Lines', 'top_model', 'FineTunedClassifier', 'article_head', 'load_classifier']

def visits(histories: Histories) -> Histories: ...

def lower_states(backbone: Any, ids: np.ndarray, mask: np.ndarray, blocks: int, batch_size: int = 64) -> np.ndarray: ...

class StateMemory:
    dtype: Literal['float32', 'float16']
    lines: Any
    def __init__(self, dtype: Literal['float32', 'float16'] = 'float32') -> None: ...
    def __repr__(self) -> str: ...
    @property
    def nbytes(self) -> int: ...
    def states(self, backbone: Any, name: str, ids: np.ndarray, mask: np.ndarray, blocks: int) -> 'States': ...

class States:
    lines: list[np.ndarray]
    width: int
    keys: list[tuple]
    def __init__(self, lines: list[np.ndarray], width: int, keys: list[tuple]) -> None: ...
    def __len__(self) -> int: ...
    def __getitem__(self, rows: Iterable[int]) -> tuple[np.ndarray, np.ndarray]: ...
    def take(self, rows: Iterable[int]) -> 'States': ...

class Lines:
    ids: np.ndarray
    mask: Any
    keys: list[tuple]
    width: Any
    def __init__(self, ids: np.ndarray, mask: np.ndarray, keys: list[tuple]) -> None: ...
    def __len__(self) -> int: ...
    def __getitem__(self, rows: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...
    def take(self, rows: Sequence[int] | np.ndarray) -> 'Lines': ...

def top_model(backbone: Any, lower: int | None, width: int) -> Any: ...

class FineTunedClassifier(BaseEstimator):
    from_ids: bool
    checkpoint: str | Path | None
    train_blocks: int | Literal['all']
    epochs: int
    learning_rate: float
    weight_decay: float
    batch_size: int
    strengths: Sequence[float]
    memory: StateMemory | None
    seed: int
    rate_decay: float
    micro_batches: int
    patience: int | None
    folder: str | Path | None
    log: str | Path | None
    classes_: Any
    several_: Any
    name_: Any
    folder_: Any
    backbone_: Any
    lower_: Any
    coef_: Any
    strength_: Any
    intercept_: Any
    history_: Any
    trainable_: Any
    def __init__(
        self,
        checkpoint: str | Path | None = None,
        train_blocks: int | Literal['all'] = 2,
        epochs: int = 2,
        learning_rate: float = 0.0002,
        weight_decay: float = 0.01,
        batch_size: int = 32,
        strengths: Sequence[float] = (0.001, 0.0001, 0.01),
        memory: StateMemory | None = None,
        seed: int = 0,
        rate_decay: float = 1.0,
        micro_batches: int = 1,
        patience: int | None = None,
        folder: str | Path | None = None,
        log: str | Path | None = None,
    ) -> None: ...
    def fit(self, ids: np.ndarray, mask: np.ndarray, y: np.ndarray, validation: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None) -> Self: ...
    def represent(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray: ...
    def predict_proba(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray: ...
    def predict(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray: ...
    def save(self, folder: str | Path) -> Path: ...

def article_head(hidden: int = 512, dropout: float = 0.5, learning_rate: float = 0.001) -> Any: ...

def load_classifier(folder: str | Path, memory: StateMemory | None = None) -> FineTunedClassifier: ...
