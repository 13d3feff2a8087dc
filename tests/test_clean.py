"Cleaning: every row is counted, planted faults are found, shoppers are left alone, and each engine says the same"
import subprocess, sys
import ibis, numpy as np, pandas as pd, pytest
from hypothesis import given, settings, strategies as st
from pandas.testing import assert_frame_equal, assert_series_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from seqrep_nb.clean import (BOT_MEASURES, BOT_ROWS, NOISE_RULES, RULES, MinimumSupport, Rule, assign_sessions, bots, clean_events, consecutive_repeats,
                             flag_expressions, inject_noise, near_duplicates, outliers)
from seqrep_nb.core import InputError
from seqrep_nb.events import sort_events, validate_events
from seqrep_nb.journey import load_journey

ALL = RULES | NOISE_RULES
START = 1_700_006_400   # a midnight, UTC


def examples(n): return settings(max_examples=n, deadline=None)   # a first call imports and compiles: no deadline


def log_of(rows, columns=('user_id', 'item_id', 'action', 'timestamp', 'basket_id', 'price', 'quantity')):
    table = pd.DataFrame(rows, columns=columns, dtype=object)
    return validate_events(table.assign(timestamp=[START + second for second in table.timestamp]), default_action='view')[0]


@st.composite
def logs(draw):
    "Few users and items, times a few seconds or many minutes apart, in any order; sometimes one user is a clock."
    event = st.tuples(st.sampled_from('ab'), st.sampled_from('xyz'), st.sampled_from(['view', 'cart']), st.sampled_from([0, 1, 4, 9, 10, 11, 60, 1000, 1800, 1801, 4000, 1.5, 2.25]),
                      st.sampled_from(['1', '2']) | st.none(), st.sampled_from([1., 1., 1.2, 30., -1.]) | st.none(), st.sampled_from([1., 2., 0., 90.]) | st.none())
    rows = draw(st.lists(event, min_size=1, max_size=25))
    rows += [rows[i % len(rows)] for i in draw(st.lists(st.integers(0, 30), max_size=4))]
    if draw(st.booleans()): rows += [('clock', 'xyz'[i % 3], 'view', 30 * i, None, 1., 1.) for i in range(60)]
    if draw(st.booleans()): rows += [('c', 'x', 'buy', 9000 * i, None, draw(st.sampled_from([1., 1.1, 8.])), 1.) for i in range(6)]
    return log_of(draw(st.permutations(rows)))


@examples(12)
@given(logs(), st.sampled_from([*ALL]))
def test_every_row_is_counted_once_and_cleaning_twice_is_cleaning_once(log, off):
    cleaned = clean_events(log, ALL, off)
    assert len(log) == len(cleaned.events) + len(cleaned.rejected)
    assert_frame_equal(cleaned.rejected[[*log]], log.iloc[cleaned.rejected.row].reset_index(drop=True))
    assert cleaned.rejected.row.is_monotonic_increasing and cleaned.rejected.row.is_unique
    assert_frame_equal(cleaned.events, sort_events(log.drop(index=cleaned.rejected.row)))
    report = cleaned.report.set_index('rule')
    assert report.taken.to_dict() == {rule: (cleaned.rejected.reason == rule).sum() for rule in ALL} and (report.matches >= report.taken).all()
    assert report.loc[off, ['status', 'matches', 'taken']].tolist() == ['off', 0, 0]
    again = clean_events(cleaned.events, ALL, off)
    assert len(again.rejected) == 0 and again.events.equals(cleaned.events)


