"Reasons that `explain` tells are true: counted again from the log, ranker by ranker, for whoever asks and whenever"
import re
import numpy as np, pandas as pd, pytest
from functools import partial
from common import without_transformer
from seqrep_nb import model as m
from seqrep_nb.core import InputError
from seqrep_nb.events import Log
from seqrep_nb.model import BehaviourPipeline
from seqrep_nb.stack import LearnedBlend

START = pd.Timestamp('2024-01-01 10:00', tz='UTC')


def table(rows): return pd.DataFrame(rows, columns=['user_id', 'item_id', 'action', 'timestamp'])


@pytest.fixture(scope='module')
def looked():
    "Nine look at tea, one buys milk twice; nobody buys tea."
    rows = [(f'v{u}', 'tea', 'view', START + pd.Timedelta(days=u)) for u in range(9)] + [('b', 'milk', 'buy', START + pd.Timedelta(days=d)) for d in (3, 5)]
    return BehaviourPipeline(cuts=2, steps=1).fit(Log('looked at', table(rows), None))


def test_what_was_viewed_is_not_called_bought_whoever_asks(looked):
    for ids in (['b', 'v0', 'stranger'], ['b'], ['stranger'], ['v0']):
        h = looked.histories_of(ids)
        for exclude in (None, 'bought', 'seen'):
            found = looked.explain(looked.recommend(h, 5, exclude), h, exclude)
            tea = found.reason[found.item_id == 'tea']
            assert not tea.str.contains('bought').any() and found.reason.str.len().min() > 5


def test_lists_of_any_index_and_later_histories_are_told_and_fewer_histories_refused(looked):
    h = looked.histories_of(['b', 'v0'])
    lists = looked.recommend(h, k=2)
    twice = looked.explain(pd.concat([lists, lists]), h)
    assert twice.reason[:len(lists)].tolist() == twice.reason[len(lists):].tolist() and twice.index.tolist() == [*lists.index] * 2
    later = looked.extended(table([('b', 'tea', 'view', START + pd.Timedelta(days=100))]))
    assert looked.explain(looked.recommend(later, k=2), later).reason.str.len().min() > 5
    with pytest.raises(InputError, match='is not among the histories'): looked.explain(lists, looked.histories_of(['b']))


def shop(seed=0, users=80):
    rng, rows = np.random.default_rng(seed), []
    for u in range(users):
        liked = rng.integers(0, 25, 3)
        for d in sorted(rng.choice(120, 14, replace=False)):
            rows += [(f'u{u:02d}', f'i{i}', 'buy', START + pd.Timedelta(days=int(d), hours=int(rng.integers(0, 14)))) for i in {int(rng.choice(liked)), int(rng.integers(0, 25))}]
    rows += [(f'u{u:02d}', 'old', 'buy', START) for u in range(5)]                # nobody has met it since
    events = table(rows).sort_values('timestamp', kind='stable').reset_index(drop=True)
    return events.assign(place=[f's{n}' for n in rng.integers(0, 2, len(events))])


@pytest.fixture(scope='module', params=['whole', 'drawn'])
def known(request):
    "Fitted on a log, or on half of its users; without the transformer, and with small trees whether they pay or not."
    with pytest.MonkeyPatch.context() as patch:
        without_transformer(patch)
        patch.setattr(BehaviourPipeline, '_learn_from', lambda self, parts: self.learned_.update({view: LearnedBlend('small', bags=1).fit(lessons) for view, lessons in parts.items() if len(lessons) > 1}))
        grid = m.ranker_grid
        patch.setattr(m, 'ranker_grid', lambda *a, **k: {name: tried[:1] for name, tried in grid(*a, **k).items()})
        if request.param == 'drawn': patch.setattr(m, 'sample_users', partial(m.sample_users, users=40)); patch.setattr(m, 'inner_cuts', partial(m.inner_cuts, min_users=20))
        events = shop()
        pipeline = BehaviourPipeline(cuts=2, steps=1).fit(Log('shop', events, None))
    assert pipeline.learned_
    return pipeline, events


