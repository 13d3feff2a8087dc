"Questions about households: nothing later is read, a planted truth is found, odd input is met"
import zlib
from dataclasses import replace
import numpy as np, pandas as pd, pytest
from seqrep_nb.core import InputError
from seqrep_nb.histories import build_histories
from seqrep_nb.journey import Campaigns
from seqrep_nb.households import ASKED, attribute_answers, attribute_results, attribute_verdicts, intent_question, known_offers, mean_texts, response_question, user_parts, visit_times

DAY, START = pd.Timedelta(days=1), pd.Timestamp('2024-01-01', tz='UTC')


def letters(texts): # a stand-in for the language model: equal texts, equal vectors
    return np.stack([np.random.default_rng(zlib.crc32(str(t).encode())).normal(size=16) for t in texts]) if len(texts) else np.zeros((0, 16))


def shop(users=40, items=50, per_user=60, seed=0):
    rng, n = np.random.default_rng(seed), users * per_user
    events = pd.DataFrame(dict(user_id=np.repeat([f'u{u:02}' for u in range(users)], per_user), item_id=[f'i{i:02}' for i in rng.integers(0, items, n)], action='purchase',
                               timestamp=START + pd.to_timedelta(rng.integers(0, 200 * 86_400, n), 's'), place='a', price=1 + rng.random(n), quantity=1))
    events = events.sort_values(['user_id', 'timestamp'], ignore_index=True).assign(basket_id=lambda e: e.user_id + e.timestamp.dt.strftime('%j'))
    catalogue = pd.DataFrame(dict(item_id=[f'i{i:02}' for i in range(items)], text=[f'thing {i // 2}' for i in range(items)], category=[f'c{i % 5}' for i in range(items)], brand='private', department='d'))
    starts = START + DAY * np.array([40, 80, 120, 160])
    runs = pd.DataFrame(dict(campaign_id=list('1234'), type=list('ABAB'), start=starts, end=starts + 30 * DAY))
    sent = pd.DataFrame([(c, f'u{u:02}') for c in '1234' for u in range(users) if rng.random() < .9], columns=['campaign_id', 'user_id'])
    offers = pd.DataFrame([(c, f'k{c}{k}', f'i{i:02}') for c in '1234' for k in range(6) for i in rng.choice(items, 4, False)], columns=['campaign_id', 'coupon', 'item_id'])
    used = sent[rng.random(len(sent)) < .4].merge(runs[['campaign_id', 'start']], on='campaign_id')
    used = used.assign(timestamp=used.start + DAY * rng.integers(1, 25, len(used)), coupon=['k' + c + str(k) for c, k in zip(used.campaign_id, rng.integers(0, 6, len(used)))])
    return events, catalogue, Campaigns(runs, sent, used[['user_id', 'timestamp', 'campaign_id', 'coupon']], offers)


@pytest.fixture(scope='module')
def made(): return shop()


def test_response_reads_nothing_later(made):
    "Whoever bought or redeemed what after the third mailing, the rows of the first three stay as they were."
    events, items, campaigns = made
    cut, rng = campaigns.runs.start[2], np.random.default_rng(1)
    late, later = events.timestamp >= cut, campaigns.redemptions.timestamp >= cut
    mixed = events.copy(); mixed.loc[late, 'item_id'] = rng.permutation(events.item_id[late]); mixed.loc[late, 'price'] = 9.
    again = campaigns.redemptions.copy(); again.loc[later, 'coupon'] = rng.permutation(again.coupon[later])
    a, b = response_question(events, items, campaigns, letters), response_question(mixed, items, replace(campaigns, redemptions=again), letters)
    before = a.now <= cut.value // 1000
    assert before.sum() > 80 and list(a.users) == list(b.users)
    np.testing.assert_allclose(a.table[before], b.table[before], atol=1e-9)
    np.testing.assert_allclose(a.represented[before], b.represented[before], atol=1e-9)
    assert np.abs(a.table[~before].to_numpy() - b.table[~before].to_numpy()).max() > .01 and np.abs(a.represented[~before].to_numpy() - b.represented[~before].to_numpy()).max() > .01
    assert np.abs(a.represented.to_numpy()[~before, :8]).max() > 0                     # heads had closed campaigns to learn from


@pytest.mark.parametrize('what', ['offers', 'mailing'])
def test_a_later_booklet_or_mailing_changes_no_earlier_row(made, what):
    "Not whose purchases are read, nor which texts, nor the factors of who buys what."
    events, items, campaigns = made
    start, last = campaigns.runs.start[3].value // 1000, campaigns.offers.campaign_id == '4'
    if what == 'offers':
        booklets = [pd.DataFrame(dict(campaign_id='4', coupon='k4', item_id=np.unique(events.item_id)[:n])) for n in (3, 50)]
        ways = [replace(campaigns, offers=pd.concat([campaigns.offers[~last], b])) for b in booklets]
    else:
        only = campaigns.sent.user_id.isin([f'u{u:02}' for u in range(12)])
        ways = [replace(campaigns, sent=campaigns.sent[~only | late]) for late in (campaigns.sent.campaign_id == '4', np.zeros(len(only), bool))]
    a, b = (response_question(events, items, way, letters, most=10) for way in ways)
    np.testing.assert_array_equal(a.users[a.now < start], b.users[b.now < start])
    np.testing.assert_allclose(a.table[a.now < start], b.table[b.now < start], atol=1e-6)
    np.testing.assert_allclose(a.represented[a.now < start], b.represented[b.now < start], atol=1e-5)


