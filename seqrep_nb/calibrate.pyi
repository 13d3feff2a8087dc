# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Sequence
from typing import Any, Literal, Self
import numpy as np, pandas as pd
from ._sklearn import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
__all__ = ['calibration_test', 'consistency_bands', 'reliability_diagram', 'TemperatureScaling', 'brier_decomposition', 'conformal_quantile',
           'coverage_band', 'ConformalSets', 'ConformalClassifier']

def calibration_test(
    y: np.ndarray,
    probability: np.ndarray,
    bins: int = 10,
    equal: str = 'width',
    times: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Any]: ...

def consistency_bands(
    y: np.ndarray,
    probability: np.ndarray,
    bins: int = 10,
    equal: str = 'width',
    times: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame: ...

def reliability_diagram(
    y: np.ndarray,
    probability: np.ndarray,
    axes: Sequence[Any] | None = None,
    title: str = '',
    **bands: Any,
) -> tuple[Any, Any]: ...

class TemperatureScaling(ClassifierMixin, BaseEstimator):
    classes: Sequence | np.ndarray | None
    limits: tuple[float, float]
    classes_: Any
    temperature_: Any
    def __init__(self, classes: Sequence | np.ndarray | None = None, limits: tuple[float, float] = (0.01, 100)) -> None: ...
    def __sklearn_tags__(self) -> Any: ...
    def fit(self, X: np.ndarray, y: np.ndarray) -> Self: ...
    def predict_proba(self, X: np.ndarray) -> np.ndarray: ...
    def predict(self, X: np.ndarray) -> np.ndarray: ...

def brier_decomposition(y: np.ndarray, probability: np.ndarray) -> dict[str, float]: ...

def conformal_quantile(scores: np.ndarray, alpha: float = 0.1) -> float: ...

def coverage_band(n: int, m: int, alpha: float = 0.1, level: float = 0.95) -> pd.DataFrame: ...

class ConformalSets(BaseEstimator):
    alpha: float
    method: Literal['lac', 'aps']
    by_class: bool
    classes: Sequence | np.ndarray | None
    random_state: int | None
    classes_: Any
    quantile_: Any
    def __init__(
        self,
        alpha: float = 0.1,
        method: Literal['lac', 'aps'] = 'lac',
        by_class: bool = False,
        classes: Sequence | np.ndarray | None = None,
        random_state: int | None = 0,
    ) -> None: ...
    def fit(self, P: np.ndarray, y: np.ndarray) -> Self: ...
    def predict_set(self, P: np.ndarray) -> np.ndarray: ...

class ConformalClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    estimator: BaseEstimator
    alpha: float
    method: Literal['lac', 'aps']
    by_class: bool
    held_out: float
    random_state: int | None
    estimator_: Any
    classes_: Any
    sets_: Any
    def __init__(
        self,
        estimator: BaseEstimator,
        alpha: float = 0.1,
        method: Literal['lac', 'aps'] = 'lac',
        by_class: bool = False,
        held_out: float = 0.3,
        random_state: int | None = 0,
    ) -> None: ...
    def __sklearn_tags__(self) -> Any: ...
    def fit(self, X: Any, y: np.ndarray) -> Self: ...
    def predict_proba(self, X: Any) -> np.ndarray: ...
    def predict(self, X: Any) -> np.ndarray: ...
    def predict_set(self, X: Any) -> np.ndarray: ...
