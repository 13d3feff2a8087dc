"The auditor: each planted leak is found by its check and named by its row, and a clean split of any shape is left alone"
from dataclasses import replace
from types import SimpleNamespace
import numpy as np, pandas as pd
import pytest
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from seqrep_nb.core import InputError
from seqrep_nb.events import sort_events, validate_events
from seqrep_nb.histories import Normaliser, build_histories
from seqrep_nb.metrics import Protocol, classification_results, evaluate_lists, evaluate_ranking, pool
from seqrep_nb.split import Split, audit, first_baskets, user_split
from seqrep_nb.tasks import IntentTask, _moment_task, intent_tasks, ranking_task, top_items

DAY, START = pd.Timedelta(days=1), pd.Timestamp('2024-03-01', tz='UTC')
CHECKS = {}


def shop(seed, users=40, items=30, visits=8, spread=8, baskets=True, sessions=False, ties=False, actions=('view', 'cart', 'buy', 'search')):
    "A canonical log of 40 days: each user visits on some of them; popular items come first, the last ones are sold late."
    rng, rows = np.random.default_rng(seed), []
    for user in range(users):
        for day in rng.choice(40, min(2 + rng.poisson(visits - 2), 40), replace=False):
            minute = rng.integers(0, 1200)
            for step in range(rng.integers(1, 6)):
                action = rng.choice(actions)
                item = None if action == 'search' and rng.random() < .5 else f'i{min(rng.geometric(1 / spread), items - 1 if day > 30 else items - 5):02}'
                rows.append((f'u{user:03}', item, action, START + day * DAY + pd.Timedelta(minutes=minute + (0 if ties else step)), f'{user}/{day}', rng.choice([1., 2.5, 9., np.nan])))
    table = pd.DataFrame(rows, columns=['user_id', 'item_id', 'action', 'timestamp', 'visit', 'price'])
    if baskets: table['basket_id'] = table.visit.where(table.action == 'buy') if sessions else table.visit     # some rows in no basket
    if sessions: table['session_id'] = table.visit
    return sort_events(validate_events(table.drop(columns='visit'))[0].drop_duplicates())


def enough(log, counted, least):
    "The rows of items, or users, with at least so many rows in `counted`."
    for column, k in least.items(): log = log[log[column].isna() | (log[column].map(counted[column].value_counts()).fillna(0) >= k)]
    return log.reset_index(drop=True)


def honest(seed, least=None, stated=True, **shape):
    "Everything that the auditor can look at, made as it should be."
    raw, rng = shop(seed, **shape), np.random.default_rng(seed)
    day = START + rng.integers(22, 33) * DAY                                       # midnight: nobody shops
    cut = raw.timestamp[raw.timestamp >= day].min() if seed % 2 else day           # or the very moment of a row
    past = raw[raw.timestamp < cut]
    split = Split(cut, enough(past, past, least or {}), enough(raw[raw.timestamp >= cut], past, least or {}))
    task = ranking_task(split, top_items(split.train, 20))
    earlier = intent_tasks(raw[raw.timestamp < cut], [cut - 12 * DAY, cut - 7 * DAY], days=7) if raw.user_id.nunique() > 1 else []
    lines = (split.train.action + ' ' + split.train.item_id.fillna('')).groupby(split.train.user_id).agg(' '.join)
    popular = np.tile(-np.arange(len(task.histories.item_ids), dtype='float32'), (len(task.histories), 1))
    return dict(train=split.train, test=split.test, cut=cut, vocabulary=split.train.item_id.unique(), fitted=[StandardScaler, MinMaxScaler][seed % 2]().fit(split.train[['price']]),
                raw=raw, support=(least or {}) if stated else None, histories=[task, *earlier], targets=first_baskets(split), candidates=task.histories.item_ids,
                results=[r for view in ('all', 'new') if task.view(view)[0].nnz for r in evaluate_ranking('popularity', popular, task, view)],
                texts=lines, labels=lines.index.isin(split.test.user_id[split.test.action == split.test.action.iloc[0]]).astype(int))


