# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
import numpy as np
__all__ = ['FILE', 'Batches', 'adam', 'adamw', 'block_rates', 'trainable_state', 'seed_states', 'train']

class Batches:
    n: int
    size: Any
    seed: int
    per_epoch: Any
    def __init__(self, n: int, batch_size: int, seed: int = 0) -> None: ...
    def __call__(self, step: int) -> np.ndarray: ...

def adam(rate: Any) -> Any: ...

def adamw(
    peak: float,
    steps: int,
    warm: float = 0.1,
    weight_decay: float = 0.01,
    clip: float | None = 1.0,
    rates: Mapping[str, float] | None = None,
) -> Any: ...

def block_rates(backbone: Any, decay: float = ...) -> dict[str, float]: ...

FILE: str

def trainable_state(variables: Sequence[Any], optimizer: Any, state: Sequence[Any] = ()) -> dict[str, int]: ...

def seed_states(*layers: Any) -> list[Any]: ...

def train(
    loss: Callable[..., Any],
    variables: Sequence[Any],
    batch: Callable[[int], tuple[np.ndarray, ...]],
    steps: int,
    optimizer: Any,
    state: Sequence[Any] = (),
    validate: Callable[[], float] | None = None,
    every: int | None = None,
    patience: int | None = None,
    micro_batches: int = 1,
    folder: str | Path | None = None,
    keep_every: int = 100,
    settings: Mapping[str, Any] | None = None,
    log: str | Path | None = None,
    on_gradients: Callable[[list[Any]], None] | None = None,
    after: Callable[[int], None] | None = None,
    what: str = 'train',
) -> list[dict[str, Any]]: ...
