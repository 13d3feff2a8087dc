"A training that is killed at any moment goes on to the same bits, and what cannot be gone on from is refused before anything is changed"
import os, signal, subprocess, sys
from functools import lru_cache
from pathlib import Path
import numpy as np, pytest
from hypothesis import given, settings, strategies as st
from seqrep_nb.backbone import import_keras
from seqrep_nb.core import InputError, seed_everything
from seqrep_nb.train import FILE, Batches, adam, adamw, block_rates, seed_states, train, trainable_state

tf, keras, keras_hub = import_keras()
rng = np.random.default_rng(0)
X, Y = rng.normal(size=(50, 6)).astype('float32'), rng.integers(0, 3, 50).astype('int32')


def cross_entropy(y, logits): return keras.ops.mean(keras.ops.sparse_categorical_crossentropy(y, logits, from_logits=True))


def small_model(seed=0, dropout=.3):
    seed_everything(seed, tensorflow=True)
    return keras.Sequential([keras.Input((6,)), keras.layers.Dense(8, 'tanh'), keras.layers.Dropout(dropout), keras.layers.Dense(3)])


def fit(folder=None, model=None, steps=40, batch=None, peak=.05, validate=True, rows=Batches(50, 10), optimizer=None, **more):
    "-> history, trained weights"
    model = model or small_model()
    def loss(x, y): return cross_entropy(y, model(x, training=True))
    def asked(): return float(cross_entropy(Y, model(X)))
    more = dict(every=7, keep_every=3) | more
    history = train(loss, model.trainable_variables, batch or (lambda step: (X[rows(step)], Y[rows(step)])), steps, optimizer or adamw(peak, steps),
                    more.pop('state', None) or seed_states(model), asked if validate is True else validate or None, folder=folder, **more)
    return history, weights(model)


@lru_cache
def whole(): return fit()   # what every training with these settings must come to, however it was interrupted


def weights(model): return [v.numpy() for v in model.trainable_variables]
def same(a, b): return len(a) == len(b) and all(x.dtype == y.dtype and np.array_equal(x, y) for x, y in zip(a, b))


def stopping(at, error=RuntimeError, rows=Batches(50, 10)):
    def batch(step):
        if step == at: raise error('stopped')
        return X[rows(step)], Y[rows(step)]
    return batch


def check_goes_on(folder, at, error=RuntimeError, **more):
    with pytest.raises(error): fit(folder, batch=stopping(at, error), **more)
    (history, found), (expected, then) = fit(folder, **more), fit(None, **more) if more else whole()
    assert history == expected and same(found, then)
    return history


# Rows

@given(st.integers(1, 60), st.integers(1, 70), st.integers(0, 3), st.integers(0, 4))
@settings(deadline=None)
def test_an_epoch_holds_each_row_at_most_once(n, size, seed, epoch):
    rows = Batches(n, size, seed)
    steps = [rows(epoch * rows.per_epoch + step) for step in range(rows.per_epoch)]
    seen = np.concatenate(steps)
    assert all(len(step) == min(size, n) for step in steps) and len(set(seen)) == len(seen) and seen.min() >= 0 and seen.max() < n
    assert n - len(seen) < min(size, n)


@given(st.integers(1, 40), st.integers(1, 12), st.lists(st.integers(0, 500), min_size=1, max_size=12))
@settings(deadline=None)
def test_rows_follow_from_the_number_of_the_step(n, size, steps):
    jumping = Batches(n, size)
    for step in steps: assert np.array_equal(jumping(step), Batches(n, size)(step))


def test_orders_differ():
    rows = Batches(40, 40)
    assert (rows(0) != rows(1)).any() and (rows(0) != Batches(40, 40, seed=1)(0)).any()
    with pytest.raises(InputError): Batches(0, 3)
    with pytest.raises(InputError): Batches(3, 0)


# Steps

def cosine(step, peak, steps, warm):
    rising = max(round(steps * warm), 1)
    if step < rising: return peak * step / rising
    return peak * (1 + np.cos(np.pi * (step - rising) / max(steps - rising, 1))) / 2


