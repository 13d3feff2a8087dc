"The judge: what it may learn from, what it may choose on, and what it refuses"
import importlib, sys
from dataclasses import replace
from pathlib import Path
import numpy as np, pandas as pd, pytest
from seqrep_nb.contest import Question, contest, hold_contest, verdict_results
from seqrep_nb.core import InputError

ROOT = Path(__file__).resolve().parent.parent
DAY = 86_400_000_000
FEW = {'table': [('table', 'trees', 7), ('table', 'linear', .1)], 'representation': [('represented', 'linear', .1)], 'both': [('opinion', 'trees', 7), ('all', 'linear', .1)]}
CUT = '1970-06-01'
START = pd.Timestamp(CUT, tz='UTC').value // 1000


def question(n=3000, seed=0, knows=1., days=1):
    "Two causes: the table sees one, the representation the other, as far as it knows."
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, n))
    hidden = np.column_stack([knows * b + (1 - knows) * rng.normal(size=n), rng.normal(size=n)])
    now = np.sort(rng.integers(0, 220, n)) * DAY
    p = 1 / (1 + np.exp(-(a + b)))
    return Question('planted', pd.DataFrame(dict(a=a)), pd.DataFrame(hidden), (rng.random(n) < p).astype(int), np.arange(n) % 400, now, now + days * DAY, best=p, dataset='synthetic')


Q = question()


@pytest.fixture(scope='module')
def found(): return contest(Q, CUT, entries=FEW)


def test_rows_are_those_asked_from_the_cut_on(found):
    np.testing.assert_array_equal(found.rows, np.flatnonzero(Q.now >= START))
    until = contest(Q, CUT, '1970-07-01', entries=FEW)
    assert (Q.now[until.rows] < pd.Timestamp('1970-07-01', tz='UTC').value // 1000).all() and len(until.rows) < len(found.rows)
    np.testing.assert_allclose(until.said['both'], found.said['both'][:len(until.rows)])


def test_answers_that_are_not_known_at_the_cut_are_not_heard(found):
    "Those of rows asked before it whose window is open, too."
    long = replace(Q, closes=Q.now + 30 * DAY)
    unknown = long.closes > START
    assert (unknown & (Q.now < START)).sum() > 100
    first, other = (contest(q, CUT, entries=FEW) for q in (long, replace(long, y=np.where(unknown, 1 - Q.y, Q.y))))
    for name in first.said: np.testing.assert_array_equal(first.said[name], other.said[name])
    changed = contest(replace(Q, y=np.where(unknown & (Q.now < START), 1 - Q.y, Q.y)), CUT, entries=FEW)
    assert not np.allclose(changed.said['table'], found.said['table']), 'and those that are known are'


def test_inputs_of_later_rows_change_nothing_for_earlier_ones(found):
    "Scaling and folds included: half of the asked rows get other inputs."
    later = Q.now >= np.median(Q.now[found.rows])
    moved = replace(Q, table=pd.DataFrame(np.where(later[:, None], 50., Q.table)), represented=Q.represented.mul(np.where(later, -9., 1.), axis=0))
    again, same = contest(moved, CUT, entries=FEW), ~later[found.rows]
    for name in found.said: np.testing.assert_array_equal(again.said[name][same], found.said[name][same])


def test_the_same_seed_the_same_verdict_another_another(found):
    again, other = (contest(Q, CUT, seed=seed, entries=FEW) for seed in (0, 1))
    np.testing.assert_array_equal(again.said['table'], found.said['table'])
    assert not np.array_equal(other.said['table'], found.said['table'])


def test_a_hidden_cause_is_found_and_noise_is_not(found):
    results = verdict_results(Q, [found])
    assert results['both'].value > results['table'].value + .05 and results['both'].value > .97 * results['best'].value
    noise = question(knows=0.)
    results = verdict_results(noise, [contest(noise, CUT, entries=FEW)])
    assert abs(results['both'].value - results['table'].value) < .03


def test_a_representation_that_repeats_the_answers_of_its_users_is_no_help():
    "Each user has a signature and answers as it likes: folds that tear users apart would find it."
    rng = np.random.default_rng(1)
    taste, signature = rng.random(400) < .5, rng.normal(size=(400, 60))
    y = np.where(rng.random(3000) < .8, taste[Q.users], ~taste[Q.users]).astype(int)
    fresh = np.where(Q.now >= START, Q.users + 400, Q.users)                     # the asked ones are new users
    torn = replace(Q, y=y, users=fresh, represented=pd.DataFrame(np.vstack([signature, rng.normal(size=(400, 60))])[fresh]), best=None)
    results = verdict_results(torn, [contest(torn, CUT, entries=FEW)])
    assert abs(results['both'].value - y[Q.now >= START].mean()) < .12


def test_labels_in_blocks_are_measured_one_by_one():
    several = replace(Q, label=np.arange(3000) % 3, now=np.repeat(Q.now[::3], 3), closes=np.repeat(Q.now[::3], 3) + DAY, users=np.repeat(Q.users[::3], 3), best=None)
    results = verdict_results(several, [contest(several, CUT, entries=FEW)])
    rows = np.flatnonzero(several.now >= START)
    from sklearn.metrics import average_precision_score
    said = contest(several, CUT, entries=FEW).said['table']
    expected = np.mean([average_precision_score(several.y[rows][k::3], said[k::3]) for k in range(3)])
    assert results['table'].value == pytest.approx(expected)


def test_held_at_several_cuts_it_pools_them():
    held = hold_contest(Q, [CUT, '1970-07-01'], seeds=(0,), times=50, entries=FEW)
    assert held['asked'] == (Q.now >= START).sum() and len(held['chosen']) == 2 and {r['model'] for r in held['rows']} == {'table', 'representation', 'both', 'best'}
    assert all(g['low'] <= g['gain'] <= g['high'] for g in held['gains'])


@pytest.mark.parametrize('change, says', [(lambda q: dict(y=q.y + 1), '0 and 1'), (lambda q: dict(users=q.users[1:]), 'one row'), (lambda q: dict(closes=q.now - 1), 'before now'),
                                          (lambda q: dict(represented=q.represented.where(q.represented < 1)), 'numbers that are none'), (lambda q: dict(label=np.ones(len(q), int)), 'blocks')])
def test_questions_that_are_none(change, says):
    with pytest.raises(InputError, match=says): replace(Q, **change(Q))


def test_cuts_that_leave_nothing():
    with pytest.raises(InputError, match='cut earlier'): contest(Q, '1990-01-01', entries=FEW)
    with pytest.raises(InputError): contest(Q, '1970-01-01', entries=FEW)
    with pytest.raises(InputError, match='one answer only'): contest(replace(Q, y=np.zeros(3000, int)), CUT, entries=FEW)


def test_every_stored_contest_has_a_function_that_makes_it():
    sys.path.insert(0, str(ROOT/'scripts'))
    from contest import QUESTIONS
    assert {path.stem for path in (ROOT/'results'/'contest').glob('*.json')} == set(QUESTIONS)
    for name, module in QUESTIONS.items(): assert callable(getattr(importlib.import_module(f'seqrep_nb.{module}'), f'{name}_contest'))
