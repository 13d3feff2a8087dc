"What holds for every log, however small or odd: Hypothesis looks for one that breaks it"
import datetime, math
from itertools import groupby, product
import numpy as np, pandas as pd, scipy.sparse as sp
from hypothesis import assume, given, settings, strategies as st
from pandas.testing import assert_frame_equal
import pytest
from seqrep_nb.clean import RULES, clean_events
from seqrep_nb.core import InputError
from seqrep_nb.events import ACTIONS, EVENT_COLUMNS, sort_events, validate_events
from seqrep_nb.histories import build_histories
from seqrep_nb.metrics import evaluate_ranking
from seqrep_nb.rank import recommend
from seqrep_nb.split import Split, audit, first_baskets, foreseen, leave_one_out, temporal_split, user_split
from seqrep_nb.tasks import ranking_task, will_buy

START = pd.Timestamp('2024-01-31 23:50', tz='UTC')


def examples(n): return settings(max_examples=n, deadline=None)  # a first call imports and compiles: no deadline


money = st.sampled_from([-2., 0., 1.5]) | st.none()


@st.composite
def logs(draw, most=14, users=('10', '9', 'ü', 'Z'), actions=(*ACTIONS, 'wish', 'gift')):
    "A canonical log of few users, items and minutes, in any order; some rows come again, or again but for one value."
    event = st.tuples(st.sampled_from(users), st.sampled_from('abcdé'), st.sampled_from(actions), st.integers(0, 20), st.sampled_from(['1', '02']) | st.none(), money, money)
    rows = [list(row) for row in draw(st.lists(event, min_size=1, max_size=most))]
    for row, place, other in draw(st.lists(st.tuples(st.sampled_from(rows), st.sampled_from([1, 2, 4, 5, 6, 7, 7]), event), max_size=4)):
        rows.append([value if place != i else other[i] for i, value in enumerate(row)])             # place 7: an exact copy
    for row in rows: row[1] = None if row[2] == 'search' and row[3] % 2 else row[1]
    if draw(st.booleans()): rows = [row[:4] + [row[4] or '3'] + row[5:] for row in rows]           # every row in a basket
    table = pd.DataFrame(rows, columns=['user_id', 'item_id', 'action', 'timestamp', 'basket_id', 'price', 'quantity'], dtype=object)
    return validate_events(table.assign(timestamp=[START + pd.Timedelta(minutes=m) for m in table.timestamp]))[0]


def plain(events):
    "Rows as tuples in the order of `ORDER` and its meaning, nulls as None."
    return [tuple(None if value is None or value != value else value for value in row)
            for row in events[['user_id', 'timestamp', 'basket_id', 'action', 'item_id']].itertuples(index=False)]


def order(row):
    "The canonical order in plain Python: nulls first, text by its bytes, actions by rank, others after them."
    user, time, basket, action, item = row
    text = lambda value: (value is not None, (value or '').encode())
    return text(user), time, text(basket), (ACTIONS.index(action) if action in ACTIONS else len(ACTIONS), action), text(item)


# 1.5 is left out: a number that is no id in a column of numbers, but the text '1.5' in a column of texts
IDS = ['u1', ' u1 ', 'ü', 7, 7.0, np.int64(7), True, '', 'NaN', 'a\0b', None, math.nan, b'u1', [1], 2**70]
CELLS = dict(
    user_id=IDS, item_id=IDS,
    action=['buy', ' View', 'search', 'wish', '', None, 3, True],
    timestamp=['2024-01-05', '2024-01-05T10:00:00+02:00', ' 1704067200 ', 1704067200000, 1704067200.5, pd.Timestamp('2024-01-05 10:30'), pd.Timestamp('2024-01-05 10:30', tz='Asia/Tokyo'),
               datetime.date(2024, 1, 5), 'yesterday', None, True, '1850-01-01', math.inf, {}],
    price=[1, '2.5', -0., None, 'free', '1,5', math.inf, 'nan', '', True], place=IDS)


@st.composite
def tables(draw, most=6):
    "Columns in any order; one or two of them hold any value, the others what is right, as in a real file."
    odd = draw(st.sets(st.sampled_from([*CELLS]), max_size=2))
    rows = draw(st.lists(st.tuples(*(st.sampled_from(values) if name in odd else st.just(values[0]) for name, values in CELLS.items())), min_size=1, max_size=most))
    table = pd.DataFrame({name: pd.Series(column, dtype=object) for name, column in zip(CELLS, zip(*rows))})
    return table.assign(note=table.price)[draw(st.permutations([*table, 'note']))]


