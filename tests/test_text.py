"Text: templates that inject nothing, bands in order, truncation that keeps the newest, lines that come back as they went"
import string
import numpy as np, pandas as pd, pyarrow as pa, pyarrow.parquet as pq, pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st
from seqrep_nb.core import InputError
from seqrep_nb.histories import build_histories
from seqrep_nb.tasks import intent_tasks
from seqrep_nb.text import (FIELDS, FLAT, FULL, TIMED, check_unknown, describe_items, event_text, history_line, history_queries, history_texts, load_tokenizer, price_bands, price_words,
                            query_text, read_lines, relative_time, task_lines, token_lines, tokenize_newest, unknown_share, write_lines)

TOKENIZER = load_tokenizer()
behaviour = st.text('ab milk,.[]#1é用', max_size=12)
nasty = st.text(st.one_of(st.sampled_from('{}[]()\n\r\t\0\x1b,"\'=!:%.0 用é😀'), st.characters(exclude_categories=['Cs'])), max_size=30)


def byte_level(**special):
    "A tokenizer like GPT-2's: bytes, no [UNK], [CLS], [SEP] or padding."
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.train_from_iterator(['bought whole milk yesterday', 'bought bread 3 days ago'] * 9, trainers.BpeTrainer(
        vocab_size=330, special_tokens=['<|endoftext|>'], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    return PreTrainedTokenizerFast(tokenizer_object=bpe, **special)


GPT2 = byte_level(**dict.fromkeys(['unk_token', 'bos_token', 'eos_token'], '<|endoftext|>'))
NOTHING = byte_level()


def ids(tokenizer, text): return tokenizer(text, add_special_tokens=False, split_special_tokens=True)['input_ids']


# Templates

def test_the_first_templates_read_as_ever():
    assert (TIMED, FLAT) == ('{verb} {item} {when}', 'user {verb} {item}')
    assert event_text(['a  b', ''], ['buy', 'search'], [1, 3]).tolist() == ['bought a b yesterday', 'searched for 3 days ago']
    assert event_text(['a\nb'], 'my_own', template=FLAT).tolist() == ['user my own a b']


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(nasty, nasty, nasty), min_size=1, max_size=5))
@example([('{item.__class__}', '{0}', '{{verb}}'), ('', '', '')])
def test_what_is_filled_in_stays_text(rows):
    items, places, queries = zip(*rows)
    told = event_text(items, 'view', [0] * len(rows), FULL, prices=['cheap'] * len(rows), places=places, queries=queries)
    assert told.tolist() == [' '.join(f'viewed {q} cheap {i} today {p}'.split()) for i, p, q in rows]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(*[st.one_of(st.none(), st.text(string.ascii_lowercase, min_size=1, max_size=3).filter(lambda word: word != 'by'))] * 3), min_size=1, max_size=6),
       st.sampled_from(['{a}, {b}, {c}', '{a} ({b}), {c}.', '({a}, {b}): {c}', '{a} | {b} [{c}]', '{c}, by {a} “{b}”', '{a} ({b}; {c})']))
def test_what_is_missing_leaves_no_punctuation(rows, template):
    "A value is never “by”, a word of one of the templates."
    table = pd.DataFrame(rows, columns=list('abc'), dtype=object).assign(item_id=[f'i{n}' for n in range(len(rows))])
    empty = table[list('abc')].isna().all(axis=1)
    if empty.any():
        with pytest.raises(InputError, match=rf"items: column 'item_id'.*first: row {int(empty.argmax())}, 'i{int(empty.argmax())}'"): describe_items(table, template)
        return
    for text, row in zip(describe_items(table, template), rows):
        known = [v for v in row if v is not None]
        if len(known) == 3: assert text == template.format(a=row[0], b=row[1], c=row[2])
        for opening, closing in ('()', '[]', '“”'): assert text.count(opening) == text.count(closing) and opening + closing not in text
        assert sorted(''.join(c if c.isalpha() else ' ' for c in text).replace(' by ', ' ').split()) == sorted(known)
        assert text == ' '.join(text.split()) and text[0] not in ',;|:.' and text[-1] not in ',;|:'
        assert not any(pair in text.replace(' ', '') for pair in (',,', ',.', '(,', ',)', '(;', ';)', '||'))


