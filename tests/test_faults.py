"The command line x the faults of every file that it reads or writes: exit code 2 with one line that names the file and a way out, or 0 with a full result"
import contextlib, gzip, io, json, os, re, resource, shutil, signal, stat, subprocess, sys, threading, time
from pathlib import Path
from typing import NamedTuple
import numpy as np, pandas as pd, pyarrow as pa, pyarrow.parquet as pq, pytest
from seqrep_nb.command import main

# Good files

def shop(users, visits, items, seed=0):
    "A log: each user visits on the days given, or on so many of the first forty, and takes three items of a taste of their own."
    r, rows = np.random.default_rng(seed), []
    for u in range(users):
        for day in visits if isinstance(visits, tuple) else r.choice(40, visits, replace=False):
            for item in r.choice(3, 3, replace=False) + u % (items - 2):
                rows.append((f'u{u:03d}', f'i{item:02d}', 'buy', str(pd.Timestamp('2024-01-01') + pd.Timedelta(days=day, minutes=u)), f'{item}.5'))
    return pd.DataFrame(rows, columns=['user_id', 'item_id', 'action', 'timestamp', 'price'])

TINY = shop(6, (0, 3, 9), 8)                                 # too small for any choice: fitted in a tenth of a second
LATER = shop(6, (12, 14), 8, seed=1)
ITEMS = pd.DataFrame(dict(item_id=[f'i{i:02d}' for i in range(8)], price=[f'{i}.5' for i in range(8)]))   # no words, so no language model
USERS = pd.DataFrame(dict(user_id=['u000', 'u003', 'stranger'], age=['1', '2', '3']))
GOOD = dict(events=TINY, later=LATER, items=ITEMS, users=USERS)


def csv_bytes(table): return table.to_csv(index=False).encode()

def parquet_bytes(table, names=None):
    file = io.BytesIO()
    pq.write_table(pa.table([pa.array(table.iloc[:, i], from_pandas=True) for i in range(table.shape[1])], names=names or list(table)), file)
    return file.getvalue()

def garbage(size): return np.random.default_rng(0).bytes(size)


@pytest.fixture(scope='session')
def fitted(tmp_path_factory):
    "Models: tiny, and one that is large enough for an intent."
    folder = tmp_path_factory.mktemp('fitted')
    for name, log in dict(tiny=TINY, heads=shop(75, 4, 12)).items():
        log.to_csv(folder/f'{name}.csv', index=False)
        assert main(['fit', str(folder/f'{name}.csv'), '--out', str(folder/name)]) == 0
        for path in (folder/name).iterdir(): path.chmod(0o644)
    assert (folder/'heads'/'heads.skops').exists() and not (folder/'tiny'/'heads.skops').exists()
    return folder


# Running a command and judging it

class Ran(NamedTuple): code:int; out:str; err:str


def tree(folder):
    "What lies in a folder: path -> content, or what else it is."
    found = {}
    for path in sorted(Path(folder).rglob('*')):
        name = path.relative_to(folder).as_posix()
        mode = path.lstat().st_mode
        found[name] = f'link to {os.readlink(path)}' if stat.S_ISLNK(mode) else path.read_bytes() if stat.S_ISREG(mode) else stat.S_IFMT(mode)
    return found


class Seqrep:
    "The command in a folder of its own; every run is held to what every run must keep."
    def __init__(self, folder, capfd): self.folder, self.capfd = folder, capfd

    def write(self, name, data):
        path = self.folder/name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(csv_bytes(data) if isinstance(data, pd.DataFrame) and name.endswith('.csv') else parquet_bytes(data) if isinstance(data, pd.DataFrame) else data)
        return name

    def __call__(self, *argv, out=None, kept=None):
        "Run; `out`: what may be new or changed afterwards; `kept`: what a run that stopped may leave."
        before = tree(self.folder)
        self.capfd.readouterr()
        code = main([str(a) for a in argv])
        ran = Ran(code, *self.capfd.readouterr())
        after = tree(self.folder)
        assert 'Traceback' not in ran.err
        changed = sorted(n for n in before.keys() | after.keys() if before.get(n) != after.get(n))
        if ran.code == 2: assert [n for n in changed if n.partition('/')[0] != kept] == [], ('a run that stopped left', changed, ran.err)
        else: assert [n for n in changed if n != out and not n.startswith(f'{out}/')] == [] and (out is None or out in after), ('a run that ended well left', changed)
        return ran

    def refused(self, where, *said, argv, kept=None):
        "The message of a run that must stop: one line, that names `where` and holds all of `said`, with a way out."
        ran = self(*argv, kept=kept)
        assert ran.code == 2, ran
        assert ran.out == '' and ran.err.startswith('seqrep: error: ') and ran.err.endswith('\n') and ran.err.count('\n') == 1, ran
        message = ran.err.removeprefix('seqrep: error: ').strip()
        assert len(message) < 1000 and [words for words in (where, *said) if words not in message] == [] and len(message.rpartition('; ')[2].split()) > 1, message
        return message

    def done(self, *argv, out=None, code=0):
        "The report of a run that must end well, as JSON; code None: or with a leak."
        ran = self(*argv, '--json', out=out)
        assert ran.code in ((0, 1) if code is None else (code,)) and ran.err == '', ran
        return json.loads(ran.out)


@pytest.fixture
def seqrep(tmp_path, capfd, monkeypatch):
    monkeypatch.setenv('SEQREP_QUIET', '1')
    monkeypatch.chdir(tmp_path)
    return Seqrep(tmp_path, capfd)


# Every file that is read: what kind it is of, and the command that reads it as FILE
READ = {
    'fit EVENTS': ('events', 'fit FILE --out new'), 'fit ITEMS': ('items', 'fit events.csv FILE --out new'),
    'recommend --users': ('users', 'recommend MODEL --users FILE --out new.csv'), 'recommend --events': ('later', 'recommend MODEL --events FILE --out new.csv'),
    'classify --users': ('users', 'classify MODEL --users FILE --out new.csv'), 'classify --events': ('later', 'classify MODEL --events FILE --out new.csv'),
    'encode --users': ('users', 'encode MODEL --users FILE --out new.csv'), 'encode --events': ('later', 'encode MODEL --events FILE --out new.csv'),
    'evaluate EVENTS': ('events', 'evaluate FILE --out new.json'), 'evaluate ITEMS': ('items', 'evaluate events.csv FILE --out new.json'), 'evaluate --events': ('later', 'evaluate TINY --events FILE --out new.json'),
    'audit TRAIN': ('events', 'audit FILE later.csv'), 'audit TEST': ('later', 'audit events.csv FILE'), 'audit --vocabulary': ('items', 'audit events.csv later.csv --vocabulary FILE')}
KEY = dict(events='item_id', later='item_id', items='item_id', users='user_id')


def asked(site, file, fitted, seqrep):
    "The command as a list, beside good files for all else."
    for kind in ('events', 'later'): seqrep.write(f'{kind}.csv', GOOD[kind])
    words = READ[site][1].replace('FILE', file).replace('MODEL', str(fitted/'heads')).replace('TINY', str(fitted/'tiny')).split()
    return words, words[words.index('--out') + 1] if '--out' in words else None


def doubled(table, key):
    "The table's key column twice."
    return table[[key]].join(table, lsuffix=' again').set_axis([key, *table], axis=1)


