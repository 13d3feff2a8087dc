"Every task against labels counted by hand, and what no label may do: look back, or depend on the order of rows that have none"
from collections import namedtuple
from dataclasses import replace
import numpy as np, pandas as pd, pytest
from hypothesis import assume, given, settings, strategies as st
from seqrep_nb.core import InputError
from seqrep_nb.histories import build_histories
from seqrep_nb.journey import Campaigns
from seqrep_nb.split import temporal_split
from seqrep_nb.tasks import (MomentTask, campaign_response, campaign_windows, click_task, intent_tasks, next_categories, next_events, next_item, query_task, ranking_task, session_looks, session_task,
                             user_labels, will_buy)

ITEMS = list('abcdef')
DAY = pd.Timedelta(days=1)


def utc(*times): return pd.to_datetime(list(times), utc=True, format='ISO8601').as_unit('us')


def log(*rows):
    "A canonical log from rows 'user item action time [basket]'; days are those of January 2020."
    fields = [row.split() for row in rows]
    table = pd.DataFrame([f[:3] for f in fields], columns=['user_id', 'item_id', 'action'], dtype='str')
    table['timestamp'] = utc(*(f'2020-01-{f[3]}' for f in fields))
    if any(len(f) > 4 for f in fields): table['basket_id'] = pd.Series([f[4] if len(f) > 4 else None for f in fields], dtype='str')
    return table


def answers(task): return {user: ''.join(task.histories.item_ids[task.relevant[row].indices]) for row, user in enumerate(task.histories.user_ids)}


# Next item

SHOP = log('ann a view 01', 'ann b view 10', 'ann c buy 11',                    # her next lies at the cut itself
           'bob a view 02', 'bob d view 12T09', 'bob c cart 12T09', 'bob e buy 12T10',  # two at one moment
           'cat b view 03',                                                      # never comes back
           'dan c view 10', 'dan a view 11',                                     # has no past
           'eve a buy 04', 'eve z buy 13', 'eve b buy 14')                       # comes back for what is no candidate


def test_next_item_by_hand():
    task = next_item(temporal_split(SHOP, '2020-01-10'), ITEMS)
    assert answers(task) == dict(ann='b', bob='cd', cat='', eve='')
    assert task.seen.toarray().sum(1).tolist() == [0, 0, 0, 1], 'seen is what was bought, since this log knows purchases'
    assert task.histories.timestamps.max() < task.now


def test_next_item_of_one_action():
    assert answers(next_item(temporal_split(SHOP, '2020-01-10'), ITEMS, action='buy')) == dict(ann='c', bob='e', cat='', eve='')


def test_rows_of_a_basket_come_together_and_a_torn_basket_does_not_come_at_all():
    baskets = log('ann a buy 01 1', 'ann b buy 09 2', 'ann c buy 10 2', 'ann d buy 11T09 3', 'ann e buy 11T11 3', 'ann f buy 11T10 4', 'ann b view 12')
    split = temporal_split(baskets, '2020-01-10')
    assert answers(next_item(split, ITEMS)) == dict(ann='de')
    assert next_events(split).item_id.tolist() == ['d', 'e']
    alone = baskets.assign(basket_id=None)[['user_id', 'item_id', 'action', 'timestamp']]
    assert answers(next_item(temporal_split(alone, '2020-01-10'), ITEMS)) == dict(ann='c')


def test_two_baskets_of_one_moment_are_one_answer():
    rows = log('ann a buy 01 1', 'ann b buy 11 2', 'ann c buy 11 3', 'ann d buy 12 3')
    split = temporal_split(rows, '2020-01-10')
    assert answers(next_item(split, ITEMS)) == dict(ann='bcd')
    assert answers(ranking_task(split, ITEMS)) == dict(ann='b'), 'a first basket is one basket'


def test_nobody_who_returns_is_refused():
    with pytest.raises(InputError, match='no known user who meets a candidate'): next_item(temporal_split(log('ann a buy 01', 'bob b buy 11'), '2020-01-10'), ITEMS)


# Will buy, next categories

