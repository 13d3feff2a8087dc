"Query: nothing after a moment is heard, planted rules are recovered, odd logs are refused or answered"
import numpy as np, pandas as pd, pytest
from seqrep_nb.core import InputError
from seqrep_nb.query import known_before, ngram_answers, query_question, query_table, relearned, searches_asked, text_answers
from seqrep_nb.simulator import simulate_shop


def letters(texts): # a stand-in for the language model: counts of letters
    return np.array([[t.lower().count(c) + .01 for c in 'abcdefghijklmnopqrstuvwxyz '] for t in texts], 'float32')


@pytest.fixture(scope='module')
def shop(): return simulate_shop(60, days=40, seed=3)


def test_sums_are_those_of_a_loop():
    rng = np.random.default_rng(0)
    keys, times, values = rng.integers(0, 4, 60), rng.integers(0, 9, 60), rng.normal(size=(60, 3))
    ask, at = rng.integers(0, 6, 40), rng.integers(-1, 11, 40)                                        # groups without a row, moments before and after all
    np.testing.assert_allclose(known_before(keys, times, values, ask, at), [values[(keys == k) & (times < t)].sum(0) for k, t in zip(ask, at)], atol=1e-5)


@pytest.mark.parametrize('encoder', [letters, None], ids=['vectors', 'n-grams'])
def test_the_future_is_not_heard(shop, encoder):
    events, items = shop.log.events, shop.log.items
    cut = pd.Timestamp('2025-01-28', tz='UTC')
    later = np.flatnonzero(events.timestamp >= cut)
    moved = events.copy()
    for column in ('item_id', 'query'): # other items and other queries, at the same moments; rows without one stay without
        rows = later[events[column].iloc[later].notna()]
        moved[column] = moved[column].astype(object)
        moved.iloc[rows, moved.columns.get_loc(column)] = np.random.default_rng(1).permutation(events[column].iloc[rows].astype(object).to_numpy())
    whole, other = (query_question(e, items, encoder=encoder) for e in (events, moved))
    before, same = (q.closes <= cut.value // 1000 for q in (whole, other))
    assert before.sum() == same.sum() > 1000 and (~before).any()
    pd.testing.assert_frame_equal(whole.table[before], other.table[same])
    pd.testing.assert_frame_equal(whole.represented[before], other.represented[same], atol=1e-3)
    assert (whole.y[before] == other.y[same]).all()
    assert len(whole) != len(other) or not whole.table.equals(other.table)                            # the permutation did change what lies after


def test_the_table_is_blind_to_letters(shop):
    events = shop.log.events.assign(query=shop.log.events['query'].astype(object))
    strings = events['query'].dropna().unique()
    renamed = events.assign(query=events['query'].map(dict(zip(strings, [f'{i:09d}' for i in range(len(strings))]))))
    a, b = (query_table(searches_asked(e, shop.log.items)) for e in (events, renamed))
    for name in set(a) - {'length'}: np.testing.assert_allclose(a[name], b[name], err_msg=name)


def test_a_planted_word_is_recovered_on_new_strings():
    rng, n = np.random.default_rng(0), 240
    words, day = np.array(['teapot', 'hammer', 'jacket']), pd.Timedelta(days=1)
    truth = rng.integers(0, 3, n)
    typed = [f'{words[k]} {rng.integers(1e6)}' for k in truth]                                        # no string comes twice
    at = pd.Timestamp('2025-01-01', tz='UTC') + np.arange(n) * day / 4
    base = dict(user_id=[f'u{i % 9}' for i in range(n)], session_id=[f's{i}' for i in range(n)])
    search = pd.DataFrame(base | dict(timestamp=at, action='search', query=typed, item_id=None))
    view = pd.DataFrame(base | dict(timestamp=at + pd.Timedelta(seconds=9), action='view', query=None, item_id=[f'i{k}' for k in truth]))
    events = pd.concat([search, view]).sort_values('timestamp', ignore_index=True)
    items = pd.DataFrame(dict(item_id=['i0', 'i1', 'i2'], category=['kitchen', 'tools', 'wear'], text=list(words)))
    q = query_question(events, items, encoder=None)
    late = slice(3 * n // 2, None)
    right = q.represented.ngrams.to_numpy()[late].reshape(-1, 3).argmax(1) == q.y[late].reshape(-1, 3).argmax(1)
    assert right.mean() > .95 and not q.table.query_seen.any()
    counted = q.table.query_share_of_user.to_numpy()[late].reshape(-1, 3).argmax(1) == q.y[late].reshape(-1, 3).argmax(1)
    assert counted.mean() < .7


def test_odd_logs(shop):
    events, items = shop.log.events, shop.log.items
    with pytest.raises(InputError, match='query'): query_question(events.drop(columns='query'), items, encoder=None)
    with pytest.raises(InputError): query_question(events.iloc[:0], items, encoder=None)
    with pytest.raises(InputError, match='begin earlier'): query_question(events, items, since='2026-01-01', encoder=None)
    with pytest.raises(InputError): query_question(events[events.action == 'view'], items, encoder=None)
    who = events[events.action == 'search'].user_id.value_counts().index[0]
    one = query_question(events[events.user_id == who], items, encoder=letters)
    assert len(np.unique(one.users)) == 1 and np.isfinite(one.represented.to_numpy()).all() and np.isfinite(one.table.to_numpy()).all()


def test_the_same_string_says_nothing_of_itself():
    s = type('S', (), dict(text=np.array(['a', 'b']), query=np.array([0, 0, 1]), y=np.array([0, 0, 1]), now=np.array([0, 10, 20]) * 86_400_000_000, closes=np.array([1, 11, 21]) * 86_400_000_000, categories=['x', 'y']))
    items = pd.DataFrame(dict(category=['x', 'y'], text=['a', 'b']))
    said = relearned(s, text_answers(s, items, np.zeros(2), letters))
    assert said['nearest'][1].tolist() == [-1, -1] and said['nearest'][2, 0] > 0                       # its own past is the table's
    assert (relearned(s, ngram_answers(s))['ngrams'] == -12).all()                                    # one category known: no head yet
