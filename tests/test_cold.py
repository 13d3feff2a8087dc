"Items that nobody has met: what cannot be shown in a chapter of one log."
from copy import copy
from dataclasses import replace

import numpy as np, pandas as pd, pytest, scipy.sparse as sp

from common import without_transformer
from seqrep_nb.cold import ColdFeatures, ColdRanker, item_groups, per_text, text_scores
from seqrep_nb.core import InputError
from seqrep_nb.events import Log
from seqrep_nb.metrics import evaluate_ranking
from seqrep_nb.model import BehaviourPipeline, file_sums, load_model
from seqrep_nb.split import temporal_split
from seqrep_nb.stack import LearnedBlend
from seqrep_nb.tasks import cold_task


def shop(seed=0, users=60, days=240):
    "A synthetic log of two kinds of items: one that brings a new number every week, one that never does; half of the users buy the one, half the other, all as often."
    rng, rows = np.random.default_rng(seed), []
    for day in range(0, days, 3):
        for u in range(users):
            kind = 'news' if u % 2 else 'staple'
            number = day // 7 if kind == 'news' and rng.random() < .7 else rng.integers(3)
            rows.append((f'u{u:02}', f'{kind} {number:03}', day))
        if day > 200 and day % 9 == 0: rows.append((f'u{rng.integers(users):02}', f'staple {100 + day:03}', day))          # now and then a new staple, to whomever
    events = pd.DataFrame(rows, columns=['user_id', 'item_id', 'day'])
    events['timestamp'] = (pd.Timestamp('2024-01-01', tz='UTC') + pd.to_timedelta(events.pop('day'), 'D')).dt.as_unit('us')
    events = events.assign(action='buy')
    items = pd.DataFrame(dict(item_id=events.item_id.unique())).assign(text=lambda t: t.item_id.str.split(' ').str[0], brand='one')
    return events, items


@pytest.fixture(scope='module')
def asked():
    events, items = shop()
    moments = [pd.Timestamp('2024-01-01', tz='UTC') + pd.Timedelta(days=d) for d in (120, 148, 176, 204)]
    *lessons, task = [cold_task(temporal_split(events, m), 28) for m in moments]
    return items, lessons, task


def quality(scores, task): return evaluate_ranking('r', scores, task, 'cold')[0]


def test_news_go_to_those_who_buy_news(asked):
    items, lessons, task = asked
    f = ColdFeatures(task, item_groups(items, task.histories.item_ids))
    about = f.of_group('text').set_index(pd.Index(items.set_index('item_id').text.reindex(task.histories.item_ids).unique()))
    share = about.news / about.pairs
    assert share['news'] > 5 * share['staple']
    rate, buys_news = f.rate('text'), np.array([int(u[1:]) % 2 == 1 for u in task.histories.user_ids])
    fresh = np.array([task.histories.item_ids[c].startswith('news') for c in task.candidates])
    assert rate[buys_news][:, fresh].min() > rate[~buys_news].max()
    trees = ColdRanker(items, size='small').fit(lessons)
    likeness = (fresh[None] == buys_news[:, None]).astype('float32')
    assert quality(trees.score(task), task).value >= .9 * quality(likeness, task).value > 0


def test_nothing_of_the_future_is_read(asked):
    "What comes after the cut changes neither rate nor trees' scores; only who is a candidate is given."
    items, lessons, task = asked
    blind = replace(task, relevant=sp.csr_matrix(task.relevant.shape, dtype='float32'))
    trees = ColdRanker(items, size='small').fit(lessons)
    assert np.array_equal(trees.score(task), trees.score(blind))


def test_without_lessons_the_finest_rate_ranks(asked):
    items, _, task = asked
    plain, groups = ColdRanker(items).fit([]), item_groups(items, task.histories.item_ids)
    assert plain.trees_ is None and list(groups) == ['text', 'brand']
    assert np.array_equal(plain.score(task), ColdFeatures(task, groups).rate('text'))


def test_without_answers_there_are_no_trees(asked):
    items, lessons, task = asked
    empty = [replace(t, relevant=sp.csr_matrix(t.relevant.shape, dtype='float32')) for t in lessons]
    ranker = ColdRanker(items).fit(empty)
    assert ranker.trees_ is None and np.isfinite(ranker.score(task)).all()


