# Made by scripts/stubs.py from the module beside it, never edited
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
import numpy as np, pandas as pd, scipy.sparse as sp
from .contest import Question
from .events import Ids, Log
from .histories import Histories
from .journey import Campaigns
from .metrics import Result
from .tasks import MomentTask
__all__ = ['ASKED', 'SMALL', 'Purchases', 'micros', 'membership', 'known_offers', 'booklet', 'response_record', 'offer_sizes', 'link_numbers',
           'offered_purchases', 'response_table', 'text_codes', 'unit_rows', 'mean_texts', 'main_axes', 'TextSpace', 'text_links', 'pair_inputs',
           'pair_sample', 'coupon_heads', 'coupon_opinion', 'handed_in', 'ranks', 'response_represented', 'response_question', 'response_contest',
           'attribute_answers', 'user_parts', 'household_numbers', 'attribute_verdicts', 'attribute_results', 'attributes_data', 'cleaned_journey',
           'attributes_contest', 'visit_times', 'intent_question', 'intent_contest']

class Purchases:
    user_ids: Any
    item_ids: Any
    user: Any
    item: Any
    at: Any
    money: Any
    def __init__(self, events: pd.DataFrame, user_ids: Ids, item_ids: Ids) -> None: ...
    def upto(self, now: int, days: float | None = None) -> slice: ...
    def counts(self, now: int, days: float | None = None, money: bool = False) -> sp.csr_matrix: ...

def micros(times: pd.Series | pd.DatetimeIndex | Sequence) -> np.ndarray: ...

def membership(groups: np.ndarray, n: int) -> sp.csr_matrix: ...

def known_offers(events: pd.DataFrame, campaigns: Campaigns) -> Campaigns: ...

def booklet(campaigns: Campaigns, campaign_id: str, item_ids: pd.Index) -> tuple[np.ndarray, sp.csr_matrix]: ...

def response_record(rows: pd.DataFrame, campaigns: Campaigns) -> pd.DataFrame: ...

def offer_sizes(rows: pd.DataFrame, campaigns: Campaigns, items: pd.DataFrame) -> pd.DataFrame: ...

def link_numbers(B: np.ndarray, name: str) -> dict[str, np.ndarray]: ...

def offered_purchases(bought: Purchases, users: np.ndarray, now: int, coupon_of: sp.csr_matrix, category_of: sp.csr_matrix) -> pd.DataFrame: ...

def response_table(task: MomentTask, bought: Purchases, campaigns: Campaigns, items: pd.DataFrame, profile: int = 60) -> pd.DataFrame: ...

def text_codes(items: pd.DataFrame, item_ids: Ids, encoder: Callable[[list[str]], np.ndarray] = ...) -> tuple[np.ndarray, np.ndarray]: ...

def unit_rows(X: np.ndarray) -> np.ndarray: ...

def mean_texts(histories: Histories, item_vectors: np.ndarray, since: int | None = None) -> np.ndarray: ...

def main_axes(X: np.ndarray, n: int) -> np.ndarray: ...

class TextSpace:
    bought: Purchases
    of_all: Any
    of_item: Any
    vectors: Any
    rare: Any
    axes: Any
    scarce: Any
    factors: Any
    def __init__(
        self,
        bought: Purchases,
        code: np.ndarray,
        vectors: np.ndarray,
        first: int,
        axes: int = 24,
        read: np.ndarray | None = None,
    ) -> None: ...
    def weighted(self, X: sp.csr_matrix) -> sp.csr_matrix: ...
    def household(self, users: np.ndarray, now: int, days: float | None = None) -> tuple[sp.csr_matrix, np.ndarray]: ...
    def coupons(self, links: sp.csr_matrix) -> np.ndarray: ...

def text_links(space: TextSpace, users: np.ndarray, now: int, C: np.ndarray, used: np.ndarray) -> dict[str, np.ndarray]: ...

def pair_inputs(links: Mapping[str, np.ndarray], i: np.ndarray, k: np.ndarray, axes: int = 12) -> np.ndarray: ...

def pair_sample(links: Mapping[str, np.ndarray], Y: np.ndarray, negatives: int = 12, seed: int = 0) -> tuple[np.ndarray, np.ndarray]: ...

def coupon_heads(X: np.ndarray, y: np.ndarray) -> list[Callable[[np.ndarray], np.ndarray]]: ...

def coupon_opinion(links: Mapping[str, np.ndarray], shape: tuple[int, int], seen: Sequence[tuple], now: int, least: int = 30) -> np.ndarray: ...

def handed_in(campaigns: Campaigns, campaign_id: str, user_ids: Ids, names: Sequence[str] | np.ndarray, before: int) -> np.ndarray: ...

def ranks(X: np.ndarray) -> np.ndarray: ...

def response_represented(
    task: MomentTask,
    bought: Purchases,
    campaigns: Campaigns,
    code: np.ndarray,
    vectors: np.ndarray,
    axes: int = 12,
    read: np.ndarray | None = None,
) -> pd.DataFrame: ...

def response_question(
    events: pd.DataFrame,
    items: pd.DataFrame,
    campaigns: Campaigns,
    encoder: Callable[[list[str]], np.ndarray] = ...,
    most: int = 12000,
) -> Question: ...

def response_contest(
    log: Log | None = None,
    encoder: Callable[[list[str]], np.ndarray] = ...,
    seeds: Sequence[int] = (0, 1, 2),
) -> dict[str, Any]: ...

ASKED: dict[str, tuple[str, list[str]]]

def attribute_answers(users: pd.DataFrame, asked: Mapping[str, tuple[str, Sequence[Any]]] | None = None) -> pd.DataFrame: ...

def user_parts(user_ids: Iterable[str], salt: str = '', parts: int = 3) -> np.ndarray: ...

def household_numbers(histories: Histories, items: pd.DataFrame, now: int, categories: int = 60) -> pd.DataFrame: ...

def attribute_verdicts(
    table: pd.DataFrame,
    represented: pd.DataFrame,
    y: np.ndarray | pd.Series,
    user_ids: Ids,
    seed: int = 0,
    folds: int = 3,
    entries: Mapping[str, list[tuple[str, str, float]]] | None = None,
) -> dict[str, np.ndarray]: ...

def attribute_results(
    answers: pd.DataFrame,
    said: Mapping[str, Mapping[str, np.ndarray]],
    seed: int = 0,
    dataset: str = 'Complete Journey',
) -> dict[str, Result]: ...

SMALL: dict[Any, Any]

def attributes_data(
    log: Log | None = None,
    encoder: Callable[[list[str]], np.ndarray] = ...,
    items: int = 12000,
    axes: int = 48,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]: ...

def cleaned_journey() -> Log: ...

def attributes_contest(
    log: Log | None = None,
    encoder: Callable[[list[str]], np.ndarray] = ...,
    seeds: Sequence[int] = (0, 1, 2),
) -> dict[str, Any]: ...

def visit_times(histories: Histories, now: int) -> np.ndarray: ...

def intent_question(
    events: pd.DataFrame,
    item_ids: Ids,
    item_vectors: np.ndarray,
    cuts: Sequence[str | pd.Timestamp],
    weeks: int = 12,
    one_in: int = 8,
    axes: int = 16,
    days: float = 7,
) -> Question: ...

def intent_contest(log: Log | None = None, encoder: Callable[[list[str]], np.ndarray] = ..., seeds: Sequence[int] = (0, 1, 2)) -> dict[str, Any]: ...