# Name of the file; its bytes, made from a good table and its key column; what the message says beside the file's name
BROKEN = dict(
    missing=('a.csv', None, 'does not exist', 'check the path'), missing_parquet=('a.parquet', None, 'does not exist', 'check the path'),
    empty=('a.csv', lambda t, k: b'', 'is an empty file', 'check the export'), empty_gzip=('a.csv.gz', lambda t, k: b'', 'is an empty file', 'check the export'),
    empty_parquet=('a.parquet', lambda t, k: b'', 'is an empty file', 'check the export'), blank=('a.csv', lambda t, k: b'\n\n \n', 'is empty', 'check the export'),
    header_only=('a.csv', lambda t, k: csv_bytes(t[:0]), 'has no rows', 'check the export'), header_only_gzip=('a.csv.gz', lambda t, k: gzip.compress(csv_bytes(t[:0])), 'has no rows', 'check the export'),
    header_only_parquet=('a.parquet', lambda t, k: parquet_bytes(t[:0]), 'has no rows', 'check the export'),
    half_a_parquet=('a.parquet', lambda t, k: parquet_bytes(t)[:len(parquet_bytes(t)) // 2], 'is not a readable Parquet', 'again'),
    half_a_gzip=('a.csv.gz', lambda t, k: gzip.compress(csv_bytes(t))[:-20], 'is not a readable', 'again'),
    garbage=('a.csv', lambda t, k: garbage(3000), 'NUL byte at position', 'UTF-8'), garbage_without_nul=('a.csv', lambda t, k: garbage(3000).replace(b'\0', b''), 'is not UTF-8: byte 0x', 'UTF-8'),
    garbage_gzip=('a.csv.gz', lambda t, k: garbage(3000), 'is not a readable', 'again'), spoilt_gzip=('a.csv.gz', lambda t, k: gzip.compress(csv_bytes(t))[:12] + garbage(200), 'is not a readable', 'again'),
    gzip_of_garbage=('a.csv.gz', lambda t, k: gzip.compress(garbage(3000)), 'NUL byte at position', 'UTF-8'), gzip_in_name_only=('a.csv.gz', lambda t, k: csv_bytes(t), 'is not a readable', 'again'),
    gzip_without_its_name=('a.csv', lambda t, k: gzip.compress(csv_bytes(t)), '', 'save it as UTF-8'),
    garbage_parquet=('a.parquet', lambda t, k: garbage(3000), 'is not a readable Parquet', 'again'), framed_garbage=('a.parquet', lambda t, k: b'PAR1' + garbage(500) + b'\x10\0\0\0PAR1', 'is not a readable Parquet', 'again'),
    spoilt_parquet=('a.parquet', lambda t, k: parquet_bytes(t)[:4] + garbage(60) + parquet_bytes(t)[64:], 'is not a readable Parquet', 'again'),
    csv_named_parquet=('a.parquet', lambda t, k: csv_bytes(t), 'is not a readable Parquet', 'again'), parquet_named_csv=('a.csv', lambda t, k: parquet_bytes(t), 'NUL byte at position', 'UTF-8'),
    latin_1=('a.csv', lambda t, k: csv_bytes(t)[:-1] + 'é\n'.encode('latin-1'), 'is not UTF-8: byte 0xe9', 'save it as UTF-8'), utf_16=('a.csv', lambda t, k: csv_bytes(t).decode().encode('utf-16'), 'NUL byte', 'is it UTF-16'),
    nul=('a.csv', lambda t, k: csv_bytes(t)[:-1] + b'\0\n', 'NUL byte at position', 'UTF-8'),
    not_utf_8_parquet=('a.parquet', lambda t, k: parquet_bytes(t.assign(**{k: ['i\u1234'] * len(t)})).replace('i\u1234'.encode(), b'i\xff\xfe\xff'), 'is not a readable Parquet', 'again'),
    duplicate_header=('a.csv', lambda t, k: csv_bytes(doubled(t, k)), 'column {key!r} appears more than once', 'its own name'),
    duplicate_header_parquet=('a.parquet', lambda t, k: parquet_bytes(doubled(t, k), [k, *t]), 'column {key!r} appears more than once', 'its own name'),
    no_key=('a.csv', lambda t, k: csv_bytes(t.rename(columns={k: 'thing'})), 'column {key!r} is missing; columns found: ', 'rename'), no_key_parquet=('a.parquet', lambda t, k: parquet_bytes(t.rename(columns={k: 'thing'})), 'column {key!r} is missing; columns found: ', 'rename'),
    all_null_key=('a.csv', lambda t, k: csv_bytes(t.assign(**{k: None})), '{key}', 'give one user id|check the export'), all_null_key_parquet=('a.parquet', lambda t, k: parquet_bytes(t.assign(**{k: pd.Series([None] * len(t), dtype=object)})), '{key}', 'give one user id|check the export'),
    huge_header=('a.csv', lambda t, k: csv_bytes(t.rename(columns={k: 'x' * 5_000_000})), 'has a header that cannot be read', 'save it as CSV'), huge_header_parquet=('a.parquet', lambda t, k: parquet_bytes(t.rename(columns={k: 'x' * 5_000_000})), 'column {key!r} is missing', 'rename'),
    semicolons=('a.csv', lambda t, k: t.to_csv(index=False, sep=';').encode(), "separates its columns by ';'", 'with commas'), unknown_suffix=('a.xlsx', lambda t, k: b'PK', 'no known kind', '.csv, .csv.gz, .parquet'), folder=('a.csv/b', lambda t, k: b'x', 'is a folder', 'name one file'),
    link_to_nowhere=('a.csv', 'link', 'does not exist', 'check the path'), fifo=('a.csv', 'fifo', 'is an empty file', 'check the export'))


def broken_cells(): # every fault at every place; with --columns, and what is slow to make, once for each kind of file
    once = ('fit EVENTS', 'fit ITEMS', 'recommend --users')
    for fault in BROKEN:
        for site in READ:
            for columns in (False, True):
                if site in once or not columns and not fault.startswith('huge'): yield fault, site, columns


@pytest.mark.parametrize('fault, site, columns', broken_cells())
def test_a_broken_file_is_refused(fault, site, columns, fitted, seqrep):
    name, make, *said = BROKEN[fault]
    kind = READ[site][0]
    if callable(make): seqrep.write(name, make(GOOD[kind], KEY[kind]))
    elif make == 'link': os.symlink('nowhere.csv', name)
    elif make == 'fifo': os.mkfifo(name)
    argv, out = asked(site, name.split('/')[0], fitted, seqrep)
    if columns: argv += ['--columns', 'theirs=basket_id']
    message = seqrep.refused(name.split('/')[0], said[0].format(key=KEY[kind]), argv=argv)
    assert any(way in message for way in said[1].split('|')), message


SAME = dict(mark=('two/a.csv', lambda t: b'\xef\xbb\xbf' + csv_bytes(t)), gzip=('two/a.csv.gz', lambda t: gzip.compress(csv_bytes(t))), two_gzips=('two/a.csv.gz', lambda t: gzip.compress(csv_bytes(t)[:40]) + gzip.compress(csv_bytes(t)[40:])),
            windows=('two/a.csv', lambda t: csv_bytes(t).replace(b'\n', b'\r\n')), no_last_newline=('two/a.csv', lambda t: csv_bytes(t)[:-1]), all_quoted=('two/a.csv', lambda t: t.to_csv(index=False, quoting=1).encode()), parquet=('two/a.parquet', parquet_bytes),
            typed_parquet=('two/a.parquet', lambda t: parquet_bytes(t.assign(**{c: pd.to_datetime(t[c]).dt.tz_localize('UTC') if c == 'timestamp' else t[c].astype(float) for c in ('timestamp', 'price') if c in t}))),
            null_column=('two/a.parquet', lambda t: parquet_bytes(t.assign(quantity=pd.Series([None] * len(t), dtype=object), brand=pd.Series([None] * len(t), dtype=object)))))


@pytest.mark.parametrize('how, site', [(how, site) for how in SAME for site in READ if how in ('mark', 'gzip', 'parquet') or not site.startswith(('evaluate', 'classify'))])
def test_the_same_rows_give_the_same_result(how, site, fitted, seqrep, plain={}):
    (name, make), kind, results = SAME[how], READ[site][0], []
    for file in ([] if site in plain else [seqrep.write('one/a.csv', GOOD[kind])]) + [seqrep.write(name, make(GOOD[kind]))]:
        argv, out = asked(site, file, fitted, seqrep)
        report = seqrep.done(*argv, out=out, code=None if out is None else 0)
        made = tree('.')
        results.append({n: c for n, c in made.items() if n.partition('/')[0] == out and not n.endswith(('.json', 'SHA256SUMS'))} | {n: v for n, v in report.items() if n not in ('notes', 'model', 'out')})
        assert out is None or out in made
    assert results[-1] == plain.setdefault(site, results[0]) and len(results[-1]) > 2


# Bad rows: set aside with row and reason, or named and refused; none is lost

def changed(table, row, **values):
    table = table.astype(object).copy()
    for column, value in values.items(): table.loc[row, column] = value
    return table


NO_LINES = dict(   # kind; file; bytes; the bad row, its column, its value in the message, its reason; where a value is not a text, in Parquet only
    text_as_time=('events', 'a.csv', lambda t: csv_bytes(changed(t, 3, timestamp='yesterday')), 3, 'timestamp', "'yesterday'", 'timestamp is not a time'),
    other_century=('events', 'a.csv', lambda t: csv_bytes(changed(t, 3, timestamp='3024-01-01')), 3, 'timestamp', "'3024-01-01'", 'timestamp is outside 1990 to 2099'),
    sql_as_time=('events', 'a.csv', lambda t: csv_bytes(changed(t, 3, timestamp="'); DROP TABLE events; --")), 3, 'timestamp', 'DROP TABLE', 'timestamp is not a time'),
    price_abc=('events', 'a.csv', lambda t: csv_bytes(changed(t, 3, price='abc')), 3, 'price', "'abc'", 'price is not a number'), price_infinite=('events', 'a.csv', lambda t: csv_bytes(changed(t, 3, price='inf')), 3, 'price', "'inf'", 'price is not a number'),
    price_formula=('events', 'a.csv', lambda t: csv_bytes(changed(t, 3, price='=1+1')), 3, 'price', "'=1+1'", 'price is not a number'),
    no_user=('events', 'a.csv', lambda t: csv_bytes(changed(t, 3, user_id='')), 3, 'user_id', "''", 'user_id is missing'), user_nan=('events', 'a.csv', lambda t: csv_bytes(changed(t, 3, user_id='nan')), 3, 'user_id', "'nan'", 'user_id is missing'), item_nan=('events', 'a.csv', lambda t: csv_bytes(changed(t, 3, item_id='nan')), 3, 'item_id', "'nan'", 'item_id is missing'),
    cut_inside_a_row=('events', 'a.csv', lambda t: csv_bytes(t)[:-12], len(TINY) - 1, None, 'u005', 'row is not as wide as the header'), cut_inside_a_row_gzip=('events', 'a.csv.gz', lambda t: gzip.compress(csv_bytes(t)[:-12]), len(TINY) - 1, None, 'u005', 'row is not as wide as the header'),
    cut_inside_a_time=('events', 'a.csv', lambda t: csv_bytes(t[[*t.columns.drop('timestamp'), 'timestamp']])[:-12], len(TINY) - 1, 'timestamp', "'2024-01", 'timestamp is not a time'),
    row_too_wide=('events', 'a.csv', lambda t: csv_bytes(changed(t, 3, price='1,5')).replace(b'"', b''), 3, None, 'u000', 'row is not as wide as the header'),
    newline_before_a_row_too_wide=('events', 'a.csv', lambda t: csv_bytes(changed(changed(t, 1, item_id='a\nb'), 3, price='1~5')).replace(b'~', b','), 3, None, 'u000', 'row is not as wide as the header'),
    huge_time=('events', 'a.parquet', lambda t: parquet_bytes(changed(t, 3, timestamp='x' * 5_000_000)), 3, 'timestamp', "'xxx", 'timestamp is not a time'), huge_price=('events', 'a.parquet', lambda t: parquet_bytes(changed(t, 3, price='9' * 5_000_000)), 3, 'price', "'999", 'price is not a number'),
    nul_in_an_id=('events', 'a.parquet', lambda t: parquet_bytes(changed(t, 3, item_id='a\0b')), 3, 'item_id', 'a\\x00b', 'item_id is not an id'), nul_in_a_time=('events', 'a.parquet', lambda t: parquet_bytes(changed(t, 3, timestamp='2024-01-01\0')), 3, 'timestamp', '2024-01-01', 'timestamp is not a time'),
    half_an_id=('events', 'a.parquet', lambda t: parquet_bytes(t.assign(item_id=[1.5 if i == 3 else 2.0 for i in range(len(t))])), 3, 'item_id', '1.5', 'item_id is not an id'), null_user=('events', 'a.parquet', lambda t: parquet_bytes(changed(t, 3, user_id=None)), 3, 'user_id', '', 'user_id is missing'),
    null_time=('events', 'a.parquet', lambda t: parquet_bytes(changed(t, 3, timestamp=None)), 3, 'timestamp', '', 'timestamp is missing'),
    item_without_id=('items', 'a.csv', lambda t: csv_bytes(changed(t, 3, item_id='')), 3, 'item_id', "''", 'item_id is missing'), item_twice=('items', 'a.csv', lambda t: csv_bytes(changed(t, 3, item_id='i01')), 3, 'item_id', "'i01'", 'item_id is a repeated id'), item_price=('items', 'a.csv', lambda t: csv_bytes(changed(t, 3, price='abc')), 3, 'price', "'abc'", 'price is not a number'),
    item_cut=('items', 'a.csv', lambda t: csv_bytes(t)[:-6], len(ITEMS) - 1, None, 'i0', 'row is not as wide as the header'), item_nul=('items', 'a.parquet', lambda t: parquet_bytes(changed(t, 3, item_id='a\0b')), 3, 'item_id', 'a\\x00b', 'item_id is not an id'))
READERS = dict(events=[s for s in READ if READ[s][0] in ('events', 'later')], items=[s for s in READ if READ[s][0] == 'items'])


@pytest.mark.parametrize('fault, site', [(fault, site) for fault in NO_LINES for site in READERS[NO_LINES[fault][0]] if fault in ('price_abc', 'cut_inside_a_row', 'nul_in_an_id', 'item_cut') or site.startswith('fit')])
def test_a_bad_row_is_set_aside_and_counted_or_refused(fault, site, fitted, seqrep):
    kind, name, make, row, column, value, reason = NO_LINES[fault]
    table = GOOD['items'] if kind == 'items' else TINY if READ[site][0] == 'events' else LATER
    if row == len(TINY) - 1: row = len(table) - 1
    seqrep.write(name, make(table))
    argv, out = asked(site, name, fitted, seqrep)
    seqrep.refused(name, f'column {column!r}' if column else 'not as wide as the header', f'first: row {row}, ', value, argv=[*argv, '--on-bad', 'raise'])
    report = seqrep.done(*argv, out=out, code=None if out is None else 0)
    if site != 'audit --vocabulary': assert f'{name}: 1 rows set aside (first: row {row}, {reason})' in report['notes']
    if site == 'fit EVENTS':
        kept = pd.read_parquet('new/rejected.parquet')
        assert (report['rows_set_aside'], kept.row.tolist(), kept.reason.tolist()) == (1, [str(row)], [reason]) and report['events'] + 1 + sum(report['rows_cleaned_away'].values()) == len(table)
        assert column is None or value.strip("'")[:3] in str(kept[column].iloc[0]).replace('\0', '\\x00'), 'the value that was there is kept'
    if site == 'fit ITEMS': assert pd.read_parquet('new/rejected-items.parquet')[['row', 'reason']].to_numpy().tolist() == [[str(row), reason]]


ODD_USERS = dict(   # bytes of a users file with one row that is no user; rows passed over; who is left
    no_id=('a.csv', b'user_id,age\nu000,1\n,2\nu001,3\n', 1), nan=('a.csv', b'user_id,age\nu000,1\nnan,2\nu001,3\n', 1), twice=('a.csv', b'user_id,age\nu000,1\nu000,2\nu001,3\n', 1),
    cut_inside_a_row=('a.csv', b'user_id,age\nu000,1\nu001,3\nu002', 1), row_too_wide=('a.csv', b'user_id,age\nu000,1\nu002,2,3\nu001,3\n', 1),
    nul=('a.parquet', parquet_bytes(pd.DataFrame(dict(user_id=['u000', 'u\0', 'u001']))), 1), null=('a.parquet', parquet_bytes(pd.DataFrame(dict(user_id=['u000', None, 'u001']))), 1))


@pytest.mark.parametrize('command', ['recommend', 'classify', 'encode'])
@pytest.mark.parametrize('fault', ODD_USERS)
def test_a_row_that_names_no_user_is_passed_over_and_counted(fault, command, fitted, seqrep):
    name, data, odd = ODD_USERS[fault]
    seqrep.write(name, data)
    report = seqrep.done(command, fitted/'heads', '--users', name, '--out', 'new.csv', out='new.csv')
    assert sorted(set(pd.read_csv('new.csv', dtype=str).user_id)) == ['u000', 'u001']
    assert (report['users'], report['without_history']) == (2, 0) and any(n.startswith(f'{name}: {odd} rows') for n in report['notes'])


def test_every_row_of_a_spoilt_log_is_kept_or_set_aside(seqrep):
    "Every third row has another fault; some rows are copies, some were taken back."
    log = TINY.assign(quantity='1').astype(object)
    for row, (column, value) in zip(range(0, len(log), 3), [('user_id', ''), ('item_id', 'nan'), ('timestamp', 'x'), ('price', 'y'), ('quantity', '-1'), ('quantity', '0'), ('timestamp', '2224-01-01')]): log.loc[row, column] = value
    log = pd.concat([log, log[log.user_id == 'u005']])
    report = seqrep.done('fit', seqrep.write('a.csv', log), '--out', 'new', out='new')
    assert (report['rows_set_aside'], report['rows_cleaned_away']) == (5, dict(quantity_not_positive=2, exact_duplicate=9))
    assert report['events'] + 5 + 11 == len(log) and len(pd.read_parquet('new/rejected.parquet')) == 5 and len(pd.read_parquet('new/cleaned-away.parquet')) == 11


MOSTLY_BAD = dict(times=dict(timestamp='yesterday'), prices=dict(price='abc'), no_user=dict(user_id=''), no_item=dict(item_id='nan'))


@pytest.mark.parametrize('site', READERS['events'])
@pytest.mark.parametrize('fault', MOSTLY_BAD)
def test_a_log_that_is_mostly_bad_is_refused(fault, site, fitted, seqrep):
    seqrep.write('a.csv', (TINY if READ[site][0] == 'events' else LATER).assign(**MOSTLY_BAD[fault]))
    seqrep.refused('a.csv', f'bad rows of', 'first: row 0, ' + next(iter(MOSTLY_BAD[fault])), 'check the export', argv=asked(site, 'a.csv', fitted, seqrep)[0])


EMPTY_AFTER = dict(taken_back=lambda t: t.assign(quantity='0'), searches=lambda t: t.assign(action='search', item_id=''))


@pytest.mark.parametrize('site', ['fit EVENTS', 'evaluate EVENTS', 'evaluate --events'])
@pytest.mark.parametrize('fault', EMPTY_AFTER)
def test_a_log_of_which_nothing_is_left_is_refused_by_name(fault, site, fitted, seqrep):
    seqrep.write('a.csv', EMPTY_AFTER[fault](TINY if READ[site][0] == 'events' else LATER))
    seqrep.refused('a.csv', argv=asked(site, 'a.csv', fitted, seqrep)[0])


# Ids and texts that were made to hurt

IDS = ['=1+cmd|/C calc!A0', '@SUM(A1)', '+1', '-2+3', '../../x', '/etc/passwd', '..', '.', 'C:\\x', 'a"b', "a'b", 'a,b', 'a\nb', 'a\r\nb', 'a\tb', '😀', '\u202eabc', 'שלום', 'NA', 'N/A', 'inf', '1e5', '007', '1.0', "'; DROP TABLE events; --", '%s%n', '{0}', '\u200b', 'é', 'e\u0301', 'İ', 'true', '#', '\\', '$(id)', '`id`']


def hostile_cells():
    for given in ('csv', 'parquet'):
        for which in ('user_id', 'item_id', 'basket_id', 'place', 'action', 'query'):
            for ending in ('csv', 'csv.gz', 'parquet') if which.endswith('r_id') or which == 'item_id' else ('csv',): yield IDS, given, which, ending
    for which in ('user_id', 'item_id'):
        for ending in ('csv', 'csv.gz', 'parquet'): yield [*IDS, 'a\rb'], 'csv', which, ending


@pytest.mark.parametrize('ids, given, which, ending', hostile_cells(), ids=lambda v: 'with_carriage_return' if v == [*IDS, 'a\rb'] else 'ids' if isinstance(v, list) else v)
def test_hostile_ids_come_back_as_they_are(ids, given, which, ending, seqrep):
    n = 3 * len(ids)
    log = pd.DataFrame(dict(user_id=[f'u{i % 5}' for i in range(n)], item_id=[f'i{i % 7}' for i in range(n)], action='buy', timestamp=[f'2024-01-{i % 28 + 1:02d}' for i in range(n)]))
    log[which] = ids * 3
    report = seqrep.done('fit', seqrep.write(f'a.{given}', log.to_csv(index=False, quoting=1).encode() if given == 'csv' else log), '--out', 'new', out='new')
    assert report['rows_set_aside'] == 0 and report['events'] + sum(report['rows_cleaned_away'].values()) == len(log) and (report['users'], report['items']) == (log.user_id.nunique(), log.item_id.nunique())
    out = f'recs.{ending}'
    done = seqrep.done('recommend', 'new', '--k', log.item_id.nunique(), '--out', out, out=out)
    found = pd.read_parquet(out) if ending == 'parquet' else pd.read_csv(out, dtype=str, keep_default_na=False)
    assert (len(found), set(found.user_id), set(found.item_id)) == (done['rows'], set(log.user_id), set(log.item_id)) and done['rows'] == log.user_id.nunique() * log.item_id.nunique()
    again = seqrep.done('encode', 'new', '--users', out, '--out', 'vectors.csv', out='vectors.csv')
    assert (again['users'], again['without_history']) == (log.user_id.nunique(), 0), 'the list of users that was written is not read back'


HUGE = 'x' * 5_000_000


@pytest.mark.parametrize('ending', ['csv', 'csv.gz', 'parquet'])
@pytest.mark.parametrize('column', ['user_id', 'item_id', 'basket_id', 'query', 'place'])
def test_a_huge_field_is_one_more_value(column, ending, seqrep):
    log = TINY.assign(**{column: TINY[column] if column in TINY else 'b'})
    log.loc[3, column] = HUGE
    seqrep.write('a.csv.gz', gzip.compress(csv_bytes(log))) if ending == 'csv.gz' else seqrep.write(f'a.{ending}', log)
    report = seqrep.done('fit', f'a.{ending}', '--out', 'new', out='new')
    assert report['events'] == len(log) and len(json.dumps(report)) < 20_000
    done = seqrep.done('recommend', 'new', '--out', 'recs.parquet', out='recs.parquet')
    assert done['users'] == log.user_id.nunique() and (column != 'item_id' or HUGE in set(pd.read_parquet('recs.parquet').item_id))


@pytest.mark.parametrize('ending', ['csv', 'parquet'])
def test_a_huge_title_is_read_up_to_what_the_model_reads(ending, seqrep):
    items = ITEMS.assign(title=[HUGE.replace('x', 'milk ')[:5_000_000] if i == 3 else 'milk' for i in range(len(ITEMS))])
    seqrep.write('a.csv', TINY)
    report = seqrep.done('fit', 'a.csv', seqrep.write(f'items.{ending}', items), '--out', 'new', out='new')
    assert report['items'] == 8 and any('text is made of title' in n for n in report['notes'])
    assert seqrep.done('recommend', 'new', '--k', 3, '--query', 'milk', '--out', 'recs.csv', out='recs.csv')['rows'] == 18


@pytest.mark.parametrize('kind', ['floats', 'integers', 'categories', 'bytes'])
def test_ids_of_another_type_are_read_as_text(kind, seqrep):
    numbers = TINY.item_id.str[1:].astype(int)
    ids = dict(floats=numbers.astype(float), integers=numbers, categories=TINY.item_id.astype('category'), bytes=TINY.item_id.str.encode('utf-8'))[kind]
    report = seqrep.done('fit', seqrep.write('a.parquet', TINY.assign(item_id=ids)), '--out', 'new', out='new')
    assert (report['rows_set_aside'], report['events']) == (0, len(TINY))
    seqrep.done('recommend', 'new', '--out', 'recs.parquet', out='recs.parquet')
    assert set(pd.read_parquet('recs.parquet').item_id) == set(numbers.astype(str) if kind in ('floats', 'integers') else TINY.item_id)


# A model folder that is damaged, or was made to hurt

ASK = {'recommend': 'recommend MODEL --out new.csv', 'classify': 'classify MODEL --out new.csv', 'encode': 'encode MODEL --out new.csv', 'evaluate': 'evaluate MODEL --events later.csv --out new.json'}
PARTS = ['model.json', 'items.arrow', 'users.arrow', 'sample.arrow', 'histories.safetensors', 'heads.skops', 'report.json', 'SHA256SUMS']


class TooLong(BaseException): "What no `except Exception` catches."


@contextlib.contextmanager
def within(seconds):
    "Break off what would wait for ever."
    def stop(*_): raise TooLong
    old = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try: yield
    finally: signal.alarm(0); signal.signal(signal.SIGALRM, old)


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))

