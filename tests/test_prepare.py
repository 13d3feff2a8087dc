"The out-of-core path gives, number for number, what the chapters in memory give; and what it may not depend on"
import numpy as np, pandas as pd, pyarrow as pa, pyarrow.parquet as pq, pytest

from seqrep_nb.clean import RULES, Rule, assign_sessions, clean_events
from seqrep_nb.core import InputError, read_json
from seqrep_nb.histories import build_histories
from seqrep_nb.prepare import prepare_log
from seqrep_nb.split import temporal_split


def log(seed):
    "A small log full of ties, copies, gaps and missing values; columns come and go with the seed."
    rng = np.random.default_rng(seed)
    n = int(rng.integers(5, 400))
    pick = lambda kinds, missing, first: pd.Series([f'{first}{i}' if u >= missing else None for i, u in zip(rng.integers(0, kinds, n), rng.random(n))], dtype='str')
    events = pd.DataFrame(dict(user_id=pick(6, 0, 'u'), item_id=pick(5, 0, 'i'), action=pd.Series(rng.choice(['view', 'buy', 'search', 'zoom'], n), dtype='str'),
                               timestamp=pd.Timestamp('2024-01-01', tz='UTC').as_unit('us') + pd.to_timedelta(rng.integers(0, [3, 50, 5000][seed % 3], n), unit='min')))
    events['timestamp'] = events.timestamp.dt.as_unit('us')
    if seed % 2: events['basket_id'] = pick(4, [0, .5][seed % 4 // 2], 'b')
    if seed % 3 == 1: events['session_id'] = pick(4, [0, .5][seed % 4 // 2], 's')
    if seed % 5: events['price'], events['quantity'] = np.where(rng.random(n) < .3, np.nan, rng.integers(-1, 3, n)), rng.integers(-1, 3, n).astype(float)
    if seed % 4: events['place'], events['query'] = pick(3, .3, 'p'), pick(2, .5, 'q')
    return events


def in_memory(events, cut):
    cleaned = clean_events(events)
    split = temporal_split(cleaned.events if 'session_id' in events else assign_sessions(cleaned.events), cut)
    return cleaned, split, build_histories(split.train, user_ids=np.sort(events.user_id.unique().astype(object)))


def check_equal(folder, cleaned, split, histories):
    table = {name: pq.read_table(folder/f'{name}.parquet') for name in ('events', 'users', 'items', 'later', 'rejected')}
    names = read_json(folder/'names.json')
    assert table['users']['user_id'].to_pylist() == histories.user_ids.tolist() and table['items']['item_id'].to_pylist() == histories.item_ids.tolist()
    np.testing.assert_array_equal(np.append(table['users']['offset'].to_numpy(), len(table['events'])), histories.offsets)
    assert tuple(names['places']) == histories.place_names
    np.testing.assert_array_equal(table['events']['action'].to_numpy(), pd.Index(names['actions']).get_indexer(np.array(histories.action_names, object))[histories.actions])
    for ours, theirs in dict(item='items', timestamp='timestamps', basket='baskets', place='places', price='prices').items():
        np.testing.assert_array_equal((table['events'][ours].cast('int64') if ours == 'timestamp' else table['events'][ours]).to_numpy(), getattr(histories, theirs), err_msg=ours)
    rejected = table['rejected'].to_pandas().sort_values('row')
    for column in ('row', 'reason', 'user_id', 'item_id', 'action'): assert rejected[column].tolist() == cleaned.rejected[column].tolist(), column
    assert len(table['later']) == len(split.test)


@pytest.mark.parametrize('seed', range(40))
def test_equal_to_the_chapters_in_memory(seed, tmp_path):
    events = log(seed)
    cut = events.timestamp.min() + (events.timestamp.max() - events.timestamp.min()) * .6 + pd.Timedelta('1us')
    events.to_parquet(tmp_path/'log.parquet', index=False)
    facts = prepare_log(tmp_path/'log.parquet', tmp_path/'out', cut)
    check_equal(tmp_path/'out', *in_memory(events, cut))
    assert facts['rows'] == len(events) == facts['events'] + facts['later'] + sum(facts['rejected'].values())


def shop(n=60_000):
    rng = np.random.default_rng(0)
    return pd.DataFrame(dict(user_id=[f'u{i}' for i in rng.integers(0, 900, n)], item_id=[f'i{i}' for i in rng.zipf(1.4, n) % 500], action=rng.choice(['view', 'buy'], n),
                             timestamp=(pd.Timestamp('2024-01-01', tz='UTC') + pd.to_timedelta(rng.integers(0, 86_400 * 90, n), unit='s')).as_unit('us'), price=rng.integers(-1, 50, n).astype(float)))


def test_files_batches_threads_and_memory_do_not_matter(tmp_path):
    events, cut = shop(), '2024-03-01'
    (tmp_path/'many').mkdir()
    for i, part in enumerate(np.array_split(np.arange(len(events)), 7)): events.iloc[part].to_parquet(tmp_path/'many'/f'{i}.parquet', index=False, row_group_size=999)
    events.to_parquet(tmp_path/'one.parquet', index=False)
    prepare_log(tmp_path/'many', tmp_path/'a', cut, threads=2)
    prepare_log(tmp_path/'one.parquet', tmp_path/'b', cut, threads=1, memory='300MB')
    for name in ('events', 'later', 'users', 'items', 'new_items'): pd.testing.assert_frame_equal(*(pq.read_table(tmp_path/side/f'{name}.parquet').to_pandas() for side in 'ab'))
    check_equal(tmp_path/'a', *in_memory(events, cut))


def test_the_catalogue_is_what_was_met_before_the_cut(tmp_path):
    events = shop(3000)
    late = events.timestamp >= '2024-03-01'
    events.loc[late & (np.arange(len(events)) % 9 == 0), 'item_id'] = 'novelty'
    events.to_parquet(tmp_path/'log.parquet', index=False)
    prepare_log(tmp_path/'log.parquet', tmp_path/'out', '2024-03-01')
    known, new = (pq.read_table(tmp_path/'out'/f'{n}.parquet')['item_id'].to_pylist() for n in ('items', 'new_items'))
    assert 'novelty' in new and set(known) == set(events.item_id[~late & ~(events.price < 0)]) and not set(known) & set(new)
    later = pq.read_table(tmp_path/'out'/'later.parquet').to_pandas()
    assert (np.array(known + new, object)[later.item] == 'novelty').sum() == int(((events.item_id == 'novelty') & ~(events.price < 0)).sum())


@pytest.mark.parametrize('fault, says', [('missing', "column 'item_id' is missing"), ('naive', "column 'timestamp' is of type timestamp"), ('text', 'is not a readable Parquet file'), ('half', 'is not a readable Parquet file'), ('none', 'holds no Parquet file')])
def test_what_is_no_log_is_refused_and_nothing_is_written(fault, says, tmp_path):
    events, path = shop(100), tmp_path/'log'/'x.parquet'
    path.parent.mkdir()
    if fault == 'missing': events.drop(columns='item_id').to_parquet(path)
    elif fault == 'naive': events.assign(timestamp=events.timestamp.dt.tz_localize(None)).to_parquet(path)
    elif fault == 'text': path.write_text('user_id,item_id')
    elif fault == 'half':
        events.to_parquet(path)
        path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(InputError, match=says): prepare_log(tmp_path/'log', tmp_path/'out', '2024-02-01')
    assert [p.name for p in tmp_path.iterdir()] == ['log']


def test_rows_without_user_time_action_or_item_are_set_aside(tmp_path):
    events = shop(200).drop(columns='price')
    table = pa.Table.from_pandas(events, preserve_index=False)
    for place, column in enumerate(('user_id', 'timestamp', 'action', 'item_id')):
        values = table[column].to_pylist()
        values[place] = None
        table = table.set_column(table.column_names.index(column), column, pa.array(values, table[column].type))
    pq.write_table(table, tmp_path/'log.parquet')
    facts = prepare_log(tmp_path/'log.parquet', tmp_path/'out')
    assert [facts['rejected'][n] for n in ('user_missing', 'time_missing', 'action_missing', 'item_missing')] == [1, 1, 1, 1]
    assert sorted(pq.read_table(tmp_path/'out'/'rejected.parquet')['row'].to_pylist())[:4] == [0, 1, 2, 3]


def test_one_user_with_half_of_a_long_log(tmp_path):
    events = shop(30_000)
    events.loc[::2, 'user_id'] = 'u5'
    events.to_parquet(tmp_path/'log.parquet', index=False)
    prepare_log(tmp_path/'log.parquet', tmp_path/'out', '2024-03-01')
    check_equal(tmp_path/'out', *in_memory(events, '2024-03-01'))


def test_a_rule_that_looks_at_many_rows(tmp_path):
    import ibis
    events = shop(2000)
    rule = Rule(lambda t: t.count().over(ibis.window(group_by=t.user_id)) > 2, 'a busy user')
    events.to_parquet(tmp_path/'log.parquet', index=False)
    facts = prepare_log(tmp_path/'log.parquet', tmp_path/'out', rules=RULES | dict(busy=rule))
    expected = clean_events(events, RULES | dict(busy=rule))
    assert facts['rejected']['busy'] == int(expected.report.set_index('rule').taken['busy']) > 0


def test_every_rule_of_cleaning_gives_the_same_on_disk(tmp_path):
    "Rules that look at other rows, some of them again and again, on a synthetic shop with bots, copies and double clicks."
    from seqrep_nb.clean import NOISE_RULES
    from seqrep_nb.simulator import simulate_shop
    events = simulate_shop(n_users=300, days=60, seed=1).log.events.drop(columns='session_id')
    events.to_parquet(tmp_path/'log.parquet', index=False)
    rules, cut = RULES | NOISE_RULES, events.timestamp.quantile(.8)
    facts, expected = prepare_log(tmp_path/'log.parquet', tmp_path/'out', cut, rules=rules), clean_events(events, rules)
    assert {name: n for name, n in facts['rejected'].items() if n} == {name: n for name, n in zip(expected.report.rule, expected.report.taken) if n}
    split = temporal_split(assign_sessions(expected.events), cut)
    check_equal(tmp_path/'out', expected, split, build_histories(split.train, user_ids=np.sort(events.user_id.unique().astype(object))))


def test_columns_may_be_passed_over(tmp_path):
    events = log(1)
    assert 'session_id' in events
    events.to_parquet(tmp_path/'log.parquet', index=False)
    cut = events.timestamp.min() + (events.timestamp.max() - events.timestamp.min()) * .6 + pd.Timedelta('1us')
    prepare_log(tmp_path/'log.parquet', tmp_path/'out', cut, ignore=['session_id'])
    check_equal(tmp_path/'out', *in_memory(events.drop(columns='session_id'), cut))


def test_the_folder_is_read_as_histories(tmp_path):
    from seqrep_nb.histories import read_histories
    events, cut = shop(5000), '2024-03-01'
    events.to_parquet(tmp_path/'log.parquet', index=False)
    prepare_log(tmp_path/'log.parquet', tmp_path/'out', cut)
    read, expected = read_histories(tmp_path/'out'), in_memory(events, cut)[2]
    for name in ('user_ids', 'item_ids', 'offsets', 'items', 'timestamps', 'baskets', 'prices'): np.testing.assert_array_equal(getattr(read, name), getattr(expected, name), err_msg=name)


def test_nothing_of_the_readers_is_replaced(tmp_path):
    "Neither the folder of the log, nor one above it, nor one with other things in it; an earlier result is."
    events = shop(500)
    (tmp_path/'log').mkdir()
    events.to_parquet(tmp_path/'log'/'a.parquet', index=False)
    (tmp_path/'mine').mkdir()
    (tmp_path/'mine'/'thesis.txt').write_text('three years')
    for out in ('log', '.', 'mine', 'log/a.parquet'):
        with pytest.raises(InputError): prepare_log(tmp_path/'log', tmp_path/out)
    assert (tmp_path/'log'/'a.parquet').exists() and (tmp_path/'mine'/'thesis.txt').exists()
    for _ in range(2): prepare_log(tmp_path/'log', tmp_path/'out')
    assert sorted(p.name for p in tmp_path.iterdir()) == ['log', 'mine', 'out']


def both(tmp_path, events, cut, **options):
    "Prepared on disk and in memory, and equal."
    events.to_parquet(tmp_path/'log.parquet', index=False)
    prepare_log(tmp_path/'log.parquet', tmp_path/'out', cut, **options)
    check_equal(tmp_path/'out', *in_memory(events, cut))
    return tmp_path/'out'


def test_a_folder_named_like_a_column_changes_nothing(tmp_path):
    (tmp_path/'user_id=7').mkdir()
    shop(300).to_parquet(tmp_path/'user_id=7'/'x.parquet', index=False)
    assert prepare_log(tmp_path/'user_id=7'/'x.parquet', tmp_path/'out')['users'] > 100


@pytest.mark.parametrize('missing', ['some', 'all'])
def test_session_ids_of_some_users_only(missing, tmp_path):
    events = shop(4000).drop(columns='price')
    ids = pd.Series([f's{i % 50}' for i in range(len(events))]).where(events.user_id.isin(['u5', 'u899']) & (missing == 'some'), None)
    both(tmp_path, events.assign(session_id=ids.astype('str')), '2024-03-01')


def test_prices_are_compared_as_they_are_and_nan_is_missing(tmp_path):
    events = shop(400)
    events.loc[1] = events.loc[0]
    events.loc[0, 'price'], events.loc[1, 'price'] = 19999.99, 19999.9901
    both(tmp_path, events, '2024-03-01')
    table = pa.table({c: pa.array(events[c]) for c in events if c != 'price'}).append_column('price', pa.array(np.where(np.arange(400) % 3, events.price, np.nan)))       # NaN, not null
    pq.write_table(table, tmp_path/'nan.parquet')
    facts = prepare_log(tmp_path/'nan.parquet', tmp_path/'nan', rules=dict(dear=Rule(lambda t: t.price > 10, 'dear')))
    assert facts['rejected']['dear'] == int((table['price'].to_numpy() > 10).sum())


def test_actions_places_and_items_of_the_future_have_no_code_in_the_past(tmp_path):
    events = shop(3000)
    late = (events.timestamp >= '2024-03-01').to_numpy()
    events['place'] = pd.Series(np.where(late, 'a new shop', 'the old shop'), dtype='str')
    events.loc[late & (np.arange(len(events)) % 5 == 0), 'action'] = 'aaa'
    events.loc[~late & (np.arange(len(events)) % 5 == 0), 'action'] = 'wish'
    events.loc[late & (events.price < 0), 'item_id'] = 'only in rows set aside'
    names = read_json(both(tmp_path, events, '2024-03-01')/'names.json')
    assert names['actions'][-1] == 'wish' and names['new_actions'] == ['aaa'] and names['places'] == ['the old shop'] and names['new_places'] == ['a new shop']
    assert 'only in rows set aside' not in pq.read_table(tmp_path/'out'/'new_items.parquet')['item_id'].to_pylist()
    later = pq.read_table(tmp_path/'out'/'later.parquet').to_pandas()
    assert (later.action == len(names['actions'])).sum() == int(((events.action == 'aaa') & ~(events.price < 0)).sum())


@pytest.mark.parametrize('unit', ['s', 'ms', 'us', 'ns'])
def test_any_unit_of_time_and_any_name_of_a_folder(unit, tmp_path):
    events = shop(500)
    place = tmp_path/"it's [1] *"
    place.mkdir()
    events.assign(timestamp=events.timestamp.dt.as_unit(unit)).to_parquet(place/'log.parquet', index=False)
    prepare_log(place/'log.parquet', place/'out', '2024-03-01', rules=RULES | {"it's odd": Rule(lambda t: t.price > 1e9, 'no')})
    check_equal(place/'out', *in_memory(events, '2024-03-01'))


@pytest.mark.parametrize('change, says', [(lambda e: e.assign(file_index=1), 'file_index'), (lambda e: e.assign(reason='x'), 'reason'), (lambda e: e.assign(Price=1.), 'differ in capitals only'), (lambda e: e.head(0), 'has no rows')])
def test_a_column_that_would_be_mistaken_is_refused(change, says, tmp_path):
    events = shop(50)
    change(events).astype({c: t for c, t in events.dtypes.items()}).to_parquet(tmp_path/'log.parquet', index=False)
    with pytest.raises(InputError, match=says): prepare_log(tmp_path/'log.parquet', tmp_path/'out')


@pytest.mark.parametrize('options', [dict(gap_minutes=-5), dict(gap_minutes=float('nan')), dict(gap_minutes='30'), dict(memory='lots'), dict(threads=-1)])
def test_odd_options_are_refused(options, tmp_path):
    shop(50).to_parquet(tmp_path/'log.parquet', index=False)
    with pytest.raises(InputError): prepare_log(tmp_path/'log.parquet', tmp_path/'out', **options)


def test_the_cut_may_lie_anywhere_and_many_actions_are_many_actions(tmp_path):
    events = shop(400).assign(action=pd.Series([f'action {i % 150}' for i in range(400)], dtype='str'))
    events.to_parquet(tmp_path/'log.parquet', index=False)
    assert prepare_log(tmp_path/'log.parquet', tmp_path/'a', '2999-01-01')['later'] == 0 and prepare_log(tmp_path/'log.parquet', tmp_path/'b', '1000-01-01')['events'] == 0
    assert len(read_json(tmp_path/'a'/'names.json')['actions']) == 155
