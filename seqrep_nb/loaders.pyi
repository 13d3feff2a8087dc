# Made by scripts/stubs.py from the module beside it, never edited
from typing import Any
from pathlib import Path
from .events import Log
__all__ = ['SOURCES', 'TORN', 'DIGINETICA', 'NOT_PRODUCTS', 'RETAIL', 'CUSTOMER', 'LOADERS', 'load_rees46', 'load_retailrocket',
           'load_amazon_reviews', 'load_otto', 'load_diginetica', 'load_taobao', 'load_hm', 'load_online_retail']

SOURCES: dict[str, tuple[str, ...]]
TORN: dict[str, str]

def load_rees46(folder: str | Path, users: float = 1.0) -> Log: ...

def load_retailrocket(folder: str | Path, users: float = 1.0) -> Log: ...

def load_amazon_reviews(folder: str | Path, users: float = 1.0, verified: str = 'buy', min_rating: float = 0) -> Log: ...

def load_otto(folder: str | Path, users: float = 1.0) -> Log: ...

DIGINETICA: dict[str, Any]

def load_diginetica(folder: str | Path, users: float = 1.0) -> Log: ...

def load_taobao(folder: str | Path, users: float = 1.0) -> Log: ...

def load_hm(folder: str | Path, users: float = 1.0) -> Log: ...

NOT_PRODUCTS: str
RETAIL: dict[str, Any]
CUSTOMER: str

def load_online_retail(folder: str | Path, users: float = 1.0) -> Log: ...

LOADERS: dict[str, Any]