@examples(80)
@given(tables())
def test_every_row_is_kept_or_set_aside_with_a_reason(table):
    events, rejected = validate_events(table, on_bad='reject')
    assert len(table) == len(events) + len(rejected)
    assert [*rejected] == [*table, 'row', 'reason'] and rejected.row.is_monotonic_increasing and rejected.row.is_unique
    assert all(reason.split()[0] in table for reason in rejected.reason)
    for name in table: assert all(a is b for a, b in zip(rejected[name], table[name].iloc[rejected.row], strict=True)), 'set aside as it was'
    assert [*events] == [name for name in EVENT_COLUMNS if name in table] and events.attrs['dropped_columns'] == ['note'] and sum(events.attrs['times'].values()) >= len(events)
    assert str(events.timestamp.dtype) == 'datetime64[us, UTC]' and events[['user_id', 'action']].notna().all(axis=None)
    assert_frame_equal(validate_events(events)[0] if len(events) else events, events)           # what was kept is good
    if len(rejected):
        with pytest.raises(InputError, match="; .*on_bad='reject'"): validate_events(table)
    else: assert_frame_equal(validate_events(table)[0], events)


@pytest.mark.parametrize('column', ['user_id', 'action', 'timestamp', 'price'])  # one of each kind
def test_the_verdict_on_a_value_does_not_depend_on_its_neighbour(column):
    "Every pair of values in one column: what comes out, and what is set aside why, is what each alone gives."
    def verdict(*values):
        table = pd.DataFrame({name: pd.Series(values if name == column else [right] * len(values), dtype=object) for name, (right, *_) in CELLS.items()})
        events, rejected = validate_events(table, on_bad='reject')
        return events[column].astype(object).where(events[column].notna(), None).tolist(), rejected.reason.tolist()
    alone = [(value, verdict(value)) for value in CELLS[column]]
    for (a, (kept, why)), (b, (kept_b, why_b)) in product(alone, repeat=2): assert verdict(a, b) == (kept + kept_b, why + why_b), (a, b)


@examples(60)
@given(logs(), st.randoms(use_true_random=False))
def test_every_shuffle_gives_one_frame(log, random):
    ordered = sort_events(log)
    shuffled = log.iloc[random.sample(range(len(log)), len(log))]
    assert_frame_equal(sort_events(shuffled), ordered)
    assert_frame_equal(sort_events(ordered), ordered)
    assert plain(ordered) == sorted(plain(log), key=order)


def first_reasons(log):
    "The default rules in plain Python: position of a bad row to its first reason."
    seen, reasons = set(), {}
    for position, row in enumerate(log.itertuples(index=False)):
        key = tuple('' if value is None or value != value else value for value in row)
        if row.quantity <= 0: reasons[position] = 'quantity_not_positive'
        elif key in seen: reasons[position] = 'exact_duplicate'
        elif row.price < 0: reasons[position] = 'price_negative'
        seen.add(key)
    return reasons


@examples(40)
@given(logs(), st.sampled_from([(), *RULES]))
def test_cleaning_counts_every_row(log, switch_off):
    cleaned = clean_events(log, switch_off=switch_off)
    assert len(log) == len(cleaned.events) + len(cleaned.rejected)
    assert_frame_equal(cleaned.rejected[[*log]], log.iloc[cleaned.rejected.row].reset_index(drop=True))
    assert_frame_equal(cleaned.events, sort_events(log.drop(index=cleaned.rejected.row)))
    assert cleaned.report.taken.tolist() == [(cleaned.rejected.reason == rule).sum() for rule in RULES] and switch_off not in set(cleaned.rejected.reason)
    assert cleaned.report.rows_before[0] == len(log) and cleaned.report.rows_after.iloc[-1] == len(cleaned.events)
    if not switch_off: assert dict(zip(cleaned.rejected.row, cleaned.rejected.reason)) == first_reasons(log)


@examples(60)
@given(logs(), st.integers(-1, 21))
def test_a_cut_gives_each_row_to_one_side(log, minute):
    cut = START + pd.Timedelta(minutes=minute)
    before = (log.timestamp < cut).to_numpy()
    if before.all() or not before.any():
        with pytest.raises(InputError, match='leaves one side empty.*; choose'): temporal_split(log, cut)
        return
    split = temporal_split(log, cut)
    assert split.train.timestamp.max() < cut <= split.test.timestamp.min()
    assert_frame_equal(pd.concat([split.train, split.test], ignore_index=True), pd.concat([log[before], log[~before]], ignore_index=True))


