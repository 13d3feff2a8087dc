"Search: formulas against loops, nothing after the cut is heard, planted rules are recovered, odd queries and odd logs are answered or refused"
import numpy as np, pandas as pd, pytest, scipy.sparse as sp
from seqrep_nb.core import InputError
from seqrep_nb.histories import build_histories
from seqrep_nb.loaders import load_diginetica
from seqrep_nb.search import (BM25, PERSON_PARTS, QUERY_PARTS, ClickEvidence, SearchRanker, graded_ndcg, histories_at, learn_map, load_esci, louder, part_weights,
                              planted_relevance, search_clicks, search_results, taste, weighted)
from seqrep_nb.simulator import simulate_shop

CUT = pd.Timestamp('2025-01-28', tz='UTC')


def letters(texts): # a stand-in for the language model: counts of letters
    return np.array([[t.lower().count(c) / 9 for c in 'abcdefghijklmnopqrstuvwxyz'] for t in texts], 'float32').reshape(len(texts), 26)


@pytest.fixture(scope='module')
def shop(): return simulate_shop(150, days=40, seed=3, bots=0)


def ranker(**settings): return SearchRanker(**(dict(encoder=letters, dims=16, inner_days=7) | settings))


@pytest.fixture(scope='module')
def fitted(shop): return ranker().fit(shop.log.events, shop.log.items, CUT, shop.impressions)


def known_at_cut(shop, r, users): return histories_at(shop.log.events, pd.DataFrame(dict(user_id=users, timestamp=CUT)), r.item_ids_)


# The parts

def test_bm25_is_the_formula():
    texts, k1, b = ['red wool hat', 'red red shoe', 'blue hat of wool, wool', ''], 1.4, .6
    words = [t.replace(',', '').split() for t in texts]
    def naive(query, text):
        total = 0
        for term in query.split():
            n, f = sum(term in w for w in words), text.count(term)
            total += np.log(1 + (len(texts) - n + .5) / (n + .5)) * f * (k1 + 1) / (f + k1 * (1 - b + b * len(text) / np.mean([len(w) for w in words]))) if f else 0
        return total
    queries = ['red hat', 'wool', 'blue red wool', 'green', '']
    np.testing.assert_allclose(BM25(k1, b).fit(texts).score(queries), [[naive(q, w) for w in words] for q in queries], rtol=1e-5)


def test_bm25_without_any_text(): assert BM25().fit(['', None]).score(['hat', '']).tolist() == [[0, 0], [0, 0]]


def test_letters_forgive_a_slip_and_words_do_not():
    texts = ['frying pan', 'garden hose']
    assert BM25().fit(texts).score(['fryng pna']).max() == 0
    assert BM25(ngrams=(3, 4)).fit(texts).score(['fryng pna']).argmax() == 0


def test_any_script_is_searched_by_its_words():
    assert BM25().fit(['чай зелёный', 'кофе']).score(['Кофе']).argmax() == 1


def test_the_map_learns_what_was_clicked_and_stays_without_reason():
    rng = np.random.default_rng(0)
    items = rng.normal(size=(30, 8)).astype('float32')
    queries = items @ np.linalg.qr(rng.normal(size=(8, 8)))[0].astype('float32')                 # the same places, turned
    clicked = sp.csr_matrix(np.eye(30))
    taught = learn_map(queries, clicked, items, penalty=1e-6, iterations=200)
    held = learn_map(queries, clicked, items, penalty=1e6, start=3.)
    assert ((queries @ taught @ items.T).argmax(1) == np.arange(30)).mean() > .9
    np.testing.assert_allclose(held, 3 * np.eye(8), atol=1e-3)


