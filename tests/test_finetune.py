"The fine-tuned classifier on a small random BERT: what is trained, what stays, one label and many, and a fit that was stopped"
from functools import cache
import numpy as np, pytest
from seqrep_nb import backbone
from seqrep_nb.core import InputError
from seqrep_nb.encode import encode_hidden, pool
from seqrep_nb.finetune import FineTunedClassifier, StateMemory, load_classifier, lower_states, top_model

N, T, WIDTH = 48, 10, 16
SMALL = dict(epochs=2, learning_rate=1e-2, batch_size=8)
EVERYTHING = ['token_embedding', 'position_embedding', 'transformer_layer_0', 'transformer_layer_2']


def saved(folder, blocks):
    _, keras, keras_hub = backbone.import_keras()
    keras.utils.set_random_seed(0)
    model = keras_hub.models.BertBackbone(vocabulary_size=2_000, num_layers=blocks, num_heads=2, hidden_dim=WIDTH, intermediate_dim=24, max_sequence_length=T, dropout=0.)
    return str(backbone.save_backbone(backbone.exact_gelu(model), folder/'checkpoint', tokenizer_from=backbone.find_checkpoint()))


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    "Three narrow blocks, no dropout, so that parts of a batch can be compared with the whole."
    return saved(tmp_path_factory.mktemp('small'), 3)


@pytest.fixture(scope='module')
def one_block(tmp_path_factory):
    "Enough for what does not depend on the depth."
    return saved(tmp_path_factory.mktemp('one'), 1)


@pytest.fixture(scope='module')
def lines():
    "Lines whose second token decides the label; a third has padding."
    rng = np.random.default_rng(0)
    ids = rng.integers(1_000, 1_050, (N, T)).astype('int32')
    ids[:, 0] = 101
    mask = np.arange(T) < np.where(np.arange(N) % 3, T, 6)[:, None]
    return ids, mask, (ids[:, 1] % 2).astype('int8')


@pytest.fixture(scope='module')
def fitted(checkpoint, lines):
    "blocks → a fit that several tests read and none changes: most of it is TensorFlow's tracing, the same each time."
    return cache(lambda blocks: FineTunedClassifier(checkpoint, blocks, **SMALL).fit(*lines))


def several(lines): return np.stack([lines[2], lines[0][:, 2] % 2, lines[0][:, 3] % 2], 1).astype('int8')


def moved(fitted, checkpoint):
    "Parts of the names of the variables that are no longer those of the checkpoint."
    fresh = backbone.load_backbone(checkpoint)
    return {now.path for now, then in zip(fitted.backbone_.variables, fresh.variables) if now.dtype == 'float32' and not np.array_equal(now, then)}


def test_from_ids_and_from_states_are_the_encoder(checkpoint, lines):
    ids, mask, _ = lines
    bert = backbone.load_backbone(checkpoint)
    expected = pool(encode_hidden(bert, ids, mask), mask)
    np.testing.assert_allclose(top_model(bert, None, T)([ids, mask.astype('int32')]), expected, atol=1e-6)
    noise = np.where(mask, ids, 7)                                     # what stands under the padding does not matter
    np.testing.assert_allclose(top_model(bert, None, T)([noise, mask.astype('int32')]), expected, atol=1e-6)
    for blocks in (1, 'all'):
        fitted = FineTunedClassifier(checkpoint, blocks, **SMALL | dict(epochs=1, learning_rate=0., weight_decay=0.)).fit(*lines)
        np.testing.assert_allclose(fitted.represent(ids, mask), expected, atol=1e-5)


@pytest.mark.parametrize('blocks,names', [(0, []), (1, ['transformer_layer_2']), (3, ['transformer_layer_0', 'transformer_layer_1', 'transformer_layer_2']), ('all', EVERYTHING)])
def test_what_is_trained_and_what_stays(checkpoint, fitted, blocks, names):
    changed = moved(fitted(blocks), checkpoint)
    assert all(any(name in path for path in changed) for name in names)
    if blocks != 'all': assert all(any(name in path for name in names) for path in changed)