def newest(log, user, k):
    "A user's newest k events in plain Python: (item, action, time, price), oldest first."
    rows = [(None if r.item_id != r.item_id else r.item_id, r.action, r.timestamp, r.price) for r in sort_events(log[log.user_id == user]).itertuples()]
    return rows[-k:]


@examples(50)
@given(logs(), st.integers(1, 6), st.sampled_from([None, ['9', '10', 'nobody']]), st.sampled_from([None, ['d', 'a', 'unsold']]))
def test_the_window_holds_the_newest_events_at_its_right(log, k, user_ids, item_ids):
    histories = build_histories(log, item_ids, user_ids)
    if user_ids: log = log[log.user_id.isin(user_ids)]
    if item_ids: log = log[log.item_id.isin(item_ids) | log.item_id.isna()]
    assert histories.user_ids.tolist() == (user_ids or sorted(set(log.user_id))) and histories.item_ids.tolist() == (item_ids or sorted(set(log.item_id.dropna())))
    window = histories.last(k)
    assert {name: array.shape for name, array in window.items()} == dict.fromkeys(['items', 'actions', 'timestamps', 'baskets', 'places', 'prices', 'mask'], (len(histories), k))
    for row, user in enumerate(histories.user_ids):
        wanted, mask = newest(log, user, k), window['mask'][row]
        assert mask.tolist() == [False] * (k - len(wanted)) + [True] * len(wanted)
        items, actions, times, prices = (window[name][row][mask] for name in ('items', 'actions', 'timestamps', 'prices'))
        assert [None if i < 0 else histories.item_ids[i] for i in items] == [item for item, *_ in wanted]
        assert [(histories.action_names[a], pd.Timestamp(t, unit='us', tz='UTC')) for a, t in zip(actions, times)] == [(action, time) for _, action, time, _ in wanted]
        np.testing.assert_array_equal(prices, np.array([price for *_, price in wanted], 'float32'))
        assert (window['items'][row][~mask] == -1).all() and np.isnan(window['prices'][row][~mask]).all()