def own_adamw(values, gradients, peak, steps, warm, decay, clip, decayed, shares):
    "AdamW from the paper's formulas, in float64."
    values, m, v = [w.astype('float64') for w in values], [0.] * len(values), [0.] * len(values)
    for step, found in enumerate(gradients):
        rate = cosine(step, peak, steps, warm)
        length = np.sqrt(sum((g ** 2).sum() for g in found))
        for n, g in enumerate(found):
            g = g * min(1, clip / length)
            m[n], v[n] = .9 * m[n] + .1 * g, .999 * v[n] + .001 * g ** 2
            step_size = rate * shares[n]
            if decayed[n]: values[n] = values[n] - step_size * decay * values[n]
            alpha = step_size * np.sqrt(1 - .999 ** (step + 1)) / (1 - .9 ** (step + 1))
            values[n] = values[n] - alpha * m[n] / (np.sqrt(v[n]) + 1e-7)                         # the paper's second form, with the epsilon inside
    return values


@pytest.mark.parametrize('warm, decay, clip, second', [(.1, .01, 1., 1.), (.5, .3, .05, .25), (0., 0., 100., .01), (1., .1, .5, 1.)])
def test_adamw_is_the_papers(warm, decay, clip, second):
    rng = np.random.default_rng(1)
    shapes = dict(kernel=(3, 4), bias=(4,), table=(5, 2))
    variables = [keras.Variable(rng.normal(size=shape), dtype='float32', name=name) for name, shape in shapes.items()]
    start = [v.numpy() for v in variables]
    gradients = [[rng.normal(size=shape) * scale for shape in shapes.values()] for scale in (1, .01, 3, 1, .1, 1, 1, 1, 2, .3)]
    optimizer = adamw(.1, len(gradients), warm, decay, clip, {variables[2].path: second})
    for found in gradients: optimizer.apply([tf.constant(g, 'float32') for g in found], variables)
    expected = own_adamw(start, gradients, .1, len(gradients), warm, decay, clip, (True, False, True), (1, 1, second))
    for v, value in zip(variables, expected): np.testing.assert_allclose(v.numpy(), value, atol=2e-5)


def test_biases_of_an_attention_do_not_decay():
    attention = keras.layers.MultiHeadAttention(2, 3)
    attention.build((None, 4, 6), (None, 4, 6))
    for v in attention.variables: v.assign(np.ones(v.shape))
    assert any(len(v.shape) == 2 and v.name == 'bias' for v in attention.variables)
    optimizer = adamw(.1, 2, warm=.5, weight_decay=.5)
    for _ in range(2): optimizer.apply([tf.zeros(v.shape) for v in attention.trainable_variables], attention.trainable_variables)
    for v in attention.variables: np.testing.assert_allclose(v.numpy(), 1. if v.name == 'bias' else .95, atol=1e-6)


@pytest.mark.parametrize('bad', [dict(peak=-1), dict(peak=np.nan), dict(steps=0), dict(warm=-.1), dict(warm=1.1), dict(weight_decay=-1), dict(weight_decay=np.nan), dict(clip=0), dict(clip=-1), dict(clip=np.nan),
                                 dict(rates=dict(a=1, b=-1)), dict(rates=dict(a=np.nan))], ids=str)
def test_adamw_refuses(bad):
    with pytest.raises(InputError): adamw(**dict(peak=.1, steps=10) | bad)


def test_weights_that_the_last_update_breaks_are_not_handed_back():
    "Their loss is never asked for: the training ends."
    with pytest.raises(InputError, match='not finite after step 1'): fit(steps=1, optimizer=keras.optimizers.SGD(np.inf), validate=False)


@pytest.mark.parametrize('bad', [dict(steps=2.5), dict(every=2.5), dict(keep_every=1.5), dict(patience=1.5), dict(micro_batches=1.5), dict(every=np.nan)], ids=lambda bad: next(iter(bad)))
def test_counts_are_whole(bad):
    with pytest.raises(InputError, match='whole number'): fit(**bad, optimizer=adamw(.1, 9))     # made here: nothing of TensorFlow may run at the import, which is forked