@pytest.mark.parametrize('column, values', [('size', [1, 2, 2]), ('code', ['a', 'b', 'c']), ('empty', [None] * 3)])
def test_columns_that_tell_nothing(column, values):
    "Numbers, ids and empty columns are no groups."
    with pytest.raises(InputError, match='no column in which two items share a value'): item_groups(pd.DataFrame({'item_id': list('xyz'), column: values}), list('xyz'))


def test_unknown_values_and_items_have_no_group():
    found = item_groups(pd.DataFrame(dict(item_id=list('xyz'), text=['tea', 'tea', ''])), list('zyxw'))
    assert found['text'].tolist() == [-1, 0, 0, -1]
    with pytest.raises(InputError, match='item_id'): item_groups(pd.DataFrame(dict(text=['a', 'a'])), ['x'])


def test_text_scores_by_a_loop(asked):
    _, _, task = asked
    rng, texts = np.random.default_rng(0), task.histories.item_ids
    vectors = rng.normal(size=(len(texts), 5)).astype('float32')
    said, unit = text_scores(task, texts, vectors), vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for u in (0, 7, 31):
        own = unit[np.unique(task.histories.items[task.histories.offsets[u]:task.histories.offsets[u + 1]])]
        new, mean = unit[task.candidates], own.mean(0) / np.linalg.norm(own.mean(0))
        assert np.allclose(said['nearest'][u], (own @ new.T).max(0), atol=1e-5) and np.allclose(said['profile'][u], mean @ new.T, atol=1e-5)
    with pytest.raises(InputError, match='vectors: are 1'): text_scores(task, texts, vectors[:1])


def test_texts_by_a_loop(asked):
    _, _, task = asked
    texts, scores = [i[:-1] for i in task.histories.item_ids], np.random.default_rng(1).random(task.relevant.shape).astype('float32')
    one, best = per_text(task, texts, scores)
    names = [texts[c] for c in one.candidates]
    assert len(set(names)) == len(names)
    for column, name in enumerate(names):
        of = [j for j, c in enumerate(task.candidates) if texts[c] == name]
        assert np.array_equal(best[:, column], scores[:, of].max(1)) and np.array_equal(one.relevant[:, [column]].toarray().ravel(), task.relevant[:, of].toarray().max(1))


# What a fitted pipeline says of new items

KINDS = 'tea', 'jam', 'soap', 'rope'


def growing(seed=0, users=60, days=150):
    "A synthetic log whose four categories bring a new item each week; each user buys in one of them, mostly what is new."
    rng, rows = np.random.default_rng(seed), []
    for day in range(0, days, 2):
        for u in range(users):
            week = day // 7
            rows.append((f'u{u:02}', f'{KINDS[u % 4]} {week if rng.random() < .7 else rng.integers(week + 1):02}', day))
    events = pd.DataFrame(rows, columns=['user_id', 'item_id', 'day'])
    events['timestamp'] = (pd.Timestamp('2024-01-01', tz='UTC') + pd.to_timedelta(events.pop('day'), 'D')).dt.as_unit('us')
    return events.assign(action='buy'), catalogue(events.item_id.unique())


def catalogue(ids): return pd.DataFrame(dict(item_id=ids)).assign(category=lambda t: t.item_id.str.split(' ').str[0])


def tomorrow(first=90, n=5): return catalogue([f'{kind} {number}' for number in range(first, first + n) for kind in KINDS])


def fit(events, items, **settings):
    "Without transformer and learned blend, whose trainings take a minute and say nothing of new items."
    with pytest.MonkeyPatch.context() as patched:
        without_transformer(patched)
        patched.setattr(BehaviourPipeline, '_take_lessons', lambda self, some, tasks: {})
        return BehaviourPipeline(**settings).fit(Log('growing', events, items))


@pytest.fixture(scope='module')
def fitted():
    events, items = growing()
    return fit(events, items), events, items


def own_kind(lists): return lists.item_id.str.split(' ').str[0] == lists.user_id.str[1:].astype(int).map(lambda u: KINDS[u % 4])


