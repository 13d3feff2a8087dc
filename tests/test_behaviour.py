"The behaviour transformer: every setting on a small log, what must be equal, what must differ."
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from seqrep_nb import behaviour
from seqrep_nb.behaviour import PARTS, BehaviourTransformer, ItemScores, LastQuery, RepeatOrExplore, SampledLoss, basket_examples, basket_loss, behaviour_model, inclusion
from seqrep_nb.core import InputError
from seqrep_nb.fusion import FUSIONS
from seqrep_nb.histories import DAY, build_histories

tf, keras, keras_hub = behaviour.tf, behaviour.keras, behaviour.keras_hub
SMALL = dict(width=8, window=6, heads=2, examples=60, batch_size=20)


def log(users=10, baskets=9, items=8, days=1, seed=0):
    rng = np.random.default_rng(seed)
    user, basket = np.divmod(np.repeat(np.arange(users * baskets), 2), baskets)
    times = pd.Timestamp('2024-01-01', tz='UTC') + pd.to_timedelta(basket * days, unit='D')
    rows = pd.DataFrame(dict(user_id=[f'u{u}' for u in user], item_id=[f'i{i}' for i in rng.integers(0, items, len(user))], action='buy', timestamp=times.as_unit('us'), basket_id=basket.astype(str),
                             place=rng.choice(['a', 'b'], len(user)), price=rng.random(len(user))))
    return build_histories(rows, item_ids=np.array([f'i{i}' for i in range(items)], object))


H = log()
V = np.random.default_rng(1).normal(size=(8, 5)).astype('float32')


@pytest.mark.parametrize('setting', [*(dict(fusion=name) for name in FUSIONS), dict(parts=('id', 'time', 'place'), fusion='gated'), dict(objective='masked'), dict(repeat=True, objective='both', loss='sampled', negatives=4), dict(repeat=True, objective='both')], ids=str)
def test_every_setting_learns(setting):
    model = BehaviourTransformer(V, **SMALL, **setting, epochs=15).fit(H)
    assert model.losses_[-1] < model.losses_[0] and np.isfinite(model.score(H)).all() and np.isfinite(model.represent(H)).all()


def test_the_same_seed_gives_the_same_bits():
    setting = dict(repeat=True, objective='both', loss='sampled', negatives=4, fusion='gated', scenes=('home',))
    np.testing.assert_array_equal(*(BehaviourTransformer(V, **SMALL, **setting).fit(H).score(H) for _ in range(2)))


@pytest.mark.parametrize('setting, problem', [(dict(fusion='mix'), 'mix'), (dict(parts=('text', 'weather')), 'weather'), (dict(parts=('time',)), 'neither text nor id'), (dict(loss='half'), 'half'), (dict(objective='all'), 'all')])
def test_an_unknown_setting_is_named(setting, problem):
    with pytest.raises(InputError, match=problem): BehaviourTransformer(V, **SMALL, **setting).fit(H)


def test_what_is_left_out_is_not_read():
    m = BehaviourTransformer(V, **SMALL, parts=('text', 'id', 'time')).fit(H)
    other = replace(H, places=1 - H.places, prices=H.prices + 5)
    np.testing.assert_array_equal(m.score(H), m.score(other))
    full = BehaviourTransformer(V, **SMALL).fit(H)
    assert np.abs(full.score(H) - full.score(other)).max() > 1e-4


def test_the_last_block_gives_what_the_whole_block_gives_at_the_last_position():
    x, mask = np.random.default_rng(0).normal(size=(3, 7, 8)).astype('float32'), np.random.default_rng(1).random((3, 7)) < .7
    mask[:, -1] = True
    of = dict(intermediate_dim=16, num_heads=2, activation='gelu', normalize_first=True)
    whole, last = keras_hub.layers.TransformerEncoder(**of), LastQuery(**of)
    expected = whole(x, padding_mask=mask)[:, -1:]
    last(x, padding_mask=mask)
    last.set_weights(whole.get_weights())
    np.testing.assert_allclose(last(x, padding_mask=mask), expected, atol=1e-5)