def test_every_weight_and_no_more_is_counted(fitted):
    fitted = fitted('all')
    pooled = sum(int(np.prod(v.shape)) for v in fitted.backbone_.variables if 'pooled_dense' in v.path)       # no part of the mean over the tokens
    weights = sum(int(np.prod(v.shape)) for v in fitted.backbone_.variables if v.dtype == 'float32') - pooled + WIDTH + 1
    assert fitted.trainable_['parameters'] == weights and fitted.trainable_['gradient_bytes'] == 4 * weights
    assert 8 * weights <= fitted.trainable_['optimizer_bytes'] <= 8 * weights + 1_000


def test_training_learns_what_the_head_alone_cannot(checkpoint, fitted, lines):
    ids, mask, y = lines
    loss = lambda m: -np.log(np.clip(np.where(y == 1, *m.predict_proba(ids, mask).T[::-1]), 1e-7, 1)).mean()
    frozen, tuned = fitted(0), FineTunedClassifier(checkpoint, 'all', **SMALL | dict(epochs=10)).fit(*lines)
    assert loss(tuned) < loss(frozen) / 2


@pytest.mark.parametrize('blocks', ['all'])
def test_parts_of_a_batch_are_the_batch(checkpoint, fitted, lines, blocks):
    whole, parts = (model.predict_proba(*lines[:2]) for model in (fitted(blocks), FineTunedClassifier(checkpoint, blocks, micro_batches=3, **SMALL).fit(*lines)))
    np.testing.assert_allclose(parts, whole, atol=2e-4)          # Adam divides by the gradient's size, so a last bit can grow
    assert not np.allclose(whole, fitted(0).predict_proba(*lines[:2]), atol=1e-2)


def test_deeper_blocks_move_less(checkpoint, fitted, lines):
    fresh = backbone.load_backbone(checkpoint)
    size = lambda model, name: max(np.abs(np.asarray(now) - np.asarray(then)).max() for now, then in zip(model.variables, fresh.variables) if name in now.path and now.dtype == 'float32')
    even, decaying = fitted('all').backbone_, FineTunedClassifier(checkpoint, 'all', rate_decay=.1, **SMALL).fit(*lines).backbone_
    shares = [size(decaying, name) / size(even, name) for name in ('transformer_layer_2', 'transformer_layer_1', 'transformer_layer_0', 'token_embedding')]
    assert shares[0] > .3 and all(deeper < .3 * upper for upper, deeper in zip(shares, shares[1:]))


@pytest.fixture(scope='module')
def logged(checkpoint, lines, tmp_path_factory):
    "A fit with validation and a log; read only."
    return FineTunedClassifier(checkpoint, 1, log=tmp_path_factory.mktemp('log'), **SMALL).fit(*lines, validation=lines)


def test_one_label_in_a_column_is_the_same_label(checkpoint, logged, lines):
    ids, mask, y = lines
    one, column = logged, FineTunedClassifier(checkpoint, 1, **SMALL).fit(ids, mask, y[:, None], validation=(ids, mask, y[:, None]))
    np.testing.assert_array_equal(column.predict_proba(ids, mask)[:, 0], one.predict_proba(ids, mask)[:, 1])
    assert one.history_ == column.history_ and one.predict(ids, mask).shape == (N,) and column.predict(ids, mask).shape == (N, 1)


def test_several_labels_are_learned_saved_and_loaded(checkpoint, lines, tmp_path):
    ids, mask, _ = lines
    Y = several(lines)
    fitted = FineTunedClassifier(checkpoint, 'all', **SMALL | dict(epochs=12)).fit(ids, mask, Y)
    assert fitted.predict_proba(ids, mask).shape == Y.shape and (fitted.predict(ids, mask) == Y).mean() > .8
    again = load_classifier(fitted.save(tmp_path/'kept'))
    np.testing.assert_allclose(again.predict_proba(ids, mask), fitted.predict_proba(ids, mask), atol=1e-6)
    assert again.classes_.tolist() == [0, 1, 2]


