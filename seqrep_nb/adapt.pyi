# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple
import numpy as np, pandas as pd, scipy.sparse as sp
__all__ = ['END', 'Masking', 'masking', 'masked_examples', 'masked_head', 'masked_loss', 'masked_losses', 'Adapted', 'adapt_masked', 'next_examples',
           'next_loss', 'next_losses', 'adapt_next', 'train_tokenizer', 'new_gpt2', 'basket_lines', 'complete', 'candidate_scores']

class Masking(NamedTuple):
    mask: int
    ordinary: np.ndarray
    continues: np.ndarray
    share: float = ...
    whole_words: bool = ...

def masking(tokenizer: Any, share: float = 0.15, whole_words: bool = False) -> Masking: ...

def masked_examples(
    ids: np.ndarray,
    mask: np.ndarray,
    rule: Masking,
    seed: int = 0,
    step: int = 0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]: ...

def masked_head(backbone: Any, frequencies: np.ndarray | None = None, seed: int = 0) -> Any: ...

def masked_loss(backbone: Any, head: Any, training: bool = True) -> Callable[..., Any]: ...

def masked_losses(
    backbone: Any,
    head: Any,
    lines: Sequence[np.ndarray | list[int]],
    rule: Masking,
    seed: int = 0,
    batch_size: int = 32,
) -> pd.DataFrame: ...

class Adapted(NamedTuple):
    backbone: object
    head: object
    history: list

def adapt_masked(
    backbone: Any,
    lines: Sequence[np.ndarray | list[int]] | Callable[[int], Sequence[np.ndarray | list[int]]],
    rule: Masking,
    validation: Sequence[np.ndarray | list[int]] | None = None,
    steps: int = 200,
    batch_size: int = 32,
    learning_rate: float = 5e-05,
    head: Any = None,
    train_backbone: bool = True,
    length: int | None = None,
    seed: int = 0,
    **training: Any,
) -> Adapted: ...

def next_examples(ids: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]: ...

def next_loss(backbone: Any, training: bool = True) -> Callable[..., Any]: ...

def next_losses(backbone: Any, lines: Sequence[np.ndarray | list[int]], batch_size: int | None = None) -> pd.DataFrame: ...

def adapt_next(
    backbone: Any,
    lines: Sequence[np.ndarray | list[int]] | Callable[[int], Sequence[np.ndarray | list[int]]],
    validation: Sequence[np.ndarray | list[int]] | None = None,
    steps: int = 200,
    batch_size: int = 32,
    learning_rate: float = 5e-05,
    length: int | None = None,
    seed: int = 0,
    **training: Any,
) -> Adapted: ...

END: str

def train_tokenizer(texts: Sequence[str], folder: str | Path, words: int = 1000) -> Path: ...

def new_gpt2(
    folder: str | Path,
    texts: Sequence[str],
    words: int = 1000,
    width: int = 128,
    blocks: int = 2,
    heads: int = 4,
    positions: int = 64,
    dropout: float = 0.1,
    seed: int = 0,
) -> Path: ...

def basket_lines(
    baskets: sp.csr_matrix,
    tokens: Sequence[np.ndarray | list[int]],
    end: int,
    length: int,
    seed: int = 0,
) -> Callable[[int], list[np.ndarray]]: ...

def complete(
    backbone: Any,
    lines: Sequence[np.ndarray | list[int]],
    tokens: int = 24,
    end: int | None = None,
    temperature: float = 0.0,
    seed: int = 0,
) -> list[list[int]]: ...

def candidate_scores(backbone: Any, lines: Sequence[np.ndarray | list[int]], candidates: Sequence[np.ndarray | list[int]]) -> np.ndarray: ...
