"Changed copies of histories against what each change promises, the contrastive loss against a slow loop, and a planted case that pre-training must win; no language model"
from dataclasses import replace
import numpy as np, pytest
from hypothesis import given, settings, strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from seqrep_nb import augment as module
from seqrep_nb.augment import (FLAT, INPUTS, OPERATIONS, RATES, ContrastiveEncoder, HistoryClassifier, augment, contrastive_loss, crop_visits, history_windows,
                               nested_samples, newest, reorder_visits, seed_mean, stack, substitute_items, text_neighbours, with_catalogue)
from seqrep_nb.backbone import import_keras
from seqrep_nb.behaviour import window_before
from seqrep_nb.core import InputError
from seqrep_nb.histories import DAY, Histories
from seqrep_nb.metrics import Protocol, classification_results, interval
from seqrep_nb.text import history_texts

tf, keras, _ = import_keras()
ITEMS, START = 7, 1_500_000_000_000_000
NEIGHBOURS = np.array([[1, 2], [0, -1], [-1, -1], [4, 5], [3, 5], [3, 4], [0, 1]], 'int32')   # item 2 has none
HOUR = DAY // 24

# A history is a list of visits: hours since the one before, and rows of (item, minutes after the visit began)
rows = st.lists(st.tuples(st.integers(-1, ITEMS - 1), st.integers(0, 50)), min_size=1, max_size=4)
users = st.lists(st.lists(st.tuples(st.integers(0, 200), rows), max_size=7), min_size=1, max_size=5)
rates = st.sampled_from([0., .2, .5, .8, 1.])
seeds = st.integers(0, 2**32 - 1)
names = st.sampled_from(sorted(OPERATIONS))
sized = settings(max_examples=80, deadline=None)


def made(users):
    "Histories; every row has a price and a place of its own, so that what moves can be followed."
    flat, lengths = [], []
    for visits in users:
        now, count = START, 0
        for basket, (gap, events) in enumerate(visits):
            now += gap * HOUR + HOUR
            for item, minute in sorted(events, key=lambda e: e[1]): flat.append((item, now + minute * 60_000_000, basket)); count += 1
        lengths.append(count)
    n = len(flat)
    item, time, basket = np.array(flat, 'int64').reshape(n, 3).T
    return Histories(np.array([f'u{i}' for i in range(len(users))], object), np.array([f'i{i}' for i in range(ITEMS)], object), np.append(0, np.cumsum(lengths)).astype('int64'), item.astype('int32'),
                     np.where(item < 0, 0, 4).astype('int16'), time, basket.astype('int32'), np.arange(n, dtype='int32'), (1 + np.arange(n)).astype('float32'), place_names=tuple(f'p{i}' for i in range(n)))


def changed(name, histories, seed, rate): return OPERATIONS[name](histories, np.random.default_rng(seed), rate=rate, **(dict(neighbours=NEIGHBOURS) if name == 'substitute' else {}))
def same(a, b): return all(np.array_equal(getattr(a, f), getattr(b, f), equal_nan=f == 'prices') for f in (*FLAT, 'offsets', 'user_ids'))
def of_user(histories, u): return slice(*histories.offsets[u:u + 2])
def visits_of(histories, u): # [(rows)] runs of one basket
    part = np.arange(*histories.offsets[u:u + 2])
    return np.split(part, np.flatnonzero(np.diff(histories.baskets[part])) + 1) if len(part) else []


# What every change promises

@sized
@given(users, names, rates, seeds)
def test_a_copy_is_a_history_of_the_same_users(users, name, rate, seed):
    h = made(users)
    before = {f: getattr(h, f).copy() for f in FLAT}
    copy = changed(name, h, seed, rate)
    assert same(copy, changed(name, h, seed, rate)), 'the same generator, the same copy'
    for f in FLAT:
        assert getattr(copy, f).dtype == getattr(h, f).dtype and getattr(copy, f).shape == copy.items.shape
        assert np.array_equal(getattr(h, f), before[f], equal_nan=f == 'prices'), 'what was given stays as it was'
    assert np.array_equal(copy.user_ids, h.user_ids) and copy.item_ids is h.item_ids and copy.offsets.dtype == h.offsets.dtype and copy.offsets[-1] == len(copy.items)
    assert ((copy.lengths > 0) == (h.lengths > 0)).all() and (copy.lengths <= h.lengths).all(), 'nobody vanishes, nobody appears'
    assert ((copy.items >= -1) & (copy.items < ITEMS)).all() and np.isin(copy.places, h.places).all()
    for u in range(len(h)):
        old, new = h.timestamps[of_user(h, u)], copy.timestamps[of_user(copy, u)]
        assert (np.diff(new) >= 0).all() and (not len(new) or old.min() <= new.min() and new.max() <= old.max()), 'in order, and nothing later than was known'
    if len(h.items): history_windows(copy, h.timestamps.max(), 5)   # would raise on an event after the moment


