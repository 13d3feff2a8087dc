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
def sentence_model(folder, half=False):
    "A sentence-transformers model of a checkpoint's folder; without modules.json, as its authors describe it: mean pooling."
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    torch.set_num_threads(os.cpu_count())
    if (Path(folder)/'modules.json').exists(): model = SentenceTransformer(folder, device='cpu')
    else:
        transformer = Transformer(folder)
        model = SentenceTransformer(modules=[transformer, Pooling(transformer.get_embedding_dimension(), pooling_mode='mean')], device='cpu')
    return model.to(torch.bfloat16) if half else model


def encode(folder, texts, out=None, batch=32, max_length=256, half=False):
    "Seconds to encode the texts of a JSON file; the vectors, of length 1, go to `out`. `half`: in bfloat16."
    from safetensors.numpy import save_file
    model, lines = sentence_model(folder, half), json.loads(Path(texts).read_text(encoding='utf-8'))
    model.max_seq_length = max_length
    start = time.perf_counter()
    vectors = model.encode(lines, batch_size=batch, normalize_embeddings=True, show_progress_bar=False)
    seconds = time.perf_counter() - start
    if out: save_file({'vectors': vectors.astype('float32')}, out)
    return {'seconds': seconds}


def hidden(folder, texts, out, max_length=256):
    "Token mean and first token of each text by PyTorch's transformers, of the length that they have."
    import torch
    from safetensors.numpy import save_file
    from transformers import AutoModel, AutoTokenizer
    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    found = {'mean': [], 'cls': []}
    for text in json.loads(Path(texts).read_text(encoding='utf-8')):
        with torch.no_grad(): states = model(**tokenizer(text, truncation=True, max_length=max_length, return_tensors='pt')).last_hidden_state[0].numpy()
        found['mean'].append(states.mean(0))
        found['cls'].append(states[0])
    import numpy
    save_file({name: numpy.stack(vectors) for name, vectors in found.items()}, out)
    return {}


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


def numbered(rows, names):
    "Each text column as the rank of its value by bytes, -1 where there is none."
    import polars as pl
    for name in names:
        ranks = rows.select(pl.col(name).unique().drop_nulls().sort()).collect().with_row_index(f'{name} rank').with_columns(pl.col(f'{name} rank').cast(pl.Int32))
        rows = rows.join(ranks.lazy(), name, 'left', maintain_order='left').with_columns(pl.col(f'{name} rank').fill_null(-1))
    return rows


