"The synthetic shop: what was planted is in its log, and a large shop is a small one, continued"
import os

import numpy as np, pandas as pd, pyarrow.parquet as pq, pytest
from pandas.testing import assert_frame_equal
from seqrep_nb.clean import assign_sessions, clean_events
from seqrep_nb.core import InputError
from seqrep_nb.events import read_events, sort_events, validate_events, validate_items
from seqrep_nb.simulator import best_possible, calibration_table, simulate_shop, write_shop

SMALL = dict(n_items=240, days=60)


@pytest.fixture(scope='module')
def shop(): return simulate_shop(1200, seed=3)


@pytest.fixture(scope='module')
def people(shop): return shop.log.events[~shop.truth.rows.bot]


def in_band(count, n, share): return abs(count - n * share) <= 4 * np.sqrt(n * share * (1 - share))  # a right share leaves four deviations once in 16,000 seeds


def frames(shop): return dict(events=shop.log.events, items=shop.log.items, users=shop.log.users, impressions=shop.impressions, sessions=shop.truth.sessions, rows=shop.truth.rows, searches=shop.truth.searches)


def test_the_seed_decides_everything():
    one, same, other = (simulate_shop(300, seed=seed, **SMALL) for seed in (5, 5, 6))
    for name, frame in frames(one).items(): assert_frame_equal(frame, frames(same)[name])
    np.testing.assert_array_equal(one.truth.tastes, same.truth.tastes)
    np.testing.assert_array_equal(one.truth.click_probability, same.truth.click_probability)
    assert not one.log.events.equals(other.log.events) and not one.log.items.equals(other.log.items)


def test_the_log_passes_the_gate_unchanged(shop):
    events, items = shop.log.events, shop.log.items
    found, _ = validate_events(events)
    assert_frame_equal(found, events[[*found]])
    assert_frame_equal(validate_items(items)[0], items)
    assert_frame_equal(sort_events(events), events)
    assert [*events] == 'user_id item_id action timestamp session_id basket_id query place price quantity position dwell'.split()
    assert [*shop.impressions] == 'user_id session_id query item_id position timestamp clicked'.split()
    assert shop.log.name == 'simulated shop (synthetic)' and {*events.user_id} == {*shop.log.users.user_id} and {*events.item_id.dropna()} <= {*items.item_id}
    assert {*events.action} == {'search', 'view', 'cart', 'remove', 'buy', 'review', 'share'}
    days = (events.timestamp - pd.Timestamp('2025-01-01', tz='UTC')).dt.days
    assert days.min() == 0 and days.max() in (89, 90)  # the last visit may go on past midnight


def test_each_column_belongs_to_its_actions(shop):
    e = shop.log.events
    there = lambda column: {*e.action[e[column].notna()]}
    assert (e.item_id.isna() == (e.action == 'search')).all() and (e['query'].notna() == (e.action == 'search')).all()
    assert (e.basket_id.notna() == (e.action == 'buy')).all() and (e.dwell.notna() == (e.action == 'view')).all()
    assert there('position') == {'view'} and there('quantity') == {'cart', 'buy'} and e.place.notna().all() and e.session_id.notna().all()
    baskets = e[e.action == 'buy'].groupby('session_id')
    assert baskets.basket_id.nunique().eq(1).all() and e.groupby('basket_id').session_id.nunique().eq(1).all()
    np.testing.assert_array_equal(e.price, e.item_id.map(shop.log.items.set_index('item_id').price))
    assert shop.impressions.position.between(1, 10).all() and e.position.dropna().between(1, 10).all()


def test_truth_stands_beside_its_rows(shop):
    e, t = shop.log.events, shop.truth
    assert len(t.rows) == len(e) and (t.rows.session == e.session_id).all() and len(t.click_probability) == len(shop.impressions)
    assert t.tastes.shape == (1200, 12) and np.allclose(t.tastes.sum(1), 1)
    assert len(np.unique(t.tastes, axis=0)) == 1200, 'no block repeats another'
    assert (shop.log.users.favourite_category == t.categories.category.to_numpy()[t.tastes.argmax(1)]).all()
    bots = shop.log.users.user_id[shop.log.users.is_bot]
    assert (t.rows.bot == e.user_id.isin(bots)).all()
    assert t.sessions.session_id.is_unique and {*t.sessions.session_id} == {*e.session_id}
    first = e[~t.rows.near_duplicate].groupby('session_id').timestamp.min()
    assert (first.reindex(t.sessions.session_id).to_numpy() == t.sessions.start.to_numpy()).all()
    buys = e[e.action == 'buy'].session_id
    assert (t.sessions.bought == t.sessions.session_id.isin(buys)).all()


