"Clicks: nothing is read from later, a planted click model is found again, odd logs"
from dataclasses import replace
import numpy as np, pandas as pd, pytest, scipy.sparse as sp
from seqrep_nb.click import DAY, ClickModel, click_question, meetings, nearest_words, query_bags, so_far
from seqrep_nb.core import InputError
from seqrep_nb.simulator import simulate_shop

SMALL = dict(n_users=40, n_items=240, days=90)


@pytest.fixture(scope='module')
def shop(): return simulate_shop(**SMALL)


def ask(shop, log=None, impressions=None, **settings):
    return click_question(log or shop.log, shop.impressions if impressions is None else impressions, every=15, **settings)


def test_nothing_after_a_moment_changes_a_row_before_it(shop):
    "Clicks, dwell, carts and items met after a moment are shuffled; so is every page's own answer."
    question, rng = ask(shop), np.random.default_rng(0)
    late = pd.Timestamp(int(np.quantile(question.now, .5)), unit='us', tz='UTC')
    impressions, events = shop.impressions.copy(), shop.log.events.copy()
    at = np.flatnonzero(impressions.timestamp >= late)
    impressions.loc[at, 'clicked'] = 1 - impressions.clicked.to_numpy()[at]
    at = np.flatnonzero((events.timestamp >= late) & events.action.isin(['view', 'cart', 'buy']))
    for column in ('item_id', 'dwell'): events.iloc[at, events.columns.get_loc(column)] = events[column].to_numpy()[rng.permutation(at)]
    other, before = ask(shop, replace(shop.log, events=events), impressions), question.now <= late.value // 1000
    assert before.sum() > 300
    np.testing.assert_array_equal(other.now, question.now)
    pd.testing.assert_frame_equal(other.table[before], question.table[before])
    np.testing.assert_allclose(other.represented[before], question.represented[before], atol=1e-5)
    assert not np.allclose(other.represented[~before], question.represented[~before], atol=1e-2)  # the shuffle is felt where it may be


def test_users_who_come_later_change_nothing_before(shop):
    question = ask(shop)
    late = int(np.quantile(question.now, .7))
    new = shop.impressions[shop.impressions.timestamp >= pd.Timestamp(late, unit='us', tz='UTC')]
    new = new.assign(user_id='new ' + new.user_id, session_id='new ' + new.session_id.astype('str'))
    other = ask(shop, impressions=pd.concat([shop.impressions, new], ignore_index=True))
    before, same = question.now < late, other.now < late
    assert before.sum() > 300 and before.sum() == same.sum() and len(other.y) > len(question.y)
    np.testing.assert_allclose(other.represented[same], question.represented[before], atol=1e-5)
    np.testing.assert_allclose(other.table[same], question.table[before], atol=1e-6)


def test_sums_are_those_of_a_loop():
    rng = np.random.default_rng(0)
    key, known, value, at_key, now = rng.integers(0, 4, 60), rng.integers(0, 20, 60), rng.normal(size=60), rng.integers(0, 5, 40), rng.integers(-1, 22, 40)
    slow = [value[(key == k) & (known <= t)].sum() for k, t in zip(at_key, now)]
    np.testing.assert_allclose(so_far(key, known, [value], at_key, now)[0], slow, atol=1e-12)
    np.testing.assert_allclose(so_far(key * 2**33, known, [value], at_key * 2**33, now)[0], slow, atol=1e-12)     # as of users times items in a large shop
    none = np.zeros(0, int)
    assert not so_far(none, none, [np.zeros(0)], at_key, now)[0].any()