SHAPES = [dict(), dict(least=dict(item_id=6)), dict(least=dict(user_id=15, item_id=4), stated=False), dict(baskets=False), dict(baskets=False, ties=True), dict(ties=True), dict(sessions=True), dict(baskets=False, sessions=True),
          dict(users=1, items=8, visits=25, actions=('buy',)), dict(users=300, least=dict(item_id=40), stated=False), dict(actions=('buy',)), dict(actions=('view',), sessions=True), dict(actions=('search', 'view', 'cart', 'remove', 'buy', 'wish', 'gift')), dict(items=120, least=dict(item_id=3), stated=False)]


@pytest.mark.parametrize('seed', range(28))
def test_a_clean_split_is_left_alone(seed):
    parts = honest(seed, **SHAPES[seed % len(SHAPES)])
    found = audit(**parts)
    assert found.passed and found.rows == {}, found.table.query('not passed').to_string()
    assert len(found.findings) == 18 and (found.table['count'] == 0).all() and (found.table.way_out == '').all()
    dealt = user_split(parts['raw'], .4)
    if not len(dealt.train) or not len(dealt.test): return
    train, test = (enough(side, dealt.train, dict(item_id=3)) for side in (dealt.train, dealt.test))
    found = audit(train, test, vocabulary=train.item_id.unique(), fitted=dict(price=(train.price.mean(), train.price.std())), kind='user', raw=parts['raw'], support=dict(item_id=3))
    assert found.passed and len(found.findings) == 7, found.table.query('not passed').to_string()


def plant(check):
    def keep(make):
        CHECKS[make.__name__] = check, make
        return make
    return keep


def joined(*tables): return sort_events(pd.concat(tables, ignore_index=True))
def one(table, seed=3): return table.sample(1, random_state=seed)


@plant('train ends before the cut')
def a_row_from_after_the_cut(p):
    row = one(p['test'])
    return dict(train=joined(p['train'], row), test=p['test'].drop(row.index)), row

@plant('test begins at the cut')
def a_test_row_from_before_the_cut(p):
    row = one(p['train'])
    return dict(train=p['train'].drop(row.index), test=joined(p['test'], row)), row

@plant('the moment of the cut is in test')
def a_tie_at_the_cut_on_the_wrong_side(p):
    cut = p['test'].timestamp.min()
    tied = p['test'].timestamp == cut
    return dict(cut=cut, train=joined(p['train'], p['test'][tied].head(1).assign(user_id='u000'))), p['test'][tied].head(1).assign(user_id='u000')

@plant('no row is in both')
def a_row_in_both(p):
    row = one(p['test'])
    return dict(train=joined(p['train'], row)), row

@plant('no basket is torn')
def half_of_a_basket(p):
    row = one(p['train'])
    return dict(test=joined(p['test'], row.assign(timestamp=p['cut'] + DAY))), row[['user_id']].assign(basket=row.basket_id)

@plant('rows are in canonical order')
def two_tied_rows_swapped(p):
    train = p['train']
    at = np.flatnonzero(train.duplicated(['user_id', 'timestamp']).to_numpy())[0]
    order = np.arange(len(train)); order[[at - 1, at]] = at, at - 1
    return dict(train=train.iloc[order].reset_index(drop=True)), train.iloc[[at]]

@plant('the order of ties carries no news')
def what_comes_again_stands_first(p):
    train, pair = p['train'], ['user_id', 'item_id']
    again = pd.MultiIndex.from_frame(train[pair]).isin(pd.MultiIndex.from_frame(p['test'][pair]))
    moment = train.groupby(['user_id', 'timestamp'], sort=False).ngroup().to_numpy()
    mixed = pd.Series(again).groupby(moment).transform('nunique').to_numpy() > 1
    return dict(train=train.iloc[np.lexsort([~again, moment])].reset_index(drop=True)), train[again & mixed].head(1)

@plant('no user is on both sides')
def a_user_on_both_sides(p):
    dealt = user_split(p['raw'])
    row = one(dealt.test)
    return dict(kind='user', train=joined(dealt.train, row), test=dealt.test.drop(row.index)), row[['user_id']]