def test_items_that_share_a_text_are_projected_once_and_stay_apart():
    vectors = np.repeat(V[:2], 4, axis=0)
    model = behaviour_model(vectors, np.zeros(8), 4, 1, 2, width=8, heads=2)
    table = model.get_layer('item_table')
    assert table.pretrained.shape == (2, 5)
    np.testing.assert_allclose(table.table(), vectors @ table.kernel.numpy() + table.own.numpy(), atol=1e-6)


@pytest.mark.parametrize('repeat', [False, True])
def test_all_items_drawn_is_the_full_loss(repeat):
    rng = np.random.default_rng(0)
    scores = ItemScores(rng.normal(size=50)); scores.build((None, 4))
    query, table = (tf.constant(rng.normal(size=s).astype('float32')) for s in ((5, 4), (50, 4)))
    targets, codes = rng.integers(-1, 50, (5, 6)), rng.integers(0, 51, (5, 7)).astype('int32')
    targets[:, 0], targets[:, 1] = 3, codes[:, 0] - 1
    targets = np.array([np.pad(np.unique(t[t >= 0]), (0, 6))[:6] * 0 - 1 if not (t >= 0).any() else np.pad(np.unique(t[t >= 0]), (0, 6), constant_values=-1)[:6] for t in targets])
    codes[0] = 0                                                                               # nothing to repeat
    attention = np.where(codes > 0, rng.random((5, 7)), 0).astype('float32')
    attention /= np.maximum(attention.sum(1, keepdims=True), 1e-9)
    gate = rng.normal(size=5).astype('float32')
    full = scores(query, table)
    if repeat: full = RepeatOrExplore()(full, attention, gate, codes)
    more = ((attention, gate), codes) if repeat else ()
    np.testing.assert_allclose(SampledLoss(scores, 50)(targets, query, table, *more), basket_loss(targets, full), rtol=1e-4)
    assert repeat is False or np.allclose(np.exp(full).sum(1), 1, atol=1e-5)


def test_sampling_estimates_the_sum_of_the_softmax():
    rng = np.random.default_rng(0)
    scores = ItemScores(np.log(rng.integers(1, 200, 300))); scores.build((None, 4))
    query, table = (tf.constant(.7 * rng.normal(size=s).astype('float32')) for s in ((4, 4), (300, 4)))   # without items that are a thousand times as likely as others
    targets = np.array([[5], [6], [7], [8]])
    sampled, full = SampledLoss(scores, 60, seed=2), basket_loss(targets, scores(query, table)).numpy()
    z = lambda loss: np.exp(loss + np.asarray(scores(query, table))[np.arange(4), targets[:, 0]])           # the denominator
    draw = tf.function(lambda: sampled(targets, query, table))                                              # in a graph, as in training
    drawn = np.mean([z(draw().numpy()) for _ in range(300)], 0)
    np.testing.assert_allclose(drawn, z(full), rtol=.05)                                                    # 300 draws of a fifth of the items
    assert len(np.unique(sampled.drawn())) == 60
    p = inclusion([1, 1, 2, 8], 2)
    assert np.isclose(p.sum(), 2) and (np.diff(p) >= 0).all() and p.max() < 1


def test_sampled_training_never_makes_a_score_per_item():
    many, h = 5000, log(items=8)
    h = replace(h, item_ids=np.array([f'i{i}' for i in range(many)], object))
    m = BehaviourTransformer(np.zeros((many, 1), 'float32'), **SMALL, loss='sampled', negatives=10)
    m.item_ids_, m.places_, m.actions_ = h.item_ids, h.place_names, h.action_names
    keras.utils.set_random_seed(0)
    m.model_ = m._build(h)
    graph = tf.function(m._losses()).get_concrete_function({name: tf.TensorSpec((20, *shape), kind) for name, shape, kind in
        (('items', (6,), 'int32'), ('actions', (6,), 'int32'), ('places', (6,), 'int32'), ('numbers', (6, 4), 'float32'), ('mask', (6,), 'bool'), ('targets', (3,), 'int32'))}).graph
    shapes = {tuple(t.shape) for op in graph.get_operations() for t in op.outputs if t.shape.rank == 2}
    assert (20, 10) in shapes and (20, many) not in shapes