def test_copies_are_what_they_are_called(shop):
    e, rows = shop.log.events, shop.truth.rows
    original = ~rows.duplicate & ~rows.near_duplicate
    assert (e.duplicated() == rows.duplicate).all(), 'no row is the copy of another by accident'
    close = e[rows.near_duplicate | original]
    before = close.groupby([close.user_id, close.item_id.fillna('none'), close.action]).shift()
    gap = (close.timestamp - before.timestamp)[rows.near_duplicate].dt.total_seconds()
    assert gap.notna().all() and gap.between(.1, 2).mean() > .99
    cleaned = clean_events(e)
    assert len(cleaned.rejected) == e.duplicated().sum()


def test_planted_shares_hold(shop):
    rows, searches = shop.truth.rows, shop.truth.searches
    original = int((~rows.duplicate & ~rows.near_duplicate).sum())
    human = int((~rows.duplicate & ~rows.near_duplicate & ~rows.bot).sum())
    assert in_band(rows.duplicate.sum(), original, .01) and in_band(rows.near_duplicate.sum(), human, .01)
    assert in_band(shop.log.users.is_bot.sum(), 1200, .01) and in_band(searches.typo.sum(), len(searches), .05)
    assert len(shop.truth.typos) == searches.typo.sum() and (shop.truth.typos.typed != shop.truth.typos.meant).all()
    assert (searches.typed == searches.meant)[~searches.typo].all()
    clean = simulate_shop(300, bots=0, duplicates=0, near_duplicates=0, typos=0, **SMALL)
    assert not clean.truth.rows[['duplicate', 'near_duplicate', 'bot']].any(axis=None) and clean.truth.typos.empty and not clean.log.users.is_bot.any()


def test_a_bot_is_fast_and_regular(shop):
    e = shop.log.events[~shop.truth.rows.duplicate & ~shop.truth.rows.near_duplicate].assign(bot=shop.truth.rows.bot)
    per_user = e.groupby('user_id').agg(rows=('bot', 'size'), bot=('bot', 'first'))
    assert per_user.rows[per_user.bot].median() > 8 * per_user.rows[~per_user.bot].median()
    gap = e.groupby('session_id').timestamp.diff().dt.total_seconds()
    spread = gap.groupby(e.session_id).agg(['mean', 'std']).dropna()
    bots = spread.index.isin(e.session_id[e.bot])
    spread = spread['std'] / spread['mean']
    assert spread[bots].max() < .05 < spread[~bots].median()
    views = e[e.bot].groupby('user_id').item_id.nunique()
    assert (views <= 3).any() and (views > 50).any(), 'watchers and crawlers'


def test_half_an_hour_recovers_the_sessions(people):
    cut = assign_sessions(people.drop(columns='session_id')).reset_index(drop=True)
    true = people.session_id.reset_index(drop=True)
    same = cut.user_id == cut.user_id.shift()
    planted, found = same & (true != true.shift()), same & (cut.session_id != cut.session_id.shift())
    assert planted.sum() > 10_000
    assert (planted & found).sum() >= .95 * planted.sum() and (planted & found).sum() >= .95 * found.sum()
    assert (people.session_id != people.session_id.shift()).sum() == people.session_id.nunique(), 'visits do not overlap'
    assert people.timestamp.diff()[planted.to_numpy()].min() > pd.Timedelta(minutes=24)
    assert (planted & found).sum() < planted.sum() and (planted & found).sum() < found.sum(), 'no log is that tidy'