@plant('vocabulary is from train')
def an_item_of_the_future_in_the_vocabulary(p):
    future = [*set(p['test'].item_id.dropna()) - set(p['train'].item_id), 'never sold'][:1]
    return dict(vocabulary=[*p['vocabulary'], *future]), pd.DataFrame(dict(item_id=future))

@plant('statistics are from train')
def mean_and_deviation_of_the_whole_log(p):
    both = pd.concat([p['train'], p['test']]).price
    return dict(fitted=dict(price=(both.mean(), both.std()))), pd.DataFrame(dict(column=['price'], fitted_on='train and test'))

@plant('statistics are from train')
def the_largest_value_is_of_the_test(p):
    row = one(p['test']).assign(price=99.)
    test = p['test'].assign(price=p['test'].price.mask(p['test'].index == row.index[0], 99.))
    return dict(test=test, fitted=dict(price=dict(min=1., max=99.))), row[['user_id', 'item_id', 'timestamp']]

def filtered_first(p, **more):
    whole, k = p['raw'], 9
    parts = {side: enough(whole[(whole.timestamp < p['cut']) == (side == 'train')], whole, dict(item_id=k)) for side in ('train', 'test')}
    before, total = parts['train'].item_id.value_counts(), whole.item_id.value_counts()
    rescued = [i for i in before.index if before[i] < k <= total[i]]
    assert rescued
    return parts | more, pd.DataFrame(dict(value=rescued[:1], column='item_id'))

@plant('support is counted in train')
def items_counted_before_the_split(p): return filtered_first(p, support=dict(item_id=9))

@plant('support is counted in train')
def items_counted_before_the_split_by_an_unknown_threshold(p): return filtered_first(p, support=None)

@plant('support is counted in train')
def items_counted_before_users_were_dealt(p):
    dealt, kept = user_split(p['raw'], .4), user_split(enough(p['raw'], p['raw'], dict(item_id=9)), .4)
    before = dealt.train.item_id.value_counts()
    return dict(train=kept.train, test=kept.test, kind='user', support=dict(item_id=9)), pd.DataFrame(dict(value=[i for i in before.index if before[i] < 9 and i in set(kept.train.item_id)][:1]))

@plant('histories end before their moment')
def an_event_of_the_future_in_a_history(p):
    row = one(p['test'][p['test'].item_id.isin(p['train'].item_id)])
    return dict(histories=build_histories(joined(p['train'], row))), row[['user_id', 'item_id', 'timestamp']]

@plant('histories end before their moment')
def an_answer_in_an_earlier_history(p):
    row = p['train'][p['train'].timestamp >= p['cut'] - 5 * DAY].head(1)
    late = IntentTask(build_histories(p['train']), None, p['cut'] - 8 * DAY, 7)
    return dict(histories=[p['histories'][0], late]), row[['user_id', 'timestamp']]

@plant('histories hold no future item')
def an_item_of_the_future_in_a_history(p):
    new = one(p['test']).assign(item_id='tomorrow')
    early = new.assign(timestamp=p['train'].timestamp.max())
    return dict(test=joined(p['test'], new), histories=build_histories(joined(p['train'], early))), early[['user_id', 'item_id']]

@plant('answers are known before the cut')
def a_window_that_reaches_into_the_test(p):
    open_ = IntentTask(build_histories(p['train'][p['train'].timestamp < p['cut'] - 3 * DAY]), None, p['cut'] - 3 * DAY, 7)
    return dict(histories=[*p['histories'], open_]), pd.DataFrame(dict(asked_at=[open_.cut]))

@plant('no target is in the input')
def the_target_in_its_own_history(p):
    row = one(p['targets'])
    return dict(histories=build_histories(joined(p['train'], row))), row[['user_id', 'item_id', 'timestamp']]

@plant('each user is asked once')
def a_target_counted_twice(p):
    row = one(p['targets'])
    return dict(targets=pd.concat([p['targets'], row])), row[['user_id', 'item_id', 'timestamp']]

