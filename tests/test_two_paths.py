"Both paths against slow loops that were written apart from them; no language model"
from dataclasses import replace
import numpy as np, pandas as pd, pytest
from hypothesis import given, settings, strategies as st
from seqrep_nb.core import InputError
from seqrep_nb.histories import DAY, build_histories
from seqrep_nb.text import load_tokenizer
from seqrep_nb.encode import Engine
from seqrep_nb.two_paths import event_representation, event_vectors, event_weights, line_representation, line_tokens, path_costs, window_items

ITEMS, START = ['milk', 'bread', 'soap', 'no text'], pd.Timestamp('2020-01-01', tz='UTC')
TEXTS = ['whole milk, 1 gal', 'rye bread', 'hand soap', '']
VECTORS = np.array([[1, 0, 2], [0, 3, 0], [-1, 1, 1], [0, 0, 0]], 'float32')      # the last item has none
event = st.tuples(st.integers(0, 4), st.integers(0, 40), st.sampled_from([*ITEMS, None]))
logs, lasts = st.lists(event, max_size=40), st.integers(1, 8)


def made(rows):
    "Histories of five users, some of them perhaps empty; an event without an item is a search."
    table = pd.DataFrame([dict(user_id=f'u{user}', item_id=item, action='buy' if item else 'search', timestamp=START + pd.Timedelta(days=day)) for user, day, item in rows],
                         columns=['user_id', 'item_id', 'action', 'timestamp'])
    table = table.assign(user_id=table.user_id.astype(object), item_id=table.item_id.astype(object), timestamp=pd.to_datetime(table.timestamp, utc=True).astype('datetime64[us, UTC]'))
    return build_histories(table, item_ids=ITEMS, user_ids=[f'u{n}' for n in range(5)])


def slowly(histories, last, half_life):
    "The weighted mean, one event at a time, with ages counted from a moment of its own."
    H, now = np.zeros((len(histories), 3)), START.value // 1000 + 50 * DAY
    for user in range(len(histories)):
        total = 0.
        for row in range(histories.offsets[user], histories.offsets[user + 1])[-last:]:
            item = histories.items[row]
            if item < 0 or TEXTS[item] == '': continue
            weight = 1. if half_life is None else .5 ** ((now - int(histories.timestamps[row])) / DAY / half_life)
            H[user] += weight * VECTORS[item]
            total += weight
        if total: H[user] /= total
    return H


@settings(max_examples=60, deadline=None)
@given(logs, lasts, st.sampled_from([None, 1.5, 7., 100.]))
def test_sparse_product_is_the_slow_mean(rows, last, half_life):
    histories = made(rows)
    assert np.allclose(event_representation(histories, VECTORS, last, half_life), slowly(histories, last, half_life), atol=1e-5)
    sums = np.asarray(event_weights(histories, VECTORS.any(1), last, half_life).sum(1)).ravel()
    assert ((np.abs(sums - 1) < 1e-5) | (sums == 0)).all()


