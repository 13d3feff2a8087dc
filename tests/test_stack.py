"The learned blend: nothing later is read, a planted rule is found, odd histories are defined"
import json
import numpy as np, pandas as pd, pytest, scipy.sparse as sp
from seqrep_nb.baselines import PersonalFrequency, Popularity, UserKNN
from seqrep_nb.core import InputError
from seqrep_nb.histories import DAY, build_histories
from seqrep_nb.stack import Candidates, LearnedBlend, OfGroups, PairFeatures, Past, PlacePopularity, gather, places, propose

START = pd.Timestamp('2024-01-01', tz='UTC')


def shop(users=60, weeks=12, seed=0): # each user buys two of 20 items weekly, at one of two places
    rng, rows = np.random.default_rng(seed), []
    for u in range(users):
        own = rng.permutation(20)[:4]
        for week in range(weeks):
            for item in rng.choice(own, 2, replace=False): rows.append((f'u{u:02}', f'i{item:02}', START + pd.Timedelta(days=week * 7 + u % 5), f'{u} {week}', f'p{u % 2}', 1. + item))
    return pd.DataFrame(rows, columns=['user_id', 'item_id', 'timestamp', 'basket_id', 'place', 'price']).assign(action='buy').sort_values(['user_id', 'timestamp', 'item_id'], ignore_index=True)