def test_will_buy_at_both_ends_of_the_window():
    events = log('ann a buy 01', 'bob a buy 02', 'cat a buy 03', 'dan a buy 04', 'ann b buy 10', 'bob b buy 17', 'cat b view 11', 'dan b buy 16T23:59:59.999999', 'eve b buy 12')
    task, = intent_tasks(events, ['2020-01-10'], days=7)
    assert dict(zip(task.histories.user_ids, task.y)) == dict(ann=1, bob=0, cat=0, dan=1), 'at the cut counts, at the end does not, a view is no purchase'
    with pytest.raises(InputError, match='absence would look like a no'): intent_tasks(events, ['2020-01-10'], days=9)
    assert intent_tasks(events, ['2020-01-10'], days=8)[0].y.tolist() == [1, 1, 0, 1], 'the last day of a log may be cut short'


def test_next_categories_by_hand():
    task = ranking_task(temporal_split(log('ann a buy 01', 'bob a buy 02', 'cat b buy 03', 'ann c buy 10', 'ann d buy 10', 'bob d buy 12', 'bob a buy 13'), '2020-01-10'), ITEMS)
    Y, names = next_categories(task, pd.DataFrame(dict(item_id=list('abcd'), category=['fruit', 'fruit', 'milk', 'bread'])), min_users=1)
    assert (names.tolist(), Y.tolist()) == (['bread', 'milk'], [[1, 1], [1, 0], [0, 0]])


# Response to a mailing

def mailing(runs, sent, redemptions):
    "Runs 'name start end' in days of January, mailings 'name user ...', redemptions 'user day name coupon'."
    runs, sent, used = ([line.split() for line in part] for part in (runs, sent, redemptions))
    return Campaigns(pd.DataFrame(dict(campaign_id=[r[0] for r in runs], start=utc(*(f'2020-01-{r[1]}' for r in runs)), end=utc(*(f'2020-01-{r[2]}' for r in runs)))),
        pd.DataFrame([(r[0], user) for r in sent for user in r[1:]], columns=['campaign_id', 'user_id']),
        pd.DataFrame(dict(user_id=[r[0] for r in used], timestamp=utc(*(f'2020-01-{r[1]}' for r in used)), campaign_id=[r[2] for r in used], coupon=[r[3] for r in used])))


VISITS = log('ann a buy 01', 'ann b buy 05', 'ann c buy 09', 'bob a buy 02', 'cat a buy 05', 'dan d buy 12', 'ann e buy 20')
MAIL = mailing(['early 01 04', 'one 05 10', 'two 08 13', 'open 15 21', 'long 15 31'],
               ['early ann', 'one ann bob cat', 'two ann dan bob', 'open ann bob', 'long ann bob'],
               ['ann 05 one k1', 'ann 05 one k2', 'bob 10 one k1', 'bob 08 two k3', 'bob 04 one k1', 'ann 12 one k2', 'ann 14 two k3', 'bob 16 long k4', 'zoe 06 one k1'])


def table(task): return [(c, u, int(y), f'{pd.Timestamp(now * 1000):%d}', f'{pd.Timestamp(end * 1000):%d}') for c, u, y, now, end in zip(task.rows.campaign_id, task.rows.user_id, task.y, task.now, task.closes)]


def test_response_by_hand():
    task = campaign_response(VISITS, MAIL, ['one', 'two', 'open'], past_days=2)
    assert table(task) == [('one', 'ann', 1, '05', '10'), ('one', 'bob', 0, '05', '10'),   # on the first day counts; at the end, before the start and after it do not
                           ('two', 'ann', 0, '08', '13'), ('two', 'bob', 1, '08', '13'),   # another campaign's coupon does not
                           ('open', 'ann', 0, '15', '21'), ('open', 'bob', 0, '15', '21')]
    histories = task.histories                                                             # cat's and dan's first purchase is not before the start
    assert [''.join(histories.item_ids[histories.items[a:b]]) for a, b in zip(histories.offsets, histories.offsets[1:])] == ['a', 'a', 'ab', 'a', 'abc', 'a']
    assert histories.user_ids.tolist() == task.rows.user_id.tolist() and task.rows.timestamp.astype('int64').tolist() == task.now.tolist()