def test_clicks_are_examination_times_relevance(shop):
    shown = shop.impressions.assign(p=shop.truth.click_probability)
    rate = shown.groupby('position').agg(clicked=('clicked', 'mean'), p=('p', 'mean'), n=('p', 'size'))
    assert rate.clicked.is_monotonic_decreasing and rate.clicked[1] > 5 * rate.clicked[10]
    assert ((rate.clicked - rate.p).abs() <= 4 * np.sqrt(rate.p * (1 - rate.p) / rate.n)).all()
    assert abs(shown.clicked.sum() - shown.p.sum()) <= 4 * np.sqrt((shown.p * (1 - shown.p)).sum())
    np.testing.assert_allclose(shop.truth.examination, np.arange(1, 11) ** -.8)
    fair = simulate_shop(500, position_bias=0).impressions.groupby('position').clicked.mean()
    assert fair[1] / fair[10] < .5 * rate.clicked[1] / rate.clicked[10]
    assert shown.groupby(['session_id', 'timestamp']).item_id.agg(lambda ids: ids.is_unique).all()


def test_each_click_is_a_view_of_its_place(shop):
    e = shop.log.events[~shop.truth.rows.duplicate & ~shop.truth.rows.near_duplicate]
    key = ['user_id', 'session_id', 'item_id', 'position']
    views, clicks = e[e.position.notna()][key].value_counts(), shop.impressions[shop.impressions.clicked == 1].astype(dict(position='float64'))[key].value_counts()
    assert len(views) > 1000 and views.sort_index().equals(clicks.sort_index())


def test_p_buy_is_calibrated(shop):
    s = shop.truth.sessions
    bins = calibration_table(s.p_buy, s.bought)
    assert ((bins.seen - bins.planted).abs() <= 4 * bins.error + 1e-12).all() and bins.planted.iloc[-1] > .6 > .05 > bins.planted.iloc[0]
    for intent, part in s.groupby('intent'): assert abs(part.bought.sum() - part.p_buy.sum()) <= 4 * np.sqrt((part.p_buy * (1 - part.p_buy)).sum()) + 1e-9, intent
    best, blurred = best_possible(s.p_buy, s.bought), best_possible(np.clip(s.p_buy + np.random.default_rng(0).normal(0, .2, len(s)), .01, .99), s.bought)
    assert best['base_rate'] < blurred['pr_auc'] < best['pr_auc'] < 1 and best['log_loss'] < blurred['log_loss']


def test_an_observer_who_is_not_told_the_intent(shop):
    "p_seen is the posterior mean of p_buy over the intents that leave the same traces, worked out here from the log and the planted laws."
    s, count = shop.truth.sessions, shop.truth.searches.session_id.value_counts()
    n = s.session_id.map(count).fillna(0)
    hidden = s.intent.isin(['search', 'buy'])
    assert (n[hidden] >= 1).all() and (n[~hidden] == 0).all() and np.array_equal(s.p_seen[~hidden], s.p_buy[~hidden])
    poisson = lambda k, mean: mean**k * np.exp(-mean)
    weight = dict(search=.3 * poisson(n - 1, .8), buy=.2 * poisson(n - 1, .3))
    share = (weight['search'] / (weight['search'] + weight['buy'])).where(s.intent == 'search', weight['buy'] / (weight['search'] + weight['buy']))
    assert (s.p_seen[hidden] >= share[hidden] * s.p_buy[hidden] - 1e-12).all(), 'the other intent adds something, or nothing where there is no view'
    assert (s.p_seen[hidden & (s.p_buy == 0)] == 0).all() and (s.p_seen <= 1).all()
    groups = calibration_table(s.p_seen[hidden], s.bought[hidden])
    assert ((groups.seen - groups.planted).abs() <= 4 * groups.error).all()
    assert best_possible(s.p_seen, s.bought)['log_loss'] > best_possible(s.p_buy, s.bought)['log_loss']


