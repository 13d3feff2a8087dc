"The store of vectors under what happens to files: kills, two processes at once, damage, full disks, folders that may not be written"
import contextlib, copy, errno, os, pickle, random, resource, shutil, signal, subprocess, sys, threading, time
from pathlib import Path
import numpy as np, pytest
import seqrep_nb.store as module
from seqrep_nb.core import InputError
from seqrep_nb.store import VectorStore, hash_texts

KEY, WIDTH = dict(model='toy'), 16
COMMON = f'''
import hashlib, os, sys, time
import numpy as np
from seqrep_nb.store import VectorStore
def vectors_of(texts): return np.array([np.frombuffer(hashlib.sha512(text.encode("utf-8", "surrogatepass")).digest()[:16], np.uint8) for text in texts], np.float32).reshape(-1, {WIDTH})
def counts_of(texts): return np.array([(len(text), text.count("1")) for text in texts], np.uint32).reshape(-1, 2)
store = VectorStore(sys.argv[1], {KEY!r}, {WIDTH})
'''
exec(COMMON.rsplit('\n', 2)[0])


def toy(texts): return vectors_of(texts), counts_of(texts)
def words(n, first=0): return [f'text {i}' for i in range(first, first + n)]
def open_store(tmp_path, **kw): return VectorStore(tmp_path/'store', KEY, WIDTH, **kw)


def check_all(store, texts):
    "Every text is there with its own vector and counts."
    vectors, counts, found = store.get(texts)
    assert found.all(), f'{(~found).sum()} of {len(texts)} are lost'
    assert (vectors == vectors_of(texts)).all() and (counts == counts_of(texts)).all()


def start(source, *arguments): return subprocess.Popen([sys.executable, '-c', COMMON + source, *map(str, arguments)], stdout=subprocess.PIPE, text=True)


WRITE_ON = '''
number = int(sys.argv[2])
print("ready", flush=True)
while True:
    texts = [f"text {i}" for i in range(number, number + 40)]
    store.add(texts, vectors_of(texts), counts_of(texts))
    print(number, flush=True)          # acknowledged
    number += 40
'''


@pytest.fixture
def quick(monkeypatch): monkeypatch.setattr(os, 'fsync', lambda number: None)


@contextlib.contextmanager
def nobody():
    "As a user who may not write everywhere, where the tests run as one who may."
    if os.geteuid(): yield
    else:
        os.seteuid(65534)
        try: yield
        finally: os.seteuid(0)


# A kill

def test_a_kill_at_any_moment_loses_nothing_that_was_acknowledged(tmp_path):
    draw, number, strays = random.Random(0), 0, 0
    for _ in range(12):
        writer = start(WRITE_ON, tmp_path/'store', number)
        assert writer.stdout.readline() == 'ready\n'
        time.sleep(draw.uniform(.01, .35))
        writer.send_signal(signal.SIGKILL)
        acknowledged = [int(line) for line in writer.stdout if line.endswith('\n')]
        assert writer.wait() == -signal.SIGKILL
        store = open_store(tmp_path)
        if acknowledged: number = max(number, acknowledged[-1] + 40)
        check_all(store, words(number))
        kept = int(store.find(words(number + 40)).sum())
        assert kept in (number, number + 40) and store.check() == len(store) == kept       # a portion is there whole or not at all
        number = kept
        strays += len(list(store.path.glob('*.part')))
    assert number >= 400
    old = time.time() - 2 * module.LEFTOVER_AGE
    for path in store.path.iterdir(): os.utime(path, (old, old))
    store.merge(everything=True)
    check_all(store, words(number))
    files = {path.name for path in store.path.iterdir()}
    assert len(files) == 6 and {'about.json', 'merge.lock'} < files


def halted(monkeypatch, prepare, call):
    "Die at the nth change of the disk, for every n: from there on nothing changes, clearing up included."
    class Dead(BaseException): pass
    for n in range(1000):
        argument, left = prepare(), iter(range(n))
        def counted(change):
            def wrapper(*arguments, **kw):
                if next(left, None) is None: raise Dead
                return change(*arguments, **kw)
            return wrapper
        with monkeypatch.context() as patched:
            for owner, name in (os, 'replace'), (os, 'fsync'), (os, 'unlink'), (Path, 'unlink'): patched.setattr(owner, name, counted(getattr(owner, name)))
            try: call(argument)
            except Dead: pass
            else: return
        yield n


