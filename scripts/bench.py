"""Pair the project with its peers: bench.py [NAME ...] measures these rows of results/bench.json, all without a name, and remakes the page results/bench.md.

bench.py --lock remakes requirements/peers*.txt from peers.in. The peers live in .venv-bench and are reached through scripts/peers.py: requests and answers are JSON, tables Parquet, vectors safetensors.
"""
import datetime, hashlib, json, os, platform, re, shutil, subprocess, sys, tempfile, time, venv, warnings
from functools import cache
from pathlib import Path

import lock
import numpy as np, pandas as pd
from install import ROOT, say

from seqrep_nb.core import device_summary, read_json, write_json

REQUIREMENTS, RESULTS, RUN = ROOT/'requirements', ROOT/'results'/'bench.json', ROOT/'results'/'example-run.json'
VENV = ROOT/'.venv-bench'
PYTHON = VENV/('Scripts/python.exe' if sys.platform == 'win32' else 'bin/python')
STAMP, LOG = VENV/'bench-stamp.json', VENV/'pip.log'
LOCKS = ('peers-cpu', 'peers', 'peers-cuda')
CUDA = re.compile(r'nvidia-|cuda-|triton=')
FIELDS = ('name', 'unit', 'better', 'ours', 'peer', 'peer_name', 'ratio', 'runs', 'spread', 'machine', 'versions', 'date')
# Share of the cores that other work may take during a round, and seconds to wait for such rounds
QUIET, PATIENCE = .1, 150
# As in the worked example
QUESTIONS = dict(intent='will the household buy within seven days', response='will a mailed campaign be answered', attributes='what is a household like',
                 click='will an impression be clicked (synthetic shop)', session='does a visit end in a purchase (synthetic shop)', query='which category is a search after (synthetic shop)', **{'category': 'which categories will the next basket hold, beside counts per category', 'category/strong': 'which categories will the next basket hold, beside a table with recency and gaps per category'})
SEED, CUT, TRAINING = 0, '2017-12-01', dict(examples=15_000, width=64, window=256, repeat=True)      # as nbs/60_example.ipynb has them


class PeerError(Exception):
    "The peer's side failed: the message is for the reader."


# The peers' environment

def split_lock(text):
    "A lock without the CUDA libraries, and they alone."
    head, *blocks = re.split(r'^(?=[a-z0-9])', text, flags=re.M)
    head = head.replace('make lock', 'python scripts/bench.py --lock')
    return [head + ''.join(block for block in blocks if bool(CUDA.match(block)) == cuda) for cuda in (False, True)]


def remake_locks():
    "requirements/peers.txt and peers-cuda.txt from peers.in; needs the network."
    wanted = [line for line in (REQUIREMENTS/'peers.in').read_text().splitlines() if not line.startswith('#')]
    with tempfile.TemporaryDirectory() as folder: lock.compile_lock(lock.find_uv(folder), 'peers', wanted, '3.11', [])
    for name, text in zip(('peers', 'peers-cuda'), split_lock((REQUIREMENTS/'peers.txt').read_text())): (REQUIREMENTS/f'{name}.txt').write_text(text)


def pip_install(name):
    "Did pip install one lock into .venv-bench? Its output goes to a log."
    say(f'installing requirements/{name}.txt into .venv-bench')
    command = [PYTHON, '-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '--no-deps', '--require-hashes', '-r', f'requirements/{name}.txt']
    with LOG.open('a') as log: return subprocess.run(command, cwd=ROOT, stdout=log, stderr=log).returncode == 0


def set_up():
    "Make .venv-bench from its locks, unless the stamp says that it is there."
    files = {name: hashlib.sha256((REQUIREMENTS/f'{name}.txt').read_bytes()).hexdigest() for name in LOCKS}
    if STAMP.exists() and PYTHON.exists() and read_json(STAMP) == files: return
    say('making .venv-bench, the environment of the peers')
    venv.create(VENV, with_pip=True, clear=True)
    cpu = pip_install('peers-cpu') and any(VENV.glob('**/torch-*+cpu.dist-info'))
    for name in ['peers'] if cpu else ['peers', 'peers-cuda']:
        if not pip_install(name): sys.exit(f'{LOG.read_text()[-2000:]}\npip failed on requirements/{name}.txt; all of its output is in {LOG.relative_to(ROOT)}')
    write_json(STAMP, files)


def environment():
    "The same number of threads for every library on both sides, and no network."
    counted = ('OMP', 'MKL', 'OPENBLAS', 'RAYON')
    threads = {f'{name}_NUM_THREADS': str(os.cpu_count()) for name in counted} | {'POLARS_MAX_THREADS': str(os.cpu_count())}
    return os.environ | threads | {'HF_HUB_OFFLINE': '1', 'TF_CPP_MIN_LOG_LEVEL': '3', 'SEQREP_QUIET': '1'}


class Peer:
    "A process of the peers' Python: call it with a request and get its answer."
    def __init__(self, command=None):
        self.errors = tempfile.TemporaryFile('w+')
        command = command or [PYTHON, ROOT/'scripts'/'peers.py']
        try: self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True, env=environment())
        except OSError as error: raise PeerError(f'the peer does not start: {error}') from error

    def __call__(self, do, **request):
        "Raises `PeerError` where the peer answers with an error, or not at all."
        try:
            print(json.dumps({'do': do, **request}, default=str), file=self.process.stdin, flush=True)
            line = self.process.stdout.readline()
        except OSError: line = ''
        if not line:
            self.errors.seek(0)
            raise PeerError(f'the peer ended during {do!r} with status {self.process.wait()}:\n{self.errors.read()[-1500:]}')
        answer = json.loads(line)
        if 'error' in answer: raise PeerError(f'the peer failed in {do!r}: {answer["error"]}')
        return answer

    def cpu(self):
        "Seconds that the process has had of the cores; 0 where the system does not tell."
        try: fields = Path(f'/proc/{self.process.pid}/stat').read_text().rsplit(')', 1)[1].split()
        except OSError: return 0.
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def __enter__(self): return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()


# Measuring

def busy():
    "Seconds that all processes together have had of the cores; 0 where the system does not tell."
    try: user, nice, system, _, _, *interrupts = map(int, Path('/proc/stat').read_text().split('\n')[0].split()[1:9])
    except OSError: return 0.
    return (user + nice + system + sum(interrupts)) / os.sysconf('SC_CLK_TCK')


def own(peers):
    "Seconds that this process, those that it waited for and `peers` have had of the cores."
    return sum(os.times()[:4]) + sum(peer.cpu() for peer in peers)


def one_round(measures, peers):
    "What each side returns, called in the order given, and the share of the cores that other work took meanwhile."
    start, before = time.perf_counter(), busy() - own(peers)
    found = {side: measure() for side, measure in measures}
    others = (busy() - own(peers) - before) / (time.perf_counter() - start) / os.cpu_count()
    return found | {'others': round(max(others, 0.), 3)}


def pair(ours, peer, runs, rest=0., peers=(), patience=0):
    "Call both in turn, the order changed each time, until `runs` rounds were quiet, or `patience` seconds are over: what they return in the quietest rounds, by side."
    sides = [('ours', ours), ('peer', peer)]
    waiting = lambda measure: lambda: time.sleep(rest) or measure()
    sides, rounds, start = [(side, waiting(measure)) for side, measure in sides], [], time.monotonic()
    while len(rounds) < runs or (sum(r['others'] <= QUIET for r in rounds) < runs and time.monotonic() - start < patience):
        rounds.append(one_round(sides[::-1 if len(rounds) % 2 else 1], peers))
    kept = sorted(sorted(range(len(rounds)), key=lambda i: rounds[i]['others'])[:runs])
    return {key: [rounds[i][key] for i in kept] for key in ('ours', 'peer', 'others')}


