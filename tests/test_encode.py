"Engines, precisions, batches and the store of TextEncoder, against what PyTorch computed and against loops that were written apart from them"
import json, os, signal, subprocess, sys, time
import numpy as np, pytest
from common import ROOT
from hypothesis import given, settings, strategies as st
from safetensors.numpy import load_file
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from seqrep_nb.backbone import find_checkpoint, save_backbone, load_backbone
from seqrep_nb.core import InputError
from seqrep_nb.encode import WIDTHS, Engine, TextEncoder, checkpoint_hash, encode, encode_hidden, encode_ids, load_engine, pool

GOLDEN = ROOT/'tests'/'golden'
TEXTS = json.loads((GOLDEN/'default.json').read_text(encoding='utf-8'))


def told(ids, mask):
    "A model for tests: a token's state is its id and its position."
    return np.stack([ids, np.broadcast_to(np.arange(ids.shape[1]), ids.shape)], 2).astype('float32') * mask[..., None]


def engine(**other): return Engine(**dict(dict(run=told, width=2, positions=40, words=1_000, batch_tokens=64), **other))


@pytest.mark.parametrize('kind', ['keras', 'openvino'])
@pytest.mark.parametrize('family', ['bert', 'gpt2'])
def test_every_engine_gives_what_pytorch_gave(kind, family):
    held = load_file(GOLDEN/f'{family}.safetensors')
    hidden = encode_hidden(load_engine(GOLDEN/family, kind), held['ids'], held['mask'])
    assert np.abs(hidden - held['hidden'])[held['mask'].astype(bool)].max() < 1e-5
    order = np.random.default_rng(0).permutation(len(held['ids']))
    again = encode_hidden(load_engine(GOLDEN/family, kind), held['ids'][order], held['mask'][order])
    assert np.abs(again - hidden[order])[held['mask'][order].astype(bool)].max() < 1e-5


@pytest.mark.parametrize('pooling', ['mean', 'cls'])
@pytest.mark.parametrize('kind, precision, limit, least', [('keras', 'float32', 1e-5, 1 - 1e-6), ('openvino', 'float32', 1e-5, 1 - 1e-6), ('keras', 'bfloat16', .2, .999), ('openvino', 'bfloat16', .2, .999), ('openvino', 'int8', .8, .99)])
def test_vectors_of_the_default_checkpoint(pooling, kind, precision, limit, least):
    held = load_file(GOLDEN/'default.safetensors')[pooling]
    vectors = encode(TEXTS, pooling=pooling, engine=kind, precision=precision, normalize=False)
    cosines = (vectors * held).sum(1) / np.linalg.norm(vectors, axis=1) / np.linalg.norm(held, axis=1)
    assert np.abs(vectors - held).max() < limit and cosines.mean() > least


def test_lower_precision_is_another_arithmetic():
    full = encode(TEXTS[:20])
    for kind, precision in (('keras', 'bfloat16'), ('openvino', 'int8')): assert np.abs(encode(TEXTS[:20], engine=kind, precision=precision) - full).max() > 1e-4


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 999), max_size=40), max_size=30), st.sampled_from(['mean', 'cls', 'last']), st.integers(1, 200), st.booleans())
def test_lines_of_ids_against_one_at_a_time(lines, pooling, batch_tokens, compiles):
    shapes = []
    def run(ids, mask):
        shapes.append(ids.shape)
        return told(ids, mask)
    vectors = encode_ids(engine(run=run, compiles=compiles), lines, pooling, batch_tokens, what=None)
    expected = [np.zeros(2) if not line else told(np.array([line]), np.ones((1, len(line))))[0] for line in lines]
    expected = [row if not line else row.mean(0) if pooling == 'mean' else row[0] if pooling == 'cls' else row[-1] for row, line in zip(expected, lines)]
    np.testing.assert_allclose(vectors, np.reshape(expected, (-1, 2)), rtol=1e-5, atol=1e-5)
    assert all(rows * width <= max(batch_tokens, width) for rows, width in shapes)            # the bound on memory; a line longer than it stands alone
    if compiles: assert {width for _, width in shapes} <= {*WIDTHS, 40}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.booleans(), min_size=9, max_size=9), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_padding_may_be_anywhere(mask, random):
    mask = np.array(mask)
    ids = np.array([[random.randrange(1_000) for _ in row] for row in mask])
    hidden = encode_hidden(engine(), ids, mask)
    for row, real, states in zip(ids, mask, hidden): np.testing.assert_array_equal(states[real], told(row[real][None], np.ones((1, real.sum())))[0])


