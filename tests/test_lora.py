"LoRA and AdaLoRA held against the papers' formulas, written out slowly; what is saved comes back bit for bit or is refused"
import json, shutil
from fractions import Fraction
import numpy as np, pytest
from hypothesis import given, settings, strategies as st
from safetensors.numpy import load_file, save_file
from common import ROOT
from seqrep_nb import backbone
from seqrep_nb.core import InputError

lora = pytest.importorskip('seqrep_nb.lora')
tf, keras = lora.tf, lora.keras
GPT2 = ROOT/'tests'/'golden'/'gpt2'


def random_bert(folder, blocks):
    keras.utils.set_random_seed(0)
    model = lora.keras_hub.models.BertBackbone(vocabulary_size=2_000, num_layers=blocks, num_heads=2, hidden_dim=16, intermediate_dim=24, max_sequence_length=40)
    for v in model.weights: v.assign(v + np.random.default_rng(0).normal(0, .2, v.shape))
    return backbone.save_backbone(backbone.exact_gelu(model), folder/'checkpoint')


@pytest.fixture(scope='module')
def bert(tmp_path_factory):
    "A random BERT of three narrow blocks, saved once."
    return random_bert(tmp_path_factory.mktemp('lora'), 3)


@pytest.fixture(scope='module')
def two_blocks(tmp_path_factory): return random_bert(tmp_path_factory.mktemp('two'), 2)


@pytest.fixture(scope='module')
def one_block(tmp_path_factory):
    "Four matrices, for what is asked of a training whatever the depth: to trace it takes a third."
    return random_bert(tmp_path_factory.mktemp('one'), 1)


@pytest.fixture(scope='module', params=['bert', 'gpt2'])
def checkpoint(request, bert): return dict(bert=bert, gpt2=GPT2)[request.param]


IDS = np.random.default_rng(1).integers(5, 40, (4, 7))
MASK = np.arange(7) < np.array([7, 3, 1, 5])[:, None]


def hidden(model): return backbone.last_hidden(model, IDS, MASK).numpy()


def shaken(model, seed=0, scale=.3):
    "Numbers in everything that an adapter owns; masks stay 0 or 1."
    rng = np.random.default_rng(seed)
    for layer in lora.adapters(model).values():
        for v in layer.own(): v.assign(rng.integers(0, 2, v.shape) if v.name == 'mask' else rng.normal(0, scale, v.shape))
    return model


@pytest.mark.parametrize('kind', ['lora', 'adalora'])
def test_the_start_changes_nothing_and_trains_the_adapters_alone(checkpoint, kind):
    plain = backbone.load_backbone(checkpoint)
    model = lora.add_adapters(backbone.load_backbone(checkpoint), kind, rank=2)
    np.testing.assert_array_equal(hidden(model), hidden(plain))
    found = lora.adapters(model)
    assert list(found) == [f'block_{n}_{part}' for n in range(plain.num_layers) for part in lora.MATRICES]
    own = {id(v) for layer in found.values() for v in layer.own() if v.trainable}
    assert {id(v) for v in model.trainable_variables} == own
    per_matrix = 2 * 16 * 2 + (2 if kind == 'adalora' else 0)
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == per_matrix * len(found)
    assert len({v.path for v in model.trainable_variables}) == len(model.trainable_variables)      # rates and checkpoints go by path


def test_some_matrices_alone(bert):
    model = lora.add_adapters(backbone.load_backbone(bert), rank=1, matrices=('value', 'query'))
    assert list(lora.adapters(model)) == [f'block_{n}_{part}' for n in range(3) for part in ('query', 'value')]


def effective(layer):
    "The kernel that the layer stands for, from its factors, in float64."
    own = {v.name: v.numpy().astype('float64') for v in layer.own()}
    change = own['A'] @ own['B'] if 'A' in own else own['P'] @ np.diag(own['L']) @ own['Q']
    kernel = layer.frozen.kernel.numpy().astype('float64')
    return kernel + (layer.alpha / layer.rank * change).reshape(kernel.shape)