@sized
@given(users, names, seeds)
def test_rate_zero_changes_nothing_and_rate_one_is_defined(users, name, seed):
    h = made(users)
    assert same(changed(name, h, seed, 0), h)
    one = changed(name, h, seed, 1)
    some = h.lengths > 0
    if name in ('crop', 'shorten'): assert all(len(visits_of(one, u)) == int(some[u]) for u in range(len(h)))
    if name == 'drop': assert (one.lengths == some).all() and all(one.prices[of_user(one, u)][0] == h.prices[of_user(h, u)][-1] for u in np.flatnonzero(some))
    if name == 'mask': assert (one.items == -1).all() and np.isnan(one.prices).all()
    if name == 'substitute': assert ((one.items != h.items) == np.append((NEIGHBOURS >= 0).any(1), False)[h.items]).all()


@sized
@given(users, names, st.data())
def test_a_rate_per_user_leaves_the_others_alone(users, name, data):
    h = made(users)
    rate = np.array([data.draw(st.sampled_from([0., 1.])) for _ in users])
    copy = changed(name, h, 3, rate)
    for u in np.flatnonzero(rate == 0): assert same(copy.take([u]), h.take([u]))


@pytest.mark.parametrize('rate', [-.1, 1.1, np.nan])
def test_a_rate_outside_is_refused(rate):
    for name in OPERATIONS:
        with pytest.raises(InputError, match='between 0 and 1'): changed(name, made([[(1, [(0, 0)])]]), 0, rate)


# What each of them promises

@sized
@given(users, rates, seeds, st.booleans())
def test_crop_keeps_a_contiguous_block_of_visits(users, rate, seed, old_end):
    h = made(users)
    copy = crop_visits(h, np.random.default_rng(seed), rate, old_end)
    for u in range(len(h)):
        visits, kept = visits_of(h, u), copy.prices[of_user(copy, u)]
        number = max(len(visits) - int(np.floor(rate * len(visits))), 1) if visits else 0
        blocks = [np.concatenate(visits[i:i + number]) if number else [] for i in range(len(visits) - number + 1)]
        at = [i for i, block in enumerate(blocks) if np.array_equal(h.prices[block], kept)] if visits else [0]
        assert len(at) == 1 and (not old_end or at[0] == len(visits) - number)


@sized
@given(users, st.sampled_from(['drop', 'mask', 'substitute']), rates, seeds)
def test_what_stays_is_as_it_was(users, name, rate, seed):
    h = made(users)
    copy = changed(name, h, seed, rate)
    row = copy.places                                                  # the row that it was: places are numbered so
    assert (np.diff(row) > 0).all()
    for f in ('actions', 'timestamps', 'baskets'): assert np.array_equal(getattr(copy, f), getattr(h, f)[row])
    hidden = np.isnan(copy.prices)
    assert (name == 'mask') or not hidden.any()
    assert (copy.items[hidden] == -1).all() and np.array_equal(copy.prices[~hidden], h.prices[row][~hidden])
    if name != 'substitute': assert np.array_equal(copy.items[~hidden], h.items[row][~hidden])
    else:
        for old, new in zip(h.items, copy.items): assert new == old or (old >= 0 and new >= 0 and new in NEIGHBOURS[old]), 'a true neighbour'