def test_without_openvino_the_way_out_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'openvino', None)
    with pytest.raises(InputError, match="pip install openvino.*use engine='keras'"): encode(['milk'], engine='openvino', batch_tokens=999)


RUN = '''import sys
from seqrep_nb.encode import TextEncoder
texts = [f'{i} apples and {i * 7} pears' for i in range(int(sys.argv[2]))]
encode, computed = TextEncoder._encode, []
def counted(self, texts, *rest):
    computed.extend(texts)
    found = encode(self, texts, *rest)
    print(len(computed), flush=True)
    return found
TextEncoder._encode = counted
encoder = TextEncoder(store=sys.argv[1], engine='openvino', precision='int8').fit([])
vectors = encoder.transform(texts)
print('computed', len(computed), 'stored', len(encoder.vector_store()), float(abs((vectors ** 2).sum(1) - 1).max() < 1e-4))
'''


def started(folder, count): return subprocess.Popen([sys.executable, '-c', RUN, str(folder), str(count)], stdout=subprocess.PIPE, text=True, env=os.environ | {'SEQREP_QUIET': '1'})


def test_a_killed_run_goes_on(tmp_path):
    process = started(tmp_path/'vectors', 2_000)
    while int(process.stdout.readline()) < 256: pass
    process.stdout.readline()                                  # one portion is stored, the second computed
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = len(TextEncoder(store=tmp_path/'vectors', engine='openvino', precision='int8').fit([]).vector_store())
    said = started(tmp_path/'vectors', 2_000).communicate()[0].splitlines()[-1].split()
    assert 256 <= kept < 2_000 and said == ['computed', str(2_000 - kept), 'stored', '2000', '1.0']


def test_two_processes_share_the_work(tmp_path):
    one, two = (started(tmp_path/'vectors', 1_600) for _ in range(2))
    said = [process.communicate()[0].splitlines()[-1].split() for process in (one, two)]
    assert [line[2:] for line in said] == [['stored', '1600', '1.0']] * 2
    assert 1_600 <= sum(int(line[1]) for line in said) <= 1.5 * 1_600


def test_changed_weights_are_another_key(tmp_path):
    model = load_backbone()
    saved = save_backbone(model, tmp_path/'model')
    before = checkpoint_hash(saved)
    first = encode(['milk'], checkpoint=saved, store=tmp_path/'vectors')
    weights = model.token_embedding.embeddings
    weights.assign(weights + np.random.default_rng(0).normal(0, .05, weights.shape))
    assert checkpoint_hash(save_backbone(model, tmp_path/'model')) != before
    assert np.abs(encode(['milk'], checkpoint=saved, store=tmp_path/'vectors') - first).max() > 1e-4


def test_in_a_pipeline_and_a_search(tmp_path):
    texts, y = np.array([f'{fruit} number {i}' for i in range(12) for fruit in ('apple', 'hammer')], object), np.tile([0, 1], 12)
    pipeline = make_pipeline(TextEncoder(store=tmp_path/'vectors'), LogisticRegression())
    search = GridSearchCV(pipeline, dict(logisticregression__C=[.1, 10], textencoder__pooling=['mean', 'cls']), cv=3).fit(texts, y)
    assert search.best_score_ == 1 and (search.predict(['green apple', 'claw hammer']) == [0, 1]).all()


def test_a_text_is_encoded_once_whatever_the_log(monkeypatch):
    seen = []
    encode_ids_ = encode_ids
    monkeypatch.setattr('seqrep_nb.encode.encode_ids', lambda engine, lines, *rest: seen.append(len(lines)) or encode_ids_(engine, lines, *rest))
    assert encode(['milk', 'bread', 'milk'] * 400, engine='openvino').shape == (1_200, 384) and seen == [2]


