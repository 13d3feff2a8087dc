"Hidden words and next words: what is hidden, what the losses are, what is tied, and that a run may be killed, resumed, saved and read again"
import json, shutil
from functools import cache
import numpy as np, pytest, scipy.sparse as sp
from hypothesis import given, settings, strategies as st
from common import ROOT
from seqrep_nb import adapt, backbone, text
from seqrep_nb.core import InputError

TINY = ROOT/'tests'/'golden'
WORDS = np.arange(40)
RULE = adapt.Masking(mask=3, ordinary=WORDS >= 5, continues=(WORDS >= 5) & (WORDS % 3 == 0))   # ids below 5 are special
WHOLE = RULE._replace(whole_words=True)


@pytest.fixture
def bert(): return backbone.load_backbone(TINY/'bert')


@pytest.fixture
def gpt2(): return backbone.load_backbone(TINY/'gpt2')


def lines_of(lengths, seed=0):
    "Lines as a tokenizer gives them: one special token, ordinary ones, one special token."
    rng = np.random.default_rng(seed)
    return [np.array([1, *rng.integers(5, 40, n), 2], 'int32') for n in lengths]


def padded(lines, width, side='right'):
    ids, mask = np.zeros((len(lines), width), 'int32'), np.zeros((len(lines), width), bool)
    for row, line in enumerate(lines):
        part = slice(0, len(line)) if side == 'right' else slice(width - len(line), width)
        ids[row, part], mask[row, part] = line, True
    return ids, mask


LENGTHS = st.lists(st.integers(1, 30), min_size=1, max_size=6)


@settings(max_examples=150, deadline=None)
@given(LENGTHS, st.integers(0, 9), st.sampled_from(['left', 'right']), st.floats(.01, .9), st.booleans(), st.integers(0, 2**32), st.integers(0, 10**6))
def test_what_is_hidden(lengths, spare, side, share, whole, seed, step):
    ids, mask = padded(lines_of(lengths, seed), max(lengths) + 2 + spare, side)
    rule = RULE._replace(share=share, whole_words=whole)
    changed, positions, labels, real = adapt.masked_examples(ids, mask, rule, seed, step)
    assert all((a == b).all() for a, b in zip((changed, positions, labels, real), adapt.masked_examples(ids, mask, rule, seed, step)))
    assert positions.shape == labels.shape == real.shape == (len(lengths), max(round(share * ids.shape[1]), 1))
    for row, n in enumerate(lengths):
        at, wanted = positions[row][real[row]], max(round(share * n), 1)
        assert len(set(at)) == len(at) >= 1
        if not whole: assert len(at) == wanted
        assert (labels[row][real[row]] == ids[row, at]).all() and rule.ordinary[ids[row, at]].all() and mask[row, at].all()
        others = np.setdiff1d(np.arange(ids.shape[1]), at)
        assert (changed[row, others] == ids[row, others]).all()
        assert ((changed[row, at] == rule.mask) | rule.ordinary[changed[row, at]]).all()
        if whole: check_words(ids[row], mask[row] & rule.ordinary[ids[row]], at, wanted, positions.shape[1])


def check_words(ids, may, at, wanted, most):
    "Each word is hidden whole or not at all, and no more than wanted unless every word is longer."
    begins = may & (~RULE.continues[ids] | ~np.append(False, may[:-1]))
    word = np.where(may, begins.cumsum(), 0)
    touched = np.unique(word[at])
    sizes = np.bincount(word)[1:]
    if len(touched) == 1 and sizes.min() > wanted: assert len(at) == min(sizes.min(), most)
    else: assert len(at) == np.isin(word, touched).sum() <= wanted


def test_eight_one_one():
    ids, mask = padded(lines_of([100] * 400), 102)
    changed, positions, labels, real = adapt.masked_examples(ids, mask, RULE, 1, 2)
    now = np.take_along_axis(changed, positions, 1)[real]
    assert real.sum() == 400 * 15
    assert abs((now == RULE.mask).mean() - .8) < .02
    assert abs((now == labels[real]).mean() - (.1 + .1 / 35)) < .015
    other = adapt.masked_examples(ids, mask, RULE, 1, 3)
    assert (other[1] != positions).mean() > .9 and (adapt.masked_examples(ids, mask, RULE, 2, 2)[1] != positions).mean() > .9
    assert len(np.unique(now[(now != RULE.mask) & (now != labels[real])])) == 35                           # any ordinary token may come, no special one