def test_a_variable_that_is_named_twice_is_refused():
    kernel = small_model().trainable_variables[0]
    with pytest.raises(InputError, match='name one twice'): train(lambda x, y: keras.ops.mean(kernel), [kernel, kernel], lambda step: (X, Y), 2, adamw(.1, 2))


def test_a_rate_for_nothing_is_refused():
    with pytest.raises(InputError, match='nowhere'): fit(optimizer=adamw(.1, 40, rates={'nowhere': .5}))


def test_block_rates():
    bert = keras_hub.models.BertBackbone(50, 3, 2, 8, 16, max_sequence_length=8)
    gpt2 = keras_hub.models.GPT2Backbone(50, 3, 2, 8, 16, max_sequence_length=8)
    for backbone, above in ((bert, bert.pooled_dense), (gpt2, gpt2.layer_norm)):
        rates = block_rates(backbone, .5)
        assert set(rates) == {v.path for v in backbone.trainable_variables}
        for n, block in enumerate(backbone.transformer_layers): assert {rates[v.path] for v in block.trainable_variables} == {.5 ** (2 - n)}
        assert {rates[v.path] for v in backbone.token_embedding.variables} == {.125} and {rates[v.path] for v in above.variables} == {1}
        backbone.transformer_layers[0].trainable = False
        assert set(block_rates(backbone)) == {v.path for v in backbone.trainable_variables} != set(rates)
    for bad in (0, -1, 1.5):
        with pytest.raises(InputError): block_rates(bert, bad)


@given(st.integers(1, 12), st.integers(1, 14), st.integers(0, 100))
@settings(deadline=None, max_examples=8)
def test_micro_batches_give_the_same_gradient(rows, parts, seed):
    found = []
    for micro in (1, parts):
        model = small_model(seed, dropout=0.)
        fit(model=model, steps=1, optimizer=keras.optimizers.SGD(1.), state=[], batch=lambda step: (X[:rows], Y[:rows]), validate=False, micro_batches=micro)
        found.append(weights(model))
    for a, b in zip(*found): np.testing.assert_allclose(a, b, atol=1e-6)


def test_what_training_holds():
    model = small_model()
    optimizer = adamw(.1, 10)
    optimizer.build(model.trainable_variables)
    count = 6 * 8 + 8 + 8 * 3 + 3
    assert trainable_state(model.trainable_variables, optimizer, seed_states(model)) == dict(parameters=count, gradient_bytes=4 * count, optimizer_bytes=8 * count + 8 + 16)
    assert len(seed_states(model, model)) == 1 and not seed_states(small_model(dropout=0.))


# Killed

KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
import test_train as t
from seqrep_nb import train as module

def die(): os.kill(os.getpid(), signal.SIGKILL)

def dying(at, moment):
    "`write_whole` that is killed in its `at`-th file: half written, or whole and not yet renamed."
    write_whole, written = module.write_whole, []
    class Dying:
        def __init__(self, path): self.inner = write_whole(path)
        def __enter__(self):
            written.append(self.inner.__enter__())
            if len(written) == at and moment == 'write':
                written[-1].write_bytes(b'half')
                die()
            return written[-1]
        def __exit__(self, *error):
            if len(written) == at: die()
            return self.inner.__exit__(*error)
    return Dying

def trained(folder, at, moment):
    if moment != 'step': module.write_whole = dying(at, moment)
    t.fit(folder, after=lambda step: die() if moment == 'step' and step == at else None)

for line in sys.stdin: # a process for each kill, forked before TensorFlow has run anything: the import is paid once
    folder, at, moment = line.split()
    if not (child := os.fork()):
        trained(folder, int(at), moment)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print(os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0)