def test_new_items_go_to_those_whose_category_they_are_of(fitted):
    pipeline, events, items = fitted
    both = pd.concat([items, tomorrow()])
    lists = pipeline.recommend_new(pipeline.histories_, both, k=8)
    assert lists.groupby('user_id')['rank'].apply(list).tolist() == [[*range(1, 9)]] * 60 and not lists.item_id.isin(events.item_id).any()
    assert own_kind(lists[lists['rank'] <= 5]).all() and not own_kind(lists[lists['rank'] > 5]).any()
    report = pipeline.report()['cold']
    assert report['held_rate'] > .5 and report['lessons'] > 2 and report['used'] == (report['held_trees'] > report['held_rate']) == (pipeline.cold_['trees'] is not None)


@pytest.mark.parametrize('trees', [True, False])
def test_a_list_hangs_on_nothing_but_the_model_and_the_history(fitted, tmp_path, trees):
    "Saved and loaded, row by row, from an unordered table with rows twice: the same lists; with trees, with the rate alone, and from a folder that has neither."
    pipeline, events, items = copy(fitted[0]), *fitted[1:]
    lessons, notes = pipeline._cold_lessons(ColdRanker(items), events, events.item_id.map(events.groupby('item_id').timestamp.min()), pipeline._tasks(events))
    pipeline.cold_ = pipeline.cold_ | dict(trees=LearnedBlend('small').fit(lessons).to_dict() if trees else None)
    asked, items = pipeline.histories_of([*pipeline.histories_.user_ids[:9], 'a stranger']), tomorrow()
    lists = pipeline.recommend_new(asked, items)
    pipeline.save(tmp_path/'model')
    assert (tmp_path/'model'/'learned-cold.json').exists()
    loaded = load_model(tmp_path/'model')
    assert loaded.recommend_new(asked, items).equals(lists) and loaded.report()['cold'] == pipeline.report()['cold']
    assert pipeline.recommend_new(asked, pd.concat([items, items]).sample(frac=1, random_state=0)).equals(lists)
    assert pd.concat([pipeline.recommend_new(asked.take([n]), items) for n in range(10)], ignore_index=True).equals(lists)
    assert own_kind(lists[(lists['rank'] <= 5) & (lists.user_id != 'a stranger')]).all() and len(lists) == 100
    (tmp_path/'model'/'learned-cold.json').unlink()
    (tmp_path/'model'/'SHA256SUMS').write_text(file_sums(tmp_path/'model'))
    older = load_model(tmp_path/'model')
    plain = older.recommend_new(asked, items)
    assert older.report()['cold'] == {} and (trees or plain.equals(lists)) and own_kind(plain[(plain['rank'] <= 5) & (plain.user_id != 'a stranger')]).all()


def test_a_stranger_gets_the_news_of_the_category_that_sells_most(fitted):
    pipeline, events, items = fitted
    more = pd.concat([events, events[events.user_id.isin(['u02', 'u06'])].assign(user_id=lambda t: t.user_id + 'b')], ignore_index=True)       # 'soap' has two buyers more
    strangers = fit(more, items, budget=.001)
    lists = strangers.recommend_new(strangers.histories_of(['a stranger', 'another']), tomorrow(), k=5)
    assert lists.item_id.tolist() == [f'soap {n}' for n in range(90, 95)] * 2 and (lists.score > 0).all()
    assert strangers.cold_['trees'] is None and any('new items: no time for trees' in note for note in strangers.notes_)