def test_every_step_of_an_append_and_of_a_merge_may_be_the_last(tmp_path, monkeypatch):
    texts, steps, kept = words(80), [], tmp_path/'kept'
    store = VectorStore(kept, KEY, WIDTH)
    for at in range(0, 80, 10): store._write(*sorted_block(texts[at:at + 10]))
    def prepare():
        shutil.rmtree(tmp_path/'store', ignore_errors=True)
        shutil.copytree(kept, tmp_path/'store')
        return open_store(tmp_path)
    for step in halted(monkeypatch, prepare, lambda store: store.add(['one more'], *toy(['one more']))):
        steps.append(step)
        store = open_store(tmp_path)
        check_all(store, texts)
        assert store.check() == len(store) in (80, 81)
        store.fill(texts + ['one more'], toy)
        check_all(store, texts + ['one more'])
    assert len(steps) >= 30


def sorted_block(texts):
    hashes = hash_texts(texts)
    order = module.sort_hashes(hashes)
    vectors, counts = toy([texts[i] for i in order])
    return hashes[:, order], [(vectors, counts)]


# Several processes

def test_readers_and_writers_at_once_lose_nothing(tmp_path):
    open_store(tmp_path)
    writers = [start(WRITE_ON, tmp_path/'store', first) for first in (0, 100_000)]
    for writer in writers: writer.stdout.readline()
    seen, store, wrong = [0, 0], open_store(tmp_path), []
    def read_on(writer, i, first):
        reader = open_store(tmp_path)
        for line in writer.stdout:
            seen[i] = int(line) + 40 - first
            try: check_all(reader, words(40, int(line)) + [f'text {n + first}' for n in random.sample(range(seen[i]), 40)])
            except BaseException as error: wrong.append(error)
    readers = [threading.Thread(target=read_on, args=(writer, i, 100_000 * i)) for i, writer in enumerate(writers)]
    for reader in readers: reader.start()
    until = time.time() + 4
    while time.time() < until: store.merge(everything=True)
    for writer in writers: writer.kill()
    for thread in readers: thread.join()
    assert wrong == [] and min(seen) >= 400, (wrong[:1], seen)
    check_all(open_store(tmp_path), words(seen[0]) + words(seen[1], 100_000))
    assert store.check() == len(store)


FILL = '''
texts = [f"text {i}" for i in range(int(sys.argv[2]))]
if sys.argv[3] == "turned": texts.reverse()
paid = 0
def compute(texts):
    global paid
    paid += len(texts)
    time.sleep(len(texts) / 1000)
    return vectors_of(texts), counts_of(texts)
sys.stdin.readline() if len(sys.argv) > 4 else None
vectors, counts = store.fill(texts, compute, portion=50)
assert (vectors == vectors_of(texts)).all() and (counts == counts_of(texts)).all()
print(paid, flush=True)
'''


def test_two_processes_pay_little_more_than_once(tmp_path):
    both = [start(FILL, tmp_path/'store', 2000, order) for order in ('straight', 'turned')]
    paid = [int(process.communicate()[0]) for process in both]
    assert sum(paid) <= 1.15 * 2000 and min(paid) >= 500, paid
    assert len(open_store(tmp_path)) == 2000


def test_a_third_process_works_between(tmp_path):
    all_three = [start(FILL, tmp_path/'store', 3000, order) for order in ('straight', 'turned', 'straight')]
    paid = [int(process.communicate()[0]) for process in all_three]
    assert sum(paid) <= 1.25 * 3000 and min(paid) >= 300, paid


def test_a_killed_fill_leaves_its_portions_and_its_lock(tmp_path):
    process, store = start(FILL, tmp_path/'store', 2000, 'straight'), open_store(tmp_path)
    while len(store) < 300: time.sleep(.02)
    process.kill(), process.wait()
    kept, paid = len(store), []
    store.fill(words(2000), lambda texts: paid.append(len(texts)) or toy(texts), portion=500)
    assert paid[0] == 500 and sum(paid) == 2000 - kept            # a full portion: the dead are not waited for