def summary(samples):
    "Medians, and spread as (largest - smallest) / median."
    middle = {side: float(np.median(samples[side])) for side in ('ours', 'peer')}
    spread = {side: float(np.ptp(samples[side])) / middle[side] for side in middle}
    return dict(ours=middle['ours'], peer=middle['peer'], runs=len(samples['ours']), spread=spread, samples=samples)


def machine():
    "What the figures depend on."
    known = device_summary(tensorflow=False)
    info = Path('/proc/cpuinfo')
    names = re.findall(r'^model name\s*:\s*(.+)$', info.read_text(), re.M) if info.exists() else []
    return {key: known[key] for key in ('platform', 'machine', 'python', 'cpu_count', 'gpus')} | {'processor': names[0] if names else platform.processor()}


def row(name, unit, better, peer_name, versions, load, ours, peer, runs, spread, **more):
    "One row of results/bench.json; a ratio above 1 always says that ours is better."
    ratio = ours / peer if better == 'higher' else peer / ours
    short = lambda value: {k: short(v) for k, v in value.items()} if isinstance(value, dict) else [short(v) for v in value] if isinstance(value, list) else float(f'{value:.5g}') if isinstance(value, float) else value
    return short(dict(name=name, unit=unit, better=better, ours=ours, peer=peer, peer_name=peer_name, ratio=ratio, runs=runs, spread=spread, machine=machine(),
                versions=dict(ours=device_summary(tensorflow=False)['versions'], peer=versions), load=dict(before=load, after=os.getloadavg()[0]),
                date=datetime.datetime.now(datetime.UTC).date().isoformat(), **more))


@cache
def journey():
    from seqrep_nb.journey import load_journey
    return load_journey()


def some_texts(n=2_000):
    "Distinct item texts, evenly over the catalogue."
    from seqrep_nb.text import item_texts
    texts = list(dict.fromkeys(item_texts(journey().items, journey().items.item_id)))
    return [texts[i] for i in np.linspace(0, len(texts) - 1, n).astype(int)]


