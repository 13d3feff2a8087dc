"""The peers' side of bench.py, run by .venv-bench's Python: one request a line on stdin, one answer a line on stdout, both JSON; tables and vectors go through files.

Imports nothing of seqrep_nb: it shares no environment with it.
"""
import functools, importlib.metadata, json, os, sys, time
from pathlib import Path

# As in seqrep_nb.clean and seqrep_nb.events, written anew
RULES = ('quantity_not_positive', 'exact_duplicate', 'price_negative')
SAME = ('user_id', 'item_id', 'action', 'timestamp', 'basket_id', 'query', 'quantity', 'price')
ORDER = ('user_id', 'timestamp', 'basket_id', 'action', 'item_id')
ACTIONS = ('search', 'view', 'cart', 'remove', 'buy')


def versions(names):
    "Versions of installed packages, and Python's."
    return {'python': '.'.join(map(str, sys.version_info[:3])), **{name: importlib.metadata.version(name) for name in names}}


@functools.cache
def sentence_model(folder):
    "A sentence-transformers model of a checkpoint's folder; without modules.json, as its authors describe it: mean pooling."
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    torch.set_num_threads(os.cpu_count())
    if (Path(folder)/'modules.json').exists(): return SentenceTransformer(folder, device='cpu')
    transformer = Transformer(folder)
    return SentenceTransformer(modules=[transformer, Pooling(transformer.get_embedding_dimension(), pooling_mode='mean')], device='cpu')


def encode(folder, texts, out=None):
    "Seconds to encode the texts of a JSON file; the vectors, of length 1, go to `out`."
    from safetensors.numpy import save_file
    model, lines = sentence_model(folder), json.loads(Path(texts).read_text())
    start = time.perf_counter()
    vectors = model.encode(lines, normalize_embeddings=True, show_progress_bar=False)
    seconds = time.perf_counter() - start
    if out: save_file({'vectors': vectors}, out)
    return {'seconds': seconds}


@functools.cache
def table(path):
    import polars as pl
    return pl.read_parquet(path)


def cleaned(events):
    "Rows that no rule takes, sorted; the others with their first reason; rows that match each rule."
    import polars as pl
    flagged = events.with_row_index('row').with_columns(
        quantity_not_positive=(pl.col('quantity') <= 0).fill_null(False),
        exact_duplicate=~pl.struct([name for name in SAME if name in events.columns]).is_first_distinct(),
        price_negative=(pl.col('price') < 0).fill_null(False))
    reason = pl.coalesce(pl.when(pl.col(rule)).then(pl.lit(rule)) for rule in RULES)
    rejected = flagged.filter(pl.any_horizontal(RULES)).with_columns(reason=reason).drop(RULES)
    keys = [pl.col(name).cast(pl.Enum(ACTIONS)) if name == 'action' else pl.col(name) for name in ORDER if name in events.columns]
    others = sorted(set(events.columns) - set(ORDER))
    kept = flagged.filter(~pl.any_horizontal(RULES)).drop('row', *RULES).sort(*keys, *others)
    return kept, rejected, flagged.select(pl.col(RULES).sum())


def clean(events, kept=None, rejected=None):
    "Seconds to clean and sort the events of a Parquet file, in memory before and after."
    rows = table(events)
    start = time.perf_counter()
    good, bad, matches = cleaned(rows)
    seconds = time.perf_counter() - start
    if kept: good.write_parquet(kept)
    if rejected: bad.write_parquet(rejected)
    return {'seconds': seconds, 'matches': matches.to_dicts()[0]}


@functools.cache
def dataset(events, weight):
    "RecTools' data set of a Parquet file of user_id, item_id, timestamp, one row a purchase; `weight`: count, log or binary."
    import numpy as np, pandas as pd
    from rectools.dataset import Dataset
    rows = pd.read_parquet(events)
    pairs = rows.groupby(['user_id', 'item_id'], sort=True).timestamp.agg(['size', 'max']).reset_index()
    count = pairs['size'].astype('float64')
    weights = {'count': count, 'log': np.log1p(count), 'binary': count.clip(upper=1)}[weight]
    return Dataset.construct(pairs[['user_id', 'item_id']].assign(weight=weights, datetime=pairs['max'].dt.tz_localize(None)))


def rank(events, weight, config, views, out, k):
    "Fit one of RecTools' models and write its ranked lists: user_id, item_id, rank, view."
    import pandas as pd
    from rectools.models import model_from_config
    from threadpoolctl import threadpool_limits
    data, start, lists = dataset(events, weight), time.perf_counter(), []
    # implicit's models have threads of their own, which those of BLAS would stand in the way of
    with threadpool_limits(1 if 'model' in config else None, 'blas'): model = model_from_config(config).fit(data)
    users = data.user_id_map.external_ids
    for view in views:
        # In view new, what a user bought before is not recommended
        found = model.recommend(users=users, dataset=data, k=k, filter_viewed=view == 'new')
        lists.append(found[['user_id', 'item_id', 'rank']].assign(view=view))
    pd.concat(lists).to_parquet(out)
    return {'seconds': time.perf_counter() - start}


def main():
    "Answer until stdin ends. What the libraries print goes to stderr, so that stdout holds answers only."
    answers = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try: answer = {'versions': versions, 'encode': encode, 'clean': clean, 'rank': rank}[request.pop('do')](**request)
        except Exception as error: answer = {'error': f'{type(error).__name__}: {error}'}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == '__main__': main()