@pytest.mark.parametrize('kind', ['lora', 'adalora'])
def test_a_layer_computes_the_formula(checkpoint, kind):
    model = shaken(lora.add_adapters(backbone.load_backbone(checkpoint), kind, rank=3, alpha=5))
    rng = np.random.default_rng(2)
    for name, layer in lora.adapters(model).items():
        x = rng.normal(size=(2, 5, model.num_heads, 16 // model.num_heads) if name.endswith('output') else (2, 5, 16))
        y, kernel = layer(x.astype('float32')).numpy(), effective(layer)
        expected = x.reshape(10, 16) @ kernel.reshape(16, 16) + layer.bias.numpy().ravel()
        np.testing.assert_allclose(y.reshape(10, 16), expected, atol=2e-5)
        np.testing.assert_allclose(np.asarray(layer.kernel), kernel, atol=1e-5)
        assert y.shape == layer.frozen(x.astype('float32')).shape


@pytest.mark.parametrize('kind', ['lora', 'adalora'])
def test_gradients_are_those_of_the_formula(bert, kind):
    layer = lora.adapters(shaken(lora.add_adapters(backbone.load_backbone(bert), kind, rank=3, alpha=5)))['block_1_key']
    rng = np.random.default_rng(3)
    x, g, s = rng.normal(size=(2, 5, 16)), rng.normal(size=(10, 16)), 5 / 3
    train = [v for v in layer.own() if v.trainable]
    with tf.GradientTape() as tape: value = tf.reduce_sum(tf.reshape(layer(tf.constant(x, 'float32')), (10, 16)) * g.astype('float32'))
    found = {v.name: d.numpy() for v, d in zip(train, tape.gradient(value, [v.value for v in train]))}
    own, x = {v.name: v.numpy().astype('float64') for v in train}, x.reshape(10, 16)
    if kind == 'lora': expected = dict(A=s * x.T @ g @ own['B'].T, B=s * (x @ own['A']).T @ g)
    else:
        P, L, Q = own['P'], own['L'], own['Q']
        expected = dict(P=s * x.T @ g @ Q.T * L, L=s * ((x @ P) * (g @ Q.T)).sum(0), Q=s * (x @ P * L).T @ g)
    assert found.keys() == expected.keys()
    for name in found: np.testing.assert_allclose(found[name], expected[name], rtol=2e-4, atol=2e-4, err_msg=name)


@pytest.mark.parametrize('kind', ['lora', 'adalora'])
def test_merged_equals_unmerged_and_is_a_plain_checkpoint(checkpoint, kind, tmp_path):
    plain = backbone.load_backbone(checkpoint)
    model = shaken(lora.add_adapters(backbone.load_backbone(checkpoint), kind, rank=3, matrices=('query', 'output')), scale=.1)
    before, kernels = hidden(model), {name: effective(layer) for name, layer in lora.adapters(model).items()}
    unmerged = backbone.save_backbone(model, tmp_path/'unmerged', tokenizer_from=checkpoint)
    merged = lora.merge(model)
    assert merged is model and not lora.adapters(model) and np.abs(before - hidden(plain)).max() > .01
    np.testing.assert_allclose(hidden(model), before, atol=1e-5)
    for name, (owner, attribute) in lora.attention_matrices(model).items():
        if name in kernels: np.testing.assert_allclose(getattr(owner, attribute).kernel.numpy(), kernels[name], atol=1e-6)
    assert [v.path.split('/')[-2:] for v in model.weights] == [v.path.split('/')[-2:] for v in plain.weights] and len(model.trainable_weights) == len(plain.trainable_weights)
    again = backbone.load_backbone(backbone.save_backbone(model, tmp_path/'merged', tokenizer_from=checkpoint))
    np.testing.assert_array_equal(hidden(again), hidden(model))
    np.testing.assert_allclose(hidden(backbone.load_backbone(unmerged)), hidden(model), atol=1e-6)    # saved with the adapters in: the same weights
    assert lora.adapters(lora.add_adapters(model))                                                       # and it may be adapted anew


def test_a_merge_of_nothing_changes_nothing(bert):
    model = lora.merge(lora.add_adapters(backbone.load_backbone(bert), 'adalora', rank=4))
    np.testing.assert_array_equal(hidden(model), hidden(backbone.load_backbone(bert)))


# AdaLoRA's rules, each against the paper's formula

def slow_importance(weights, gradients, beta1, beta2):
    "S after the last of several steps; weights and gradients are lists of (P, L, Q), one number at a time."
    P, L, Q = weights[0]
    S = []
    for k in range(len(L)):
        score = lambda pick: slow_score([pick(*w) for w in weights], [pick(*g) for g in gradients], beta1, beta2)
        value = score(lambda P, L, Q: L[k])
        value += sum(score(lambda P, L, Q: P[j, k]) for j in range(P.shape[0])) / P.shape[0]
        value += sum(score(lambda P, L, Q: Q[k, j]) for j in range(Q.shape[1])) / Q.shape[1]
        S.append(value)
    return np.array(S)


def slow_score(w, g, beta1, beta2):
    mean, unrest = 0., 0.
    for weight, gradient in zip(w, g):
        now = abs(weight * gradient)
        mean = beta1 * mean + (1 - beta1) * now
        unrest = beta2 * unrest + (1 - beta2) * abs(now - mean)
    return mean * unrest


@pytest.mark.parametrize('beta1,beta2', [(.85, .85), (.5, .9)])
def test_importance_over_several_steps(bert, beta1, beta2):
    model = lora.add_adapters(backbone.load_backbone(bert), 'adalora', rank=3)
    allocator = lora.RankAllocator(model, 100, target=2, beta1=beta1, beta2=beta2)
    variables = list(reversed(model.trainable_variables))                          # their order must not matter
    observe, rng, seen = allocator.observer(variables), np.random.default_rng(0), {name: ([], []) for name in allocator.layers}
    graph = tf.function(lambda *gradients: observe(list(gradients)), autograph=False)
    for _ in range(6):
        shaken_gradients = [rng.normal(size=v.shape).astype('float32') for v in variables]
        for v in variables: v.assign(rng.normal(size=v.shape))
        by_id = {id(v): g for v, g in zip(variables, shaken_gradients)}
        for name, a in allocator.layers.items():
            seen[name][0].append([v.numpy().astype('float64') for v in (a.P, a.L, a.Q)])
            seen[name][1].append([by_id[id(v)].astype('float64') for v in (a.P, a.L, a.Q)])
        graph(*map(tf.constant, shaken_gradients))
    for name, a in allocator.layers.items(): np.testing.assert_allclose(a.importance(), slow_importance(*seen[name], beta1, beta2), rtol=2e-4, err_msg=name)


@given(st.integers(1, 400), st.integers(0, 60), st.integers(0, 60), st.integers(1, 300), st.integers(0, 300))
@settings(max_examples=60, deadline=None)
def test_the_schedule_at_every_step(steps, warm, final, end, more):
    if warm + final >= steps: return
    for t in range(steps + 1):
        if t < warm: slow = Fraction(end + more)
        elif t >= steps - final: slow = Fraction(end)
        else: slow = end + more * (1 - Fraction(t - warm, steps - warm - final)) ** 3
        assert lora.budget(t, steps, end + more, end, warm, final) == slow // 1, t


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30), st.data())
def test_selection_with_ties(scores, data):
    count = data.draw(st.integers(0, len(scores)))
    left, slow = list(enumerate(scores)), np.zeros(len(scores), bool)
    for _ in range(count):                                                         # the largest, and of these the first, one by one
        best = max(score for _, score in left)
        place = next(n for n, score in left if score == best)
        slow[place], left = True, [(n, score) for n, score in left if n != place]
    np.testing.assert_array_equal(lora.keep_largest(np.array(scores, 'float32'), count), slow)


