"Heads on odd data: one class, no text, one row, ten thousand classes, words and booleans as labels, labels that training never met"
import numpy as np, pandas as pd, pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from seqrep_nb.classify import NeuralClassifier, boosted_trees, class_probabilities, default_classifiers, history_features, inner_rows
from seqrep_nb.core import InputError
from seqrep_nb.encode import encode
from seqrep_nb.events import validate_events
from seqrep_nb.histories import build_histories
from seqrep_nb.text import item_texts

RNG = np.random.default_rng(0)
X = RNG.normal(size=(240, 6)).astype('float32')
SIGN = X[:, 0] > 0
each = pytest.mark.parametrize('name', default_classifiers())


def fitted(name, y): return make_pipeline(StandardScaler(), default_classifiers()[name]).fit(X, y)


@each
@pytest.mark.parametrize('labels', [SIGN, SIGN.astype(int), np.where(SIGN, 'yes', 'no'), np.where(SIGN, 'yes', 'no').astype(object), np.where(SIGN, 7, -3)], ids=['bool', 'int', 'str', 'object', 'codes'])
def test_labels_of_every_kind_come_back_as_they_were(name, labels):
    model = fitted(name, labels)
    assert model.classes_.tolist() == np.unique(labels).tolist()
    predicted = model.predict(X)
    assert np.asarray(predicted).dtype.kind == np.asarray(labels).dtype.kind and (predicted == labels).mean() > .85
    np.testing.assert_array_equal(predicted, model.classes_[model.predict_proba(X).argmax(1)])


@each
def test_one_row_is_scored_as_among_others(name):
    model = fitted(name, SIGN)
    np.testing.assert_allclose(model.predict_proba(X[:1]), model.predict_proba(X)[:1], atol=1e-6)


@each
def test_one_row_or_one_class_is_no_training_set_for_a_boundary(name):
    if name in ('logistic regression', 'neural head'):
        with pytest.raises(ValueError, match='class'): fitted(name, np.ones(240))
        with pytest.raises(ValueError, match='class'): default_classifiers()[name].fit(X[:1], [1])
    else: np.testing.assert_allclose(class_probabilities(fitted(name, np.ones(240)), X[:3], [0, 1]), [[0, 1]] * 3, atol=1e-9)


@each
def test_three_classes_and_one_that_comes_later(name):
    y = np.array(['a', 'b', 'c'])[np.digitize(X[:, 1], [-.5, .5])]
    model = fitted(name, y)
    p = class_probabilities(model, X, ['later', 'c', 'a', 'b'])
    assert p.shape == (240, 4) and not p[:, 0].any()
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(p[:, [2, 3, 1]], model.predict_proba(X), atol=1e-12)
    with pytest.raises(InputError, match='hold none of'): class_probabilities(model, X, [0, 1])
    assert class_probabilities(model, X, ['a', 'b']).sum(1).max() < 1, 'what belongs to c is left out, not shared out'


@each
def test_missing_and_infinite_numbers(name):
    broken = X.copy(); broken[3, 2] = np.nan
    if name in ('logistic regression', 'neural head'):
        with pytest.raises(ValueError, match='NaN'): fitted(name, SIGN).predict_proba(broken)
    else: assert np.isfinite(fitted(name, SIGN).predict_proba(broken)).all()


def test_ten_thousand_classes():
    "Each class has a direction of its own; two steps over two rows each bring the likelihood above guessing."
    centre = RNG.normal(size=(10_000, 16)).astype('float32')
    y = np.tile(np.arange(10_000), 2)
    model = NeuralClassifier(hidden=32, dropout=0., epochs=2, batch_size=500, learning_rate=.02).fit(centre[y], y)
    p = model.predict_proba(centre[:300])
    assert p.shape == (300, 10_000) and len(model.classes_) == 10_000
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-5)
    likelihood = -np.log(p[np.arange(300), np.arange(300)]).mean()
    assert likelihood < np.log(10_000) - .3
    assert set(model.predict(centre[:300])) <= set(range(10_000))


def test_without_any_text_heads_know_the_base_rate_and_no_more():
    items = pd.DataFrame(dict(item_id=['a', 'b', 'c'], text=None))
    with pytest.raises(InputError, match='3 of 3 items'): item_texts(items, ['a', 'b', 'c'])      # missing is told
    items.text = ''                                                                                  # empty is a text
    H = np.repeat(encode(item_texts(items, ['a', 'b', 'c'])), 80, axis=0)
    assert np.isfinite(H).all() and np.ptp(H, axis=0).max() < 1e-6, 'no text, no difference'
    y = np.arange(240) % 4 == 0
    for name, model in default_classifiers().items():
        p = make_pipeline(StandardScaler(), model).fit(H, y).predict_proba(H)[:, 1]
        assert np.ptp(p) < 1e-3, name
        assert name == 'neural head' or abs(p.mean() - .25) < .02, name


def test_trees_are_the_same_on_every_run():
    first, again = (boosted_trees(seed=1).fit(X, SIGN).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_the_table_at_moments_of_their_own():
    at = pd.to_datetime(['2020-01-01', '2020-01-03', '2020-01-02', '2020-01-09'])
    events = validate_events(pd.DataFrame(dict(user_id=list('aabb'), item_id=list('xyxz'), action='buy', timestamp=at, price=[1., 2, 3, 4])))[0]
    histories = build_histories(events)
    now = pd.to_datetime(['2020-01-05', '2020-01-06'], utc=True).as_unit('us').asi8
    whole = history_features(histories.before(now), now)
    for row, moment in enumerate(now):
        alone = history_features(histories.take([row]).before(moment), moment)
        np.testing.assert_allclose(whole.iloc[[row]], alone)
    with pytest.raises(InputError, match='after the moment of asking'): history_features(histories, now)


@pytest.mark.parametrize('seed', range(5))
def test_the_inner_cut_never_looks_back(seed):
    rng = np.random.default_rng(seed)
    now = rng.integers(0, 100, 200)
    closes = now + rng.integers(1, 20, 200)
    fit, choose = inner_rows(now, closes)
    assert closes[fit].max() <= now[choose].min() and len(fit) >= 50 and len(choose)
    assert not set(fit) & set(choose)


def test_windows_that_are_never_closed_have_no_inner_cut():
    with pytest.raises(InputError, match='ask at more moments'): inner_rows(np.arange(50), np.full(50, 1000))