@pytest.mark.parametrize('template, says', {
    '{item.__class__}': 'item.__class__', '{item[0]}': r'item\[0\]', '{0}': r'\{0\}', '{}': r'\{\}', '{item!r}': 'item!r', '{item:>99999999}': 'item:>99999999', '{item:{verb}}': 'no field',
    '{colour}': 'colour', '{item': 'close each brace', 'item}': 'close each brace', 'just words': 'names no field', '': 'names no field', 7: 'no template', None: 'no template'}.items())
def test_a_template_names_plain_fields_only(template, says):
    for call in (lambda: event_text(['a'], template=template), lambda: describe_items(pd.DataFrame(dict(item=['a'])), template)):
        with pytest.raises(InputError, match=says) as error: call()
        assert '{item}' in str(error.value), 'it names what may be used'


@pytest.mark.parametrize('field', ['when', 'price', 'place', 'query'])
def test_a_field_without_data_is_refused(field):
    with pytest.raises(InputError, match=rf'\{{{field}\}}, so pass `{FIELDS[field]}`'): event_text(['a'], template=f'{{verb}} {{{field}}}')
    with pytest.raises(InputError, match='2 prices for 1 items'): event_text(['a'], prices=['x', 'y'], days=[0])


def test_braces_are_doubled_and_numbers_plain():
    assert event_text(['a'], template='{{{item}}}').tolist() == ['{a}']
    assert describe_items(pd.DataFrame(dict(text=['milk\0 2\x1b'], size=[2.0], n=[.5])), '{text}, {size} of {n}') == ['milk 2, 2 of 0.5']
    with pytest.raises(InputError, match="column 'v' holds list"): describe_items(pd.DataFrame(dict(v=[[1]])), '{v}')


# Prices and queries

@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(-5, 1e6, width=32), st.sampled_from([1., 2., 2.99])), min_size=1, max_size=40), st.integers(1, 6))
def test_bands_ascend_with_the_price(prices, bands):
    x = np.array(prices, float)
    if not (x >= 0).any():
        with pytest.raises(InputError, match='no price'): price_bands(prices, bands)
        return
    edges, names = price_bands(prices, bands), [str(b) for b in range(bands)]
    assert len(edges) == bands - 1 and (np.diff(edges) >= 0).all() and np.isin(edges, x.astype('float32')).all()
    words = price_words(x, edges, names)
    assert ((words == '') == ~(x >= 0)).all()
    order = np.argsort(x[x >= 0], kind='stable')
    assert (np.diff(words[x >= 0][order].astype(int)) >= 0).all()
    assert (price_words(x.astype('float32'), edges, names) == words).all(), 'as histories hold them'
    if len(set(x[x >= 0])) == 1: assert set(words[x >= 0]) == {str((bands - 1) // 2)}


def test_bands_hold_equal_counts_and_refuse_what_is_no_price():
    assert pd.Series(price_words(range(300), price_bands(range(300)))).value_counts().tolist() == [100] * 3
    assert list(price_words([1, 9, 5], price_bands([1, 9]))) == ['cheap', 'mid-priced', 'mid-priced']
    for prices, says in (([], 'no price'), ([np.nan], 'no price'), ([-1.], 'no price'), ([1, np.inf], 'row 1, inf')):
        with pytest.raises(InputError, match=says): price_bands(prices)
    for bands in (0, 2.5, True):
        with pytest.raises(InputError, match='bands'): price_bands([1], bands)
    with pytest.raises(InputError, match='3 for 2 bands'): price_words([1], [1])
    with pytest.raises(InputError, match='ascend'): price_words([1], [2, 1])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(st.none(), nasty), max_size=5))