def test_penalty_and_its_gradient(bert):
    model = shaken(lora.add_adapters(backbone.load_backbone(bert), 'adalora', rank=3))
    allocator = lora.RankAllocator(model, 10, target=2, weight=.3)
    with tf.GradientTape() as tape: value = allocator.penalty()
    pairs = [(a.P, a.Q) for a in allocator.layers.values()]
    found = tape.gradient(value, [v.value for pair in pairs for v in pair])
    expected, slopes = 0., []
    for P, Q in [(P.numpy().astype('float64'), Q.numpy().astype('float64')) for P, Q in pairs]:
        for i in range(3):
            for j in range(3): expected += ((P[:, i] @ P[:, j] - (i == j)) ** 2 + (Q[i] @ Q[j] - (i == j)) ** 2) * .3
        slopes += [.3 * 4 * P @ (P.T @ P - np.eye(3)), .3 * 4 * (Q @ Q.T - np.eye(3)) @ Q]
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    for slope, d in zip(slopes, found): np.testing.assert_allclose(d, slope, rtol=1e-3, atol=1e-4)
    fresh = lora.RankAllocator(lora.add_adapters(backbone.load_backbone(bert), 'adalora', rank=3), 10, target=2)
    assert float(fresh.penalty()) < 1e-9                                             # starts orthonormal


