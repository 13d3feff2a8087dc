# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self
import numpy as np
from ._sklearn import BaseEstimator
from .events import Ids
from .histories import Histories
from .metrics import Result
__all__ = ['tf', 'keras', 'keras_hub', 'FLAT', 'OPERATIONS', 'RATES', 'INPUTS', 'newest', 'with_catalogue', 'stack', 'crop_visits', 'drop_events',
           'mask_events', 'substitute_items', 'reorder_visits', 'text_neighbours', 'augment', 'contrastive_loss', 'history_windows',
           'history_encoder', 'ContrastiveEncoder', 'HistoryClassifier', 'nested_samples', 'seed_mean']

tf: Any
keras: Any
keras_hub: Any
FLAT: tuple[str, ...]

def newest(histories: Histories, k: int) -> Histories: ...

def with_catalogue(histories: Histories, item_ids: Ids) -> Histories: ...

def stack(parts: Sequence[Histories]) -> Histories: ...

def crop_visits(histories: Histories, rng: np.random.Generator, rate: float | np.ndarray = 0.4, newest: bool = False) -> Histories: ...

def drop_events(histories: Histories, rng: np.random.Generator, rate: float | np.ndarray = 0.3) -> Histories: ...

def mask_events(histories: Histories, rng: np.random.Generator, rate: float | np.ndarray = 0.3) -> Histories: ...

def substitute_items(
    histories: Histories,
    rng: np.random.Generator,
    rate: float | np.ndarray = 0.3,
    neighbours: np.ndarray | None = None,
) -> Histories: ...

def reorder_visits(histories: Histories, rng: np.random.Generator, rate: float | np.ndarray = 0.5, longest: int = 5) -> Histories: ...

def text_neighbours(texts: Sequence[str], vectors: np.ndarray, k: int = 5, least: float = 0.5) -> np.ndarray: ...

OPERATIONS: dict[str, Any]
RATES: dict[str, float]

def augment(
    histories: Histories,
    rng: np.random.Generator,
    rates: Mapping[str, float] | None = None,
    neighbours: np.ndarray | None = None,
    share: float = 1.0,
) -> Histories: ...

def contrastive_loss(
    first: tf.Tensor | np.ndarray,
    second: tf.Tensor | np.ndarray,
    users: tf.Tensor | np.ndarray,
    temperature: float = 0.2,
) -> tf.Tensor: ...

INPUTS: tuple[str, ...]

def history_windows(histories: Histories, now: int | np.ndarray, window: int) -> dict[str, np.ndarray]: ...

def history_encoder(
    item_vectors: np.ndarray,
    window: int,
    actions: int,
    places: int,
    width: int = 48,
    blocks: int = 1,
    heads: int = 2,
    dropout: float = 0.1,
) -> keras.Model: ...

class _HistoryModel(BaseEstimator):
    codes_: Any
    window_: Any
    encoder_: Any
    def represent(self, histories: Histories, now: int | np.ndarray | None = None) -> np.ndarray: ...

class ContrastiveEncoder(_HistoryModel):
    item_vectors: np.ndarray
    rates: Mapping[str, float] | None
    neighbours: np.ndarray | None
    window: int
    width: int
    blocks: int
    heads: int
    dropout: float
    temperature: float
    steps: int
    batch_size: int
    learning_rate: float
    seed: int
    folder: str | Path | None
    projection_: Any
    history_: Any
    def __init__(
        self,
        item_vectors: np.ndarray,
        rates: Mapping[str, float] | None = None,
        neighbours: np.ndarray | None = None,
        window: int = 64,
        width: int = 48,
        blocks: int = 1,
        heads: int = 2,
        dropout: float = 0.1,
        temperature: float = 0.2,
        steps: int = 200,
        batch_size: int = 128,
        learning_rate: float = 0.002,
        seed: int = 0,
        folder: str | Path | None = None,
    ) -> None: ...
    def fit(self, histories: Histories, y: Any = None, now: int | np.ndarray | None = None) -> Self: ...

class HistoryClassifier(_HistoryModel):
    item_vectors: np.ndarray
    start: ContrastiveEncoder | None
    rates: Mapping[str, float] | None
    neighbours: np.ndarray | None
    share: float
    window: int
    width: int
    blocks: int
    heads: int
    dropout: float
    steps: int
    batch_size: int
    learning_rate: float
    every: int
    seed: int
    folder: str | Path | None
    head_: Any
    history_: Any
    def __init__(
        self,
        item_vectors: np.ndarray,
        start: ContrastiveEncoder | None = None,
        rates: Mapping[str, float] | None = None,
        neighbours: np.ndarray | None = None,
        share: float = 0.5,
        window: int = 64,
        width: int = 48,
        blocks: int = 1,
        heads: int = 2,
        dropout: float = 0.1,
        steps: int = 200,
        batch_size: int = 64,
        learning_rate: float = 0.001,
        every: int = 20,
        seed: int = 0,
        folder: str | Path | None = None,
    ) -> None: ...
    def fit(self, histories: Histories, y: np.ndarray, now: int | np.ndarray | None = None, validation: tuple | None = None) -> Self: ...
    def predict_proba(self, histories: Histories, now: int | np.ndarray | None = None) -> np.ndarray: ...

def nested_samples(
    user_ids: Ids,
    y: Sequence[int] | np.ndarray,
    shares: Sequence[float] = (0.01, 0.1, 1.0),
    seed: int = 0,
) -> dict[float, np.ndarray]: ...

def seed_mean(results: Sequence[Result]) -> Result: ...