def test_a_query_is_one_clean_line(queries):
    told = query_text(queries, 'query: ')
    for query, text in zip(queries, told, strict=True):
        body = text.removeprefix('query: ')
        assert (text == '') == (body == '') and body == ' '.join(body.split()) and not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in body)
        if query and query.isascii() and query.isprintable(): assert body == ' '.join(query.lower().split())
        if query is None: assert text == ''


def test_a_query_is_text():
    with pytest.raises(InputError, match='row 1, 3'): query_text(['a', 3])
    with pytest.raises(InputError, match='one text'): query_text('milk')


def log(n=40, seed=0):
    rng, days = np.random.default_rng(seed), pd.Timestamp('2020-01-01', tz='UTC')
    action = rng.choice(['search', 'view', 'buy'], n)
    return pd.DataFrame(dict(user_id=rng.choice(list('uvwx'), n), item_id=np.where(action == 'search', None, rng.choice(list('abc'), n)), action=action,
        timestamp=(days + pd.to_timedelta(rng.permutation(n) * 6, unit='h')).as_unit('us'), query=[f'Query  {i}' for i in range(n)], price=rng.choice([1., 5., np.nan], n), place=rng.choice(['s1', None], n)))


@pytest.mark.parametrize('seed', range(5))
def test_all_that_a_history_knows_is_told(seed):
    events = log(seed=seed)
    histories, items = build_histories(events, item_ids=['a', 'b']), ['Apple', 'Bread']
    queries = history_queries(histories, events.sample(frac=1, random_state=1))
    told = history_texts(histories, items, last=99, now='2021-01-01', template=FULL, edges=[2., 3.], queries=queries)
    known = events[events.item_id.isin(['a', 'b']) | events.item_id.isna()].sort_values('timestamp')
    for user, lines in zip(histories.user_ids, told):
        for row, text in zip(known[known.user_id == user].itertuples(), lines, strict=True):
            what = f'searched for {row.query.lower().replace("  ", " ")}' if row.action == 'search' else dict(view='viewed', buy='bought')[row.action]
            price, item = {1.: 'cheap', 5.: 'expensive'}.get(row.price, ''), '' if row.action == 'search' else dict(a='Apple', b='Bread')[row.item_id]
            place = '' if pd.isna(row.place) else 'at s1'
            assert text == ' '.join(f'{what} {price} {item} {relative_time([(pd.Timestamp("2021-01-01", tz="UTC") - row.timestamp) / pd.Timedelta(days=1)])[0]} {place}'.split())


# Truncation

@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(behaviour, max_size=8), max_size=4), st.integers(3, 40))
def test_the_newest_behaviours_that_fit_are_kept(lines, max_length):
    ids_, mask, kept = tokenize_newest(TOKENIZER, lines, max_length)
    assert ids_.shape == mask.shape == (len(lines), max_length)
    for line, row, real, n in zip(lines, ids_, mask, kept):
        sizes = [len(ids(TOKENIZER, b)) for b in line]
        assert n >= min(len(line), 1)
        if n > 1: assert sum(sizes[len(line) - n:]) <= max_length - 2                            # they fit
        if n < len(line): assert sum(sizes[len(line) - n - 1:]) > max_length - 2                 # one more would not
        assert real.sum() == min(sum(sizes[len(line) - n:]), max_length - 2) + 2
        assert (np.diff(real.astype(int)) <= 0).all() and (row[~real] == TOKENIZER.pad_token_id).all()
        assert row[0] == TOKENIZER.cls_token_id and row[real][-1] == TOKENIZER.sep_token_id
        assert list(row[real][1:-1]) == ids(TOKENIZER, history_line(line[len(line) - n:]))[:max_length - 2]   # what the tokenizer itself would read