def test_offers_of_items_sold_later_are_unknown(made):
    events, items, campaigns = made
    item, start = campaigns.offers.item_id[0], campaigns.runs.start[0]
    kept = known_offers(events[(events.item_id != item) | (events.timestamp >= start)], campaigns).offers
    assert not ((kept.item_id == item) & (kept.campaign_id == '1')).any() and len(kept) < len(campaigns.offers)


def test_a_booklet_of_new_items_only_is_refused(made):
    events, items, campaigns = made
    new = set(campaigns.offers.item_id[campaigns.offers.campaign_id == '2'])
    with pytest.raises(InputError, match='sold before'):
        response_question(events[~events.item_id.isin(new) | (events.timestamp >= campaigns.runs.start[1])], items, campaigns, letters)


def test_a_planted_attribute_is_found():
    "The answer hangs on one column of the representation and on nothing in the table."
    rng = np.random.default_rng(0)
    R, T, users = rng.normal(size=(400, 4)), rng.normal(size=(400, 5)), np.array([f'u{u}' for u in range(400)])
    y = (rng.random(400) < 1 / (1 + np.exp(-3 * R[:, 0]))).astype(int)
    few = {'table': [('table', 'trees', 7), ('table', 'linear', .1)], 'representation': [('represented', 'linear', .1), ('represented', 'trees', 7)], 'both': [('opinion', 'trees', 7), ('all', 'linear', .1)]}
    said = attribute_verdicts(pd.DataFrame(T), pd.DataFrame(R), y, users, entries=few)
    assert all(np.isfinite(p).all() for p in said.values())                            # each user is answered once
    found = attribute_results(pd.DataFrame(dict(planted=y), index=users), dict(planted=said))
    assert found['table'].value < .65 and found['representation'].value > .8 and found['both'].value > .8


def test_answers_need_known_labels():
    users = pd.DataFrame(dict(user_id=['a', 'b', 'c'], income=['250K+', 'Under 15K', '75-99K'], kids_count=['1', None, '0'], household_size=['3', '1', '1'], age=['65+', '25-34', '35-44']))
    answers = attribute_answers(users)
    assert list(answers) == list(ASKED) and answers.loc['a'].tolist() == [1, 1, 0, 1] and answers.loc['c'].tolist() == [1, 0, 1, 0] and 'b' not in answers.index


def test_parts_are_the_users_own():
    ids = [f'u{i}' for i in range(3000)]
    assert (user_parts(ids)[::-1] == user_parts(ids[::-1])).all() and np.bincount(user_parts(ids)).min() > 900
    assert (user_parts(ids, 'inner') != user_parts(ids, 'fold')).mean() > .5


def test_mean_texts_of_nothing(made):
    events, items, _ = made
    histories = build_histories(events, user_ids=np.array(['nobody', 'u00'], object))
    vectors = letters(histories.item_ids)
    profile = mean_texts(histories, vectors)
    assert not profile[0].any() and np.isclose(np.linalg.norm(profile[1]), 1)
    assert not mean_texts(histories, vectors, since=2**60).any()                        # nobody bought then
    silent = vectors * ~np.isin(histories.item_ids, histories.item_ids[np.unique(histories.items)])[:, None]
    assert not mean_texts(histories, silent).any()                                      # nothing that was bought has a text


def test_intent_reads_nothing_later(made):
    events, _, _ = made
    ids = np.unique(events.item_id).astype(object)
    cut, cuts = pd.Timestamp('2024-05-01', tz='UTC'), ['2024-05-01', '2024-06-01']
    late = events.timestamp >= cut
    mixed = events.assign(item_id=np.where(late, np.random.default_rng(0).permutation(events.item_id), events.item_id))
    a, b = (intent_question(e, ids, letters(ids), cuts, weeks=6, one_in=2, axes=4) for e in (events, mixed))
    before = a.now <= cut.value // 1000
    np.testing.assert_allclose(a.table[before], b.table[before]); np.testing.assert_allclose(a.represented[before], b.represented[before])
    assert np.abs(a.represented[~before].to_numpy() - b.represented[~before].to_numpy()).max() > .01


def test_times_of_one_visit():
    events = pd.DataFrame(dict(user_id='u', item_id='i', action='purchase', timestamp=[pd.Timestamp('2024-01-03 13:00', tz='UTC')], basket_id='b', place='a', price=1., quantity=1))
    times = visit_times(build_histories(events), pd.Timestamp('2024-01-12', tz='UTC').value // 1000)
    assert times.tolist() == [[0, 1, 0, 0, 0, 0, 1, 0, 1]]