def check(found, pipeline, events):
    "Each reason against the log; how many of each form."
    now, by_item, seen = events.timestamp.max(), events.groupby('item_id').user_id.nunique(), []
    lately = lambda days: events[events.timestamp > now - pd.Timedelta(days=days)]
    days = lambda ranker: pipeline.settings_[ranker]['days']
    for row in found.itertuples():
        mine = events[(events.user_id == row.user_id) & (events.item_id == row.item_id)]
        seen.append(re.sub(r'[\d,.]+', 'N', row.reason)[:30])
        if told := re.fullmatch(r'popular: bought by ([\d,]+) customers?', row.reason): assert int(told[1]) == by_item[row.item_id], row
        elif told := re.fullmatch(r'popular: bought (?:(once)|([\d,]+) times) in the last .* days', row.reason): assert int(told[2] or 1) == (lately(days('recent popularity')).item_id == row.item_id).sum(), row
        elif told := re.fullmatch(r'bought (\d+) times, last (?:(today)|(yesterday)|(\d+) days ago)(?:, every \d+ days)?', row.reason):
            assert int(told[1]) == mine.timestamp.nunique() and (now.normalize() - mine.timestamp.max().normalize()).days == (0 if told[2] else 1 if told[3] else int(told[4])), row
        elif row.reason.startswith('bought once'): assert len(mine) == 1, row
        elif told := re.fullmatch(r'bought by (\d+) of (?:all|the) (\d+) (?:other customers|customers? most like you)', row.reason):
            others = events[(events.item_id == row.item_id) & (events.user_id != row.user_id)].user_id.nunique()
            assert int(told[1]) <= others and int(told[2]) < events.user_id.nunique(), row
        elif told := re.fullmatch(r'often bought by those who bought (.*), which you bought on (.*)', row.reason):
            own = events[(events.user_id == row.user_id) & (events.item_id == told[1])]
            assert told[1] != row.item_id and own.timestamp.max().strftime('%Y-%m-%d') == told[2], row
        elif told := re.fullmatch(r'popular at your store \((.*)\): bought by (\d+) customers? there in the last .* days', row.reason):
            there = lately(days('place'))
            assert int(told[2]) == there[(there.item_id == row.item_id) & (there.place == told[1])].user_id.nunique(), row
        elif told := re.fullmatch(r'popular: ([\d.]+)% of what customers bought in the last .* days, each item counted once', row.reason):
            pairs = lately(days('place')).drop_duplicates(['user_id', 'item_id'])
            assert abs(float(told[1]) / 100 - (pairs.item_id == row.item_id).mean()) < 6e-4, row
        else: assert row.reason == 'by your history as a whole', row
    return seen


def test_every_reason_is_counted_again(known):
    pipeline, events = known
    h, seen = pipeline.histories_of([f'u{i:02d}' for i in range(0, 80, 5)]), []
    for exclude in (None, 'seen'):                                        # as the trees rank
        lists = pipeline.recommend(h, 25, exclude)
        found = pipeline.explain(lists, h, exclude)
        assert found[list(lists)].equals(lists)
        seen += check(found, pipeline, events)
    weights, learned, pipeline.learned_ = pipeline.weights_, pipeline.learned_, {}
    try:
        for name in pipeline.settings_:
            pipeline.weights_ = {view: {name: 1.} for view in weights}
            seen += check(pipeline.explain(pipeline.recommend(h, 25), h), pipeline, events)
    finally: pipeline.weights_, pipeline.learned_ = weights, learned
    assert len(set(seen)) > 8 and pd.Series(seen).eq('by your history as a whole').mean() < .05


def test_a_stranger_has_no_history_and_a_moment_later_no_last_days(known):
    pipeline, events = known
    stranger = pipeline.histories_of(['stranger'])
    fallback, pipeline.fallback_ = pipeline.fallback_, 'recent popularity'
    pipeline.settings_['recent popularity'] = dict(days=20., by='rows')
    pipeline.__dict__.pop('_rankers', None)
    try: found = pipeline.explain(pipeline.recommend(stranger, 26), stranger)
    finally: pipeline.fallback_ = fallback
    assert len(found) == 26 and found.reason.str.startswith('popular').all()
    weights, learned, pipeline.learned_ = pipeline.weights_, pipeline.learned_, {}
    pipeline.weights_ = {view: {'recent popularity': 1.} for view in weights}
    try: late = pipeline.explain(pipeline.recommend(pipeline.histories_of(['u00']), 5), pipeline.histories_of(['u00']), now=pipeline.now_ + 100 * 86_400_000_000)
    finally: pipeline.weights_, pipeline.learned_ = weights, learned
    assert late.reason.str.endswith(f'in the 20 days before {events.timestamp.max():%Y-%m-%d}').all()


def test_a_query_fits_only_what_holds_its_words():
    texts = dict(i0='green tea', i1='black tea', i2='milk', i3=None)
    rows = [(f'u{u}', item, 'buy', START + pd.Timedelta(days=u + n)) for u in range(6) for n, item in enumerate(texts)]
    pipeline = BehaviourPipeline(cuts=2, steps=1).fit(Log('shop', table(rows), pd.DataFrame(dict(item_id=[*texts], text=[*texts.values()]))))
    h = pipeline.histories_of(['stranger', 'u1'])
    for query, fitting in (('green tea', {'i0', 'i1'}), ('!!!', set())):
        found = pipeline.explain(pipeline.recommend(h, 4, query=query), h, query=query)
        assert set(found.item_id[found.reason.str.startswith('fits')]) == fitting
        assert found.reason[found.item_id == 'i3'].str.startswith('popular: bought by 6 customers').all()
        assert found.reason[found.user_id == 'u1'].str.contains('bought once').all()
