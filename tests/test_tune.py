"A search keeps to its budget and to the past, and comes out the same however often it is killed"
import json, os, signal, subprocess, sys, time
from pathlib import Path
import numpy as np, pandas as pd, pytest, scipy.sparse as sp
from hypothesis import given, settings, strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from seqrep_nb.core import InputError
from seqrep_nb import tune as chapter
from seqrep_nb.tune import STUDY, Moment, inner_folds, search_space, setting_importance, tune

CUT, SPACE = '2020-03-01', dict(shrink=(1e-2, 1e2, 'log'), side=['left', 'right'])
at = lambda week: pd.Timestamp('2020-01-01', tz='UTC') + pd.Timedelta(days=7 * week)
optuna = pytest.importorskip('optuna')


class Mean(ClassifierMixin, BaseEstimator):
    "Shrinks a share towards one half: no solver, so that a search of it takes moments."
    fits, before = 0, staticmethod(lambda model: None)
    def __init__(self, shrink=1., side='left'): self.shrink, self.side = shrink, side

    def fit(self, X, y):
        type(self).fits += 1
        type(self).before(self)
        X, self.classes_ = X.toarray() if sp.issparse(X) else np.asarray(X), np.array([0, 1])
        where = X[:, 0] > 0 if self.side == 'left' else X[:, 1] > 0
        self.share_ = [(y[where == s].sum() + self.shrink * 10) / ((where == s).sum() + self.shrink * 20) for s in (False, True)]
        return self

    def predict_proba(self, X):
        X = X.toarray() if sp.issparse(X) else np.asarray(X)
        p = np.where((X[:, 0] if self.side == 'left' else X[:, 1]) > 0, self.share_[1], self.share_[0])
        return np.stack([1 - p, p], 1)


def moment(week, kind=np.asarray, n=60, days=7):
    rng = np.random.default_rng(week)
    X = rng.normal(size=(n, 3))
    return Moment(kind(X), (rng.random(n) < 1 / (1 + np.exp(-2 * X[:, 0]))).astype(int), at(week), days)


MOMENTS = [moment(week) for week in range(5)]


@pytest.fixture(autouse=True)
def fresh():
    Mean.fits, Mean.before = 0, staticmethod(lambda model: None)
    yield
    Mean.before = staticmethod(lambda model: None)


def search(**more): return tune(**dict(make=Mean(), space=SPACE, moments=MOMENTS, cut=CUT, trials=16, startup=5) | more)
def same(a, b): pd.testing.assert_frame_equal(a.trials, b.trials, check_exact=True); assert a.settings == b.settings and {**a.cost, 'lost_fits': 0} == {**b.cost, 'lost_fits': 0}


def before(action): Mean.before = staticmethod(action)


def dying(at_fit, signal_=None):
    def action(model):
        if Mean.fits == at_fit: os.kill(os.getpid(), signal.SIGKILL) if signal_ else (_ for _ in ()).throw(KeyboardInterrupt)
    return action


# Killed

PROGRAM = '''import sys, time; sys.path.insert(0, sys.argv[2])
from test_tune import Mean, before, search
before(lambda model: time.sleep(.02))
search(folder=sys.argv[1])'''


@pytest.mark.parametrize('pruner', ['halving', 'median'])
def test_killed_from_outside_at_a_random_trial(tmp_path, pruner):
    program = PROGRAM.replace('folder=', f'pruner={pruner!r}, folder=')
    run, study = subprocess.Popen([sys.executable, '-c', program, str(tmp_path), str(Path(__file__).parent)], stderr=subprocess.PIPE), tmp_path/STUDY
    wanted, end = int(np.random.default_rng(os.getpid()).integers(1, 14)), time.monotonic() + 120
    while time.monotonic() < end and run.poll() is None and (not study.exists() or study.read_text().count('"op_code":4') < wanted): time.sleep(.005)
    run.kill()
    assert run.wait() == -signal.SIGKILL, run.stderr.read().decode()
    run.stderr.close()
    gone_on = search(pruner=pruner, folder=tmp_path)
    assert Mean.fits < gone_on.cost['fits'] or wanted == 1                       # what was finished is not done again
    same(gone_on, search(pruner=pruner))


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='needs fork')
def test_killed_again_and_again(tmp_path):
    kills = 0
    for at_fit in (1, 2, 5, 3, 8):
        child = os.fork()
        if not child:
            before(dying(at_fit, signal.SIGKILL))
            search(folder=tmp_path)
            os._exit(0)
        kills += os.waitpid(child, 0)[1] == signal.SIGKILL
    gone_on = search(folder=tmp_path)
    same(gone_on, search())
    assert kills == 5 <= gone_on.cost['lost_fits']


