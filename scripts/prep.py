"""One side of the rows prep/*: prep.py ours|pandas FOLDER OUT CUT [MEMORY] prepares a log of Parquet files and prints seconds, CPU seconds and peak gigabytes as JSON.

Each run is a process of its own, so that a peak of memory is the run's."""
import json, sys, time
from pathlib import Path

SAME = ['user_id', 'item_id', 'action', 'timestamp', 'basket_id', 'query', 'quantity', 'price']
ORDER = ['user_id', 'timestamp', 'basket_id', 'rank', 'item_id']
ACTIONS = ('search', 'view', 'cart', 'remove', 'buy')


def ours(folder, out, cut, memory='4GB'):
    from seqrep_nb.prepare import prepare_log
    return prepare_log(folder, out, cut, ignore=['session_id'], memory=memory)


def by_pandas(folder, out, cut, memory=None):
    "The same as a practised user of pandas would write it: masks, drop_duplicates, sort_values, groupby, factorize."
    import pandas as pd
    out = Path(out)
    out.mkdir()
    events = pd.concat([pd.read_parquet(file).drop(columns='session_id') for file in sorted(Path(folder).glob('events-*.parquet'))], ignore_index=True)
    reason = pd.Series(None, index=events.index, dtype='str')
    reason[events.price < 0] = 'price_negative'
    reason[events.duplicated(SAME)] = 'exact_duplicate'
    reason[events.quantity <= 0] = 'quantity_not_positive'
    events[reason.notna()].assign(reason=reason).to_parquet(out/'rejected.parquet')
    events = events[reason.isna()]
    del reason
    names = [*ACTIONS, *sorted(set(events.action.unique()) - set(ACTIONS))]
    events = events.assign(rank=pd.Categorical(events.action, names).codes).sort_values(ORDER, na_position='first', ignore_index=True)
    pause = events.groupby('user_id').timestamp.diff() > pd.Timedelta(minutes=30)
    events['session'] = pause.groupby(events.user_id).cumsum()
    key = ('b ' + events.basket_id).fillna('s ' + events.session.astype('str'))
    first = ~pd.DataFrame(dict(user=events.user_id, key=key)).duplicated()
    number = first.groupby(events.user_id).cumsum() - 1
    events['basket'] = number.where(first).groupby([events.user_id, key]).transform('first').astype('int32')
    cut = pd.Timestamp(cut, tz='UTC')
    train, later = events[events.timestamp < cut], events[events.timestamp >= cut]
    items = pd.Index(train.item_id.dropna().unique()).sort_values()
    for name, part in dict(events=train, later=later).items():
        part.assign(item=items.get_indexer(part.item_id))[['user_id', 'item', 'rank', 'timestamp', 'basket', 'session', 'place', 'price', 'quantity']].to_parquet(out/f'{name}.parquet')
    histories = train.assign(item=items.get_indexer(train.item_id)).groupby('user_id').item.agg(list)
    histories.to_frame().to_parquet(out/'histories.parquet')
    return dict(kept=len(events), events=len(train), later=len(later), items=len(items), users_with_history=len(histories), sessions=int((events.groupby('user_id').session.max() + 1).sum()))


def main(side, folder, out, cut, memory='4GB'):
    import pandas, seqrep_nb.prepare  # noqa: F401  the work is timed, not the imports
    from seqrep_nb.core import peak_memory
    start, cpu = time.perf_counter(), time.process_time()
    facts = dict(ours=ours, pandas=by_pandas)[side](folder, out, cut, memory)
    print(json.dumps(facts | dict(seconds=time.perf_counter() - start, cpu=time.process_time() - cpu, peak=peak_memory())))


if __name__ == '__main__': main(*sys.argv[1:])
