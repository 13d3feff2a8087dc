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


# Ties, and what the other metrics say

def tied_ranking(users=60, items=40, seed=3):
    "Scores of five levels, and the order that catalogue order makes of them, as scores without a tie."
    scores, relevant = random_ranking(users, items, seed)
    scores = np.floor(scores / 8).astype('float32')
    order = np.argsort(-scores, axis=1, kind='stable')
    untied = np.empty_like(scores)
    np.put_along_axis(untied, order, np.arange(items, 0, -1, dtype='float32')[None].repeat(users, 0), 1)
    return scores, untied, relevant


@pytest.mark.parametrize('ties', [False, True])
@pytest.mark.parametrize('k', [1, 5, 10, 60])
def test_every_ranking_metric_agrees_with_ranx(k, ties):
    "ranx breaks ties by an unstable sort, so it is given the catalogue's order; ours are given the ties."
    scores, untied, relevant = tied_ranking()
    if not ties: scores = untied
    number = np.diff(relevant.indptr)
    asked, ranked = np.flatnonzero(number), top_k(scores, k)
    possible = number[asked] / np.minimum(number[asked], k)     # ranx divides by all relevant items
    for name, factor in dict(NDCG=1, Recall=possible, MRR=1, MAP=possible, HitRate=1).items():
        theirs = dict(NDCG='ndcg', Recall='recall', MRR='mrr', MAP='map', HitRate='hit_rate')[name]
        found = metrics.RANKING_METRICS[name](ranked, relevant, k)
        np.testing.assert_allclose(found[asked], by_ranx(f'{theirs}@{k}', untied, relevant, asked) * factor, rtol=1e-12, err_msg=name)
        assert np.isnan(found[number == 0]).all() and (number == 0).any()


lists = st.integers(1, 6).flatmap(lambda items: st.tuples(st.just(items), st.lists(st.permutations(range(items)).flatmap(
    lambda order: st.integers(0, items).map(lambda n: list(order)[:n])), min_size=1, max_size=5)))


@settings(max_examples=150, deadline=None)
@given(lists, st.integers(1, 7), st.data())
def test_lists_are_measured_as_in_plain_python(given_, k, data):
    items, rows = given_
    ranked = np.array([row + [-1] * (7 - len(row)) for row in rows])
    counts = data.draw(st.lists(st.integers(0, 9), min_size=items, max_size=items))
    labels = data.draw(st.lists(st.sampled_from(['a', 'b', None]), min_size=items, max_size=items))
    vectors = np.array(data.draw(st.lists(st.tuples(*[st.integers(-2, 2)] * 2), min_size=items, max_size=items)), float)
    assert metrics.coverage_at_k(ranked, items, k) == len({i for row in rows for i in row[:k]}) / items
    cosine = lambda a, b: a @ b / (np.linalg.norm(a) * np.linalg.norm(b)) if a.any() and b.any() else 0
    differ = lambda a, b: labels[a] is None or labels[b] is None or labels[a] != labels[b]
    found = metrics.novelty_at_k(ranked, counts, 9, k), metrics.diversity_at_k(ranked, vectors, k), metrics.diversity_at_k(ranked, labels, k)
    for u, row in enumerate(rows):
        pairs = [(a, b) for place, a in enumerate(row[:k]) for b in row[:k][place + 1:]]
        wanted = (np.mean([-np.log2(max(counts[i], 1) / 9) for i in row[:k]]) if row else np.nan,
                  np.mean([1 - cosine(vectors[a], vectors[b]) for a, b in pairs]) if pairs else np.nan, np.mean([differ(a, b) for a, b in pairs]) if pairs else np.nan)
        np.testing.assert_allclose([f[u] for f in found], wanted, atol=1e-12)


def every_result(users=60, seed=0, **protocol):
    "One result of each metric there is, under one protocol."
    (scores, relevant), (_, seen) = random_ranking(users, seed=0), random_ranking(users, seed=1)
    task = ranking_task(relevant, seen)
    found = evaluate_ranking('a', scores + seed, task, metrics=tuple(metrics.RANKING_METRICS)) + metrics.evaluate_lists('a', scores, task, features=np.arange(40) % 5)
    found += metrics.classification_results('a', np.arange(50) % 2, np.linspace(0, 1, 50), PROTOCOL, bins=10)
    return {r.metric: replace(r, protocol=replace(r.protocol, **protocol)) for r in found}