def test_repeat_or_explore_learns_a_habit_that_a_plain_softmax_cannot():
    rng, days = np.random.default_rng(0), 12                                                    # everyone buys one own item again and again: 60 items, 60 users
    rows = pd.DataFrame(dict(user_id=np.repeat([f'u{u}' for u in range(60)], days), item_id=np.repeat([f'i{i:02}' for i in rng.permutation(60)], days), action='buy',
                             timestamp=np.tile(pd.date_range('2024-01-01', periods=days, tz='UTC').as_unit('us'), 60)))
    h = build_histories(rows)
    known, strangers = h.take(np.arange(30)), h.take(np.arange(30, 60))
    right = lambda m: (m.score(strangers).argmax(1) == strangers.items[strangers.offsets[:-1]]).mean()
    settings = dict(width=8, window=6, heads=2, epochs=8, batch_size=20, learning_rate=1e-2)
    vectors = np.random.default_rng(1).normal(size=(60, 5)).astype('float32')
    assert right(BehaviourTransformer(vectors, repeat=True, **settings).fit(known)) > .9 > .3 > right(BehaviourTransformer(vectors, **settings).fit(known))


def test_a_scene_changes_the_answer_only_where_there_are_scenes():
    parity = (np.arange(len(H.items)) // 2) % 2
    h = replace(H, items=(H.items // 2 * 2 + parity).astype('int32'))                           # even items in one scene, odd ones in the other
    m = BehaviourTransformer(V, **SMALL, scenes=('even', 'odd'), epochs=60, learning_rate=2e-2).fit(h, scenes=parity)
    even, odd = (np.exp(m.score(h, scene=scene)) for scene in ('even', 'odd'))
    share = lambda p: (p[:, ::2].sum(1) / p.sum(1)).mean()
    assert share(even) > .65 and share(odd) < .35
    with pytest.raises(InputError, match='use one of even, odd'): m.score(h, scene='cart')
    with pytest.raises(InputError, match='fit a model with scenes'): BehaviourTransformer(V, **SMALL).fit(H).represent(H, scene='home')


def test_refresh_learns_what_is_newer_and_only_that():
    first, whole = H.before(H.timestamps.min() + 6 * DAY), H
    m = BehaviourTransformer(V, **SMALL).fit(first)
    assert m.newest_ == first.timestamps.max()
    _, targets = basket_examples(whole, 6, since=m.newest_)
    assert len(targets) == 10 * 3
    before = m.score(whole).copy()
    m.refresh(first)
    np.testing.assert_array_equal(m.score(whole), before)
    m.refresh(whole, learning_rate=1e-2)
    assert np.abs(m.score(whole) - before).max() > 1e-3 and m.newest_ == whole.timestamps.max()
    again = BehaviourTransformer(V, **SMALL).fit(first).refresh(whole, learning_rate=1e-2)
    np.testing.assert_array_equal(again.score(whole), m.score(whole))


def test_refresh_over_another_catalogue_keeps_what_was_learned():
    m = BehaviourTransformer(V, **SMALL, repeat=True).fit(H)
    kept = m.model_.get_layer('item_table').own.numpy()
    other = replace(H, item_ids=np.append(['new'], H.item_ids).astype(object), items=H.items + 1)
    with pytest.raises(InputError, match='another catalogue'): m.refresh(other)
    before = m.score(H)
    m.refresh(other, item_vectors=np.concatenate([np.ones((1, 5), 'float32'), V]))
    np.testing.assert_array_equal(m.model_.get_layer('item_table').own.numpy()[1:], kept)
    np.testing.assert_allclose(np.exp(m.score(other)[:, 1:]) / np.exp(m.score(other)[:, 1:]).sum(1, keepdims=True), np.exp(before) / np.exp(before).sum(1, keepdims=True), rtol=.2)
    with pytest.raises(InputError, match='place codes'): m.refresh(replace(other, place_names=('a', 'b', 'c')))
    del m.newest_
    with pytest.raises(InputError, match='since'): m.refresh(other)
