"Fusion: padding and absent parts change nothing, gates are shares, what is saved comes back, and a planted interaction is learned by gates and not by a sum"
import numpy as np, pandas as pd, pytest
from seqrep_nb.core import InputError, seed_everything
from seqrep_nb.histories import DAY, build_histories

KINDS = ['sum', 'hidden_sum', 'concat', 'gated', 'attention']
WIDTHS = dict(text=7, action=3, time=6, place=2, price=1)
each_kind = pytest.mark.parametrize('kind', KINDS)


@pytest.fixture(scope='module')
def fusion():
    from seqrep_nb import fusion
    return fusion


def parts(seed=0, rows=5, k=4):
    rng = np.random.default_rng(seed)
    return {n: rng.normal(size=(rows, k, d)).astype('float32') for n, d in WIDTHS.items()}, {n: rng.random((rows, k)) < .7 for n in WIDTHS}


def shaken(layer, seed=3):
    "Other weights than those that a layer begins with, biases among them."
    rng = np.random.default_rng(seed)
    for v in layer.trainable_variables: v.assign(v + rng.normal(0, .3, v.shape))
    return layer


def made(fusion, kind, **kw):
    layer = fusion.FUSIONS[kind](8, **kw)
    layer(*parts())
    return shaken(layer)


def value(layer, x, there, **kw): return np.asarray(layer(x, there, **kw))


@each_kind
def test_shape_and_nothing_from_nothing(fusion, kind):
    x, there = parts()
    there = {n: seen & (np.arange(4) > 0) for n, seen in there.items()}
    e = value(made(fusion, kind), x, there)
    some = np.any([*there.values()], 0)
    assert e.shape == (5, 4, 8) and (e[~some] == 0).all() and (np.abs(e[some]).max(-1) > 0).all()


@each_kind
def test_what_is_absent_is_not_read(fusion, kind):
    "Whatever stands where a part is absent; and a part that is not given is one that is absent everywhere."
    layer, (x, there) = made(fusion, kind), parts()
    e = value(layer, x, there)
    noise = {n: np.where(there[n][..., None], v, 100 * parts(9)[0][n]) for n, v in x.items()}
    np.testing.assert_allclose(value(layer, noise, there), e, atol=1e-5)
    fewer = {n: v for n, v in x.items() if n != 'place'}
    absent = value(layer, x, dict(there, place=np.zeros((5, 4), bool)))
    np.testing.assert_allclose(value(layer, fewer, {n: there[n] for n in fewer}), absent, atol=1e-5)
    assert np.abs(absent - e).max() > 1e-2
    with pytest.raises(InputError, match='weather'): layer(dict(x, weather=x['price']), dict(there, weather=there['price']))


@each_kind
def test_events_do_not_see_each_other(fusion, kind):
    layer, (x, there) = made(fusion, kind), parts()
    e, order = value(layer, x, there), np.random.default_rng(1).permutation(4)
    np.testing.assert_allclose(value(layer, {n: v[:, order] for n, v in x.items()}, {n: v[:, order] for n, v in there.items()}), e[:, order], atol=1e-5)


@each_kind
def test_the_order_of_the_parts_is_of_no_account(fusion, kind):
    "Built from the parts in another order, with the same weights by name."
    layer, (x, there) = made(fusion, kind), parts()
    other = fusion.FUSIONS[kind](8)
    back = dict(reversed(x.items()))
    other(back, there)
    for n in WIDTHS: other.project[n].set_weights(layer.project[n].get_weights())
    own = lambda l: {v.path.split('/', 1)[1]: v for v in l.trainable_variables}
    for path, v in own(other).items(): v.assign(own(layer)[path])
    np.testing.assert_allclose(value(other, back, there), value(layer, x, there), atol=1e-6)


@pytest.mark.parametrize('kind', ['sum', 'attention'])
def test_equal_treatment_of_parts_under_other_names(fusion, kind):
    "Names swapped together with their weights: sum and attention have no place for a part."
    layer, (x, there) = made(fusion, kind), parts()
    x['action'] = parts(4)[0]['text'][..., :7]
    layer = fusion.FUSIONS[kind](8); layer(x, there); shaken(layer)
    e = value(layer, x, there)
    a, b = (layer.names.index(n) for n in ('action', 'text'))
    wa, wb = (layer.project[n].get_weights() for n in ('action', 'text'))
    layer.project['action'].set_weights(wb); layer.project['text'].set_weights(wa)
    if kind == 'attention':
        token = np.asarray(layer.token); token[[a, b]] = token[[b, a]]; layer.token.assign(token)
    swap = lambda d: dict(d, action=d['text'], text=d['action'])
    np.testing.assert_allclose(value(layer, swap(x), swap(there)), e, atol=1e-5)