def test_every_metric_is_stamped_and_kept_apart():
    "Each compares with itself; with another protocol, and with any other metric, it refuses."
    found, others = every_result(), every_result(cut='2030-01-01')
    assert list(found) == ['NDCG@10', 'Recall@10', 'MRR@10', 'MAP@10', 'HitRate@10', 'Coverage@10', 'Novelty@10', 'Diversity@10', 'PR-AUC', 'ROC-AUC', 'log-loss', 'Brier', 'ECE, 10 bins']
    for name, result in found.items():
        assert compare(result, result, times=20)['gain'] == 0 and result.protocol.users > 40
        value, low, high = interval(result, times=200)
        assert low - 1e-12 <= value <= high + 1e-12, name
        for other in [others[name]] + [r for metric, r in found.items() if metric != name]:
            with pytest.raises(InputError, match='two protocols'): compare(result, other)
            with pytest.raises(InputError, match='two protocols'): metrics.compare_many([result, other], result)


def test_sampled_candidates_flatter_and_say_so():
    (scores, relevant), (_, seen) = random_ranking(items=200), random_ranking(items=200, seed=1)
    task = ranking_task(relevant, seen)
    full, = evaluate_ranking('a', scores, task, 'new', metrics=['NDCG'])
    few, again, other = (evaluate_ranking('a', scores, task, 'new', metrics=['NDCG'], negatives=20, seed=seed)[0] for seed in (0, 0, 1))
    assert (few.values >= full.values).all() and few.value > full.value and few.values.tolist() == again.values.tolist() != other.values.tolist()
    assert 'the targets and 20 random items (seed 0) of 200, sampled' in few.protocol.stamp()
    for a, b in ((full, few), (few, other)):
        with pytest.raises(InputError, match='two protocols'): compare(a, b)
    every, = evaluate_ranking('a', scores, task, 'new', metrics=['NDCG'], negatives=200)
    assert every.values.tolist() == full.values.tolist(), 'all negatives are the full ranking'


def test_the_negatives_are_neither_targets_nor_excluded():
    (scores, relevant), (_, seen) = random_ranking(items=60), random_ranking(items=60, seed=1)
    fresh = (relevant - relevant.multiply(seen)).tocsr()
    fresh.eliminate_zeros()
    kept = metrics._sampled(scores, fresh, seen.tocsr(), 9, 0) > -np.inf
    free = 60 - np.asarray((fresh + seen > 0).sum(1)).ravel()
    assert (kept.sum(1) == np.minimum(free, 9) + np.diff(fresh.indptr)).all() and not (kept & (seen.toarray() > 0)).any() and (kept >= (fresh.toarray() > 0)).all()


def test_what_cannot_be_measured_is_refused():
    (scores, relevant), y = random_ranking(), np.arange(20) % 2
    task = ranking_task(relevant, 0 * relevant)
    with pytest.raises(InputError, match=r"metrics: has \['AUC'\]; use NDCG, Recall, MRR, MAP, HitRate"): evaluate_ranking('a', scores, task, metrics=['MRR', 'AUC'])
    with pytest.raises(InputError, match='negatives: are 0; use at least 1, or None'): evaluate_ranking('a', scores, task, negatives=0)
    with pytest.raises(InputError, match='features: are 39, the candidates 40; '): metrics.evaluate_lists('a', scores, task, features=np.zeros(39))
    with pytest.raises(InputError, match='bins: are 0; use at least 1'): metrics.classification_results('c', y, y / 2, PROTOCOL, bins=0)[-1].value


# Resampling by user

def test_coverage_and_calibration_are_centred():
    "Resampling repeats users, which can only shrink coverage, and adds noise, which can only raise the calibration error: uncentred intervals would leave the value out."
    scores = np.random.default_rng(0).random((60, 2000)).astype('float32')
    every = sp.csr_matrix(np.ones((60, 2000), 'float32'))
    y = np.repeat([0, 1], 500)
    honest = metrics.classification_results('c', np.random.default_rng(1).permutation(y), np.full(1000, .5), PROTOCOL, bins=10)[-1]
    for found in (metrics.evaluate_lists('a', scores, ranking_task(every, 0 * every))[0], honest):
        value, low, high = interval(found, 300)
        assert 0 <= low <= value <= high <= 1 and low < high
        low, high = interval(replace(found, centred=False), 300)[1:]
        assert not low <= value <= high, 'the lesson that the flag is for'