@examples(12)
@given(logs(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(log, random):
    order = random.sample(range(len(log)), len(log))
    cleaned, other = clean_events(log, ALL), clean_events(log.iloc[order].reset_index(drop=True), ALL)
    assert_frame_equal(cleaned.events, other.events)
    assert_frame_equal(cleaned.report, other.report)
    assert_frame_equal(sort_events(cleaned.rejected.drop(columns='row')), sort_events(other.rejected.drop(columns='row')))


def none_is_equal(a, b): return a == b or (a is None or a != a) and (b is None or b != b)


def again_in_plain_python(log, near, repeat):
    "Positions of near duplicates and of consecutive repeats, by their definitions."
    rows = [(*row[:3], row[3].timestamp(), row[4]) for row in log[['user_id', 'item_id', 'action', 'timestamp', 'basket_id']].itertuples(index=False)]
    visit = lambda a, b: a[0] == b[0] and none_is_equal(a[4], b[4])
    found = [], []
    for position, row in enumerate(rows):
        before = [other for other in rows if visit(row, other) and 0 < row[3] - other[3]]
        same = [other[3] for other in before if other[1:3] == row[1:3]]
        if any(row[3] - time <= near for time in same): found[0].append(position)
        last = max((other[3] for other in before), default=-np.inf)
        if row[3] - last <= repeat and last in same: found[1].append(position)
    return found


@examples(20)
@given(logs(), st.sampled_from([1, 9, 10, 60]), st.sampled_from([10, 30]))
def test_near_duplicates_and_repeats_are_what_they_are_said_to_be(log, seconds, minutes):
    rules = dict(near=near_duplicates(seconds), repeat=Rule(consecutive_repeats(minutes).bad, 'one look only'))
    near, repeat = again_in_plain_python(log, seconds, 60 * minutes)
    for name, expected in dict(near=near, repeat=repeat).items(): assert clean_events(log, {name: rules[name]}).rejected.row.tolist() == expected, name


def test_a_near_duplicate_looks_at_the_clock_and_a_repeat_at_the_neighbour():
    rows = [('a', 'x', 'view', 0), ('a', 'y', 'view', 3), ('a', 'x', 'view', 6), ('a', 'x', 'view', 600), ('a', 'x', 'view', 3000)]
    log = log_of(rows, ('user_id', 'item_id', 'action', 'timestamp'))
    assert clean_events(log, dict(near=near_duplicates())).rejected.row.tolist() == [2]
    assert clean_events(log, dict(repeat=consecutive_repeats())).rejected.row.tolist() == [3]
    assert clean_events(log.assign(session_id=['1', '1', '1', '2', '2']), ALL).report.set_index('rule').taken[['near_duplicate', 'consecutive_repeat']].tolist() == [1, 0]


def test_what_leaves_can_make_another_row_bad():
    "A correction stood between two views of one item: when it is gone, the second view is a repeat."
    log = log_of([('a', 'x', 'view', 0, None, 1., 1.), ('a', 'y', 'view', 60, None, -1., 1.), ('a', 'x', 'view', 120, None, 1., 1.)])
    assert clean_events(log, ALL).rejected.reason.tolist() == ['price_negative', 'consecutive_repeat']


def test_a_constant_price_makes_no_offer_an_outlier():
    prices = [2.] * 20 + [1., 1.5, 3., 9.9, 200., .02]
    log = log_of([(f'u{i}', 'x', 'buy', 100_000 * i, None, price, 1.) for i, price in enumerate(prices)])
    assert clean_events(log, dict(price=outliers('price'))).rejected.price.tolist() == [200., .02]
    assert clean_events(log, dict(price=outliers('price', times=2.5))).rejected.price.tolist() == [9.9, 200., .02]
    assert len(clean_events(log.head(20).assign(price=[*range(1, 21)]), dict(price=outliers('price', times=1.01))).rejected) == 0, 'a wide spread makes nothing an outlier'
    assert len(clean_events(log.iloc[[0, 1, 2, -1]], dict(price=outliers('price'))).rejected) == 0, 'three rows do not say what is usual'


def click_log(users=300, seed=0):
    "Synthetic: a month of page views; people have hours, tastes and pauses, and put into the cart what they looked at."
    rng, rows = np.random.default_rng(seed), []
    for user in range(users):
        tastes, usual = rng.zipf(1.4, 25) % 300, rng.normal(15, 3)
        for day in rng.integers(0, 30, 1 + rng.poisson(4)):
            time = day * 86_400 + int(3600 * np.clip(rng.normal(usual, 2), 0, 22))
            for item in rng.choice(tastes, 1 + rng.poisson(6)):
                time += 11 + int(rng.lognormal(3.5, .9))
                rows.append((f'u{user}', f'i{item}', 'view', time, float(5 + item % 50)))
                if rng.random() < .1: rows.append((f'u{user}', f'i{item}', 'cart', time + 5, float(5 + item % 50)))
    return log_of(rows, ('user_id', 'item_id', 'action', 'timestamp', 'price'))


@pytest.fixture(scope='module')
def journey():
    "150 households of the real log, whole."
    events = load_journey().events
    return events[events.user_id.isin(events.user_id.drop_duplicates().sample(150, random_state=0))].reset_index(drop=True)


def test_no_shopper_is_a_bot_and_no_receipt_a_duplicate(journey):
    taken = clean_events(journey, ALL).report.set_index('rule').taken
    assert taken.drop(['quantity_not_positive', 'price_outlier', 'quantity_outlier']).sum() == 0
    assert taken[['price_outlier', 'quantity_outlier']].sum() < .002 * len(journey)
    by_time = clean_events(journey.drop(columns='basket_id'), ALL).report.set_index('rule').taken     # a basket is told by its time alone
    assert by_time.filter(like='bot_').sum() == 0 and by_time[['near_duplicate', 'consecutive_repeat', 'exact_duplicate']].sum() < .004 * len(journey)


def test_few_people_who_click_are_taken():
    taken = clean_events(click_log(), ALL).report.set_index('rule').taken
    assert taken.filter(like='bot_').sum() == 0 and taken.exact_duplicate == 0


@pytest.mark.parametrize('which', ['journey', 'clicks'])
def test_planted_duplicates_and_bots_are_found(which, journey):
    "The bar: precision and recall of at least 0.95 each."
    log = clean_events(journey, ALL).events if which == 'journey' else clean_events(click_log(600), ALL).events
    noisy, fault = inject_noise(log, duplicates=.05, near_duplicates=.05, bots=.1, repeats=.03, prices=.01, seed=3)
    cleaned = clean_events(noisy, ALL)
    reason = cleaned.rejected.set_index('row').reason.reindex(fault.index)
    for planted, rules in dict(duplicates=['exact_duplicate'], near_duplicates=['near_duplicate'], bots=[f'bot_{name}' for name in BOT_MEASURES], repeats=['consecutive_repeat']).items():
        right = fault[reason.isin(rules)] == planted if planted != 'near_duplicates' else fault[reason.isin(rules)].notna()   # a hammer's rows lie seconds apart
        assert reason[fault == planted].notna().mean() >= .95, f'recall of {planted}'
        assert right.mean() >= .95, f'precision of {rules}'
    assert reason[fault == 'prices'].notna().mean() > .6


def test_what_the_simulator_plants_is_found():
    "Faults that another hand planted, searches among the rows: the same bar."
    simulator = pytest.importorskip('seqrep_nb.simulator')
    shop = simulator.simulate_shop(n_users=300, bots=.03)
    planted, taken = shop.truth.rows.reset_index(drop=True), clean_events(shop.log.events, ALL).rejected
    reason = taken.set_index('row').reason.reindex(planted.index)
    for fault, rules in dict(bot=[f'bot_{name}' for name in BOT_MEASURES], duplicate=['exact_duplicate']).items():
        assert planted[fault].any() and reason[planted[fault]].notna().mean() >= .95 and planted[fault][reason.isin(rules)].mean() >= .95, fault
    assert reason[planted.near_duplicate].notna().mean() >= .95
    double_click = clean_events(shop.log.events, RULES | dict(double_click=near_duplicates(2))).rejected.set_index('row').reason.reindex(planted.index)    # bots too are that fast
    assert planted.near_duplicate[(double_click == 'double_click') & ~planted.bot].mean() >= .95


def test_each_measure_looks_at_one_thing():
    "Two users with one feature each, beside a crowd: a long day over many items is no insistence, a quick and uneven pace no clock."
    rng, four = np.random.default_rng(0), ('user_id', 'item_id', 'action', 'timestamp')
    crowd = [(f'u{user}', f'i{item}', 'view', int(time)) for user in range(40) for item, time in zip(rng.integers(0, 99, 12), rng.integers(0, 30 * 86_400, 12))]
    reader = [('reader', f'i{i}', 'view', 36_000 + 120 * i + int(rng.integers(0, 100))) for i in range(300)]
    hammer = [('hammer', 'i7', 'view', 36_000 + 120 * i + int(rng.integers(0, 100))) for i in range(300)]
    clock = [('clock', f'i{i % 50}', 'view', 86_000 * i) for i in range(60)]
    hasty = [('hasty', f'i{i % 50}', 'view', 400_000 + int(time)) for i, time in enumerate(rng.lognormal(0, 1.5, 300).cumsum())]
    taken = lambda measure: set(clean_events(log_of(crowd + reader + hammer + clock + hasty, four), {measure: bots(measure)}).rejected.user_id)
    assert taken('insistence') == {'hammer'} and taken('regularity') == {'clock'} and 'hasty' in taken('rate') and 'clock' not in taken('rate')


def test_planted_repeats_are_no_near_duplicates():
    noisy, fault = inject_noise(click_log(), repeats=.1)
    reason = clean_events(noisy, dict(near=near_duplicates(59), repeat=consecutive_repeats())).rejected.set_index('row').reason.reindex(fault.index)
    assert set(reason[fault == 'repeats']) == {'repeat'}


def test_each_kind_of_bot_is_known_by_its_own_measure():
    noisy, fault = inject_noise(click_log(600), bots=4 * BOT_ROWS / len(click_log(600)))
    kinds = dict(rate=0, regularity=1, insistence=2, hours=3)
    assert (fault == 'bots').sum() == 4 * BOT_ROWS
    for measure in BOT_MEASURES:
        taken = clean_events(noisy, {measure: bots(measure)}).rejected
        assert f'planted bot {kinds[measure]}' in set(taken.user_id) and taken.user_id.str.startswith('planted').all(), measure
        assert len(clean_events(noisy, {measure: bots(measure, least=BOT_ROWS + 1)}).rejected) == 0, 'too few moments for a verdict'


def test_where_all_are_fast_nobody_is_a_bot():
    log = log_of([(f'u{user}', f'i{(7 * i + user) % 90}', 'view', 3600 * user + 2 * i + (i * user) % 2) for user in range(12) for i in range(200)], ('user_id', 'item_id', 'action', 'timestamp'))
    assert clean_events(log, NOISE_RULES).report.set_index('rule').taken.filter(like='bot_').sum() == 0


def test_planting_keeps_the_log_and_tells_the_truth(journey):
    kinds = dict(duplicates=.1, near_duplicates=.05, bots=.02, prices=.03, repeats=.04, quantities=.01)
    noisy, fault = inject_noise(journey, **kinds)
    n = len(journey)
    assert len(noisy) == len(fault) and fault.index.equals(noisy.index)
    assert_frame_equal(noisy, sort_events(noisy))
    counts = fault.value_counts()
    for kind in ('duplicates', 'near_duplicates', 'prices', 'quantities'): assert counts[kind] == round(kinds[kind] * n), kind
    assert counts.bots == BOT_ROWS * round(kinds['bots'] * n / BOT_ROWS) and .5 * kinds['repeats'] * n < counts.repeats <= kinds['repeats'] * n
    slipped = fault.isin(['prices', 'quantities'])
    assert_frame_equal(noisy[fault.isna()].reset_index(drop=True), sort_events(noisy[fault.isna()]))
    rest = [c for c in journey if c not in ('price', 'quantity')]
    assert_frame_equal(sort_events(noisy.loc[fault.isna() | slipped, rest]), sort_events(journey[rest]), check_like=True)
    assert noisy[fault == 'duplicates'].merge(journey, how='left', on=[*journey], indicator=True)._merge.eq('both').all()
    assert set(noisy.user_id[fault == 'bots']).isdisjoint(journey.user_id)
    other, again = inject_noise(journey, **kinds, seed=1), inject_noise(journey, **kinds)
    assert_frame_equal(again[0], noisy), assert_series_equal(again[1], fault)
    assert not other[0].equals(noisy)
    clean, none = inject_noise(journey)
    assert_frame_equal(clean, sort_events(journey))
    assert none.isna().all()


def test_planting_refuses_what_it_cannot_do():
    log = click_log(5)
    with pytest.raises(InputError, match='bots: is 2'): inject_noise(log, bots=2)
    with pytest.raises(InputError, match="column 'quantity' is missing; leave quantities at 0"): inject_noise(log, quantities=.1)
    assert len(inject_noise(log.head(0), duplicates=.5, bots=.5)[0]) == 0


@examples(60)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=40), st.integers(1, 3), st.integers(1, 3))
def test_minimum_support_is_the_largest_core(pairs, users, items):
    log = log_of([(f'u{u}', f'i{i}', 'view', second) for second, (u, i) in enumerate(pairs)], ('user_id', 'item_id', 'action', 'timestamp'))
    core = set(pairs)
    while core != (smaller := {(u, i) for u, i in core if len({b for a, b in core if a == u}) >= users and len({a for a, b in core if b == i}) >= items}): core = smaller
    if not core:
        with pytest.raises(InputError, match='train: has no users'): MinimumSupport(users, items).fit(log)
        return
    support = MinimumSupport(users, items).fit(log)
    assert set(support.users_) == {f'u{u}' for u, _ in core} and set(support.items_) == {f'i{i}' for _, i in core}
    done = support.transform(log)
    assert len(done.events) + len(done.rejected) == len(log) and len(support.transform(done.events).rejected) == 0
    assert set(zip(done.events.user_id, done.events.item_id)) == {(f'u{u}', f'i{i}') for u, i in core}
    assert done.report.taken.tolist() == [(done.rejected.reason == name).sum() for name in ('user_support', 'item_support')]