def test_the_budget_is_spent_as_the_paper_says(bert):
    "Weights and scores are set by hand at every step; a slow copy follows the rules beside."
    model = lora.add_adapters(backbone.load_backbone(bert), 'adalora', rank=4)
    allocator = lora.RankAllocator(model, 40, target=1.5, warm=.1, final=.25, every=3)
    assert (allocator.start, allocator.end, allocator.warm, allocator.final) == (48, 18, 4, 10)
    rng, fixed = np.random.default_rng(0), None
    for step in range(1, 41):
        for a in allocator.layers.values():
            a.L.assign(rng.normal(size=4)); a.sensitivity.assign(rng.random(a.sensitivity.shape)); a.uncertainty.assign(rng.random(a.sensitivity.shape))
        before, scores = np.concatenate([a.L.numpy() for a in allocator.layers.values()]), np.concatenate([a.importance() for a in allocator.layers.values()])
        allocator.after(step)
        L = np.concatenate([a.L.numpy() for a in allocator.layers.values()])
        if step < 4 or step < 30 and step % 3: expected = before
        else:
            if step <= 30: fixed = np.isin(np.arange(48), np.argsort(-scores)[:allocator.budget(step)])
            expected = np.where(fixed, before, 0)
        np.testing.assert_array_equal(L, expected, err_msg=str(step))
    assert sum(allocator.ranks().values()) == 18 == int((L != 0).sum())


@pytest.mark.parametrize('fault,said', [(dict(target=5), '60 triplets of 48'), (dict(target=0), 'asks for 0'), (dict(warm=.6, final=.5), 'leave a share'), (dict(warm=-.1), 'leave a share'), (dict(every=0), 'every')])
def test_an_impossible_budget_is_refused(bert, fault, said):
    with pytest.raises(InputError, match=said): lora.RankAllocator(lora.add_adapters(backbone.load_backbone(bert), 'adalora', rank=4), 40, **dict(dict(target=2), **fault))


def test_only_adalora_has_a_budget(bert):
    for model in (backbone.load_backbone(bert), lora.add_adapters(backbone.load_backbone(bert))):
        with pytest.raises(InputError, match='has no AdaLoRA adapters'): lora.RankAllocator(model, 10)


@pytest.mark.parametrize('asked,said', [(dict(kind='dora'), "'adalora', 'lora'"), (dict(rank=0), 'use 1 to 16'), (dict(rank=17), 'use 1 to 16'), (dict(matrices=('query', 'gate')), "'gate'"),
                                        (dict(rank=2.5), 'use 1 to 16'), (dict(alpha=0.), 'alpha'), (dict(alpha=np.nan), 'alpha'), (dict(matrices=()), 'one or several'), (dict(matrices='query'), 'one or several')])
def test_senseless_adapters_are_refused(bert, asked, said):
    model = backbone.load_backbone(bert)
    with pytest.raises(InputError, match=said): lora.add_adapters(model, **asked)
    assert not lora.adapters(model) and len(model.trainable_variables) == len(model.weights)       # and nothing was changed


def test_no_second_set_of_adapters(bert):
    with pytest.raises(InputError, match='has adapters already'): lora.add_adapters(lora.add_adapters(backbone.load_backbone(bert)))


# What was saved

@pytest.mark.parametrize('kind', ['lora', 'adalora'])
def test_saved_adapters_come_back_bit_for_bit(checkpoint, kind, tmp_path):
    model = shaken(lora.add_adapters(backbone.load_backbone(checkpoint), kind, rank=3, alpha=7, matrices=('key', 'output')))
    head = dict(kernel=np.random.default_rng(0).normal(size=(16, 2)), bias=np.float32([1, 2]))
    lora.save_adapters(model, tmp_path/'a', checkpoint, head, dict(note=[1, 'two']))
    again, found, told = lora.load_adapters(tmp_path/'a', checkpoint, kind)
    assert told == dict(note=[1, 'two']) and sorted(p.name for p in (tmp_path/'a').iterdir()) == ['adapters.json', 'adapters.safetensors']
    ours, theirs = lora._variables(model), lora._variables(again)
    assert ours.keys() == theirs.keys() and lora.adapters(again).keys() == lora.adapters(model).keys()
    for name in ours: np.testing.assert_array_equal(ours[name].numpy(), theirs[name].numpy())
    for name in head:
        np.testing.assert_array_equal(found[name], head[name])
        assert found[name].dtype == head[name].dtype
    np.testing.assert_array_equal(hidden(again), hidden(model))