def test_the_rule_of_the_default_tokenizer():
    rule, tokenizer = adapt.masking(text.load_tokenizer()), text.load_tokenizer()
    assert rule.mask == tokenizer.mask_token_id == 103 and not rule.ordinary[[0, 100, 101, 102, 103, 1, 50]].any() and rule.ordinary[tokenizer.convert_tokens_to_ids(['milk', '##s'])].all()
    assert rule.continues[tokenizer.convert_tokens_to_ids('##s')] and not rule.continues[tokenizer.convert_tokens_to_ids('milk')]


def answers(hidden, table, labels, bias=0.):
    "Cross-entropy in NumPy, float64."
    logits = hidden @ table.T + bias
    logits -= logits.max(-1, keepdims=True)
    return np.log(np.exp(logits).sum(-1)) - np.take_along_axis(logits, labels[..., None], -1)[..., 0]


def masked_reference(head, ids, mask, positions, labels):
    from scipy.special import erf
    number = lambda variable: np.asarray(variable, 'float64')
    x = np.take_along_axis(backbone.reference_hidden(TINY/'bert', ids, mask), positions[..., None], 1)
    x = x @ number(head._intermediate_dense.kernel) + number(head._intermediate_dense.bias)
    x = x * (1 + erf(x / np.sqrt(2))) / 2
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12) * number(head._intermediate_layer_norm.gamma) + number(head._intermediate_layer_norm.beta)
    return answers(x, number(head.token_embedding.embeddings), labels, number(head._bias))


def test_the_masked_loss_is_the_formula(bert):
    head = adapt.masked_head(bert, np.arange(40), seed=3)
    for v in head.variables:
        if v is not bert.token_embedding.embeddings: v.assign(v + np.random.default_rng(0).normal(0, .3, v.shape))
    ids, mask = padded(lines_of([9, 3, 12, 1]), 14)
    changed, positions, labels, real = adapt.masked_examples(ids, mask, RULE._replace(share=.4), 0, 0)
    weights = (real * (len(ids) / real.sum())).astype('float32')
    expected = masked_reference(head, changed, mask, positions, labels)
    found = float(adapt.masked_loss(bert, head, training=False)(changed, mask.astype('int32'), positions, labels, weights))
    assert abs(found - expected[real].mean()) < 1e-5
    table = adapt.masked_losses(bert, head, lines_of([9, 3, 12, 1]), RULE._replace(share=.4))
    assert (table.token.to_numpy() == labels[real]).all() and np.abs(table.loss - expected[real]).max() < 1e-5
    parted = adapt.masked_losses(bert, head, lines_of([9, 3, 12, 1]), RULE._replace(share=.4), batch_size=3)
    assert len(parted) == len(table) and set(parted.line) == {0, 1, 2, 3}


def test_the_next_loss_is_the_formula_on_either_side(gpt2):
    wte, lines = backbone.read_tensors(TINY/'gpt2')['wte.weight'].astype('float64'), lines_of([9, 3, 12, 1])
    expected = [answers(backbone.reference_hidden(TINY/'gpt2', line[None, :-1], np.ones((1, len(line) - 1), bool))[0], wte, line[1:]) for line in lines]
    expected, found = np.concatenate(expected), []
    for side in ('right', 'left'):
        arrays = adapt.next_examples(*padded(lines, 16, side))
        found.append(arrays)
        ids, mask, labels, real = arrays
        weights = (real * (len(ids) / real.sum())).astype('float32')
        assert abs(float(adapt.next_loss(gpt2, training=False)(ids, mask, labels, weights)) - expected.mean()) < 1e-5
    assert all((a == b).all() for a, b in zip(*found)) and real.sum() == sum(map(len, lines)) - 4
    for size in (None, 3):
        table = adapt.next_losses(gpt2, lines, size)
        assert np.abs(table.loss - expected).max() < 1e-5 and (table.token == np.concatenate([line[1:] for line in lines])).all()