def test_minimum_support_learns_from_what_fit_is_given_and_keeps_searches():
    train = log_of([(f'u{u}', f'i{i}', 'view', 10 * u + i) for u in range(3) for i in range(3)], ('user_id', 'item_id', 'action', 'timestamp'))
    later = log_of([('u0', 'i0', 'view', 99), ('u0', 'new', 'view', 99), ('new', 'i0', 'view', 99), ('u1', 'none', 'search', 99)], ('user_id', 'item_id', 'action', 'timestamp'))
    later['item_id'] = later.item_id.mask(later.item_id == 'none')
    support = MinimumSupport(users=2, items=3)
    with pytest.raises(NotFittedError): support.transform(later)
    assert support.fit(train) is support and support.get_params() == dict(users=2, items=3)
    assert support.transform(later).rejected.reason.tolist() == ['item_support', 'user_support']
    assert [name for name in vars(clone(support)) if name.endswith('_')] == [] and len(later) == 4


def test_flag_expressions_need_no_pandas(tmp_path):
    "On a file, and on any engine's SQL: one look, the same verdicts."
    log = inject_noise(click_log(60), duplicates=.1, near_duplicates=.1, bots=.1, prices=.05)[0]
    log.assign(row=np.arange(len(log))).to_parquet(tmp_path/'events.parquet')
    rules = {name: rule for name, rule in ALL.items() if all(c in log for c in rule.needs)}
    table = ibis.duckdb.connect().read_parquet(tmp_path/'events.parquet')
    flags = flag_expressions(table, rules)
    assert [*flags] == [*rules] and all(flag.type().is_boolean() for flag in flags.values())
    counts = table.select(**flags).to_pandas().sum()
    for name, rule in rules.items(): assert counts[name] == clean_events(log, {name: Rule(rule.bad, rule.why)}).report.matches[0], name
    assert counts[['exact_duplicate', 'near_duplicate']].min() > 0 and counts.filter(like='bot_').max() > 0