def test_evidence_is_a_distribution_and_falls_back():
    popular = np.array([.7, .2, .1])
    e = ClickEvidence(bandwidth=.1, strength=2.).fit(np.array(['hat', 'shoe']), sp.csr_matrix([[0, 0, 8], [0, 4, 0]]), popular)
    shares = np.exp(e.score(['hat', 'xyz', 'hatt']))
    np.testing.assert_allclose(shares.sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(shares[0], (np.array([0, 0, 8]) + 2 * popular) / 10, rtol=1e-5)
    np.testing.assert_allclose(shares[1], popular, rtol=1e-5)
    assert popular[2] < shares[2, 2] < shares[0, 2]


def test_taste_is_relative_and_silent_without_a_history():
    popular, groups = np.array([.4, .4, .2]), np.array([0, 1, -1])
    lean = taste(sp.csr_matrix([[3, 0, 0], [0, 0, 0], [1, 1, 0]]), groups, popular, strength=1.)
    assert lean[0, 0] > 0 > lean[0, 1] and (lean[:, 2] == 0).all() and (lean[1] == 0).all()
    np.testing.assert_allclose(lean[2, 0], lean[2, 1])


def test_weights_are_recovered_with_and_without_an_offset():
    rng, w = np.random.default_rng(0), np.array([1.5, .5, 0.])
    X = rng.normal(size=(6000, 3, 12))
    chosen = (np.einsum('f,nfc->nc', w, X) + rng.gumbel(size=(6000, 12))).argmax(1)
    X = np.take_along_axis(X, np.argsort(np.arange(12)[None] != chosen[:, None], 1, kind='stable')[:, None], 2)
    np.testing.assert_allclose(part_weights(X, ridge=0.), w, atol=.08)
    np.testing.assert_allclose(part_weights(X[:, 1:], 1.5 * X[:, 0], ridge=0.), w[1:], atol=.08)
    lost = np.zeros((6000, 12)); lost[:, 6:] = -1e9
    np.testing.assert_allclose(part_weights(X, lost, ridge=0.), w, atol=.15)                     # fewer candidates, the same weights


def test_graded_ndcg_is_the_formula():
    ranked, gains = np.array([[2, 0, -1], [1, -1, -1], [0, 1, 2]]), np.array([[3., 0, 1], [0, 2, 1], [0, 0, 0]])
    found = graded_ndcg(ranked, gains, 3)
    np.testing.assert_allclose(found[:2], [(1 + 3 / np.log2(3)) / (3 + 1 / np.log2(3)), 2 / (2 + 1 / np.log2(3))])
    assert np.isnan(found[2])


# Clicks

def test_clicks_follow_their_search_in_their_session():
    day = pd.Timestamp('2025-01-01', tz='UTC')
    rows = [('a', 's1', 'view', 'i0', None), ('a', 's1', 'search', None, 'Hat'), ('a', 's1', 'view', 'i1', None), ('a', 's1', 'view', 'i1', None), ('a', 's1', 'search', None, ' hat '), ('a', 's1', 'view', 'i2', None),
            ('a', 's1', 'buy', 'i2', None), ('a', 's2', 'view', 'i3', None), ('b', 's1', 'view', 'i4', None)]
    events = pd.DataFrame(rows, columns=['user_id', 'session_id', 'action', 'item_id', 'query']).assign(timestamp=[day + pd.Timedelta(seconds=n) for n in range(len(rows))])
    found = search_clicks(events)
    assert found[['user_id', 'query', 'item_id', 'bought']].values.tolist() == [['a', 'hat', 'i1', False], ['a', 'hat', 'i2', True]] and found.search.tolist() == [0, 1]
    assert search_clicks(events, ['i2']).item_id.tolist() == ['i2']                              # unknown items are left out
    with pytest.raises(InputError, match='query'): search_clicks(events.drop(columns='query'))


def test_the_clicks_of_the_shop_are_those_it_planted(shop):
    clicked = shop.impressions[shop.impressions.clicked == 1]
    planted = set(zip(clicked.user_id, clicked.session_id, clicked.item_id))
    found = search_clicks(shop.log.events)
    assert len(found) > 500 and set(zip(found.user_id, found.item_id)) <= {(u, i) for u, _, i in planted}
    assert len(found) > .97 * len(planted)                                                       # a double click on the search button may part a search from its clicks


def test_histories_end_before_the_search(shop):
    asks = search_clicks(shop.log.events).drop_duplicates('search')
    past = histories_at(shop.log.events, asks, shop.log.items.item_id.to_numpy(object))
    assert len(past) == len(asks) and (past.user_ids == asks.user_id.to_numpy()).all()
    assert (past.timestamps < pd.DatetimeIndex(asks.timestamp).as_unit('us').asi8[past.users]).all() and past.lengths.max() > 20


# The ranker

def test_nothing_after_the_cut_is_read(shop, fitted):
    events, shown = shop.log.events.copy(), shop.impressions.copy()
    later = np.flatnonzero((events.timestamp >= CUT).to_numpy())
    rng = np.random.default_rng(1)
    for column in ('item_id', 'query'):
        rows = later[events[column].iloc[later].notna()]
        events[column] = events[column].astype(object)
        events.iloc[rows, events.columns.get_loc(column)] = rng.permutation(events[column].iloc[rows].to_numpy())
    shown.loc[shown.timestamp >= CUT, 'clicked'] = 1 - shown.clicked[shown.timestamp >= CUT]
    other = ranker().fit(events, shop.log.items, CUT, shown)
    past, asked = known_at_cut(shop, fitted, shop.log.users.user_id[:20].to_numpy()), ['headphones'] * 20
    assert len(later) > 500 and other.weights_ == fitted.weights_ and other.shown_ == fitted.shown_
    np.testing.assert_array_equal(other.score(asked, past), fitted.score(asked, past))
    late = ranker().fit(events, shop.log.items)                                                  # the permutation does change what lies after
    assert not np.array_equal(late.score(asked, past), fitted.score(asked, past))


def test_all_parts_speak_and_weights_are_not_negative(fitted):
    assert {*fitted.weights_['query']} == {*QUERY_PARTS, *PERSON_PARTS} and {*fitted.weights_['none']} == {*PERSON_PARTS}
    assert min(w for of in fitted.weights_.values() for w in of.values()) >= 0 and sum(fitted.weights_['query'].values()) > 0
    assert fitted.weigh(shown=False)['price'] != fitted.weights_['query']['price'] == fitted.shown_['price']


@pytest.mark.parametrize('query', ['', None, '   ', '\t', np.nan, pd.NA])
def test_no_query_is_the_person_alone(shop, fitted, query):
    past = known_at_cut(shop, fitted, shop.log.users.user_id[:5].to_numpy())
    alone = weighted({name: part for name, part in fitted.parts([''] * 5, past).items() if name in PERSON_PARTS}, fitted.weights_['none'])
    np.testing.assert_allclose(fitted.score([query] * 5, past), alone, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('query', ['hedphones', 'кофе', '冬の帽子', '🎧', 'a' * 3000, 'zzz', '%_*', '<b>hat</b>'])
def test_odd_queries_are_answered(fitted, query):
    found = fitted.rank([query], k=7)
    assert found['rank'].tolist() == list(range(1, 8)) and found.item_id.is_unique and np.isfinite(found.score).all()


def test_a_slip_finds_the_thing(shop, fitted):
    found = fitted.rank(['hedphones'], k=5).merge(shop.log.items, on='item_id')
    right = found.text.str.contains('headphones')
    assert right[0] and right.sum() >= 3


def test_two_visitors_and_a_stranger_get_different_lists(shop, fitted):
    busy = shop.log.events[shop.log.events.timestamp < CUT].user_id.value_counts().index[:12].to_numpy(object)
    scores = fitted.score(['headphones'] * 12, known_at_cut(shop, fitted, busy))
    lists = {tuple(np.argsort(-row, kind='stable')[:10]) for row in scores}
    assert len(lists) >= 6
    stranger = known_at_cut(shop, fitted, np.array(['nobody'], object))
    np.testing.assert_allclose(fitted.score(['headphones'], stranger)[0], weighted(fitted.parts(['headphones']), fitted.weights_['query'])[0], rtol=1e-4, atol=1e-4)


def test_rows_do_not_depend_on_each_other(shop, fitted):
    users = np.resize(shop.log.users.user_id.to_numpy(object), 300)
    asked, past = np.resize(['headphones', '', 'tea', 'wool hat'], 300).tolist(), known_at_cut(shop, fitted, users)
    whole = fitted.score(asked, past, CUT.value // 1000)
    np.testing.assert_allclose(fitted.score(asked[270:], past.take(np.arange(270, 300)), CUT.value // 1000), whole[270:], rtol=1e-4, atol=1e-4)
    moments = np.full(300, CUT.value // 1000)
    np.testing.assert_array_equal(fitted.score(asked, past, moments), whole)


def test_queries_and_profiles_share_the_space(shop, fitted):
    past = known_at_cut(shop, fitted, shop.log.users.user_id[:4].to_numpy())
    parts = fitted.parts(['headphones'] * 4, past)
    np.testing.assert_allclose(fitted.represent(['headphones'] * 4) @ fitted.places_.T, parts['query in space'], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(fitted.represent(histories=past) @ fitted.places_.T, parts['profile in space'], rtol=1e-5, atol=1e-5)


def test_clicks_teach_the_ranker(shop, fitted):
    clicks = search_clicks(shop.log.events, fitted.item_ids_).query('timestamp >= @CUT')
    asked = clicks.drop_duplicates('search')['query'].tolist()
    found = {name: search_results(name, fitted.score(asked, weights=w), clicks, fitted.item_ids_, None)[0].value for name, w in (('all', None), ('words', {'words': 1.}), ('popular', {'popular': 1.}))}
    assert found['all'] > found['words'] > 3 * found['popular']


def test_louder_moves_the_tastes_alone():
    assert louder(dict(words=1., brand=2., price=3., popular=4.), 2) == dict(words=1., brand=4., price=6., popular=4.)


# What may be missing

def test_without_text_behaviour_alone_ranks(shop):
    bare = shop.log.items[['item_id']]
    r = ranker().fit(shop.log.events, bare, CUT)
    assert set(r.weights_['query']) <= {'words', 'letters', 'clicks', 'popular', 'again', 'category', 'brand', 'price'} and r.vectors_ is None
    best = r.rank(['headphones'], k=5).merge(shop.log.items, on='item_id')
    assert best.text.str.contains('headphones').all()
    with pytest.raises(InputError, match='no shared space'): r.represent(['headphones'])


def test_some_items_without_text(shop):
    items = shop.log.items.assign(text=shop.log.items.text.where(shop.log.items.index % 2 == 0))
    assert np.isfinite(ranker().fit(shop.log.events, items, CUT).score(['headphones', ''])).all()


def test_a_log_without_clicked_searches_falls_back_on_text(shop):
    events = shop.log.events[shop.log.events.action != 'search']
    r = ranker().fit(events, shop.log.items, CUT)
    assert r.weights_['query']['words'] == 1
    assert r.rank(['headphones'], k=3).merge(shop.log.items, on='item_id').text.str.contains('headphones').all()
    short = ranker(inner_days=400).fit(shop.log.events, shop.log.items, CUT)                      # nothing lies before the inner cut
    assert short.weights_ == r.weights_


def test_refusals(shop, fitted):
    past = known_at_cut(shop, fitted, shop.log.users.user_id[:2].to_numpy())
    with pytest.raises(InputError, match='one history per query'): fitted.score(['hat'], past)
    with pytest.raises(InputError, match='pass a list'): fitted.score('hat')
    with pytest.raises(InputError, match='not text'): fitted.score([7])
    with pytest.raises(InputError, match='has nothing before'): ranker().fit(shop.log.events, shop.log.items, '2020-01-01')
    with pytest.raises(InputError, match='id twice'): ranker().fit(shop.log.events, pd.concat([shop.log.items, shop.log.items[:1]]), CUT)
    other = build_histories(shop.log.events[shop.log.events.item_id.notna()], item_ids=fitted.item_ids_[:9]).take([0])
    with pytest.raises(InputError, match='catalogue'): fitted.score(['hat'], other)


def test_no_queries_no_lists(fitted): assert len(fitted.rank([])) == 0 and fitted.score([]).shape == (0, len(fitted.item_ids_))


# Judges and real logs

def test_planted_relevance_is_the_click_probability_without_positions(shop):
    shown = shop.impressions.sample(300, random_state=0)
    found = planted_relevance(shop, shown.user_id, [' '.join(q.split()) for q in shown['query']])
    at = pd.Index(shop.log.items.item_id).get_indexer(shown.item_id)
    np.testing.assert_allclose(found[np.arange(300), at], shop.truth.click_probability[shown.index] / shop.truth.examination[shown.position - 1], atol=1e-5)


@pytest.fixture
def esci(tmp_path):
    def write(**changes):
        pd.DataFrame(dict(example_id=range(5), query=['hat', 'hat', 'hat', 'tea', 'té'], query_id=[7, 7, 7, 8, 9], product_id=['B1', 'B2', 'B3', 'B2', 'B1'], product_locale=['us'] * 4 + ['es'], esci_label=list('ESIEC'),
            small_version=[1, 1, 0, 1, 1], large_version=[1] * 5, split=['train'] * 3 + ['test'] * 2) | changes).to_parquet(tmp_path/'shopping_queries_dataset_examples.parquet')
        pd.DataFrame(dict(product_id=['B1', 'B2', 'B3', 'B1', 'B9'], product_title=['Hat', 'Tea cosy', 'Gloves', 'Sombrero', 'Nobody asked'], product_description=[None, 'warm'] + [None] * 3, product_bullet_point=None,
            product_brand=None, product_color=None, product_locale=['us'] * 3 + ['es', 'us'])).to_parquet(tmp_path/'shopping_queries_dataset_products.parquet')
        return tmp_path
    return write


def test_esci_is_read(esci):
    found = load_esci(esci())
    assert found.queries.values.tolist() == [[7, 'hat', 'train'], [8, 'tea', 'test']]
    assert found.items[['item_id', 'text']].values.tolist() == [['B1', 'Hat'], ['B2', 'Tea cosy']]
    assert found.judgments.values.tolist() == [[7, 'B1', 'E', 1.], [7, 'B2', 'S', .1], [8, 'B2', 'E', 1.]]
    assert len(load_esci(esci(), small=False).judgments) == 4 and load_esci(esci(), split='test').queries.query_id.tolist() == [8]
    spanish = load_esci(esci(), 'es')
    assert spanish.items.text.tolist() == ['Sombrero'] and spanish.judgments.gain.tolist() == [.01]


def test_esci_refuses_what_it_cannot_read(esci, tmp_path):
    with pytest.raises(InputError, match='is not there'): load_esci(tmp_path/'nowhere')
    with pytest.raises(InputError, match="'X', is no label|is no label"): load_esci(esci(esci_label=list('ESIXC')))
    with pytest.raises(InputError, match='leaves no row'): load_esci(esci(), 'jp')


def test_diginetica_is_searched_by_its_numbers(tmp_path):
    rows = [(s, item, words) for s, (item, words) in enumerate([(81, '16655,244'), (31, '77,9')] * 4, 1)]
    day = lambda s: f'2016-05-{s:02d}'
    (tmp_path/'train-item-views.csv').write_text('sessionId;userId;itemId;timeframe;eventdate\n' + ''.join(f'{s};NA;{i};9000;{day(s)}\n' for s, i, _ in rows))
    (tmp_path/'train-queries.csv').write_text('queryId;sessionId;userId;timeframe;duration;eventdate;searchstring.tokens;categoryId;items;is.test\n' + ''.join(f'{s};{s};NA;10;311;{day(s)};{w};0;81,31;FALSE\n' for s, _, w in rows))
    (tmp_path/'train-purchases.csv').write_text('sessionId;userId;timeframe;eventdate;ordernumber;itemId\n1;NA;15000;2016-05-01;8;81\n')
    (tmp_path/'products.csv').write_text('itemId;pricelog2;product.name.tokens\n81;10;244,16655\n31;3;9,500\n')
    (tmp_path/'product-categories.csv').write_text('itemId;categoryId\n81;1096\n31;712\n')
    log = load_diginetica(tmp_path)
    clicks = search_clicks(log.events)
    assert clicks.item_id.tolist() == ['81', '31'] * 4 and clicks.bought.tolist() == [True] + [False] * 7
    r = SearchRanker(encoder=None, text='name_tokens', inner_days=2).fit(log.events, log.items)
    assert r.rank(['500', '244', '16655,244'], k=1).item_id.tolist() == ['31', '81', '81']