def test_rows_of_one_user_are_drawn_together():
    values, ids = np.arange(9.), np.array(list('abcabcabd'), object)
    rows = {user: sorted(values[ids == user]) for user in set(ids)}
    seen = []
    metrics._resampled(lambda index: seen.append(sorted(values[index])), 9, 200, 0, ids)
    for drawn in seen:
        times = {user: drawn.count(mine[0]) for user, mine in rows.items()}
        assert drawn == sorted(v for user, n in times.items() for v in rows[user] * n) and sum(times.values()) == 4
    assert len({len(drawn) for drawn in seen}) > 3
    alone = [metrics._resampled(lambda index: index.tolist(), 9, 20, 0, who).tolist() for who in (None, np.array(list('ihgfedcba'), object))]
    rng = np.random.default_rng(0)
    assert alone[0] == alone[1] == [rng.integers(0, 9, 9).tolist() for _ in range(20)], 'one row each: the plain bootstrap'


def test_a_clustered_interval_covers_the_truth():
    "Users differ, and each has four rows: rows taken as independent give intervals that miss the truth far too often."
    rng, hits = np.random.default_rng(0), np.zeros(2)
    for _ in range(150):
        values = (rng.normal(0, 1, 40)[:, None] + rng.normal(0, .3, (40, 4))).ravel()
        for i, ids in enumerate((np.repeat(np.arange(40), 4).astype(str), None)):
            _, low, high = interval(Result('m', 'x', values, PROTOCOL, per_user=ids), times=200)
            hits[i] += low <= 0 <= high
    assert hits[0] / 150 > .88 and hits[1] / 150 < .75      # 95 % and 67 % are expected


def test_pooling_joins_cuts_and_nothing_else():
    one, two = result(), result((.2, .4, .6), users=('b', 'c', 'd'), cut='2024-02-01')
    both = metrics.pool([one, two])
    assert both.values.tolist() == [.1, .2, .3, .2, .4, .6] and both.per_user.tolist() == list('abcbcd')
    assert (both.protocol.cut, both.protocol.users) == ('2024-01-01, 2024-02-01', 4) and metrics.pool([one]).protocol == one.protocol
    assert compare(both, replace(both, values=both.values - .1), times=50)['low'] == pytest.approx(.1)
    for odd in (result(metric='Recall@10'), result(view='new'), replace(two, model='n'), replace(two, per_user=None)):
        with pytest.raises(InputError, match='pool one model, metric and protocol over cuts'): metrics.pool([one, odd])
    with pytest.raises(InputError, match='two protocols'): compare(both, one)


# Many models

def equal_models(rng, models, users, shared=0.):
    base = result(rng.random(users), users=np.arange(users).astype(str))
    common = rng.normal(0, .1, users)
    return base, [replace(base, model=f'm{i}', values=base.values + shared * common + rng.normal(0, .1, users)) for i in range(models)]


@pytest.mark.parametrize('shared', [0, 3])
def test_among_equal_models_a_false_winner_is_rare(shared):
    "Ten models without any gain, a hundred times: taken alone some one 'wins' far too often, together in about one of twenty."
    rng, alone, together, covered = np.random.default_rng(0), 0, 0, 0
    for _ in range(100):
        base, models = equal_models(rng, 10, 60, shared)
        table = metrics.compare_many(models, base, times=200)
        alone, together, covered = alone + (table.p < .05).any(), together + (table.p_all < .05).any(), covered + ((table.low_all <= 0) & (table.high_all >= 0)).all()
    assert alone >= (25 if not shared else 10) and together <= 12 and covered >= 88


