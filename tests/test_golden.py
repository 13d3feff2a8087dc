"What PyTorch's transformers computed (scripts/golden.py) is what Keras and the float64 reference compute"
import numpy as np, pytest
from safetensors.numpy import load_file
from common import ROOT
from seqrep_nb.backbone import align_left, last_hidden, load_backbone, load_tokenizer, packaged_checkpoint, read_json, reference_hidden, save_backbone

GOLDEN = ROOT/'tests'/'golden'
LIMIT = 1e-5  # several times the rounding of float32 over six blocks; the wrong GELU is off by 5e-3


def aligned(backbone, ids, mask):
    ids, mask, order = align_left(ids, mask)
    return np.take_along_axis(np.asarray(last_hidden(backbone, ids, mask)), order[..., None], 1)


@pytest.mark.parametrize('name', ['bert', 'gpt2'])
def test_small_models_of_both_families(name, tmp_path):
    golden = load_file(GOLDEN/f'{name}.safetensors')
    ids, mask = golden['ids'], golden['mask'].astype(bool)
    off = lambda hidden: np.abs(hidden - golden['hidden'])[mask].max()
    assert not mask[:, 0].all() and not mask[:, -1].all()                                    # padding on both sides
    backbone = load_backbone(GOLDEN/name)
    assert off(aligned(backbone, ids, mask)) < LIMIT
    assert off(reference_hidden(GOLDEN/name, ids, mask)) < LIMIT
    assert off(np.asarray(last_hidden(backbone, ids, mask))) > .1                            # as it is: positions counted from column 0
    saved = save_backbone(backbone, tmp_path/'saved', tokenizer_from=GOLDEN/name)
    assert off(aligned(load_backbone(saved), ids, mask)) < LIMIT


@pytest.fixture(scope='module')
def default():
    golden, texts = load_file(GOLDEN/'default.safetensors'), read_json(GOLDEN/'default.json')
    assert len(set(texts)) == 100 and golden['mean'].shape == golden['cls'].shape == (100, 384)
    tokenizer = load_tokenizer()
    return golden, [tokenizer(t)['input_ids'] for t in texts], load_backbone()


def padded(lines, side='right'):
    width = max(map(len, lines))
    rows = [(line, [0] * (width - len(line))) for line in lines]
    ids, mask = (np.array([a + b if side == 'right' else b + a for a, b in pairs]) for pairs in (rows, [([1] * len(line), pad) for line, pad in rows]))
    return ids, mask.astype(bool)


def vectors(hidden, mask): return (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdims=True), hidden[np.arange(len(mask)), mask.argmax(1)]


@pytest.mark.parametrize('side', ['right', 'left'])
@pytest.mark.parametrize('size', [100, 7])
def test_the_default_checkpoint_whatever_the_order_the_batches_and_the_padding(side, size, default):
    (golden, lines, backbone), order = default, np.random.default_rng(size).permutation(100)
    for start in range(0, 100 if size == 100 else 28, size):
        rows = order[start:start + size]
        ids, mask = padded([lines[r] for r in rows], side)
        mean, cls = vectors(aligned(backbone, ids, mask), mask)
        assert np.abs(mean - golden['mean'][rows]).max() < LIMIT and np.abs(cls - golden['cls'][rows]).max() < LIMIT


def test_the_reference_of_the_default_checkpoint(default):
    golden, lines, _ = default
    ids, mask = padded(lines[::4], 'left')
    mean, cls = vectors(reference_hidden(packaged_checkpoint(), ids, mask), mask)
    assert np.abs(mean - golden['mean'][::4]).max() < LIMIT and np.abs(cls - golden['cls'][::4]).max() < LIMIT


def test_the_golden_files_are_small(): assert sum(p.stat().st_size for p in GOLDEN.rglob('*')) < 600_000