@plant('each user is asked once')
def a_second_basket_of_a_user(p):
    later = p['test'].merge(p['targets'][['user_id', 'basket_id']].drop_duplicates(), on='user_id', suffixes=('', '_asked')).query('basket_id != basket_id_asked')
    row = one(later)[[*p['targets']]]
    return dict(targets=pd.concat([p['targets'], row], ignore_index=True)), row[['user_id', 'item_id', 'timestamp']]

@plant('each user is asked once')
def a_user_in_the_mean_twice(p):
    result = p['results'][0]
    twice = SimpleNamespace(**{**vars(result), 'per_user': np.append(result.per_user, result.per_user[2])})
    return dict(results=[twice]), pd.DataFrame(dict(user_id=result.per_user[2:3], metric=result.metric))

@plant('candidates are not ordered by their label')
def targets_first_among_the_candidates(p):
    ids, train = top_items(p['train'], 1000), p['train']
    wanted = np.isin(ids.astype(str), p['targets'].item_id.unique()[:8].astype(str))
    return dict(candidates=ids[np.argsort(~wanted, kind='stable')], targets=p['targets'][p['targets'].item_id.isin(ids[wanted])], results=None), pd.DataFrame(dict(item_id=ids[wanted][:1]))

@plant('candidates are not ordered by their label')
def the_target_first_and_then_drawn_items(p):
    lists = []
    for user, rows in p['targets'].groupby('user_id'):
        own = rows.item_id.unique()
        lists += [(user, item) for item in [*own, *[i for i in p['vocabulary'] if i == i and i not in own][:10]]]
    return dict(candidates=pd.DataFrame(lists, columns=['user_id', 'item_id'])), p['targets'][['user_id', 'item_id']].head(1)

@plant('metrics are not sampled')
def one_target_against_a_few_drawn_items(p):
    protocol = SimpleNamespace(**{**vars(p['results'][0].protocol), 'candidates': '6 items: the target and 5 drawn'})
    drawn = SimpleNamespace(**{**vars(p['results'][0]), 'protocol': protocol, 'model': 'lucky'})
    return dict(results=[*p['results'], drawn]), pd.DataFrame(dict(model=['lucky'], candidates=protocol.candidates))

@plant('metrics are not sampled')
def half_of_the_catalogue(p):
    protocol = SimpleNamespace(**{**vars(p['results'][0].protocol), 'candidates': f'{len(p["candidates"]) // 2} items, full ranking'})
    return dict(results=SimpleNamespace(**{**vars(p['results'][0]), 'protocol': protocol})), pd.DataFrame(dict(candidates=[protocol.candidates]))

@plant('no word of the text is the label')
def the_label_is_read_off_the_line(p):
    lines = [*p['texts']] * 3
    lines = [line + ' bought' if i % 3 == 0 else line for i, line in enumerate(lines)]
    return dict(texts=lines, labels=['bought' in line for line in lines]), pd.DataFrame(dict(word=['bought'], row=0))

@plant('no word of the text is the label')
def the_label_is_nearly_a_word_and_one_of_three(p):
    lines, label = [*p['texts']] * 5, np.resize(['like', 'dislike', 'neither'], 5 * len(p['texts']))
    lines = [line + ' returned' * (y == 'dislike' and i not in (1, 4)) for i, (line, y) in enumerate(zip(lines, label))]
    return dict(texts=lines, labels=label), pd.DataFrame(dict(word=['returned'], label='dislike', row=7))


@pytest.mark.parametrize('leak', CHECKS)
@pytest.mark.parametrize('log', [(2, dict(users=90, items=300, spread=70, ties=True, actions=('buy', 'view'))), (1, dict(users=90, items=400, spread=80, ties=True, actions=('buy',)))], ids=['shop', 'purchases'])
def test_a_planted_leak_is_found_and_named(leak, log):
    check, make = CHECKS[leak]
    parts = honest(*log[:1], **log[1])
    changed, planted = make(parts)
    found = audit(**parts | changed)
    assert check in found.rows, found.table.query('not passed').to_string()
    shared = [*set(planted) & set(found[check])]
    assert shared and len(planted[shared].merge(found[check], on=shared)), (planted, found[check])
    line = found.table.set_index('check').loc[check]
    assert not line.passed and line['count'] == len(found[check]) and line.example and line.way_out