def test_an_engine_may_be_a_connection(journey):
    part = journey.head(3000).drop(columns='place')
    connection = ibis.duckdb.connect()
    ours, theirs = (clean_events(part, ALL, engine=engine) for engine in ('duckdb', connection))
    for name in ('events', 'rejected', 'report'): assert_frame_equal(getattr(ours, name), getattr(theirs, name))
    assert_frame_equal(assign_sessions(part, engine=connection), assign_sessions(part))
    assert connection.con.execute('select count(*) from duckdb_views() where not internal').fetchone()[0] == 0, 'nothing stays behind'


def test_without_pyspark_the_error_names_the_extra():
    source = '''import sys
sys.modules['pyspark'] = sys.modules['pyspark.sql'] = None
import pandas as pd
from seqrep_nb.clean import clean_events
from seqrep_nb.events import validate_events
log = validate_events(pd.DataFrame(dict(user_id=['a'], item_id=['x'], timestamp=[1700000000])), default_action='view')[0]
try: clean_events(log, engine='spark')
except ValueError as error: print(error)'''
    said = subprocess.run([sys.executable, '-c', source], check=True, text=True, capture_output=True).stdout
    assert "PySpark is not installed; install the extra scale (pip install 'seqrep_nb[scale]'" in said


def test_spark_says_what_duckdb_says(journey):
    pytest.importorskip('pyspark')
    log = inject_noise(journey.head(6000), duplicates=.05, near_duplicates=.05, bots=.2, prices=.02, repeats=.05, quantities=.02)[0].sample(frac=1, random_state=0).reset_index(drop=True)
    duck, spark = (clean_events(log, ALL, engine=engine) for engine in ('duckdb', 'spark'))
    for name in ('events', 'rejected', 'report'): assert_frame_equal(getattr(duck, name), getattr(spark, name))
    assert (duck.report.taken > 0).sum() >= 7
    assert_frame_equal(assign_sessions(log, engine='spark'), assign_sessions(log))


