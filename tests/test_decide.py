"Decisions: undone weights, values, slices, shifts"
import numpy as np, pytest
from hypothesis import given, settings, strategies as st
from sklearn.linear_model import LogisticRegression
from seqrep_nb.core import InputError
from seqrep_nb.decide import decision_value, domain_auc, slice_results, undo_weights


@given(st.lists(st.floats(.001, .999), min_size=1, max_size=20), st.floats(.01, 100))
@settings(max_examples=50, deadline=None)
def test_weights_come_off_as_they_went_on(p, weight):
    p = np.array(p)
    weighted = p * weight / (p * weight + 1 - p)
    np.testing.assert_allclose(undo_weights(weighted, weight), p, rtol=1e-9)


def test_weights_of_a_real_model_come_off():
    "A weighted fit on much data, undone, is the plain fit."
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60_000, 2))
    y = rng.random(60_000) < 1 / (1 + np.exp(3 - X[:, 0]))
    plain, weighted = (LogisticRegression(C=1e6, class_weight=w).fit(X, y).predict_proba(X)[:, 1] for w in (None, {False: 1, True: 9}))
    assert np.abs(weighted - plain).max() > .2
    np.testing.assert_allclose(undo_weights(weighted, 9), plain, atol=.02)


@pytest.mark.parametrize('weight', [0, -1, np.inf, np.nan])
def test_a_weight_that_is_none(weight):
    with pytest.raises(InputError, match='above 0'): undo_weights([.5], weight)


def test_value_counts_right_actions_and_all_costs():
    assert decision_value([1, 0, 1, 0], [1, 1, 0, 0], gain=5, cost=1) == pytest.approx((5 - 2) / 4)
    assert decision_value([1, 0], [False, False]) == 0
    with pytest.raises(InputError, match='one decision'): decision_value([1, 0], [1])
    with pytest.raises(InputError, match='one decision'): decision_value([], [])


def test_the_line_from_the_prices_is_best_where_probabilities_are_true():
    rng = np.random.default_rng(0)
    p = rng.random(200_000)
    y = rng.random(200_000) < p
    value = {line: decision_value(y, p > line, gain=5, cost=1) for line in (.1, .15, .2, .25, .3)}
    assert max(value, key=value.get) == .2


def test_slices_hold_where_probabilities_are_true_and_fail_where_one_is_not():
    rng = np.random.default_rng(1)
    p, part = rng.uniform(.1, .6, 6000), rng.choice(['north', 'south', 'east'], 6000)
    y = rng.random(6000) < np.where(part == 'east', p + .2, p)
    found = slice_results(y, p, part, times=300)
    assert found.high['east'] < 0 and (found.drop('east').low < 0).all() and (found.drop('east').high > 0).all()
    np.testing.assert_allclose(found.gap, found.predicted - found.share)
    assert found.n.sum() == 6000


def test_rows_of_one_user_are_one_observation():
    "Ten copies of each row add no certainty."
    rng = np.random.default_rng(2)
    p, y = np.full(200, .4), rng.random(200) < .4
    once = slice_results(y, p, ['a'] * 200, times=400)
    copied = slice_results(np.repeat(y, 10), np.repeat(p, 10), ['a'] * 2000, users=np.repeat(np.arange(200), 10), times=400)
    width = lambda t: float((t.high - t.low).iloc[0])
    assert .8 < width(copied) / width(once) < 1.25


def test_small_slices_go_together_and_lengths_must_agree():
    found = slice_results([1, 0] * 60, [.5] * 120, ['big'] * 100 + ['tiny'] * 12 + [np.nan] * 8, min_rows=50, times=50)
    assert found.n.to_dict() == {'big': 100, 'other': 20}
    with pytest.raises(InputError, match='one name for each row'): slice_results([1], [.5], ['a', 'b'])


def test_domains_are_told_apart_only_where_they_differ():
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(600, 3)), rng.normal(size=(500, 3))
    assert .42 < domain_auc(a, b).value < .58
    assert domain_auc(a, b + [1.5, 0, 0]).value > .8


def test_a_user_of_both_periods_is_never_in_both_parts():
    "Each user has a signature; a fold that saw it in one period would know the other by exclusion."
    rng = np.random.default_rng(4)
    signature = rng.normal(size=(400, 5))
    users = np.arange(400)
    shared = domain_auc(signature, signature + rng.normal(size=(400, 5)) * 1e-3, users, users).value
    assert .4 < shared < .6