def test_which_campaigns_the_log_can_answer_about():
    problems = lambda **options: dict(campaign_windows(VISITS, MAIL, **options).set_index('campaign_id').problem)
    assert problems(past_days=2) == dict(early='starts before the log has 2 days of past', one='', two='', open='', long='closes after the log ends')
    assert problems(past_days=0)['early'] == '' and problems(past_days=4)['one'] == '' and problems(past_days=5)['one'] != ''
    assert problems(past_days=2, days=6)['long'] == '' and problems(past_days=2, days=7)['long'] != '', 'the log ends on the 20th: a window to the 21st is the last'
    assert set(campaign_response(VISITS, MAIL, past_days=2).rows.campaign_id) == {'one', 'two', 'open'}


def test_a_shorter_window_than_the_run():
    task = campaign_response(VISITS, MAIL, ['two', 'long'], days=1, past_days=2)
    assert table(task) == [('two', 'ann', 0, '08', '09'), ('two', 'bob', 1, '08', '09'), ('long', 'ann', 0, '15', '16'), ('long', 'bob', 0, '15', '16')]
    assert campaign_response(VISITS, MAIL, ['long'], days=2, past_days=2).y.tolist() == [0, 1]
    assert campaign_response(VISITS, MAIL, ['one'], days=99, past_days=2).closes.tolist() == campaign_response(VISITS, MAIL, ['one'], past_days=2).closes.tolist()


@pytest.mark.parametrize('options, why', [(dict(campaign_ids=['early']), 'early.*starts before'), (dict(campaign_ids=['long']), 'long.*closes after the log ends; leave it out, or ask for fewer days'),
    (dict(campaign_ids=['one', 'nine']), "'nine', which is no campaign"), (dict(campaign_ids=[]), 'no mailing to a household with a past'), (dict(days=0), 'days: is 0'), (dict(days=float('nan')), 'days: is nan')])
def test_response_refuses(options, why):
    with pytest.raises(InputError, match=why): campaign_response(VISITS, MAIL, past_days=2, **options)


def test_response_refuses_tables_that_lack_something():
    for broken, why in ((replace(MAIL, sent=MAIL.sent.rename(columns=dict(user_id='household'))), r"campaigns.sent: column 'user_id' is missing"),
                        (replace(MAIL, runs=MAIL.runs.assign(end=MAIL.runs.end.dt.tz_localize(None))), r"column 'end' is datetime64.*utc=True"),
                        (replace(MAIL, redemptions=None), 'campaigns.redemptions: is a NoneType'),
                        (MAIL.sent, 'campaigns.runs: is a NoneType'),
                        (replace(MAIL, runs=pd.concat([MAIL.runs, MAIL.runs[1:2]])), r"names a campaign twice \(first: row 5, 'one'\)"),
                        (replace(MAIL, sent=MAIL.sent.assign(user_id=[None, *MAIL.sent.user_id[1:]])), r"'user_id' has 1 empty values \(first: row 0")):
        with pytest.raises(InputError, match=why): campaign_response(VISITS, broken, past_days=2)


def test_a_log_is_no_table_of_events():
    from seqrep_nb.events import Log
    with pytest.raises(InputError, match='events: is a Log'): campaign_response(Log('shop', VISITS, None), MAIL)
    with pytest.raises(InputError, match='events: is a Log'): click_task(PAGES, '2020-01-09', Log('shop', BROWSING, None))


def test_a_window_that_is_open_at_the_cut_is_on_neither_side():
    task = campaign_response(VISITS, MAIL, ['one', 'two', 'open'], past_days=2)
    names = lambda cut: tuple(sorted(set(part.rows.campaign_id)) for part in task.split(cut))
    assert names('2020-01-10') == (['one'], ['open']) and names('2020-01-09T23:59:59') == ([], ['open'])
    assert names('2020-01-13') == (['one', 'two'], ['open']) and names('2020-01-15') == (['one', 'two'], ['open'])
    assert names('2020-01-15T00:00:01') == (['one', 'two'], []) and names('2020-01-05') == ([], ['one', 'open', 'two'])


# Click on an impression

COLUMNS = ['user_id', 'session_id', 'query', 'item_id', 'position', 'timestamp', 'clicked']

