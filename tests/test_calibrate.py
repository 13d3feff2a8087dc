"Calibration: the temperature is the best one, the null distribution is right, the parts of the Brier score sum up, and sets cover as promised"
import pickle
import numpy as np, pandas as pd, pytest
from hypothesis import given, settings, strategies as st
from scipy.special import logsumexp, softmax
from scipy.stats import binom
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks as checks
from seqrep_nb.calibrate import ConformalClassifier, ConformalSets, TemperatureScaling, brier_decomposition, calibration_test, conformal_quantile, consistency_bands, coverage_band, reliability_diagram
from seqrep_nb.core import InputError
from seqrep_nb.metrics import expected_calibration_error, reliability

seeds = st.integers(0, 2**32 - 1)


def drawn(seed, n=400, classes=4, power=1.):
    "Rows whose labels follow Q; what the model says is Q to a power, made to sum to 1, so that the temperature is the power."
    rng = np.random.default_rng(seed)
    Q = rng.dirichlet(np.ones(classes), n)
    y = (rng.random((n, 1)) > Q.cumsum(1)[:, :-1]).sum(1)
    return softmax(power * np.log(Q), 1), y


# Temperature

@settings(max_examples=25, deadline=None)
@given(seed=seeds, classes=st.integers(2, 6), power=st.floats(.3, 4))
def test_the_temperature_is_a_brute_force_minimum(seed, classes, power):
    P, y = drawn(seed, 150, classes, power)
    found, z = TemperatureScaling(classes=np.arange(classes)).fit(P, y).temperature_, np.log(P + 1e-12)
    loss = lambda t: (logsumexp(z / t, 1) - z[np.arange(150), y] / t).mean()
    grid = np.geomspace(.05, 20, 400)
    losses = [loss(t) for t in grid]
    best = grid[np.argmin(losses)]
    assert loss(found) <= min(losses) + 1e-9
    if .06 < best < 19: assert abs(np.log(found / best)) < 2 * np.log(grid[1] / grid[0])


def test_the_temperature_finds_what_was_planted():
    for power in (.5, 1, 3): assert TemperatureScaling().fit(*drawn(0, 20_000, 5, power)).temperature_ == pytest.approx(power, rel=.05)


@settings(max_examples=25, deadline=None)
@given(seed=seeds, classes=st.integers(2, 8), power=st.floats(.3, 4))
def test_the_temperature_keeps_the_order_of_each_row(seed, classes, power):
    P, y = drawn(seed, 60, classes, power)
    scaled = TemperatureScaling(classes=np.arange(classes)).fit(P, y).predict_proba(P)
    np.testing.assert_array_equal(np.argsort(scaled, 1), np.argsort(P, 1))
    np.testing.assert_allclose(scaled.sum(1), 1)


@pytest.mark.parametrize('classes', [2, 4])
def test_the_temperature_agrees_with_scikit_learn(classes):
    X, y = make_classification(600, 8, n_informative=6, n_classes=classes, random_state=1)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=100)).fit(X[:60], y[:60])
    theirs = CalibratedClassifierCV(FrozenEstimator(model), method='temperature').fit(X[60:], y[60:])
    own = TemperatureScaling().fit(model.predict_proba(X[60:]), y[60:])
    np.testing.assert_allclose(own.predict_proba(model.predict_proba(X)), theirs.predict_proba(X), atol=1e-6)
    assert abs(own.temperature_ - 1) > .05, 'a comparison of two that do nothing says nothing'


def test_two_columns_and_one_are_the_same():
    P, y = drawn(3, 300, 2, 2.)
    one, two = TemperatureScaling().fit(P[:, 1], y), TemperatureScaling().fit(P, y)
    assert one.temperature_ == pytest.approx(two.temperature_)
    np.testing.assert_allclose(one.predict_proba(P[:, 1]), two.predict_proba(P))


