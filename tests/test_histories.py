"Windows, normalisers and the stream from disk: equal to plain Python, to scikit-learn, and to one another"
import tracemalloc
import duckdb, numpy as np, pandas as pd, pyarrow as pa, pyarrow.parquet as pq, pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from sklearn.base import clone
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from seqrep_nb.core import InputError
from seqrep_nb.histories import DAY, EMPTY, Histories, Normaliser, build_histories, history_batches, history_dataset, last_k, read_histories, time_gaps, write_histories
from test_properties import logs

FLAT = [*EMPTY]
STREAM = ['items', 'actions', 'gaps', 'prices', 'places', 'mask']


def made_up(lengths, seed=0, items=50):
    "Histories of users with so many events each; some events have no item, place or price."
    rng, lengths = np.random.default_rng(seed), np.asarray(lengths, 'int64')
    n, offsets = int(lengths.sum()), np.append(0, lengths.cumsum())
    times = 1_500_000_000_000_000 + rng.integers(0, 3 * DAY, n).cumsum() if n else np.array([], 'int64')
    prices = np.where(rng.random(n) < .1, np.nan, rng.lognormal(0, 2, n)).astype('float32')
    return Histories(np.array([f'u{i:07}' for i in range(len(lengths))], object), np.array([f'i{i}' for i in range(items)], object), offsets,
                     rng.integers(-1, items, n, 'int32'), rng.integers(0, 5, n, 'int16'), times, np.arange(n, dtype='int32') - np.repeat(offsets[:-1], lengths).astype('int32'),
                     rng.integers(-1, 3, n, 'int32'), prices, place_names=('a', 'b', 'ü'))


def same(a, b):
    for name in (*FLAT, 'user_ids', 'item_ids', 'offsets'):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
        assert getattr(a, name).dtype == getattr(b, name).dtype, name
    assert (a.action_names, a.place_names) == (b.action_names, b.place_names)


# Windows

@pytest.mark.parametrize('side', ['left', 'right'])
@pytest.mark.parametrize('n', [0, 1, 6, 7, 100_000])
def test_a_window_of_seven_minus_one(n, side, k=6):
    w = made_up([3, n, 2]).last(k, side)
    kept = list(range(3 + max(n - k, 0), 3 + n))
    pads = [-1] * (k - len(kept))
    assert last_k(np.array([0, 3, 3 + n, 5 + n]), k, side)[0][1][w['mask'][1]].tolist() == kept, 'the newest, oldest first'
    assert w['mask'][1].tolist() == ([False] * len(pads) + [True] * len(kept) if side == 'left' else [True] * len(kept) + [False] * len(pads))
    for name, empty in EMPTY.items(): np.testing.assert_array_equal(w[name][1][~w['mask'][1]], np.full(len(pads), empty, w[name].dtype))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 9), max_size=8), st.integers(1, 7))
def test_both_sides_hold_the_same_events(lengths, k):
    h = made_up(lengths)
    position = np.arange(len(h.items))
    left, right = h.last(k, position=position), h.last(k, 'right', position=position)
    for row, (begin, end) in enumerate(zip(h.offsets[:-1], h.offsets[1:])):
        wanted, pad = list(range(max(begin, end - k), end)), [0] * (k - min(k, end - begin))
        assert left['position'][row].tolist() == pad + wanted and right['position'][row].tolist() == wanted + pad
    for name in FLAT: np.testing.assert_array_equal(left[name][left['mask']], right[name][right['mask']])


# Normalisers

numbers = st.floats(allow_nan=True, allow_infinity=False) | st.sampled_from([0., -0., 1e308, -1.7e308, 5e-324, 1e-300, 2.5, 2.5000001])


@settings(max_examples=150, deadline=None)
@given(arrays('float64', array_shapes(max_dims=2, max_side=8), elements=numbers), st.sampled_from(['z-score', 'min-max']), st.booleans(), st.booleans())
def test_inverting_gives_back_what_was_put_in(x, method, log, constant):
    if constant: x = np.where(np.isnan(x), x, x.ravel()[0])
    if np.isnan(x).all():
        with pytest.raises(InputError, match="column 'x' has no value to learn from; leave it out"): Normaliser(method, log=log).fit(dict(x=x))
        return
    n = Normaliser(method, log=log)
    there = n.fit_transform(dict(x=x))['x']
    back = n.inverse_transform(dict(x=there))['x']
    assert there.shape == x.shape and np.array_equal(np.isnan(there), np.isnan(x)) and not np.isinf(there).any()
    most = np.nanmax(np.abs(x))
    with np.errstate(over='ignore'): near = np.abs(back / 4 - x / 4) <= 1e-11 * (np.abs(x) + 1 if log else most)   # rounding at the scale of the largest value; after a logarithm, of each
    assert (near | np.isnan(x)).all()
    if constant and not log: assert (np.abs(there[~np.isnan(x)]) <= 1e-14).all()   # the mean of equal numbers is rounded
    if method == 'min-max' and not constant: assert np.nanmin(there) >= -1e-9 and np.nanmax(there) <= 1 + 1e-9