class Stop(Exception): pass


class Stopping(FineTunedClassifier):
    "Stops after some updates, as a killed process would; its name is that of the class it stands in for."
    at = None
    def _extras(self, steps):
        def after(step):
            if step == self.at: raise Stop
        return dict(after=after, keep_every=2)


@pytest.mark.parametrize('blocks', [1, 'all'])
def test_a_fit_that_was_stopped_goes_on(one_block, lines, tmp_path, blocks):
    ids, mask, y = lines
    def fit(at, folder):
        Stopping.at = at
        return Stopping(one_block, blocks, folder=folder, memory=StateMemory(), **SMALL).fit(ids, mask, y, validation=(ids, mask, y))
    whole = fit(None, None)
    for at in (5, 10):                                                   # once more after the first time
        with pytest.raises(Stop): fit(at, tmp_path)
    went_on = fit(None, tmp_path)
    assert went_on.history_ == whole.history_ and np.array_equal(went_on.coef_, whole.coef_)
    assert all(np.array_equal(a, b) for a, b in zip(went_on.backbone_.variables, whole.backbone_.variables))
    with pytest.raises(InputError, match='another training'): Stopping(one_block, blocks, folder=tmp_path, **SMALL).fit(ids, mask, 1 - y)
    with pytest.raises(InputError, match='learning_rate'): Stopping(one_block, blocks, folder=tmp_path, **SMALL | dict(learning_rate=1e-3)).fit(ids, mask, y)


def test_the_seed_decides_everything_and_the_memory_nothing(checkpoint, fitted, lines):
    ids, mask, y = lines
    fit = lambda **settings: FineTunedClassifier(checkpoint, 1, **SMALL, **settings).fit(ids, mask, y)
    plain, again, other = fitted(1), fit(memory=StateMemory()), fit(seed=1)      # once more, and what it remembers changes not a bit
    said = plain.predict_proba(ids, mask)
    np.testing.assert_array_equal(again.predict_proba(ids, mask), said)
    np.testing.assert_array_equal(again.represent(ids, mask), plain.represent(ids, mask))
    assert not np.allclose(other.predict_proba(ids, mask), said, atol=1e-6)
    np.testing.assert_array_equal(plain.predict(ids, mask), said.argmax(1))
    assert plain.history_ == []                                        # nothing was held back to choose on


def test_patience_ends_a_training_that_does_not_help(checkpoint, lines):
    ids, mask, y = lines
    fitted = FineTunedClassifier(checkpoint, 1, patience=2, **SMALL | dict(epochs=30, learning_rate=.1)).fit(ids, mask, y, validation=(ids, mask, 1 - y))   # to learn is to be wrong there
    losses = [h['validation_loss'] for h in fitted.history_]
    assert len(losses) < 31 and len(losses) - 1 - int(np.argmin(losses)) == 2


@pytest.mark.parametrize('labels,said', [(lambda y: y[:5], 'one label per line'), (lambda y: y * 0, 'both present'), (lambda y: y + .5, 'labels 0 and 1'), (lambda y: np.stack([y, y * 0], 1), 'column 1'),
                                         (lambda y: y[:, None, None], 'one label per line'), (lambda y: np.zeros((len(y), 0)), 'one label per line')])
def test_labels_that_cannot_be_learned_are_named(checkpoint, lines, labels, said):
    with pytest.raises(InputError, match=said): FineTunedClassifier(checkpoint, 1, **SMALL).fit(lines[0], lines[1], labels(lines[2]))


