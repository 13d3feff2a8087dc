"The metrics against an independent implementation, and what must not change a number"
import os
from dataclasses import replace
from types import SimpleNamespace

os.environ.setdefault('NUMBA_DISABLE_JIT', '1')  # ranx on sixty users: interpreted in a moment, compiled in half a minute

import numpy as np, pandas as pd, pytest, ranx, scipy.sparse as sp
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from seqrep_nb import metrics
from seqrep_nb.core import InputError
from seqrep_nb.metrics import Protocol, Result, compare, evaluate_ranking, interval, ndcg_at_k, recall_at_k, result_rows, top_k
from seqrep_nb.tasks import RankingTask

PROTOCOL = Protocol('a log', 'ranking', '2024-01-01', 'all', users=3)


def random_ranking(users=60, items=40, seed=0):
    "Scores without a tie, and between none and thirty relevant items per user: fewer and more than any k."
    rng = np.random.default_rng(seed)
    scores = rng.permuted(np.tile(np.arange(items), (users, 1)), axis=1).astype('float32')
    return scores, sp.csr_matrix(rng.random((users, items)) < rng.choice([0, .03, .1, .7], (users, 1)), dtype='float32')


def by_ranx(metric, scores, relevant, asked):
    "One value per user in `asked`; ids are padded, since ranx sorts what it returns by name."
    names = [f'i{item:03}' for item in range(scores.shape[1])]
    qrels = {f'u{u:03}': {names[i]: 1 for i in relevant[u].indices} for u in asked}
    run = {f'u{u:03}': dict(zip(names, scores[u].tolist())) for u in asked}
    return ranx.evaluate(ranx.Qrels(qrels), ranx.Run(run), metric, return_mean=False)


@pytest.mark.parametrize('k', [1, 5, 10, 60])  # 60: a list longer than the catalogue
def test_ndcg_and_recall_agree_with_ranx(k):
    scores, relevant = random_ranking()
    number = np.diff(relevant.indptr)
    asked, ranked = np.flatnonzero(number), top_k(scores, k)
    assert 0 < len(asked) < len(number) and number.min() == 0 and number.max() > 10
    np.testing.assert_allclose(ndcg_at_k(ranked, relevant, k)[asked], by_ranx(f'ndcg@{k}', scores, relevant, asked), rtol=1e-12)  # both count in float64
    ours = by_ranx(f'recall@{k}', scores, relevant, asked) * number[asked] / np.minimum(number[asked], k)                          # ranx divides by all relevant items
    np.testing.assert_allclose(recall_at_k(ranked, relevant, k)[asked], ours, rtol=1e-12)
    for metric in (ndcg_at_k, recall_at_k): assert np.isnan(metric(ranked, relevant, k)[number == 0]).all(), 'nobody is asked who has no answer'


tied_scores = arrays('float32', st.tuples(st.integers(1, 6), st.integers(1, 12)), elements=st.sampled_from([-np.inf, -1, -0., 0, .5, 1, 2]))


@settings(max_examples=200, deadline=None)
@given(tied_scores, st.integers(1, 15), st.randoms(use_true_random=False))
def test_top_k_is_a_stable_sort(scores, k, random):
    exclude = np.array([[random.random() < .3 for _ in row] for row in scores])
    top = top_k(scores, k, sp.csr_matrix(exclude, dtype='int8'))
    for row, bad, given_ in zip(scores, exclude, top):
        order = [item for item in np.argsort(-row, kind='stable') if not bad[item] and row[item] > -np.inf][:k]
        assert given_.tolist() == order + [-1] * (k - len(order))


def test_top_k_refuses_nan_and_leaves_the_scores_as_they_are():
    scores = np.tile(np.array([1, 2, 3], 'float32'), (1100, 1))   # more than are ranked at once
    scores[700, 1] = np.nan
    with pytest.raises(InputError, match=r'scores: .*NaN.*row 700.*; '): top_k(scores)
    top_k(scores[:1], 2, sp.csr_matrix([[0, 0, 1]]))
    assert scores[0].tolist() == [1, 2, 3], 'excluding an item must not write into the scores'


def ranking_task(relevant, seen, rows=slice(None)):
    users = np.array([f'u{u:03}' for u in range(relevant.shape[0])], object)[rows]
    return RankingTask(SimpleNamespace(user_ids=users), relevant[rows], seen[rows], pd.Timestamp('2024-01-01', tz='UTC'))