def test_the_limits_of_a_temperature():
    P = np.array([[.9, .1], [.2, .8], [.7, .3]])
    assert TemperatureScaling().fit(P, [0, 1, 0]).temperature_ == pytest.approx(.01)      # always right: as sure as is allowed
    assert TemperatureScaling().fit(P, [1, 0, 1]).temperature_ == pytest.approx(100)      # always wrong
    for C in (2, 3, 7): assert TemperatureScaling(classes=range(C)).fit(np.full((4, C), 1 / C), [0, 1, 0, 1]).temperature_ == 1  # nothing to scale
    sure = TemperatureScaling().fit(np.array([1., 0, 1, 0, 1, 0]), [1, 0, 1, 0, 1, 1])    # exactly 0 and 1, once wrong
    assert 1 < sure.temperature_ < 100 and ((sure.predict_proba(np.array([0., 1])) > 0).all())


@pytest.mark.parametrize('labels', [np.array(['leave', 'buy']), np.array([False, True]), np.array([-1, 7]), np.array(['b', 'a'], object)])
def test_labels_of_any_kind(labels):
    P, y = drawn(5, 200, 2, 3.)
    fitted = TemperatureScaling(classes=labels).fit(P, labels[y])
    assert fitted.temperature_ == pytest.approx(TemperatureScaling().fit(P, y).temperature_)
    assert set(fitted.predict(P)) <= set(labels) and (fitted.predict(P) == labels[P.argmax(1)]).all()
    sets = ConformalSets(classes=labels).fit(P, labels[y])
    np.testing.assert_array_equal(sets.predict_set(P), ConformalSets().fit(P, y).predict_set(P))


def test_a_class_that_is_not_held_out_and_ten_thousand():
    P, y = drawn(0, 300, 5, 2.)
    y[y == 4] = 0
    assert TemperatureScaling(classes=range(5)).fit(P, y).predict_proba(P).shape == P.shape
    rng = np.random.default_rng(0)
    P = softmax(4 * rng.normal(size=(60, 10_000)), 1)
    y = P.argmax(1)
    assert np.isfinite(TemperatureScaling(classes=np.arange(10_000)).fit(P, y).temperature_)
    for method in ('lac', 'aps'): assert ConformalSets(method=method, classes=np.arange(10_000)).fit(P, y).predict_set(P).shape == P.shape


# Errors

GOOD = np.array([[.2, .8], [.6, .4], [.5, .5]])

@pytest.mark.parametrize('P, y, why', [
    (np.array([[.2, .8], [np.nan, .4], [.5, .5]]), [0, 1, 0], 'first: row 1'), (GOOD * 1.1, [0, 1, 0], 'do not sum to 1'), (np.array([[1.2, -.2]] * 3), [0, 1, 0], 'outside 0 and 1'),
    (GOOD[:, :1], [0, 1, 0], 'has shape'), (np.empty((0, 2)), [], 'has shape'), (GOOD, [0, 1], 'one label per row'), (GOOD, [0, 2, 1], 'columns of P 2')])
def test_what_is_no_probability_is_refused(P, y, why):
    for model in (TemperatureScaling(), ConformalSets()):
        with pytest.raises(InputError, match=why): model.fit(P, y)


