"""What each path costs: two_paths.py measures seconds and peak memory from histories to H and writes them into results/two_paths.json.

Each measurement is a process of its own, so that a peak of memory is that path's; medians of `RUNS`. About five minutes on two quiet cores."""
import datetime, json, os, platform, re, statistics, subprocess, sys, tempfile, time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS, CUT, HOUSEHOLDS, LAST, RUNS = ROOT/'results'/'two_paths.json', '2017-12-01', 300, 64, 3
PATHS = {'Line, 64 tokens': 64, 'Line, 128 tokens': 128, 'Line, 256 tokens': 256, 'Event, 64 events': None}
MEBI = 2**20


def say(text): print(text, file=sys.stderr, flush=True)


def prepare(folder):
    "Histories of the first households and the catalogue's texts, so that no measured process reads the log."
    from seqrep_nb.clean import clean_events
    from seqrep_nb.core import write_json
    from seqrep_nb.histories import write_histories
    from seqrep_nb.journey import load_journey
    from seqrep_nb.tasks import intent_tasks
    from seqrep_nb.text import item_texts, load_tokenizer
    from seqrep_nb.two_paths import path_costs
    log = load_journey()
    histories = intent_tasks(clean_events(log.events).events, [CUT])[0].histories.take(range(HOUSEHOLDS))
    texts = item_texts(log.items, histories.item_ids)
    write_histories(histories, folder/'histories')
    write_json(folder/'texts.json', texts)
    return path_costs(histories, texts, load_tokenizer(), last=LAST, now=CUT).tokens.to_dict()


def line(histories, texts, length):
    from seqrep_nb.backbone import load_backbone
    from seqrep_nb.text import load_tokenizer
    from seqrep_nb.two_paths import line_representation
    model = load_tokenizer(), load_backbone()
    return lambda: line_representation(histories, texts, length, LAST, CUT, model)


def event(histories, texts, length):
    from seqrep_nb.two_paths import event_representation, event_vectors, window_items
    from seqrep_nb.encode import TextEncoder
    encoder, kept = TextEncoder(), {}

    def run(known=False):
        if not known: kept['vectors'] = event_vectors(texts, window_items(histories, LAST), encoder)
        return event_representation(histories, kept['vectors'], LAST, now=CUT)
    return run


def measure(folder, name):
    "One path in this process, as JSON: cold with the libraries imported and no model in memory, then warm."
    import seqrep_nb.two_paths  # noqa: F401
    from seqrep_nb.backbone import import_keras
    from seqrep_nb.core import peak_memory, read_json
    from seqrep_nb.histories import read_histories
    histories, texts = read_histories(folder/'histories'), read_json(folder/'texts.json')
    import_keras()
    before, start = peak_memory(), time.perf_counter()
    run = (event if PATHS[name] is None else line)(histories, texts, PATHS[name])
    shape, cold = run().shape, time.perf_counter()
    run()
    found = dict(cold_s=cold - start, warm_s=time.perf_counter() - cold, before_MB=before / MEBI, peak_MB=peak_memory() / MEBI)
    if PATHS[name] is None:
        start = time.perf_counter()
        run(known=True)
        found['vectors_known_s'] = time.perf_counter() - start
    assert shape == (HOUSEHOLDS, 384)
    print(json.dumps(found))


def machine():
    from seqrep_nb.core import device_summary
    known = device_summary(tensorflow=False)
    names = re.findall(r'^model name\s*:\s*(.+)$', Path('/proc/cpuinfo').read_text(), re.M) if Path('/proc/cpuinfo').exists() else []
    return {key: known[key] for key in ('platform', 'machine', 'python', 'cpu_count', 'gpus', 'versions')} | {'processor': names[0] if names else platform.processor()}


def child(folder, name):
    done = subprocess.run([sys.executable, __file__, folder, name], text=True, capture_output=True, env=os.environ | {'SEQREP_QUIET': '1', 'TF_CPP_MIN_LOG_LEVEL': '3', 'PYTHONPATH': str(ROOT)})
    if done.returncode: sys.exit(f'{done.stderr[-2000:]}\n{name} failed')
    return json.loads(done.stdout.splitlines()[-1])


def main():
    from seqrep_nb.core import update_json
    load, start = os.getloadavg()[0] if hasattr(os, 'getloadavg') else None, time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        tokens, runs = prepare(Path(folder)), {name: [] for name in PATHS}
        for number in range(RUNS):  # round after round, so that a busy minute does not fall on one path alone
            for name in PATHS:
                runs[name].append(child(folder, name))
                say(f'{time.perf_counter() - start:5.0f} s  round {number + 1}: {name}: cold {runs[name][-1]["cold_s"]:.1f} s, warm {runs[name][-1]["warm_s"]:.1f} s')
    middle = lambda found, key: round(statistics.median(f[key] for f in found), 4 if key == 'vectors_known_s' else 0 if 'MB' in key else 2)
    rows = [dict(path=name, tokens=int(tokens[name]), **{key: middle(found, key) for key in ('cold_s', 'warm_s', 'before_MB', 'peak_MB')},
                 vectors_known_s=middle(found, 'vectors_known_s') if PATHS[name] is None else None) for name, found in runs.items()]
    spread = {name: dict(zip(('lowest', 'highest'), (round(f(r['warm_s'] for r in found), 2) for f in (min, max)))) for name, found in runs.items()}
    costs = dict(command='python scripts/two_paths.py', date=f'{datetime.date.today():%Y-%m-%d}', machine=machine(), load_before=load, households=HOUSEHOLDS, runs=RUNS, rows=rows, warm_spread_s=spread)
    update_json(RESULTS, costs=costs)
    say(f'wrote {RESULTS.relative_to(ROOT)}')


if __name__ == '__main__':
    sys.path.insert(0, str(ROOT))
    if len(sys.argv) == 3: measure(Path(sys.argv[1]), sys.argv[2])
    elif len(sys.argv) == 1: main()
    else: sys.exit(__doc__)