def test_real_gains_survive_the_correction():
    base, models = equal_models(np.random.default_rng(1), 8, 300)
    models[2], models[5] = (replace(models[i], values=models[i].values + gain) for i, gain in ((2, .1), (5, -.05)))
    table = metrics.compare_many(models, base)
    assert list(table) == ['model', 'value', 'gain', 'low', 'high', 'p', 'low_all', 'high_all', 'p_all'] and table.model.tolist() == [f'm{i}' for i in range(8)]
    assert (table.p_all < .05).tolist() == [i in (2, 5) for i in range(8)] and (table.p_all >= table.p).all() and (table.p_all <= 1).all()
    assert (table.low_all <= table.low).all() and (table.high_all >= table.high).all()
    for row, model in zip(table.itertuples(), models): assert dict(gain=row.gain, low=row.low, high=row.high, p=row.p) == {k: v for k, v in compare(model, base).items() if k != 'ratio'}
    order = np.argsort(-np.abs(table.gain / (table.high_all - table.low_all)))
    assert table.p_all.iloc[order[:2]].tolist() == sorted(table.p_all.iloc[order[:2]]), 'a larger deviation is never less sure'


def test_models_that_do_not_differ_are_not_told_apart():
    base = result()
    table = metrics.compare_many([base, result((.2, .3, .4))], base, times=99)
    assert table.p_all.tolist()[0] == 1 and table.p_all[1] <= .05 and table.gain.tolist() == pytest.approx([0, .1])
    with pytest.raises(InputError, match='results: are empty; pass at least one'): metrics.compare_many([], base)
    with pytest.raises(InputError, match='different users'): metrics.compare_many([result(users=('b', 'a', 'c'))], base)


# Probabilities

@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0, .1, .2, .25, .5, .55, .9, 1])), min_size=2, max_size=30), st.integers(1, 12))
def test_calibration_agrees_with_scikit_learn(cases, bins):
    from sklearn.calibration import calibration_curve
    y, p = np.array(cases, float).T
    if len(set(y)) == 1: y[0] = 1 - y[0]
    share, promised = calibration_curve(y, p, n_bins=bins)
    table = metrics.reliability(y, p, bins)
    np.testing.assert_allclose(table[['probability', 'share']].to_numpy().T, [promised, share], atol=1e-12)
    assert table.n.sum() == len(y) and metrics.expected_calibration_error(y, p, bins) == pytest.approx((np.abs(share - promised) * table.n).sum() / len(y))


def test_order_metrics_with_ties_by_counting():
    "ROC-AUC counts a tied pair half; average precision takes all cases of one probability at once."
    rng = np.random.default_rng(4)
    y, p = rng.integers(0, 2, 300), rng.integers(0, 6, 300) / 5
    found = {r.metric: r.value for r in metrics.classification_results('c', y, p, PROTOCOL)}
    yes, no = p[y == 1][:, None], p[y == 0]
    assert found['ROC-AUC'] == pytest.approx(((yes > no) + .5 * (yes == no)).mean())
    steps = [(y[p >= level].mean(), (y[p == level]).sum() / y.sum()) for level in np.unique(p)]
    assert found['PR-AUC'] == pytest.approx(sum(precision * gained for precision, gained in steps))


def test_several_rows_of_a_user_are_one_witness():
    rng = np.random.default_rng(0)
    users = np.repeat(np.arange(60), 5).astype(str)
    y = np.repeat(rng.integers(0, 2, 60), 5)
    p = np.clip(.5 + .2 * (y - .5) + np.repeat(rng.normal(0, .2, 60), 5), 0, 1)
    rows, whole = (metrics.classification_results('c', y, p, PROTOCOL, per_user=ids)[1] for ids in (None, users))
    assert (rows.protocol.users, whole.protocol.users) == (300, 60) and rows.value == whole.value
    assert np.ptp(interval(whole, 300)[1:]) > 1.6 * np.ptp(interval(rows, 300)[1:])      # √5 is expected


def test_resamples_of_one_class_are_no_evidence():
    "Two positives of forty: in every eighth resample there is none, and neither AUC has a value."
    import warnings
    y = (np.arange(40) < 2).astype(int)
    a, b = (metrics.classification_results('c', y, np.random.default_rng(seed).random(40), PROTOCOL) for seed in (0, 1))
    with warnings.catch_warnings():
        warnings.simplefilter('error')                      # scikit-learn's of a single class
        for better, base in zip(a, b):
            draws = []
            for index in np.random.default_rng(0).integers(0, 40, (1000, 40)):
                if better.metric not in ('PR-AUC', 'ROC-AUC') or y[index].any(): draws.append(better.statistic(better.values[index]) - base.statistic(base.values[index]))
            found, draws = compare(better, base), np.array(draws)
            assert (len(draws) < 950) == (better.metric in ('PR-AUC', 'ROC-AUC')) and np.isfinite(draws).all()
            assert found['p'] == min(1, 2 * (1 + min((draws <= 0).sum(), (draws >= 0).sum())) / (len(draws) + 1)), better.metric
            assert np.isfinite([found[key] for key in ('low', 'high')]).all()
            assert metrics.compare_many([better], base).p[0] == found['p']