def test_every_check_has_its_leak():
    everything = {f.check for f in audit(**honest(0)).findings} | {f.check for f in audit(*[honest(0)[side] for side in ('train', 'test')], kind='user').findings}
    assert everything == {check for check, _ in CHECKS.values()} and len(CHECKS) >= 16


def test_the_moment_of_the_cut_belongs_to_the_test():
    p = honest(2, ties=True)
    at = one(p['test'][p['test'].item_id.notna()]).assign(timestamp=p['cut'], basket_id='new', item_id='new')
    test = joined(p['test'], at)
    assert audit(p['train'], test, p['cut']).passed
    found = audit(joined(p['train'], at), test, p['cut'], histories=build_histories(joined(p['train'], at)))
    for check in ('train ends before the cut', 'the moment of the cut is in test', 'histories end before their moment', 'histories hold no future item'): assert found[check].item_id.tolist() == ['new'], check


def test_an_order_that_training_explains_is_no_leak():
    p = honest(1, users=90, items=400, spread=80, actions=('buy',))
    ids = top_items(p['train'], 400)
    best = p['targets'].assign(item_id=np.resize(ids[:12], len(p['targets'])))[['user_id', 'item_id']]     # what sells best is what is asked for
    judged = lambda candidates: audit(p['train'], p['test'], p['cut'], targets=best, candidates=candidates)['candidates are not ordered by their label']
    assert len(judged(ids)) == 0 and len(judged(np.sort(ids))) == 0
    assert len(judged([*ids[:12], *ids[:11:-1]])) == 12                      # the same in front of an order that no count explains
    rng = np.random.default_rng(0)
    asked = p['targets'].assign(item_id=np.resize(ids[rng.permutation(len(ids))[:90]], len(p['targets'])))[['user_id', 'item_id']]
    known = np.argsort(rng.normal(size=len(ids)) - 1.2 * np.isin(ids, asked.item_id))
    assert len(audit(p['train'], p['test'], p['cut'], targets=asked, candidates=ids[known])['candidates are not ordered by their label']) == 0, 'a good guess is no leak'


def test_a_strong_word_and_few_lines_are_no_proof():
    p, rng = honest(0), np.random.default_rng(0)
    y = rng.random(400) < .5
    judged = lambda texts, labels: audit(p['train'], p['test'], p['cut'], texts=texts, labels=labels)['no word of the text is the label'].word.tolist()
    strong = ['cart mug' if a else 'mug' for a in y ^ (rng.random(400) < .15)]
    assert np.corrcoef(y, ['cart' in line for line in strong])[0, 1] > .6 and judged(strong, y) == []
    sure = ['cart mug' if a else 'mug' for a in y]
    assert judged(sure, y) == ['cart'] and judged(sure[:14], y[:14]) == []
    both = pd.DataFrame(dict(returns=rng.random(400) < .5, buys=~y))             # several labels; the word is the opposite of one
    rows = audit(p['train'], p['test'], p['cut'], texts=sure, labels=both)['no word of the text is the label']
    assert rows[['word', 'label', 'correlation']].values.tolist() == [['cart', 'buys', -1.]]


# Questions with a moment each

def moments(p, days=4):
    "Every user asked every third day, by the log's own rows; the window is `days` long."
    asked = pd.DataFrame([(user, START + day * DAY) for user in p['raw'].user_id.unique() for day in range(6, 40, 3)], columns=['user_id', 'timestamp'])
    return _moment_task(p['raw'], asked, asked.timestamp + days * DAY, np.arange(len(asked)) % 2, None)