@pytest.mark.parametrize('tokenizer', [GPT2, NOTHING], ids=['gpt2', 'nothing'])
def test_a_byte_level_line_is_what_its_tokenizer_reads(tokenizer):
    @settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(st.lists(st.one_of(st.sampled_from(['bought whole milk yesterday', 'a <|endoftext|> b', 'bread']), nasty.map(lambda t: ' '.join(t.split()))), max_size=30), max_size=3), st.integers(1, 60))
    def holds(lines, max_length):
        out, kept = token_lines(tokenizer, lines, max_length)
        for line, row, n in zip(lines, out, kept, strict=True):
            reads = [ids(tokenizer, history_line(line[len(line) - k:])) for k in range(len(line) + 1)]
            fits = [k for k, r in enumerate(reads) if len(r) <= max_length]
            assert n == max(fits[-1], min(len(line), 1)) and row == reads[n][:max_length]
            assert 0 not in row, "no text becomes '<|endoftext|>'"
    holds()
    padded, mask, _ = tokenize_newest(tokenizer, [['bread'], []], 9)
    assert padded[0][mask[0]].tolist() == ids(tokenizer, 'bread') and mask.sum(1).tolist() == [len(ids(tokenizer, 'bread')), 0] and (padded[~mask] == 0).all()


@pytest.mark.parametrize('tokenizer', [GPT2, NOTHING], ids=['gpt2', 'nothing'])
def test_a_byte_level_vocabulary_says_everything(tokenizer):
    texts = ['<|endoftext|>', '用户', '\0', '', 'milk']
    assert unknown_share(tokenizer, texts) == check_unknown(tokenizer, texts, limit=0) == 0
    assert tokenizer('<|endoftext|>')['input_ids'] == [0], 'its own call would make the special token of it'


def test_lines_before_padding_are_the_padded_lines():
    lines = [['bought milk today'] * n for n in (0, 1, 40, 3)]
    rows, kept = token_lines(TOKENIZER, lines, 30)
    padded, mask, same = tokenize_newest(TOKENIZER, lines, 30)
    assert [p[m].tolist() for p, m in zip(padded, mask)] == rows and (kept == same).all() and all(type(i) is int for row in rows for i in row)
    with pytest.raises(InputError, match='one per user'): token_lines(TOKENIZER, lines[1], 30)


# The article's lines

def lines(texts, labels=None, day=1):
    return pd.DataFrame(dict(user_id=pd.Series([f'u,{i}"' for i in range(len(texts))], dtype=object), text=pd.Series(list(texts), dtype=object),
                             label=np.array(labels if labels is not None else [0] * len(texts), 'int64'), moment=(pd.Timestamp(f'2020-01-0{day}', tz='UTC') + pd.to_timedelta(range(len(texts)), unit='us')).as_unit('us')))


TEXTS = ['a,b "c"\n\r\n\r', '=1+1', '', '用 😀 é', 'nul\0', ' blanks ', 'NaN', 'null', '\\N', "'", '\ufeff', '\u2028', 'x' * 200_000]


@pytest.mark.parametrize('kind', ['csv', 'parquet'])
def test_lines_come_back_as_they_went(kind, tmp_path):
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(nasty, max_size=6), st.integers(-2**53 + 1, 2**53 - 1))
    @example(TEXTS, 1)
    def holds(texts, label):
        parts = dict(train=lines(texts, [label] * len(texts)), val=lines(texts[:1]), test=lines(texts, day=2))
        write_lines(tmp_path/'lines', **parts, kind=kind)
        for name, part in read_lines(tmp_path/'lines').items(): pd.testing.assert_frame_equal(part, parts[name])
    holds()
    assert sorted(p.name for p in tmp_path.iterdir()) == ['lines']