def test_cut_off_at_any_byte(tmp_path):
    whole = search(folder=tmp_path)
    data = (tmp_path/STUDY).read_bytes()
    for end in np.random.default_rng(0).integers(1, len(data), 6):
        (tmp_path/STUDY).write_bytes(data[:end])
        (tmp_path/f'{STUDY}.lock').touch()                                       # a record was being written
        same(search(folder=tmp_path), whole)


def test_a_finished_search_does_nothing_and_a_longer_one_goes_on(tmp_path):
    first = search(folder=tmp_path)
    spent, data = Mean.fits, (tmp_path/STUDY).read_bytes()
    same(search(folder=tmp_path), first)
    assert Mean.fits == spent and (tmp_path/STUDY).read_bytes() == data
    same(search(folder=tmp_path, trials=20), search(trials=20))


# Another search

@pytest.mark.parametrize('change', [dict(space=dict(shrink=(1e-2, 1e3, 'log'), side=['left', 'right'])), dict(space=dict(reversed(SPACE.items()))), dict(seed=1), dict(search='random'), dict(pruner=None),
                                    dict(moments=[*MOMENTS[:4], moment(4, n=61)]), dict(folds=2), dict(loss=lambda e, X, y: 0.), dict(first=[{'shrink': 1.}]), dict(startup=6),
                                    dict(moments=[*MOMENTS[:4], Moment(MOMENTS[4].X, 1 - MOMENTS[4].y, MOMENTS[4].cut)])], ids=lambda c: next(iter(c)))
def test_another_search_is_refused(tmp_path, change):
    search(folder=tmp_path, trials=2)
    spent, data = Mean.fits, (tmp_path/STUDY).read_bytes()
    with pytest.raises(InputError, match='is of another search: .*name another folder'): search(folder=tmp_path, **change)
    assert Mean.fits == spent and (tmp_path/STUDY).read_bytes() == data


def test_another_estimator_is_refused(tmp_path):
    class Other(Mean): pass
    search(folder=tmp_path, trials=2, space=dict(shrink=(.1, 1.)))
    for make in (Other(), Mean(side='right'), lambda shrink: Mean(shrink, 'right')):
        with pytest.raises(InputError, match='estimator was'): search(folder=tmp_path, trials=2, space=dict(shrink=(.1, 1.)), make=make)
    search(folder=tmp_path, trials=2, space=dict(shrink=(.1, 1.)), make=lambda shrink: Mean(shrink))


@pytest.mark.parametrize('content', [b'\x00\xffnothing\n', b'{"op_code":99}\n', b'[]\n', b'{"op_code":4}\n{"op_co\n{}\n'])
def test_a_broken_study_is_refused_and_kept(tmp_path, content):
    (tmp_path/STUDY).write_bytes(content)
    with pytest.raises(InputError, match='no study that can be read'): search(folder=tmp_path)
    assert (tmp_path/STUDY).read_bytes() == content and not Mean.fits


def test_two_at_once_are_refused(tmp_path):
    found = []
    def second(model):
        if Mean.fits == 2:
            with pytest.raises(InputError, match='in use by another search'): search(folder=tmp_path)
            found.append(True)
    before(second)
    search(folder=tmp_path, trials=3)
    assert found
    before(lambda model: None)
    search(folder=tmp_path, trials=4)                                            # free again


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path/'file').touch()
    with pytest.raises(InputError, match='cannot be written'): search(folder=tmp_path/'file'/'below')
    if os.getuid():
        (tmp_path/'closed').mkdir(0o500)
        with pytest.raises(InputError, match='cannot be written'): search(folder=tmp_path/'closed')
    assert not Mean.fits


# Budget

@given(st.integers(1, 9), st.integers(3, 20), st.sampled_from(['halving', 'median', None]))
@settings(deadline=None, max_examples=6)
def test_the_budget_is_kept(trials, fits, pruner):
    Mean.fits = 0
    found = search(trials=trials, fits=fits, pruner=pruner)
    cost = found.cost
    assert Mean.fits == cost['fits'] <= fits and cost['trials'] <= trials and (cost['trials'] == trials or cost['fits'] + 3 > fits)
    assert cost['fits'] + sum(3 - found.trials.fits) == cost['fits_possible'] == 3 * cost['trials']
    assert cost['finished'] + cost['pruned'] + cost['failed'] == cost['trials']


