"Lists: one interface for every ranker and its edges, diverse lists against loops, indexes against the exact one, a planted case for each reason"
import builtins
from dataclasses import replace
from functools import cache
from types import SimpleNamespace
import numpy as np, pandas as pd, pytest
from seqrep_nb.baselines import EASE, IALS, ItemKNN, PersonalFrequency, Popularity, TIFUKNN, UserKNN
from seqrep_nb.core import InputError
from seqrep_nb.histories import DAY, build_histories
from seqrep_nb.lists import CategoryRanker, ItemIndex, Mixture, _next_held, _shares, diversify, rank, reasons, recall_against
from seqrep_nb.metrics import top_k
from seqrep_nb.rank import Blend, ContentRanker
from seqrep_nb.stack import LearnedBlend, OfGroups, PairFeatures, Past, PlacePopularity, gather
from seqrep_nb.tasks import RankingTask

START = pd.Timestamp('2024-01-01', tz='UTC')
ITEMS = np.array([f'i{n:02}' for n in range(20)], object)
TABLE = pd.DataFrame(dict(item_id=ITEMS, category=[f'c{n // 4}' for n in range(20)]))
VECTORS = np.random.default_rng(1).normal(size=(20, 6)).astype('float32')
NAMES = ['popularity', 'habit', 'TIFU', 'user-kNN', 'item-kNN', 'EASE', 'iALS', 'content', 'place', 'category', 'transformer', 'mixture', 'mixture of the new', 'learned']


@cache
def events(users=40, weeks=14): # each user buys two of four own items weekly, at one of two places
    rng, rows = np.random.default_rng(0), []
    for u in range(users):
        own = rng.permutation(20)[:4]
        for week in range(weeks):
            for item in rng.choice(own, 2, replace=False): rows.append((f'u{u:02}', f'i{item:02}', START + pd.Timedelta(days=week * 7 + u % 5), f'{u} {week}', f'p{u % 2}', 1. + item))
    return pd.DataFrame(rows, columns=['user_id', 'item_id', 'timestamp', 'basket_id', 'place', 'price']).assign(action='buy')


@cache
def whole(): return build_histories(events(), item_ids=ITEMS)


def others(log, user_ids=None): return build_histories(log, item_ids=ITEMS, user_ids=user_ids, place_names=whole().place_names, action_names=whole().action_names)


@cache
def fitted(name):
    h, now = whole(), int(whole().timestamps.max())
    few = dict(habit=PersonalFrequency().fit(h), content=ContentRanker(VECTORS).fit(h), popular=Popularity().fit(h))
    if name == 'transformer':
        from seqrep_nb.behaviour import BehaviourTransformer
        return BehaviourTransformer(VECTORS, width=8, window=8, heads=2, examples=64, batch_size=32).fit(h)
    if name.startswith('mixture'):
        scores = {n: r.score(h) for n, r in few.items()}
        blend = Blend(base='habit').fit(scores, RankingTask(h, (h.counts() > 0).astype('float32'), 0 * h.counts(), START))
        blend.weights_ = {view: dict(habit=.5, content=.3, popular=.2) for view in ('all', 'new')}
        return Mixture(few, blend, 'new' if name.endswith('new') else 'all')
    if name == 'learned':
        early = h.before(now - 7 * DAY)
        features = PairFeatures(span=98).fit(early, now - 7 * DAY)
        lesson = gather(Past(early, now - 7 * DAY), {n: r.score(early) for n, r in few.items()}, features)
        late = h.where(h.timestamps >= now - 7 * DAY).counts() > 0
        return Mixture(few, LearnedBlend('small').fit([lesson.view(late.astype('float32'), 0 * h.counts())]), features=PairFeatures(span=98).fit(h, now))
    rankers = {'popularity': Popularity(days=28), 'habit': PersonalFrequency(), 'TIFU': TIFUKNN(neighbours=5), 'user-kNN': UserKNN(neighbours=5), 'item-kNN': ItemKNN(), 'EASE': EASE(lam=5), 'iALS': IALS(factors=4, iterations=3),
               'content': ContentRanker(VECTORS), 'place': PlacePopularity(prior=5), 'category': CategoryRanker(TABLE, moments=2, days=14)}
    return rankers[name].fit(h)