def test_unseen_labels_one_class_and_wrong_settings_are_refused():
    with pytest.raises(InputError, match="row 1, 'lend'"): ConformalSets(classes=['buy', 'leave']).fit(GOOD, ['buy', 'lend', 'leave'])
    for n in (1, 3):
        with pytest.raises(InputError, match='one class only .first: row 0, 1'): TemperatureScaling(classes=[0, 1]).fit(GOOD[:n], [1] * n)
    for alpha in (0, 1, -.1, np.nan, '.1', None):
        with pytest.raises(InputError, match='alpha'): ConformalSets(alpha=alpha).fit(GOOD, [0, 1, 0])
    with pytest.raises(InputError, match='method'): ConformalSets(method='raps').fit(GOOD, [0, 1, 0])
    with pytest.raises(InputError, match='3 columns'): ConformalSets().fit(GOOD, [0, 1, 0]).predict_set(np.full((1, 3), 1 / 3))
    with pytest.raises(InputError, match='NaN'): conformal_quantile([.1, np.nan])
    for model in (TemperatureScaling, ConformalSets):
        for missing in (None, np.nan):
            for classes in (None, ['buy', 'leave']):
                with pytest.raises(InputError, match='row 1, .* leave them out'): model(classes=classes).fit(GOOD, np.array(['buy', missing, 'leave'], object))
        with pytest.raises(InputError, match='name one twice'): model(classes=['buy', 'buy']).fit(GOOD, ['buy'] * 3)
    for wrong in (dict(equal='mass'), dict(bins=0), dict(bins=0, equal='size'), dict(bins=2.5), dict(times=0), dict(times=10.5), dict(level=95), dict(level=0)):
        for measure in (calibration_test, consistency_bands):
            with pytest.raises(InputError, match=[*wrong][0]): measure([0, 1], [.1, .2], **wrong)
    for wrong in (dict(n=-1), dict(m=0), dict(m=9.5), dict(alpha=1), dict(level=95)):
        with pytest.raises(InputError, match=f'{[*wrong][0]}: is'): coverage_band(**dict(n=50, m=20) | wrong)
    for limits in ((100, .01), (0, 10), (-1, 10), (1, np.inf), (1,), (np.nan, 2)):
        with pytest.raises(InputError, match='limits'): TemperatureScaling(limits=limits).fit(GOOD, [0, 1, 0])
    for bad, why in (((['no', 'yes'], [.1, .2]), "row 0, 'no'"), ((['0', '1'], [.1, .2]), "row 0, '0'"), ((pd.array([True, None], 'boolean'), [.1, .2]), 'row 1'), (([0, 1], [.1, np.nan]), 'row 1, nan'), (([0, 1], [.1, 1.2]), 'row 1, 1.2'), (([], []), 'has shape'), (([0, 1], GOOD[:2]), 'has shape')):
        for measure in (calibration_test, brier_decomposition, consistency_bands):
            with pytest.raises(InputError, match=why): measure(*bad)


# The calibration error and what chance makes of it

def test_honest_probabilities_pass_in_95_of_100_and_distorted_ones_do_not():
    rng, times = np.random.default_rng(0), 300
    passed, values, caught = [], [], []
    for seed in range(times):
        p = rng.beta(2, 3, 500)
        y = rng.random(500) < p
        honest = calibration_test(y, p, times=200, seed=seed)
        passed.append(honest['passed']); values.append(honest['p_value'])
        caught.append(not calibration_test(y, p**1.6, times=200, seed=seed)['passed'])
    low, high = binom.ppf([.0005, .9995], times, .95)
    assert low <= sum(passed) <= high, sum(passed)
    assert np.mean(caught) > .98
    assert abs(np.mean(values) - .5) < 4 / np.sqrt(12 * times), 'p-values under the null are uniform'


@settings(max_examples=30, deadline=None)
@given(seed=seeds, n=st.integers(1, 80), bins=st.integers(1, 12), digits=st.integers(1, 4))
def test_the_error_is_the_one_of_the_metrics_chapter(seed, n, bins, digits):
    rng = np.random.default_rng(seed)
    p, y = rng.random(n).round(digits), rng.integers(0, 2, n)
    found, table = calibration_test(y, p, bins, times=20), consistency_bands(y, p, bins, times=20)
    assert found['error'] == pytest.approx(expected_calibration_error(y, p, bins))
    np.testing.assert_allclose(table[['probability', 'share', 'n']], reliability(y, p, bins)[['probability', 'share', 'n']])
    assert (table.low <= table.high).all() and 0 < found['p_value'] <= 1


def test_the_band_holds_what_the_binomial_says():
    p = np.repeat([.05, .35, .75], 200)
    table = consistency_bands(np.zeros(600), p, times=4000)
    for row, q in zip(table.itertuples(), [.05, .35, .75]):
        np.testing.assert_allclose([row.low, row.high], binom.ppf([.025, .975], 200, q) / 200, atol=.006)


def test_bins_of_equal_size_see_what_equal_width_cannot():
    rng = np.random.default_rng(0)
    risk = rng.uniform(0, .08, 20_000)
    y, p = rng.random(20_000) < risk, np.full(20_000, .04) + rng.normal(0, 1e-3, 20_000) + (.04 - risk) * .5    # rare, and upside down
    assert calibration_test(y, p, times=200)['passed'] and not calibration_test(y, p, equal='size', times=200)['passed']