def replaced(path, make): # by a folder, a link, a pipe
    path.unlink()
    make()

HURT = dict(   # what is done to one file of the model
    missing=lambda p: p.unlink(), empty=lambda p: p.write_bytes(b''), half=lambda p: p.write_bytes(p.read_bytes()[:p.stat().st_size // 2]), flipped=flip, longer=lambda p: p.write_bytes(p.read_bytes() + b'\xff\n'), garbage=lambda p: p.write_bytes(garbage(3000)),
    folder=lambda p: replaced(p, p.mkdir), link_to_nowhere=lambda p: replaced(p, lambda: p.symlink_to('nowhere')), link_to_other_content=lambda p: replaced(p, lambda: p.symlink_to('/etc/passwd')), link_to_itself=lambda p: replaced(p, lambda: p.symlink_to(p.name)), pipe=lambda p: replaced(p, lambda: os.mkfifo(p)))


def model_to_hurt(fitted, seqrep, name='heads'):
    shutil.copytree(fitted/name, 'model')
    seqrep.write('later.csv', LATER)
    return Path('model')


def hurt_cells():
    for part in PARTS:
        for fault in HURT:
            if fault == 'pipe' and part not in ('heads.skops', 'model.json', 'SHA256SUMS'): continue      # a run that hangs costs its time
            for command in ASK if part in ('heads.skops', 'model.json') and fault != 'pipe' else ['recommend']: yield part, fault, command


@pytest.mark.parametrize('part, fault, command', hurt_cells())
def test_a_damaged_model_is_refused_by_the_name_of_the_file(part, fault, command, fitted, seqrep):
    model = model_to_hurt(fitted, seqrep)
    HURT[fault](model/part)
    with within(2): message = seqrep.refused('model', argv=ASK[command].replace('MODEL', 'model').split())
    assert part in message or part == 'SHA256SUMS', message   # a wrong sum cannot be told from a wrong file
    assert 'fit' in message.rpartition('; ')[2], ('no way out', message)


EXTRA = dict(file=lambda p: p.write_bytes(b'x'), folder=lambda p: p.mkdir(), link_to_nowhere=lambda p: p.symlink_to('nowhere'), link_out=lambda p: p.symlink_to('/etc/passwd'), pipe=lambda p: os.mkfifo(p))


@pytest.mark.parametrize('fault, name', [(fault, name) for fault in EXTRA for name in ('extra', '.hidden', 'naïve 😀', 'early.json') if fault != 'pipe' or name == 'extra'])
def test_a_model_with_something_else_in_it_is_refused(name, fault, fitted, seqrep):
    EXTRA[fault](model_to_hurt(fitted, seqrep)/name)
    with within(2): message = seqrep.refused(name, argv=['recommend', 'model', '--out', 'new.csv'])
    assert 'fit' in message.rpartition('; ')[2], ('no way out', message)


@pytest.mark.parametrize('command', ASK)
def test_a_file_of_the_model_may_be_a_link_to_the_same_content(command, fitted, seqrep):
    model = model_to_hurt(fitted, seqrep, 'tiny' if command == 'evaluate' else 'heads')
    plain = seqrep.done(*ASK[command].replace('MODEL', 'model').split(), out='new.json' if command == 'evaluate' else 'new.csv')
    before = tree('.')
    (model/'users.arrow').rename('elsewhere')
    (model/'users.arrow').symlink_to('../elsewhere')
    assert seqrep.done(*ASK[command].replace('MODEL', 'model').split(), out='new.json' if command == 'evaluate' else 'new.csv') == plain
    assert all(tree('.')[n] == c for n, c in before.items() if n.startswith('new'))


NO_MODEL = dict(missing=lambda: None, empty_folder=lambda: os.mkdir('model'), file=lambda: Path('model').write_bytes(b'x'), folder_of_other_things=lambda: (os.mkdir('model'), Path('model/a.txt').write_bytes(b'x')), link_to_nowhere=lambda: os.symlink('nowhere', 'model'), pipe=lambda: os.mkfifo('model'))


@pytest.mark.parametrize('command', ASK)
@pytest.mark.parametrize('fault', NO_MODEL)
def test_what_is_no_model_is_refused(fault, command, seqrep):
    NO_MODEL[fault]()
    seqrep.write('later.csv', LATER)
    with within(2): seqrep.refused('model', argv=ASK[command].replace('MODEL', 'model').split())


def forged(model, part, data):
    "A file replaced by somebody who mends SHA256SUMS too."
    from seqrep_nb.model import file_sums
    (model/part).write_bytes(data)
    (model/'SHA256SUMS').write_text(file_sums(model))


class Payload:
    def __reduce__(self): return (Path.touch, (Path('executed'),))


def evil_skops():
    import skops.io
    from sklearn.preprocessing import FunctionTransformer
    return skops.io.dumps(dict(intent=[FunctionTransformer(os.system, kw_args=None)]))

def edited(part, **changes): return lambda data: json.dumps(json.loads(data) | changes).encode()

FORGED = dict(   # part; its new content, from the old
    pickle=('heads.skops', lambda data: __import__('pickle').dumps(Payload())), skops_of_another_type=('heads.skops', lambda data: evil_skops()), garbage_heads=('heads.skops', lambda data: garbage(3000)), empty_heads=('heads.skops', lambda data: b''), half_the_heads=('heads.skops', lambda data: data[:len(data) // 2]),
    garbage_histories=('histories.safetensors', lambda data: garbage(3000)), huge_header=('histories.safetensors', lambda data: b'\xff' * 8 + data[8:]), half_the_histories=('histories.safetensors', lambda data: data[:len(data) // 2]), empty_histories=('histories.safetensors', lambda data: b''),
    garbage_items=('items.arrow', lambda data: garbage(3000)), half_the_items=('items.arrow', lambda data: data[:len(data) // 2]), empty_items=('items.arrow', lambda data: b''), garbage_users=('users.arrow', lambda data: garbage(3000)),
    no_json=('model.json', lambda data: b'{'), list=('model.json', lambda data: b'[]'), number=('model.json', lambda data: b'1'), not_utf_8=('model.json', lambda data: b'"\xff"'), deep=('model.json', lambda data: b'[' * 100_000), no_fields=('model.json', lambda data: b'{}'),
    other_format=('model.json', edited('model.json', format=99)), no_state=('model.json', lambda data: json.dumps({k: v for k, v in json.loads(data).items() if k != 'state'}).encode()), empty_state=('model.json', edited('model.json', state={})), list_as_state=('model.json', edited('model.json', state=[1])),
    other_parameters=('model.json', edited('model.json', parameters=dict(no_such=1))), text_as_actions=('model.json', edited('model.json', actions=1)))


@pytest.mark.parametrize('fault', FORGED)
def test_a_forged_model_is_refused_and_nothing_of_it_is_run(fault, fitted, seqrep):
    part, make = FORGED[fault]
    model = model_to_hurt(fitted, seqrep)
    forged(model, part, make((model/part).read_bytes()))
    message = seqrep.refused('model', argv=['classify', 'model', '--out', 'new.csv'])
    assert part in message or part.partition('.')[0] in message, message
    assert not Path('executed').exists()


# What is written

WRITE = {'recommend': ('recommend HEADS --out OUT', 'new.csv'), 'recommend gzip': ('recommend HEADS --out OUT', 'new.csv.gz'), 'recommend Parquet': ('recommend HEADS --out OUT', 'new.parquet'), 'classify': ('classify HEADS --out OUT', 'new.csv'), 'encode': ('encode HEADS --out OUT', 'new.csv'),
         'encode Parquet': ('encode HEADS --out OUT', 'new.parquet'), 'evaluate': ('evaluate TINY --events later.csv --out OUT', 'new.json'), 'evaluate EVENTS': ('evaluate events.csv --out OUT', 'new.json'), 'fit': ('fit events.csv --out OUT', 'new')}


def to_write(site, fitted, seqrep, out=None):
    for kind in ('events', 'later'): seqrep.write(f'{kind}.csv', GOOD[kind])
    line, name = WRITE[site]
    return line.replace('HEADS', str(fitted/'heads')).replace('TINY', str(fitted/'tiny')).replace('OUT', out or name).split()


@contextlib.contextmanager
def unprivileged(*folders):
    "Root may write anywhere: be somebody else for a while, who may enter these folders."
    if os.geteuid(): yield; return
    opened = {p: p.stat().st_mode for folder in folders for p in (folder, *folder.parents) if p.stat().st_mode & 0o055 != 0o055}
    for path, mode in opened.items(): path.chmod(mode | 0o055)
    os.seteuid(65534)
    try: yield
    finally:
        os.seteuid(0)
        for path, mode in opened.items(): path.chmod(mode)


NO_PLACE = dict(   # where is written, made from the right name; what is prepared; what the message says
    below_a_file=(lambda n: f'file/{n}', lambda: Path('file').write_bytes(b'x'), 'is a file, so nothing can be written below it'), far_below_a_file=(lambda n: f'file/deep/{n}', lambda: Path('file').write_bytes(b'x'), 'is a file, so nothing can be written below it'),
    name_too_long=(lambda n: 'x' * 300 + n, lambda: None, 'File name too long'))


@pytest.mark.parametrize('site', WRITE)
@pytest.mark.parametrize('fault', NO_PLACE)
def test_a_place_that_cannot_be_written_is_refused(fault, site, fitted, seqrep):
    name, prepare, said = NO_PLACE[fault]
    prepare()
    out = name(WRITE[site][1])
    seqrep.refused('file' if 'below' in fault else out, said, argv=to_write(site, fitted, seqrep, out))


@pytest.mark.parametrize('site', WRITE)
@pytest.mark.parametrize('older', [False, True], ids=['new', 'older'])
def test_a_read_only_folder_is_refused_before_any_work(older, site, fitted, seqrep, tmp_path):
    argv, place = to_write(site, fitted, seqrep, f'locked/{WRITE[site][1]}'), tmp_path/'locked'
    place.mkdir()
    if older and site == 'fit': shutil.copytree(fitted/'tiny', place/'new')
    elif older: (place/WRITE[site][1]).write_bytes(b'older')
    place.chmod(0o555)
    with unprivileged(fitted, tmp_path): seqrep.refused('locked', 'cannot be written to (Permission denied)', argv=argv)


@pytest.mark.parametrize('command', ASK)
def test_a_read_only_model_is_read(command, fitted, seqrep, tmp_path):
    model_to_hurt(fitted, seqrep, 'tiny' if command == 'evaluate' else 'heads')
    for path in (tmp_path/'model').iterdir(): path.chmod(0o444)
    (tmp_path/'model').chmod(0o555)
    tmp_path.chmod(0o777)
    out = 'new.json' if command == 'evaluate' else 'new.csv'
    with unprivileged(tmp_path): seqrep.done(*ASK[command].replace('MODEL', 'model').split(), out=out)
    assert Path(out).stat().st_size > 200


def test_a_model_may_be_read_by_whoever_may_read_its_neighbours(seqrep):
    seqrep.done('fit', seqrep.write('events.csv', TINY), '--out', 'new', out='new')
    assert {p.name: oct(p.stat().st_mode) for p in Path('new').iterdir()} == {p.name: oct(Path('new/model.json').stat().st_mode) for p in Path('new').iterdir()}


@pytest.mark.parametrize('site', ['fit EVENTS', 'fit ITEMS', 'recommend --users', 'recommend --events', 'evaluate EVENTS', 'audit TRAIN'])
def test_a_file_that_may_not_be_read_is_refused(site, fitted, seqrep, tmp_path):
    seqrep.write('a.csv', GOOD[READ[site][0]])
    argv = asked(site, 'a.csv', fitted, seqrep)[0]
    Path('a.csv').chmod(0)
    tmp_path.chmod(0o777)
    with unprivileged(fitted, tmp_path):
        code = main(argv)
        ran = Ran(code, *seqrep.capfd.readouterr())
    assert ran.code == 2 and ran.err.startswith('seqrep: error: ') and ran.err.count('\n') == 1 and 'a.csv' in ran.err and 'Permission denied' in ran.err and sorted(p.name for p in tmp_path.iterdir()) == ['a.csv', 'events.csv', 'later.csv'], ran
    assert 'make room' not in ran.err, 'the way out of a full disk is none of a file that may not be read'


@pytest.mark.parametrize('site', WRITE)
def test_a_folder_in_the_place_of_the_result_is_refused_and_kept(site, fitted, seqrep):
    seqrep.write(f'{WRITE[site][1]}/mine.txt', b'mine')
    seqrep.refused(WRITE[site][1], 'is a folder', argv=to_write(site, fitted, seqrep))


@pytest.mark.parametrize('site', WRITE)
def test_a_pipe_in_the_place_of_the_result_is_not_replaced(site, fitted, seqrep):
    "As /dev/null or /dev/stdout would be, for whoever may write beside them."
    os.mkfifo(WRITE[site][1])
    with within(2): seqrep.refused(WRITE[site][1], argv=to_write(site, fitted, seqrep))


@pytest.mark.parametrize('site', [s for s in WRITE if s != 'fit'])
def test_an_older_result_is_replaced_and_what_a_link_points_to_is_kept(site, fitted, seqrep):
    out = WRITE[site][1]
    seqrep.write('mine', b'mine')
    os.symlink('mine', out)
    seqrep.done(*to_write(site, fitted, seqrep), out=out)
    assert not Path(out).is_symlink() and Path(out).stat().st_size > 200
    first = Path(out).read_bytes()
    seqrep.done(*to_write(site, fitted, seqrep), out=out)
    assert Path(out).read_bytes() == first


OVER = {'fit over EVENTS': 'fit events.csv --out events.csv', 'fit over ITEMS': 'fit events.csv items.csv --out items.csv', 'recommend over --users': 'recommend model --users users.csv --out users.csv', 'recommend over --events': 'recommend model --events later.csv --out later.csv', 'classify over --events': 'classify model --events later.csv --out later.csv',
        'encode over --users': 'encode model --users users.csv --out users.csv', 'evaluate over EVENTS': 'evaluate events.csv --out events.csv', 'evaluate over ITEMS': 'evaluate events.csv items.csv --out items.csv', 'evaluate over --events': 'evaluate model --events later.csv --out later.csv',
        'recommend into MODEL': 'recommend model --out model/recs.csv', 'encode into MODEL': 'encode model --out model/vectors.parquet', 'classify into MODEL': 'classify model --out model/classes.csv', 'evaluate into MODEL': 'evaluate model --events later.csv --out model/report.json', 'fit into MODEL': 'fit events.csv --out model/model', 'recommend over --users by another name': 'recommend model --users users.csv --out ./model/../users.csv'}


@pytest.mark.parametrize('how', OVER)
def test_a_result_never_replaces_what_was_read(how, fitted, seqrep):
    model_to_hurt(fitted, seqrep, 'tiny' if 'evaluate' in how else 'heads')
    for kind in GOOD: seqrep.write(f'{kind}.csv', GOOD[kind])
    seqrep.refused(OVER[how].split()[-1].rpartition('/')[2], argv=OVER[how].split())


@pytest.mark.parametrize('name', [b'naive-\xff', 'naïve 😀 \u202e'.encode(), b'a\nb', b'a[1]*', b'-', b'%s', b'a;b', b"a'b\"c"], ids=repr)
@pytest.mark.parametrize('command', ['fit', 'recommend', 'evaluate'])
def test_files_may_have_any_name(command, name, fitted, seqrep):
    name, argv = os.fsdecode(name), dict(fit=['fit', 'X/a.csv', '--out', 'X/out'], recommend=['recommend', fitted/'tiny', '--users', 'X/a.csv', '--out', 'X/out.csv'], evaluate=['evaluate', 'X/a.csv', '--out', 'X/out.json'])[command]
    seqrep.write(f'./{name}/a.csv', GOOD['users' if command == 'recommend' else 'events'])
    argv = [str(a).replace('X/', f'./{name}/') for a in argv]
    seqrep.done(*argv, out=argv[-1].removeprefix('./'))
    Path(f'./{name}/a.csv').write_bytes(b'')
    ran = seqrep(*argv, out='nothing')
    assert ran.code == 2 and 'is an empty file' in ran.err


# The disk is full: no file can grow beyond so many bytes

@contextlib.contextmanager
def disk_of(size):
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try: yield
    finally: resource.setrlimit(resource.RLIMIT_FSIZE, old); signal.signal(signal.SIGXFSZ, ignored)


@pytest.mark.parametrize('older', [False, True], ids=['new', 'older'])
@pytest.mark.parametrize('site', WRITE)
def test_a_full_disk_leaves_nothing_half_written(site, older, fitted, seqrep):
    argv, out = to_write(site, fitted, seqrep), WRITE[site][1]
    if older and site == 'fit': shutil.copytree(fitted/'tiny', out)
    elif older: seqrep.write(out, b'older')
    with disk_of(600): seqrep.refused(out, 'File too large', 'make room', argv=argv, kept='.new-partial')   # finished steps, for when there is room


def test_a_disk_that_is_full_at_every_size_up_to_enough(fitted, seqrep):
    "Whichever file of the model is the first that does not fit: no model, or the whole one."
    argv, codes = to_write('fit', fitted, seqrep), []
    for size in (600, 1000, 1500, 2500, 4000, 6000, 9000, 100_000):
        with disk_of(size): code = main(argv)
        codes.append(code)
        left = sorted(p.name for p in Path('.').iterdir() if p.name not in ('events.csv', 'later.csv', '.new-partial'))
        assert left == (['new'] if code == 0 else []), (size, left)
    assert codes[0] == 2 and codes[-1] == 0
    seqrep.done('recommend', 'new', '--out', 'recs.csv', out='recs.csv')


def start(*argv, cwd, env=None, **options):
    return subprocess.Popen([sys.executable, '-c', 'from seqrep_nb.command import main; import sys; sys.exit(main())', *map(str, argv)], cwd=cwd, env=os.environ | dict(SEQREP_QUIET='1', TF_CPP_MIN_LOG_LEVEL='3') | (env or {}), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def test_a_full_disk_of_a_whole_process(fitted, seqrep, tmp_path):
    def small():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
    before = tree('.')
    run = start('recommend', fitted/'heads', '--out', 'new.csv', cwd=tmp_path, preexec_fn=small)
    out, err = run.communicate()
    assert (run.returncode, out) == (2, '') and err.startswith('seqrep: error: ') and err.count('\n') == 1 and tree('.') == before


# Killed

def sequences():
    "A log from which a network is trained, with one inner cut: forty users from the start, forty in the last week, each through the items in their order."
    r, rows = np.random.default_rng(0), []
    for u in range(80):
        for j, day in enumerate(np.sort(r.choice(60, 10, replace=False) if u < 40 else 53 + r.choice(7, 6, replace=False))):
            rows += [(f'u{u:03d}', f'i{(u + 2 * j + i) % 30:02d}', 'buy', str(pd.Timestamp('2024-01-01') + pd.Timedelta(days=int(day), minutes=u))) for i in range(2)]
    return pd.DataFrame(rows, columns=['user_id', 'item_id', 'action', 'timestamp'])

TRAINED = ['fit', 'events.csv', 'items.csv', '--out', 'model', '--steps', '5', '--max-items', '50']
MOMENTS = ['vectors.safetensors', 'plan.json', 'transformer-0.safetensors']


def wait_for(made, run, seconds=600):
    "Until something is there, or the process has ended."
    end = time.monotonic() + seconds
    while not made() and run.poll() is None and time.monotonic() < end: time.sleep(.005)


class Killed:
    "One fit, whole; and the same killed as soon as each file of its work folder is there, begun again after each."
    def __init__(self, folder):
        self.states, self.whole, self.cut = {}, folder/'whole', folder/'cut'
        for place in (self.whole, self.cut):
            place.mkdir()
            sequences().to_csv(place/'events.csv', index=False)
            pd.DataFrame(dict(item_id=[f'i{i:02d}' for i in range(30)], title=[f'thing {i * 7 % 30}' for i in range(30)])).to_csv(place/'items.csv', index=False)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        whole = start(*TRAINED, cwd=self.whole)
        wait_for((self.whole/'.model.lock').exists, whole)
        second = start(*TRAINED, cwd=self.whole)
        self.second = (*second.communicate(), second.returncode, whole.poll())
        for moment in MOMENTS:
            run = start(*TRAINED, cwd=self.cut)
            work = lambda: next(self.cut.glob(f'.model-partial/*/{moment}'), None)
            wait_for(work, run)
            run.kill()
            run.communicate()
            self.states[moment] = run.returncode, tree(self.cut)
        last = start(*TRAINED, cwd=self.cut)
        self.last = *last.communicate(), last.returncode
        self.first = *whole.communicate(), whole.returncode

    def ended(self):
        self.thread.join(1200)
        assert not self.thread.is_alive()
        return self


@pytest.fixture(scope='session')
def killed(tmp_path_factory): return Killed(tmp_path_factory.mktemp('killed'))


@pytest.mark.parametrize('moment', MOMENTS)
def test_a_killed_fit_leaves_no_model(moment, killed):
    code, left = killed.ended().states[moment]
    assert code == -signal.SIGKILL
    hidden = {n.partition('/')[0] for n in left} - {'events.csv', 'items.csv'}
    assert '.model-partial' in hidden and hidden <= {'.model-partial', '.model.lock'}, 'the lock goes with its process; its file may stay'
    made = {Path(n).name: c for n, c in left.items() if n.count('/') == 2 and not Path(n).name.startswith('.')}
    assert set(made) == set(MOMENTS[:MOMENTS.index(moment) + 1]) and all(made.values())
    earlier = [s for m, (_, s) in killed.states.items() if m in MOMENTS[:MOMENTS.index(moment)]]
    assert all(left.get(n) == c for s in earlier for n, c in s.items() if Path(n).name in MOMENTS), 'what was finished before is kept as it is'


def test_a_killed_fit_goes_on_to_the_model_of_one_that_was_not(killed):
    out, err, code = killed.ended().last
    assert (code, err) == (0, '') and (killed.first[2], killed.first[1]) == (0, '')
    assert sorted(p.name for p in killed.cut.iterdir()) == sorted(p.name for p in killed.whole.iterdir()) == ['events.csv', 'items.csv', 'model']
    for name in ('events.csv', 'items.csv'): assert (killed.cut/name).read_bytes() == (killed.whole/name).read_bytes()
    one, two = tree(killed.whole/'model'), tree(killed.cut/'model')
    assert one.keys() == two.keys() and {'early.safetensors', 'heads.skops', 'vectors.safetensors'} <= one.keys()
    assert [n for n in one if one[n] != two[n] and n not in ('heads.skops', 'SHA256SUMS')] == []


@pytest.mark.parametrize('command', ['recommend', 'classify', 'encode'])
def test_the_model_of_a_killed_fit_gives_the_same_lists(command, killed, seqrep):
    killed.ended()
    done = [seqrep.done(command, place/'model', '--out', f'{name}.csv', out=f'{name}.csv') for name, place in dict(whole=killed.whole, cut=killed.cut).items()]
    assert done[0]['rows' if command != 'encode' else 'users'] >= 80 and Path('whole.csv').read_bytes() == Path('cut.csv').read_bytes()


def test_a_killed_or_second_fit_is_told_that_another_is_at_work(killed):
    out, err, code, other = killed.ended().second
    assert (code, out, other) == (2, '', None) and err == 'seqrep: error: model: is being written by another seqrep fit; wait for it, or choose another --out\n'


@pytest.mark.parametrize('part', ['vectors.safetensors', 'early.safetensors', 'early.json', 'early-items.arrow', 'search.safetensors', 'search.json'])
@pytest.mark.parametrize('fault', ['missing', 'half', 'flipped', 'forged'])
def test_a_damaged_network_of_a_killed_fit_is_refused_by_name(fault, part, killed, seqrep):
    shutil.copytree(killed.ended().whole/'model', 'model')
    path = Path('model')/part
    forged(Path('model'), part, path.read_bytes()[:path.stat().st_size // 2]) if fault == 'forged' else HURT[fault](path)
    assert part in seqrep.refused('model', argv=['encode', 'model', '--out', 'new.csv'])


DIES = dict(before_the_sums="import seqrep_nb.model as m; m.file_sums = lambda *a: os.kill(os.getpid(), 9)",
            between_the_renames="import seqrep_nb.core as c; old = os.replace; c.os.replace = lambda a, b: (old(a, b), os.kill(os.getpid(), 9)) if str(b).endswith('-old-new') or str(b) == 'new' and not os.path.exists('new') else old(a, b)")


@pytest.mark.parametrize('older', [False, True], ids=['new', 'older'])
@pytest.mark.parametrize('moment', DIES)
def test_a_fit_that_dies_while_it_writes_can_be_repeated(moment, older, fitted, seqrep, tmp_path):
    argv = to_write('fit', fitted, seqrep)
    if older: shutil.copytree(fitted/'heads', 'new')
    before = tree('new')
    run = subprocess.run([sys.executable, '-c', f'import os, sys; from seqrep_nb.command import main; {DIES[moment]}; sys.exit(main())', *argv], cwd=tmp_path, env=os.environ | dict(SEQREP_QUIET='1'), capture_output=True, text=True)
    assert run.returncode == -signal.SIGKILL, run
    if moment == 'before_the_sums': assert tree('new') == before, 'the older model stays until the new one is whole'
    elif Path('new').exists(): assert seqrep.done('recommend', 'new', '--out', 'recs.csv', out='recs.csv')['users'] == TINY.user_id.nunique()
    assert main(argv) == 0 and seqrep.capfd.readouterr().err == ''
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != 'recs.csv') == ['events.csv', 'later.csv', 'new'], 'what the dead run left is cleared away'
    again = seqrep.done('recommend', 'new', '--out', 'recs.csv', out='recs.csv')
    assert again['users'] == TINY.user_id.nunique()


@pytest.mark.parametrize('name', ['new', 'a[1]', 'a*'])
def test_what_a_dead_run_left_is_cleared_away_and_nothing_else(name, seqrep):
    seqrep.write('events.csv', TINY)
    for stale in (f'.12345678-{name}', f'.{name}-partial/0123456789abcdef'): seqrep.write(f'{stale}/x', b'x')
    for mine in ('.12345678-other', '.ab-new', 'abcdefgh-new', '.12345678-ax', '.abcdefgh-a1'): seqrep.write(f'{mine}/x', b'mine')
    assert main(['fit', 'events.csv', '--out', name]) == 0
    assert sorted(p.name for p in Path('.').iterdir()) == sorted(['events.csv', name, '.12345678-other', '.ab-new', 'abcdefgh-new', '.12345678-ax', '.abcdefgh-a1'])


DEEP = {'fit EVENTS': 'events', 'fit ITEMS': 'items', 'recommend --users': 'users', 'recommend --events': 'later', 'classify --events': 'later', 'encode --events': 'later', 'evaluate EVENTS': 'events', 'evaluate --events': 'later'}


@pytest.mark.parametrize('site', DEEP)
def test_a_run_that_stops_makes_no_folders(site, fitted, seqrep):
    seqrep.write('a.csv', csv_bytes(GOOD[DEEP[site]].rename(columns={KEY[DEEP[site]]: 'thing'})))
    argv, out = asked(site, 'a.csv', fitted, seqrep)
    seqrep.refused('a.csv', argv=[*argv, '--out', f'deep/er/{out}'])


# Two at once

@pytest.mark.parametrize('older', [False, True], ids=['new', 'older'])
def test_a_locked_model_is_not_written(older, fitted, seqrep):
    import fcntl
    argv = to_write('fit', fitted, seqrep)
    if older: shutil.copytree(fitted/'heads', 'new')
    seqrep.write('.new.lock', b'')
    with open('.new.lock', 'w') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        seqrep.refused('new', 'is being written by another seqrep fit', 'choose another --out', argv=argv)
    assert main(argv) == 0 and sorted(p.name for p in Path('.').iterdir()) == ['events.csv', 'later.csv', 'new'], 'a lock whose process is gone holds nobody up'


def test_fits_at_once_into_one_model(fitted, seqrep, tmp_path):
    argv = to_write('fit', fitted, seqrep)
    runs = [start(*argv, cwd=tmp_path) for _ in range(3)]
    ended = [(*run.communicate(), run.returncode) for run in runs]
    assert {code for *_, code in ended} <= {0, 2} and any(code == 0 for *_, code in ended), ended
    assert all(err == ('' if code == 0 else 'seqrep: error: new: is being written by another seqrep fit; wait for it, or choose another --out\n') for _, err, code in ended), ended
    assert sorted(p.name for p in tmp_path.iterdir()) == ['events.csv', 'later.csv', 'new']
    assert seqrep.done('recommend', 'new', '--out', 'recs.csv', out='recs.csv')['users'] == TINY.user_id.nunique()


def test_commands_at_once_into_one_result(fitted, seqrep, tmp_path):
    seqrep.done('recommend', fitted/'heads', '--out', 'alone.csv', out='alone.csv')
    runs = [start('recommend', fitted/'heads', '--out', 'new.csv', cwd=tmp_path) for _ in range(2)]
    ended = [(*run.communicate(), run.returncode) for run in runs]
    assert [(err, code) for _, err, code in ended] == [('', 0)] * 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ['alone.csv', 'new.csv'] and Path('new.csv').read_bytes() == Path('alone.csv').read_bytes()


# Other places

PLACES = dict(here={}, plain_C=dict(LC_ALL='C', PYTHONCOERCECLOCALE='0', PYTHONUTF8='0'), turkish=dict(LC_ALL='', LANG='tr_TR.UTF-8', LC_NUMERIC='tr_TR.UTF-8'), kathmandu=dict(TZ='Asia/Kathmandu'))
MANY = '''
import sys
from seqrep_nb.command import main
for line in ('fit a.csv --out model', 'recommend model --out recs.csv', 'recommend model --out recs.parquet', 'classify model --out classes.csv', 'encode model --out vectors.csv', 'evaluate a.csv --out report.json'):
    if code := main(line.split()): sys.exit(line)
sys.exit(main('fit bad.csv --on-bad raise --out x'.split()))
'''


@pytest.fixture(scope='session')
def places(tmp_path_factory):
    folder, runs = tmp_path_factory.mktemp('places'), {}
    log = shop(75, 4, 12).replace(dict(user_id={'u001': 'İstanbul', 'u002': 'ısı', 'u003': 'ŞÇé😀'}))
    for place, env in PLACES.items():
        (folder/place).mkdir()
        log.to_csv(folder/place/'a.csv', index=False)
        changed(log, 3, timestamp='Ünfug😀').to_csv(folder/place/'bad.csv', index=False)
        env = {k: v for k, v in os.environ.items() if not k.startswith(('LC_', 'LANG', 'TZ', 'PYTHON'))} | dict(SEQREP_QUIET='1') | env
        if len(runs) > 1: list(runs.values())[-2].wait()
        (folder/'many.py').write_text(MANY, encoding='utf-8')
        runs[place] = subprocess.Popen([sys.executable, folder/'many.py'], cwd=folder/place, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return {place: (*run.communicate(), run.returncode, tree(folder/place)) for place, run in runs.items()}


@pytest.mark.parametrize('place', [p for p in PLACES if p != 'here'])
def test_another_locale_or_zone_changes_no_byte(place, places):
    (_, err, code, made), here = places[place], places['here'][3]
    assert code == 2 and err.startswith(b"seqrep: error: bad.csv: column 'timestamp' has 1 value that is not a time (first: row 3, '") and err.count(b'\n') == 1, err
    assert made.keys() == here.keys() >= {'recs.csv', 'recs.parquet', 'classes.csv', 'vectors.csv', 'report.json', 'model/heads.skops'}
    assert [n for n in made if made[n] != here[n] and n not in ('model/heads.skops', 'model/SHA256SUMS')] == []