def test_taste_price_typos_and_the_hour_leave_their_marks(shop, people):
    users, items = shop.log.users.set_index('user_id'), shop.log.items.set_index('item_id')
    searched = shop.truth.searches
    liked = searched.user_id.map(users.favourite_category) == searched.category
    assert liked.mean() > 2 / 12, 'a favourite is searched more often than one category in twelve'
    views = people[people.action == 'view']
    liked = views.item_id.map(items.category) == views.user_id.map(users.favourite_category)
    assert views.dwell[liked].median() > 1.1 * views.dwell[~liked].median()
    hours = people.timestamp.dt.hour.value_counts()
    assert hours[[19, 20, 21]].sum() > 5 * hours[[2, 3, 4]].sum()
    level = np.log(items.price) - np.log(items.price).groupby(items.category).transform('mean')
    paid = people[people.action == 'buy'].assign(level=people.item_id.map(level), mind=people.user_id.map(users.price_sensitivity)).groupby('mind')['level'].mean()
    assert paid['high'] < paid['medium'] < paid['low']
    shown = shop.impressions.merge(searched[['session_id', 'timestamp', 'typo']], on=['session_id', 'timestamp'])
    rate = shown.groupby('typo').clicked.mean()
    assert len(shown) == len(shop.impressions) and rate[True] < .8 * rate[False]


def test_consumables_come_back_after_their_cycle():
    shop = simulate_shop(700, days=200, bots=0, near_duplicates=0, duplicates=0, seed=2)
    bought = shop.log.events[shop.log.events.action == 'buy'].drop_duplicates(['session_id', 'item_id'])
    bought = bought.assign(category=bought.item_id.map(shop.log.items.set_index('item_id').category))
    gap = bought.groupby(['user_id', 'item_id']).timestamp.diff().dt.days.groupby(bought.category)
    cycles = shop.truth.categories.set_index('category').cycle_days
    for category in ('coffee', 'pet food', 'cleaning'): assert gap.median()[category] == pytest.approx(cycles[category], rel=.12), category
    assert gap.count()['coffee'] > 5 * gap.count().get('audio', 0)


def test_seasons_can_be_seen_and_switched_off():
    def swing(**settings):
        searches = simulate_shop(150, days=365, bots=0, seed=4, **settings).truth.searches
        share = (searches.category == 'garden').groupby(searches.timestamp.dt.month).mean()
        return share[[4, 5, 6]].mean() / share[[10, 11, 12]].mean()
    assert swing() > 4 and .7 < swing(season=0) < 1.4


def test_settings_say_what_is_wrong():
    for settings, said in ((dict(bots=2), 'bots: is 2; give a number'), (dict(n_items=10), 'n_items: is 10'), (dict(robots=.1), "name 'robots', which is none"), (dict(n_users=0), 'n_users: is 0')):
        with pytest.raises(InputError, match=said): simulate_shop(**dict(dict(n_users=5), **settings))


@pytest.mark.parametrize('settings', [dict(days=1), dict(categories=2, n_items=40), dict(visits_per_week=0, bots=0), dict(list_length=1, n_items=120), dict(bots=.9), dict(new_items=.9), dict(price=0, season=0)])
def test_odd_sizes_make_a_shop(settings):
    shop = simulate_shop(60, **dict(SMALL, **settings))
    found, _ = validate_events(shop.log.events)
    assert_frame_equal(found, shop.log.events[[*found]])
    assert shop.log.events.user_id.nunique() == 60 and len(shop.truth.sessions) == shop.log.events.session_id.nunique()


def read_parts(folder): return [read_events(path)[0] for path in sorted(folder.glob('events-*.parquet'))]


def test_parts_do_not_change_a_users_events(tmp_path):
    "One shop in memory, the same one in parts of 500 and of 1,500 users."
    options = dict(n_events=60_000, seed=7, **SMALL)
    facts = {size: write_shop(tmp_path/str(size), chunk_users=size, **options) for size in (500, 1500)}
    parts = {size: read_parts(tmp_path/str(size)) for size in facts}
    assert len(parts[500]) > 1 == len(parts[1500]) and facts[500]['rows'] == facts[1500]['rows'] == len(parts[1500][0])
    users = [{*part.user_id} for part in parts[500]]
    assert sum(map(len, users)) == len(set().union(*users)) == facts[500]['users'], 'no user lies in two parts'
    assert all(part.timestamp.is_monotonic_increasing for part in parts[500])
    whole = sort_events(parts[1500][0])
    assert_frame_equal(sort_events(pd.concat(parts[500], ignore_index=True)), whole)
    shop = simulate_shop(facts[500]['users'], seed=7, **SMALL)
    assert_frame_equal(whole, shop.log.events[[*whole]])
    sessions = pd.concat([pd.read_parquet(path) for path in sorted((tmp_path/'500'/'truth').glob('sessions-*'))], ignore_index=True)
    assert sessions.session_id.tolist() == shop.truth.sessions.session_id.tolist() and all(np.array_equal(sessions[c], shop.truth.sessions[c]) for c in ('p_buy', 'p_seen'))


