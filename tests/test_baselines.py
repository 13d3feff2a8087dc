"Collaborative baselines: what a naive loop or the closed form says, newcomers, nobody, and an order that does not matter"
import numpy as np, pandas as pd, pytest
from sklearn.base import clone
from seqrep_nb.baselines import EASE, IALS, ItemKNN, TIFUKNN, UserKNN
from seqrep_nb.core import InputError
from seqrep_nb.events import validate_events
from seqrep_nb.histories import DAY, build_histories

USERS, ITEMS = 14, 11


@pytest.fixture(scope='module')
def events():
    "Baskets of several rows, an item twice in a basket, an item that nobody buys, events without an item."
    rng = np.random.default_rng(0)
    table = [dict(user_id=f'u{u:02}', item_id=f'i{i:02}', basket_id=f'{u}-{b}', timestamp=pd.Timestamp('2024-01-01') + pd.Timedelta(days=int(4 * b + u % 3)), action='buy')
             for u in range(USERS) for b in range(rng.integers(2, 8)) for i in (rng.beta(1, 2, rng.integers(1, 5)) * (ITEMS - 1)).astype(int)]
    table.append(dict(table[-1], item_id=None, action='search'))
    return validate_events(pd.DataFrame(table))[0]


@pytest.fixture(scope='module')
def histories(events): return build_histories(events, item_ids=[f'i{i:02}' for i in range(ITEMS)])


@pytest.fixture(scope='module')
def table(histories): # (U, I) baskets that hold the item, and their days, by a loop
    counts, days = np.zeros((USERS, ITEMS)), {}
    for u, name in enumerate(histories.user_ids):
        bought = histories[name].dropna(subset='item_id')
        for item, basket in dict.fromkeys(zip(bought.item_id, bought.basket)):
            i = list(histories.item_ids).index(item)
            counts[u, i] += 1
            days.setdefault((u, i), []).append(bought[(bought.item_id == item) & (bought.basket == basket)].timestamp.iloc[0])
    assert (counts > 1).any() and not counts[:, -1].any() and counts.sum() < (histories.items >= 0).sum() and (histories.items < 0).any()
    return counts, days


MODELS = [ItemKNN(neighbours=3, shrink=2, half_life=5), UserKNN(neighbours=4, half_life=5, cap=1.5), EASE(lam=3, items=8), IALS(factors=4, reg=2, alpha=3, iterations=4)]
each_model = pytest.mark.parametrize('model', MODELS, ids=lambda model: type(model).__name__)


def tie(counts): seen = (counts > 0).sum(0); return 1e-6 * seen / (1 + seen.max())


def test_item_knn_is_that_of_a_loop(histories, table):
    counts, _ = table
    met = counts > 0
    likeness = np.zeros((ITEMS, ITEMS))
    for i in range(ITEMS):
        for j in range(ITEMS):
            if i != j: likeness[i, j] = (met[:, i] & met[:, j]).sum() / (np.sqrt(met[:, i].sum() * met[:, j].sum()) + 2)
    for row in likeness: row[np.argsort(-row, kind='stable')[3:]] = 0
    model = ItemKNN(neighbours=3, shrink=2).fit(histories)
    np.testing.assert_allclose(model.similarity_.toarray(), likeness, atol=1e-6)
    np.testing.assert_allclose(model.score(histories), np.array([[sum(likeness[j, i] for j in range(ITEMS) if met[u, j]) for i in range(ITEMS)] for u in range(USERS)]) + tie(counts), atol=1e-6)
    assert (np.diff(model.similarity_.indptr) == 3).any() and (ItemKNN(neighbours=99).fit(histories).similarity_.diagonal() == 0).all()


@pytest.mark.parametrize('half_life', [1.5, 20])
def test_item_knn_hears_late_meetings_louder(histories, table, half_life):
    _, days = table
    kept = ItemKNN(neighbours=3, shrink=2).fit(histories).similarity_
    worth = np.zeros((USERS, ITEMS))
    newest = [pd.Timestamp(histories[name].timestamp.max()) for name in histories.user_ids]
    for (u, i), times in days.items(): worth[u, i] = sum(2 ** -((newest[u] - t) / pd.Timedelta(days=1) / half_life) for t in times)
    model = ItemKNN(half_life=half_life).fit(histories, similarity=kept)
    np.testing.assert_allclose(model.score(histories), worth @ kept.toarray() + tie(table[0]), rtol=1e-5, atol=1e-7)
    assert model.similarity_ is kept and len(ItemKNN(half_life=half_life).fit(histories).score(histories.take([]))) == 0
    nobody = histories.where(histories.users != 3)
    np.testing.assert_allclose(model.score(nobody)[3], tie(table[0]), atol=1e-12)