def test_tied_from_both_ends(bert):
    tf, _, _ = backbone.import_keras()
    head, E = adapt.masked_head(bert), bert.token_embedding.embeddings
    assert head.token_embedding is bert.token_embedding and sum(v is E for v in adapt._variables(bert, head)) == 1
    assert not any('pooled' in v.path for v in adapt._variables(bert, head)) and not any(v is E for v in adapt._variables(bert, head, own=False))
    ids, mask = padded(lines_of([9, 3]), 11)
    changed, positions, labels, real = adapt.masked_examples(ids, mask, RULE, 0, 0)
    loss = adapt.masked_loss(bert, head, training=False)
    hidden = backbone.last_hidden(bert, changed, mask)

    def gradient(function):
        with tf.GradientTape() as tape: value = function()
        return np.asarray(tf.convert_to_tensor(tape.gradient(value, E.value)))
    both = gradient(lambda: loss(changed, mask.astype('int32'), positions, labels, real.astype('float32')))
    output = gradient(lambda: tf.reduce_mean(tf.reduce_sum(real * tf.nn.sparse_softmax_cross_entropy_with_logits(labels, head(hidden, positions)), 1)))
    read = np.zeros(40, bool)
    read[changed[mask]] = True
    assert (np.abs(output).max(1) > 0).all()                                                               # every word stands in the softmax
    difference = np.abs(both - output).max(1)
    assert (difference[read] > 1e-6).all() and (difference[~read] < 1e-7).all()                            # those that were read have more


TRAINING = dict(steps=9, batch_size=4, learning_rate=1e-2, seed=5)


def interrupted(lines, after):
    "The lines of each epoch; the first call for epoch `after` is the power cut."
    state = dict(cut=False)

    def of_epoch(epoch):
        if epoch == after and not state['cut']:
            state['cut'] = True
            raise KeyboardInterrupt
        return [lines[i] for i in np.random.default_rng(epoch).permutation(len(lines))]
    return of_epoch


def masked_run(lines, **more): return adapt.adapt_masked(backbone.load_backbone(TINY/'bert'), lines, RULE, **TRAINING | more)
def next_run(lines, **more): return adapt.adapt_next(backbone.load_backbone(TINY/'gpt2'), lines, **TRAINING | more)


def weights(adapted): return [np.asarray(v).copy() for v in adapt._variables(adapted.backbone, adapted.head)]


LINES = lines_of([9, 3, 12, 6, 7, 8, 5, 4, 10, 11, 2, 9])
WATCHED = dict(validation=LINES, every=2, keep_every=2, learning_rate=2e-3)     # they are learned step by step: the best weights are the last


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    "run → what it trains without a power cut, and its folder: read by several tests, changed by none."
    @cache
    def made(run):
        folder = tmp_path_factory.mktemp('whole')/'run'
        return run(interrupted(LINES, 99), folder=folder, **WATCHED), folder
    return made


@pytest.mark.parametrize('run', [masked_run, next_run])
def test_killed_and_resumed_is_the_same_run(run, whole, tmp_path):
    whole, broken = whole(run)[0], interrupted(LINES, 2)
    with pytest.raises(KeyboardInterrupt): run(broken, folder=tmp_path/'run', **WATCHED)
    assert list((tmp_path/'run').glob('*.safetensors'))
    resumed = run(broken, folder=tmp_path/'run', **WATCHED)
    assert all((a == b).all() for a, b in zip(weights(whole), weights(resumed)))
    assert [h['validation'] for h in whole.history] == [h['validation'] for h in resumed.history]
    assert min(h['validation'] for h in whole.history) == whole.history[-1]['validation']                   # so that the weights compared are those after the cut
    assert any((a != b).any() for a, b in zip(weights(whole), weights(run(interrupted(LINES, 99), **WATCHED | dict(seed=6)))))
    with pytest.raises(InputError): run(broken, folder=tmp_path/'run', **WATCHED | dict(learning_rate=1e-3))  # another run has another folder