@pytest.fixture(scope='module')
def saved_once(bert, tmp_path_factory): return lora.save_adapters(shaken(lora.add_adapters(backbone.load_backbone(bert), 'adalora', rank=2)), tmp_path_factory.mktemp('saved')/'a', bert, dict(bias=np.zeros(1)))


@pytest.fixture
def saved(saved_once, tmp_path): return shutil.copytree(saved_once, tmp_path/'a')


def arrays(folder, change):
    found = load_file(folder/lora.ARRAYS)
    save_file(change(found) or found, folder/lora.ARRAYS)


def told(folder, **fields): (folder/lora.TOLD).write_text(json.dumps(json.loads((folder/lora.TOLD).read_text()) | fields))


FAULTS = dict(
    missing=(lambda f: arrays(f, lambda t: t.pop('block_1_key/P') is None), 'block_1_key/P', 'has no array'),
    renamed=(lambda f: arrays(f, lambda t: t.update({'block_9_key/P': t.pop('block_1_key/P')})), 'block_1_key/P', 'has no array'),
    extra=(lambda f: arrays(f, lambda t: t.update(more=np.zeros(2))), "'more'", 'no place'),
    ill_shaped=(lambda f: arrays(f, lambda t: t.update({'block_1_key/Q': np.zeros((3, 16), 'float32')})), 'shape (3, 16)', '(2, 16)'),
    no_mask=(lambda f: arrays(f, lambda t: t.pop('block_0_query/mask') is None), 'block_0_query/mask'),
    not_finite=(lambda f: arrays(f, lambda t: t['block_0_query/L'].__setitem__(1, np.nan)), 'block_0_query/L', 'not finite'),
    no_head=(lambda f: arrays(f, lambda t: t.pop('head/bias') is None), 'head/bias'),
    another_rank=(lambda f: told(f, rank=3), 'shape', 'is due'),
    no_rank=(lambda f: told(f, rank='3'), 'rank', 'save_adapters'),
    a_kind_of_the_future=(lambda f: told(f, kind='dora'), "'dora'", "'adalora'"),
    another_kind=(lambda f: told(f, kind='lora'), 'has no array'),
    another_checkpoint=(lambda f: told(f, checkpoint='0' * 32), '0' * 32, 'trained on'),
    a_head_without_shape=(lambda f: told(f, head=dict(bias=1)), 'head'),
    a_list=(lambda f: (f/lora.TOLD).write_text('[]'), 'save_adapters'),
    no_json=(lambda f: (f/lora.TOLD).unlink(), 'adapters.json'),
    no_arrays=(lambda f: (f/lora.ARRAYS).unlink(), 'adapters.safetensors'),
    cut=(lambda f: (f/lora.ARRAYS).write_bytes((f/lora.ARRAYS).read_bytes()[:300]), 'adapters.safetensors', 'again'),
)


@pytest.mark.parametrize('name', FAULTS)
def test_a_broken_folder_is_refused(name, saved, bert):
    fault, *said = FAULTS[name]
    fault(saved)
    with pytest.raises(InputError) as error: lora.load_adapters(saved, bert)
    assert all(words in str(error.value) for words in said), str(error.value)


def test_the_wrong_kind_and_the_wrong_checkpoint_are_refused(saved, bert):
    with pytest.raises(InputError, match="not 'lora'"): lora.load_adapters(saved, bert, kind='lora')
    with pytest.raises(InputError, match='hash'): lora.load_adapters(saved, GPT2)


def test_nothing_else_is_overwritten(bert, tmp_path):
    model = lora.add_adapters(backbone.load_backbone(bert))
    (tmp_path/'mine').mkdir(); (tmp_path/'mine'/'diary.txt').write_text('x')
    with pytest.raises(InputError): lora.save_adapters(model, tmp_path/'mine', bert)
    with pytest.raises(InputError, match='finds no adapters'): lora.save_adapters(backbone.load_backbone(bert), tmp_path/'a', bert)
    assert lora.save_adapters(model, lora.save_adapters(model, tmp_path/'a', bert), bert).is_dir()      # its own kind may be replaced


# Classifiers

def some_lines(n, labels=None, seed=0):
    rng = np.random.default_rng(seed)
    mask = np.arange(8) < rng.integers(2, 9, n)[:, None]
    y = (rng.random((n, labels or 1)) < .5).astype('int8')
    y[:2] = [[0], [1]]
    return rng.integers(5, 90, (n, 8)) * mask, mask, y if labels else y[:, 0]


