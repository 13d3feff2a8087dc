# Made by scripts/stubs.py from the module beside it, never edited
import argparse, contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
import numpy as np, pandas as pd
from seqrep_nb.events import Log
from seqrep_nb.histories import Histories
from seqrep_nb.metrics import Result
from seqrep_nb.tasks import RankingTask
from seqrep_nb.model import BehaviourPipeline
__all__ = ['TEXTS', 'FORMATS', 'WRITERS', 'say', 'shown', 'pairs', 'check_names', 'check_columns', 'read_log', 'read_catalogue', 'load_log',
           'check_left', 'read_whole', 'rules_off', 'read_users', 'check_output', 'check_writable', 'write_table', 'locked', 'check_model_place',
           'file_key', 'check_apart', 'run_fit', 'tidy_after_a_kill', 'histories_asked', 'run_recommend', 'run_classify', 'run_encode', 'later_task',
           'newest_baskets', 'evaluate_pipeline', 'run_evaluate', 'run_audit', 'run_example', 'run_demo', 'as_text', 'main', 'keep_inputs']

def say(text: str) -> None: ...

def shown(path: str | Path) -> str: ...

def pairs(texts: Sequence[str], option: str) -> dict[str, str]: ...

def check_names(columns: Sequence[str]) -> None: ...

def check_columns(args: argparse.Namespace) -> None: ...

def read_log(
    path: str | Path,
    on_bad: str = 'reject',
    columns: Sequence[str] = (),
    actions: Sequence[str] = (),
    notes: list[str] | None = None,
) -> 'tuple[pd.DataFrame, pd.DataFrame]': ...

TEXTS: tuple[str, ...]

def read_catalogue(
    path: str | Path,
    on_bad: str = 'reject',
    columns: Sequence[str] = (),
    notes: list[str] | None = None,
) -> 'tuple[pd.DataFrame, pd.DataFrame]': ...

def load_log(
    events: str | Path,
    items: str | Path | None = None,
    columns: Mapping[str, str] | Sequence[str] = (),
    actions: Mapping[str, str] | Sequence[str] = (),
    name: str | None = None,
) -> 'Log': ...

def check_left(path: str | Path, events: 'pd.DataFrame', items: bool = True) -> None: ...

FORMATS: tuple[str, ...]

def read_whole(
    path: str | Path,
    items: str | Path | None,
    args: argparse.Namespace,
    notes: list[str],
) -> 'tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame|None, pd.DataFrame|None]': ...

def rules_off(args: argparse.Namespace) -> tuple[str, ...]: ...

def read_users(path: str | Path, columns: Sequence[str] = (), notes: list[str] | None = None) -> 'np.ndarray': ...

WRITERS: tuple[str, ...]

def check_output(path: str | Path) -> None: ...

def check_writable(path: str | Path) -> None: ...

def write_table(table: 'pd.DataFrame', path: str | Path) -> None: ...

@contextlib.contextmanager
def locked(out: Path) -> Iterator[None]: ...

def check_model_place(out: Path) -> None: ...

def file_key(paths: Sequence[Path], settings: dict[str, Any]) -> str: ...

def check_apart(store: str | Path | None, *places: Path) -> None: ...

def run_fit(args: argparse.Namespace) -> dict[str, Any]: ...

def tidy_after_a_kill(out: Path) -> None: ...

def histories_asked(
    pipeline: 'BehaviourPipeline',
    args: argparse.Namespace,
    notes: list[str],
) -> 'tuple[Histories, int|None, dict[str, Any], pd.DataFrame|None]': ...

def run_recommend(args: argparse.Namespace) -> dict[str, Any]: ...

def run_classify(args: argparse.Namespace) -> dict[str, Any]: ...

def run_encode(args: argparse.Namespace) -> dict[str, Any]: ...

def later_task(
    pipeline: 'BehaviourPipeline',
    later: 'pd.DataFrame',
    train: 'pd.DataFrame|None' = None,
    cut: 'pd.Timestamp|None' = None,
) -> 'RankingTask': ...

def newest_baskets(pipeline: 'BehaviourPipeline', later: 'pd.DataFrame', gap_minutes: float = 30) -> 'pd.DataFrame': ...

def evaluate_pipeline(pipeline: 'BehaviourPipeline', task: 'RankingTask', k: int = 10) -> 'list[Result]': ...

def run_evaluate(args: argparse.Namespace) -> dict[str, Any]: ...

def run_audit(args: argparse.Namespace) -> dict[str, Any]: ...

def run_example(args: argparse.Namespace) -> dict[str, Any]: ...

def run_demo(args: argparse.Namespace) -> dict[str, Any]: ...

def as_text(command: str, report: dict[str, Any]) -> str: ...

def main(argv: Sequence[str] | None = None) -> int: ...

def keep_inputs(args: argparse.Namespace) -> None: ...
