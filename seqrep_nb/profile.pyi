# Made by scripts/stubs.py from the module beside it, never edited
from dataclasses import dataclass
import numpy as np, pandas as pd
from .histories import Histories
__all__ = ['add_foreign_rows', 'Probes', 'fit_probes', 'profile_card']

def add_foreign_rows(histories: Histories, rng: np.random.Generator, rate: float = 0.1) -> Histories: ...

@dataclass(frozen=True)
class Probes:
    said: pd.DataFrame
    true: pd.DataFrame
    scores: pd.DataFrame

def fit_probes(H: np.ndarray, answers: pd.DataFrame, folds: int = 5, times: int = 1000, seed: int = 0) -> Probes: ...

def profile_card(probes: Probes, user_id: str, digits: int = 2) -> pd.DataFrame: ...