@settings(max_examples=40, deadline=None)
@given(logs, lasts, st.permutations(range(5)))
def test_a_user_is_alone(rows, last, order):
    histories = made(rows)
    H = event_representation(histories, VECTORS, last, 7)
    assert np.allclose(event_representation(histories.take(order), VECTORS, last, 7), H[list(order)], atol=1e-6)
    assert np.allclose(event_representation(histories.take([2]), VECTORS, last, 7), H[[2]], atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(logs, lasts)
def test_an_endless_half_life_is_the_mean_and_a_short_one_the_newest_moment(rows, last):
    histories = made(rows)
    mean = event_representation(histories, VECTORS, last)
    for endless in (1e9, np.inf): assert np.allclose(event_representation(histories, VECTORS, last, endless), mean, atol=1e-5)
    short = event_representation(histories, VECTORS, last, 1e-3)          # a day is a thousand half-lives, and no row becomes 0 / 0
    for user in range(5):
        newest = [r for r in range(histories.offsets[user], histories.offsets[user + 1])[-last:] if histories.items[r] >= 0 and TEXTS[histories.items[r]]]
        newest = [r for r in newest if histories.timestamps[r] == histories.timestamps[newest[-1]]]
        assert np.allclose(short[user], VECTORS[histories.items[newest]].mean(0) if newest else 0, atol=1e-5)


def test_recency_matters_and_absolute_time_does_not():
    histories = made([(0, 0, 'milk'), (0, 10, 'bread')])
    near, far = event_representation(histories, VECTORS, half_life=1)[0], event_representation(histories, VECTORS)[0]
    assert near[1] > 2.9 and far[1] == 1.5
    late = replace(histories, timestamps=histories.timestamps + 1_000 * DAY)
    assert np.array_equal(event_representation(late, VECTORS, half_life=1), event_representation(histories, VECTORS, half_life=1))


def test_the_future_is_refused_on_both_paths():
    histories, tokenizer = made([(0, 0, 'milk'), (1, 10, 'bread')]), load_tokenizer()
    now = START + pd.Timedelta(days=5)
    for refused in (lambda: event_representation(histories, VECTORS, now=now), lambda: line_tokens(histories, TEXTS, tokenizer, now=now), lambda: path_costs(histories, TEXTS, tokenizer, now=now)):
        with pytest.raises(InputError, match='now|moment of prediction'): refused()
    past = histories.before(now.value // 1000)
    assert np.array_equal(event_representation(past, VECTORS, now=now)[:2], [VECTORS[0], np.zeros(3)])
    assert np.array_equal(event_representation(past, VECTORS, now=now), event_representation(past, VECTORS))


def test_wrong_values_are_named():
    histories = made([(0, 0, 'milk')])
    for half_life in (0, -1, np.nan):
        with pytest.raises(InputError, match='half_life'): event_representation(histories, VECTORS, half_life=half_life)
    with pytest.raises(InputError, match='event_vectors'): event_representation(histories, VECTORS[:2])
    with pytest.raises(InputError, match='event_vectors'): event_representation(histories, VECTORS[:, 0])


class Counting:
    "Stands in for a `TextEncoder`: remembers what it was asked."
    def fit_transform(self, texts):
        self.asked = list(texts)
        return np.array([[len(t), t.count('e')] for t in texts], 'float32').reshape(-1, 2)


def test_each_distinct_text_is_encoded_once_and_only_where_needed():
    texts = ['bread', 'milk', 'bread', '', None, 'cheese', float('nan')]
    encoder = Counting()
    vectors = event_vectors(texts, encoder=encoder)
    assert sorted(encoder.asked) == ['bread', 'cheese', 'milk'] and vectors.dtype == np.float32
    assert vectors.tolist() == [[5, 1], [4, 0], [5, 1], [0, 0], [0, 0], [6, 3], [0, 0]]
    some = event_vectors(texts, [2, 3], encoder)
    assert encoder.asked == ['bread'] and some.tolist() == [[0, 0], [0, 0], [5, 1], [0, 0], [0, 0], [0, 0], [0, 0]]
    assert event_vectors(texts, [], encoder).shape == (7, 2)


def test_needed_items_are_those_of_the_windows():
    histories = made([(0, 0, 'milk'), (0, 1, 'bread'), (0, 2, None), (1, 3, 'soap')])
    assert window_items(histories).tolist() == [0, 1, 2] and window_items(histories, 1).tolist() == [2]
    assert event_representation(histories, VECTORS, last=1)[0].tolist() == [0, 0, 0]        # the newest event is a search
    assert len(window_items(made([]))) == 0


def test_lines_have_no_padding_and_none_for_an_empty_history():
    histories, tokenizer = made([(0, 0, 'milk'), (0, 1, 'bread'), (2, 3, 'no text')]), load_tokenizer()
    lines, kept = line_tokens(histories, TEXTS, tokenizer, 32)
    assert [len(line) > 0 for line in lines] == [True, False, True, False, False] and kept.tolist() == [2, 0, 1, 0, 0]
    assert tokenizer.decode(lines[0]) == '[CLS] bought whole milk, 1 gal yesterday bought rye bread today [SEP]'
    assert tokenizer.decode(lines[2]) == '[CLS] bought today [SEP]'
    assert line_tokens(histories.take([]), TEXTS, tokenizer)[0] == []


def test_equal_lines_run_once():
    ran = []
    def run(ids, mask):
        ran.extend(ids)
        return np.stack([ids, np.ones_like(ids)], 2).astype('float32')
    model = load_tokenizer(), Engine(run, width=2, positions=64, words=40_000, batch_tokens=1_000)
    histories = made([(0, 0, 'milk'), (1, 5, 'milk'), (3, 5, 'bread')])     # without `now`, both say 'today'
    H, lines = line_representation(histories, TEXTS, 32, model=model), line_tokens(histories, TEXTS, model[0], 32)[0]
    assert sum(row.any() for row in ran) == 2
    np.testing.assert_allclose(H, [[line.mean(), 1] if len(line) else [0, 0] for line in lines], rtol=1e-6)
    assert line_representation(made([]), TEXTS, model=model).tolist() == np.zeros((5, 2)).tolist()


def test_costs_are_counted():
    histories, tokenizer = made([(0, 0, 'milk'), (0, 1, 'bread'), (1, 1, 'milk'), (2, 2, 'no text')]), load_tokenizer()
    costs = path_costs(histories, TEXTS, tokenizer, max_lengths=(8, 64), now=START + pd.Timedelta(days=2), width=3)
    long, short, events = costs.loc['Line, 64 tokens'], costs.loc['Line, 8 tokens'], costs.loc['Event, 64 events']
    lines = line_tokens(histories, TEXTS, tokenizer, 64, now=START + pd.Timedelta(days=2))[0]
    assert long.tokens == sum(map(len, lines)) and long.runs == 3 and short.tokens < long.tokens
    assert events.runs == 2 and events.tokens == sum(len(tokenizer(t)['input_ids']) for t in TEXTS[:2])      # soap was not met, and one item has no text
    assert (costs.H == '(5, 3)').all() and long.input == '(5, 64)' and long.survival == 1 and long['reach, days'] == 1
    assert path_costs(made([]), TEXTS, tokenizer).tokens.tolist() == [0, 0, 0, 0]
