"Truncation that keeps the newest, for any history"
import numpy as np, pytest
from hypothesis import given, settings, strategies as st
from seqrep_nb.core import InputError
from seqrep_nb.text import history_line, load_tokenizer, relative_time, tokenize_newest

TOKENIZER = load_tokenizer()
behaviour = st.text('ab milk,.[]#1é用', max_size=12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(behaviour, max_size=8), max_size=4), st.integers(3, 40))
def test_the_newest_behaviours_that_fit_are_kept(lines, max_length):
    ids, mask, kept = tokenize_newest(TOKENIZER, lines, max_length)
    size = lambda b: len(TOKENIZER(b, add_special_tokens=False, split_special_tokens=True)['input_ids'])
    assert ids.shape == mask.shape == (len(lines), max_length)
    for line, row, real, n in zip(lines, ids, mask, kept):
        sizes = [size(b) for b in line]
        assert n >= min(len(line), 1)
        if n > 1: assert sum(sizes[len(line) - n:]) <= max_length - 2                            # they fit
        if n < len(line): assert sum(sizes[len(line) - n - 1:]) > max_length - 2                 # one more would not
        assert real.sum() == min(sum(sizes[len(line) - n:]), max_length - 2) + 2
        assert (np.diff(real.astype(int)) <= 0).all() and (row[~real] == TOKENIZER.pad_token_id).all()
        assert row[0] == TOKENIZER.cls_token_id and row[real][-1] == TOKENIZER.sep_token_id
        plain = TOKENIZER(history_line(line[len(line) - n:]), add_special_tokens=False, split_special_tokens=True)['input_ids']
        assert list(row[real][1:-1]) == plain[:max_length - 2]                                   # what the tokenizer itself would read


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 4000), min_size=2, max_size=20))
def test_time_is_told_coarser_with_age_and_never_out_of_order(days):
    words = relative_time(np.sort(days))
    unit = [('today', 'yesterday', 'day', 'week', 'month', 'year').index(w if ' ' not in w else w.split()[1].rstrip('s')) for w in words]
    assert (np.diff(unit) >= 0).all()
    for older, newer in zip(words[1:], words):
        if ' ' in older and older.split()[1] == newer.split()[-2 if ' ' in newer else 0]: assert int(older.split()[0]) >= int(newer.split()[0])


@pytest.mark.parametrize('days', [[-1], [np.nan], [1, -1e-9], [np.inf * -1]])
def test_the_future_is_refused(days):
    with pytest.raises(InputError, match='after now'): relative_time(days)