def test_later_events_move_a_list(fitted):
    pipeline, events, _ = fitted
    later = pd.DataFrame(dict(user_id='u00', item_id=[f'jam {n:02}' for n in range(20)] * 4, action='buy', timestamp=events.timestamp.max() + pd.to_timedelta(np.arange(80), 'h')))
    h = pipeline.extended(later)
    before, after = (pipeline.recommend_new(histories, tomorrow(), k=5, now=now) for histories, now in ((pipeline.histories_of(['u00']), None), (h, int(later.timestamp.max().value // 1000))))
    assert before.item_id.str.startswith('tea').all() and after.item_id.str.startswith('jam').all()


def test_what_cannot_be_ranked_is_refused(fitted):
    pipeline, events, items = fitted
    for table, says in ((items, 'no item that is new'), (tomorrow().drop(columns='category'), "column 'category' is missing"), (tomorrow().drop(columns='item_id'), "column 'item_id' is missing")):
        with pytest.raises(InputError, match=says): pipeline.recommend_new(pipeline.histories_, table)
    for without in (None, items.drop(columns='category'), items.assign(category=items.item_id)):
        with pytest.raises(InputError, match='fit again with an items table'):
            fit(events.head(500), without).recommend_new(pipeline.histories_, tomorrow())


def test_odd_items_and_nobody(fitted):
    "A category that nobody met, none at all, more than there are; no user."
    pipeline, *_ = fitted
    odd = pd.concat([tomorrow(), pd.DataFrame(dict(item_id=['x', 'y', 'z'], category=['unheard of', None, '']))])
    lists = pipeline.recommend_new(pipeline.histories_, odd, k=99)
    assert (lists.groupby('user_id').size() == 23).all() and np.isfinite(lists.score).all()
    assert lists[lists['rank'] <= 5].pipe(own_kind).all() and set(lists.item_id[lists['rank'] > 20]) == set('xyz')
    assert pipeline.recommend_new(pipeline.histories_.take([]), odd).empty


def test_a_catalogue_without_the_column_that_all_items_have(fitted):
    "What is met most often has no category: everybody gets what brings most news."
    _, events, items = fitted
    plain = pd.DataFrame(dict(user_id=np.repeat(events.user_id.unique(), 40), item_id=[f'bag {n % 4}' for n in range(40)] * 60, action='buy', timestamp=events.timestamp.min() + pd.to_timedelta(np.tile(np.arange(40), 60), 'D')))
    pipeline = fit(pd.concat([events, plain], ignore_index=True), items, max_items=4)
    lists = pipeline.recommend_new(pipeline.histories_, tomorrow(), k=5)
    assert list(pipeline.items_) == ['item_id'] and lists.groupby('user_id').item_id.apply(tuple).nunique() == 1 and (lists.score > 0).all()
    assert pipeline.explain_new(lists, pipeline.histories_, tomorrow()).reason.str.contains('of all that is bought').all()


def test_reasons_of_new_items_are_counted_again(fitted):
    pipeline, events, _ = fitted
    asked = pipeline.histories_of(['u00', 'u01', 'a stranger', 'u00'])
    lists = pipeline.recommend_new(asked, tomorrow(), k=7)
    why = pipeline.explain_new(lists, asked, tomorrow())
    assert why[list(lists)].equals(lists)
    bought = events.assign(kind=events.item_id.str.split(' ').str[0]).groupby(['user_id', 'kind']).timestamp.nunique()
    for row in why[(why['rank'] <= 5) & (why.user_id != 'a stranger')].itertuples():
        kind = row.item_id.split(' ')[0]
        assert row.reason.startswith(f'category “{kind}”: bought {bought[row.user_id, kind]} times, last ') and row.reason.endswith('% of it was new lately')
    assert why.reason[why.user_id == 'a stranger'].str.contains(r'of all that is bought; \d+%').all()


def test_the_newest_answers_reach_no_lesson_that_they_judge(fitted):
    "Who meets what after the newest cut is exchanged: the earlier lessons stay, to the last number; the newest one does not."
    events, items = fitted[1:]
    tasks = fitted[0]._tasks(events)
    late, other = events.timestamp >= tasks[-1][0].cut, events.copy()
    other.loc[late, 'item_id'] = np.random.default_rng(0).permutation(events.item_id[late].to_numpy())
    found = []
    for table in (events, other):
        pipeline = BehaviourPipeline()
        pipeline._begin(Log('growing', table, items), None, None)
        pipeline._catalogue(Log('growing', table, items), table, None)
        found.append(pipeline._cold_lessons(ColdRanker(items), table, table.item_id.map(table.groupby('item_id').timestamp.min()), tasks)[0])
    one, two = found
    assert len(one) == len(two) == 5
    for a, b in zip(one[:-1], two[:-1]): assert a.X.equals(b.X) and np.array_equal(a.y, b.y) and np.array_equal(a.items, b.items) and a.y.any()
    assert one[-1].X.equals(two[-1].X) and not np.array_equal(one[-1].y, two[-1].y)


def test_of_a_log_with_more_items_than_the_catalogue_news_is_counted_over_all(fitted):
    "The catalogue keeps sixty items of ninety; a category whose news never enters it brings news all the same."
    events, items = fitted[1:]
    pipeline = fit(events, items, max_items=60)
    lists = pipeline.recommend_new(pipeline.histories_, tomorrow(), k=5)
    assert pipeline.cold_['groups'] == fitted[0].cold_['groups'] and len(pipeline.item_ids_) == 60
    assert own_kind(lists).all() and pipeline.report()['cold']['lessons'] > 2
