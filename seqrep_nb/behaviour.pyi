# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Sequence
from typing import Any, Literal, Self
import numpy as np
from ._sklearn import BaseEstimator
from .histories import Histories
__all__ = ['tf', 'keras', 'keras_hub', 'PARTS', 'window_before', 'basket_examples', 'ItemTable', 'Summary', 'LastQuery', 'ItemScores', 'Copy',
           'RepeatOrExplore', 'behaviour_model', 'basket_loss', 'inclusion', 'SampledLoss', 'HideEvents', 'BehaviourTransformer']

tf: Any
keras: Any
keras_hub: Any

def window_before(histories: Histories, positions: np.ndarray, users: np.ndarray, now: np.ndarray, window: int) -> dict[str, np.ndarray]: ...

def basket_examples(
    histories: Histories,
    window: int = 64,
    newest: int = 50000,
    least: int = 5,
    targets: int = 24,
    seed: int = 0,
    since: int | None = None,
    scenes: np.ndarray | None = None,
) -> tuple[dict[str, np.ndarray], np.ndarray]: ...

class ItemTable(keras.layers.Layer):
    distinct: Any
    at: Any
    width: int
    use_ids: bool
    use_text: bool
    masked: bool
    pretrained: Any
    kernel: Any
    own: Any
    mask: Any
    def __init__(self, vectors: np.ndarray, width: int, use_ids: bool = True, use_text: bool = True, masked: bool = False, **kw: Any) -> None: ...
    def build(self, shape: tuple) -> None: ...
    def table(self) -> tf.Tensor: ...
    def call(self, codes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]: ...

class Summary(keras.layers.Layer):
    vector: Any
    def build(self, shape: tuple, *_: Any) -> None: ...
    def call(self, x: tf.Tensor, mask: tf.Tensor, scene: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]: ...

class LastQuery(keras_hub.layers.TransformerEncoder):
    def call(self, x: tf.Tensor, padding_mask: tf.Tensor, training: bool | None = None) -> tf.Tensor: ...
    def compute_output_shape(self, shape: tuple, *_: Any, **__: Any) -> tuple: ...

class ItemScores(keras.layers.Layer):
    log_frequency: Any
    bias: Any
    def __init__(self, log_frequency: np.ndarray, **kw: Any) -> None: ...
    def build(self, shape: tuple, *_: Any) -> None: ...
    def call(self, query: tf.Tensor, table: tf.Tensor) -> tf.Tensor: ...

class Copy(keras.layers.Layer):
    key: Any
    gate: Any
    def build(self, shape: tuple, *_: Any) -> None: ...
    def call(self, query: tf.Tensor, events: tf.Tensor, codes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]: ...

class RepeatOrExplore(keras.layers.Layer):
    def call(self, scores: tf.Tensor, attention: tf.Tensor, gate: tf.Tensor, codes: tf.Tensor) -> tf.Tensor: ...

PARTS: tuple[str, ...]

def behaviour_model(
    vectors: np.ndarray,
    log_frequency: np.ndarray,
    window: int,
    actions: int,
    places: int,
    width: int = 96,
    blocks: int = 1,
    heads: int = 4,
    dropout: float = 0.2,
    use_ids: bool = True,
    fusion: str = 'add',
    parts: Sequence[str] = ...,
    repeat: bool = False,
    scenes: int = 0,
    masked: bool = False,
) -> keras.Model: ...

def basket_loss(
    targets: tf.Tensor | keras.KerasTensor | np.ndarray,
    scores: tf.Tensor | keras.KerasTensor | np.ndarray,
) -> tf.Tensor | keras.KerasTensor: ...

def inclusion(frequency: np.ndarray, drawn: int) -> np.ndarray: ...

class SampledLoss(keras.layers.Layer):
    scores: ItemScores
    n: Any
    draw: Any
    log_q: Any
    log_inclusion: Any
    def __init__(self, scores: ItemScores, negatives: int, seed: int = 0, **kw: Any) -> None: ...
    def drawn(self) -> tf.Tensor: ...
    def call(
        self,
        targets: tf.Tensor,
        query: tf.Tensor,
        table: tf.Tensor,
        copy: tuple | None = None,
        codes: tf.Tensor | None = None,
    ) -> tf.Tensor: ...

class HideEvents(keras.layers.Layer):
    items: int
    hidden: int
    draw: Any
    def __init__(self, items: int, hidden: int, seed: int = 0, **kw: Any) -> None: ...
    def call(self, codes: tf.Tensor, numbers: tf.Tensor) -> tuple: ...

class BehaviourTransformer(BaseEstimator):
    item_vectors: np.ndarray
    width: int
    window: int
    blocks: int
    heads: int
    dropout: float
    use_ids: bool
    examples: int
    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    fusion: str
    parts: Sequence[str]
    loss: Literal['full', 'sampled']
    negatives: int
    objective: Literal['next', 'masked', 'both']
    repeat: bool
    scenes: Sequence[str]
    item_ids_: Any
    places_: Any
    actions_: Any
    model_: Any
    losses_: Any
    newest_: Any
    def __init__(
        self,
        item_vectors: np.ndarray,
        width: int = 96,
        window: int = 64,
        blocks: int = 1,
        heads: int = 4,
        dropout: float = 0.2,
        use_ids: bool = True,
        examples: int = 50000,
        epochs: int = 1,
        batch_size: int = 128,
        learning_rate: float = 0.002,
        seed: int = 0,
        fusion: str = 'add',
        parts: Sequence[str] = ...,
        loss: Literal['full', 'sampled'] = 'full',
        negatives: int = 1000,
        objective: Literal['next', 'masked', 'both'] = 'next',
        repeat: bool = False,
        scenes: Sequence[str] = (),
    ) -> None: ...
    def fit(self, histories: Histories, y: Any = None, scenes: np.ndarray | None = None) -> Self: ...
    def represent(self, histories: Histories, now: int | np.ndarray | None = None, scene: str | None = None) -> np.ndarray: ...
    def score(self, histories: Histories, now: int | np.ndarray | None = None, scene: str | None = None) -> np.ndarray: ...
    def refresh(
        self,
        histories: Histories,
        examples: int = 10000,
        learning_rate: float = 0.0005,
        epochs: int = 1,
        scenes: np.ndarray | None = None,
        since: int | None = None,
        item_vectors: np.ndarray | None = None,
    ) -> Self: ...
