# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Sequence
from typing import Any, Literal
import numpy as np, pandas as pd, scipy.sparse as sp
from .split import TimeLike
from .histories import Histories
__all__ = ['line_tokens', 'line_representation', 'window_items', 'event_vectors', 'event_weights', 'event_representation', 'path_costs']

def line_tokens(
    histories: Histories,
    texts: Sequence[str],
    tokenizer: Any,
    max_length: int = 128,
    last: int = 64,
    now: TimeLike | np.ndarray | None = None,
    template: str = ...,
    **rendering: Any,
) -> tuple[list[np.ndarray], np.ndarray]: ...

def line_representation(
    histories: Histories,
    texts: Sequence[str],
    max_length: int = 128,
    last: int = 64,
    now: TimeLike | np.ndarray | None = None,
    model: Any = None,
    pooling: Literal['mean', 'cls', 'last'] = 'mean',
    template: str = ...,
    batch_tokens: int | None = None,
    **rendering: Any,
) -> np.ndarray: ...

def window_items(histories: Histories, last: int = 64) -> np.ndarray: ...

def event_vectors(texts: Sequence[str | None], codes: Sequence[int] | np.ndarray | None = None, encoder: Any = None) -> np.ndarray: ...

def event_weights(
    histories: Histories,
    known: np.ndarray | None = None,
    last: int = 64,
    half_life: float | None = None,
    now: TimeLike | None = None,
) -> sp.csr_matrix: ...

def event_representation(
    histories: Histories,
    item_vectors: np.ndarray,
    last: int = 64,
    half_life: float | None = None,
    now: TimeLike | None = None,
) -> np.ndarray: ...

def path_costs(
    histories: Histories,
    texts: Sequence[str],
    tokenizer: Any,
    max_lengths: Sequence[int] = (64, 128, 256),
    last: int = 64,
    now: TimeLike | None = None,
    width: int = 384,
) -> pd.DataFrame: ...