def shown(*rows):
    "Impressions from rows 'user session query item position time clicked'; '-' is no query."
    fields = [row.split() for row in rows]
    return pd.DataFrame([[f[0], f[1], None if f[2] == '-' else f[2], f[3], int(f[4]), f'2020-01-{f[5]}', int(f[6])] for f in fields], columns=COLUMNS).assign(timestamp=lambda t: utc(*t.timestamp))


BROWSING = log('ann a view 01', 'ann b view 10T10:00', 'ann c view 10T10:05', 'bob d buy 11', 'ann e buy 12')
PAGES = shown('ann s0 tea a 1 09T08:00 1', 'ann s1 tea b 1 10T10:00 1', 'ann s1 tea c 2 10T10:00 0', 'ann s1 - d 1 10T10:05 0', 'bob s2 cup d 1 11T00:00 1', 'cat s3 cup f 3 11T09:00 0')


def test_clicks_by_hand():
    task = click_task(PAGES, '2020-01-10T10:00', BROWSING)
    assert task.y.tolist() == [1, 0, 0, 1, 0] and task.rows.position.tolist() == [1, 2, 1, 1, 3]
    histories = task.histories
    assert [''.join(histories.item_ids[histories.items[a:b]]) for a, b in zip(histories.offsets, histories.offsets[1:])] == ['a', 'a', 'ab', '', ''], 'the look that a click leads to has the moment of its page'
    assert list(task.rows) == COLUMNS[:-1] and 'clicked' not in task.rows
    assert len(click_task(PAGES, '2020-01-09', BROWSING)) == 6 and len(click_task(PAGES, '2020-01-10T10:00:00.000001', BROWSING)) == 3


def test_clicks_of_strangers_only():
    task = click_task(PAGES[PAGES.user_id == 'cat'], '2020-01-10', BROWSING)
    assert (task.histories.lengths.tolist(), task.y.tolist(), task.rows.user_id.tolist()) == ([0], [0], ['cat'])


def test_the_order_of_the_impressions_does_not_matter():
    one, other = click_task(PAGES, '2020-01-09', BROWSING), click_task(PAGES.iloc[::-1], '2020-01-09', BROWSING)
    pd.testing.assert_frame_equal(one.rows, other.rows)
    assert one.y.tolist() == other.y.tolist()


def test_a_window_of_days_and_its_end():
    assert click_task(PAGES, '2020-01-10', BROWSING, days=1).rows.session_id.tolist() == ['s1', 's1', 's1'], 'a page at the end of the window lies outside it'
    with pytest.raises(InputError, match='impressions: .*ends before 2020-01-13.*absence'): click_task(PAGES, '2020-01-10', BROWSING, days=3)
    with pytest.raises(InputError, match='events: .*ends before.*absence'): click_task(PAGES, '2020-01-10', BROWSING[:1])
    with pytest.raises(InputError, match='has none between'): click_task(PAGES, '2020-01-12', BROWSING)


@pytest.mark.parametrize('column, value, why', [('clicked', 2, r"'clicked' has 1 bad values \(first: row 2, 2\); write 1"), ('clicked', None, 'empty'), ('position', 0, 'count positions from 1'), ('position', 'top', 'count positions'),
    ('user_id', None, r'empty values \(first: row 2'), ('timestamp', pd.NaT, 'empty')])
def test_bad_impressions_are_refused(column, value, why):
    pages = PAGES.astype({'clicked': object, 'position': object})
    pages[column] = pages[column].where(np.arange(len(pages)) != 2, value)
    with pytest.raises(InputError, match=why): click_task(pages, '2020-01-09', BROWSING)


def test_impressions_of_another_shape_are_refused():
    for broken, why in ((PAGES.drop(columns='session_id'), "'session_id' is missing"), (PAGES.assign(timestamp=PAGES.timestamp.dt.tz_localize(None)), 'not times in UTC'), (PAGES.to_dict(), 'is a dict')):
        with pytest.raises(InputError, match=why): click_task(broken, '2020-01-09', BROWSING)


# What holds for every log

