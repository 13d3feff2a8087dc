# Made by scripts/stubs.py from the module beside it, never edited: scikit-learn's base classes, of which mypy knows nothing
from typing import Any, Self

class _BaseEstimator:
    def get_params(self, deep: bool = True) -> dict[str, Any]: ...
    def set_params(self, **params: Any) -> Self: ...

class _ClassifierMixin:
    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float: ...

class _TransformerMixin:
    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any: ...
    def set_output(self, *, transform: Any = None) -> Self: ...

class _ClassNamePrefixFeaturesOutMixin:
    def get_feature_names_out(self, input_features: Any = None) -> Any: ...

class _MetaEstimatorMixin: ...

MYPY = False
if MYPY:
    BaseEstimator = _BaseEstimator
    ClassifierMixin = _ClassifierMixin
    TransformerMixin = _TransformerMixin
    ClassNamePrefixFeaturesOutMixin = _ClassNamePrefixFeaturesOutMixin
    MetaEstimatorMixin = _MetaEstimatorMixin
else:
    from sklearn.base import BaseEstimator as BaseEstimator, ClassifierMixin as ClassifierMixin, ClassNamePrefixFeaturesOutMixin as ClassNamePrefixFeaturesOutMixin
    from sklearn.base import MetaEstimatorMixin as MetaEstimatorMixin, TransformerMixin as TransformerMixin