def test_minutes_count_over_all_runs(tmp_path, monkeypatch):
    clock = [0.]
    monkeypatch.setattr(chapter.time, 'monotonic', lambda: clock[0])
    def slow(model): clock[0] += 10
    before(slow)
    for fits, minutes in ((6, 1), (6, 1), (12, 2)):
        found = search(folder=tmp_path, trials=None, minutes=minutes)
        assert Mean.fits == fits
    assert found.cost['fits'] + found.cost['lost_fits'] == 12
    before(lambda model: None)
    same(found, search(trials=found.cost['trials']))


@pytest.mark.parametrize('bad', [dict(trials=0), dict(trials=-1), dict(fits=2), dict(minutes=0), dict(minutes=float('nan')), dict(trials=None), dict(space={}), dict(space=dict(shrink=(2, 1))),
                                 dict(space=dict(shrink=[])), dict(space=dict(shrink=(0., 1., 'log'))), dict(space=dict(shrink=[1, 1])), dict(search='grid'), dict(pruner='hyperband'), dict(folds=0), dict(folds=5),
                                 dict(first=[dict(shrink='1')]), dict(first=[dict(depth=3.5)], space=dict(depth=(1, 9))), dict(first=[dict(depth=4)], space=dict(depth=range(1, 9, 2))),
                                 dict(first=[dict(depth=1)]), dict(first=[dict(shrink=1e9)]), dict(moments=MOMENTS[:1], folds=1), dict(moments=[])], ids=str)
def test_what_cannot_be_searched_is_refused(bad):
    with pytest.raises(InputError, match=';'): search(**bad)
    assert not Mean.fits


# The past only

@given(st.lists(st.integers(0, 40), min_size=2, max_size=8, unique=True), st.integers(1, 15), st.integers(0, 60))
@settings(deadline=None, max_examples=40)
def test_nothing_that_was_not_answered_is_learned_from(days, window, cut):
    moments = [Moment(np.full((3, 1), day), np.array([0, 1, day]), at(0) + pd.Timedelta(days=day), window) for day in days]
    cut = at(0) + pd.Timedelta(days=cut)
    if max(days) + window > (cut - at(0)).days:
        with pytest.raises(InputError, match='window is open'): inner_folds(moments, cut, 1)
    elif max(days) - min(days) < window:
        with pytest.raises(InputError, match='earlier one'): inner_folds(moments, cut, 1)
    else:
        for name, X, y, X_next, y_next in inner_folds(moments, cut, 1):
            assert X.max() + window <= X_next.min() and len(set(X[:, 0])) == sum(day + window <= X_next.min() for day in days)


def test_the_future_is_refused_before_the_first_fit():
    for cut in (at(4), at(5) - pd.Timedelta(seconds=1)):
        with pytest.raises(InputError, match='must not choose settings'): search(cut=cut)
    assert not Mean.fits
    search(cut=at(5), trials=1)


def test_a_moment_of_one_class_is_named():
    with pytest.raises(InputError, match='2020-01-15, where all answers are the same'): search(moments=[*MOMENTS[:2], Moment(MOMENTS[2].X, np.ones(60, int), at(2)), *MOMENTS[3:]])


@pytest.mark.parametrize('days', [0, -3, float('nan')])
def test_a_window_without_length_is_refused(days):
    "A moment that closes as it opens would be learned from to predict itself."
    with pytest.raises(InputError, match='2020-01-15, whose window is .* days long'): search(moments=[*MOMENTS[:2], Moment(MOMENTS[2].X, MOMENTS[2].y, at(2), days), *MOMENTS[3:]])
    assert not Mean.fits


@pytest.mark.parametrize('change', [lambda X: X[['b', 'a', 'c']], lambda X: X.rename(columns={'c': 'd'}), lambda X: X[['a', 'b']], lambda X: X.to_numpy(), lambda X: sp.csr_matrix(X.to_numpy()[:, :2])])
def test_other_columns_are_refused(change):
    "Stacked, columns go by name; a fitted model may go by place."
    named = [moment(week, lambda X: pd.DataFrame(X, columns=[*'abc'])) for week in range(5)]
    with pytest.raises(InputError, match='2020-01-22 with other columns'): inner_folds([*named[:3], Moment(change(named[3].X), named[3].y, named[3].cut), named[4]], CUT)
    assert len(inner_folds(named, CUT)) == 3