@pytest.mark.parametrize('seed', range(4))
def test_rows_with_a_moment_each_are_judged_by_it(seed):
    p, names = honest(seed), ['histories end before their moment', 'histories hold no future item', 'answers are known before the cut', 'no target is in the input']
    task, cut = moments(p), p['cut'].value // 1000
    judged = lambda *given: {name: len(audit(p['train'], p['test'], p['cut'], histories=list(given), targets=p['targets'])[name]) for name in names}
    train, test = task.split(p['cut'])
    assert len(train) and len(test) and test.histories.timestamps.max() >= cut
    assert not any(judged(train, test, p['histories'][0]).values())
    early = task.take(task.now < cut)                                             # asked before the cut, but some windows close after it
    assert judged(early) == dict.fromkeys(names, 0) | {names[2]: (early.closes > cut).sum()} and (early.closes > cut).any()
    late = SimpleNamespace(histories=test.whole.take(test.users), now=test.now, closes=test.closes)     # with all that came later
    assert judged(late)[names[0]] == (late.histories.timestamps >= late.now[late.histories.users]).sum() > 0


def test_several_rows_of_a_user_may_be_meant():
    p = honest(0)
    twice = lambda *results: audit(p['train'], p['test'], p['cut'], results=list(results))['each user is asked once']
    one = p['results'][0]
    other = replace(one, protocol=replace(one.protocol, cut='2024-03-20'))
    pooled = pool([one, other])
    assert len(twice(pooled)) == 0
    assert twice(replace(pooled, per_user=np.append(pooled.per_user, one.per_user[2]))).user_id.tolist() == [one.per_user[2]]     # at two cuts, three times
    assert len(twice(pool([one, one]))) == len(one.per_user), 'one cut twice is no second question'
    asked = classification_results('m', [0, 1, 0, 1], [.1, .8, .4, .3], Protocol('log', 'click', '2024-03-20', users=2), per_user=['u000', 'u000', 'u001', 'u001'])
    assert len(twice(*asked)) == 0
    task = p['histories'][0]
    lists = evaluate_lists('m', np.tile(-np.arange(len(task.histories.item_ids), dtype='float32'), (len(task.histories), 1)), task, k=2)[0]     # (n, 2) too, but of a ranking
    assert len(twice(lists)) == 0 and len(twice(replace(lists, per_user=lists.per_user[[0, *range(len(lists.per_user))]]))) == 1


# What was fitted

def fits(p, fitted): return audit(p['train'], p['test'], p['cut'], fitted=fitted)['statistics are from train']


def test_a_normaliser_is_read():
    p = honest(1)
    both = pd.concat([p['train'], p['test']])
    for method in ('z-score', 'min-max'):
        assert len(fits(p, Normaliser(method, columns=['price']).fit(p['train']))) == 0
        assert fits(p, Normaliser(method, columns=['price']).fit(both))[['column', 'fitted_on']].values.tolist() == [['price', 'train and test']]


@pytest.mark.parametrize('fitted, why', [(StandardScaler().fit(np.ones((3, 1))), 'is a StandardScaler that knows no names of columns; fit it on a table'), (Normaliser(), 'is a Normaliser that knows no names'), (5., 'is a float'),
    (dict(price=5.), "column 'price' is 5.0; give .mean, std"), (dict(price='ab'), "'price' is 'ab'"), (dict(price=(1, 2, 3)), r'is \(1, 2, 3\)'), (dict(price=(1, None)), 'None'), (dict(price=dict(mean='x')), "'x'"), (dict(price=None), 'is None')])
def test_what_is_no_fit_is_refused(fitted, why):
    with pytest.raises(InputError, match=f'fitted: .*{why}'): fits(honest(1), fitted)


def test_statistics_of_float32_histories_are_trainings_own():
    p = honest(1)
    near = {side: p[side].assign(price=np.where(np.arange(len(p[side])) % 2, 9999.98, 9999.99) + add) for side, add in (('train', 0), ('test', .01))}
    learned = Normaliser(columns=['prices']).fit(build_histories(near['train']).numbers()).fitted_['prices']
    assert learned[1] != pytest.approx(near['train'].price.std(ddof=0), rel=1e-3)     # what float32 makes of it
    assert len(fits(p | near, dict(price=learned))) == 0
    both = Normaliser(columns=['prices']).fit(build_histories(pd.concat([*near.values()])).numbers()).fitted_['prices']
    assert fits(p | near, dict(price=both)).fitted_on.tolist() == ['train and test']