def test_a_part_has_canonical_types_and_its_truth(tmp_path):
    facts = write_shop(tmp_path, 20_000, chunk_users=1, impressions=True, **SMALL)  # rounded up to a block
    assert 20_000 <= facts['rows'] < 25_000 and facts['parts'] == 1, 'a whole last user, but no more'
    schema = pq.read_schema(tmp_path/'events-00000.parquet')
    assert str(schema.field('timestamp').type) == 'timestamp[us, tz=UTC]' and all(str(schema.field(c).type) == 'double' for c in ('price', 'quantity', 'position', 'dwell'))
    assert all(str(schema.field(c).type) in ('string', 'large_string') for c in ('user_id', 'item_id', 'action', 'session_id', 'basket_id', 'query', 'place'))
    events, rows = (pd.read_parquet(tmp_path/name) for name in ('events-00000.parquet', 'truth/rows-00000.parquet'))
    assert (rows.session == events.session_id).all() and events.duplicated().sum() == rows.duplicate.sum() > 0
    users, impressions = (pd.read_parquet(tmp_path/f'truth/{name}-00000.parquet') for name in ('users', 'impressions'))
    assert {*users.user_id} == {*events.user_id} and np.allclose(np.stack(users.tastes).sum(1), 1) and {*impressions.user_id} <= {*users.user_id}
    assert_frame_equal(pd.read_parquet(tmp_path/'items.parquet'), simulate_shop(1, **SMALL).log.items, check_dtype=False)


def contents(folder): return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob('*') if path.is_file()}


def test_writing_goes_on_where_it_stopped(tmp_path):
    run = lambda **options: write_shop(tmp_path, 60_000, chunk_users=500, **dict(SMALL, **options))
    facts = run()
    before, stamps = contents(tmp_path), {path.name: path.stat().st_mtime_ns for path in tmp_path.glob('events-*')}
    assert facts['parts'] >= 2 and facts['kept'] == 0 and not [name for name in before if name.split('/')[-1].startswith('.')]
    for lost in ('events-00000.parquet', 'truth/rows-00001.parquet'):
        (tmp_path/lost).unlink()
        again = run()
        assert again == dict(facts, kept=facts['parts'] - 1, written=1) and contents(tmp_path) == before
    assert run() == dict(facts, kept=facts['parts'], written=0)
    last = f"events-{facts['parts'] - 1:05}.parquet"
    if facts['parts'] > 2: assert (tmp_path/last).stat().st_mtime_ns == stamps[last], 'a part that was there is left alone'
    with pytest.raises(InputError, match='made with seed=0, not 1'): run(seed=1)
    with pytest.raises(InputError, match='n_events: is 0'): write_shop(tmp_path, 0)
    assert contents(tmp_path) == before


def test_a_failure_leaves_no_half_file(tmp_path, monkeypatch):
    real = pq.write_table
    def fails(table, path, **options):
        real(table, path, **options)
        if 'events-' in os.fspath(path): raise OSError('the disk is full')
    monkeypatch.setattr(pq, 'write_table', fails)
    with pytest.raises(OSError, match='disk is full'): write_shop(tmp_path, 1000, **SMALL)
    assert not [*tmp_path.glob('*events-*')]
    monkeypatch.setattr(pq, 'write_table', real)
    assert write_shop(tmp_path, 1000, **SMALL)['written'] == 1


def test_nobody_meets_an_item_before_it_is_there():
    shop = simulate_shop(500, days=90, new_items=.5, seed=8)
    first = shop.log.events.groupby('item_id').timestamp.min()
    day = (first - pd.Timestamp('2025-01-01', tz='UTC')).dt.days
    assert .3 < (day > 9).mean() < .6, 'nine tenths of the half that is new come after the first nine days'
    old = simulate_shop(500, days=90, new_items=0, seed=8).log.events.groupby('item_id').timestamp.min()
    assert ((old - pd.Timestamp('2025-01-01', tz='UTC')).dt.days > 9).mean() < .1