def test_a_log_may_lack_columns_and_rules(journey):
    part = journey.head(500)
    bare = clean_events(part.drop(columns=['price', 'quantity', 'basket_id']), ALL)
    assert bare.report.set_index('rule').status.to_dict() == dict.fromkeys(ALL, 'on') | dict(quantity_not_positive='no quantity', quantity_outlier='no quantity', price_negative='no price', price_outlier='no price')
    assert_frame_equal(clean_events(part, rules={}).events, sort_events(part))
    assert_frame_equal(clean_events(part, ALL, switch_off=ALL).events, sort_events(part))


@pytest.mark.skipif(pd.__version__ < '3', reason='an older pandas gives a text column without values no type')
def test_a_log_may_have_no_rows(journey):
    none = clean_events(journey.head(0), ALL)
    assert (len(none.events), len(none.rejected), none.report.taken.sum(), len(assign_sessions(journey.head(0)))) == (0, 0, 0, 0)


def test_what_is_no_rule_or_no_table_is_named(journey):
    part = journey.head(50)
    for odd in (lambda t: t.colour == 'red', lambda t: 3):
        with pytest.raises(InputError, match="rule 'odd': cannot be applied"): clean_events(part, dict(odd=Rule(odd, 'odd')))
    with pytest.raises(InputError, match="names 'price', which is no rule"): clean_events(part, switch_off='price')
    with pytest.raises(InputError, match='is a Cleaned, not a table of events; pass its .events'): clean_events(clean_events(part))
    with pytest.raises(InputError, match="engine: is 'polars'; use 'duckdb', 'spark' or an Ibis connection"): assign_sessions(part, engine='polars')