"""
RANDOM = {seed: sorted(np.random.default_rng(seed).choice(np.arange(1, 40), 5, replace=False)) for seed in (0, 1)}


@pytest.fixture(scope='module')
def killed(tmp_path_factory):
    "Folder of folders; ten kills at random steps, five one after the other in a folder, and two while the fifth checkpoint is written."
    place = tmp_path_factory.mktemp('killed')
    kills = [(place/f'random-{seed}', at, 'step') for seed, ats in RANDOM.items() for at in ats] + [(place/moment, 5, moment) for moment in ('write', 'rename')]
    run = subprocess.run([sys.executable, '-c', KILLED, str(Path(__file__).parent)], input='\n'.join(' '.join(map(str, kill)) for kill in kills), text=True, capture_output=True,
                         timeout=300, env=os.environ | dict(SEQREP_QUIET='1', TF_CPP_MIN_LOG_LEVEL='3'))
    assert run.stdout.split() == [str(int(signal.SIGKILL))] * len(kills), run.stderr[-2000:]
    return place


@pytest.mark.parametrize('seed', RANDOM)
def test_killed_by_the_system_at_random_steps(killed, seed):
    "Without a step that is done twice in the history."
    (history, found), (expected, then) = fit(killed/f'random-{seed}'), whole()
    assert history == expected and same(found, then)


@pytest.mark.parametrize('moment', ['write', 'rename'])
def test_killed_while_the_checkpoint_is_written(killed, moment):
    folder = killed/moment
    assert len(list(folder.glob(f'.*-{FILE}'))) == 1 and (folder/FILE).exists()
    (history, found), (expected, then) = fit(folder), whole()
    assert history == expected and same(found, then) and os.listdir(folder) == [FILE]           # what was left half written is gone


def test_killed_after_the_last_step(tmp_path):
    def die(step):
        if step == 40: raise RuntimeError('killed')
    with pytest.raises(RuntimeError): fit(tmp_path, after=die)
    assert same(fit(tmp_path)[1], whole()[1])


def test_killed_between_the_last_step_and_the_last_file(tmp_path, monkeypatch):
    from seqrep_nb import train as module
    keep = module._Run.keep
    def dying(self):
        if self.done: raise RuntimeError('killed')
        keep(self)
    monkeypatch.setattr(module._Run, 'keep', dying)
    with pytest.raises(RuntimeError): fit(tmp_path, keep_every=4)
    monkeypatch.undo()
    asked = []
    history, found = fit(tmp_path, keep_every=4, batch=asked.append)                            # no step is left
    expected, then = fit(keep_every=4)
    assert not asked and history == expected and same(found, then)


@pytest.mark.parametrize('every, keep_every', [(7, 3), (1, 1), (None, 7), (13, 17), (100, 39), (10, 10)])
def test_intervals_need_not_divide(tmp_path, every, keep_every):
    history = check_goes_on(tmp_path, 37, every=every, keep_every=keep_every)
    assert [row['step'] for row in history] == sorted({0, *range(0, 41, every or 40), 40})


@pytest.mark.parametrize('error', [KeyboardInterrupt, MemoryError])
def test_interrupted(tmp_path, error): check_goes_on(tmp_path, 20, error)


def test_interrupted_before_the_first_checkpoint(tmp_path): check_goes_on(tmp_path, 2)


def test_without_validation(tmp_path):
    history = check_goes_on(tmp_path, 20, validate=False)
    assert [row['validation'] for row in history] == [None] * 6 and [row['step'] for row in history] == [7, 14, 21, 28, 35, 40]


@pytest.mark.parametrize('micro', [2, 3, 20])
def test_with_micro_batches_of_unequal_sizes(tmp_path, micro): check_goes_on(tmp_path, 20, micro_batches=micro)


def test_with_batches_of_several_shapes(tmp_path):
    def stopping_at(at):
        def batch(step):
            if step == at: raise RuntimeError('stopped')
            return X[:5 + step % 4], Y[:5 + step % 4]
        return batch
    with pytest.raises(RuntimeError): fit(tmp_path, batch=stopping_at(20))
    (history, found), (expected, then) = fit(tmp_path, batch=stopping_at(None)), fit(batch=stopping_at(None))
    assert history == expected and same(found, then)


@pytest.mark.parametrize('steps', [1, 2, 3])
def test_fewer_steps_than_a_warm_up(tmp_path, steps):
    history, found = fit(tmp_path, steps=steps)
    assert history[-1]['step'] == steps and all(np.isfinite(w).all() for w in found)


def test_a_finished_run_is_read_not_made(tmp_path):
    expected, then = fit(tmp_path)
    def never(step): raise AssertionError('was asked for a batch')
    def neither(): raise AssertionError('was asked to validate')
    history, found = fit(tmp_path, batch=never, validate=neither)
    assert history == expected and same(found, then)


# The best weights

def scripted(values):
    values = iter(values)
    return lambda: next(values)


def test_the_best_weights_stay():
    kept, model = {}, small_model()
    history, found = fit(model=model, steps=5, every=1, validate=scripted([5, 3, 2, 4, 2, 6]), after=lambda step: kept.update({step: weights(model)}))
    assert [row['validation'] for row in history] == [5, 3, 2, 4, 2, 6] and same(found, kept[2])    # the first of equals


def test_a_training_that_only_harms_hands_back_what_it_got():
    model = small_model()
    before = weights(model)
    assert same(fit(model=model, steps=3, every=1, validate=scripted([1, 2, 3, 4]))[1], before)


def test_patience(tmp_path):
    history, _ = fit(steps=9, every=1, patience=2, validate=scripted([5, 4, 3, 6, 3, 1, 1, 1, 1, 1]))
    assert [row['step'] for row in history] == [0, 1, 2, 3, 4]


def test_patience_that_ran_out_before_the_kill(tmp_path):
    def die(step):
        if step == 4: raise RuntimeError('killed')
    values = [5, 4, 3, 6, 7]
    with pytest.raises(RuntimeError): fit(tmp_path, steps=9, every=1, keep_every=1, patience=2, validate=scripted(values), after=die)
    history, found = fit(tmp_path, steps=9, every=1, keep_every=1, patience=2, validate=scripted([values[-1]]))
    expected, then = fit(steps=9, every=1, keep_every=1, patience=2, validate=scripted(values))
    assert history == expected and same(found, then)
    history, found = fit(tmp_path, steps=9, every=1, keep_every=1, patience=2, validate=scripted([]))
    assert history == expected and same(found, then)


def test_the_best_is_kept_across_a_kill(tmp_path):
    values = [5, 1, 3, 6, 7, 8, 9, 9, 9]
    with pytest.raises(RuntimeError): fit(tmp_path, steps=8, every=1, keep_every=2, validate=scripted(values), batch=stopping(5))
    history, found = fit(tmp_path, steps=8, every=1, keep_every=2, validate=scripted(values[5:]))
    expected, then = fit(steps=8, every=1, keep_every=2, validate=scripted(values))
    assert history == expected and same(found, then)


# Hooks

def test_hooks_are_called_in_order():
    told, model = [], small_model()
    def on_gradients(found): tf.py_function(lambda: told.append(('gradients', len(found))), [], [])
    before = weights(model)
    def after(step): told.append(('after', step))
    fit(model=model, steps=3, on_gradients=on_gradients, after=after, micro_batches=2)
    assert told == [(kind, value) for step in (1, 2, 3) for kind, value in (('gradients', 4), ('after', step))] and not same(before, weights(model))


def test_gradients_of_a_table_are_dense_and_whole():
    table, seen = keras.layers.Embedding(9, 2), []
    table.build(None)
    def on_gradients(found): seen.extend(found); tf.debugging.assert_near(found[0], np.array([[0, 0]] * 3 + [[4, 4]] + [[0, 0]] * 5, 'float32'))
    train(lambda ids: keras.ops.sum(table(ids)), table.trainable_variables, lambda step: (np.array([3, 3, 3, 3]),), 1, keras.optimizers.SGD(1.), on_gradients=on_gradients)
    assert len(seen) == 1 and isinstance(seen[0], tf.Tensor)


def test_log_has_every_step_once(tmp_path):
    with pytest.raises(RuntimeError): fit(tmp_path, log=tmp_path/'log', batch=stopping(20))
    history, _ = fit(tmp_path, log=tmp_path/'log')
    [file] = (tmp_path/'log').iterdir()
    events = [tf.compat.v1.Event.FromString(r.numpy()) for r in tf.data.TFRecordDataset(str(file))]
    points = [(v.tag, e.step, float(tf.make_ndarray(v.tensor))) for e in events for v in e.summary.value]
    assert [step for tag, step, _ in points if tag == 'loss'] == [*range(1, 41)]
    assert [(step, value) for tag, step, value in points if tag == 'validation'] == [(row['step'], pytest.approx(row['validation'])) for row in history]


# What is refused

@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp('half')
    with pytest.raises(RuntimeError): fit(folder, batch=stopping(20), settings=dict(data='a'))
    return (folder/FILE).read_bytes()


def check_refused(folder, match, **more):
    model = more.pop('model', None) or small_model()
    before = [v.numpy() for v in model.variables]
    with pytest.raises(InputError, match=match) as caught: fit(folder, model=model, **dict(settings=dict(data='a')) | more)
    assert same(before, [v.numpy() for v in model.variables])
    return str(caught.value)


def wide(): return keras.Sequential([keras.Input((6,)), keras.layers.Dense(9, 'tanh'), keras.layers.Dropout(.3), keras.layers.Dense(3)])
def deep(): return keras.Sequential([keras.Input((6,)), keras.layers.Dense(8), keras.layers.Dropout(.3), keras.layers.Dense(3), keras.layers.Dense(3)])
def shallow(): return keras.Sequential([keras.Input((6,)), keras.layers.Dense(8), keras.layers.Dropout(.3)])


@pytest.mark.parametrize('match, more', [
    ("data was 'a', now it is 'b'", dict(settings=dict(data='b'))), ("data was 'a', now it is None", dict(settings={})), ("seed was None, now it is 1", dict(settings=dict(data='a', seed=1))),
    ('steps was 40, now it is 41', dict(steps=41)), ('every was 7, now it is 8', dict(every=8)), ('patience was None, now it is 3', dict(patience=3)),
    ('micro_batches was 1, now it is 2', dict(micro_batches=2)), ('warmup_target was 0.05, now it is 0.01', dict(peak=.01)), ('decay was 0.01, now it is 0.0', dict(optimizer=lambda: adamw(.05, 40, weight_decay=0.))),
    ("'optimizer/2' is not in it|'weight/0' is not in it", dict(model=wide)), ('is of another training', dict(model=deep)), ('is of another training', dict(model=shallow))])
def test_a_checkpoint_of_another_training_is_refused(tmp_path, checkpoint, match, more):
    (tmp_path/FILE).write_bytes(checkpoint)
    more = {key: value() if callable(value) else value for key, value in more.items()}
    assert 'name another folder, or remove the file' in check_refused(tmp_path, match, **more)


def test_a_broken_checkpoint_is_refused_wherever_it_is_broken(tmp_path, checkpoint):
    "A byte in the length, in the header, in each array; cut at any place; another file."
    (path := tmp_path/FILE).write_bytes(checkpoint)
    header = int.from_bytes(checkpoint[:8], 'little')
    places = [0, 7, 8, 9, *np.linspace(10, 8 + header - 2, 25).astype(int), *np.linspace(8 + header, len(checkpoint) - 1, 40).astype(int)]
    broken = [checkpoint[:at] + bytes([checkpoint[at] ^ bit]) + checkpoint[at + 1:] for at in places for bit in (1, 128)]
    broken += [checkpoint[:at] for at in (0, 4, 8, 100, 8 + header, len(checkpoint) - 1)] + [checkpoint + b'\0', b'not a checkpoint at all']
    from seqrep_nb.train import _read
    for content in broken:
        path.write_bytes(content)
        with pytest.raises(InputError, match='is no checkpoint that can be read'): _read(path)
    check_refused(tmp_path, 'is no checkpoint that can be read')
    path.unlink(); path.mkdir()
    check_refused(tmp_path, 'is no checkpoint that can be read')


def test_tensors_without_a_training_are_refused(tmp_path):
    from safetensors.numpy import save_file
    save_file({'weight/0': X}, tmp_path/FILE)
    check_refused(tmp_path, 'is no checkpoint that can be read')


def test_a_folder_that_cannot_be_written_is_told_before_the_first_step(tmp_path):
    (tmp_path/'file').write_text('')
    asked = []
    for place in (tmp_path/'file', tmp_path/'file'/'below'):
        check_refused(place, 'cannot be made', batch=asked.append)
    assert not asked


@pytest.mark.skipif(os.geteuid() == 0, reason='root writes everywhere')
def test_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    check_refused(tmp_path, 'cannot be written')


def test_two_trainings_in_one_folder(tmp_path):
    "The second is refused; the first goes on."
    with pytest.raises(RuntimeError): fit(tmp_path, batch=stopping(20), settings=dict(data='a'))
    check_refused(tmp_path, "data was 'a'", settings=dict(data='b'))
    assert same(fit(tmp_path, settings=dict(data='a'))[1], fit(settings=dict(data='a'))[1])


def test_a_gradient_that_is_not_finite_is_told_at_its_step():
    "The loss is sqrt(0), its gradient is not a number, and so would be all weights after the last step."
    w = keras.Variable(np.zeros(3), dtype='float32')
    with pytest.raises(InputError, match='gradient: is nan at step 1'): train(lambda x: keras.ops.sum(keras.ops.sqrt(w * x)), [w], lambda step: (np.zeros(3, 'float32'),), 1, adamw(.1, 1))


@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_a_loss_that_is_not_finite(tmp_path, value):
    def batch(step): return (np.full_like(X[:5], value) if step == 5 else X[:5]), Y[:5]
    for model in (small_model(), keras.Sequential([keras.Input((6,)), keras.layers.Dense(4, 'relu'), keras.layers.Dense(3)])):
        with pytest.raises(InputError, match='loss, or its gradient: is (nan|inf) at step 6; lower the learning rate'): fit(tmp_path, model=model, batch=batch, keep_every=50)
    with pytest.raises(InputError, match='validation: is (nan|inf) at step 7'): fit(validate=scripted([1., value]))


def test_an_unused_variable_is_named():
    model = small_model()
    idle = keras.Variable(np.ones(3), name='idle')
    with pytest.raises(InputError, match='idle.*has no part in the loss'):
        train(lambda x, y: cross_entropy(y, model(x)), [*model.trainable_variables, idle], lambda step: (X, Y), 2, adamw(.1, 2))


@pytest.mark.parametrize('name', ['steps', 'every', 'patience', 'micro_batches', 'keep_every'])
def test_counts_below_one_are_named(name):
    for value in (0, -1):
        with pytest.raises(InputError, match=f'{name}: is {value}'): fit(optimizer=adamw(.1, 40), **{name: value})


def test_other_refusals():
    with pytest.raises(InputError, match='give `validate` too'): fit(validate=False, patience=2)
    with pytest.raises(InputError, match='variables: are none'): train(lambda x: x, [], lambda step: (X,), 2, adamw(.1, 2))
    optimizer, model = adamw(.1, 40), small_model()
    fit(model=model, optimizer=optimizer)
    with pytest.raises(InputError, match='has made 40 steps already'): fit(model=model, optimizer=optimizer)


# A language model's upper blocks

BLOCKS = """
import os, signal, sys
import numpy as np
import seqrep_nb.finetune as finetune
from seqrep_nb.backbone import import_keras
import_keras()
for line in sys.stdin: # a process for each training, forked before TensorFlow has run anything: the import is paid once
    at, out, *folder = line.split()
    if not os.fork(): break
    _, status = os.wait()
    print(os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status), flush=True)