@pytest.mark.parametrize('method, scaler', [('z-score', StandardScaler()), ('min-max', MinMaxScaler())])
def test_the_scales_are_scikit_learns(method, scaler):
    rng = np.random.default_rng(0)
    train, test = rng.lognormal(1, 1, (400, 1)), rng.lognormal(1, 2, (300, 1))
    train[::7] = np.nan
    n = Normaliser(method).fit(dict(x=train))
    np.testing.assert_allclose(n.transform(dict(x=test))['x'], scaler.fit(train).transform(test), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(n.inverse_transform(n.transform(dict(x=test)))['x'], test, rtol=1e-10)   # also beyond what training saw
    assert n.fitted_['x'] == pytest.approx((np.nanmean(train), np.nanstd(train)), rel=1e-12)
    assert Normaliser(method, log=True).fit(dict(x=train)).fitted_ == n.fitted_, 'what the auditor reads is in the units of the log'


def test_padding_is_neither_learned_from_nor_kept():
    h = made_up([3, 0, 9, 5])
    window = h.last(6, gaps=time_gaps(h.timestamps, h.offsets))
    garbage = window | dict(prices=np.where(window['mask'], window['prices'], 1e9).astype('float32'))
    real = window['mask'] & ~np.isnan(window['prices'])
    n = Normaliser().fit(garbage)
    assert n.fitted_['prices'] == pytest.approx((window['prices'][real].astype(float).mean(), window['prices'][real].astype(float).std()), rel=1e-9)
    there = n.transform(garbage)
    assert (there['prices'][~window['mask']] == 0).all() and there['prices'].dtype == 'float32' and np.isnan(there['prices'][window['mask'] & ~real]).all()
    assert all(there[name] is garbage[name] for name in ('items', 'actions', 'places', 'baskets', 'timestamps', 'mask')), 'codes are untouched'
    np.testing.assert_allclose(n.inverse_transform(there)['prices'], window['prices'], rtol=1e-5, atol=1e-4)   # padded cells are missing again


def test_codes_and_strangers_are_refused():
    window, n = made_up([3]).last(2), Normaliser(columns=['prices'])
    for name in ('items', 'actions', 'places', 'mask'):
        with pytest.raises(InputError, match=f"column '{name}' holds codes, not amounts; embed it"): Normaliser(columns=[name]).fit(window)
    with pytest.raises(InputError, match="use 'z-score' or 'min-max'"): Normaliser('robust').fit(window)
    with pytest.raises(InputError, match='call fit on training'): n.transform(window)
    with pytest.raises(InputError, match="column 'prices' is missing"): n.fit(window).transform(dict(gaps=window['prices']))
    with pytest.raises(InputError, match='holds infinity'): n.fit(dict(prices=np.array([1, np.inf])))


def test_parameters_as_scikit_learn_has_them():
    n = clone(Normaliser('min-max', ['prices'], log=True).fit(made_up([9]).last(9)))
    assert n.get_params() == dict(method='min-max', columns=['prices'], log=True) and not hasattr(n, 'scalers_')
    assert n.set_params(log=False).log is False
    table = pd.DataFrame(dict(price=pd.array([1, None, 3], 'Float64'), item_id=list('abc')))
    found = Normaliser().fit_transform(table)
    assert found.price.tolist()[::2] == [-1, 1] and found.item_id.tolist() == list('abc') and table.price[0] == 1


# On disk

@settings(max_examples=40, deadline=None)
@given(logs(), st.integers(1, 5), st.booleans())
def test_a_folder_gives_back_what_was_written(tmp_path_factory, log, size, strangers):
    h, folder = build_histories(log, user_ids=['10', 'nobody', '9'] if strangers else None), tmp_path_factory.mktemp('histories')/'h'
    write_histories(h, folder, size)
    same(read_histories(folder), h)
    assert sorted(p.name for p in folder.iterdir()) == ['events.parquet', 'items.parquet', 'names.json', 'users.parquet']


def test_a_folder_of_another_engine_is_read(tmp_path):
    "Other integer widths, plain microseconds, nulls for what is unknown, no baskets, extra columns."
    h = made_up([3, 0, 4, 70])
    write_histories(h, tmp_path/'ours')
    (tmp_path/'theirs').mkdir()
    for name in ('users.parquet', 'items.parquet', 'names.json'): (tmp_path/'theirs'/name).write_bytes((tmp_path/'ours'/name).read_bytes())
    duckdb.sql(f"""COPY (SELECT 'x' AS note, price::DOUBLE AS price, nullif(place, -1)::BIGINT AS place, action::TINYINT AS action, epoch_us(timestamp) AS timestamp, nullif(item, -1) AS item, "user"
                   FROM '{tmp_path/'ours'/'events.parquet'}') TO '{tmp_path/'theirs'/'events.parquet'}' (FORMAT parquet)""")
    found = read_histories(tmp_path/'theirs')
    assert (found.baskets == -1).all()
    for name in ('items', 'actions', 'timestamps', 'places', 'prices', 'offsets'): np.testing.assert_array_equal(getattr(found, name), getattr(h, name))
    for a, b in zip(history_batches(tmp_path/'theirs', 5, 9), history_batches(tmp_path/'ours', 5, 9), strict=True):
        for name in a: np.testing.assert_array_equal(a[name], b[name])


def changed(folder, file, **columns):
    table = pq.read_table(folder/file)
    for name, change in columns.items(): table = table.set_column(table.column_names.index(name), name, pa.array(change(table.column(name).to_numpy())))
    pq.write_table(table, folder/file)


FAULTS = dict(
    users=(lambda f: changed(f, 'events.parquet', user=lambda v: v[::-1]), r"column 'user' does not ascend \(first: row 4, 0\)"),
    time=(lambda f: changed(f, 'events.parquet', timestamp=lambda v: v[::-1]), r"column 'timestamp' goes back in time \(first: row 1,"),
    stranger=(lambda f: changed(f, 'events.parquet', item=lambda v: np.where(np.arange(len(v)) == 2, 50, v).astype('int32')), r"column 'item' is no code of the 50 known \(first: row 2, 50\)"),
    action=(lambda f: changed(f, 'events.parquet', action=lambda v: v + 90), r"column 'action' is no code"),
    negative=(lambda f: changed(f, 'events.parquet', user=lambda v: v - 1), r"column 'user' is no code \(first: row 0, -1\)"),
    offset=(lambda f: changed(f, 'users.parquet', offset=lambda v: v + 1), r"users.parquet: column 'offset' is not the first row of each user"),
    column=(lambda f: pq.write_table(pq.read_table(f/'events.parquet').drop_columns(['item']), f/'events.parquet'), r"events.parquet: column 'item' is missing"),
    text=(lambda f: (f/'events.parquet').write_text('user,item'), r'events.parquet: is not a readable Parquet file'),
    gone=(lambda f: (f/'events.parquet').unlink(), r'events.parquet: is not a readable Parquet file'),
    names=(lambda f: (f/'names.json').write_text('{'), r'names.json: is not a readable JSON file'))


@pytest.mark.parametrize('fault', FAULTS)
def test_a_broken_folder_is_refused(tmp_path, fault):
    write_histories(made_up([3, 4]), tmp_path/'h')
    read_histories(tmp_path/'h')
    breaks, said = FAULTS[fault]
    breaks(tmp_path/'h')
    with pytest.raises(InputError, match=said + '.*; '): read_histories(tmp_path/'h')
    if fault in ('users', 'time', 'negative', 'column', 'text', 'gone'):
        with pytest.raises(InputError, match=said.split('events.parquet: ')[-1]): list(history_batches(tmp_path/'h', 1, 2, rows=2))   # the row is that of the file, however it is read


def test_a_failed_write_leaves_what_was_there(tmp_path):
    h = made_up([2, 1])
    write_histories(h, tmp_path/'h')
    bad = made_up([1])
    bad.item_ids[3] = 17     # no text
    with pytest.raises(pa.ArrowTypeError): write_histories(bad, tmp_path/'h')
    same(read_histories(tmp_path/'h'), h)
    assert [p.name for p in tmp_path.iterdir()] == ['h']


# The stream

@pytest.fixture(scope='module')
def many():
    lengths = np.random.default_rng(1).choice([1, 1, 1, 1, 2, 2, 3, 7, 8, 9], 1200)   # a window of 8, one more, one less
    return made_up(np.append(lengths, 300))


def expected(h, window, side): return h.last(window, side, gaps=time_gaps(h.timestamps, h.offsets))


def joined(batches): return {n: np.concatenate([b[n] for b in batches]) for n in batches[0]}


@pytest.mark.parametrize('size, rows, batch_size, side', [(1, 65_536, 100, 'left'), (50, 1, 1201, 'right'), (7, 5, 64, 'left'), (997, 100, 1, 'right'), (10**6, 333, 1200, 'left'), (10**6, 65_536, 10**4, 'right')])
def test_the_stream_is_the_window(tmp_path, many, size, rows, batch_size, side):
    write_histories(many, tmp_path/'h', size)
    assert pq.ParquetFile(tmp_path/'h'/'events.parquet').num_row_groups == -(-len(many.items) // size)
    batches = list(history_batches(tmp_path/'h', 8, batch_size, side, rows=rows))
    assert [len(b['mask']) for b in batches] == [batch_size] * (1201 // batch_size) + ([1201 % batch_size] if 1201 % batch_size else [])
    found, wanted = joined(batches), expected(many, 8, side)
    assert found['users'].tolist() == list(range(1201))
    for name in STREAM: np.testing.assert_array_equal(found[name], wanted[name], err_msg=name)


def test_users_may_span_files(tmp_path, many):
    write_histories(many, tmp_path/'h')
    table = pq.read_table(tmp_path/'h'/'events.parquet')
    cuts = [0, 1, 1, 2000, 2001, len(many.items) - 200, len(many.items) - 3, len(many.items)]    # an empty file, files of one row, the last user in four
    for i, (a, b) in enumerate(zip(cuts, cuts[1:])): pq.write_table(table.slice(a, b - a), tmp_path/f'{i}.parquet', row_group_size=1001)
    files = [tmp_path/f'{i}.parquet' for i in range(len(cuts) - 1)]
    found, wanted = joined(list(history_batches(files, 8, 100))), expected(many, 8, 'left')
    for name in STREAM: np.testing.assert_array_equal(found[name], wanted[name], err_msg=name)
    with pytest.raises(InputError, match="column 'user' does not ascend"): list(history_batches([files[3], files[2]], 8, 100))
    assert list(history_batches(files[1], 8, 100)) == []


def test_users_without_events_have_no_row(tmp_path):
    h = made_up([0, 2, 0, 0, 1, 0])
    write_histories(h, tmp_path/'h')
    found, = history_batches(tmp_path/'h', 3, 10)
    assert found['users'].tolist() == [1, 4]
    np.testing.assert_array_equal(found['items'], h.last(3)['items'][[1, 4]])


@pytest.mark.parametrize('buffer, batch_size', [(1, 10), (200, 64), (200, 500), (5000, 64)])
def test_shuffling_moves_whole_users_once(tmp_path, many, buffer, batch_size):
    write_histories(many, tmp_path/'h')
    stream = lambda **options: joined(list(history_batches(tmp_path/'h', 8, batch_size, shuffle=buffer, **options)))
    found, wanted = stream(), expected(many, 8, 'left')
    assert sorted(found['users']) == list(range(1201)) and (found['users'][:-1] > found['users'][1:]).sum() > 200
    for name in STREAM: np.testing.assert_array_equal(found[name], wanted[name][found['users']])
    assert (stream()['users'] == found['users']).all() and (stream(seed=1)['users'] != found['users']).any() and (stream(epoch=1)['users'] != found['users']).any()


def test_a_dataset_for_tensorflow(tmp_path, many):
    write_histories(many, tmp_path/'h', 1000)
    read = lambda dataset: joined(list(dataset.as_numpy_iterator()))
    plain = history_dataset(tmp_path/'h', 8, 256)
    assert {n: (s.shape.as_list(), s.dtype.name) for n, s in plain.element_spec.items()} == dict(items=([None, 8], 'int32'), actions=([None, 8], 'int32'),
        gaps=([None, 8], 'float32'), prices=([None, 8], 'float32'), places=([None, 8], 'int32'), mask=([None, 8], 'bool'))
    for found in (read(plain), read(plain)):
        for name in STREAM: np.testing.assert_array_equal(found[name], expected(many, 8, 'left')[name])
    twice = lambda seed: [read(d)['users'].tolist() for d in [history_dataset(tmp_path/'h', 8, 256, shuffle=500, seed=seed, users=True)] for _ in range(2)]
    first, second = twice(3)
    assert first != second and sorted(first) == sorted(second) == list(range(1201)), 'another order on every pass'
    assert twice(3) == [first, second] and twice(4)[0] != first
    with pytest.raises(InputError, match='at least 1'): history_dataset(tmp_path/'h', 0, 256)
    with pytest.raises(InputError, match="pad at the 'left'"): history_dataset(tmp_path/'h', 8, 256, 'top')
    with pytest.raises(InputError, match='not a readable Parquet file'): history_dataset(tmp_path/'nothing', 8, 256)
    for bad in (dict(batch_size=0), dict(batch_size=4, shuffle=-1)):
        with pytest.raises(InputError, match='batches of at least 1'): history_dataset(tmp_path/'h', 8, **bad)


def test_a_stream_on_one_scale(tmp_path, many):
    write_histories(many, tmp_path/'h')
    n = Normaliser(log=True).fit(many.numbers())
    found, wanted = joined(list(history_batches(tmp_path/'h', 8, 256, normaliser=n))), n.transform(expected(many, 8, 'left'))
    for name in ('prices', 'gaps'): np.testing.assert_array_equal(found[name], np.nan_to_num(wanted[name]))
    assert np.isnan(wanted['prices']).any() and np.isfinite(found['prices']).all() and found['prices'].dtype == 'float32'


def test_memory_does_not_grow_with_the_log(tmp_path):
    "Forty thousand users, one of them with a million events, in one row group and two million rows: as a whole 60 MB."
    h = made_up(np.append(np.full(40_000, 25), 1_000_000))
    write_histories(h, tmp_path/'h', 10**9)
    users, arrow, before = 0, 0, pa.total_allocated_bytes()
    del h
    tracemalloc.start()
    for batch in history_batches(tmp_path/'h', 16, 256, shuffle=1000, rows=8192): users, arrow = users + len(batch['mask']), max(arrow, pa.total_allocated_bytes() - before)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert users == 40_001 and peak < 8e6 and arrow < 16e6, (peak, arrow)


# Folders that others wrote wrongly

def put(file, column, values, kind=None):
    "Replace a column of a file by so many values."
    def breaks(folder):
        table = pq.read_table(folder/file)
        new = pa.array([values(i) for i in range(table.num_rows)], kind)
        pq.write_table(table.set_column(table.column_names.index(column), column, new), folder/file)
    return breaks


def written(text): return lambda folder: (folder/'names.json').write_text(text)


ODD = dict(
    no_actions=(written('{"places": []}'), 'names.json: has no list of the names of actions'), a_list=(written('[]'), 'names.json: has no list of the names of actions'), places=(written('{"actions": [], "places": "a"}'), 'names of places'),
    numbers=(written('{"actions": [1], "places": []}'), 'names of actions'),
    half_an_item=(put('events.parquet', 'item', lambda i: i + .5), r"events(.parquet)?: column 'item' is double that does not fit int32"), large=(put('events.parquet', 'item', lambda i: 10**12), "'item' is int64 that does not fit int32"),
    price=(put('events.parquet', 'price', lambda i: 'free'), "'price' is string that does not fit float32"), user=(put('events.parquet', 'user', lambda i: 'ann'), "'user' is string that does not fit int32"),
    time=(put('events.parquet', 'timestamp', lambda i: None if i == 1 else 1, pa.timestamp('us', tz='UTC')), r"events(.parquet)?: column 'timestamp' is missing in 1 rows"),
    twice=(put('users.parquet', 'user_id', lambda i: 'ann'), r"users.parquet: column 'user_id' is there twice \(first: row 1, 'ann'\)"), nobody=(put('users.parquet', 'user_id', lambda i: None, pa.string()), r"'user_id' is missing \(first: row 0"),
    item_twice=(put('items.parquet', 'item_id', lambda i: 'milk'), r"items.parquet: column 'item_id' is there twice"), offset=(put('users.parquet', 'offset', lambda i: 'first'), "users.parquet: column 'offset' is string that does not fit int64"),
    no_offset=(put('users.parquet', 'offset', lambda i: None if i else 0, pa.int64()), "'offset' is not the first row of each user"))


@pytest.mark.parametrize('fault', ODD)
def test_an_odd_folder_is_refused_in_words(tmp_path, fault):
    write_histories(made_up([3, 4]), tmp_path/'h')
    breaks, said = ODD[fault]
    breaks(tmp_path/'h')
    with pytest.raises(InputError, match=said + '.*; '): read_histories(tmp_path/'h')
    if fault in ('half_an_item', 'large', 'price', 'user', 'time'):
        with pytest.raises(InputError, match=said): list(history_batches(tmp_path/'h', 2, 2))