def test_a_single_positive_has_an_interval(tmp_path):
    from seqrep_nb.core import write_json
    rows = result_rows(metrics.classification_results('c', [1] + [0] * 19, np.linspace(.9, .1, 20), PROTOCOL))
    write_json(tmp_path/'rows.json', rows)
    assert all(row['low'] <= row['value'] <= row['high'] for row in rows)
    assert [(row['low'], row['high']) for row in rows[:2]] == [(1, 1)] * 2, 'PR-AUC and ROC-AUC: the positive is on top wherever it is drawn'
    with pytest.raises(InputError, match='results: have no value in any of 9 resamples; '): interval(result([np.nan] * 3), 9)


@pytest.mark.parametrize('name', metrics.RANKING_METRICS)
def test_a_stored_zero_is_no_target(name):
    metric = metrics.RANKING_METRICS[name]
    zeros = sp.csr_matrix((np.array([1., 0., 0.]), np.array([1, 2, 0]), np.array([0, 2, 3])), shape=(2, 4))
    plain = sp.csr_matrix(zeros.toarray())
    ranked = np.array([[2, 1, -1, -1], [0, 1, 2, 3]])
    np.testing.assert_array_equal(metric(ranked, zeros, 2), metric(ranked, plain, 2))
    assert zeros.nnz == 3 and plain.nnz == 1 and np.isnan(metric(ranked, zeros, 2)[1]), 'what was given stays as it is'
    scores = np.array([[0, 1, 2, 0], [3, 2, 1, 0.]])
    assert [r.per_user.tolist() for r in evaluate_ranking('a', scores, ranking_task(zeros, 0 * plain), metrics=[name])] == [['u000']]


@pytest.mark.parametrize('name', metrics.RANKING_METRICS)
def test_an_item_stands_once_in_a_list(name):
    metric, relevant = metrics.RANKING_METRICS[name], sp.csr_matrix(np.ones((2, 4)))
    with pytest.raises(InputError, match=r'ranked: holds an item twice \(first: row 1, \[3, 0, 3\]\); '): metric(np.array([[0, -1, -1], [3, 0, 3]]), relevant, 3)
    assert (metric(np.array([[0, -1, -1], [3, 0, 3]]), relevant, 2) > 0).all(), 'only the first k are looked at'


def test_nothing_to_measure_is_refused():
    for empty in (lambda: metrics.pool([]), lambda: metrics.results_table([])):
        with pytest.raises(InputError, match='(results|rows): are empty; pass '): empty()
    for times in (0, -1, float('nan')):
        for asks in (lambda: interval(result(), times), lambda: compare(result(), result(), times), lambda: metrics.compare_many([result()], result(), times), lambda: result_rows([result()], times)):
            with pytest.raises(InputError, match=f'times: is {times}; draw at least 1'): asks()


def test_scores_are_compared_as_float32_and_it_is_said():
    close = 1 + np.array([[0, 1e-9, 2e-9]])
    assert close.dtype == 'float64' and top_k(close, 1).tolist() == [[0]] and top_k(1 + 1e6 * (close - 1), 1).tolist() == [[2]]
    assert 'compared as float32' in top_k.__doc__


@pytest.mark.parametrize('levels', [2, 50, None])
@pytest.mark.parametrize('k', [1, 10, 80])
def test_the_k_best_of_many_items_are_those_of_a_stable_sort(levels, k): # wide enough for the bound from groups of items, with few and with many ties
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(20, 9_001)).astype('float32')
    if levels: scores = np.floor(scores * levels / 4)
    scores[0], scores[1, 5:], scores[2, ::2] = -np.inf, -np.inf, np.inf
    expected = np.argsort(-scores, axis=1, kind='stable')[:, :k]
    found = top_k(scores, k)
    assert (found == np.where(np.take_along_axis(scores, expected, 1) > -np.inf, expected, -1)).all()