Row = namedtuple('Row', 'user item action day basket')
rows = st.lists(st.builds(Row, st.sampled_from('xyz'), st.sampled_from('abcd'), st.sampled_from(['view', 'buy']), st.integers(1, 19), st.integers(1, 2)), min_size=4, max_size=16)
examples = settings(max_examples=20, deadline=None)
HALF = '2020-01-10'
EVERY_DAY = mailing(['one 04 08', 'two 10 14', 'three 12 19'], ['one x y z', 'two x y', 'three z x'], ['x 05 one k', 'y 13 two k', 'z 04 one k', 'x 18 three k', 'x 12 one k'])
EVERY_PAGE = shown(*(f'{user} s{day} tea {item} {n} {day:02} {int(item == "b")}' for user in 'xyw' for day in (4, 10, 15) for n, item in enumerate('ab', 1)))


def built(rows):
    "A log whose baskets are whole on their day, with a purchase by x on the first day and on the last, so that every task can be asked."
    rows = [Row('x', 'a', 'buy', 1, 1), *rows, Row('x', 'b', 'buy', 19, 1)]
    return log(*(f'{r.user} {r.item} {r.action} {r.day:02} {r.day}{r.basket}' for r in rows))


def labels(events):
    "All labels of all tasks, by name: plain lists."
    split = temporal_split(events, HALF)
    first, nxt = ranking_task(split, list('abcd')), next_item(split, list('abcd'))
    response, clicks = campaign_response(events, EVERY_DAY, past_days=0), click_task(EVERY_PAGE, '2020-01-04', events)
    return dict(first=answers(first), next=answers(nxt), will=dict(zip(first.histories.user_ids, will_buy(first.histories, split.test, HALF))),
                categories=next_categories(first, pd.DataFrame(dict(item_id=list('abcd'), category=list('kkmm'))), 0)[0].tolist(),
                response=table(response), clicks=clicks.y.tolist())


@examples
@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_a_baskets_rows_changes_no_label(rows, random):
    events = built(rows)
    dealt = events.copy()
    for _, basket in events.groupby(['user_id', 'basket_id', 'action']):
        dealt.loc[basket.index, 'item_id'] = random.sample(basket.item_id.tolist(), len(basket))
    shuffled = dealt.sample(frac=1, random_state=random.randrange(1000))
    assert labels(shuffled) == labels(events)


@examples
@given(rows, rows)
def test_labels_come_from_the_future_alone(rows, others):
    "Another past, of the same users: each label stays, though the inputs change."
    late = [row for row in rows if row.day >= 10]
    known = [Row(user, 'a', 'buy', 1, 1) for user in 'xyz']
    one, other = built(known + late), built(known + [row for row in others if row.day < 10] + late)
    assert {k: v for k, v in labels(one).items() if k != 'response'} == {k: v for k, v in labels(other).items() if k != 'response'}
    assert labels(one)['response'] == labels(other)['response'], 'who used a coupon does not depend on what was bought'


@examples
@given(rows, rows)
def test_inputs_come_from_the_past_alone(rows, others):
    "Another future: each row's history stays."
    early = [row for row in rows if row.day < 10]
    one, other = (built(early + [row for row in part if row.day >= 10]) for part in (rows, others))
    for ask in (lambda e: ranking_task(temporal_split(e, HALF), list('abcd')).histories, lambda e: intent_tasks(e, [HALF], item_ids=list('abcd'))[0].histories,
                lambda e: past_of(campaign_response(e, EVERY_DAY, past_days=0, item_ids=list('abcd'))), lambda e: past_of(click_task(EVERY_PAGE, '2020-01-04', e, item_ids=list('abcd')))):
        a, b = ask(one), ask(other)
        assert (a.items.tolist(), a.timestamps.tolist(), a.offsets.tolist(), a.user_ids.tolist()) == (b.items.tolist(), b.timestamps.tolist(), b.offsets.tolist(), b.user_ids.tolist())