def test_sessions_are_what_they_are_said_to_be(journey):
    events = sort_events(journey.head(20_000))
    starts = (events.groupby('user_id').timestamp.diff() > pd.Timedelta(minutes=30)) | ~events.duplicated('user_id')
    assert assign_sessions(events).session_id.tolist() == (events.user_id + '/' + starts.groupby(events.user_id).cumsum().astype(str)).tolist()
    assert_frame_equal(assign_sessions(events.sample(frac=1, random_state=1)), assign_sessions(events))
    assert assign_sessions(events, 1e9).session_id.nunique() == events.user_id.nunique()
    assert assign_sessions(events, 0).session_id.nunique() == len(events.drop_duplicates(['user_id', 'timestamp']))
    with pytest.raises(InputError, match="'session_id' is there already"): assign_sessions(assign_sessions(events))
    with pytest.raises(InputError, match='gap_minutes: is nan'): assign_sessions(events, float('nan'))


@pytest.mark.parametrize('unit', ['s', 'ms', 'us', 'ns'])
def test_a_session_does_not_depend_on_the_unit_of_the_times(unit):
    events = log_of([('a', item, 'view', second, None, None, None) for item, second in (('x', 0), ('y', 1800), ('z', 5401))])
    other = events.assign(timestamp=events.timestamp.dt.as_unit(unit))
    assert assign_sessions(other).session_id.tolist() == ['a/1', 'a/1', 'a/2']
    assert assign_sessions(other, 29.99).session_id.tolist() == ['a/1', 'a/2', 'a/3']