@each_kind
def test_from_config_with_the_same_weights_gives_the_same(fusion, kind):
    layer, (x, there) = made(fusion, kind, part_dropout=.2, seed=4), parts()
    again = type(layer).from_config(layer.get_config())
    again(x, there); again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(value(again, x, there), value(layer, x, there))
    assert again.part_dropout == .2 and again.get_config() == layer.get_config()


def test_gates_are_shares(fusion):
    x, there = parts()
    some = np.any([*there.values()], 0)
    seen = np.stack([there[n] for n in sorted(WIDTHS)], -1)
    for kind, kw in dict(gated=dict(), attention=dict()).items():
        layer = made(fusion, kind, **kw)
        s = np.asarray(layer.shares(*layer.projected(x, there)))
        assert (s >= 0).all() and (s[~seen] == 0).all()
        np.testing.assert_allclose(s.sum(-1), some, atol=1e-5)
    free = made(fusion, 'gated', gates='sigmoid')
    g = np.asarray(free.gate_values(*free.projected(x, there)))
    assert ((g >= 0) & (g <= 1)).all() and (g[~seen] == 0).all() and g.sum(2).max() > 1.05
    with pytest.raises(InputError, match='softmax'): fusion.GatedFusion(4, gates='hard')


@each_kind
def test_part_dropout_is_for_training_alone_and_takes_a_part_from_a_whole_window(fusion, kind):
    x, _ = parts(rows=200)
    there = dict.fromkeys(WIDTHS, np.ones((200, 4), bool))
    layer = made(fusion, kind, part_dropout=.5)
    calm = value(layer, x, there)
    np.testing.assert_array_equal(value(layer, x, there, training=False), calm)
    e = value(layer, x, there, training=True)
    moved = np.abs(e - calm).max(-1) > 1e-6
    assert (moved == moved[:, :1]).all() and .9 < moved.mean() < 1          # all parts stay in one window of 32
    plain = made(fusion, kind)
    np.testing.assert_array_equal(value(plain, x, there, training=True), value(plain, x, there))


def test_a_sum_adds_and_a_gate_does_not(fusion):
    x, _ = parts()
    there = dict.fromkeys(WIDTHS, np.ones((5, 4), bool))
    def mixed_difference(layer): # zero for every sum of functions of one part each
        with_ = lambda *names: value(layer, dict(x, **{n: parts(8)[0][n] for n in names}), there)
        return np.abs(with_('text', 'price') - with_('text') - with_('price') + with_()).max()
    assert mixed_difference(made(fusion, 'sum')) < 1e-4
    assert all(mixed_difference(made(fusion, kind)) > 1e-2 for kind in KINDS[1:])


def log():
    rng, at = np.random.default_rng(0), pd.Timestamp('2024-01-01', tz='UTC')
    rows = [(f'u{u}', None if a == 'search' else f'i{rng.integers(9)}', a, at + pd.Timedelta(minutes=int(m)), np.nan if a == 'search' else 5., rng.choice(['web', 'app', None]))
            for u in range(6) for m, a in zip(np.sort(rng.choice(90_000, 3 + 4*u, replace=False)), rng.choice(['search', 'view', 'buy'], 3 + 4*u))]
    return build_histories(pd.DataFrame(rows, columns=['user_id', 'item_id', 'action', 'timestamp', 'price', 'place']).astype(dict(place='object')))


def test_parts_of_the_past_alone(fusion):
    h = log()
    users, now = h.users, h.timestamps
    p = fusion.event_parts(h, users, now, 5)
    for row, (u, t) in enumerate(zip(users, now)):
        past = np.flatnonzero((h.users == u) & (h.timestamps < t))[-5:]
        n = len(past)
        assert p['mask'][row].tolist() == [False] * (5 - n) + [True] * n
        for name, values in dict(text=h.items, item=h.items, action=h.actions, place=h.places).items():
            assert p[name][row].tolist() == [0] * (5 - n) + (values[past] + 1).tolist()
        if n: assert p['time'][row, -1, 0] == pytest.approx(np.log1p((t - h.timestamps[past[-1]]) / DAY * 1440) / np.log1p(1440), rel=1e-5)
        assert (p['time'][row, :5 - n] == 0).all() and ((p['price'][row, 5 - n:, 0] > 0) == (h.items[past] >= 0)).all()
    late = fusion.event_parts(h, users, now, 9)                              # a longer window only adds on the left
    for name in p: np.testing.assert_array_equal(late[name][:, 4:], p[name])
    with pytest.raises(InputError, match='one code per event'): fusion.event_parts(h, users, now, 5, texts=[0])