@pytest.mark.parametrize('run', [masked_run, next_run])
def test_training_lowers_the_loss_and_keeps_the_best(run):
    lines = [np.array([1, *([5, 6, 7, 8] * 3)[i:i + 8], 2], 'int32') for i in (0, 1, 2, 3)] * 4
    found = run(lines, steps=60, validation=lines[:4], every=20)
    losses = [h['validation'] for h in found.history if h['validation'] is not None]
    now = adapt.masked_losses(found.backbone, found.head, lines[:4], RULE) if found.head else adapt.next_losses(found.backbone, lines[:4])
    assert min(losses) < .7 * losses[0] and abs(now.loss.mean() - min(losses)) < 1e-5


def test_the_head_alone_leaves_the_backbone(bert):
    before = [np.asarray(v).copy() for v in bert.variables if 'seed' not in v.path]
    found = adapt.adapt_masked(bert, lines_of([9, 3, 12, 6]), RULE, train_backbone=False, **TRAINING)
    assert all((a == np.asarray(v)).all() for a, v in zip(before, [v for v in bert.variables if 'seed' not in v.path]))
    first = adapt.masked_head(bert, np.bincount(np.concatenate(lines_of([9, 3, 12, 6])), minlength=40) * RULE.ordinary, 5)
    assert np.abs(np.asarray(first._intermediate_dense.kernel) - np.asarray(found.head._intermediate_dense.kernel)).max() > 1e-3


@pytest.mark.parametrize('family, run', [('bert', masked_run), ('gpt2', next_run)])
def test_parts_of_a_batch_are_the_batch(family, run, tmp_path, monkeypatch):
    "Without dropout two halves of a batch give the gradient of the whole, however many answers each has."
    shutil.copytree(TINY/family, tmp_path/family)
    config = json.loads((tmp_path/family/'config.json').read_text())
    (tmp_path/family/'config.json').write_text(json.dumps(config | {k: 0. for k in ('hidden_dropout_prob', 'resid_pdrop') if k in config}))
    monkeypatch.setattr(f'{__name__}.TINY', tmp_path)
    lines = lines_of([12, 1, 2, 9])
    one, two = (run(lines, steps=2, learning_rate=1e-3, micro_batches=n) for n in (1, 2))
    assert abs(one.history[0]['loss'] - two.history[0]['loss']) < 1e-5


@pytest.mark.parametrize('family, run', [('bert', masked_run), ('gpt2', next_run)])
def test_saved_and_read_again(family, run, whole, tmp_path):
    lines, found = lines_of([9, 3, 12, 6]), whole(run)[0]
    saved = backbone.save_backbone(found.backbone, tmp_path/'saved', tokenizer_from=None if family == 'bert' else TINY/'gpt2')
    ids, mask = padded(lines, 16)
    before, after = (np.asarray(backbone.last_hidden(b, ids, mask)) for b in (found.backbone, backbone.load_backbone(saved)))
    assert np.abs(before - after)[mask].max() < 1e-6
    assert np.abs(before - backbone.reference_hidden(saved, ids, mask))[mask].max() < 1e-4
    assert np.abs(before - np.asarray(backbone.last_hidden(backbone.load_backbone(TINY/family), ids, mask)))[mask].max() > 1e-2