CLASSIFIERS = dict(lora=lambda **kw: lora.LoRAClassifier(**dict(dict(rank=2, epochs=2, batch_size=8), **kw)), adalora=lambda **kw: lora.AdaLoRAClassifier(**dict(dict(rank=3, target=1.5, epochs=2, batch_size=8, every=2), **kw)))


@pytest.mark.parametrize('labels', [None, 3])
@pytest.mark.parametrize('kind', CLASSIFIERS)
def test_a_classifier_learns_and_comes_back_bit_for_bit(two_blocks, kind, labels, tmp_path):
    from sklearn.base import clone
    ids, mask, y = some_lines(40, labels)
    fresh = CLASSIFIERS[kind](checkpoint=str(two_blocks), learning_rate=.01)
    model = clone(fresh).fit(ids, mask, y, validation=some_lines(24, labels, 1))
    assert model.get_params() == fresh.get_params()                                  # parameters stay as they were given
    factors = 8 * (2 * 16 * model.rank + (model.rank if kind == 'adalora' else 0))
    assert model.trainable_['parameters'] == factors + 17 * (labels or 1) and model.history_[0]['epoch'] == 0
    p = model.predict_proba(ids, mask)
    assert p.shape == (40, labels or 2)
    np.testing.assert_array_equal(model.predict(ids, mask), (p > .5) if labels else p.argmax(1))
    again = lora.load_adapted_classifier(model.save(tmp_path/'a'), str(two_blocks), kind=kind)
    np.testing.assert_array_equal(again.predict_proba(ids, mask), p)
    assert type(again) is type(model) and again.history_ == model.history_ and again.rank == model.rank
    if kind == 'adalora': assert again.ranks_ == model.ranks_ and sum(model.ranks_.values()) == 12
    H = model.represent(ids, mask)
    lora.merge(model.backbone_)
    np.testing.assert_allclose(model.represent(ids, mask), H, atol=1e-5)


@pytest.mark.parametrize('kind', CLASSIFIERS)
def test_what_makes_it_worse_is_not_kept(one_block, kind):
    ids, mask, y = some_lines(40)
    start = CLASSIFIERS[kind](checkpoint=str(one_block), learning_rate=0.).fit(ids, mask, y, validation=(ids, mask, y))
    wild = CLASSIFIERS[kind](checkpoint=str(one_block), learning_rate=3.).fit(ids, mask, y, validation=(ids, mask, y))
    assert wild.history_[-1]['validation_loss'] > wild.history_[0]['validation_loss']
    np.testing.assert_allclose(wild.predict_proba(ids, mask), start.predict_proba(ids, mask), atol=1e-6)


@pytest.mark.parametrize('kind', CLASSIFIERS)
def test_a_fit_that_was_killed_goes_on(one_block, kind, tmp_path, monkeypatch):
    "After 13 of 24 steps, 12 of them on the disk: AdaLoRA has made its first cuts, others are to come."
    lines, given = some_lines(32), dict(checkpoint=str(one_block), batch_size=4, epochs=3, learning_rate=.01)
    whole = CLASSIFIERS[kind](**given).fit(*lines)
    real = lora.FineTunedClassifier._extras if kind == 'lora' else lora.AdaLoRAClassifier._extras

    def killed(self, steps):
        extras = dict(real(self, steps))
        then = extras.get('after', lambda step: None)
        def after(step):
            if step == 13: raise KeyboardInterrupt
            then(step)
        return extras | dict(after=after, keep_every=4)

    with monkeypatch.context() as patch:
        patch.setattr(lora.LoRAClassifier if kind == 'lora' else lora.AdaLoRAClassifier, '_extras', killed, raising=False)
        with pytest.raises(KeyboardInterrupt): CLASSIFIERS[kind](folder=str(tmp_path), **given).fit(*lines)
    resumed = CLASSIFIERS[kind](folder=str(tmp_path), **given).fit(*lines)
    for name, v in lora._variables(whole.backbone_).items(): np.testing.assert_array_equal(v.numpy(), lora._variables(resumed.backbone_)[name].numpy(), err_msg=name)
    np.testing.assert_array_equal(whole.predict_proba(*lines[:2]), resumed.predict_proba(*lines[:2]))


def test_adapters_without_a_classifier_are_no_classifier(saved, bert):
    with pytest.raises(InputError, match='does not describe a classifier'): lora.load_adapted_classifier(saved, str(bert))
