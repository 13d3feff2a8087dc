# Made by scripts/stubs.py from the module beside it, never edited
from dataclasses import dataclass
import pandas as pd
from .events import Log
__all__ = ['load_journey', 'Campaigns', 'load_redemptions', 'load_campaigns']

def load_journey() -> Log: ...

@dataclass(frozen=True)
class Campaigns:
    runs: pd.DataFrame
    sent: pd.DataFrame
    redemptions: pd.DataFrame
    offers: pd.DataFrame | None = ...
    def __repr__(self) -> str: ...

def load_redemptions() -> pd.DataFrame: ...

def load_campaigns() -> Campaigns: ...