def test_candidates_and_completions_are_the_formula(gpt2):
    wte, lines, candidates = backbone.read_tensors(TINY/'gpt2')['wte.weight'].astype('float64'), lines_of([3, 6, 1]), [[7], [8, 9, 4], [30, 4], [7, 4]]
    hidden = lambda line: backbone.reference_hidden(TINY/'gpt2', np.array([line]), np.ones((1, len(line)), bool))[0]
    def likelihood(line, candidate):
        whole = np.array([*line, *candidate])
        return -answers(hidden(whole[:-1])[len(line) - 1:], wte, whole[len(line):]).sum()
    expected = np.array([[likelihood(line, c) for c in candidates] for line in lines])
    assert np.abs(adapt.candidate_scores(gpt2, lines, candidates) - expected).max() < 1e-4
    assert np.abs(adapt.candidate_scores(gpt2, lines, candidates[:1]) - expected[:, :1]).max() < 1e-4      # of one token all
    greedy, said = adapt.complete(gpt2, lines, tokens=5), []
    for line in lines:
        going = list(line)
        for _ in range(5): going.append(int((hidden(going)[-1] @ wte.T).argmax()))
        said.append(going[len(line):])
    assert greedy == said
    end = said[0][2]
    assert adapt.complete(gpt2, lines[:1], tokens=5, end=end)[0] == said[0][:said[0].index(end)]
    drawn = [adapt.complete(gpt2, lines, tokens=5, temperature=1., seed=s) for s in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_draws_follow_the_probabilities(gpt2):
    line = lines_of([4])[0]
    wte = backbone.read_tensors(TINY/'gpt2')['wte.weight'].astype('float64')
    logits = backbone.reference_hidden(TINY/'gpt2', line[None], np.ones((1, len(line)), bool))[0, -1] @ wte.T
    p = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    drawn = np.bincount([a[0] for a in adapt.complete(gpt2, [line] * 4000, tokens=1, temperature=1.)], minlength=40) / 4000
    assert np.abs(drawn - p).max() < 5 * np.sqrt(.25 / 4000)


TEXTS = ['soft drinks', 'cheese', 'baked bread/buns/rolls', 'fluid milk products', 'frzn ice'] * 4


def test_an_own_vocabulary(tmp_path):
    folders = [adapt.new_gpt2(tmp_path/name, TEXTS, words=300, width=16, blocks=1, heads=2, positions=16, seed=seed) for name, seed in (('a', 0), ('b', 0), ('c', 1))]
    bytes_of = lambda folder, name: (folder/name).read_bytes()
    assert all(bytes_of(folders[0], name) == bytes_of(folders[1], name) for name in ('tokenizer.json', 'vocab.json', 'merges.txt', 'model.safetensors', 'config.json'))
    assert bytes_of(folders[0], 'model.safetensors') != bytes_of(folders[2], 'model.safetensors')
    tokenizer, model = text.load_tokenizer(folders[0]), backbone.load_backbone(folders[0])
    assert len(tokenizer) == model.vocabulary_size <= 300 and tokenizer.eos_token == adapt.END and tokenizer('')['input_ids'] == []
    for said in (*TEXTS[:5], ' soft drinks ;', 'crème brûlée 牛奶 \x00'): assert tokenizer.decode(tokenizer(said)['input_ids'], clean_up_tokenization_spaces=False) == said
    assert len(tokenizer(' soft drinks')['input_ids']) < len(' soft drinks')
    assert adapt.complete(model, [[tokenizer.eos_token_id]], tokens=3)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sets(st.integers(0, 7), min_size=1), min_size=1, max_size=5), st.integers(6, 30), st.integers(0, 9), st.integers(0, 9))
def test_a_basket_is_told_in_any_order(baskets, length, seed, epoch):
    tokens = [np.array([10 + c] * (1 + c % 4)) for c in range(8)]
    X = sp.csr_matrix((np.ones(sum(map(len, baskets))), [c for b in baskets for c in sorted(b)], np.cumsum([0, *map(len, baskets)])), (len(baskets), 8))
    lines = adapt.basket_lines(X, tokens, end=9, length=length, seed=seed)(epoch)
    assert all((a == b).all() for a, b in zip(lines, adapt.basket_lines(X, tokens, 9, length, seed)(epoch)))
    for line, basket in zip(lines, baskets):
        assert line[0] == line[-1] == 9 and len(line) <= length
        said = list(dict.fromkeys(line[1:-1] - 10))
        assert set(said) <= basket and line[1:-1].tolist() == np.concatenate([tokens[c] for c in said]).tolist()
        if sum(len(tokens[c]) for c in basket) <= length - 2: assert set(said) == basket


def test_each_epoch_has_its_own_order():
    X, tokens = sp.csr_matrix(np.ones((3, 8))), [np.array([10 + c]) for c in range(8)]
    lines = adapt.basket_lines(X, tokens, 9, 20)
    orders = {tuple(line) for epoch in range(5) for line in lines(epoch)}
    assert len(orders) == 15


def named(call, *words):
    with pytest.raises(InputError) as error: call()
    assert all(word in str(error.value) for word in words), str(error.value)