@pytest.mark.parametrize('name', NAMES)
def test_every_ranker_gives_lists_and_their_edges_are_defined(name, monkeypatch):
    r, h = fitted(name), whole()
    table = rank(r, h, k=5)
    assert [*table] == ['user_id', 'item_id', 'rank', 'score'] and (table.groupby('user_id', sort=False)['rank'].apply(list).map(lambda p: p == [*range(1, len(p) + 1)])).all()
    assert not table.duplicated(['user_id', 'item_id']).any() and (table.groupby('user_id').score.diff().dropna() <= 0).all()
    if name not in ('learned',): assert (table.groupby('user_id').size() == 5).all()
    whole_list = rank(r, h.take([3]), k=10**9)                                             # more than there are
    assert len(whole_list) <= 20 and set(table.item_id[table.user_id == h.user_ids[3]]) <= set(whole_list.item_id)
    for k in (0, -1, 2.5): 
        with pytest.raises(InputError, match='k: is'): rank(r, h, k=k)
    twice = rank(r, h.take([3, 3, 7]), k=5)                                                # asked twice: two lists
    n = int((twice.user_id == 'u07').sum())
    one, two = np.split(twice.item_id.to_numpy()[:len(twice) - n], 2)
    assert [*one] == [*two] and len(rank(r, h.take([]), k=5)) == 0
    monkeypatch.setattr('seqrep_nb.lists._blocks', lambda n, width: [slice(i, i + 7) for i in range(0, n, 7)])
    blocks = rank(r, h, k=5)
    pd.testing.assert_frame_equal(blocks.drop(columns='score'), table.drop(columns='score')); np.testing.assert_allclose(blocks.score, table.score, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('name', NAMES)
def test_candidates_for_all_or_each(name):
    r, h = fitted(name), whole().take([0, 1, 2])
    given = ['i07', 'i03', 'i11', 'i03']
    table = rank(r, h, given, k=10)
    assert set(table.item_id) <= set(given) and not table.duplicated(['user_id', 'item_id']).any()
    full = rank(r, h, k=20)
    assert full[full.item_id.isin(given)].item_id.tolist() == table.item_id.tolist()      # the same order as among all
    each = rank(r, h, dict(u00=['i01'], u01=[], u02=np.array(['i05', 'i06'], object), u99=['x']))
    assert not (each.user_id == 'u01').any() and set(each.item_id[each.user_id == 'u02']) <= {'i05', 'i06'}
    pd.testing.assert_frame_equal(each, rank(r, h, [['i01'], (), {'i05', 'i06'}]))
    assert len(rank(r, h, [])) == 0 and len(rank(r, h, [[], [], []])) == 0
    with pytest.raises(InputError, match="unknown to the catalogue: 'x', 'y'"): rank(r, h, ['i01', 'x', 'y'])
    with pytest.raises(InputError, match="none for user 'u01'"): rank(r, h, dict(u00=['i01']))
    with pytest.raises(InputError, match='1 lists for 3 users'): rank(r, h, [['i01']])
    unseen = rank(r, h, k=20, exclude_seen=True)
    met = pd.MultiIndex.from_frame(events()[['user_id', 'item_id']])
    assert not pd.MultiIndex.from_frame(unseen[['user_id', 'item_id']]).isin(met).any()
    pd.testing.assert_frame_equal(unseen, rank(r, h, k=20, exclude_seen='buy'))
    if not name.startswith('mixture of'): assert len(rank(r, h, k=20, exclude_seen='view')) >= len(unseen)


@pytest.mark.parametrize('name', NAMES)
def test_short_and_strange_histories(name):
    r, day = fitted(name), START + pd.Timedelta(days=90)
    odd = pd.DataFrame(dict(user_id=['one', 'odd', 'odd'], item_id=['i04', 'unknown', None], action='buy', timestamp=day, place=['p1', 'elsewhere', None]))
    h = others(odd, np.array(['nobody', 'odd', 'one'], object))
    assert h.lengths.tolist() == [0, 1, 1]                                                 # what is not in the catalogue is no event; an event without an item stays
    table = rank(r, h, k=4, now=int(whole().timestamps.max()))
    assert set(table.user_id) <= {'nobody', 'odd', 'one'} and (name == 'learned' or len(table) == 12) and np.isfinite(table.score).all()
    assert len(rank(r, h.take([0]), k=4)) <= 4                                             # nobody did anything: no moment to tell either
    with pytest.raises(InputError, match='after the moment'): rank(r, whole(), now=START.value // 1000)
    with pytest.raises(InputError, match='another catalogue'): rank(r, build_histories(events()[events().item_id != 'i03']))


def test_equal_scores_keep_the_catalogues_order():
    class Level:
        def score(self, histories, now=None): return np.zeros((len(histories), len(histories.item_ids)))
    for _ in range(2): assert rank(Level(), whole().take([5]), ['i09', 'i02', 'i13'], k=2).item_id.tolist() == ['i02', 'i09']


def test_the_scores_of_all_are_never_whole_in_memory():
    asked = []
    class Counted:
        def score(self, histories, now=None): asked.append((len(histories), now)); return np.zeros((len(histories), len(histories.item_ids)), 'float32')
    h = build_histories(pd.DataFrame(dict(user_id=[f'u{i}' for i in range(1000)], item_id='x0', action='buy', timestamp=START + pd.to_timedelta(np.arange(1000), 'h'))), item_ids=np.array([f'x{i}' for i in range(100_000)], object))
    assert len(rank(Counted(), h, k=2)) == 2000
    assert max(n for n, _ in asked) * 100_000 <= 2**24 and sum(n for n, _ in asked) == 1000
    assert {now for _, now in asked} == {int(h.timestamps.max())}                          # one moment for all, whatever the block


def test_a_history_and_a_catalogue_of_a_hundred_thousand_items():
    n, rng = 100_000, np.random.default_rng(0)
    ids = np.array([f'{i:06}' for i in range(n)], object)
    long = pd.DataFrame(dict(user_id='a', item_id=ids, action='buy', place='p', timestamp=START + pd.to_timedelta(np.arange(n) // 100, 'h')))
    short = pd.DataFrame(dict(user_id=np.repeat(['b', 'c', 'd'], 4), item_id=ids[rng.integers(0, n, 12)], action='buy', place='p', timestamp=START + pd.to_timedelta(np.arange(12) % 4 * 20, 'D')))
    h = build_histories(pd.concat([long, short], ignore_index=True), item_ids=ids)
    vectors, items = rng.normal(size=(n, 8)).astype('float32'), pd.DataFrame(dict(item_id=ids, category=[f'c{i % 7}' for i in range(n)]))
    from seqrep_nb.behaviour import BehaviourTransformer
    for r in (Popularity(), PersonalFrequency(), TIFUKNN(neighbours=2), UserKNN(neighbours=2), EASE(items=100), IALS(factors=4, iterations=1), ContentRanker(vectors), PlacePopularity(), CategoryRanker(items, moments=1, days=20),
              BehaviourTransformer(vectors, width=8, window=8, heads=2, examples=8, batch_size=4, use_ids=False)):
        table = rank(r.fit(h), h, k=10)
        assert len(table) == 40 and np.isfinite(table.score).all(), r


@pytest.mark.parametrize('odd', [np.nan, np.inf])
def test_vectors_that_are_no_numbers_are_refused_by_row(odd):
    from seqrep_nb.behaviour import BehaviourTransformer
    bad = VECTORS.copy(); bad[4, 2] = odd
    for fail in (lambda: ContentRanker(bad).fit(whole()), lambda: BehaviourTransformer(bad).fit(whole()), lambda: ItemIndex(bad), lambda: ItemIndex(VECTORS).search(bad), lambda: diversify(np.zeros((1, 2), int), np.zeros((1, 2)), bad)):
        with pytest.raises(InputError, match=r'hold NaN or infinity in 1 rows \(first: row 4'): fail()


def test_the_category_ranker_reads_nothing_later_and_finds_a_planted_preference():
    rng, rows = np.random.default_rng(0), []
    for u in range(120):                                                                  # even users take c0 weekly, odd ones c1; within it every item alike
        for week in range(16):
            for item in rng.choice(4, 2, replace=False) + 4 * (u % 2): rows.append((f'u{u:03}', f'i{item:02}', START + pd.Timedelta(days=7 * week), f'{u} {week}'))
    log = pd.DataFrame(rows, columns=['user_id', 'item_id', 'timestamp', 'basket_id']).assign(action='buy')
    now = START + pd.Timedelta(days=7 * 14)
    h, moment = build_histories(log[log.timestamp < now], item_ids=ITEMS), now.value // 1000
    r = CategoryRanker(TABLE, moments=2, days=14).fit(h, moment)
    p = r.probabilities(h, moment)[:, :2]
    even = np.array([int(u[1:]) % 2 == 0 for u in h.user_ids])
    assert (p[even, 0] > .9).all() and (p[even, 1] < .1).all() and (p[~even, 1] > .9).all()
    later = log.assign(item_id=log.item_id.where(log.timestamp < now, 'i19'))
    again = CategoryRanker(TABLE, moments=2, days=14).fit(build_histories(later, item_ids=ITEMS).before(moment), moment)
    np.testing.assert_array_equal(again.score(h, moment), r.score(h, moment))
    with pytest.raises(InputError, match='after the moment'): CategoryRanker(TABLE).fit(build_histories(log, item_ids=ITEMS), moment)
    with pytest.raises(InputError, match='nobody who comes back'): CategoryRanker(TABLE, moments=9).fit(h, moment)
    with pytest.raises(InputError, match='category'): CategoryRanker(TABLE[['item_id']]).fit(h)
    with pytest.raises(InputError, match='come together'): CategoryRanker(TABLE, chances=lambda h, now: None).fit(h)
    told = CategoryRanker(TABLE, chances=lambda h, now: np.tile([[.1, .9]], (len(h), 1)), categories=['c3', 'c4']).fit(h)      # a classifier of somebody else, of two categories
    for wrong, said in ((np.ones((2, 2)), 'have shape'), (np.full((len(h), 2), np.nan), 'chances: hold NaN')):
        with pytest.raises(InputError, match=said): CategoryRanker(TABLE, chances=lambda h, now: wrong, categories=['c3', 'c4']).fit(h).score(h)
    s = told.score(h)
    assert (s[:, :12] == 0).all() and set(rank(told, h.take([0]), k=4).item_id) == {'i16', 'i17', 'i18', 'i19'}


def test_the_score_is_the_product_it_claims():
    h, r = whole(), fitted('category')
    now = int(h.timestamps.max())
    p, s, m = r.probabilities(h, now), r.score(h, now), Past(h, now).meet(decay=r.decay)
    for u, i in [(0, 3), (5, 0), (11, 19)]:
        mine = m.user == u
        own, all_own = m.recent[mine & (m.group == i)].sum(), m.recent[mine & (m.group // 4 == i // 4)].sum()
        np.testing.assert_allclose(s[u, i], p[u, i // 4] * (own + r.strength * r.share_[i]) / (all_own + r.strength), rtol=1e-4)
    held, back = _next_held(h, now - 7 * DAY, 7 * DAY, np.arange(20) // 4, 5)
    for u in range(len(h)):
        late = events()[(events().user_id == h.user_ids[u]) & (events().timestamp >= pd.to_datetime(now - 7 * DAY, unit='us', utc=True))]
        first = late[late.timestamp == late.timestamp.min()]
        assert set(np.flatnonzero(held[u])) == {int(i[1:]) // 4 for i in first.item_id if first.timestamp.iloc[0].value // 1000 < now} or not back[u]


def by_loop(items, scores, vectors, k, method, weight): # one user
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    pool = [n for n in range(len(items)) if items[n] >= 0]
    values = np.array([scores[n] for n in pool])
    rel = {n: (scores[n] - values.min()) / (np.ptp(values) or 1) for n in pool}
    cos = lambda a, b: float(unit[items[a]] @ unit[items[b]])
    chosen = []
    def worth(n):
        if method == 'mmr': return weight * rel[n] - (1 - weight) * max((cos(n, m) for m in chosen), default=0)
        S = np.array([[1. if a == b else cos(a, b) for b in chosen + [n]] for a in chosen + [n]])
        q = np.exp(weight / (1 - weight) / 2 * np.array([rel[a] for a in chosen + [n]]))
        return np.linalg.slogdet(q[:, None] * S * q)[1]
    while pool and len(chosen) < k:
        best = max(pool, key=worth)
        chosen.append(best); pool.remove(best)
    return [items[n] for n in chosen] + [-1] * (k - len(chosen))


@pytest.mark.parametrize('method', ['mmr', 'dpp'])
@pytest.mark.parametrize('weight', [0, .3, .7, .95])
def test_diverse_lists_are_those_of_a_loop(method, weight):
    rng = np.random.default_rng(3)
    vectors, items = rng.normal(size=(40, 30)), np.stack([rng.permutation(40)[:12] for _ in range(9)])
    scores = -np.sort(-rng.random(items.shape), 1)
    items[0, 7:] = -1; items[1] = -1; scores[2] = .5
    found = diversify(items, scores, vectors, 6, method, weight)
    for u in range(9): assert found[u].tolist() == by_loop(items[u], scores[u], vectors, 6, method, weight)
    assert (diversify(items, scores, vectors, 6, method, 1)[3:] == items[3:, :6]).all() and diversify(items, scores, vectors, 20, method, weight).shape == (9, 20)
    assert diversify(items[:, :0], scores[:, :0], vectors, 3, method, weight).tolist() == [[-1] * 3] * 9


def test_what_is_the_same_comes_last():
    vectors = np.eye(4)[[0, 0, 1, 1, 2, 3]]                                               # two pairs of twins
    items, scores = np.arange(6)[None], np.array([[6., 5, 4, 3, 2, 1]])
    for method in ('mmr', 'dpp'): assert diversify(items, scores, vectors, 6, method, .5)[0, :4].tolist() == [0, 2, 4, 5]
    assert diversify(items, scores, vectors, 6, 'dpp', .5)[0].tolist() == [0, 2, 4, 5, 1, 3]     # no volume left: the scores' order
    for bad in (dict(method='x'), dict(weight=2), dict(k=0)):
        with pytest.raises(InputError): diversify(items, scores, vectors, **bad)
    with pytest.raises(InputError, match='items'): diversify(items, scores[:, :2], vectors)


@pytest.mark.parametrize('kind', ['exact', 'ivf', 'hnsw'])
def test_an_index_finds_what_the_product_finds(kind):
    import tensorflow as tf                                                               # beside faiss, in one process
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(300, 24))
    vectors = (centres[rng.integers(0, 300, 9000)] + .4 * rng.normal(size=(9000, 24))).astype('float32')
    queries = (vectors[rng.integers(0, 9000, 60)] + .2 * rng.normal(size=(60, 24))).astype('float32')
    assert float(tf.reduce_sum(tf.ones((3, 3)) @ tf.ones((3, 3)))) == 27
    products = queries @ vectors.T
    exact, found = ItemIndex(vectors).search(queries, 10), ItemIndex(vectors, kind).search(queries, 10)
    assert (exact[0] == top_k(products, 10)).mean() > .99 and recall_against(exact, exact) == 1
    assert recall_against(exact, found) > .95 and (np.diff(found[1], axis=1) <= 0).all()
    np.testing.assert_allclose(found[1], np.take_along_axis(products, found[0], 1), rtol=1e-4, atol=1e-4)
    items, scores = ItemIndex(vectors[:3], kind, probes=99).search(queries[:2], 5)        # fewer items than asked for
    assert (items[:, 3:] == -1).all() and (scores[:, 3:] == -np.inf).all() and (np.sort(items[:, :3]) == [0, 1, 2]).all()
    assert (ItemIndex(vectors[:0], kind).search(queries, 2)[0] == -1).all() and len(ItemIndex(vectors, kind).search(queries[:0], 2)[0]) == 0
    with pytest.raises(InputError, match='queries'): ItemIndex(vectors, kind).search(queries[:, :5])


def test_the_index_gives_the_content_rankers_lists_and_says_what_is_missing(monkeypatch):
    r, h = fitted('content'), whole()
    items, _ = ItemIndex(r.directions_).search(r.represent(h), 5)
    assert [*h.item_ids[items.ravel()]] == [*rank(r, h, k=5).item_id]
    real = builtins.__import__
    def without(name, *more):
        if name == 'faiss': raise ImportError(name)
        return real(name, *more)
    monkeypatch.setattr(builtins, '__import__', without)
    ItemIndex(VECTORS)
    with pytest.raises(InputError, match=r"needs faiss.*pip install 'seqrep_nb\[search\]'"): ItemIndex(VECTORS, 'ivf')
    with pytest.raises(InputError, match='kind'): ItemIndex(VECTORS, 'annoy')


def told(ranker, h, user, item): # the reason of one pair
    table = rank(ranker, h.take(h.user_ids == user), [item], k=1)
    return reasons(table, ranker, h.take(h.user_ids == user)).iloc[0]


def log_of(rows): # user, item, day
    return pd.DataFrame(rows, columns=['user_id', 'item_id', 'day', 'place'][:len(rows[0])]).assign(action='buy', timestamp=lambda t: START + pd.to_timedelta(t.day, 'D')).drop(columns='day')


def test_a_planted_habit_is_told():
    h = build_histories(log_of([('a', 'x', d) for d in (0, 14, 28, 42)] + [('a', 'y', 50), ('a', 'z', 54), ('b', 'x', 1), ('b', 'w', 2)]))
    for r in (PersonalFrequency().fit(h), TIFUKNN().fit(h)):
        said = told(r, h, 'a', 'x')
        assert (said.kind, said.reason, said.ranker) == ('habit', 'bought 4 times, last 12 days ago, every 14 days', type(r).__name__)
    assert told(PersonalFrequency().fit(h), h, 'a', 'y').reason == 'bought once, 4 days ago' and told(PersonalFrequency().fit(h), h, 'a', 'z').reason == 'bought once, today'
    assert told(PersonalFrequency().fit(h), h, 'a', 'w').reason == 'popular: bought by 1 household'


def test_planted_likeness_popularity_neighbours_and_company_are_told():
    rows = [(f'n{n}', item, 5) for n in range(6) for item in ('tea', 'milk', 'scone')] + [(f'm{n}', item, 6) for n in range(9) for item in ('nails', 'hammer')] + [('a', 'tea', 7), ('a', 'milk', 8)]
    h = build_histories(log_of(rows))
    vectors = np.eye(5)[[0, 1, 2, 3, 4]].astype('float32')
    vectors[h.item_ids.tolist().index('scone')] = vectors[h.item_ids.tolist().index('tea')] + .1
    content = ContentRanker(vectors).fit(h)
    assert told(content, h, 'a', 'scone')[['kind', 'reason']].tolist() == ['text', 'like tea, which you bought on 2024-01-08']
    assert told(Popularity().fit(h), h, 'a', 'nails').reason == 'popular: bought by 9 households'
    assert told(Popularity(days=3, by='rows').fit(h), h, 'a', 'nails').reason == 'popular: bought 9 times in the last 3 days'
    for r in (UserKNN(neighbours=6).fit(h), TIFUKNN(neighbours=6).fit(h)): assert told(r, h, 'a', 'scone').reason == 'bought by 6 of the 6 households most like yours'
    for r in (EASE(lam=2).fit(h), IALS(factors=3, reg=1).fit(h), ItemKNN(shrink=0).fit(h)):
        said = told(r, h, 'a', 'scone')
        assert said.kind == 'together' and said.reason in [f'often bought by those who bought {x}, which you bought on {d}' for x, d in (('tea', '2024-01-08'), ('milk', '2024-01-09'))]


def test_a_planted_store_and_a_planted_category_are_told():
    rows = [(f'n{n}', 'ice', 50, 'north') for n in range(6)] + [(f's{n}', 'sun', 50, 'south') for n in range(9)] + [('a', 'bread', 49, 'north')]
    h = build_histories(log_of(rows))
    said = told(PlacePopularity(prior=1).fit(h), h, 'a', 'ice')
    assert (said.kind, said.reason) == ('place', 'popular at your store (north): bought by 6 households there in the last 28 days')
    assert told(PlacePopularity(prior=1).fit(h), h, 'a', 'sun').kind == 'popular'
    items = pd.DataFrame(dict(item_id=['ice', 'sun', 'bread'], category=['cold', 'warm', 'cold']))
    category = CategoryRanker(items, chances=lambda h, now: np.tile([[.9, .1]], (len(h), 1)), categories=['cold', 'warm']).fit(h)
    assert told(category, h, 'a', 'ice').reason == 'cold is in 1 of your 1 baskets; this one was bought by 6 households in the last 28 days'
    assert told(category, h, 'a', 'sun').reason == 'popular: bought by 9 households in the last 28 days' and told(category, h, 'a', 'bread').kind == 'habit'


def test_of_a_mixture_the_largest_contribution_decides():
    mixture, h = fitted('mixture'), whole()
    table = rank(mixture, h, k=8)
    found = reasons(table, mixture, h)
    assert set(found.ranker) <= {'habit', 'content', 'popular'} and (found.reason != '').all() and [*found][:4] == [*table]
    met = pd.MultiIndex.from_frame(found[['user_id', 'item_id']]).isin(pd.MultiIndex.from_frame(events()[['user_id', 'item_id']]))
    assert (found.kind[met] == 'habit').mean() > .5 and not (found.kind[~met] == 'habit').any()
    alone = replace_weights(mixture, habit=0., content=1., popular=0.)
    assert set(reasons(rank(alone, h, k=3), alone, h).ranker) == {'content'}
    new = fitted('mixture of the new')
    assert not (reasons(rank(new, h, k=3, exclude_seen=True), new, h).kind == 'habit').any()
    with pytest.raises(InputError, match='unknown to the histories'): reasons(table, mixture, h.take([0]))
    with pytest.raises(InputError, match='twice'): reasons(table, mixture, h.take([0, 0]))
    assert len(reasons(table[:0], mixture, h)) == 0


class Reader: # of the history as a whole, as a transformer is: a stand-in that scores as it is told
    def __init__(self, repeat): self.repeat, self.item_ids_ = repeat, np.array(['x', 'y', 'z'], object)
    def score(self, histories, now=None): return np.tile(np.array([.5, .3, .2], 'float32'), (len(histories), 1))


def test_who_has_nothing_to_name_leaves_the_word_to_the_next_that_adds():
    h = build_histories(log_of([('a', 'x', 0), ('a', 'x', 14), ('b', 'y', 1), ('c', 'y', 2)]), item_ids=np.array(['x', 'y', 'z'], object))
    for repeat in (True, False):
        mixture = Mixture(dict(reader=Reader(repeat), popular=Popularity().fit(h)), SimpleNamespace(weights_=dict(all=dict(reader=.99, popular=.01)), logits_=dict(reader=False, popular=False)))
        found = reasons(pd.DataFrame(dict(user_id='a', item_id=['x', 'y', 'z'])), mixture, h.take([0])).set_index('item_id')
        habit = ['reader', 'habit', 'bought 2 times, last today'] if repeat else ['popular', 'popular', 'popular: bought by 1 household']
        assert found.loc['x', ['ranker', 'kind', 'reason']].tolist() == habit
        assert found.loc['y', ['ranker', 'reason']].tolist() == ['popular', 'popular: bought by 2 households']
        assert found.loc['z', ['ranker', 'kind', 'reason']].tolist() == ['reader', 'history', 'by your history as a whole']      # nobody has it


def test_what_the_columns_of_trees_add_decides(monkeypatch):
    learned, h = fitted('learned'), whole()
    now, table = int(h.timestamps.max()), rank(learned, h, k=5)
    found = reasons(table, learned, h)
    assert (found.reason != '').all() and set(found.kind) <= {'habit', 'popular', 'text', 'history'} and set(found.ranker) <= {'habit', 'content', 'popular', 'the trees, habit', 'the trees, popular'}
    users, items = pd.Index(h.user_ids).get_indexer(table.user_id), pd.Index(h.item_ids).get_indexer(table.item_id)
    shares = _shares(learned, h, now, users, items)
    pairs = gather(Past(h, now), learned._scores(h, now), learned.features)
    at = [int(np.flatnonzero((pairs.users == u) & (pairs.items == i))[0]) for u, i in zip(users[:9], items[:9])]
    whole_sum = np.mean([b.predict(pairs.X[learned.blend.columns_].to_numpy()[at], pred_contrib=True) for b in learned.blend.boosters_], 0)
    np.testing.assert_allclose(whole_sum.sum(1), learned.blend.score(pairs)[at], rtol=1e-5)
    for n, row in enumerate(at): assert np.isclose(shares['content'][2][n], sum(v for c, v in zip(learned.blend.columns_, whole_sum[n]) if c in ('place: content', 'score: content')))
    monkeypatch.setattr('seqrep_nb.lists.gather', lambda *_: pairs.take(pairs.items > 0))
    with pytest.raises(InputError, match='no candidates'): reasons(pd.DataFrame(dict(user_id=['u00'], item_id=['i00'])), learned, h)


def test_evidence_is_looked_up_in_a_ranker_that_another_passes_events_to():
    from seqrep_nb.model import OfAction
    h = whole()
    wrapped, plain = OfAction(PersonalFrequency(), 'buy').fit(h), PersonalFrequency().fit(h)
    assert reasons(rank(wrapped, h, k=3), wrapped, h).reason.tolist() == reasons(rank(plain, h, k=3), plain, h).reason.tolist()


def replace_weights(mixture, **weights):
    from copy import copy
    blend = copy(mixture.blend)
    blend.weights_ = dict(all=weights)
    return Mixture(mixture.rankers, blend)


def test_a_ranker_over_texts_has_a_reason():
    h = whole()
    over = OfGroups(UserKNN(neighbours=2), np.arange(len(h.item_ids)) // 2, PlacePopularity(prior=5)).fit(h)
    found = reasons(rank(over, h, k=2), over, h)
    assert len(found) == 2 * len(h) and (found.reason != '').all()
