"Sessions: nothing from after a moment is known at it, a planted truth is found, odd input is taken."
import numpy as np, pandas as pd, pytest
from seqrep_nb import session as S
from seqrep_nb.core import InputError
from seqrep_nb.events import Log
from seqrep_nb.histories import DAY
from seqrep_nb.simulator import simulate_shop

SMALL = dict(first=20, every=15)

@pytest.fixture(scope='module')
def shop(): return simulate_shop(60, 240, days=60, seed=5)

@pytest.fixture(scope='module')
def question(shop): return S.session_question(shop.log, shop.impressions, shop.truth.sessions, **SMALL)

def test_future_changes_nothing_before(shop, question):
    "Of everything that happens from a moment on, items, dwell and clicks are shuffled: rows answered before stay as they were."
    cut = question.now[int(.7 * len(question.now))]
    rng, e, i = np.random.default_rng(0), shop.log.events.copy(), shop.impressions.copy()
    late = np.flatnonzero(S._micros(e.timestamp) >= cut)
    e['item_id'], e['dwell'] = e.item_id.to_numpy(object), e.dwell.to_numpy('float64')
    views = late[(e.action.iloc[late] == 'view').to_numpy()]
    mixed = rng.permutation(views)
    e.iloc[views, e.columns.get_indexer(['item_id', 'dwell'])] = e.iloc[mixed, e.columns.get_indexer(['item_id', 'dwell'])].to_numpy(object)
    e['dwell'] = e.dwell.astype('float64')
    after = np.flatnonzero(S._micros(i.timestamp) >= cut)
    i.iloc[after, i.columns.get_loc('clicked')] = i.clicked.to_numpy()[rng.permutation(after)]
    other = S.session_question(Log('other', e, shop.log.items), i, **SMALL)
    past = question.closes < cut
    n = int(past.sum())
    assert n > 100 and (other.closes < cut).sum() == n
    np.testing.assert_allclose(question.table[past].to_numpy(), other.table[other.closes < cut].to_numpy(), rtol=1e-5)
    np.testing.assert_allclose(question.represented[past].to_numpy(), other.represented[other.closes < cut].to_numpy(), rtol=1e-4, atol=1e-4)

def test_own_answer_is_not_known(shop, question):
    "Carts, removals and purchases of the last day are left out: no number of its sessions moves."
    begin = question.now.max() - DAY
    e = shop.log.events
    hidden = e[~(e.action.isin(['cart', 'remove', 'buy']) & (S._micros(e.timestamp) >= begin))]
    other = S.session_question(Log('other', hidden, shop.log.items), shop.impressions, **SMALL)
    last = np.flatnonzero(question.now >= begin)
    first = pd.Series(question.now[last]).groupby(question.users[last]).transform('min').to_numpy() == question.now[last]   # a user's later sessions of that day do know of the first
    assert first.sum() > 3 and question.y[last].any() and not other.y[other.now >= begin].any()
    mine = ['searches', 'looks', 'my_buys', 'my_rate', 'my_item_bought_max', 'dwell_mean']
    np.testing.assert_allclose(question.table[mine].to_numpy()[last][first], other.table[mine].to_numpy()[other.now >= begin][first], rtol=1e-5)

def test_a_dwell_is_known_when_the_view_is_over(shop):
    "How long a view goes on that was still open when a session began changes no number of that session."
    items, e = shop.log.items.reset_index(drop=True), shop.log.events.reset_index(drop=True)
    starts, (sessions, looks) = S._micros(e.timestamp), S.asked_sessions(e, items)
    view, begins = (e.action == 'view').to_numpy() & e.dwell.notna().to_numpy(), {}
    for at in looks.session.unique():
        mine = set(items.item_id[looks.item[looks.session == at]])
        for row in np.flatnonzero(view & e.item_id.isin(mine).to_numpy() & (starts < sessions.now[at]) & (e.session_id != sessions.session_id[at]).to_numpy())[-1:]: begins[at] = row
    at = max(begins, key=lambda a: starts[begins[a]] - sessions.now[a])                     # the view that began last before its session
    open_for = (sessions.now[at] - starts[begins[at]]) / 1e6
    longer = [e.assign(dwell=e.dwell.where(e.index != begins[at], open_for + more)) for more in (1., 3600.)]
    a, b = (S.session_table(x, items, *S.asked_sessions(x, items)).loc[at] for x in longer)
    pd.testing.assert_series_equal(a, b)