@pytest.mark.parametrize('half_life, cap', [(5, 1.5), (3, None), (None, 2)])
def test_user_knn_is_that_of_a_loop(histories, table, half_life, cap):
    counts, days = table
    now = pd.Timestamp('2024-02-20', tz='UTC')
    v = np.log1p(counts) * np.log(USERS / np.maximum((counts > 0).sum(0), 1))
    v /= np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-9)
    worth = np.zeros((USERS, ITEMS))
    for (u, i), times in days.items():
        worth[u, i] = sum(1 if half_life is None else 2 ** -((now - t) / pd.Timedelta(days=1) / half_life) for t in times)
        if cap is not None: worth[u, i] = min(worth[u, i], cap)
    expected = np.zeros((USERS, ITEMS))
    for u in range(USERS):
        near = sorted((n for n in range(USERS) if n != u), key=lambda n: -(v[u] @ v[n]))[:4]
        for n in near: expected[u] += v[u] @ v[n] * worth[n]
    model = UserKNN(neighbours=4, half_life=half_life, cap=cap).fit(histories)
    np.testing.assert_allclose(model.score(histories, now.value // 1000), expected + tie(counts), rtol=1e-4, atol=2e-7)
    newest = model.score(histories)
    assert np.array_equal(newest, model.score(histories, histories.timestamps.max())) and (half_life is None or (newest > model.score(histories, now.value // 1000)).any())


def test_user_knn_caps_what_one_neighbour_says(histories):
    capped, free = (UserKNN(neighbours=4, half_life=None, cap=cap).fit(histories) for cap in (1, None))
    assert free.worth_.max() > 1 and capped.score(histories).sum() < free.score(histories).sum()


def test_a_user_is_not_its_own_neighbour_but_its_double_is(events, histories):
    one = histories.take([3])
    double = build_histories(events[events.user_id == 'u03'].assign(user_id='double'), item_ids=histories.item_ids)
    model = UserKNN(neighbours=1, half_life=None, cap=None).fit(histories)
    said = model.score(double)[0] - tie(model.worth_.toarray())
    np.testing.assert_allclose(said, model.worth_.toarray()[3], atol=1e-5)
    assert np.abs(model.score(one)[0] - model.score(double)[0]).max() > .1


def test_ease_is_the_closed_form(histories, table):
    met = (table[0] > 0).astype(float)
    head = np.sort(np.argsort(-met.sum(0), kind='stable')[:8])
    X = met[:, head]
    P = np.linalg.inv(X.T @ X + 3 * np.eye(8))
    B = np.eye(8) - P / np.diag(P)                                    # equation 8 of the paper: 1 - P · diagMat(1 / diag(P))
    model = EASE(lam=3, items=8).fit(histories)
    scores, rest = model.score(histories), np.setdiff1d(np.arange(ITEMS), head)
    assert np.array_equal(model.modelled_, head) and (np.diag(model.weights_) == 0).all()
    np.testing.assert_allclose(model.weights_, B, atol=1e-6)
    np.testing.assert_allclose(scores[:, head], X @ B + tie(met)[head], atol=1e-5)
    assert (scores[:, rest].max(1) < scores[:, head].min(1)).all()
    assert (np.diff(scores[:, rest[np.argsort(-met.sum(0)[rest], kind='stable')]]) <= 0).all()
    for j in range(8):                                                # and it is the least: a ridge regression of each column on the others
        others = np.delete(np.arange(8), j)
        ridge = np.linalg.solve(X[:, others].T @ X[:, others] + 3 * np.eye(7), X[:, others].T @ X[:, j])
        np.testing.assert_allclose(model.weights_[others, j], ridge, atol=1e-6)
    with pytest.raises(InputError, match='above 0'): EASE(lam=-99).fit(histories)
    assert len(EASE(items=99).fit(histories).modelled_) == ITEMS


def loss(P, Q, counts, reg, alpha): return ((1 + alpha * np.log1p(counts)) * ((counts > 0) - P @ Q.T) ** 2).sum() + reg * ((P ** 2).sum() + (Q ** 2).sum())


def test_the_normal_equations_hold(histories, table):
    model = IALS(factors=4, reg=2, alpha=3, iterations=4).fit(histories)
    P, Q = model.represent(histories), model.item_factors_
    c, p = 1 + 3 * np.log1p(table[0]), table[0] > 0
    for u in range(USERS): np.testing.assert_allclose((Q.T * c[u]) @ Q @ P[u] + 2 * P[u], Q.T @ (c[u] * p[u]), atol=1e-4)
    np.testing.assert_allclose(model.score(histories), P @ Q.T + tie(table[0]), atol=1e-5)
    assert not Q[-1].any() and np.abs(P).min() > 0
    long = IALS(factors=4, reg=2, alpha=3, iterations=400).fit(histories)          # at rest the items' equations hold as well
    P, Q = long.represent(histories), long.item_factors_
    for i in range(ITEMS): np.testing.assert_allclose((P.T * c[:, i]) @ P @ Q[i] + 2 * Q[i], P.T @ (c[:, i] * p[:, i]), atol=1e-3)


def test_each_iteration_lowers_the_loss_and_a_warm_start_goes_on(histories, table):
    losses = []
    for n in range(1, 7):
        model = IALS(factors=4, reg=2, alpha=3, iterations=n).fit(histories)
        losses.append(loss(model.represent(histories), model.item_factors_, table[0], 2, 3))
    assert (np.diff(losses) < 0).all()
    first = IALS(factors=4, reg=2, alpha=3, iterations=2).fit(histories)
    went_on = IALS(factors=4, reg=2, alpha=3, iterations=4).fit(histories, item_factors=first.item_factors_)
    np.testing.assert_allclose(went_on.item_factors_, model.item_factors_, atol=1e-5)
    with pytest.raises(InputError, match='penalty above 0'): IALS(reg=0).fit(histories)
    with pytest.raises(InputError, match='one row per item'): first.fit(histories, item_factors=np.zeros((ITEMS, 5)))


def test_one_seed_one_model(histories):
    make = lambda seed: IALS(factors=4, iterations=2, reg=2, seed=seed).fit(histories).score(histories)
    assert np.array_equal(make(1), make(1)) and not np.array_equal(make(1), make(2))


@each_model
def test_whoever_asks_gets_the_same_answer(model, histories):
    "Alone, in company, in any order; and the order in which users were fitted is of no account."
    scores, order = model.fit(histories).score(histories), np.random.default_rng(1).permutation(USERS)
    assert scores.shape == (USERS, ITEMS) and scores.dtype == np.float32 and np.isfinite(scores).all()
    np.testing.assert_allclose(model.score(histories.take(order)), scores[order], atol=1e-6)
    np.testing.assert_allclose(model.score(histories.take([4])), scores[[4]], atol=1e-6)
    np.testing.assert_allclose(model.fit(histories.take(order)).score(histories), scores, atol=1e-4)


@each_model
def test_newcomers_are_served_and_nobody_is_no_fault(model, events, histories):
    model.fit(histories)
    strangers = build_histories(events[events.user_id == 'u05'].assign(user_id='stranger'), item_ids=histories.item_ids, user_ids=['no past', 'stranger'])
    scores = model.score(strangers)
    popular = np.argsort(-model.popularity_, kind='stable')
    assert np.array_equal(np.argsort(-scores[0], kind='stable'), popular), 'without a past: by popularity, ties by catalogue'
    assert not np.array_equal(np.argsort(-scores[1], kind='stable'), popular)
    if not isinstance(model, UserKNN): np.testing.assert_allclose(scores[1], model.score(histories.take([5]))[0], atol=1e-6)
    empty = model.score(histories.take([]))
    assert empty.shape == (0, ITEMS) and empty.dtype == np.float32


@each_model
def test_events_without_an_item_change_nothing(model, histories):
    known = histories.where(histories.items >= 0)
    np.testing.assert_array_equal(model.fit(known).score(known), model.fit(histories).score(histories))


@each_model
def test_another_catalogue_and_an_empty_log_are_refused(model, events, histories):
    with pytest.raises(InputError, match='another catalogue'): model.fit(histories).score(build_histories(events))
    with pytest.raises(InputError, match='no events'): model.fit(histories.take([]))


@each_model
def test_in_small_blocks_as_in_one(model, histories, monkeypatch):
    whole = model.fit(histories).score(histories)
    blocks = __import__('seqrep_nb.baselines', fromlist=['_blocks'])._blocks
    monkeypatch.setattr('seqrep_nb.baselines._blocks', lambda rows, width: blocks(rows, width, 3 * width))
    np.testing.assert_allclose(model.fit(histories).score(histories), whole, atol=1e-6)


def test_one_user_one_item():
    "The smallest log: no neighbour, nothing to tell the item from."
    one = build_histories(validate_events(pd.DataFrame(dict(user_id=['a'], item_id='x', action='buy', timestamp=[pd.Timestamp('2024-01-01')])))[0])
    for model in (*MODELS, TIFUKNN()): assert np.isfinite(model.fit(one).score(one)).all()


@each_model
def test_parameters_are_kept_as_given(model):
    given = model.get_params()
    assert clone(model).get_params() == given and not any(name in type(model)().get_params() and type(model)().get_params()[name] == value for name, value in given.items() if name != 'seed')