def copied(tmp_path):
    import shutil
    return shutil.copytree(find_checkpoint(), tmp_path/'copy', symlinks=False)


def test_a_changed_tokenizer_is_another_key_and_loaded_anew(tmp_path):
    folder = copied(tmp_path)
    before, first = checkpoint_hash(folder), encode(['milk', 'bread'], checkpoint=folder, store=tmp_path/'vectors', engine='openvino')
    text = (folder/'tokenizer.json').read_text(encoding='utf-8')
    milk, bread = (json.loads(text)['model']['vocab'][word] for word in ('milk', 'bread'))
    (folder/'tokenizer.json').write_text(text.replace(f'"milk": {milk},', f'"milk": {bread},').replace(f'"bread": {bread},', f'"bread": {milk},')
                                         .replace(f'"milk":{milk},', f'"milk":{bread},').replace(f'"bread":{bread},', f'"bread":{milk},'), encoding='utf-8')
    assert checkpoint_hash(folder) != before
    again = encode(['milk', 'bread'], checkpoint=folder, store=tmp_path/'vectors', engine='openvino')
    np.testing.assert_allclose(again, first[::-1], atol=1e-6)                       # the two words have changed places


def test_a_checkpoint_that_changes_under_a_run_is_refused(tmp_path, monkeypatch):
    folder, ids = copied(tmp_path), encode_ids
    def changing(*args):
        with (folder/'config.json').open('a') as file: file.write(' ')
        return ids(*args)
    monkeypatch.setattr('seqrep_nb.encode.encode_ids', changing)
    with pytest.raises(InputError, match='was changed while it was in use'): encode(['milk'], checkpoint=folder, store=tmp_path/'vectors', engine='openvino')
    assert len(TextEncoder(folder, store=tmp_path/'vectors', engine='openvino').fit([]).vector_store()) == 0


@pytest.mark.parametrize('fault, said', [(lambda t: t.pop('encoder.layer.1.output.dense.bias'), 'has no array'), (lambda t: t['embeddings.LayerNorm.bias'].fill(np.nan), 'not finite'),
                                         (lambda t: t.update({'embeddings.position_embeddings.weight': t['embeddings.position_embeddings.weight'][:8]}), 'asks for'),
                                         (lambda t: t.update({'encoder.layer.0.output.dense.weight': np.ones((16, 24), np.int8)}), 'quantised')])
@pytest.mark.parametrize('kind', ['keras', 'openvino'])
def test_broken_weights_are_refused_by_every_engine(kind, fault, said, tmp_path):
    import shutil
    from safetensors.numpy import save_file
    folder = shutil.copytree(GOLDEN/'bert', tmp_path/'bert')
    tensors = load_file(folder/'model.safetensors')
    fault(tensors)
    save_file(tensors, folder/'model.safetensors')
    with pytest.raises(InputError, match=said): load_engine(folder, kind)


@pytest.mark.parametrize('field', [dict(quantization_config=dict(bits=8)), dict(auto_map=dict(AutoModel='theirs.Model'))])
def test_a_config_that_is_more_than_bert_is_refused(field, tmp_path):
    import shutil
    folder = shutil.copytree(GOLDEN/'bert', tmp_path/'bert')
    (folder/'config.json').write_text(json.dumps(json.loads((folder/'config.json').read_text()) | field))
    with pytest.raises(InputError, match=next(iter(field))): load_engine(folder, 'openvino')


def test_the_exact_gelu_counts_after_a_first_run_too():
    from seqrep_nb.backbone import exact_gelu, import_keras
    _, keras, _ = import_keras()
    model = load_backbone(GOLDEN/'bert')
    right = encode_ids(model, [[3, 4, 5]])
    for block in model.transformer_layers: block._feedforward_intermediate_dense.activation = lambda x: keras.activations.gelu(x, approximate=True)
    model.__dict__.pop('_seqrep_engine')
    assert np.abs(encode_ids(model, [[3, 4, 5]]) - right).max() > 1e-5
    np.testing.assert_allclose(encode_ids(exact_gelu(model), [[3, 4, 5]]), right, atol=1e-6)