def test_a_planted_click_model_is_found_again():
    rng, n = np.random.default_rng(0), 60_000
    w, e = rng.normal(0, 1, 30), np.array([1, .6, .4, .2])
    item, place = rng.integers(0, 30, n), rng.integers(1, 5, n)
    clicked = (rng.random(n) < e[place - 1] / (1 + np.exp(.5 - w[item]))).astype(float)
    time = np.where(clicked > 0, 2 + .5 * w[item] + rng.normal(0, .5, n), np.nan)
    A = sp.csr_matrix((np.ones(n, 'float32'), item, np.arange(n + 1)), (n, 30))
    model = ClickModel(dict(item=30), 4).fit(A, place, clicked, time)
    np.testing.assert_allclose(model.examination_, e, atol=.05)
    assert np.corrcoef(model.w_, w)[0, 1] > .99 and abs(model.spread_[0] - w.std()) < .25 and abs(model.dwell_[1] - .5) < .06
    alone = ClickModel(dict(item=30), 4).fit(A[:2000], place[:2000], clicked[:2000], time[:2000])
    assert np.abs(alone.w_).mean() < np.abs(model.w_).mean() + .1                                  # few rows are drawn to zero, none away from it


def test_words_are_read_as_the_nearest():
    assert nearest_words(['utnnel', 'zzzq'], ['tunnel', 'tent']) == {'utnnel': 'tunnel'}
    assert nearest_words([], ['tent']) == nearest_words(['tent'], []) == {}
    Q, D = query_bags(['', 'red tunel'], ['Red tunnel', 'blue tent'])
    assert Q.toarray().sum(1).tolist() == [0, 2] and (Q @ D.T).toarray().tolist() == [[0, 0], [2, 0]]


@pytest.mark.parametrize('odd', ['no price', 'a row twice', 'no query', 'one user', 'no dwell', 'no carts', 'no views'])
def test_odd_logs_still_ask(shop, odd):
    events, impressions = shop.log.events, shop.impressions
    if odd == 'no price': shop = replace(shop, log=replace(shop.log, items=shop.log.items.assign(price=shop.log.items.price.astype('float64').where(shop.log.items.index > 5))))
    if odd == 'a row twice': impressions = pd.concat([impressions, impressions[:50]])
    if odd == 'no query': impressions = impressions.drop(columns='query')
    if odd == 'one user': impressions = impressions[impressions.user_id == impressions.user_id.iloc[0]]
    if odd == 'no dwell': events = events.drop(columns='dwell')
    if odd == 'no carts': events = events[events.action == 'view']
    if odd == 'no views': events = events[events.action != 'view']
    question = ask(shop, replace(shop.log, events=events), impressions)
    if odd == 'a row twice': assert len(question) == len(ask(shop))
    assert len(question) and len(question.table) == len(question.represented) == len(question)


def test_what_cannot_be_asked(shop):
    with pytest.raises(InputError, match='no rows'): ask(shop, impressions=shop.impressions[:0])
    with pytest.raises(InputError, match='clicked'): ask(shop, impressions=shop.impressions.drop(columns='clicked'))
    with pytest.raises(InputError, match='counted from 1'): ask(shop, impressions=shop.impressions.assign(position=shop.impressions.position - 1))
    with pytest.raises(InputError, match='neither 0 nor 1'): ask(shop, impressions=shop.impressions.assign(clicked=2))
    with pytest.raises(InputError, match='of the same type'): ask(shop, impressions=shop.impressions.assign(user_id=7))
    with pytest.raises(InputError, match='minutes'): meetings(shop.impressions, shop.log.events, minutes=0)
    with pytest.raises(InputError, match='shared by several users'): ask(shop, replace(shop.log, events=shop.log.events.assign(session_id='1')))
    with pytest.raises(InputError, match='not in items'): ask(shop, impressions=shop.impressions.assign(item_id='of another shop'))


def test_a_click_is_known_when_the_visit_of_the_item_ends(shop):
    rows = meetings(shop.impressions, shop.log.events)
    shown = rows[rows.position > 0]
    assert (shown.known >= shown.now + DAY // 48).all() and len(shown) == len(shop.impressions)
    assert (rows.known[rows.dwell > 1800] >= rows.now[rows.dwell > 1800] + 1_800_000_000).all()
