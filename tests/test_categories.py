"Categories of the next basket: nothing later is read, counts are those of a loop, odd logs still ask"
import zlib
import numpy as np, pandas as pd, pytest
from seqrep_nb.categories import basket_features, category_closeness, category_question, counts_alone, forward_opinions, lay_out, pair_features, pair_sequences, recipe_shop
from seqrep_nb.histories import DAY, build_histories

ASK = dict(moments=3, before=4, days=14, categories=5)


def letters(texts): # a stand-in for the language model: equal texts, equal vectors
    return np.stack([np.random.default_rng(zlib.crc32(str(t).encode())).normal(size=16) for t in texts])


@pytest.fixture(scope='module')
def shop(): return recipe_shop(users=40, baskets=30)


def test_what_happens_later_changes_answers_only(shop):
    "From the last moment on items are shuffled: all that is known by then stays, the answers of that moment do not."
    events, items = shop
    cut = pd.Timestamp('2024-07-10', tz='UTC')
    late, mixed = (events.timestamp >= cut).to_numpy(), events.copy()
    mixed.loc[late, 'item_id'], mixed.loc[late, 'price'] = np.random.default_rng(0).permutation(events.item_id[late]), 9.
    a, b = (category_question(e, items, cut, encoder=letters, **ASK) for e in (events, mixed))
    last = a.now == a.now.max()
    assert a.now.max() == cut.value // 1000 and last.sum() > 100 and (a.users == b.users).all()
    np.testing.assert_allclose(a.table, b.table, atol=1e-6)
    np.testing.assert_allclose(a.represented, b.represented, atol=1e-5)
    assert (a.y[~last] == b.y[~last]).all() and (a.y[last] != b.y[last]).any() and a.represented.to_numpy()[last].std() > 0


def test_counts_are_those_of_a_loop(shop):
    events, items = shop
    histories, names = build_histories(events), ['coffee', 'rice', 'recipes']
    now = int(histories.timestamps.max()) + DAY
    v, of = lay_out(histories, now, items, names), items.set_index('item_id').category.to_dict()
    f = pair_features(v, len(histories))
    for u in (0, 7, 39):
        mine = events[events.user_id == histories.user_ids[u]].assign(category=lambda e: e.item_id.map(of))
        for c, name in enumerate(names):
            held = mine[mine.category == name]
            assert np.isclose(np.expm1(f['baskets'][u, c]), held.basket_id.nunique()) and np.isclose(np.expm1(f['rows'][u, c]), len(held)) and np.isclose(np.expm1(f['money'][u, c]), held.price.sum())
            days = (pd.Timestamp(now, unit='us', tz='UTC') - held.timestamp).dt.total_seconds() / 86400
            assert np.isclose(np.expm1(f['recency'][u, c]), days.min() if len(held) else 999) and np.isclose(np.expm1(f['days 28'][u, c]), held.basket_id[days <= 28].nunique())
            assert np.isclose(f['share'][u, c], held.basket_id.nunique() / mine.basket_id.nunique())
        assert np.isclose(np.expm1(basket_features(v, len(histories))['size'][u]), len(mine) / mine.basket_id.nunique())


def test_the_usual_table_knows_no_order(shop):
    "Each household's baskets are turned around in time: what the usual table says of a category stays, the strong one's does not."
    events, items = shop
    when = events.drop_duplicates('basket_id').set_index('basket_id')
    backwards = when.groupby('user_id').timestamp.transform(lambda t: t.to_numpy()[::-1])
    turned = events.assign(timestamp=events.basket_id.map(backwards)).sort_values(['user_id', 'timestamp', 'item_id'], ignore_index=True)
    now, names = int(events.timestamp.max().value // 1000) + DAY, ['coffee', 'rice', 'recipes']
    a, b = (pair_features(lay_out(h, now, items, names), len(h)) for h in map(build_histories, (events, turned)))
    usual = set(counts_alone(category_question(events, items, '2024-07-10', encoder=letters, **ASK)).table) & set(a) - {'households'}   # what others do lately
    assert len(usual) == 7
    for name in usual: np.testing.assert_allclose(a[name], b[name], atol=1e-6)
    assert (a['recency'] != b['recency']).any() and (a['overdue'] != b['overdue']).any()


def test_sequences_begin_with_the_newest_basket(shop):
    events, items = shop
    histories, names = build_histories(events), ['coffee', 'rice', 'recipes']
    v = lay_out(histories, int(histories.timestamps.max()) + DAY, items, names)
    close, directions = category_closeness(items, histories.item_ids, names, letters)
    X = pair_sequences(histories, v, close, k=4)
    assert X.shape == (len(histories) * 3, 5 * 4 + 21) and np.isfinite(X).all() and directions.shape == (3, 16)
    newest = v.held[v.back == 0]
    np.testing.assert_array_equal(X[:, 0].reshape(-1, 3) > 0, newest)


def test_a_history_without_baskets_is_all_zeros(shop):
    events, items = shop
    histories = build_histories(events, user_ids=np.array(['nobody', 'u000'], object))
    now = int(histories.timestamps.max()) + DAY
    v = lay_out(histories, now, items, ['coffee'])
    f = pair_features(v, 2)
    assert f['baskets'][0, 0] == f['share'][0, 0] == 0 and np.isclose(np.expm1(f['recency'][0, 0]), 999)
    assert np.isfinite(basket_features(v, 2).to_numpy()).all() and np.isfinite(pair_sequences(histories, v, category_closeness(items, histories.item_ids, ['coffee'], letters)[0])).all()


@pytest.mark.parametrize('odd', ['no type', 'no text', 'no price', 'unknown items'])
def test_odd_logs_still_ask(shop, odd):
    events, items = shop
    if odd == 'no type': items = items.drop(columns='type')
    if odd == 'no text': items = items.assign(type=None)
    if odd == 'no price': events = events.assign(price=np.nan)
    if odd == 'unknown items': items = items[~items.item_id.isin(['coffee 0', 'recipe rice'])]
    q = category_question(events, items, '2024-07-10', encoder=letters, **ASK)
    assert len(q.y) and q.labels == 5 and np.isfinite(q.represented.to_numpy()).all()


def test_an_opinion_has_seen_no_open_answer():
    "A label that comes true from one moment on is believed only when its first window has closed."
    now, rng = np.arange(6) * 14 * DAY, np.random.default_rng(0)
    X = [rng.normal(size=(300, 3)).astype('float16') for _ in now]
    y = [np.full(300, float(k >= 2)) for k in range(6)]
    said = forward_opinions(X, y, now, now + 28 * DAY, now[2])
    assert (np.array([said[t].mean() for t in now[2:4]]) < 0).all() and said[now[5]].mean() > said[now[3]].mean()   # at 3 only 0 and 1 are known, at 5 also 2 and 3
    assert not forward_opinions(X, y, now, now + 28 * DAY, now[0])[now[1]].any()                                    # nothing is known yet: no opinion