def test_the_smallest_cases_have_an_answer():
    for y, p in (([1], [.5]), ([0, 0, 0], [.1, .2, .3]), ([0, 1], [0., 1.]), ([1] * 5, [1.] * 5), ([0, 1, 1], [.5] * 3)):
        for equal in ('width', 'size'):
            found = calibration_test(y, p, equal=equal, times=50)
            assert found['passed'] and np.isfinite(list(found.values())).all()
    broken = calibration_test([1, 0], [0., 1.], times=50)                # what was said to be impossible happens
    assert broken['error'] == 1 and broken['limit'] == 0 and not broken['passed']
    assert calibration_test(np.array([True, False]), [.6, .3]) == calibration_test([1, 0], [.6, .3]), 'seeded, and booleans are labels'


def test_many_rows_are_drawn_in_blocks():
    rng = np.random.default_rng(0)
    p = rng.random(100_000)                                              # more than one block
    found = calibration_test(rng.random(100_000) < p, p, times=120)
    assert found['noise'] < found['limit'] < .01 and found['passed']


def test_the_diagram_marks_what_is_outside():
    import matplotlib; matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    p = np.repeat([.2, .8], 300)
    y = np.r_[np.arange(300) < 60, np.arange(300) < 120]
    above, below = reliability_diagram(y, p, title='half of it is wrong')
    dots = [line for line in above.lines if line.get_marker() == 'o']
    assert [line.get_xdata().tolist() for line in dots] == [pytest.approx([.2]), pytest.approx([.8])] and dots[1].get_color() == 'tab:red'
    assert above.get_title() == 'half of it is wrong' and sum(bar.get_height() for bar in below.patches) == 600
    plt.close('all')


# The parts of the Brier score

@settings(max_examples=60, deadline=None)
@given(seed=seeds, n=st.integers(1, 60), digits=st.integers(1, 3))
def test_the_parts_sum_up_and_none_is_negative(seed, n, digits):
    rng = np.random.default_rng(seed)
    p, y = rng.random(n).round(digits), rng.integers(0, 2, n)
    parts = brier_decomposition(y, p)
    assert parts['brier'] == pytest.approx(np.mean((p - y) ** 2))
    assert parts['miscalibration'] - parts['discrimination'] + parts['uncertainty'] == pytest.approx(parts['brier'], abs=1e-12)
    assert min(parts.values()) >= -1e-12 and parts['uncertainty'] == pytest.approx(y.mean() * (1 - y.mean()))


def test_where_shares_rise_the_parts_are_murphys():
    p, y = np.repeat([.1, .5, .6], 10), np.concatenate([np.arange(10) < k for k in (2, 4, 9)]).astype(int)
    shares = np.array([.2, .4, .9])
    parts = brier_decomposition(y, p)
    assert parts['miscalibration'] == pytest.approx(np.mean((np.array([.1, .5, .6]) - shares) ** 2))
    assert parts['discrimination'] == pytest.approx(np.mean((shares - y.mean()) ** 2))
    assert brier_decomposition(y, np.repeat(shares, 10))['miscalibration'] == pytest.approx(0)


# Sets