def test_settings_that_cannot_be_are_named(checkpoint, lines):
    for blocks in (4, 1.5, None):
        with pytest.raises(InputError, match='train_blocks'): FineTunedClassifier(checkpoint, blocks, **SMALL).fit(*lines)
    with pytest.raises(InputError, match='validation'): FineTunedClassifier(checkpoint, 1, **SMALL).fit(*lines, validation=(*lines[:2], several(lines)))
    with pytest.raises(InputError, match='decay'): FineTunedClassifier(checkpoint, 1, rate_decay=1.5, **SMALL).fit(*lines)
    with pytest.raises(InputError, match='micro_batches'): FineTunedClassifier(checkpoint, 1, micro_batches=0, **SMALL).fit(*lines)


def test_a_log_for_tensorboard(logged):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    told = EventAccumulator(str(logged.log), size_guidance=dict(tensors=0)).Reload()
    assert [event.step for event in told.Tensors('loss')] == list(range(1, 13)) and len(told.Tensors('validation')) == len(logged.history_) == 3


ODD = dict(fractions=lambda ids, mask: (ids + .5, mask), holes=lambda ids, mask: (np.where(ids == ids[0, 1], np.nan, ids), mask), words=lambda ids, mask: (ids.astype(str), mask), negative=lambda ids, mask: (-ids, mask), beyond=lambda ids, mask: (ids + 40_000, mask),
           longer=lambda ids, mask: (np.hstack([ids, ids]), np.hstack([mask | True, mask])), mask_with_holes=lambda ids, mask: (ids, np.where(mask, 1., np.nan)), mask_of_words=lambda ids, mask: (ids, mask.astype(int).astype(str)), weights=lambda ids, mask: (ids, 2 * mask))


@pytest.mark.parametrize('name', ODD)
def test_lines_that_cannot_be_read_are_named(checkpoint, lines, name):
    odd = ODD[name](*lines[:2])
    with pytest.raises(InputError, match='mask' if 'mask' in name or name == 'weights' else 'ids'): FineTunedClassifier(checkpoint, 'all', **SMALL).fit(*odd, lines[2])
    with pytest.raises(InputError): lower_states(backbone.load_backbone(checkpoint), *odd, 1)


def test_whatever_else_cannot_be_is_named(checkpoint, lines):
    ids, mask, y = lines
    for odd, said in ((dict(epochs=1.5), 'epochs'), (dict(epochs=0), 'epochs'), (dict(strengths=()), 'strengths'), (dict(strengths=.1), 'strengths'), (dict(strengths=(0.,)), 'strengths')):
        with pytest.raises(InputError, match=said): FineTunedClassifier(checkpoint, 1, **SMALL | odd).fit(*lines)
    for labels in ([None] * N, ['buy'] * N, y.astype(str)):
        with pytest.raises(InputError, match='labels 0 and 1'): FineTunedClassifier(checkpoint, 1, **SMALL).fit(ids, mask, labels)
    for held in ((ids, mask), (ids, mask, None)):
        with pytest.raises(InputError, match='validation'): FineTunedClassifier(checkpoint, 1, **SMALL).fit(*lines, validation=held)
    with pytest.raises(InputError, match='float16'): StateMemory('int8')
    bert = backbone.load_backbone(checkpoint)
    with pytest.raises(InputError, match='0 to 3'): top_model(bert, 9, T)
    with pytest.raises(InputError, match='0 to 3'): lower_states(bert, ids, mask, 1.5)


def test_labels_may_be_true_and_false(checkpoint, fitted, lines):
    ids, mask, y = lines
    np.testing.assert_array_equal(FineTunedClassifier(checkpoint, 0).fit(ids, mask, y.astype(bool)).coef_, fitted(0).coef_)


def test_a_folder_of_a_run_with_another_validation_is_refused(checkpoint, lines, tmp_path):
    ids, mask, y = lines
    fit = lambda held: FineTunedClassifier(checkpoint, 1, strengths=(1e-3,), folder=tmp_path, **SMALL).fit(ids, mask, y, validation=(ids, mask, held))
    fit(y)
    with pytest.raises(InputError, match='another training'): fit(1 - y)