@pytest.mark.parametrize('view', ['all', 'new'])
def test_the_order_of_the_users_changes_nothing(view):
    (scores, relevant), (_, seen) = random_ranking(), random_ranking(seed=1)
    order = np.random.default_rng(2).permutation(len(scores))
    plain = evaluate_ranking('a', scores, ranking_task(relevant, seen), view)
    shuffled = evaluate_ranking('a', scores[order], ranking_task(relevant, seen, order), view)
    for a, b in zip(plain, shuffled, strict=True):
        assert (a.metric, a.protocol) == (b.metric, b.protocol) and len(set(a.values)) > 5
        assert dict(zip(a.per_user, a.values)) == dict(zip(b.per_user, b.values))
    if view == 'new': relevant, scores = relevant - relevant.multiply(seen), np.where(seen.toarray(), -np.inf, scores)
    asked = np.flatnonzero(relevant.getnnz(1))
    np.testing.assert_allclose(plain[0].values, by_ranx('ndcg@10', np.maximum(scores, -1), relevant, asked))


def test_blocks_of_users_change_nothing():
    "More users than are ranked at once give each what a user alone gets."
    scores, relevant = random_ranking(users=1100, items=12)
    found = evaluate_ranking('a', scores, ranking_task(relevant, 0 * relevant))[0]
    asked = np.flatnonzero(np.diff(relevant.indptr))
    assert found.values.tolist() == [ndcg_at_k(top_k(scores[[u]]), relevant[[u]])[0] for u in asked]


def result(values=(.1, .2, .3), metric='NDCG@10', users=('a', 'b', 'c'), **protocol):
    return Result('m', metric, np.array(values), replace(PROTOCOL, **protocol), 7, per_user=np.array(users, object))


OTHERS = dict(data=dict(dataset='another'), task=dict(task='intent'), cut=dict(cut='2024-02-01'), view=dict(view='new'), target=dict(target='all later items'),
              candidates=dict(candidates='100 sampled items'), ties=dict(ties='random'), metric=dict(metric='Recall@10'),
              users=dict(users=('a', 'b', 'd')), order=dict(users=('b', 'a', 'c')), fewer=dict(values=(.1, .2), users=('a', 'b')))


@pytest.mark.parametrize('other', OTHERS)
def test_only_like_is_compared_with_like(other):
    said = 'different users' if other in ('users', 'order', 'fewer') else 'two protocols'
    with pytest.raises(InputError, match=f'{said}.*; evaluate both'): compare(result(), result(**OTHERS[other]))


def test_a_gain_is_paired_and_signed():
    found = compare(result((.3, .4, .5)), result())
    assert np.allclose([found[key] for key in ('gain', 'low', 'high')], .2), 'the same gain for every user has no spread'
    assert found['p'] < .01 and compare(result(), result((.3, .4, .5)))['gain'] == -found['gain']
    assert compare(result(), result())['p'] == 1


@pytest.mark.parametrize('constant', [0, .25, 1, 1/3])
def test_the_interval_of_a_constant_is_that_constant(constant):
    assert interval(result([constant] * 50)) == pytest.approx((constant,) * 3, abs=1e-15)


def test_the_interval_holds_the_value_and_narrows_with_users():
    rng = np.random.default_rng(0)
    few, many = (interval(result(rng.random(n))) for n in (50, 5000))
    assert all(low < value < high for value, low, high in (few, many))
    assert many[2] - many[1] < (few[2] - few[1]) / 5   # a tenth is expected
    assert many == interval(result(np.random.default_rng(0).random(5050)[50:])), 'seeded'


def test_rows_hold_these_fields_and_no_others():
    scores, relevant = random_ranking()
    classified = metrics.classification_results('c', np.arange(40) % 2, np.linspace(0, 1, 40), PROTOCOL, seed=3)
    rows = result_rows(evaluate_ranking('r', scores, ranking_task(relevant, relevant), seed=5) + classified, times=20)
    assert [row['metric'] for row in rows] == ['NDCG@10', 'Recall@10', 'PR-AUC', 'ROC-AUC', 'log-loss', 'Brier']
    for row in rows:
        assert list(row) == ['task', 'model', 'view', 'metric', 'value', 'low', 'high', 'n', 'protocol', 'seed']
        assert row['low'] <= row['value'] <= row['high'] and type(row['value']) is float
        assert row['n'] == (40 if row['model'] == 'c' else np.count_nonzero(np.diff(relevant.indptr))) and row['seed'] == (3 if row['model'] == 'c' else 5)
        assert f'{row["n"]} users' in row['protocol']


def test_classification_agrees_with_scikit_learn():
    from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 2, 200), rng.random(200).round(2)   # rounded: ties
    found = [r.value for r in metrics.classification_results('c', y, p.clip(.01, .99), PROTOCOL)]
    np.testing.assert_allclose(found, [f(y, p.clip(.01, .99)) for f in (average_precision_score, roc_auc_score, log_loss, brier_score_loss)], rtol=1e-12)