@sized
@given(users, rates, st.integers(0, 9), seeds)
def test_reorder_keeps_events_and_moments(users, rate, longest, seed):
    h = made(users)
    copy = reorder_visits(h, np.random.default_rng(seed), rate, longest)
    assert np.array_equal(copy.offsets, h.offsets)
    for u in range(len(h)):
        part = of_user(h, u)
        assert sorted(copy.places[part]) == sorted(h.places[part])                                              # the multiset of events ...
        for f in ('items', 'actions', 'prices'): assert np.array_equal(getattr(copy, f)[part], getattr(h, f)[copy.places[part]])   # ... each with what belongs to it
        old, new = visits_of(h, u), visits_of(copy, u)
        assert len(old) == len(new)
        assert [h.timestamps[v[0]] for v in old] == [copy.timestamps[v[0]] for v in new], 'a visit begins when one began'
        assert all(copy.timestamps[n].max() <= h.timestamps[o].max() for o, n in zip(old, new))
        came = [np.flatnonzero([copy.places[n[0]] in h.places[o] for o in old])[0] for n in new]
        assert all(sorted(copy.places[n]) == sorted(h.places[old[c]]) for c, n in zip(came, new)), 'a visit stays together'
        moved = np.flatnonzero(np.array(came) != np.arange(len(came)))
        assert not len(moved) or moved[-1] - moved[0] < min(longest, int(np.floor(rate * len(old)))), 'within a short span'


def test_reorder_reaches_every_order_and_no_gap_is_new():
    h = made([[(5, [(0, 0)]), (50, [(1, 0), (2, 0)]), (7, [(3, 0)])]])
    orders = {tuple(reorder_visits(h, np.random.default_rng(s), 1., 5).items) for s in range(60)}
    assert orders == {(0, 1, 2, 3), (0, 3, 1, 2), (1, 2, 0, 3), (1, 2, 3, 0), (3, 0, 1, 2), (3, 1, 2, 0)}
    for s in range(60): assert set(np.diff(np.unique(reorder_visits(h, np.random.default_rng(s), 1., 5).timestamps))) == set(np.diff(np.unique(h.timestamps)))


def test_substitute_wants_neighbours_of_this_catalogue():
    h = made([[(1, [(0, 0)])]])
    for neighbours in (None, NEIGHBOURS[:3]):
        with pytest.raises(InputError, match='text_neighbours'): substitute_items(h, np.random.default_rng(0), 1., neighbours)