def test_bad_input_is_named(bert, gpt2, tmp_path):
    good = lines_of([3, 4])
    named(lambda: adapt.adapt_masked(gpt2, good, RULE), 'gpt2', 'adapt_next')
    named(lambda: adapt.adapt_next(bert, good), 'bert', 'adapt_masked')
    named(lambda: adapt.masking(type('T', (), dict(mask_token_id=None))()), 'no [MASK]')
    for share in (0, 1, -.1): named(lambda: adapt.masking(text.load_tokenizer(), share), 'share', str(share))
    named(lambda: adapt.adapt_masked(bert, [], RULE), 'lines', 'empty')
    named(lambda: adapt.adapt_masked(bert, [*good, []], RULE), 'row 2', 'fewer than 1')
    named(lambda: adapt.adapt_masked(bert, [*good, [1] * 17], RULE), 'row 2', 'more than 16')
    named(lambda: adapt.adapt_masked(bert, [good[0], [1, 99, 2]], RULE), 'row 1', '99', 'tokenizer')
    named(lambda: adapt.adapt_masked(bert, good, RULE, validation=[[1, -1]]), 'validation', 'row 0')
    named(lambda: adapt.masked_examples(np.array([[1, 7, 2], [1, 2, 0]]), np.array([[1, 1, 1], [1, 1, 0]]), RULE), 'row 1', 'without an ordinary token')
    named(lambda: adapt.adapt_masked(bert, good, RULE, head=adapt.masked_head(backbone.load_backbone(TINY/'bert'))), 'head', 'another backbone')
    named(lambda: adapt.adapt_masked(bert, good, RULE, seed=-1), 'seed', '-1')
    named(lambda: adapt.adapt_masked(bert, good, RULE, length=5), 'one of 6 tokens', '5 wide')
    named(lambda: adapt.adapt_next(gpt2, lambda epoch: good[epoch:], steps=3, batch_size=2), '2 in the first epoch and 1')
    named(lambda: adapt.adapt_next(gpt2, [*good, [1]]), 'row 2', 'fewer than 2')
    named(lambda: adapt.complete(gpt2, [[1] * 14], tokens=3), 'row 0', 'more than 13')
    named(lambda: adapt.candidate_scores(gpt2, good, []), 'candidates', 'empty')
    named(lambda: adapt.candidate_scores(gpt2, [[1] * 15], [[1], [1, 2]]), 'lines', 'more than 14')
    named(lambda: adapt.train_tokenizer(TEXTS, tmp_path/'t', words=100), 'words', '257')
    named(lambda: adapt.basket_lines(sp.csr_matrix(np.ones((1, 2))), [[5] * 4, [6]], 9, 5), 'length', '6 or more')


@pytest.mark.parametrize('run, family', [(masked_run, 'bert'), (next_run, 'gpt2')])
def test_a_folder_of_a_run_from_other_weights_is_refused(run, family, whole):
    (found, folder), start = whole(run), backbone.load_backbone(TINY/family)
    start.token_embedding.embeddings.assign(2 * start.token_embedding.embeddings)
    given = dict(folder=folder) | TRAINING | WATCHED
    named((lambda: adapt.adapt_masked(start, interrupted(LINES, 99), RULE, **given)) if family == 'bert' else (lambda: adapt.adapt_next(start, interrupted(LINES, 99), **given)), 'another training', 'start')
    assert all((a == b).all() for a, b in zip(weights(found), weights(run(interrupted(LINES, 99), folder=folder, **WATCHED))))   # the same weights go on


def test_more_bad_input_is_named(gpt2):
    ids, mask = np.array([[1, 7, 2]]), np.ones((1, 3), bool)
    for odd in (ids + 40, -ids): named(lambda: adapt.masked_examples(odd, mask, RULE), 'ids', 'row 0')
    named(lambda: adapt.masked_examples(ids, mask[0], RULE), 'ids, mask', '(3,)')
    for odd in (-1., np.nan, np.inf): named(lambda: adapt.complete(gpt2, [[1]], 2, temperature=odd), 'temperature')
    named(lambda: adapt.complete(gpt2, [[1]], 0), 'tokens')
    for X in (np.ones((1, 3)), np.ones((0, 2))): named(lambda: adapt.basket_lines(sp.csr_matrix(X), [[5], [6]], 9, 9), 'one text per column')