def test_one_process_merges_at_a_time(tmp_path, quick):
    store, other = open_store(tmp_path), open_store(tmp_path)
    with other._lock('merge') as held:
        assert held
        for text in words(20): store.add([text], *toy([text]))
        assert store.merge(everything=True) == 20
    assert store.merge() < 8 and len(store) == 20
    check_all(other, words(20))


def test_locks_where_the_system_has_none(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'fcntl', None)
    store, other = open_store(tmp_path), open_store(tmp_path)
    with store._lock('front') as held, other._lock('front') as too: assert held and not too
    with other._lock('front') as held: assert held
    (store.path/'front.lock').touch()                              # left by a killed process
    with store._side() as side: assert side == 'back'
    os.utime(store.path/'front.lock', (0, 0))
    with store._side() as side: assert side == 'front'
    store.fill(words(50), toy, portion=5)
    check_all(other, words(50))
    assert not list(store.path.glob('*.lock'))


# Merging

def test_many_small_appends_stay_few_segments(tmp_path, quick):
    store, written = open_store(tmp_path), 0
    write = VectorStore._write
    def counted(self, hashes, blocks):
        nonlocal written
        written += hashes.shape[1]
        return write(self, hashes, blocks)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(VectorStore, '_write', counted)
        for at in range(0, 600, 2): store.add(words(2, at), *toy(words(2, at)))
    assert len(store._segments) <= 7 * 4 and written <= 600 * (1 + np.log(300) / np.log(8)) and len(store) == 600
    check_all(store, words(600))
    assert store.merge(everything=True) == 1 and store.check() == 600
    check_all(store, words(600))
    assert store.nbytes == 600 * (WIDTH * 4 + 2 * 4 + 16)


def test_a_text_in_two_segments_is_one_text(tmp_path):
    store = open_store(tmp_path)
    for _ in range(2): store._write(*sorted_block(words(30)))      # as two processes do that finish at once
    assert (len(store), len(store._segments)) == (30, 2)
    check_all(store, words(30))
    assert store.merge(everything=True) == 1 and len(store) == store.check() == 30


def test_equal_first_halves_are_told_apart(tmp_path, monkeypatch, quick):
    real = hash_texts
    def alike(texts):
        hashes = real(texts)
        hashes[0] %= 3
        return hashes
    monkeypatch.setattr(module, 'hash_texts', alike)
    store = open_store(tmp_path)
    store.fill(words(300), toy, portion=20)
    check_all(store, words(300))
    assert len(store) == 300 and not store.find(words(300, 1000)).any()


# Texts, repeats, defaults

def test_repeats_and_odd_texts(tmp_path):
    store = open_store(tmp_path)
    odd = ['', ' ', '\ud800', '\0', 'ä', 'a\u0308', 'x' * 100_000, '']
    assert store.add(odd, *toy(odd)) == 7 and store.add(odd, *toy(odd)) == 0 and len(store) == 7
    check_all(store, odd + odd[::-1])
    assert store.add(['new', 'new'], np.array([[1.] * WIDTH, [2.] * WIDTH]), [[1, 1], [2, 2]]) == 1
    assert store.get(['new'])[0].max() == 1
    assert store.add([], np.zeros((0, WIDTH)), np.zeros((0, 2), int)) == 0 and len(store._segments) == 2
    calls = []
    vectors, _ = store.fill(np.array(['b', 'a', 'b', 'b']), lambda texts: calls.append(texts) or toy(texts))
    assert sorted(calls[0]) == ['a', 'b'] and len(calls) == 1 and (vectors == vectors_of(['b', 'a', 'b', 'b'])).all()
    for bad in ['a', 3], ['a', None], ['a', b'b']:
        for call in store.find, store.get, lambda texts: store.fill(texts, toy), lambda texts: store.add(texts, *toy(['a', 'b'])):
            with pytest.raises(InputError, match='row 1'): call(bad)


