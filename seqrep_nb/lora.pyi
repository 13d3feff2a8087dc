# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
import numpy as np
from .finetune import FineTunedClassifier, StateMemory
__all__ = ['tf', 'keras', 'keras_hub', 'MATRICES', 'KINDS', 'ARRAYS', 'TOLD', 'FIELDS', 'LowRank', 'LoRADense', 'attention_matrices', 'adapters',
           'add_adapters', 'merge', 'orthogonality', 'AdaLoRADense', 'budget', 'keep_largest', 'RankAllocator', 'rank_table', 'LoRAClassifier',
           'AdaLoRAClassifier', 'save_adapters', 'load_adapters', 'read_told', 'load_adapted_classifier']

tf: Any
keras: Any
keras_hub: Any

class LowRank(keras.layers.Layer):
    share: int
    frozen: keras.layers.EinsumDense
    rank: int
    alpha: float
    seed: int
    outputs: Any
    inputs: Any
    def __init__(self, frozen: keras.layers.EinsumDense, rank: int, alpha: float, seed: int = 0, **kw: Any) -> None: ...
    def call(self, x: tf.Tensor) -> tf.Tensor: ...
    def compute_output_shape(self, shape: tuple) -> tuple: ...
    @property
    def kernel(self) -> tf.Tensor: ...
    @property
    def bias(self) -> keras.Variable: ...
    def delta(self) -> tf.Tensor: ...
    def own(self) -> list[keras.Variable]: ...

class LoRADense(LowRank):
    A: Any
    B: Any
    def build(self, shape: tuple | None) -> None: ...
    def change(self, x: tf.Tensor) -> tf.Tensor: ...

MATRICES: tuple[str, ...]
KINDS: dict[str, Any]

def attention_matrices(backbone: keras.Model) -> dict[str, tuple[Any, str]]: ...

def adapters(backbone: keras.Model) -> dict[str, LowRank]: ...

def add_adapters(
    backbone: keras.Model,
    kind: str = 'lora',
    rank: int = 8,
    alpha: float | None = None,
    matrices: Sequence[str] = ...,
    seed: int = 0,
) -> keras.Model: ...

def merge(backbone: keras.Model) -> keras.Model: ...

def orthogonality(P: keras.Variable | np.ndarray, Q: keras.Variable | np.ndarray) -> tf.Tensor: ...

class AdaLoRADense(LowRank):
    share: int
    P: Any
    Q: Any
    L: Any
    mask: Any
    sensitivity: Any
    uncertainty: Any
    def build(self, shape: tuple | None) -> None: ...
    def change(self, x: tf.Tensor) -> tf.Tensor: ...
    def columns(self, P: Any, L: Any, Q: Any) -> tf.Tensor: ...
    def observe(self, gradients: Sequence[tf.Tensor], beta1: float, beta2: float) -> None: ...
    def importance(self) -> np.ndarray: ...

def budget(step: int, steps: int, start: int, end: int, warm: int, final: int) -> int: ...

def keep_largest(scores: np.ndarray, count: int) -> np.ndarray: ...

class RankAllocator:
    layers: Any
    steps: int
    every: int
    betas: Any
    weight: float
    start: Any
    end: Any
    warm: Any
    final: Any
    state: Any
    def __init__(
        self,
        backbone: keras.Model,
        steps: int,
        target: float = 8,
        warm: float = 0.1,
        final: float = 0.3,
        every: int = 10,
        beta1: float = 0.85,
        beta2: float = 0.85,
        weight: float = 0.1,
    ) -> None: ...
    def budget(self, step: int) -> int: ...
    def ranks(self) -> dict[str, int]: ...
    def penalty(self) -> tf.Tensor: ...
    def observer(self, variables: Sequence[keras.Variable]) -> Callable[[Sequence], None]: ...
    def choose(self, count: int) -> None: ...
    def after(self, step: int) -> None: ...

def rank_table(ranks: Mapping[str, int]) -> tuple[np.ndarray, list[str]]: ...

class LoRAClassifier(FineTunedClassifier):
    from_ids: bool
    train_blocks: int
    rate_decay: float
    kind: str
    checkpoint: str | Path | None
    rank: int
    alpha: float | None
    matrices: Sequence[str]
    epochs: int
    learning_rate: float
    weight_decay: float
    batch_size: int
    strengths: Sequence[float]
    memory: StateMemory | None
    seed: int
    micro_batches: int
    patience: int | None
    folder: str | Path | None
    log: str | Path | None
    def __init__(
        self,
        checkpoint: str | Path | None = None,
        rank: int = 8,
        alpha: float | None = None,
        matrices: Sequence[str] = ...,
        epochs: int = 2,
        learning_rate: float = 0.001,
        weight_decay: float = 0.01,
        batch_size: int = 32,
        strengths: Sequence[float] = (0.001, 0.0001, 0.01),
        memory: StateMemory | None = None,
        seed: int = 0,
        micro_batches: int = 1,
        patience: int | None = None,
        folder: str | Path | None = None,
        log: str | Path | None = None,
    ) -> None: ...
    def save(self, folder: str | Path) -> Path: ...

class AdaLoRAClassifier(LoRAClassifier):
    kind: str
    checkpoint: str | Path | None
    rank: int
    target: float
    alpha: float | None
    matrices: Sequence[str]
    epochs: int
    learning_rate: float
    weight_decay: float
    batch_size: int
    strengths: Sequence[float]
    warm: float
    final: float
    every: int
    orthogonality: float
    memory: StateMemory | None
    seed: int
    micro_batches: int
    folder: str | Path | None
    log: str | Path | None
    patience: Any
    history_: Any
    coef_: Any
    intercept_: Any
    def __init__(
        self,
        checkpoint: str | Path | None = None,
        rank: int = 12,
        target: float = 8,
        alpha: float | None = None,
        matrices: Sequence[str] = ...,
        epochs: int = 2,
        learning_rate: float = 0.001,
        weight_decay: float = 0.01,
        batch_size: int = 32,
        strengths: Sequence[float] = (0.001, 0.0001, 0.01),
        warm: float = 0.1,
        final: float = 0.3,
        every: int = 10,
        orthogonality: float = 0.1,
        memory: StateMemory | None = None,
        seed: int = 0,
        micro_batches: int = 1,
        folder: str | Path | None = None,
        log: str | Path | None = None,
    ) -> None: ...
    @property
    def ranks_(self) -> dict[str, int]: ...

ARRAYS: str
TOLD: str

def save_adapters(
    backbone: keras.Model,
    folder: str | Path,
    checkpoint: str | Path | None = None,
    head: Mapping[str, np.ndarray] | None = None,
    settings: Any = None,
) -> Path: ...

def load_adapters(
    folder: str | Path,
    checkpoint: str | Path | None = None,
    kind: str | None = None,
) -> tuple[keras.Model, dict[str, np.ndarray], Any]: ...

FIELDS: dict[str, Any]

def read_told(folder: str | Path, kind: str | None = None) -> dict[str, Any]: ...

def load_adapted_classifier(
    folder: str | Path,
    checkpoint: str | Path | None = None,
    memory: StateMemory | None = None,
    kind: str | None = None,
) -> LoRAClassifier: ...
