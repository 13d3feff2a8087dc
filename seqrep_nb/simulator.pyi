# Made by scripts/stubs.py from the module beside it, never edited
from typing import Any
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
import numpy as np, pandas as pd
from .events import Log
__all__ = ['CATEGORIES', 'BRANDS', 'ADJECTIVES', 'FORMS', 'VARIANTS', 'WEEKDAYS', 'HOURS', 'PLACES', 'SENSITIVITIES', 'INTENTS', 'WHY', 'MORE',
           'BLOCK', 'TO_CART', 'CHECKOUT', 'REMOVALS', 'SHOP_ACTIONS', 'SEARCH', 'VIEW', 'CART', 'REMOVE', 'BUY', 'REVIEW', 'SHARE', 'LEAD', 'PARTS',
           'ShopSettings', 'Truth', 'SimulatedShop', 'simulate_shop', 'calibration_table', 'best_possible', 'write_shop']

CATEGORIES: pd.DataFrame
BRANDS: list[str]
ADJECTIVES: list[str]

@dataclass(frozen=True)
class ShopSettings:
    seed: int = ...
    n_items: int = ...
    days: int = ...
    start: str = ...
    categories: int = ...
    bots: float = ...
    duplicates: float = ...
    near_duplicates: float = ...
    typos: float = ...
    new_items: float = ...
    visits_per_week: float = ...
    list_length: int = ...
    position_bias: float = ...
    season: float = ...
    price: float = ...
    def __post_init__(self) -> None: ...

FORMS: list[Any]
VARIANTS: int
WEEKDAYS: np.ndarray
HOURS: np.ndarray
PLACES: tuple[str, ...]
SENSITIVITIES: tuple[str, ...]
INTENTS: tuple[str, ...]
WHY: np.ndarray
MORE: np.ndarray
BLOCK: int
TO_CART: np.ndarray
CHECKOUT: np.ndarray
REMOVALS: np.ndarray
SHOP_ACTIONS: tuple[Any, ...]
SEARCH: Any
VIEW: Any
CART: Any
REMOVE: Any
BUY: Any
REVIEW: Any
SHARE: Any
LEAD: np.ndarray

@dataclass(repr=False)
class Truth:
    tastes: np.ndarray
    categories: pd.DataFrame
    sessions: pd.DataFrame
    click_probability: np.ndarray
    examination: np.ndarray
    rows: pd.DataFrame
    searches: pd.DataFrame
    season: pd.DataFrame
    prices: pd.DataFrame
    settings: dict
    @property
    def typos(self) -> pd.DataFrame: ...
    def __repr__(self) -> str: ...

@dataclass(repr=False)
class SimulatedShop:
    log: Log
    impressions: pd.DataFrame
    truth: Truth
    def __repr__(self) -> str: ...

def simulate_shop(n_users: int = 1000, n_items: int = 500, days: int = 90, seed: int = 0, **settings: float | str) -> SimulatedShop: ...

def calibration_table(p: Sequence[float] | np.ndarray | pd.Series, y: Sequence[float] | np.ndarray | pd.Series, bins: int = 10) -> pd.DataFrame: ...

def best_possible(p: Sequence[float] | np.ndarray | pd.Series, y: Sequence[float] | np.ndarray | pd.Series) -> dict[str, float]: ...

PARTS: tuple[str, ...]

def write_shop(
    folder: str | Path,
    n_events: int,
    seed: int = 0,
    chunk_users: int = 5000,
    days: int = 90,
    n_items: int = 5000,
    impressions: bool = False,
    **settings: float | str,
) -> dict[str, int]: ...