else: sys.exit()
at, rng = int(at), np.random.default_rng(0)
ids, y = rng.integers(1000, 20000, (24, 8)).astype('int32'), rng.integers(0, 2, 24)
mask = np.ones_like(ids, bool)
if at:
    train = finetune.train
    def dying(*given, **named):
        def after(step):
            if step == at: os.kill(os.getpid(), signal.SIGKILL)
        return train(*given, **named | dict(after=after, keep_every=2))
    finetune.train = dying
model = finetune.FineTunedClassifier(train_blocks=2, epochs=2, batch_size=6, folder=folder[0] if folder else None, rate_decay=.5, strengths=(1e-2,)).fit(ids[:18], mask[:18], y[:18], (ids[18:], mask[18:], y[18:]))
np.savez(out, H=model.represent(ids, mask), coef=model.coef_, loss=[row['validation_loss'] for row in model.history_])
"""


def test_two_upper_blocks_that_are_killed(tmp_path):
    "Three processes of which one is killed; each loads the default checkpoint."
    trainings = [(3, tmp_path/'none.npz', tmp_path/'run'), (0, tmp_path/'resumed.npz', tmp_path/'run'), (0, tmp_path/'whole.npz')]
    run = subprocess.run([sys.executable, '-c', BLOCKS], input='\n'.join(' '.join(map(str, training)) for training in trainings), text=True, capture_output=True,
                         timeout=300, env=os.environ | dict(SEQREP_QUIET='1', TF_CPP_MIN_LOG_LEVEL='3'))
    assert run.stdout.split() == [str(int(signal.SIGKILL)), '0', '0'], run.stderr[-2000:]
    assert (tmp_path/'run'/FILE).exists() and not (tmp_path/'none.npz').exists()
    with np.load(tmp_path/'resumed.npz') as resumed, np.load(tmp_path/'whole.npz') as whole:
        assert all(np.array_equal(resumed[name], whole[name]) for name in ('H', 'coef', 'loss'))


class PlainAdamW(keras.optimizers.Adam):
    "Weight decay and shares of the rate on top of Keras's own step, variable by variable."
    def update_step(self, gradient, variable, rate):
        share, decay = ((1., .02), (.3, 0.))[self._get_variable_index(variable)]
        if decay: self.assign_sub(variable, variable * (rate * share * decay))
        super().update_step(gradient, variable, rate * share)


@pytest.mark.parametrize('graph', [False, True])
@pytest.mark.parametrize('decayed', [False, True])
def test_adam_is_that_of_keras_to_the_last_bit(decayed, graph):
    "Also where rows of an embedding are asked for twice."
    kernel, bias, rows = rng.normal(size=(7, 3)).astype('float32'), rng.normal(size=9).astype('float32'), tf.constant([1, 1, 5, 8])
    drawn = [rng.normal(size=shape).astype('float32') for _ in range(6) for shape in ((7, 3), 4)]

    def trained(make):
        variables = [keras.Variable(kernel), keras.Variable(bias, name='bias')]
        optimizer = make(variables[1].path)
        optimizer.build(variables)
        def step(dense, some): optimizer.apply([dense, tf.IndexedSlices(some, rows, (9,))], variables)
        if graph: step = tf.function(step)
        for dense, some in zip(drawn[::2], drawn[1::2]): step(tf.constant(dense), tf.constant(some))
        return [v.numpy() for v in [*variables, *optimizer.variables]]

    schedule = keras.optimizers.schedules.CosineDecay(0., 5, warmup_target=2e-3, warmup_steps=1)
    if decayed: makers = lambda path: adamw(2e-3, 6, weight_decay=.02, clip=None, rates={path: .3}), lambda path: PlainAdamW(schedule)
    else: makers = lambda path: adam(2e-3), lambda path: keras.optimizers.Adam(2e-3)
    ours, theirs = map(trained, makers)
    assert len(ours) == len(theirs) and all(map(np.array_equal, ours, theirs)) and not np.array_equal(ours[0], kernel) and not np.array_equal(ours[1], bias)