def test_planted_faults_leave_every_column_there():
    "`position` is a canonical column: the place in the list that was shown."
    log = log_of([('a', f'i{n}', 'view', 60 * n, None, 1., 1.) for n in range(40)]).assign(position=np.arange(40.)[::-1], zone='n')
    noisy, fault = inject_noise(log, duplicates=.1, repeats=.1, seed=1)
    assert sorted(noisy) == sorted(log) and len(noisy) == len(fault) > len(log)
    assert_frame_equal(noisy[fault.isna()].reset_index(drop=True), log)
    assert_frame_equal(noisy.drop(columns='position'), inject_noise(log.drop(columns='position'), duplicates=.1, repeats=.1, seed=1)[0])


def test_which_rules_see_what_comes_after_a_cut():
    "A verdict on rows before a cut may hang on rows after it for the rules that measure the log, and these say so."
    tea = log_of([('a', 'tea', 'buy', 86400 * day, None, 10. if day < 6 else 100., 1.) for day in range(26)])
    cut = tea.timestamp[6]
    taken = lambda events: (clean_events(events, ALL).rejected.timestamp < cut).sum()
    assert (taken(tea), taken(tea[tea.timestamp < cut])) == (6, 0)
    for rule in outliers, bots: assert 'the log it is given' in rule.__doc__ and 'after a cut' in rule.__doc__


@examples(12)
@given(logs(), st.sampled_from([*RULES, 'near_duplicate', 'consecutive_repeat']), st.sampled_from([5, 30, 1000, 3000]))
def test_the_other_rules_look_back_only(log, name, second):
    cut = pd.Timestamp(START + second, unit='s', tz='UTC')
    whole, before = (clean_events(events, {name: ALL[name]}).rejected for events in (log, log[log.timestamp < cut]))
    assert (whole.timestamp < cut).sum() == len(before)