def prepare(folder, out, cut, gap=30):
    "Seconds to clean, cut sessions, split in time and lay out histories, from Parquet files to Parquet files: sorted by numbers once, then neighbours are compared."
    import polars as pl
    start, out = time.perf_counter(), Path(out)
    out.mkdir()
    rows = numbered(pl.scan_parquet(f'{folder}/events-*.parquet', row_index_name='row'), ['user_id', 'item_id', 'place'])
    known = rows.select(pl.col('action').unique()).collect()['action'].to_list()
    codes = {name: i for i, name in enumerate([*ACTIONS, *sorted(set(known) - set(ACTIONS))])}
    rows = rows.with_columns(action=pl.col('action').replace_strict(codes, return_dtype=pl.Int8),
        query=pl.col('query').hash(), price=pl.col('price').cast(pl.Float32), quantity=pl.col('quantity').cast(pl.Float32),
        reason=pl.when(pl.col('quantity') <= 0).then(1).when(pl.col('price') < 0).then(3).otherwise(0).cast(pl.Int8))
    keys = ['user_id rank', 'timestamp', 'basket_id', 'action', 'item_id rank']
    rows = rows.drop('user_id', 'item_id', 'place').collect().sort(*keys, 'place rank', 'price', 'quantity', 'query', 'row')
    copy = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift()) for name in [*keys, 'price', 'quantity', 'query'])
    rows = rows.with_columns(reason=pl.when(copy & (pl.col('reason') != 1)).then(2).otherwise(pl.col('reason')).cast(pl.Int8))
    rows.filter(pl.col('reason') > 0).select('user_id rank', 'item_id rank', 'action', 'timestamp', 'row', 'reason').write_parquet(out/'rejected.parquet', compression='lz4')
    rows = rows.filter(pl.col('reason') == 0).drop('query', 'row', 'reason')
    user = pl.col('user_id rank')
    new = user.ne_missing(user.shift())
    rows = rows.with_columns(number=(new | (pl.col('timestamp').diff() > pl.duration(minutes=gap))).cum_sum())
    rows = rows.with_columns(session=(pl.col('number') - pl.col('number').first().over(user)).cast(pl.Int32), key=pl.when(pl.col('basket_id').is_null()).then(pl.col('number').cast(pl.UInt64)).otherwise(pl.col('basket_id').hash()), at=pl.int_range(pl.len(), dtype=pl.UInt32))
    rows = rows.with_columns(first=pl.col('at').min().over(user, 'key'))
    rows = rows.with_columns(nth=(pl.col('first') == pl.col('at')).cum_sum())
    rows = rows.with_columns(nth=pl.col('nth').gather(pl.col('first')))
    rows = rows.with_columns(basket=(pl.col('nth') - pl.col('nth').first().over(user)).cast(pl.Int32)).drop('number', 'key', 'at', 'first', 'nth', 'basket_id')
    past = pl.col('timestamp') < pl.lit(cut).str.to_datetime(time_unit='us', time_zone='UTC')
    codes = rows.filter(past, pl.col('item_id rank') >= 0).select(pl.col('item_id rank').unique().sort()).with_row_index('item').with_columns(pl.col('item').cast(pl.Int32))
    rows = rows.join(codes, 'item_id rank', 'left', maintain_order='left').with_columns(pl.col('item').fill_null(-1))
    facts = dict(kept=len(rows), items=len(codes), sessions=int(rows.group_by('user_id rank').agg(pl.col('session').max() + 1)['session'].sum()))
    for name, part in (('events', rows.filter(past)), ('later', rows.filter(~past))):
        part.drop('item_id rank').write_parquet(out/f'{name}.parquet', compression='lz4')
        facts[name] = len(part)
        if name == 'events': part.group_by('user_id rank', maintain_order=True).len().with_columns(offset=pl.col('len').cum_sum() - pl.col('len')).write_parquet(out/'users.parquet')
    return facts | {'seconds': time.perf_counter() - start}


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


def train(events, users, epochs, width, length, heads, batch, seed=0):
    "Seconds to train RecTools' SASRec, one block, softmax over the catalogue; the sequences that it read."
    import logging, warnings
    import pandas as pd
    from rectools.dataset import Dataset
    from rectools.models import SASRecModel
    import torch
    torch.set_num_threads(os.cpu_count())
    torch.manual_seed(seed)
    logging.getLogger('pytorch_lightning').setLevel('ERROR')
    rows = pd.read_parquet(events)
    rows = rows[rows.user_id.isin(rows.user_id.unique()[:users])]
    data = Dataset.construct(rows[['user_id', 'item_id']].assign(weight=1., datetime=rows.timestamp.dt.tz_localize(None)))
    start = time.perf_counter()
    with warnings.catch_warnings(action='ignore'):
        SASRecModel(n_blocks=1, n_heads=heads, n_factors=width, dropout_rate=.2, session_max_len=length, batch_size=batch, epochs=epochs, loss='softmax', dataloader_num_workers=0, verbose=0).fit(data)
    return {'seconds': time.perf_counter() - start, 'sequences': epochs * int((rows.groupby('user_id').size() > 1).sum())}


def main():
    "Answer until stdin ends. What the libraries print goes to stderr, so that stdout holds answers only."
    answers = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try: answer = {'versions': versions, 'encode': encode, 'hidden': hidden, 'clean': clean, 'prepare': prepare, 'rank': rank, 'train': train}[request.pop('do')](**request)
        except Exception as error: answer = {'error': f'{type(error).__name__}: {error}'}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == '__main__': main()