def encoder_inputs(fusion, window=5):
    h = log()
    p = fusion.event_parts(h, h.users, h.timestamps, window)
    table = np.concatenate([np.zeros((1, 7)), np.random.default_rng(0).normal(size=(9, 7))]).astype('float32')
    return dict({n: p[n] for n in ('action', 'place', 'time', 'price', 'mask')}, text=table[p['text']]), dict(action=len(h.action_names), place=len(h.place_names))


@each_kind
def test_encoder_with_more_padding_and_without_a_part(fusion, kind):
    inputs, codes = encoder_inputs(fusion)
    encoder = fusion.EventEncoder(codes, kind, width=8)
    e = np.asarray(encoder(inputs)); shaken(encoder); e = np.asarray(encoder(inputs))
    assert e.shape == (*inputs['mask'].shape, 8) and (e[~inputs['mask']] == 0).all()
    padded = {n: np.concatenate([np.zeros_like(v[:, :3]), v], 1) for n, v in inputs.items()}
    np.testing.assert_allclose(np.asarray(encoder(padded))[:, 3:], e, atol=1e-5)
    hidden = {n: np.where(inputs['mask'].reshape(inputs['mask'].shape + (1,) * (v.ndim - 2)), v, np.ones_like(v)) if n != 'mask' else v for n, v in inputs.items()}
    np.testing.assert_allclose(np.asarray(encoder(hidden)), e, atol=1e-5)    # what lies under the padding is not read
    no_place = {n: v for n, v in inputs.items() if n != 'place'}
    np.testing.assert_allclose(np.asarray(encoder(no_place)), np.asarray(encoder(dict(inputs, place=0 * inputs['place']))), atol=1e-5)
    with pytest.raises(InputError, match='use one of'): fusion.EventEncoder(codes, 'product')


def test_encoder_comes_back_from_its_config_and_a_model_from_its_file(fusion, tmp_path):
    inputs, codes = encoder_inputs(fusion)
    encoder = fusion.EventEncoder(codes, fusion.GatedFusion(6, gates='sigmoid', part_dropout=.1), hidden=5)
    e = np.asarray(encoder(inputs))
    again = fusion.EventEncoder.from_config(encoder.get_config())
    again(inputs); again.set_weights(encoder.get_weights())
    np.testing.assert_array_equal(np.asarray(again(inputs)), e)
    assert (again.fusion.gates, again.fusion.part_dropout, again.hidden) == ('sigmoid', .1, 5)
    texts = dict(inputs, text=np.random.default_rng(2).integers(0, 10, inputs['mask'].shape).astype('int32'))
    model = fusion.event_model(texts, np.random.default_rng(0).normal(size=(9, 7)), codes, 'attention', width=6)
    model.save(tmp_path/'model.keras')
    loaded = fusion.keras.saving.load_model(tmp_path/'model.keras')
    np.testing.assert_allclose(np.asarray(loaded(texts)), np.asarray(model(texts)), atol=1e-6)
    shares = fusion.part_shares(loaded, texts)
    assert set(shares) == set(WIDTHS) and (shares['text'][(texts['text'] == 0) | ~inputs['mask']] == 0).all()
    with pytest.raises(InputError, match='no shares'): fusion.EventEncoder(codes, 'sum', width=4).shares(inputs)


def test_gates_learn_a_planted_interaction_that_a_sum_cannot(fusion):
    "The price counts of one action only; both classifiers see the same and are trained alike."
    from sklearn.metrics import roc_auc_score
    rng = np.random.default_rng(0)
    inputs = dict(action=rng.integers(1, 3, (3_000, 6)).astype('int32'), price=rng.normal(size=(3_000, 6, 1)).astype('float32'), mask=np.ones((3_000, 6), bool))
    inputs['action'][:, -1] = 1                                              # the reader knows the newest event on its own
    y = ((inputs['price'][..., 0] * (inputs['action'] == 2)).sum(1) > 0).astype('float32')
    areas = {}
    for kind in ('sum', 'gated'):
        seed_everything(0, tensorflow=True)
        model = fusion.event_model(inputs, None, dict(action=2), kind, width=8)
        model.compile(fusion.keras.optimizers.Adam(1e-2), 'binary_crossentropy', jit_compile=False)
        model.fit({n: v[:2_500] for n, v in inputs.items()}, y[:2_500], batch_size=100, epochs=5, verbose=0)
        areas[kind] = roc_auc_score(y[2_500:], np.asarray(model({n: v[2_500:] for n, v in inputs.items()}))[:, 0])
    assert areas['gated'] > .93 and areas['gated'] > areas['sum'] + .1, areas