def seconds(command):
    "Wall time of a process."
    start = time.perf_counter()
    run = subprocess.run(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if run.returncode: raise PeerError(f'{command[-1]!r} failed: {run.stderr[-1500:]}')
    return time.perf_counter() - start


def over_bare(python, source):
    "Seconds of a process that runs `source` over one that runs nothing; a millisecond where that is less, since processes differ by more."
    return max(seconds([python, '-c', source]) - seconds([python, '-c', 'pass']), .001)


# The measurements: each takes the names asked for and gives their rows

IMPORTS = {'import': ('import seqrep_nb', 'import sentence_transformers'),
           'import/rank': ('import seqrep_nb.rank, seqrep_nb.baselines', 'import rectools.models')}


def measure_import(names, runs=15):
    with Peer() as ask: versions = ask('versions', names=['sentence-transformers', 'torch', 'rectools'])
    for name in names:
        load, (our_source, peer_source) = os.getloadavg()[0], IMPORTS[name]
        ours, peer = lambda: over_bare(sys.executable, our_source), lambda: over_bare(PYTHON, peer_source)
        # The first call of each writes and reads bytecode
        ours(), peer()
        yield row(name, 's', 'lower', peer_source, versions, load, **summary(pair(ours, peer, runs, patience=PATIENCE)))


def measure_first(names, runs=7):
    from seqrep_nb.text import find_checkpoint
    folder, load = find_checkpoint(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch:
        lines = Path(scratch)/'texts.json'
        write_json(lines, ['milk'])

        def peer():
            start = time.perf_counter()
            with Peer() as ask: ask('encode', folder=folder, texts=lines)
            return time.perf_counter() - start

        with Peer() as ask: versions = ask('versions', names=['sentence-transformers', 'torch', 'transformers'])
        for name in names:
            engine = 'openvino' if name.endswith('openvino') else 'keras'
            ours = lambda: seconds([sys.executable, '-c', f'from seqrep_nb.encode import encode; encode(["milk"], engine="{engine}")'])
            ours(), peer()
            yield row(name, 's', 'lower', 'sentence-transformers', versions, load, **summary(pair(ours, peer, runs, patience=PATIENCE)))


def compared(vectors, others):
    "How far two sides' vectors are apart, in words."
    return f'largest difference of a component of the normalised vectors: {float(np.abs(vectors - others).max()):.1e}; smallest cosine: {float((vectors * others).sum(1).min()):.7f}'


def some_lines(n=500):
    "Newest baskets of households as lines of text, of very different lengths."
    from seqrep_nb.clean import clean_events
    from seqrep_nb.histories import build_histories
    from seqrep_nb.text import history_line, history_texts, item_texts
    histories = build_histories(clean_events(journey().events).events)
    newest = histories.baskets == np.repeat(histories.baskets[histories.offsets[1:] - 1], histories.lengths)
    sizes = np.add.reduceat(newest.astype(int), histories.offsets[:-1])
    lines = [history_line(line[-size:]) for line, size in zip(history_texts(histories, item_texts(journey().items, histories.item_ids), last=64), sizes)]
    return [lines[i] for i in np.linspace(0, len(lines) - 1, n).astype(int)]


# What a row of encode/* lets ours choose from: engine, precision, padded tokens per batch. The peer chooses texts per batch
CHOICES = {'fp32': [(e, 'float32', n) for e in ('keras', 'openvino') for n in (1_024, 2_048, 4_096)], 'reduced': [('openvino', 'bfloat16', n) for n in (512, 1_024, 2_048)],
           'int8': [('openvino', 'int8', n) for n in (512, 1_024, 2_048)]}
BATCHES = (8, 16, 32, 64, 128)


def ours_encodes(texts, choice):
    "Vectors and texts per second."
    from seqrep_nb.encode import encode
    engine, precision, size = choice
    start = time.perf_counter()
    vectors = encode(texts, engine=engine, precision=precision, batch_tokens=size, max_length=256)
    return vectors, len(texts) / (time.perf_counter() - start)


def best(choices, measure, few=2):
    "The choice that was fastest in the better of a few tries, the first not counted."
    def fastest(choice):
        measure(choice)
        return max(measure(choice) for _ in range(few))
    return max(choices, key=fastest)


def measure_encode(names, runs=5):
    from safetensors.numpy import load_file
    from seqrep_nb.text import find_checkpoint
    folder = find_checkpoint()
    with tempfile.TemporaryDirectory() as scratch, Peer() as ask:
        versions = ask('versions', names=['sentence-transformers', 'torch', 'transformers', 'tokenizers', 'numpy'])
        for kind, texts in (('', some_texts()), ('/lines', some_lines())):
            if not (asked := [name for name in names if name.endswith('/lines') == bool(kind)]): continue
            lines, few, vectors = (Path(scratch)/f'{part}{kind[1:]}' for part in ('texts', 'few', 'vectors'))
            write_json(lines, texts)
            write_json(few, texts[::4])
            peer_of = lambda path, n: lambda batch, **kw: n / ask('encode', folder=folder, texts=path, batch=batch, **kw)['seconds']
            batch = best(BATCHES, peer_of(few, len(texts[::4])))
            peer = peer_of(lines, len(texts))
            peer(batch, out=vectors)
            for name in asked:
                choice, load = best(CHOICES[name.split('/')[1]], lambda choice: ours_encodes(texts[::4], choice)[1]), os.getloadavg()[0]
                note = f'{compared(ours_encodes(texts, choice)[0], load_file(vectors)["vectors"])}; ours: {choice[0]}, {choice[1]}, {choice[2]:,} padded tokens a batch; the peer: {batch} texts a batch'
                # OpenMP's threads spin for a moment after their work
                samples = pair(lambda: ours_encodes(texts, choice)[1], lambda: peer(batch), runs, rest=.5, peers=[ask], patience=PATIENCE)
                more = summary(samples)
                if choice[1] == 'float32': note += f'; ours with Keras, 2,048 tokens a batch: {max(ours_encodes(texts, ("keras", "float32", 2_048))[1] for _ in range(2)):.0f} texts/s'
                else:
                    half = max(peer(batch, half=True) for _ in range(3))
                    note += f'; the peer in bfloat16, no part of the ratio, has {half:.0f} texts/s, to which ours is {more["ours"] / half:.2f}'
                yield row(name, 'texts/s', 'higher', 'sentence-transformers', versions, load, **more, note=note)


def measure_parity(names, limit=1e-5):
    "The published checkpoint, and one whose weights were changed and that we saved, read by PyTorch."
    from safetensors.numpy import load_file
    from seqrep_nb.backbone import find_checkpoint, load_backbone, save_backbone
    from seqrep_nb.encode import TextEncoder
    texts, load, worst = some_texts(500) + some_lines(500), os.getloadavg()[0], {}
    with tempfile.TemporaryDirectory() as scratch, Peer() as ask:
        versions = ask('versions', names=['torch', 'transformers'])
        lines, changed = Path(scratch)/'texts.json', load_backbone()
        write_json(lines, texts)
        random = np.random.default_rng(SEED)
        for variable in changed.trainable_variables: variable.assign(variable + .05 * np.std(variable) * random.standard_normal(variable.shape))
        for what, folder in (('published', find_checkpoint()), ('changed and saved by us', save_backbone(changed, Path(scratch)/'saved'))):
            ask('hidden', folder=folder, texts=lines, out=Path(scratch)/'vectors')
            theirs = load_file(Path(scratch)/'vectors')
            for pooling in ('mean', 'cls'):
                for engine in ('keras', 'openvino'):
                    ours = TextEncoder(folder, pooling, 256, normalize=False, engine=engine).fit_transform(texts)
                    worst[what, pooling, engine] = float(np.abs(ours - theirs[pooling]).max())
    found = {'ours': max(worst.values()), 'peer': limit}
    note = f'{len(texts):,} real texts, half of them item texts, half lines of up to 256 tokens; ours in batches, theirs one by one; ' + ', '.join(f'{" ".join(key)} {value:.1e}' for key, value in worst.items())
    yield row('encode/parity', 'largest difference', 'lower', 'the limit of 1e-5', versions, load, **found, runs=1, spread={'ours': 0., 'peer': 0.}, note=note)


def measure_log(names, sampled=5_000):
    "The vectors of a whole log: each distinct text once and kept, against each behaviour anew; then again from the store."
    from seqrep_nb.encode import TextEncoder, batches, encode_hidden, normalize_rows, pad_lines, pool
    events, load = journey().events, os.getloadavg()[0]
    text_of = journey().items.set_index('item_id')['text']
    versions = {'seqrep_nb': device_summary(tensorflow=False)['versions'].get('seqrep_nb', '')}

    def all_vectors(store):
        start = time.perf_counter()
        codes, catalogue = pd.factorize(events.item_id)
        texts = text_of.loc[catalogue].tolist()
        item_vectors = TextEncoder(store=store).fit_transform(texts)
        encoded = time.perf_counter() - start
        vectors = item_vectors[codes]
        return vectors, encoded, time.perf_counter() - start, len(set(texts))

    def anew(rows, one_by_one=False):
        encoder = TextEncoder().fit([])
        tokenizer, engine = encoder._ready()
        texts, start = text_of.loc[events.item_id.iloc[rows]].tolist(), time.perf_counter()
        lines = tokenizer(texts, truncation=True, max_length=encoder.max_length)['input_ids']
        groups = [[i] for i in range(len(lines))] if one_by_one else batches([len(line) for line in lines], engine.batch_tokens)
        for group in groups:
            ids, mask = pad_lines([lines[i] for i in group])
            normalize_rows(pool(encode_hidden(engine, ids, mask), mask))
        return (time.perf_counter() - start) / len(rows)

    anew(range(200))
    rows = np.random.default_rng(SEED).choice(len(events), sampled, replace=False)
    with tempfile.TemporaryDirectory() as store:
        halves, single = [anew(rows[:sampled // 2])], anew(rows[:500], True)
        vectors, first, whole, distinct = all_vectors(Path(store)/'vectors')
        halves.append(anew(rows[sampled // 2:]))
        peer, second = np.mean(halves) * len(events), sorted(all_vectors(Path(store)/'vectors')[1] for _ in range(5))
        size = sum(f.stat().st_size for f in Path(store).rglob('*') if f.is_file())
        slope = scale(Path(store), distinct)
    spread = {'ours': 0., 'peer': float(np.ptp(halves) / np.mean(halves))}
    notes = {'encode/log': f'{len(events):,} behaviours, {distinct:,} distinct texts, {vectors.nbytes / 1e9:.2f} GB of vectors in memory; one text per call, as a loop without batches would, a behaviour takes {single / np.mean(halves):.1f} times as long as in batches',
             'encode/store': f'{distinct:,} distinct texts, {size / 1e6:.0f} MB on disk; second runs took {second[0]:.3f} to {second[-1]:.3f} s', 'encode/scale': slope['note']}
    values = {'encode/log': ('s', dict(ours=whole, peer=peer), 'each behaviour anew, in batches'), 'encode/store': ('s', dict(ours=second[2], peer=first), 'the first run'),
              'encode/scale': ('ms per text', {side: slope[side] for side in ('ours', 'peer')}, 'ours at a quarter of the texts')}
    for name in names:
        unit, sides, peer_name = values[name]
        yield row(name, unit, 'lower', peer_name, versions, load, **sides, runs=1, spread=spread if name == 'encode/log' else {'ours': 0., 'peer': 0.}, note=notes[name])


def scale(folder, distinct, width=384, many=1_000_000):
    "Seconds per distinct text as they grow, with their store, and what a million and a hundred million would take."
    from seqrep_nb.encode import TextEncoder
    from seqrep_nb.store import VectorStore
    texts = some_texts(distinct)
    took = {}
    for n in (len(texts) // 4, len(texts)):
        part, start = [texts[i] for i in np.linspace(0, len(texts) - 1, n).astype(int)], time.perf_counter()
        TextEncoder(store=folder/f'of-{n}').fit_transform(part)
        took[n] = (time.perf_counter() - start) / n
    store, random, start = VectorStore(folder/'many', dict(what='random numbers'), width, columns=()), np.random.default_rng(SEED).random((10_000, width), np.float32), time.perf_counter()
    for at in range(0, many, len(random)): store.add([f'text {i}' for i in range(at, at + len(random))], random)
    kept, each = (time.perf_counter() - start) / many, store.nbytes / many
    ours = took[len(texts)]
    note = (f'{len(texts):,} distinct texts against {len(texts) // 4:,}; keeping alone costs {kept * 1e6:.0f} microseconds a text, measured with {many:,} vectors of random numbers, and {each:,.0f} bytes; by this slope computing and keeping a million texts takes '
            f'{ours * 1e6 / 60:.0f} minutes and {each / 1e3:.2f} GB, a hundred million {ours * 1e8 / 86400:.1f} days of one such machine and {each / 10:.0f} GB of disk, to be read in parts')
    return dict(ours=1e3 * ours, peer=1e3 * took[len(texts) // 4], note=note)


def same_tables(ours, peer, what):
    "Raise `PeerError` unless both frames hold the same rows in the same order."
    try: pd.testing.assert_frame_equal(ours, peer[list(ours)], check_dtype=False)
    except (AssertionError, KeyError) as error: raise PeerError(f'{what} differ between the two sides: {error}') from error


def measure_example(names, runs=9):
    from seqrep_nb.clean import clean_events
    events, stages = journey().events, read_json(RUN)['stages'] if RUN.exists() else []
    with tempfile.TemporaryDirectory() as scratch, Peer() as ask:
        path, kept, rejected = (Path(scratch)/f'{name}.parquet' for name in ('events', 'kept', 'rejected'))
        events.to_parquet(path)
        versions = ask('versions', names=['polars'])
        ask('clean', events=path, kept=kept, rejected=rejected)
        cleaned, load = clean_events(events), os.getloadavg()[0]
        same_tables(cleaned.events, pd.read_parquet(kept), 'the cleaned events')
        same_tables(cleaned.rejected, pd.read_parquet(rejected), 'the rejected events')

        def ours():
            start = time.perf_counter()
            clean_events(events)
            return time.perf_counter() - start

        samples = pair(ours, lambda: ask('clean', events=path)['seconds'], runs, rest=.2, peers=[ask], patience=PATIENCE)
    note = f'{len(cleaned.events):,} rows kept, {len(cleaned.rejected):,} rejected, the same rows in the same order on both sides'
    yield row('example/stages', 's', 'lower', 'Polars', versions, load, **summary(samples), note=note, stages={stage['stage']: stage['seconds'] for stage in stages})


# Preparing a log on disk

PREP = {'prep/polars': 20_000_000, 'prep/pandas': 20_000_000, 'prep/memory': 20_000_000, 'prep/linear': 100_000_000}


@cache
def shop(rows):
    "Folder of a synthetic log of about so many rows, made where it is not there yet, and a moment after four fifths of its time."
    import duckdb
    from seqrep_nb.simulator import write_shop
    folder = ROOT/'runs'/f'shop-{rows // 1_000_000}M'
    write_shop(folder, rows, seed=SEED)
    first, last = duckdb.sql(f"SELECT epoch(min(timestamp)), epoch(max(timestamp)) FROM '{folder}/events-*.parquet'").fetchall()[0]
    return folder, str(datetime.datetime.fromtimestamp(first + .8 * (last - first), datetime.UTC).date())


def side(name, rows, scratch):
    "What scripts/prep.py measured of one side, in a process of its own."
    folder, cut = shop(rows)
    shutil.rmtree(scratch, ignore_errors=True)
    done = subprocess.run([sys.executable, ROOT/'scripts'/'prep.py', name, folder, scratch, cut], capture_output=True, text=True, env=environment())
    if done.returncode: raise PeerError(f'prep.py {name} ended with status {done.returncode}:\n{done.stderr[-1500:]}')
    return json.loads(done.stdout.splitlines()[-1])


def same_facts(ours, peer, names=('kept', 'events', 'later', 'items', 'sessions')):
    "Raise `PeerError` unless both sides counted the same."
    if odd := [name for name in names if ours[name] != peer[name]]: raise PeerError(f'the two sides differ: {[(name, ours[name], peer[name]) for name in odd]}')


def same_columns(ours, peer):
    "Raise `PeerError` unless both folders hold the same histories, row by row."
    import pyarrow.parquet as pq
    for name, other in dict(item='item', action='action', timestamp='timestamp', basket='basket', session='session').items():
        a, b = (pq.read_table(folder/'events.parquet', columns=[column])[column] for folder, column in ((ours, name), (peer, other)))
        a, b = (x.cast('int64').to_numpy() for x in (a, b))
        if not np.array_equal(a, b): raise PeerError(f'the two sides differ in {name}, first in row {int(np.flatnonzero(a != b)[0])}')


def measure_prep_polars(names, runs=3):
    rows, found = PREP['prep/polars'], {}
    folder, cut = shop(rows)
    with tempfile.TemporaryDirectory() as scratch, Peer() as ask:
        mine, theirs = Path(scratch)/'ours', Path(scratch)/'peer'

        def ours():
            found['ours'] = side('ours', rows, mine)
            return found['ours']['rows'] / found['ours']['seconds']

        def peer():
            shutil.rmtree(theirs, ignore_errors=True)
            found['peer'] = ask('prepare', folder=folder, out=theirs, cut=f'{cut}T00:00:00Z')
            return found['ours']['rows'] / found['peer']['seconds']

        load, versions = os.getloadavg()[0], ask('versions', names=['polars'])
        samples = pair(ours, peer, runs, rest=.5, peers=[ask], patience=PATIENCE)
        same_facts(found['ours'], found['peer'])
        same_columns(mine, theirs)
    note = f'{found["ours"]["rows"]:,} rows, {found["ours"]["events"]:,} of them in histories, equal on both sides in item, action, time, basket and session, row by row'
    yield row('prep/polars', 'rows/s', 'higher', 'Polars', versions, load, **summary(samples), note=note)


def measure_prep_pandas(names):
    rows, found = PREP['prep/pandas'], {}
    with tempfile.TemporaryDirectory() as scratch:
        def measured(name):
            found[name] = side(name, rows, Path(scratch)/name)
            return found['ours']['rows'] / found[name]['seconds']

        load = os.getloadavg()[0]
        shop(rows)
        samples = pair(lambda: measured('ours'), lambda: measured('pandas'), 1, rest=.5)
    same_facts(found['ours'], found['pandas'])
    versions, note = dict(pandas=pd.__version__), f'{found["ours"]["rows"]:,} rows; the same counts of rows, items and sessions on both sides'
    yield row('prep/pandas', 'rows/s', 'higher', 'pandas', versions, load, **summary(samples), note=note)
    peaks = {name: dict(ours=found['ours'], peer=found['pandas'])[name]['peak'] / 1e9 for name in ('ours', 'peer')}
    yield row('prep/memory', 'GB', 'lower', 'pandas', versions, load, **peaks, runs=1, spread=dict(ours=0., peer=0.), note=note)


def measure_prep_linear(names, sizes=(1_000_000, 10_000_000, 100_000_000)):
    import seqrep_nb
    with tempfile.TemporaryDirectory() as scratch:
        for rows in sizes: shop(rows)
        load = os.getloadavg()[0]
        found = [side('ours', rows, Path(scratch)/'out') for rows in sizes]
    scale = [dict(rows=f['rows'], seconds_per_million=f['seconds'] / f['rows'] * 1e6, cpu_seconds_per_million=f['cpu'] / f['rows'] * 1e6, peak_gb=f['peak'] / 1e9) for f in found]
    cost = [s['seconds_per_million'] for s in scale]
    yield row('prep/linear', 's per million rows', 'lower', f'ours at {found[-2]["rows"]:,} rows', {'seqrep_nb': seqrep_nb.__version__}, load, ours=cost[-1], peer=cost[-2], runs=1, spread=dict(ours=0., peer=0.), scale=scale,
              note=f'ours at {found[-1]["rows"]:,} rows; peak memory {scale[-1]["peak_gb"]:.1f} GB, DuckDB limited to 4 GB')


def peer_models():
    "RecTools' own models with the settings that are tried: label to the weights of a pair and the model's configuration."
    knn = lambda kind, **settings: dict(cls='ImplicitItemKNNWrapperModel', model=dict(cls=f'{kind}Recommender', **settings))
    als = lambda **settings: dict(cls='ImplicitALSWrapperModel', model=dict(cls='AlternatingLeastSquares', random_state=SEED, iterations=15, **settings))
    found = {'PopularModel': ('count', dict(cls='PopularModel', popularity='n_users')),
             'PopularModel, last 28 days': ('count', dict(cls='PopularModel', popularity='n_users', period=dict(days=28)))}
    for weight in ('count', 'log', 'binary'):
        for K in (1, 3, 10, 30, 100): found[f'ItemKNN, cosine, K {K}, {weight} weights'] = weight, knn('Cosine', K=K)
    for K in (1, 3, 10, 30, 100):
        for label, kind in (('BM25', 'BM25'), ('TF-IDF', 'TFIDF')): found[f'ItemKNN, {label}, K {K}, count weights'] = 'count', knn(kind, K=K)
    for weight in ('count', 'log'):
        for factors in (64, 256, 1024): found[f'PureSVD, {factors} factors, {weight} weights'] = weight, dict(cls='PureSVDModel', factors=factors, random_state=SEED)
    for factors in (32, 64, 128):
        for alpha in (.1, 1):
            for penalty in (.01, 10, 50): found[f'iALS, {factors} factors, alpha {alpha}, penalty {penalty}, count weights'] = 'count', als(factors=factors, alpha=alpha, regularization=penalty)
    for penalty in (200, 1000): found[f'EASE, penalty {penalty}, binary weights'] = 'binary', dict(cls='EASEModel', regularization=penalty)
    return found


def ranked_scores(lists, task):
    "Ranked lists as scores, so that the metric code for our own models reads them: (U, I), -inf where an item is not in the list."
    scores = np.full(task.relevant.shape, -np.inf, 'float32')
    users, items = (pd.Index(ids).get_indexer(lists[name]) for ids, name in ((task.histories.user_ids, 'user_id'), (task.histories.item_ids, 'item_id')))
    if (users < 0).any() or (items < 0).any(): raise PeerError('the peer ranked for a user or an item that was not in its training events')
    scores[users, items] = -lists['rank']
    return scores


def peer_results(ask, label, train, task, views, scratch):
    "A peer's model fitted on `train`: view to our evaluation of its lists, and its seconds."
    from seqrep_nb.metrics import evaluate_ranking
    weight, config = peer_models()[label]
    out = scratch/'lists.parquet'
    took = ask('rank', events=train, weight=weight, config=config, views=views, out=out, k=10)['seconds']
    lists = pd.read_parquet(out)
    say(f'  {label}: {took:.1f} s')
    return {view: evaluate_ranking(f'RecTools {label}', ranked_scores(lists[lists['view'] == view], task), task, view, seed=SEED)[0] for view in views}


def ranking_tasks():
    "Split and task at the inner cut and at the cut, as the worked example has them."
    from seqrep_nb.clean import clean_events
    from seqrep_nb.split import inner_cut, temporal_split
    from seqrep_nb.tasks import ranking_task
    outer = temporal_split(clean_events(journey().events).events, CUT)
    inner = temporal_split(outer.train, inner_cut(outer.train))
    return [(split, ranking_task(split, dataset=journey().name)) for split in (inner, outer)]


def our_results(inner_task, task, views):
    "The worked example's row seqrep, from texts to metric: view to its evaluation."
    from seqrep_nb.core import seed_everything
    from seqrep_nb.encode import encode
    from seqrep_nb.metrics import evaluate_ranking
    from seqrep_nb.rank import Blend, all_scores, default_rankers
    from seqrep_nb.text import item_texts
    seed_everything(SEED)
    catalogue = np.union1d(inner_task.histories.item_ids, task.histories.item_ids)
    vector_of = dict(zip(catalogue, encode(item_texts(journey().items, catalogue))))
    scores = lambda t: all_scores(default_rankers(np.stack([vector_of[i] for i in t.histories.item_ids]), SEED, **TRAINING), t.histories, t.now)
    blend = Blend().fit(scores(inner_task), inner_task)
    found = scores(task)
    return {view: evaluate_ranking('seqrep', blend.score(found, view, task.view(view)[1]), task, view, seed=SEED)[0] for view in views}


def chosen_peers(ask, train, task, views, scratch):
    "Every peer at the inner cut: view to the names by NDCG@10 there, best first."
    inner = {label: peer_results(ask, label, train, task, views, scratch) for label in peer_models()}
    return {view: dict(sorted(((label, found[view].value) for label, found in inner.items()), key=lambda pair: -pair[1])) for view in views}


def ranking_row(name, ours, peer, label, tried, versions, load):
    "A row of quality: one run of each, its spread that of the users."
    from seqrep_nb.metrics import compare, interval
    both, spread = compare(ours, peer), {}
    for side, result in (('ours', ours), ('peer', peer)):
        value, low, high = interval(result)
        spread[side] = (high - low) / 2 / value
    return row(name, 'NDCG@10', 'higher', f'RecTools {label}', versions, load, ours.value, peer.value, 1, spread, tried=tried,
               gain={key: both[key] for key in ('gain', 'low', 'high', 'p')}, protocol=ours.protocol.stamp(), note=published(ours))


def published(ours):
    "What results/example.json has for the same row."
    path = ROOT/'results'/'example.json'
    found = [r['value'] for r in read_json(path) if (r['model'], r['view'], r['metric']) == ('seqrep', ours.protocol.view, 'NDCG@10')] if path.exists() else []
    return f'ours is {found[0]:.4f} in results/example.json' if found else ''


def measure_rank(names):
    views, load, scratch = [name.split('/')[1] for name in names], os.getloadavg()[0], tempfile.TemporaryDirectory()
    tasks = ranking_tasks()
    with scratch, Peer() as ask:
        folder, paths = Path(scratch.name), []
        for where, (split, task) in zip(('inner', 'outer'), tasks):
            known = split.train[split.train.item_id.isin(task.histories.item_ids)]
            paths.append(folder/f'{where}.parquet')
            known[['user_id', 'item_id', 'timestamp']].to_parquet(paths[-1])
        versions = ask('versions', names=['rectools', 'pm-implicit', 'numpy', 'scipy'])
        tried = chosen_peers(ask, paths[0], tasks[0][1], views, folder)
        best = {view: next(iter(tried[view])) for view in views}
        peers = {view: peer_results(ask, best[view], paths[1], tasks[1][1], [view], folder)[view] for view in views}
    ours = our_results(tasks[0][1], tasks[1][1], views)
    for name, view in zip(names, views): yield ranking_row(name, ours[view], peers[view], best[view], tried[view], versions, load)


def measure_stored(names):
    "What `scripts/rank.py` and `scripts/cold.py` measured for both sides in one run, at the last cut; the gain is pooled over all cuts."
    for name in names:
        view = name.removeprefix('rank/')
        cold = view.startswith('cold')
        path = ROOT/'results'/('cold.json' if cold else 'rank.json')
        if not path.exists(): raise PeerError(f'{path.relative_to(ROOT)} is not there: python scripts/{path.stem}.py makes it')
        stored = read_json(path)
        at = {where: {r['model']: r for r in stored['rows'] if r['where'] == where and (r['unit'] == 'item' if cold else r['view'] == view)} for where in ('headline', 'pooled')}
        ours, peers = ('trees', dict(pop=['popularity of its category'], text=['nearest text', 'profile of texts'])[view[5:]]) if cold else ('learned blend', [m for m in at['headline'] if not m.startswith(('learned', 'without', 'texts', 'behaviour'))])
        peer = max(peers, key=lambda m: at['headline'][m]['value'])
        both, pooled = [at['headline'][m] for m in (ours, peer)], at['pooled'][peer]
        gain = pooled['gains'][f'{ours} over it'] if cold else {key: pooled[f'gain_{key}'] for key in ('gain', 'low', 'high', 'p', 'ratio')}
        yield row(name, 'NDCG@10', 'higher', peer, stored['machine']['versions'], os.getloadavg()[0], *(r['value'] for r in both), 1, {side: (r['high'] - r['low']) / 2 / r['value'] for side, r in zip(('ours', 'peer'), both)},
                  gain={key: gain[key] for key in ('gain', 'low', 'high', 'p')}, protocol=both[0]['protocol'], note=f'mean of {len(stored["seeds"])} seeds; pooled over four cuts {gain["ratio"]:.3f} times the peer; made by {stored["command"]} on {stored["date"]}')


def bare_search(queries, vectors, k=10, block=256):
    "The k largest products of each query as one writes it in NumPy."
    found = []
    for start in range(0, len(queries), block):
        products = queries[start:start + block] @ vectors.T
        top = np.argpartition(products, -k, axis=1)[:, -k:]
        found.append(np.take_along_axis(top, np.argsort(-np.take_along_axis(products, top, 1), axis=1), 1))
    return np.concatenate(found)


def timed(search):
    "Seconds of one call."
    start = time.perf_counter()
    search()
    return time.perf_counter() - start


def measure_search(names, runs=5):
    "Every household's ten nearest items among all that Complete Journey lists, and what faiss's indexes find of them."
    from seqrep_nb.encode import encode
    from seqrep_nb.histories import build_histories
    from seqrep_nb.lists import ItemIndex, recall_against
    from seqrep_nb.rank import ContentRanker
    from seqrep_nb.text import item_texts
    items, load = journey().items, os.getloadavg()[0]
    content = ContentRanker(encode(item_texts(items, items.item_id)))
    histories = build_histories(journey().events, item_ids=items.item_id.to_numpy(object))
    queries, vectors = content.fit(histories).represent(histories), content.directions_
    index = ItemIndex(vectors)
    exact = index.search(queries, 10)
    near = exact[1][:200] - np.sort(queries[:200] @ vectors.T, 1)[:, :-11:-1]
    if np.abs(near).max() > 1e-4: raise PeerError('the two sides find other items')
    samples = pair(lambda: timed(lambda: index.search(queries, 10)), lambda: timed(lambda: bare_search(queries, vectors)), runs, patience=PATIENCE)
    found = {kind: recall_against(exact, ItemIndex(vectors, kind).search(queries, 10)) for kind in ('ivf', 'hnsw')}
    note = f'{len(queries):,} households, {len(vectors):,} items, {vectors.shape[1]} numbers; recall of the exact first ten: ' + ', '.join(f'{kind} {share:.3f}' for kind, share in found.items())
    yield row('rank/matmul', 's', 'lower', 'NumPy product and argpartition', {'numpy': np.__version__}, load, **summary(samples), note=note)


def measure_single(names, runs=5, calls=200, items=100_000, width=384):
    "One history to its list over a hundred thousand synthetic items."
    from seqrep_nb.histories import build_histories
    from seqrep_nb.lists import ItemIndex
    from seqrep_nb.rank import ContentRanker
    rng, load = np.random.default_rng(SEED), os.getloadavg()[0]
    ids = np.array([f'{i:06}' for i in range(items)], object)
    events = pd.DataFrame(dict(user_id=[f'u{i:03}' for i in np.repeat(np.arange(calls), 50)], item_id=ids[rng.integers(0, items, 50 * calls)], action='buy', timestamp=pd.Timestamp('2024-01-01', tz='UTC') + pd.to_timedelta(rng.integers(0, 300, 50 * calls), 'D')))
    histories = build_histories(events, item_ids=ids)
    content = ContentRanker(rng.normal(size=(items, width)).astype('float32')).fit(histories)
    index, single, now = ItemIndex(content.directions_), [histories.take([u]) for u in range(calls)], int(histories.timestamps.max())
    profiles = content.represent(histories, now)
    late = lambda call: float(np.quantile([timed(lambda: call(u)) for u in range(calls)], .99)) * 1000
    samples = pair(lambda: late(lambda u: index.search(content.represent(single[u], now), 10)), lambda: late(lambda u: bare_search(profiles[u:u + 1], content.directions_)), runs, patience=PATIENCE)
    yield row('rank/p99', 'ms', 'lower', 'NumPy product and argpartition', {'numpy': np.__version__}, load, **summary(samples), note=f'{calls} histories of 50 events, {items:,} synthetic vectors of {width} numbers')


def measure_train(names, runs=3, few=1_280, many=12_800, setting=dict(width=96, heads=4)):
    "Windows of 64 purchases that training reads per second; each side's long run less its short one, so that building and tracing don't count."
    from seqrep_nb.behaviour import BehaviourTransformer
    from seqrep_nb.encode import encode
    from seqrep_nb.text import item_texts
    load, (split, task) = os.getloadavg()[0], ranking_tasks()[0]
    h = task.histories
    vectors = encode(item_texts(journey().items, h.item_ids))
    with tempfile.TemporaryDirectory() as folder, Peer() as ask:
        path = Path(folder)/'events.parquet'
        split.train.loc[split.train.item_id.isin(h.item_ids), ['user_id', 'item_id', 'timestamp']].to_parquet(path)
        versions = ask('versions', names=['rectools', 'torch', 'pytorch-lightning', 'numpy'])
        def took(examples):
            start = time.perf_counter()
            BehaviourTransformer(vectors, examples=examples, window=64, blocks=1, seed=SEED, **setting).fit(h)
            return time.perf_counter() - start
        def peer():
            short, long = (ask('train', events=path, users=256, epochs=n, length=64, batch=128, seed=SEED, **setting) for n in (1, 2))
            return (long['sequences'] - short['sequences']) / (long['seconds'] - short['seconds'])
        ours = lambda: many / (took(few + many) - took(few))
        took(few)
        samples = pair(ours, peer, runs, rest=.2, peers=[ask], patience=PATIENCE)
    yield row(names[0], 'windows/s', 'higher', 'RecTools SASRec', versions, load, **summary(samples),
              note=f'catalogue of {len(h.item_ids):,}; both one block, width {setting["width"]}, {setting["heads"]} heads, dropout .2, batches of 128, softmax over all items, in float32')


def measure_finetune(names):
    "LoRA against every weight trained, from what `scripts/finetune.py` measured for both in one run; the task that is worse for LoRA is the row's."
    path = ROOT/'results'/'methods.json'
    if not path.exists(): raise PeerError('results/methods.json is not there: python scripts/finetune.py makes it, in some hours')
    stored, quality = read_json(path), lambda task, method: np.array([r['value'] for r in stored['rows'] if (r['task'], r['method']) == (task, method)])
    share = {task: quality(task, 'LoRA').mean() / quality(task, 'full').mean() for task in stored['protocol']}
    worst = min(share, key=share.get)
    both = [quality(worst, method) for method in ('LoRA', 'full')]
    spread = {side: float(np.ptp(values) / np.median(values)) for side, values in zip(('ours', 'peer'), both)}
    yield row('finetune/lora-quality', 'PR-AUC', 'higher', 'every weight trained', stored['machine']['versions'], os.getloadavg()[0], *(float(values.mean()) for values in both), 1, spread,
              protocol=stored['protocol'][worst], note=f'{", ".join(f"{task} {value:.3f}" for task, value in share.items())}, LoRA as a share of full, the spread is that of the seeds; made by {stored["command"]} on {stored["date"]}')


def measure_classify(names):
    "Both against the table alone, from what `scripts/contest.py` measured for both in one run; the gain is the mean over seeds, or that of the synthetic shop whose interval reaches lowest."
    for name in names:
        question, _, strong = name.removeprefix('classify/').partition('/')
        path = ROOT/'results'/'contest'/f'{question}.json'
        if not path.exists(): raise PeerError(f'{path.relative_to(ROOT)} is not there: python scripts/contest.py makes it')
        stored = read_json(path)
        stored |= {} if strong else stored.get('counts', {})                         # of categories: the usual table, unless the strong one is asked for
        value = lambda model: np.array([r['value'] for r in stored['rows'] if r['model'] == model])
        both, table, best = (value(model) for model in ('both', 'table', 'best'))
        spread = {side: float(np.ptp(values) / np.median(values)) for side, values in zip(('ours', 'peer'), (both, table))}
        worst = min((g for g in stored['gains'] if g['model'] == 'both'), key=lambda g: g['low'])
        gain = next((g for g in stored.get('over_seeds', []) if g['model'] == 'both'), worst)
        note = f'{stored["asked"]:,} rows, {len(both)} seeds, the interval that reaches lowest [{worst["low"]:+.4f}, {worst["high"]:+.4f}]; the representation alone {value("representation").mean():.4f}' + (f', the best possible {best.mean():.4f}, of which both reach {both.mean() / best.mean():.3f}' if len(best) else '')
        yield row(name, stored['rows'][0]['metric'], 'higher', 'the table alone', stored['machine']['versions'], os.getloadavg()[0], float(both.mean()), float(table.mean()), 1, spread,
                  gain={key: gain[key] for key in ('gain', 'low', 'high', 'p')}, protocol=stored['protocol'], note=f'{note}; made by {stored["command"]} on {stored["date"]}')


def measure_heads(names, rows=100_000, width=384):
    "The four classifiers of chapter 40 on vectors that are there, against scikit-learn's network with the article's layer; the slowest of the four is the row's."
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from seqrep_nb.classify import default_classifiers
    rng, load = np.random.default_rng(SEED), os.getloadavg()[0]
    X = rng.normal(size=(rows, width)).astype('float32')
    y = X[:, :10].sum(1) + 2 * rng.normal(size=rows) > 1
    heads = default_classifiers(SEED) | {'peer': MLPClassifier((512,), batch_size=32, max_iter=3, random_state=SEED)}
    default_classifiers(SEED)['neural head'].fit(X[:2_000], y[:2_000])                       # TensorFlow is loaded
    train, score = {}, {}
    for name, head in heads.items():
        start = time.perf_counter()
        with warnings.catch_warnings(action='ignore'): model = make_pipeline(StandardScaler(), head).fit(X, y)   # three passes are asked for, not convergence
        train[name], start = time.perf_counter() - start, time.perf_counter()
        model.predict_proba(X)
        score[name] = rows / (time.perf_counter() - start)
    ours = [name for name in heads if name != 'peer']
    versions, none = {'scikit-learn': device_summary(tensorflow=False)['versions']['scikit-learn']}, {'ours': 0., 'peer': 0.}
    said = lambda found, unit: ', '.join(f'{name} {found[name]:,.{1 if unit == "s" else 0}f} {unit}' for name in ours) + f'; {rows:,} synthetic vectors of {width} numbers; one run of each'
    both = {'heads/train': ('s', 'lower', max(ours, key=train.get), train, 's'), 'heads/score': ('histories/s', 'higher', min(ours, key=score.get), score, '/s')}
    for name in names:
        unit, better, slowest, found, short = both[name]
        yield row(name, unit, better, 'MLPClassifier', versions, load, found[slowest], found['peer'], 1, none, note=said(found, short))


MEASURES = {'import': measure_import, 'import/rank': measure_import, 'encode/first': measure_first, 'encode/first/openvino': measure_first, 'encode/fp32': measure_encode, 'encode/fp32/lines': measure_encode,
            'encode/reduced': measure_encode, 'encode/reduced/lines': measure_encode, 'encode/int8': measure_encode, 'encode/int8/lines': measure_encode,
            'encode/parity': measure_parity, 'encode/log': measure_log, 'encode/store': measure_log, 'encode/scale': measure_log,
            'train/sasrec': measure_train, 'finetune/lora-quality': measure_finetune, **{f'classify/{name}': measure_classify for name in QUESTIONS}, 'heads/train': measure_heads, 'heads/score': measure_heads, 'rank/all': measure_stored, 'rank/new': measure_stored, 'rank/cold-pop': measure_stored, 'rank/cold-text': measure_stored, 'rank/matmul': measure_search, 'rank/p99': measure_single, 'example/all': measure_rank, 'example/new': measure_rank, 'example/stages': measure_example,
            'prep/polars': measure_prep_polars, 'prep/pandas': measure_prep_pandas, 'prep/memory': measure_prep_pandas, 'prep/linear': measure_prep_linear}


# The page

RATIO = 'A ratio above 1 always says that ours is better: ours / peer where higher is better, peer / ours where lower is.'
SAMPLES = 'Spread is (largest − smallest) / median over the runs, ours then peer{others}.'
USERS = 'One run of each, both seeded; spread is half the 95 % bootstrap interval over users, relative to the value, ours then peer.'
SAID = {
    **{f'classify/{name}': f'PR-AUC of the question “{asked}?”, pooled over cuts, of table and representation together and of the table alone, each tuned on the inner cut (chapter 43); the interval is that of the gain’s mean over seeds, every resample of users drawn for all seeds at once, or, for a synthetic shop, that of the shop where it reaches lowest.' for name, asked in QUESTIONS.items()},
    'import': 'Wall time of a fresh interpreter that runs `{ours}`, less that of one that runs nothing, each side with its own Python environment; what is below a millisecond counts as one. seqrep_nb loads its heavy parts when a function needs them, so this row says only that importing costs nothing; `encode/first` has the whole way to a vector.',
    'import/rank': 'As `import`, for the modules that rank.',
    'encode/first': 'Wall time of a fresh process from its start to the vector of one text: imports, checkpoint, first pass. Ours is compiled in that first pass.',
    'encode/first/openvino': 'As `encode/first`, ours with the engine OpenVINO, which needs no TensorFlow.',
    'encode/fp32': 'Texts of 2,000 distinct item texts of Complete Journey encoded per second of wall time, from strings to normalised float32 vectors, in one warm process a side, each at the batch size, ours also with the engine, that a short trial before found best; the peer runs in PyTorch; all cores for both. The checkpoint is the same folder, all-MiniLM-L6-v2.',
    'encode/fp32/lines': 'As `encode/fp32`, with 500 lines of text, the newest baskets of households, from one item to 256 tokens.',
    'encode/reduced': 'As `encode/fp32`, ours in bfloat16, the peer in float32.', 'encode/reduced/lines': 'As `encode/fp32/lines`, ours in bfloat16, the peer in float32.',
    'encode/int8': 'As `encode/fp32`, ours with int8 weights and activations, the peer in float32.', 'encode/int8/lines': 'As `encode/fp32/lines`, ours with int8 weights and activations, the peer in float32.',
    'encode/parity': 'Largest absolute difference of any component of the vectors, not normalised, from those of PyTorch’s transformers: token mean and first token, two engines, the published checkpoint and one whose weights were changed and that `save_backbone` wrote.',
    'encode/log': 'Seconds from the events to the item-text vector of every behaviour in memory, each distinct text encoded once and kept in an empty store, against encoding each behaviour, extrapolated from 5,000 of them drawn at random, half measured before and half after.',
    'encode/store': 'Seconds from the catalogue’s texts to their vectors in a second run, which finds all of them in the store, in the same warm process; median of five.',
    'encode/scale': 'Milliseconds per distinct text, encoding and keeping it, for all texts that are bought and for a quarter of them: 1 is linear.',
    'train/sasrec': 'Windows of 64 purchases read per second of training on Complete Journey before the inner cut: chapter 33’s behaviour transformer, which answers a window with the items of the next basket as a set and asks one position for it, against RecTools’ SASRec, which answers each of the 64 positions with the next purchase. A window is not the same work on both sides, and this row says nothing about what is learned.',
    'finetune/lora-quality': 'PR-AUC on the December cut of LoRA at rank 8 and of fine-tuning that trains every weight, each at the learning rate that the inner cut chose, mean of three seeds, on the one of two tasks (intent, preference) that is worse for LoRA; results/methods.json has both, with paired intervals.',
    'heads/train': 'Seconds to fit a classifier to vectors that are in memory, scaling included, of the slowest of chapter 40’s four; the peer is scikit-learn’s network with the same hidden layer, batches and passes, without dropout.',
    'heads/score': 'Histories scored per second by the slowest of the same four, in one process, from vectors in memory to probabilities; the peer as in `heads/train`.',
    'example/all': 'NDCG@10 of the worked example’s row `seqrep`, run anew from the log, and of the RecTools model that was best in this view at the inner cut, {tried} settings of popularity, item-kNN, PureSVD, iALS and EASE tried there; both learn from the same events of the 12,000 candidates, and the peer’s ranked lists are read by the same metric code. View all: repeats count. (ItemKNN counts an item among its own neighbours: with K 1 it is personal frequency, for which RecTools has no model of its own.)',
    'example/new': 'As `example/all`, the peer chosen anew for this view: what a household bought before is not recommended and does not count.',
    'rank/all': 'NDCG@10 of the learned blend of chapter 54 and of the best baseline that it hears, at the cut of the first of December, 12,000 items; the gain is pooled over four monthly cuts, every resample of households drawn for all cuts at once. View all: repeats count.',
    'rank/new': 'As `rank/all`, the peer chosen anew for this view: what a household bought before is not recommended and does not count.',
    'rank/cold-pop': 'NDCG@10 of chapter 56’s trees on items that nobody had met, and of the popularity of each item’s category; candidates and targets are the items that first appear within four weeks from the first of December; the gain is pooled over four cuts.',
    'rank/cold-text': 'As `rank/cold-pop`, the peer being the better of two uses of raw text vectors: the nearest text that a household bought (ties by the mean), and the mean of them.',
    'rank/matmul': 'Seconds from the profiles of all households to their ten nearest items among all that the log lists, exactly: `ItemIndex.search`, whose lists do not depend on how equal products fall, against the bare matrix product with `argpartition`, a block of queries at a time on both sides.',
    'rank/p99': 'Milliseconds from one history to its list of ten over a hundred thousand items, vectors in memory, the 99th of a hundred calls: the profile of the history and `ItemIndex.search`, against the bare product of a profile that is there already.',
    'example/stages': 'Seconds to clean and sort the 1,469,307 raw events of Complete Journey (three rules, the rejected rows with their reasons, five sort keys), from memory to memory: `clean_events` (pandas, Ibis, DuckDB) against the same rules written in Polars. The worked example’s other stages have no peer that does the same.',
    'prep/polars': 'Rows per second from the Parquet files of a synthetic log of clicks and purchases to histories on disk: clean (three rules, the rejected rows with their reasons), sessions at pauses of 30 minutes, split in time, sorted flat columns and offsets. `prepare_log` (Ibis, DuckDB, NumPy) against the same written by hand in Polars, which also sorts numbers once and compares neighbours; files to files, two threads each.',
    'prep/pandas': 'As `prep/polars`, against idiomatic pandas: masks, `drop_duplicates`, `sort_values`, `groupby`; one run of each.',
    'prep/memory': 'Highest resident memory of the two processes of `prep/pandas`.',
    'prep/linear': 'Wall seconds per million rows of `prepare_log` on a synthetic log of a hundred million rows, against the same on ten million: 1 is linear, below .83 would be a cost that grows by more than a fifth.'}


def figure(value):
    "Four significant figures, with an exponent where there are more than three zeros."
    return f'{value:,.0f}' if abs(value) >= 1000 else f'{value:.4g}'


def table(head, lines):
    "A Markdown table."
    return '\n'.join(f'| {" | ".join(line)} |' for line in [head, ['---'] * len(head), *lines])


def disturbed(r):
    "Is a row of timings from a machine that had other work to do, or not known to be from one that had none?"
    return 'samples' in r and bool(np.median(r['samples'].get('others', [1])) > QUIET)


def paragraph(r):
    "What one row measured, in which direction, and what came with it."
    said = SAID.get(r['name'], '').format(ours=IMPORTS.get(r['name'], [''])[0], tried=len(r.get('tried', ())))
    direction = f'{r["better"].capitalize()} is better; ratio = {"ours / peer" if r["better"] == "higher" else "peer / ours"}.'
    gain = 'Gain of ours over the peer, paired over users: {gain:+.4f}, 95 % interval {low:+.4f} to {high:+.4f}. '.format(**r['gain']) if 'gain' in r else ''
    note = f'{r["note"][0].upper()}{r["note"][1:]}. ' if r.get('note') else ''
    versions = ', '.join(f'{name} {version}' for name, version in r['versions']['peer'].items())
    others = r.get('samples', {}).get('others')
    known = f'; other work took {np.median(others):.0%} of the cores in the median run, {max(others):.0%} in the worst' if others else ''
    spread = USERS if 'gain' in r else SAMPLES.format(others=known)
    return f'**{r["name"]}** · {said} {direction} {spread} {gain}{note}Peer: {versions}. Load average {r["load"]["before"]:.1f} before, {r["load"]["after"]:.1f} after.'


def stage_table(rows):
    "The worked example's stages, where a row has them."
    stages = next((r['stages'] for r in rows if r.get('stages')), {})
    return ['## The worked example, stage by stage', 'Seconds of the last `make example` on the machine of the row `example/stages`.',
            table(['stage', 's'], [[name, f'{value:.1f}'] for name, value in stages.items()])] if stages else []


def page(rows):
    "results/bench.md."
    line = lambda r: [r['name'] + ' †' * disturbed(r), r['unit'], figure(r['ours']), figure(r['peer']), r['peer_name'], f'{r["ratio"]:.3g}', str(r['runs']), ' / '.join(f'{r["spread"][side]:.0%}' for side in ('ours', 'peer')), r['date']]
    machines = sorted({f'{m["processor"]}, {m["cpu_count"]} cores, {m["platform"]} {m["machine"]}, Python {m["python"]}' for m in (r['machine'] for r in rows)})
    parts = ['<!-- Made from results/bench.json by make bench -->', '# Ours and a peer, in one run',
             f'Every row pairs the project with a peer on one machine in one run, the two sides in turn; figures are medians. A round of the two during which other work took more than a tenth of the cores is measured again while there is time for it. {RATIO} Rows are measured one by one (`make bench NAME=encode/fp32`), so dates may differ.',
             table(['name', 'unit', 'ours', 'peer', 'the peer is', 'ratio', 'runs', 'spread', 'date'], map(line, rows)),
             *['† Other work shared the machine in the median run: read the ratio with care, and measure again where it is quiet.'] * any(map(disturbed, rows)), f'Measured on: {"; ".join(machines)}.', '## What was measured',
             *map(paragraph, rows), *stage_table(rows)]
    return '\n\n'.join(parts) + '\n'


def update(names, measures=None, path=RESULTS):
    "Measure `names`, then write their rows, and the page, beside the rows that are there; on failure nothing is written."
    measures = MEASURES if measures is None else measures
    by_measure = {measures[name]: [other for other in names if measures[other] is measures[name]] for name in names}
    found = {r['name']: r for measure, asked in by_measure.items() for r in measure(asked)}
    rows = {r['name']: r for r in (read_json(path) if path.exists() else [])} | found
    order = [*measures, *sorted(rows.keys() - measures.keys())]
    rows = [rows[name] for name in order if name in rows]
    write_json(path, rows)
    path.with_suffix('.md').write_text(page(rows), encoding='utf-8')
    for r in found.values(): print(f'{r["name"]}: ours {figure(r["ours"])}, {r["peer_name"]} {figure(r["peer"])} {r["unit"]}, ratio {r["ratio"]:.3g}')


def wanted(names):
    "The measurements that NAMEs stand for: itself, or all below it; all without a name."
    found = [name for name in MEASURES if not names or name in names or any(name.startswith(f'{n.rstrip("/")}/') for n in names if n not in MEASURES)]
    for name in names:
        if name not in MEASURES and not any(n.startswith(f'{name.rstrip("/")}/') for n in MEASURES): sys.exit(f'bench: {name!r} is no measurement: use {", ".join(MEASURES)}')
    return found


def main(names):
    "Each group of measurements in a process of its own, so that none is measured beside another's memory and threads; one that fails leaves the others' rows."
    set_up()
    groups = {}
    for name in wanted(names): groups.setdefault(MEASURES[name], []).append(name)
    failed = [asked for asked in groups.values() if subprocess.run([sys.executable, __file__, '--here', *asked], env=environment()).returncode]
    if failed: sys.exit(f'bench: no new rows for {", ".join(name for asked in failed for name in asked)}; results/bench.json keeps the old ones')


if __name__ == '__main__':
    if sys.argv[1:] == ['--lock']: remake_locks()
    elif sys.argv[1:2] == ['--here']:
        try: update(sys.argv[2:])
        except PeerError as error: sys.exit(f'bench: {error}')
    else: main(sys.argv[1:])