@pytest.mark.parametrize('change, says', [
    (lambda t: t.drop(columns='label'), "train: column 'label' is missing"),
    (lambda t: t.assign(label=[0, .5]), "train: column 'label' has 1.*row 1, 0.5"),
    (lambda t: t.assign(label=[None, 1]), "column 'label'.*row 0"),
    (lambda t: t.assign(text=['a', None]), "column 'text' has 1.*row 1, nan"),
    (lambda t: t.assign(text=pd.Series(['\ud800', 'a'], dtype=object)), "column 'text'.*half a character.*row 0"),
    (lambda t: t.assign(user_id=['', 'u']), "column 'user_id'.*row 0, ''"),
    (lambda t: t.assign(moment=['x', 'y']), "column 'moment'.*not times"),
    (lambda t: t.assign(moment=pd.to_datetime(['2020-01-01', None], utc=True)), "column 'moment'.*row 1"),
    (lambda t: lines(['a', 'b'], day=2), "train: column 'moment' has 2.*before the first moment of test")])
def test_what_is_no_line_is_not_written(change, says, tmp_path):
    with pytest.raises(InputError, match=says): write_lines(tmp_path/'lines', change(lines(['a', 'b'])), lines(['a']), lines(['a'], day=2))
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize('old, new, says', [
    ('"1"', '"yes"', "val.csv: column 'label' has 1.*row 0, 'yes'"), ('2020-01-01T', 'yesterday', "val.csv: column 'moment' has 1.*row 0, 'yesterday"), ('label', 'answer', "val.csv: column 'label' is missing"),
    ('"milk","1"', '"milk"', 'val.csv: is not a readable csv file .*Row #2'), ('milk', 'm\udcff', 'UTF8'), ('2020-01-01T', '2020-01-03T', "val.csv: column 'moment'.*first moment of test")])
def test_a_broken_file_is_named(old, new, says, tmp_path):
    write_lines(tmp_path/'lines', lines(['a']), lines(['milk'], [1]), lines(['b'], day=2))
    path = tmp_path/'lines'/'val.csv'
    path.write_text(path.read_text(encoding='utf-8').replace(old, new), encoding='utf-8', errors='surrogateescape')
    with pytest.raises(InputError, match=says): read_lines(tmp_path/'lines')


def test_a_folder_is_read_whole_or_refused(tmp_path):
    write_lines(tmp_path/'lines', lines(['a', 'b']), lines(['a']), lines(['b'], day=2))
    (tmp_path/'lines'/'train.csv').write_text(''.join((tmp_path/'lines'/'train.csv').read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(InputError, match='has 1 rows, lines.json says 2'): read_lines(tmp_path/'lines')
    pq.write_table(pa.table(dict(text=['a'])), tmp_path/'lines'/'train.parquet')
    with pytest.raises(InputError, match='holds 2 files'): read_lines(tmp_path/'lines')
    with pytest.raises(InputError, match='holds 0 files'): read_lines(tmp_path)
    (tmp_path/'mine').mkdir(); (tmp_path/'mine'/'test.csv').write_text('mine')
    with pytest.raises(InputError, match='other things'): write_lines(tmp_path/'mine', lines([]), lines([]), lines([]))
    with pytest.raises(InputError, match='kind'): write_lines(tmp_path/'new', lines([]), lines([]), lines([]), kind='xlsx')


def test_a_line_knows_nothing_of_its_label():
    events = log(200).assign(item_id='a', action='buy')
    cuts = [pd.Timestamp(f'2020-01-{d}', tz='UTC') for d in (15, 25)]
    parts = [task_lines(task, ['apple'], last=5) for task in intent_tasks(events, cuts)]
    for cut, part in zip(cuts, parts):
        assert (part.moment == cut).all() and len(part) == 4
        later = events.assign(action=np.where(events.timestamp >= cut, 'view', 'buy'))      # another future
        again = task_lines(intent_tasks(later, [cut])[0], ['apple'], last=5)
        assert again.text.tolist() == part.text.tolist() and part.label.tolist() == [1] * 4 and again.label.tolist() == [0] * 4
    with pytest.raises(InputError, match='dict has no histories'): task_lines({}, ['apple'])


# Time

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