def past_of(task): return task.take(task.now <= pd.Timestamp(HALF, tz='UTC').value // 1000).histories


@examples
@given(rows, st.integers(2, 19))
def test_a_moment_tasks_histories_are_those_of_the_filtered_log(rows, day):
    events = built(rows)
    for task in (campaign_response(events, EVERY_DAY, past_days=0, item_ids=list('abcd')), click_task(EVERY_PAGE, '2020-01-04', events, item_ids=list('abcd'))):
        histories, row = task.histories, day % len(task)
        alone = build_histories(events[(events.timestamp < task.rows.timestamp[row]) & (events.user_id == task.rows.user_id[row])], item_ids=list('abcd'))
        part = slice(*histories.offsets[row:row + 2])
        assert histories.items[part].tolist() == alone.items.tolist() and histories.timestamps[part].tolist() == alone.timestamps.tolist()
        train, test = task.split(f'2020-01-{day:02}')
        cut = pd.Timestamp(f'2020-01-{day:02}', tz='UTC').value // 1000
        assert (train.closes <= cut).all() and (test.now >= cut).all() and len(train) + len(test) == len(task) - ((task.now < cut) & (task.closes > cut)).sum()
        assert isinstance(train, MomentTask) and len(train.rows) == len(train.users) == len(train)


@examples
@given(rows, st.integers(2, 19))
def test_both_sides_of_a_split_know_the_items_met_before_it(rows, day):
    events, at = built(rows), pd.Timestamp(2020, 1, day, tz='UTC')
    known = sorted(events.item_id[events.timestamp < at].unique())
    for task in (campaign_response(events, EVERY_DAY, past_days=0), click_task(EVERY_PAGE, '2020-01-04', events)):
        for side in task.split(at):
            assert set(side.histories.item_ids) <= set(known) and side.whole.items.max(initial=-1) < len(side.whole.item_ids)
            histories = side.histories
            for row, (user, now) in enumerate(zip(side.rows.user_id, side.rows.timestamp)):
                past = events[(events.timestamp < now) & (events.user_id == user) & events.item_id.isin(known)]
                part, alone = slice(*histories.offsets[row:row + 2]), build_histories(past)
                assert histories.item_ids[histories.items[part]].tolist() == alone.item_ids[alone.items].tolist() and histories.timestamps[part].tolist() == alone.timestamps.tolist()


def test_a_split_does_not_know_what_came_later():
    task = campaign_response(VISITS, MAIL, ['one', 'two', 'open'], past_days=2)
    train, test = task.split('2020-01-13')
    assert train.histories.item_ids.tolist() == test.histories.item_ids.tolist() == list('abc') == task.histories.item_ids.tolist()
    early, late = task.split('2020-01-09')                                         # ann meets c on that very day
    assert early.histories.item_ids.tolist() == late.histories.item_ids.tolist() == list('ab') and len(late) == 2
    histories = late.histories
    assert [''.join(histories.item_ids[histories.items[a:b]]) for a, b in zip(histories.offsets, histories.offsets[1:])] == ['ab', 'a']
    given = campaign_response(VISITS, MAIL, ['one', 'open'], past_days=2, item_ids=ITEMS)
    assert given.split('2020-01-09')[1].histories.item_ids.tolist() == ITEMS, 'a catalogue that was given stays'
    from seqrep_nb.split import audit
    whole = temporal_split(VISITS, '2020-01-10')
    side = campaign_response(VISITS, MAIL, ['one', 'open'], past_days=2).split('2020-01-10')
    judged = audit(whole.train, whole.test, whole.cut, vocabulary=side[0].histories.item_ids, histories=list(side))
    assert judged.passed and {'vocabulary is from train', 'histories end before their moment'} <= {f.check for f in judged.findings}


# What the tables may hold beside, and what is no question

def test_columns_that_nobody_asked_for_change_nothing():
    plain = campaign_response(VISITS, MAIL, past_days=2)
    times = dict(start='x', closes='y', end='z', row=7, y=1, channel='letter', timestamp=3, problem='none')
    twice = pd.concat([MAIL.sent.assign(channel='letter'), MAIL.sent.assign(channel='app')])
    for other in (replace(MAIL, sent=MAIL.sent.assign(**times)), replace(MAIL, sent=twice), replace(MAIL, redemptions=MAIL.redemptions.assign(**{k: v for k, v in times.items() if k != 'timestamp'})),
                  replace(MAIL, runs=MAIL.runs.assign(**{k: v for k, v in times.items() if k not in ('start', 'end')}))):
        task = campaign_response(VISITS, other, past_days=2)
        assert table(task) == table(plain)
        pd.testing.assert_frame_equal(task.rows, plain.rows)


def late(name): return replace(MAIL, runs=MAIL.runs.assign(end=MAIL.runs.end.where(MAIL.runs.campaign_id != 'two', utc(name)[0])))


@pytest.mark.parametrize('ask, why', [
    (lambda: campaign_response(VISITS[:0], MAIL), 'events: have no rows; pass'), (lambda: click_task(PAGES, '2020-01-09', BROWSING[:0]), 'events: have no rows; pass'),
    (lambda: campaign_response(VISITS, MAIL, past_days=float('nan')), 'past_days: is nan; give days'), (lambda: campaign_response(VISITS, MAIL, past_days=-1), 'past_days: is -1'), (lambda: campaign_windows(VISITS, MAIL, past_days='2'), "past_days: is '2'"),
    (lambda: campaign_response(VISITS, MAIL, days=float('inf')), 'days: is inf'), (lambda: campaign_response(VISITS, late('2020-01-07')), r"column 'end' is not after its start \(first: row 2, '2020-01-07 00:00:00"), (lambda: campaign_response(VISITS, late('2020-01-08')), 'is not after its start'),
    *((lambda days=days: click_task(PAGES, '2020-01-09', BROWSING, days=days), f'days: is {days}; give days') for days in (float('nan'), 0, -1, 1e9)),
    *((lambda minutes=minutes: click_task(PAGES, '2020-01-09', BROWSING, minutes=minutes), f'minutes: is {minutes}; give minutes') for minutes in (float('nan'), 0, -5, None)),
    (lambda: intent_tasks(SHOP, []), 'cuts: names no moment; pass at least one'), *((lambda days=days: intent_tasks(SHOP, ['2020-01-10'], days=days), f'days: is {days}; ') for days in (float('nan'), 0, -1)),
    (lambda: will_buy(build_histories(SHOP), SHOP, '2020-01-10', float('nan')), 'days: is nan; ')])
def test_what_is_no_question_is_refused(ask, why):
    with pytest.raises(InputError, match=why): ask()


# Sessions, searches and people

WEBLOG = pd.DataFrame([('ann', 's1', 'search', None, 'red tea', '02T10:00'), ('ann', 's1', 'view', 'a', None, '02T10:01'), ('ann', 's1', 'cart', 'a', None, '02T10:02'), ('ann', 's1', 'buy', 'a', None, '02T10:03'),
                       ('bob', 's2', 'search', None, 'cup', '03T10:00'), ('bob', 's2', 'search', None, 'blue cup', '03T10:01'), ('bob', 's2', 'view', 'd', None, '03T10:02'),
                       ('ann', 's3', 'view', 'b', None, '05T10:00'), ('ann', 's3', 'search', None, 'nothing there', '05T10:01'),
                       ('cat', 's4', 'buy', 'c', None, '06T10:00'), ('bob', 's5', 'view', 'c', None, '07T10:00'), ('bob', 's5', 'buy', 'c', None, '07T10:05')],
                      columns=['user_id', 'session_id', 'action', 'item_id', 'query', 'timestamp']).assign(timestamp=lambda t: utc(*('2020-01-' + t.timestamp)))
WARES = pd.DataFrame(dict(item_id=list('abcd'), text=list('abcd'), category=['tea', 'tea', 'cup', 'cup']))


def test_sessions_by_hand():
    task = session_task(WEBLOG, '2020-01-02')
    assert list(zip(task.rows.session_id, task.y)) == [('s1', 1), ('s2', 0), ('s3', 0), ('s5', 1)], 'nothing was looked at in s4'
    assert task.histories.lengths.tolist() == [0, 0, 4, 3], 'what lies before the session, searches and carts of earlier ones too'
    assert (task.closes - task.now).tolist() == [180_000_001, 120_000_001, 60_000_001, 300_000_001]
    assert session_task(WEBLOG, '2020-01-05').rows.session_id.tolist() == ['s3', 's5']
    assert set(session_looks(WEBLOG).action) == {'search', 'view'} and len(session_looks(WEBLOG)) == 8
    early, late = task.split('2020-01-05')
    assert (early.rows.session_id.tolist(), late.rows.session_id.tolist()) == (['s1', 's2'], ['s3', 's5'])


def test_searches_by_hand():
    task, categories = query_task(WEBLOG, WARES, '2020-01-01')
    assert list(zip(task.rows['query'], categories[task.y])) == [('red tea', 'tea'), ('blue cup', 'cup')], 'a search that opened nothing, or was typed anew, has no label'
    assert 'category' not in task.rows and 'item_id' not in task.rows, 'the label is not in the input'
    assert (task.now == task.rows.timestamp.astype('int64')).all() and (task.closes > task.now).all()
    unknown = query_task(WEBLOG, WARES.assign(category=['tea', 'tea', 'cup', None]), '2020-01-01')[0]
    assert unknown.rows['query'].tolist() == ['red tea']


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_and_the_carts_change_no_session(random):
    shuffled = WEBLOG.iloc[random.sample(range(len(WEBLOG)), len(WEBLOG))]
    plain, other = session_task(WEBLOG, '2020-01-01'), session_task(shuffled, '2020-01-01')
    assert plain.rows.equals(other.rows) and plain.y.tolist() == other.y.tolist()
    assert session_looks(shuffled[shuffled.action != 'cart']).reset_index(drop=True).equals(session_looks(WEBLOG).reset_index(drop=True))
    assert query_task(shuffled, WARES, '2020-01-01')[0].y.tolist() == query_task(WEBLOG, WARES, '2020-01-01')[0].y.tolist()


def test_many_classes_keep_their_codes():
    n = 300
    many = pd.DataFrame(dict(user_id='ann', session_id=[f's{k // 2}' for k in range(2 * n)], action=['search', 'view'] * n, item_id=[None if k % 2 == 0 else f'i{k // 2}' for k in range(2 * n)],
                             query=['q' if k % 2 == 0 else None for k in range(2 * n)], timestamp=pd.date_range('2020-01-01', periods=2 * n, freq='h', tz='UTC').as_unit('us')))
    task, categories = query_task(many, pd.DataFrame(dict(item_id=[f'i{k}' for k in range(n)], text='t', category=[f'c{k:03}' for k in range(n)])), '2020-01-01')
    assert task.y.tolist() == list(range(n)) and len(categories) == n, 'more classes than an int8 holds'


def test_labels_of_users():
    histories = build_histories(log('ann a buy 01', 'bob a buy 01', 'cat a buy 01', 'dan a buy 01'))
    people = pd.DataFrame(dict(user_id=['dan', 'ann', 'bob', 'eve'], size=['2', '1', None, '1']))
    rows, y = user_labels(histories, people, 'size', least=1)
    assert (histories.user_ids[rows].tolist(), y.tolist()) == (['ann', 'dan'], ['1', '2'])
    rows, y = user_labels(histories, people.assign(size=pd.Categorical(['x', 'y', 'z', 'y'])), 'size', least=1)
    assert dict(zip(histories.user_ids[rows], y)) == dict(ann='y', bob='z', dan='x')


@pytest.mark.parametrize('ask, why', [
    (lambda: session_task(WEBLOG.drop(columns='session_id'), '2020-01-01'), 'assign_sessions'), (lambda: session_task(WEBLOG, '2021-01-01'), 'no session'),
    (lambda: query_task(WEBLOG, WARES.assign(category=None), '2020-01-01'), 'no search'), (lambda: user_labels(build_histories(SHOP), pd.DataFrame(dict(user_id=['ann'])), 'size'), "column 'size' is missing"),
    (lambda: user_labels(build_histories(SHOP), pd.DataFrame(dict(user_id=['ann', 'ann'], size=[1, 2])), 'size'), 'two rows'),
    (lambda: user_labels(build_histories(SHOP), pd.DataFrame(dict(user_id=['ann', 'bob'], size=[1, 1])), 'size', least=1), 'fewer than two')])
def test_no_such_sessions_searches_or_labels(ask, why):
    with pytest.raises(InputError, match=why): ask()