def told(events, now, **more):
    h = build_histories(events[events.timestamp < now], item_ids=np.array([f'i{n:02}' for n in range(20)], object), **more)
    moment = now.value // 1000
    scores = {'popularity': Popularity().fit(h).score(h), 'habit': PersonalFrequency().fit(h).score(h), 'place': PlacePopularity(days=30).fit(h).score(h, moment)}
    features = PairFeatures(dict(text=np.arange(20) // 2, category=np.where(np.arange(20) < 18, np.arange(20) // 6, -1)), span=84).fit(h, moment)
    return h, gather(Past(h, moment), scores, features)


def test_nothing_later_is_read():
    events, now = shop(), START + pd.Timedelta(days=60)
    later = events.copy()
    late = (later.timestamp >= now).to_numpy()
    later.loc[late, 'item_id'], later.loc[late, 'price'], later.loc[late, 'place'] = 'i00', 99., 'p9'
    (_, a), (_, b) = told(events, now), told(later, now)
    pd.testing.assert_frame_equal(a.X, b.X)
    with pytest.raises(InputError, match='after the moment'): Past(build_histories(events), now.value // 1000)


def test_a_users_rows_do_not_depend_on_who_else_is_asked():
    h, whole = told(shop(), START + pd.Timedelta(days=60))
    moment = (START + pd.Timedelta(days=60)).value // 1000
    scores = {'popularity': Popularity().fit(h).score(h), 'habit': PersonalFrequency().fit(h).score(h), 'place': PlacePopularity(days=30).fit(h).score(h, moment)}
    features = PairFeatures(dict(text=np.arange(20) // 2, category=np.where(np.arange(20) < 18, np.arange(20) // 6, -1)), span=84).fit(h, moment)
    few = gather(Past(h.take([5, 9]), moment), {n: s[[5, 9]] for n, s in scores.items()}, features)
    pd.testing.assert_frame_equal(few.X, whole.X[np.isin(whole.users, [5, 9])].reset_index(drop=True))
    np.testing.assert_array_equal(few.items, whole.items[np.isin(whole.users, [5, 9])])


def test_counts_are_those_of_a_loop():
    events, now = shop(), START + pd.Timedelta(days=60)
    h, pairs = told(events, now)
    past = events[events.timestamp < now]
    for k in np.random.default_rng(0).integers(0, len(pairs), 40):
        user, item, x = h.user_ids[pairs.users[k]], pairs.items[k], pairs.X.iloc[k]
        own = past[past.user_id == user]
        mine, kin = own[own.item_id == f'i{item:02}'], own[own.item_id.str[1:].astype(int) // 2 == item // 2]
        assert x['habit: count'] == mine.basket_id.nunique() and x['text: count'] == kin.basket_id.nunique() and x['text: kinds'] == kin.item_id.nunique()
        assert np.isclose(x['habit: share'], mine.basket_id.nunique() / own.basket_id.nunique()) and x['user: baskets'] == own.basket_id.nunique()
        if len(mine): assert np.isclose(x['habit: days since'], (now - mine.timestamp.max()).total_seconds() / 86400)
        else: assert np.isnan(x['habit: days since']) and np.isnan(x['habit: gap'])
        if item >= 18: assert x['category: count'] == 0 and np.isnan(x['category: own share'])


def test_places_are_those_of_a_sort():
    rng = np.random.default_rng(0)
    users, values = np.sort(rng.integers(0, 5, 50)), rng.integers(0, 4, 50)
    place = places(users, values)
    for u in range(5):
        mine = np.flatnonzero(users == u)
        assert [*place[mine]] == [*np.argsort(np.argsort(-values[mine], kind='stable'), kind='stable')]


def planted(seed): # what is overdue comes; the rankers' scores are noise
    rng, n = np.random.default_rng(seed), 80
    users, items = np.repeat(np.arange(n), 30), np.tile(np.arange(30), n)
    X = pd.DataFrame({'place: noise': rng.random(len(users)), 'score: noise': rng.random(len(users)), 'habit: overdue': rng.random(len(users))}).astype('float32')
    y = (X['habit: overdue'] > .9).to_numpy()
    best = np.append(0, (1 / np.log2(np.arange(2, 12))).cumsum())[np.minimum(np.bincount(users, y, n).astype(int), 10)]
    return Candidates(users, items, X, y, best)


def test_a_planted_rule_is_learned_and_travels():
    parts, test = [planted(s) for s in range(3)], planted(9)
    model = LearnedBlend().fit(parts)
    assert set(model.held_) == {'small', 'large'} and model.size_ == max(model.held_, key=model.held_.get)
    assert test.quality(model.score(test)).mean() > .95 > .6 > test.quality(test.X['place: noise'].to_numpy()).mean()
    assert model.importance().index[0] == 'habit: overdue'
    blind = LearnedBlend('small', leave_out=('habit',)).fit(parts)
    assert 'habit: overdue' not in blind.columns_ and test.quality(blind.score(test)).mean() < .6
    again = LearnedBlend.from_dict(json.loads(json.dumps(model.to_dict())))
    np.testing.assert_array_equal(again.score(test), model.score(test))
    items, scores = model.rank(test, k=40, n=90)                             # more than there are, and users without candidates
    assert items.shape == (90, 40) and (items[:80, 30:] == -1).all() and (items[80:] == -1).all() and (np.diff(scores[:80, :30], axis=1) <= 0).all()
    with pytest.raises(InputError, match='no candidate that came'): LearnedBlend().fit([Candidates(test.users, test.items, test.X, np.zeros(len(test), bool), test.best)])


def test_a_view_hides_what_may_not_be_recommended():
    h, pairs = told(shop(), START + pd.Timedelta(days=60))
    relevant = sp.csr_matrix((len(h), 20), dtype='float32').tolil()
    relevant[3, 7] = relevant[4, 8] = 1
    seen = (h.counts() > 0).astype('float32').tocsr()
    part = pairs.view(relevant.tocsr(), seen)
    assert set(part.users) <= {3, 4} and not any(seen[u, i] for u, i in zip(part.users, part.items)) and part.y.sum() <= 2
    assert (part.X.groupby(part.users)['place: popularity'].min() == 0).all()        # told anew among what is left
    empty = pairs.view(sp.csr_matrix((len(h), 20), dtype='float32'), seen)
    assert len(empty) == 0 and len(empty.y) == 0


def test_no_history_no_place_no_item():
    events, now = shop(), START + pd.Timedelta(days=60)
    h, pairs = told(events, now, user_ids=np.array(['nobody', 'u01'], object))
    assert (pairs.X['user: baskets'][pairs.users == 0] == 0).all() and (pairs.users == 0).any() and np.isfinite(pairs.X['place: popularity']).all()
    _, nowhere = told(events.assign(place=None), now)
    assert np.isfinite(nowhere.X['score: place']).all()
    unknown = build_histories(events[events.timestamp < now], item_ids=np.array(['i00', 'i01'], object))
    users, items = propose(Past(unknown, now.value // 1000), {'popularity': Popularity().fit(unknown).score(unknown)})
    assert set(items) <= {0, 1}
    with pytest.raises(InputError, match='have shape'): propose(Past(unknown, now.value // 1000), {'wrong': np.zeros((1, 2))})
    with pytest.raises(InputError, match='hold no events'): PlacePopularity().fit(unknown.take([]))


def test_popularity_is_told_by_place():
    events = shop()
    events.loc[events.place == 'p0', 'item_id'] = 'i00'
    h = build_histories(events)
    score = PlacePopularity(days=90, prior=1).fit(h).score(h)
    at = np.array([events.place[events.user_id == u].iloc[0] for u in h.user_ids])
    first = h.item_ids[score.argmax(1)]
    assert (first[at == 'p0'] == 'i00').all() and (first[at == 'p1'] != 'i00').all()
    np.testing.assert_allclose(PlacePopularity(days=90, prior=1).fit(h).score(h.take([3, 1])), score[[3, 1]], rtol=1e-5)


def test_lately_is_a_part_of_the_logs_span():
    "On a log of six days, what was met five times in the first hours is not met lately."
    hours = [0, 1, 2, 3, 4, 143]
    events = pd.DataFrame(dict(user_id='u', item_id=[*'xxxxx', 'y'], action='buy', timestamp=(START + pd.to_timedelta(hours, 'h')).as_unit('us'), basket_id=[str(n) for n in range(6)]))
    h, now = build_histories(events), (START + pd.Timedelta(days=6)).value // 1000
    features = PairFeatures(span=6).fit(h, now)
    assert gather(Past(h, now), {}, features, own=1).items.tolist() == [1]
    assert gather(Past(h, now), {}, PairFeatures(span=365).fit(h, now), own=1).items.tolist() == [0]


def test_only_those_asked_to_propose_do():
    h, whole = told(shop(), START + pd.Timedelta(days=60))
    moment = (START + pd.Timedelta(days=60)).value // 1000
    last = np.tile(np.arange(20, dtype='float32'), (len(h), 1))
    scores = {'popularity': Popularity().fit(h).score(h), 'last': last}
    features = PairFeatures(span=84).fit(h, moment)
    few, all_ = (gather(Past(h, moment), scores, features, depth=2, own=3, by=by) for by in (['popularity'], None))
    assert len(few) < len(all_) and 'score: last' in few.X and np.isin(few.users * 20 + few.items, all_.users * 20 + all_.items).all()


def test_a_ranker_over_groups_by_a_loop():
    events, now = shop(), START + pd.Timedelta(days=60)
    h = build_histories(events[events.timestamp < now], item_ids=np.array([f'i{n:02}' for n in range(20)], object))
    codes = np.where(np.arange(20) < 18, np.arange(20) // 3, -1)
    over = OfGroups(PersonalFrequency(), codes, Popularity(), power=.5).fit(h)
    found, sold = over.score(h), Popularity().fit(h).score(h)[0].astype(float)
    of = over.of_groups(h, None)
    for u in (0, 11, 47):
        for i in range(20): assert np.isclose(found[u, i], 0 if codes[i] < 0 else of[u, codes[i]] * (sold[i] / sold[codes == codes[i]].sum()) ** .5, rtol=1e-4)
    assert (OfGroups(UserKNN(), np.full(20, -1), Popularity()).fit(h).score(h) == 0).all()


def test_the_mean_of_several_sets_of_trees_ranks():
    h, pairs = told(shop(), START + pd.Timedelta(days=60))
    lesson = pairs.view(sp.csr_matrix((np.random.default_rng(0).random((len(h), 20)) < .2).astype('float32')), sp.csr_matrix((len(h), 20), dtype='float32'))
    several = LearnedBlend('small').fit([lesson])
    assert len(several.boosters_) == 3 and len(LearnedBlend('large').fit([lesson]).boosters_) == 1
    X = lesson.X[several.columns_].to_numpy()
    apart = [b.predict(X) for b in several.boosters_]
    assert not np.allclose(apart[0], apart[1]) and np.allclose(np.mean(apart, 0), several.score(lesson))
    again = LearnedBlend.from_dict(json.loads(json.dumps(several.to_dict())))
    np.testing.assert_array_equal(again.score(lesson), several.score(lesson))