@settings(max_examples=60, deadline=None)
@given(n=st.integers(0, 60), percent=st.integers(1, 99), seed=seeds)
def test_the_quantile_is_the_kth_smallest(n, percent, seed):
    scores = np.random.default_rng(seed).random(n)
    k = -(-(n + 1) * (100 - percent) // 100)                             # in whole numbers, where nothing is rounded
    assert conformal_quantile(scores, percent / 100) == (np.inf if k > n else np.sort(scores)[k - 1])


def test_without_a_seed_the_random_part_differs():
    P, y = drawn(0, 400, 6)
    free = ConformalSets(method='aps', random_state=None).fit(P, y)
    assert (free.predict_set(P) != free.predict_set(P)).any()
    assert (ConformalSets(random_state=None).fit(P, y).predict_set(P) == ConformalSets().fit(P, y).predict_set(P)).all(), 'lac has no random part'


def test_too_few_rows_give_the_full_set():
    P, y = drawn(0, 8, 3)
    for method in ('lac', 'aps'): assert ConformalSets(.1, method, classes=range(3)).fit(P, y).predict_set(P).all()
    assert not ConformalSets(.2, classes=range(3)).fit(P, y).predict_set(P).all()
    by_class = ConformalSets(.1, by_class=True, classes=range(3)).fit(np.repeat(P, 9, 0), np.repeat(np.minimum(y, 1), 9))
    assert np.isinf(by_class.quantile_[2]) and by_class.predict_set(P)[:, 2].all(), 'a class without held-out rows is in every set'


@pytest.mark.parametrize('method', ['lac', 'aps'])
@pytest.mark.parametrize('n, alpha', [(19, .1), (57, .2), (100, .05)])
def test_mean_coverage_lies_between_the_two_bounds(method, n, alpha):
    "Over many draws of held-out and test rows: 1 - alpha ≤ coverage ≤ 1 - alpha + 1/(n + 1), and its spread is the beta-binomial one."
    m, draws = 60, 400
    P, y = drawn(7, (n + m) * draws, 4, 2.)                              # a model that is wrong by far
    covered = []
    for k, rows in enumerate(np.split(np.arange(len(y)), draws)):
        sets = ConformalSets(alpha, method, classes=range(4), random_state=k).fit(P[rows[:n]], y[rows[:n]])
        covered.append(sets.predict_set(P[rows[n:]])[np.arange(m), y[rows[n:]]].mean())
    error = 4 * np.std(covered) / np.sqrt(draws)
    assert 1 - alpha - error <= np.mean(covered) <= 1 - alpha + 1 / (n + 1) + error
    band = coverage_band(n, m, alpha)
    inside = lambda name: ((covered >= band.low[name] - 1e-9) & (covered <= band.high[name] + 1e-9)).mean()
    assert inside('beta-binomial') > .92, inside('beta-binomial')
    assert inside('binomial') < inside('beta-binomial'), 'the binomial one is too narrow'


def test_ties_cover_more_never_less():
    rng, covered = np.random.default_rng(0), []
    for _ in range(300):
        P = rng.choice([.2, .5, .8], 140)
        y = (rng.random(140) < P).astype(int)
        sets = ConformalSets(.1, classes=[0, 1]).fit(P[:40], y[:40])
        covered.append(sets.predict_set(P[40:])[np.arange(100), y[40:]].mean())
    assert np.mean(covered) > .9


@pytest.mark.parametrize('by_class', [False, True])
def test_a_model_that_is_far_too_sure_gives_sets_of_the_same_size(by_class):
    "What is tiny must not become equal to what is tinier: 1 - p would be 1 for both, and the set full."
    rng = np.random.default_rng(0)
    z, n = rng.normal(size=(3000, 5)), 1500
    y = (rng.random((3000, 1)) > softmax(z, 1).cumsum(1)[:, :-1]).sum(1)
    for method in ('lac', 'aps'):
        P = softmax(60 * z, 1)                                           # the true label often has less than 1e-16
        found = ConformalSets(.1, method, by_class, range(5)).fit(P[:n], y[:n]).predict_set(P[n:])
        assert found.sum(1).mean() < 4.2 and abs(found[np.arange(n), y[n:]].mean() - .9) < .035, method


def test_the_random_part_of_aps_is_the_papers():
    "Where nothing is tiny, a label is in when the mass before it and (1 - u) of its own are no more than the quantile."
    P, y = drawn(2, 500, 6)
    found = ConformalSets(method='aps', classes=range(6)).fit(P[:300], y[:300])
    def mass(part, P):
        u = np.random.default_rng([0, part]).random(len(P))[:, None]
        return np.stack([(P * (P > P[:, [c]])).sum(1, keepdims=True) + (1 - u) * P[:, [c]] for c in range(6)], 1)[..., 0]
    limit = conformal_quantile(mass(0, P[:300])[np.arange(300), y[:300]], .1)
    np.testing.assert_array_equal(found.predict_set(P[300:]), mass(1, P[300:]) <= limit + 1e-12)


def test_by_class_every_class_is_covered():
    rng, n, draws = np.random.default_rng(1), 400, 60
    hits = {False: [], True: []}
    for _ in range(draws):
        y = (rng.random(2 * n) < .1).astype(int)
        P = 1 / (1 + np.exp(-(rng.normal(0, 1, 2 * n) + 1.2 * y - 2.5)))  # the rare class looks much like the other
        for by_class in hits:
            sets = ConformalSets(by_class=by_class, classes=[0, 1]).fit(P[:n], y[:n]).predict_set(P[n:])
            hits[by_class].append([sets[y[n:] == c, c].mean() for c in (0, 1)])
    assert np.mean(hits[False], 0)[1] < .5, 'the rare class pays for the other'
    assert (np.mean(hits[True], 0) >= .89).all()


def test_the_band_without_a_quantile_and_with_endless_rows():
    assert coverage_band(5, 100, .1).loc['beta-binomial'].tolist() == [1, 1]
    wide = coverage_band(10**7, 500, .1)
    np.testing.assert_allclose(wide.loc['beta-binomial'], wide.loc['binomial'], atol=.003)


# Conventions

@checks.parametrize_with_checks([ConformalClassifier(LogisticRegression())])
def test_scikit_learn_accepts_the_classifier(estimator, check): check(estimator)


@pytest.mark.parametrize('model', [TemperatureScaling(classes=('a', 'b'), limits=(.1, 9)), ConformalSets(.3, 'aps', True, ('a', 'b'), 7), ConformalClassifier(LogisticRegression(), .3, 'aps', True, .4, 7)], ids=lambda m: type(m).__name__)
def test_parameters_and_state(model):
    twin = clone(model)
    assert repr(twin) == repr(model) and twin.get_params().keys() == model.get_params().keys()
    X = np.random.default_rng(0).dirichlet([1, 1], 80)
    y = np.where(X[:, 0] > np.random.default_rng(1).random(80), 'a', 'b')
    ask = 'predict_set' if hasattr(model, 'predict_set') else 'predict_proba'
    with pytest.raises(NotFittedError): getattr(model, ask)(X)
    before = X.copy()
    assert model.fit(X, y) is model
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(getattr(again, ask)(X), getattr(model, ask)(X))
    np.testing.assert_array_equal(getattr(twin.fit(X, y), ask)(X), getattr(model, ask)(X))
    np.testing.assert_array_equal(X, before)
    assert all(v is twin.get_params(deep=False)[k] or v == twin.get_params(deep=False)[k] or k == 'estimator' for k, v in model.get_params(deep=False).items()), 'fit changes no parameter'


def test_a_frozen_model_stays_and_a_pipeline_works():
    X, y = make_classification(900, 6, n_informative=4, n_classes=3, random_state=0)
    names = np.array(['audio', 'tea', 'toys'])[y]
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X[:300], names[:300])
    whole = ConformalClassifier(FrozenEstimator(model)).fit(X[300:600], names[300:600])
    assert whole.estimator_.estimator is model
    np.testing.assert_array_equal(whole.predict_proba(X), model.predict_proba(X))
    direct = ConformalSets(classes=model.classes_).fit(model.predict_proba(X[300:600]), names[300:600])
    np.testing.assert_array_equal(whole.predict_set(X[600:]), direct.predict_set(model.predict_proba(X[600:])))
    piped = make_pipeline(StandardScaler(), ConformalClassifier(LogisticRegression(), by_class=True)).fit(pd.DataFrame(X[:600]).to_numpy(), names[:600])
    assert piped.score(X[600:], names[600:]) > .5 and piped[-1].predict_set(piped[:-1].transform(X[600:])).shape == (300, 3)
    piped.set_params(conformalclassifier__alpha=.3)
    assert piped[-1].alpha == .3
    with pytest.raises(InputError, match="'vinyl'"): ConformalClassifier(FrozenEstimator(model)).fit(X[:3], ['audio', 'vinyl', 'tea'])