def test_vectors_of_two_keys_never_meet(tmp_path):
    store = VectorStore(tmp_path/'s', dict(pooling='mean', max_length=64), WIDTH)
    store.add(['a'], *toy(['a']))
    others = [(dict(pooling='cls', max_length=64), WIDTH), (dict(pooling='mean', max_length=64.5), WIDTH), (dict(pooling='mean', max_length='64'), WIDTH), (dict(pooling='mean', max_length=64), 8)]
    for key, width in others: assert not VectorStore(tmp_path/'s', key, width).find(['a']).any()
    for kw in dict(dtype='float16'), dict(columns=()), dict(columns=('unknown', 'tokens')): assert not VectorStore(tmp_path/'s', store.key, WIDTH, **kw).find(['a']).any()
    assert VectorStore(tmp_path/'s', dict(max_length=64, pooling='mean'), WIDTH).find(['a']).all()     # the order of names says nothing
    assert '"max_length": 64' in (store.path/'about.json').read_text()


def test_portions_grow_until_they_take_the_time(tmp_path, monkeypatch, quick):
    sizes = []
    monkeypatch.setattr(module, 'SECONDS', .2)
    def slow(texts):
        sizes.append(len(texts))
        time.sleep(len(texts) / 4000)
        return toy(texts)
    open_store(tmp_path).fill(words(4000), slow)
    assert sizes[0] == 256 and 400 <= max(sizes) <= 1024 and sum(sizes) == 4000


def test_a_memmap_as_destination_and_no_columns(tmp_path):
    store = VectorStore(tmp_path/'s', KEY, WIDTH, columns=())
    out = np.lib.format.open_memmap(tmp_path/'out.npy', 'w+', np.float32, (40, WIDTH))
    vectors, counts = store.fill(words(40), lambda texts: (vectors_of(texts), None), out=out)
    assert vectors is out and counts.shape == (40, 0) and (np.load(tmp_path/'out.npy') == vectors_of(words(40))).all()
    assert store.merge(everything=True) == 1 and store.check() == 40


def test_to_another_process_goes_the_address_alone(tmp_path):
    store = open_store(tmp_path)
    store.add(words(5000), *toy(words(5000)))
    assert len(pickle.dumps(store)) < 2000
    check_all(pickle.loads(pickle.dumps(store)), words(5000))
    check_all(copy.deepcopy(store), words(5000))


# Faults

def test_damage_is_named_with_its_file_and_a_way_out(tmp_path):
    store = open_store(tmp_path)
    store.add(words(50), *toy(words(50)))
    name = store._segments[0].name
    kept = {path: path.read_bytes() for path in store.path.glob(f'{name}*')}
    assert len(kept) == 4
    def npy(array):
        np.save(tmp_path/'x.npy', array)
        return (tmp_path/'x.npy').read_bytes()
    for path, content in kept.items():
        wrong = [b'', content[:20], content[:-3], os.urandom(300), None, npy(np.zeros((50, 3), np.float64)), npy(np.zeros(50, np.float32)), b'PK' + content, b'{}', b'{"rows": true}', b'[]', b'{"rows": 50, "crc32": 1}', b'{"rows": 49, "crc32": {}}']
        for damaged in wrong:
            path.unlink()
            if damaged is not None: path.write_bytes(damaged)
            if damaged is None and path.suffix == '.json': assert not len(open_store(tmp_path))        # no description, no segment
            else:
                with pytest.raises(InputError) as error: open_store(tmp_path).check()
                assert name in str(error.value) and 'computed again' in str(error.value), (path.name, damaged)
            path.write_bytes(content)
        if path.suffix == '.npy':
            path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))                                 # one bit
            with pytest.raises(InputError, match=f'{path.name}: is not as it was written'): open_store(tmp_path).check()
            path.write_bytes(content)
    assert open_store(tmp_path).check() == 50


def test_a_folder_that_is_something_else(tmp_path):
    (tmp_path/'taken').mkdir()
    (tmp_path/'taken'/'thesis.txt').write_text('mine')
    (tmp_path/'file').write_text('mine')
    for name in 'taken', 'file':
        with pytest.raises(InputError, match=f'{name}: is not a store of vectors.*name a new folder'): VectorStore(tmp_path/name, KEY, WIDTH)
    assert [path.name for path in (tmp_path/'taken').iterdir()] == ['thesis.txt']
    store = open_store(tmp_path)
    for content in '[]', '{"format": 99}', '{':
        (tmp_path/'store'/module.MARK).write_text(content)
        with pytest.raises(InputError, match=module.MARK): open_store(tmp_path)
    shutil.rmtree(tmp_path/'store')
    with pytest.raises(InputError, match='cannot be read.*open the store again'): store.find(['a'])
    open_store(tmp_path).path.joinpath('about.json').write_text('{"key": "other"}')
    with pytest.raises(InputError, match='about.json: does not say'): open_store(tmp_path)