def test_missing_answers_are_refused():
    y = MOMENTS[2].y.astype(float)
    y[3] = np.nan
    with pytest.raises(InputError, match='2020-01-15, where answers are missing'): search(moments=[*MOMENTS[:2], Moment(MOMENTS[2].X, y, at(2)), *MOMENTS[3:]])


@pytest.mark.parametrize('kind', [pd.DataFrame, sp.csr_matrix])
def test_tables_and_sparse_matrices(kind): same(search(moments=[moment(week, kind) for week in range(5)], trials=4), search(trials=4))


# What it finds

def test_the_seed_decides_and_nothing_else():
    a = search()
    np.random.seed(7)
    same(a, search())
    assert (search(seed=1).trials.param_shrink != a.trials.param_shrink).all()
    assert (search(search='random', trials=5).trials.param_shrink == a.trials.param_shrink[:5]).all()      # the same beginning


class Odd(optuna.pruners.BasePruner):
    def prune(self, study, trial): return trial.number % 2 == 1


class Always(optuna.pruners.BasePruner):
    def prune(self, study, trial): return True


def test_a_pruned_trial_is_never_the_best():
    def best_when_stopped(estimator, X, y): return 0. if estimator.shrink < 1 else 1.
    found = search(pruner=Odd(), loss=best_when_stopped, first=[dict(shrink=2.), dict(shrink=.5), dict(shrink=3.)], trials=3)
    assert found.trials.state.tolist() == ['finished', 'pruned', 'finished'] and found.trials.value[1] == 0
    assert found.best_number_ == 0 and found.best_value_ == 1 and found.best_params_['shrink'] == 2 and found.path().best.tolist() == [1., 1., 1.]
    none = search(pruner=Always(), trials=4)
    assert none.cost['pruned'] == 4 == none.cost['fits'] and none.path().best.isna().all()
    with pytest.raises(InputError, match='4 pruned, 0 failed'): none.best_params_


def test_failed_trials_keep_their_reasons_and_the_search_goes_on(tmp_path):
    def odd(estimator, X, y):
        if estimator.side == 'right': raise ZeroDivisionError('no right side')
        return float('nan') if estimator.shrink > 10 else estimator.shrink
    found = search(loss=odd, folder=tmp_path)
    failed = found.trials[found.trials.state == 'failed']
    assert set(failed.reason) == {'ZeroDivisionError: no right side', 'the loss is nan at 2020-01-15'} and (failed.fits == 1).all()
    assert found.cost['trials'] == 16 and found.best_params_['side'] == 'left' and found.best_value_ <= 10
    same(search(loss=odd, folder=tmp_path), found)
    with pytest.raises(InputError, match='3 failed .*TypeError'): search(make=lambda **settings: Mean(nothing=1), trials=3).best_params_


def test_settings_to_try_first():
    found = search(first=[dict(shrink=1., side='right'), dict(side='left')], trials=3)
    assert found.settings[0] == dict(shrink=1., side='right') and found.settings[1]['side'] == 'left'


def test_importance():
    found = search(loss=lambda estimator, X, y: float(np.log(estimator.shrink)), pruner=None)
    importance = setting_importance(found)
    assert importance.index[0] == 'shrink' and importance.sum() <= 1 + 1e-9 and importance['shrink'] > .8
    together = search(loss=lambda estimator, X, y: float((estimator.shrink > 1) == (estimator.side == 'left')), space=dict(shrink=[.5, 2.], side=['left', 'right']), pruner=None, search='random', trials=40)
    assert setting_importance(together).sum() < .7                               # what two settings explain only together belongs to neither
    assert importance.equals(setting_importance(found))
    with pytest.raises(InputError, match='different values'): setting_importance(search(trials=1))


def test_nothing_on_standard_error_and_no_pickle(tmp_path, capfd):
    verbosity = optuna.logging.get_verbosity()
    search(folder=tmp_path, first=[dict(shrink=1.)], trials=3)
    assert capfd.readouterr() == ('', '') and optuna.logging.get_verbosity() == verbosity
    assert all(isinstance(json.loads(line), dict) for line in (tmp_path/STUDY).read_text().splitlines())
    assert {path.name for path in tmp_path.iterdir()} == {STUDY, 'study.lock'}