@sized
@given(st.integers(1, 12), st.integers(1, 4), st.floats(-.5, .9), seeds)
def test_neighbours_are_the_nearest_other_texts(n, k, least, seed):
    rng = np.random.default_rng(seed)
    of = rng.integers(0, max(n // 2, 1), n)
    distinct = rng.normal(size=(n, 4)).astype('float32')
    distinct /= np.linalg.norm(distinct, axis=1, keepdims=True)
    texts, vectors = [f't{i}' for i in of], 3 * distinct[of]
    found = text_neighbours(texts, vectors, k, least)
    assert found.shape == (n, k) and found.dtype == np.int32
    firsts = [texts.index(t) for t in dict.fromkeys(texts)]
    for i in range(n):
        near = sorted((j for j in firsts if texts[j] != texts[i] and distinct[of[i]] @ distinct[of[j]] >= least), key=lambda j: -distinct[of[i]] @ distinct[of[j]])[:k]
        assert found[i].tolist() == near + [-1] * (k - len(near))


# Several changes, and the windows that a model sees

@sized
@given(users, st.sets(names), st.sampled_from([0., .5, 1.]), seeds)
def test_augment_changes_each_history_in_one_way_at_most(users, chosen, share, seed):
    h = made(users)
    copy = augment(h, np.random.default_rng(seed), {name: RATES[name] for name in sorted(chosen)}, NEIGHBOURS, share)
    assert same(copy, augment(h, np.random.default_rng(seed), {name: RATES[name] for name in sorted(chosen)}, NEIGHBOURS, share))
    if not chosen or share == 0: assert same(copy, h)
    assert len(copy) == len(h) and ((copy.lengths > 0) == (h.lengths > 0)).all()
    window = history_windows(copy, h.timestamps.max(initial=START), 6)
    assert (window['items'][~window['mask']] == 0).all() and (window['numbers'][~window['mask']] == 0).all() and (window['items'] <= ITEMS).all()
    assert np.isfinite(window['numbers']).all() and (window['numbers'][..., 0] >= 0).all() and (window['mask'].sum(1) <= np.minimum(copy.lengths, 6)).all()


def test_augment_uses_every_change_and_only_known_ones():
    h = made([[(30, [(i % ITEMS, 0), (3, 0)]) for i in range(6)]] * 300)
    copy = augment(h, np.random.default_rng(0), neighbours=NEIGHBOURS)
    shorter, masked, longer_ago = copy.lengths < h.lengths, np.bincount(copy.users[np.isnan(copy.prices)], minlength=300) > 0, copy.timestamps[copy.offsets[1:] - 1] < h.timestamps[h.offsets[1:] - 1]
    assert all(15 < found.sum() < 200 for found in (shorter, masked, longer_ago)) and not (masked & shorter).any()
    plain = augment(h, np.random.default_rng(0))
    assert (plain.items[plain.items >= 0] == h.items[plain.places[plain.items >= 0]]).all(), 'without neighbours no substitute'
    with pytest.raises(InputError, match="'cut'; choose from crop"): augment(h, np.random.default_rng(0), dict(cut=.5))


@sized
@given(users, st.integers(1, 9))
def test_the_newest_events_are_what_the_window_shows(users, k):
    h = made(users)
    now = h.timestamps.max(initial=START) + DAY
    kept = newest(h, k)
    assert (kept.lengths <= k).all() and ((kept.lengths > 0) == (h.lengths > 0)).all()
    of_all, of_kept = (window_before(x, x.offsets[1:], np.arange(len(x)), np.full(len(x), now), k) for x in (h, kept))
    for name in INPUTS: np.testing.assert_array_equal(of_all[name], of_kept[name])


@sized
@given(users, users, st.lists(st.sampled_from([f'i{i}' for i in range(ITEMS)]), unique=True, min_size=1))
def test_stacking_and_recoding_lose_nothing(one, other, catalogue):
    a, b = (replace(made(u), place_names=()) for u in (one, other))
    both = stack([a, b])
    assert same(both.take(range(len(a))), a) and same(both.take(range(len(a), len(both))), b)
    c = with_catalogue(a, catalogue)
    names_of = lambda h: [h.item_ids[i] if i >= 0 else None for i in h.items]
    assert names_of(c) == [i if i in catalogue else None for i in names_of(a)] and np.array_equal(c.timestamps, a.timestamps)
    with pytest.raises(InputError, match='different catalogues'): stack([a, with_catalogue(b, ['i0'])])


@sized
@given(users, names, seeds)
def test_a_copy_can_be_told_in_words(users, name, seed):
    h = made(users)
    copy = changed(name, h, seed, .5)
    told = history_texts(copy, [f'item {i}' for i in range(ITEMS)], now=np.full(len(h), h.timestamps.max(initial=START) + DAY))
    assert [len(t) for t in told] == np.minimum(copy.lengths, 64).tolist()


# The loss

def slowly(first, second, users, temperature):
    z = np.concatenate([first, second]).astype('float64')
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    who, n, total = [*users, *users], len(users), 0.
    for i in range(2 * n):
        partner = (i + n) % (2 * n)
        among = [np.exp(z[i] @ z[j] / temperature) for j in range(2 * n) if j == partner or who[j] != who[i]]
        total -= np.log(np.exp(z[i] @ z[partner] / temperature) / sum(among))
    return total / (2 * n)


@sized
@given(st.integers(1, 7), st.integers(1, 4), st.sampled_from([.1, .5, 1.]), seeds)
def test_the_loss_is_the_slow_loop(n, different, temperature, seed):
    rng = np.random.default_rng(seed)
    first, second, users = rng.normal(size=(n, 5)).astype('float32'), rng.normal(size=(n, 5)).astype('float32'), rng.integers(0, different, n).astype('int32')
    assert float(contrastive_loss(first, second, users, temperature)) == pytest.approx(slowly(first, second, users, temperature), rel=1e-4, abs=1e-5)


def cosines(z):
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    return unit @ unit.T


def test_its_gradient_brings_partners_together_and_strangers_apart():
    rng = np.random.default_rng(0)
    z = tf.Variable(rng.normal(size=(12, 4)).astype('float32'))
    before = cosines(z.numpy())
    for _ in range(200):
        with tf.GradientTape() as tape: loss = contrastive_loss(z[:6], z[6:], np.arange(6), .5)
        z.assign_sub(2. * tape.gradient(loss, z))
    after, partner = cosines(z.numpy()), np.eye(12, k=6, dtype=bool) | np.eye(12, k=-6, dtype=bool)
    assert after[partner].min() > .95 and after[partner].mean() > before[partner].mean() + .5
    assert after[~partner & ~np.eye(12, dtype=bool)].mean() < 0


def test_rows_of_one_user_do_not_push_each_other_away():
    z = np.random.default_rng(0).normal(size=(8, 3)).astype('float32')
    assert float(contrastive_loss(z[:4], z[4:], np.zeros(4, int), .1)) == pytest.approx(0, abs=1e-5), 'one user alone: nobody to be told from'
    z = np.eye(2, dtype='float32')[[0, 0, 1]]                                       # the first two rows are alike
    assert float(contrastive_loss(z, z, np.array([7, 7, 3]), 1.)) == pytest.approx((2 * np.log(1 + 2 / np.e) + np.log(1 + 4 / np.e)) / 3, abs=1e-5)
    assert float(contrastive_loss(z, z, np.array([7, 8, 3]), 1.)) == pytest.approx((2 * np.log(3 + 2 / np.e) + np.log(1 + 4 / np.e)) / 3, abs=1e-5), 'as strangers they cost'


# Training

def grouped(groups=6, users=240, events=14, seed=0):
    "Synthetic: each user has one of six tastes; taste is a small part of every item's vector, the rest of it is chance. Label: the taste is one of the first three."
    rng = np.random.default_rng(seed)
    taste = np.repeat(np.arange(groups), 40)
    signal = np.linalg.qr(rng.normal(size=(16, 16)))[0][:groups]
    vectors = (signal[taste] + rng.normal(size=(len(taste), 16))).astype('float32')
    kind = rng.integers(0, groups, users)
    items = np.concatenate([rng.choice(np.flatnonzero(taste == k), events) for k in kind]).astype('int32')
    n = len(items)
    times = START + np.tile(np.arange(events), users) * DAY + rng.integers(0, DAY // 2, n)
    h = Histories(np.array([f'u{i:03}' for i in range(users)], object), np.array([f'i{i:03}' for i in range(len(taste))], object), np.arange(users + 1) * events, items, np.full(n, 4, 'int16'), times,
                  np.tile(np.arange(events, dtype='int32'), users), np.full(n, -1, 'int32'), np.full(n, np.nan, 'float32'))
    return h, vectors, (kind < groups // 2).astype('int8'), kind, START + events * DAY


def test_pre_training_wins_where_it_must():
    h, vectors, y, kind, now = grouped()
    tiny = dict(window=14, width=24, seed=2)
    few = np.concatenate([np.flatnonzero(kind == k)[:2] for k in range(6)])          # two labelled users of each taste
    rest = np.setdiff1d(np.arange(len(y)), few)
    pre = ContrastiveEncoder(vectors, rates=dict(crop=.7), steps=250, batch_size=64, learning_rate=5e-3, **tiny).fit(h, now=now)
    born = ContrastiveEncoder(vectors, {}, steps=1, batch_size=64, learning_rate=1e-12, **tiny).fit(h, now=now)
    def right(model):
        H = model.represent(h, now)
        H = (H - H.mean(0)) / H.std(0)
        return (LogisticRegression(C=.1).fit(H[few], y[few]).predict(H[rest]) == y[rest]).mean()
    assert right(pre) > .9 and right(pre) > right(born) + .15
    def trained(**more): return (HistoryClassifier(vectors, steps=40, batch_size=12, **more, **tiny).fit(h.take(few), y[few], now).predict_proba(h.take(rest), now)[:, 1].round() == y[rest]).mean()
    assert trained(start=pre) > trained() + .08


def tiny_model(kind, vectors, folder=None, **more):
    common = dict(window=6, width=8, steps=26, batch_size=16, seed=2, folder=folder)
    return ContrastiveEncoder(vectors, rates=dict(crop=.4, mask=.3), **common | more) if kind == 'contrastive' else HistoryClassifier(vectors, rates=dict(drop=.3), every=5, **common | more)


@pytest.mark.parametrize('kind', ['contrastive', 'classifier'])
def test_killed_and_resumed_is_as_if_never_killed(kind, tmp_path, monkeypatch):
    h, vectors, y, _, now = grouped(users=60)
    more = {} if kind == 'contrastive' else dict(validation=(h.take(range(20)), y[:20], now))
    def fitted(folder): return tiny_model(kind, vectors, folder).fit(h, y, now=now, **more)
    whole = fitted(None)
    weights = lambda model: model.encoder_.get_weights() + (model.projection_ if kind == 'contrastive' else model.head_).get_weights()
    calls, real = [0], module.augment
    def killed(*arguments, **options):
        calls[0] += 1
        if calls[0] > (46 if kind == 'contrastive' else 23): raise KeyboardInterrupt     # two views a step: in step 24
        return real(*arguments, **options)
    train = module.train
    monkeypatch.setattr(module, 'train', lambda *arguments, **options: train(*arguments, **options, keep_every=20))
    monkeypatch.setattr(module, 'augment', killed)
    with pytest.raises(KeyboardInterrupt): fitted(tmp_path)
    monkeypatch.setattr(module, 'augment', real)
    again = fitted(tmp_path)
    for a, b in zip(weights(whole), weights(again)): np.testing.assert_array_equal(a, b)
    assert again.history_ == whole.history_
    with pytest.raises(InputError, match='learning_rate'): tiny_model(kind, vectors, tmp_path, learning_rate=.1).fit(h, y, now=now, **more)


@pytest.mark.parametrize('kind', ['contrastive', 'classifier'])
def test_unfitted_then_fitted_then_cloned(kind):
    h, vectors, y, _, now = grouped(users=40)
    made = tiny_model(kind, vectors, steps=3)
    with pytest.raises(NotFittedError): made.represent(h, now)
    parameters = made.get_params()
    assert made.fit(h, y, now=now) is made and all(made.get_params()[k] is v for k, v in parameters.items())
    H = made.represent(h, now)
    assert H.shape == (40, 8) and H.dtype == np.float32 and np.isfinite(H).all()
    np.testing.assert_array_equal(clone(made).fit(h, y, now=now).represent(h, now), H)
    np.testing.assert_allclose(made.represent(h.take([5, 2]), now), H[[5, 2]], rtol=1e-4, atol=1e-5)
    assert np.isfinite(made.represent(h.before(0), now)).all() and made.represent(h.take([]), now).shape == (0, 8)
    with pytest.raises(InputError, match='after the moment'): made.represent(h, START)
    with pytest.raises(InputError, match='another catalogue'): made.represent(with_catalogue(h, ['i000']), now)
    with pytest.raises(InputError, match='the catalogue has'): tiny_model(kind, vectors[:5], steps=3).fit(h, y, now=now)


def test_the_classifier_takes_one_label_or_several_and_no_others():
    h, vectors, y, kind, now = grouped(users=40)
    one, several = (tiny_model('classifier', vectors, steps=3).fit(h, labels, now=now).predict_proba(h, now) for labels in (y, np.stack([y, kind == 0, kind == 1], 1)))
    assert one.shape == (40, 2) and np.allclose(one.sum(1), 1) and several.shape == (40, 3) and ((several > 0) & (several < 1)).all()
    with pytest.raises(InputError, match='one row of labels'): tiny_model('classifier', vectors).fit(h, y[:3], now=now)
    with pytest.raises(InputError, match='other labels than 0 and 1'): tiny_model('classifier', vectors).fit(h, y + 1, now=now)


def test_training_never_sees_a_later_event():
    "The same past, another future: the same bits."
    h, vectors, y, _, now = grouped(users=40)
    middle = START + 7 * DAY
    other = replace(h, items=np.where(h.timestamps >= middle, (h.items + 1) % len(vectors), h.items).astype('int32'))
    a, b = (tiny_model('contrastive', vectors, steps=5).fit(x.before(middle), now=middle).represent(x.before(middle), middle) for x in (h, other))
    np.testing.assert_array_equal(a, b)
    with pytest.raises(InputError, match='after the moment'): tiny_model('contrastive', vectors, steps=5, batch_size=40).fit(h, now=middle)


# Few labels

@sized
@given(st.integers(20, 80), st.integers(1, 4), seeds)
def test_samples_are_nested_whole_users_and_stratified(users, moments, seed):
    rng = np.random.default_rng(seed)
    chance = rng.choice([.0, .5, 1.], users)
    ids = np.repeat([f'u{i}' for i in range(users)], moments)
    y = (rng.random(len(ids)) < np.repeat(chance, moments)).astype('int8')
    try: found = nested_samples(ids, y, (.25, .5, 1.), seed)
    except InputError as error: assert 'both classes' in str(error); return
    assert found[1.].all() and not (found[.25] & ~found[.5]).any()
    for rows in found.values(): assert not set(ids[rows]) & set(ids[~rows])
    rate = np.round(4 * y.reshape(users, moments).mean(1))
    for share, rows in found.items():
        for stratum in np.unique(rate): assert abs(rows.reshape(users, moments)[rate == stratum, 0].sum() - share * (rate == stratum).sum()) < 1 + 1e-9
    assert all(np.array_equal(a, b) for a, b in zip(found.values(), nested_samples(ids, y, (.25, .5, 1.), seed).values()))


def test_the_mean_over_seeds_is_one_result():
    rng, protocol = np.random.default_rng(0), Protocol('made up', 'task', 'cut')
    y = rng.integers(0, 2, 80)
    several = [classification_results('model', y, rng.random(80) * .5 + .4 * y, protocol, seed)[0] for seed in range(3)]
    mean = seed_mean(several)
    assert mean.value == pytest.approx(np.mean([r.value for r in several])) and seed_mean(several[:1]).value == several[0].value
    value, low, high = interval(mean, 50)
    assert low < value < high
    with pytest.raises(InputError, match='one metric, protocol'): seed_mean([several[0], classification_results('model', 1 - y, rng.random(80), protocol)[0]])


# Bad input

@pytest.mark.parametrize('kind', ['contrastive', 'classifier'])
def test_a_folder_of_a_run_on_other_data_is_refused(kind, tmp_path):
    h, vectors, y, _, now = grouped(users=40)
    other = replace(h, items=(h.items + 1) % len(vectors))
    tiny_model(kind, vectors, tmp_path, steps=2).fit(h, y, now=now)
    with pytest.raises(InputError, match='another training'): tiny_model(kind, vectors, tmp_path, steps=2).fit(other, y, now=now)
    if kind == 'classifier':
        with pytest.raises(InputError, match='another training'): tiny_model(kind, vectors, tmp_path, steps=2).fit(h, 1 - y, now=now)


def test_what_nothing_can_be_learned_from_is_named():
    h, vectors, y, kind, now = grouped(users=40)
    classify = lambda **more: tiny_model('classifier', vectors, steps=2, **more)
    with pytest.raises(InputError, match='alone in column 0'): classify().fit(h, 0 * y, now=now)
    with pytest.raises(InputError, match='another width'): classify().fit(h, y, now=now, validation=(h, np.stack([y, 1 - y], 1), now))
    for faulty, more in ((h.take([0]), {}), (h, dict(batch_size=1)), (h, dict(temperature=0.)), (h, dict(temperature=np.nan))):
        with pytest.raises(InputError): tiny_model('contrastive', vectors, steps=2, **more).fit(faulty, now=now)
    start = tiny_model('contrastive', vectors, steps=1).fit(h, now=now)
    turned = with_catalogue(h, h.item_ids[::-1])                                    # as many items, in another order
    with pytest.raises(InputError, match='another catalogue'): classify(start=start).fit(turned, y, now=now)
    with pytest.raises(NotFittedError): classify(start=tiny_model('contrastive', vectors)).fit(h, y, now=now)


def test_senseless_samples_and_shares_are_named():
    ids, y = np.array([f'u{i}' for i in range(40)]), np.arange(40) % 2
    for odd in (y + 1, y.astype(str), np.where(y, np.nan, 0), y[:5]):
        with pytest.raises(InputError, match='labels'): nested_samples(ids, odd)
    for odd in (0, 2, -1, np.nan):
        with pytest.raises(InputError, match='shares'): nested_samples(ids, y, (odd, 1.))
    assert nested_samples(ids, y.astype(bool), (1.,))[1.].all()
    with pytest.raises(InputError, match='no results'): seed_mean([])
    h = made([[(1, [(0, 0)])]])
    for k in (0, -1):
        with pytest.raises(InputError, match='at least one event'): newest(h, k)
    for share in (-.1, 2, np.nan):
        with pytest.raises(InputError, match='share'): augment(h, np.random.default_rng(0), {}, share=share)