def test_reading_works_where_writing_may_not(tmp_path, monkeypatch):
    store = open_store(tmp_path)
    store.add(words(30), *toy(words(30)))
    for folder in (store.path, store.folder): folder.chmod(0o555)
    for path in [*tmp_path.parents, tmp_path]:
        if path.stat().st_uid == os.geteuid() == 0 and 'pytest-of-' in str(path): path.chmod(0o755)
    for path in store.path.glob('*.lock'): path.chmod(0o444)
    try:
        with nobody():
            reader = open_store(tmp_path)
            check_all(reader, words(30))
            assert reader.check() == 30 and (reader.fill(words(30), None)[0] == vectors_of(words(30))).all()
            with pytest.raises(InputError, match='cannot be written.*the right to write.*can be read'): reader.add(['new'], *toy(['new']))
            computed = []
            with pytest.raises(InputError, match='cannot be written'): reader.fill(['new'], lambda texts: computed.append(1) or toy(texts))
            assert not computed                                     # said before anything was paid for
            with pytest.raises(InputError, match='cannot be written'): VectorStore(tmp_path/'store', dict(model='other'), WIDTH)
    finally:
        for folder in (store.folder, store.path): folder.chmod(0o755)


def test_a_full_disk_is_said_and_leaves_the_store_whole(tmp_path, monkeypatch):
    store = open_store(tmp_path)
    store.add(words(30), *toy(words(30)))
    before = sorted(path.name for path in store.path.iterdir())
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(InputError, match='cannot be written.*free some space.*is whole'): store.add(words(9000, 50), *toy(words(9000, 50)))
    finally: resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert sorted(path.name for path in store.path.iterdir()) == before
    def full(*arguments): raise OSError(errno.ENOSPC, 'No space left on device')
    for owner, name in (os, 'replace'), (os, 'fsync'):
        with monkeypatch.context() as patched:
            patched.setattr(owner, name, full)
            with pytest.raises(InputError, match='No space left on device.*free some space'): store.add(['new'], *toy(['new']))
        assert sorted(path.name for path in store.path.iterdir()) == before
    check_all(store, words(30))
    assert store.add(['new'], *toy(['new'])) == 1 and open_store(tmp_path).check() == 31


def test_no_room_for_a_merge_costs_no_text(tmp_path, monkeypatch, quick):
    store = open_store(tmp_path)
    def full(*arguments): raise OSError(errno.ENOSPC, 'No space left on device')
    with monkeypatch.context() as patched:
        patched.setattr(module, '_gather', full)
        for text in words(20): assert store.add([text], *toy([text])) == 1
        with pytest.raises(InputError, match='free some space'): store.merge()
        assert len(store._refresh()) == 20
    check_all(store, words(20))
    assert store.merge() < 8
    check_all(store, words(20))


@pytest.mark.parametrize('answer', [lambda n: (np.zeros((n, WIDTH + 1)), np.zeros((n, 2), int)), lambda n: (np.zeros((n - 1, WIDTH)), np.zeros((n - 1, 2), int)),
                                    lambda n: (np.full((n, WIDTH), np.inf), np.zeros((n, 2), int)), lambda n: (np.zeros((n, WIDTH)), np.zeros((n, 3), int)),
                                    lambda n: (np.zeros((n, WIDTH)), np.full((n, 2), .5)), lambda n: (np.zeros((n, WIDTH)), None), lambda n: (np.full((n, WIDTH), 'x'), np.zeros((n, 2), int))])
def test_what_a_wrong_function_computes_is_not_kept(tmp_path, answer):
    store = open_store(tmp_path)
    with pytest.raises(InputError, match='^(vectors|counts): '): store.fill(words(5), lambda texts: answer(len(texts)))
    assert len(store) == 0 and not list(store.path.glob('*.npy*'))