def test_programs_buy_nothing(shop, monkeypatch):
    from functools import partial
    monkeypatch.setattr(S, 'session_representation', partial(S.session_representation, most=6))
    question = S.session_question(shop.log, shop.impressions, **SMALL)
    sessions, looks = S.asked_sessions(shop.log.events, shop.log.items.reset_index(drop=True))
    many = pd.Series(np.bincount(looks.session, minlength=len(sessions)) >= 6, pd.MultiIndex.from_frame(sessions[['user_id', 'now']]))
    programs = many.reindex(pd.MultiIndex.from_arrays([question.users, question.now])).to_numpy(bool)
    bought = question.represented.purchase.to_numpy()
    assert 3 < programs.sum() < len(programs) / 2 and (bought[programs] < -9).all() and (bought[~programs] > -9).mean() > .9


def planted(n=4000, seed=0):
    "Two hidden reasons of one half each: one takes nearly nothing, the other what suits."
    rng = np.random.default_rng(seed)
    at, kind, why = np.repeat(np.arange(n), 3), rng.integers(0, 2, n), rng.random(n) < .5
    X = rng.normal(size=(3 * n, 2))
    z = np.where(why[at], 0., -5.) + 1.5 * X[:, 0]
    carted = rng.random(3 * n) < 1 / (1 + np.exp(-z))
    held = np.bincount(at, carted, n) > 0
    return X, carted, held, at, kind, held & (rng.random(n) < .8)

def test_planted_reasons_are_found():
    X, carted, held, at, kind, bought = planted()
    model = S.ReasonModel(2).fit(X, carted, held, at, kind, bought)
    beta, bias, pay, share = model._parts(model.w_)
    assert abs(beta[0] / model.sd[0] - 1.5) < .2 and abs(beta[1]) < .1
    assert abs(max(bias) - 0) < .4 and min(bias) < -4
    p, stays = model.predict(X, np.zeros(len(X)), at, kind)
    assert stays.shape == (4000, 2) and abs(p.mean() - bought.mean()) < .02

def test_numbers_are_finite_and_answers_right(shop, question):
    assert np.isfinite(question.represented.to_numpy()).all() and len(question.represented) == len(question.y)
    bought = shop.log.events[shop.log.events.action == 'buy'].session_id.nunique()
    sessions, looks = S.asked_sessions(shop.log.events, shop.log.items.reset_index(drop=True))
    assert 0 < sessions.y.sum() <= bought and not looks.duplicated(['session', 'item']).any()

def test_odd_logs(shop):
    with pytest.raises(InputError, match='lower first and every'): S.session_question(shop.log, shop.impressions, first=50, every=40)
    items, e = shop.log.items.reset_index(drop=True), shop.log.events
    sessions, looks = S.asked_sessions(e.drop(columns='query'), items)
    assert (looks['query'] == '').all() and len(S.session_table(e.drop(columns='query'), items, sessions, looks)) == len(sessions)
    one = e[e.user_id == e.user_id[e.action == 'buy'].iloc[0]]
    sessions, looks = S.asked_sessions(one, items)
    assert len(S.session_table(one, items, sessions, looks)) == len(sessions) > 1
    with pytest.raises(InputError): S.asked_sessions(e[:0], items)
    with pytest.raises(InputError, match='shared by several users'): S.asked_sessions(e.assign(session_id='1'), items)
    unpriced = items.assign(price=items.price.astype('float64').where(items.index > 5))
    assert np.isfinite(S.session_question(Log('a price is missing', e, unpriced), shop.impressions, **SMALL).represented.to_numpy()).all()

def test_gradient_is_the_slope():
    from scipy.optimize import approx_fprime
    rng, model = np.random.default_rng(0), S.ReasonModel(2)
    model.D = 3
    at, kept = np.sort(np.r_[np.arange(8), rng.integers(0, 8, 12)]), rng.random(20) < .5
    held = np.bincount(at, kept, 8) > 0
    given = rng.normal(size=(20, 3)), kept.astype(float), held, at, rng.integers(0, S.KINDS, 8), held & (rng.random(8) < .5)
    w = rng.normal(size=3 + 4 + 2 * S.KINDS)
    np.testing.assert_allclose(model._loss(w, *given)[1], approx_fprime(w, lambda z: model._loss(z, *given)[0], 1e-6), atol=1e-4)