@examples(60)
@given(logs(), st.integers(0, 22), st.randoms(use_true_random=False))
def test_a_part_of_the_histories_is_the_histories_of_a_part(log, minute, random):
    histories, time = build_histories(log), START + pd.Timedelta(minutes=minute)
    rows = random.sample(range(len(histories)), random.randint(0, len(histories)))
    taken = build_histories(log, histories.item_ids, histories.user_ids[rows])
    early = build_histories(log[log.timestamp < time], histories.item_ids, histories.user_ids)
    for found, wanted in ((histories.take(rows), taken), (histories.before(time.value // 1000), early)):
        assert found.user_ids.tolist() == wanted.user_ids.tolist() and found.offsets.tolist() == wanted.offsets.tolist()
        for name in ('items', 'timestamps', 'prices'): np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
        assert [found.action_names[a] for a in found.actions] == [wanted.action_names[a] for a in wanted.actions]


def answers(split, user):
    "In plain Python: what a user bought before the cut, and the items of the first basket that begins after it; without any purchase, every action counts."
    counts = lambda row: row.item_id == row.item_id and (row.action == 'buy' or 'buy' not in set(split.train.action))
    basket = lambda row: row.basket_id if row.basket_id == row.basket_id else row.timestamp
    past, future = ([*sort_events(side[side.user_id == user]).itertuples()] for side in (split.train, split.test))
    begun = {basket(row) for row in past}
    future = [row for row in future if counts(row) and basket(row) not in begun]
    return {row.item_id for row in past if counts(row)}, {row.item_id for row in future if basket(row) == basket(future[0])}


@examples(60)
@given(logs(most=24, users=['10', '9', 'ü'], actions=['buy', 'buy', 'view', 'search', 'search']), st.integers(0, 19), st.integers(1, 5))
def test_the_new_view_never_asks_for_what_was_seen(log, place, n):
    times = sorted(set(log.timestamp))
    assume(len(times) > 1)
    split, items = temporal_split(log, times[1 + place % (len(times) - 1)]), ['a', 'é', 'c', 'b', 'd'][:n]
    users = sorted(set(split.train.user_id[split.train.item_id.isin(items)]))
    wanted = {user: [found & set(items) for found in answers(split, user)] for user in users}
    if not any(basket for _, basket in wanted.values()):
        with pytest.raises(InputError, match='no known user who meets a candidate.*; cut earlier'): ranking_task(split, items)
        return
    task = ranking_task(split, items)
    assert task.histories.user_ids.tolist() == users and (task.histories.timestamps < task.now).all()
    (every, free), (new, excluded) = task.view('all'), task.view('new')
    for row, (seen, basket) in enumerate(wanted.values()):
        met = lambda matrix: {items[i] for i in matrix[row].indices}
        assert met(task.seen) == met(excluded) == seen and met(every) == basket and free.nnz == 0
        assert met(new) == basket - seen and not met(new) & met(excluded)


def test_a_basket_that_began_before_the_cut_is_no_target():
    "Whether its rows are told by basket or by time: some rows without a basket, on either side, change nothing."
    for past, future in ((['1'], ['1']), (['1', None], ['1']), (['1'], ['1', None]), ([None, None], ['1', '1'])):
        rows = [('u', 'a', 'buy', day, basket) for day, basket in enumerate(past)] + [('u', 'b', 'buy', 3 + day, basket) for day, basket in enumerate(future)]
        table = pd.DataFrame(rows, columns=['user_id', 'item_id', 'action', 'day', 'basket_id'])
        log, _ = validate_events(table.assign(timestamp=START + pd.to_timedelta(table.day, unit='D')))
        found = first_baskets(temporal_split(log, START + pd.Timedelta(days=3)))
        assert found.basket_id.fillna('none').tolist() == (['1', '1'] if past == [None, None] else ['none'] * future.count(None)), (past, future)


def cut_of(log, place):
    "A moment of the log, never its first; the log must hold two."
    times = sorted(set(log.timestamp))
    assume(len(times) > 1)
    return times[1 + place % (len(times) - 1)]


SHOPS = dict(most=24, users=['10', '9', 'ü'], actions=['buy', 'buy', 'view', 'search'])


@examples(40)
@given(logs(**SHOPS), st.integers(0, 19))
def test_no_training_history_holds_what_came_after_its_cut(log, place):
    cut = cut_of(log, place)
    split = temporal_split(log, cut)
    histories = build_histories(split.train)
    assert (histories.timestamps < cut.value // 1000).all() and len(histories.items) == len(split.train)
    assert (foreseen(split)[['rows', 'users']] == 0).all(axis=None)
    try: last = leave_one_out(log)
    except InputError: return
    own = build_histories(last.train)
    for user, moment in last.cuts.items(): assert pd.DatetimeIndex(own[user].timestamp).max() < moment <= last.test.timestamp[last.test.user_id == user].min()
    asked = log[log.item_id.notna() & ((log.action == 'buy') | ('buy' not in set(log.action)))]
    basket = asked.basket_id.fillna(asked.timestamp.astype(str))
    for user, moment in last.cuts.items():                              # in plain Python: the basket that begins last, of those that count
        begins = {log.timestamp[(log.user_id == user) & (log.basket_id.fillna(log.timestamp.astype(str)) == key)].min() for key in basket[asked.user_id == user]}
        assert moment == max(begins)
    later = {user: (sum(last.train.timestamp > t), last.train.user_id[last.train.timestamp > t].nunique()) for user, t in last.test.groupby('user_id').timestamp.min().items()}
    assert {user: tuple(row) for user, row in foreseen(last)[['rows', 'users']].iterrows()} == later


@examples(40)
@given(logs(**SHOPS), st.integers(0, 19), st.sampled_from([.2, .5, .8]), st.integers(0, 3))
def test_splitting_again_changes_nothing(log, place, share, seed):
    cut = cut_of(log, place)
    split = temporal_split(log, cut)
    for side in (split.train, split.test):
        with pytest.raises(InputError, match='leaves one side empty'): temporal_split(side, cut)
    dealt = user_split(log, share, seed)
    assert len(dealt.train) + len(dealt.test) == len(log) and not set(dealt.train.user_id) & set(dealt.test.user_id)
    for side, part in (('train', dealt.train), ('test', dealt.test)):
        again = user_split(part, share, seed)
        assert_frame_equal(getattr(again, side), part)
        assert len(getattr(again, 'test' if side == 'train' else 'train')) == 0
    assert set(user_split(split.train, share, seed).test.user_id) == set(split.train.user_id) & set(dealt.test.user_id)


@examples(40)
@given(logs(**SHOPS), st.integers(0, 19), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_moves_none_to_the_other_side(log, place, random):
    cut, shuffled = cut_of(log, place), log.iloc[random.sample(range(len(log)), len(log))]
    for split in (lambda rows: temporal_split(rows, cut), lambda rows: user_split(rows, .5), leave_one_out):
        try: one = split(log)
        except InputError:
            with pytest.raises(InputError): split(shuffled)
            continue
        for side in ('train', 'test'): assert_frame_equal(sort_events(getattr(one, side)), sort_events(getattr(split(shuffled), side)))


def mixed_within(rows, random):
    "The rows, those of one basket in another order among themselves."
    order = np.arange(len(rows))
    for _, places in pd.Series(order).groupby([rows.user_id.to_numpy(), rows.basket_id.fillna(rows.timestamp.astype(str)).to_numpy()]):
        order[places] = random.sample([*places], len(places))
    return rows.iloc[order].reset_index(drop=True)


@examples(40)
@given(logs(**SHOPS), st.integers(0, 19), st.randoms(use_true_random=False))
def test_the_order_within_a_basket_changes_no_label_and_no_metric(log, place, random):
    split, items = temporal_split(sort_events(log), cut_of(log, place)), ['a', 'é', 'c', 'b', 'd']
    mixed = Split(split.cut, *(mixed_within(rows, random) for rows in (split.train, split.test)))
    try: task = ranking_task(split, items)
    except InputError: assume(False)
    other = ranking_task(mixed, items)
    for name in ('relevant', 'seen'): assert (getattr(task, name) != getattr(other, name)).nnz == 0
    np.testing.assert_array_equal(*(will_buy(t.histories, s.test, s.cut, 5 / 1440) for t, s in ((task, split), (other, mixed))))
    score = lambda t: t.histories.counts().toarray() + t.histories.last(3)['items'][:, -1:] / 100        # habit, and the newest row
    for one, two in zip(evaluate_ranking('habit', score(task), task, 'all'), evaluate_ranking('habit', score(other), other, 'all')):
        np.testing.assert_array_equal(one.values, two.values)
        assert one.protocol == two.protocol and one.per_user.tolist() == two.per_user.tolist()


@examples(25)
@given(logs(**SHOPS), st.integers(0, 19), st.sampled_from(['basket', 'moment', 'both']))
def test_the_auditor_leaves_any_clean_split_alone(log, place, told_by):
    if told_by == 'moment': log = log.drop(columns='basket_id')
    else: log['basket_id'] = (log.user_id + log.timestamp.astype(str)).where((log.action == 'buy') | (told_by == 'basket'))
    log = sort_events(log.drop_duplicates())
    split = temporal_split(log, cut_of(log, place))
    items = sorted(split.train.item_id.dropna().unique(), key=str.encode)
    found = audit(split.train, split.test, split.cut, items, dict(price=(split.train.price.mean(), split.train.price.std())) if split.train.price.notna().sum() > 1 else None, raw=log,
                  histories=build_histories(split.train), targets=first_baskets(split), candidates=items, texts=split.train.action + ' ' + split.train.item_id.fillna(''), labels=split.train.user_id)
    assert found.passed and len(found.findings) >= 14, found.table.query('not passed').to_string()
    if len(log) > len(split.train): assert not audit(log, split.test, split.cut).passed


@examples(80)
@given(st.data(), st.integers(1, 4), st.integers(1, 7), st.integers(1, 9))
def test_recommendations_are_distinct_ranked_and_allowed(data, users, items, k):
    draw = lambda values: np.array(data.draw(st.lists(values, min_size=users * items, max_size=users * items))).reshape(users, items)
    scores, exclude = draw(st.sampled_from([0., 1., 2.5, -1.])).astype('float32'), draw(st.booleans())
    item_ids, user_ids = [f'i{i}' for i in range(items)], [f'u{u}' for u in range(users)]
    table = recommend(scores, item_ids, user_ids, k, sp.csr_matrix(exclude, dtype='int8'))
    assert [*table] == ['user_id', 'item_id', 'rank', 'score']
    found = {user: [*rows] for user, rows in groupby(table.itertuples(index=False), lambda row: row.user_id)}
    assert len(found) == len(set(table.user_id)), 'the rows of a user stand together'
    for u, user in enumerate(user_ids):
        rows, allowed = found.get(user, []), {item for item, bad in zip(item_ids, exclude[u]) if not bad}
        assert [row.rank for row in rows] == [*range(1, min(k, len(allowed)) + 1)]
        given_ = [row.item_id for row in rows]
        assert len(set(given_)) == len(given_) and set(given_) <= allowed
        assert [row.score for row in rows] == sorted((scores[u, item_ids.index(i)] for i in allowed), reverse=True)[:k]
