"""Fine-tuning side by side, for chapters 30 and 31: every method, two tasks, three seeds, into results/methods.json.

`python scripts/finetune.py` trains what is missing; a run that was killed goes on (what finished models said of the test lies in results/methods/, checkpoints in runs/methods/).
`python scripts/finetune.py intent` does one task, `python scripts/finetune.py cost METHOD` measures one method at a stated shape, in a process of its own. About two hours on two quiet cores."""
import datetime, json, platform, re, shutil, statistics, subprocess, sys, time
from pathlib import Path
import numpy as np, pandas as pd

ROOT = Path(__file__).resolve().parent.parent
RESULTS, PARTS, CHECKPOINTS, CUT, SEEDS = ROOT/'results'/'methods.json', ROOT/'results'/'methods', ROOT/'runs'/'methods', '2017-12-01', (0, 1, 2)
SETTINGS = dict(max_length=64, training=4_000, choosing=1_000, epochs=1, batch_size=16, last=24, lora_rank=8, adalora_rank=12, adalora_target=8)
SHAPE = dict(rows=32, tokens=64, steps=24, warm=4)  # of the costs
# Learning rates tried first, with seed 0; the inner cut chooses, and while the best is the lowest or the highest tried, the next of LADDER is tried too
LADDER = [1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2]
RATES = {'frozen': [0.], 'last blocks': [1e-4, 3e-4], 'full': [1e-4, 3e-4], 'LoRA': [1e-3, 3e-3], 'AdaLoRA': [1e-3, 3e-3]}


def say(text): print(text, file=sys.stderr, flush=True)


def model(method, rate, seed, memory=None, folder=None, **others):
    from seqrep_nb.finetune import FineTunedClassifier
    given = dict(epochs=SETTINGS['epochs'], batch_size=SETTINGS['batch_size'], learning_rate=rate, seed=seed, memory=memory, folder=folder) | others
    if method in ('LoRA', 'AdaLoRA'):
        from seqrep_nb.lora import AdaLoRAClassifier, LoRAClassifier
        if method == 'LoRA': return LoRAClassifier(rank=SETTINGS['lora_rank'], **given)
        return AdaLoRAClassifier(rank=SETTINGS['adalora_rank'], target=SETTINGS['adalora_target'], **given)
    return FineTunedClassifier(train_blocks={'frozen': 0, 'last blocks': 2, 'full': 'all'}[method], **given)


def tasks(events, items):
    "Name → moments: five to train on, November to choose on, December to test on."
    from seqrep_nb.tasks import earlier_cuts, intent_tasks, preference_tasks
    return dict(intent=intent_tasks(events, [*earlier_cuts(CUT, 6), CUT]), preference=preference_tasks(events, items, [*earlier_cuts(CUT, 6, days=28), CUT]))


def line_sets(moments, items, tokenizer, kind):
    "To train on, to choose on, to test on: ids, mask, labels each; and the users of the test."
    from seqrep_nb.finetune import visits
    from seqrep_nb.text import history_texts, item_texts, tokenize_newest
    category = items.assign(text=items.category.fillna('unknown item')) if kind == 'visits' else items
    texts = item_texts(category, moments[-1].histories.item_ids)
    def lines(task):
        histories = visits(task.histories) if kind == 'visits' else task.histories
        return *tokenize_newest(tokenizer, history_texts(histories, texts, SETTINGS['last'], task.cut), SETTINGS['max_length'])[:2], task.y
    def sample(parts, size):
        rows = np.sort(np.random.default_rng(0).permutation(len(parts[0]))[:size])
        return [part[rows] for part in parts]
    found = [lines(task) for task in moments]
    return sample([np.concatenate(part) for part in zip(*found[:-2])], SETTINGS['training']), sample(found[-2], SETTINGS['choosing']), list(found[-1])


def part(task, kind, method, rate, seed, sets, memory):
    "Train one model, or read what it gave: probabilities on the test, log-loss on the inner cut, ranks."
    from seqrep_nb.core import write_json, write_whole
    path = PARTS/f'{task}-{kind}-{method.replace(" ", "_")}-{rate:g}-{seed}.json'
    if not path.exists():
        say(f'{time.strftime("%H:%M:%S")}  {task}, line of {kind}, {method}, rate {rate:g}, seed {seed}')
        fitted = model(method, rate, seed, memory, folder=None if method == 'frozen' else (folder := CHECKPOINTS/path.stem)).fit(*sets[0], validation=sets[1])
        p = fitted.predict_proba(*sets[2][:2])
        with write_whole(path.with_suffix('.npy')) as temporary:
            with open(temporary, 'wb') as file: np.save(file, p.astype('float32') if task == 'preference' else p[:, 1].astype('float32'), allow_pickle=False)
        ranks = fitted.ranks_ if method == 'AdaLoRA' else None
        write_json(path, dict(task=task, kind=kind, method=method, learning_rate=rate, seed=seed, history=fitted.history_, validation_loss=min(h['validation_loss'] for h in fitted.history_), ranks=ranks))
        if method != 'frozen': shutil.rmtree(folder, ignore_errors=True)
    return json.loads(path.read_text()) | dict(p=np.load(path.with_suffix('.npy'), allow_pickle=False))


def trained(task, moments, items, tokenizer, methods):
    "The line is chosen by the frozen model, then each method's rate, all on the inner cut."
    from seqrep_nb.finetune import StateMemory
    memory, sets = StateMemory(), {}
    def of(kind):
        if kind not in sets: sets[kind] = line_sets(moments, items, tokenizer, kind)
        return sets[kind]
    kinds = {kind: part(task, kind, 'frozen', 0., 0, of(kind), memory)['validation_loss'] for kind in ('visits', 'purchases')}
    kind = min(kinds, key=kinds.get)
    found, chosen = [], []
    for method in methods:
        tried = [part(task, kind, method, rate, 0, of(kind), memory) for rate in RATES[method]]
        while (best := min(tried, key=reached)) and (rate := beside(best['learning_rate'], [one['learning_rate'] for one in tried])):
            tried.append(part(task, kind, method, rate, 0, of(kind), memory))
        chosen += [dict(task=task, method=method, learning_rate=one['learning_rate'], validation_loss=round(reached(one), 5), chosen=one is best) for one in tried]
        found += [best] + [part(task, kind, method, best['learning_rate'], seed, of(kind), memory) for seed in (SEEDS[1:] if method != 'frozen' else ())]
    other = part(task, max(kinds, key=kinds.get), 'frozen', 0., 0, None, None)
    return found, chosen, {kind: round(loss, 5) for kind, loss in kinds.items()}, of(kind)[2][2], other


def reached(one):
    "Log-loss on the inner cut after training. The frozen start, which a model falls back on where training made it worse, says nothing of a rate."
    return min(h['validation_loss'] for h in one['history'][1:] or one['history'])


def beside(best, tried):
    "The rate to try next, where the best one is at an edge of those tried; None where it is not, or where there is no more."
    at = LADDER.index(best) if best in LADDER else None
    if at is None: return None
    return next((rate for rate in LADDER[max(at - 1, 0):at + 2] if rate not in tried), None)


def result(task, moment, one, y):
    from seqrep_nb.metrics import Protocol, classification_results, multilabel_result
    what = dict(intent='intent: buys within 7 days', preference='preference: categories of the next basket')[task]
    protocol = Protocol('Complete Journey', what, CUT, target=dict(intent='buys within the window', preference=f'{y.shape[-1]} categories, within 28 days')[task], ties='')
    ids = moment.histories.user_ids
    if task == 'intent': return classification_results(one['method'], y, one['p'], protocol, one['seed'], per_user=ids)[0]
    return multilabel_result(one['method'], y, one['p'], protocol, one['seed'], ids)


def cost(method):
    "Examples per second and the highest memory of this process, at one shape, as JSON."
    from seqrep_nb.core import peak_memory
    rows, width, stamps = SHAPE['rows'], SHAPE['tokens'], []
    rng = np.random.default_rng(0)
    ids = rng.integers(1_000, 20_000, (rows * SHAPE['steps'], width)).astype('int32')
    y = np.arange(len(ids)) % 2
    kind = type(model(method, 1e-4, 0))
    class Watched(kind):
        def _extras(self, steps):
            given = kind._extras(self, steps)
            then = given.get('after')
            return given | dict(after=lambda step: (then and then(step), stamps.append(time.perf_counter())))
    fresh = model(method, 1e-4, 0, batch_size=rows, epochs=1)
    watched = Watched(**fresh.get_params())
    watched.fit(ids, np.ones(ids.shape, bool), y)
    if method == 'frozen': return print(json.dumps(dict(examples_per_s=None, peak_bytes=peak_memory(), parameters=0, gradient_bytes=0, optimizer_bytes=0)))
    print(json.dumps(dict(examples_per_s=rows / statistics.median(np.diff(stamps)[SHAPE['warm']:]), peak_bytes=peak_memory(), **watched.trainable_)))


def costs(method):
    from seqrep_nb.backbone import load_backbone
    done = subprocess.run([sys.executable, __file__, 'cost', method], text=True, capture_output=True)
    if done.returncode: sys.exit(f'{done.stderr[-2000:]}\n{method} failed')
    found, head, whole = json.loads(done.stdout.splitlines()[-1]), 385, sum(int(np.prod(v.shape)) for v in load_backbone().variables if 'seed' not in v.path)
    own = max(found['parameters'] - head, 0)
    return dict(method=method, trainable_parameters=own, share_of_backbone=round(own / whole, 5), head_parameters=head, **{key: found[key] for key in ('gradient_bytes', 'optimizer_bytes', 'peak_bytes')},
                examples_per_s=found['examples_per_s'] and round(found['examples_per_s'], 2))


def machine():
    from seqrep_nb.core import device_summary
    known = device_summary(tensorflow=True)
    names = re.findall(r'^model name\s*:\s*(.+)$', Path('/proc/cpuinfo').read_text(), re.M) if Path('/proc/cpuinfo').exists() else []
    return {key: known[key] for key in ('platform', 'machine', 'python', 'cpu_count', 'gpus', 'versions')} | {'processor': names[0] if names else platform.processor()}


def main(methods=tuple(RATES), wanted=('intent', 'preference')):
    from seqrep_nb.clean import clean_events
    from seqrep_nb.core import write_json
    from seqrep_nb.journey import load_journey
    from seqrep_nb.metrics import compare, interval
    from seqrep_nb.text import load_tokenizer
    log, tokenizer = load_journey(), load_tokenizer()
    told = dict(command='python scripts/finetune.py', date=f'{datetime.date.today():%Y-%m-%d}', machine=machine(), settings=SETTINGS | dict(rates=RATES, shape=SHAPE), protocol={}, lines={}, chosen=[], rows=[], gains=[], line_gains={}, ranks={})
    for task, moments in tasks(clean_events(log.events).events, log.items).items():
        if task not in wanted: continue
        found, chosen, told['lines'][task], y, other = trained(task, moments, log.items, tokenizer, methods)
        results = {(one['method'], one['seed']): result(task, moments[-1], one, y) for one in found}
        told['chosen'] += chosen
        told['line_gains'][task] = {k: round(float(v), 6) for k, v in compare(results['frozen', 0], result(task, moments[-1], other, y)).items()}
        told['protocol'][task] = next(iter(results.values())).protocol.stamp()
        for (method, seed), r in results.items():
            value, low, high = interval(r)
            told['rows'].append(dict(task=task, method=method, seed=seed, metric='PR-AUC', value=round(value, 6), low=round(low, 6), high=round(high, 6), n=len(y)))
            for against in ('frozen', 'full'):
                base = results.get((against, seed if against != 'frozen' else 0))
                if base is None or method == against or against == 'full' and method == 'frozen': continue
                told['gains'].append(dict(task=task, method=method, against=against, seed=seed, **{k: round(float(v), 6) for k, v in compare(r, base).items()}))
        told['ranks'][task] = next((one['ranks'] for one in found if one['ranks']), {})
    told['costs'] = [costs(method) for method in methods]
    write_json(RESULTS, told)
    say(f'wrote {RESULTS.relative_to(ROOT)}')


if __name__ == '__main__':
    sys.path.insert(0, str(ROOT))
    if sys.argv[1:2] == ['cost'] and len(sys.argv) == 3 and sys.argv[2] in RATES: cost(sys.argv[2])
    elif set(sys.argv[1:]) <= {'intent', 'preference'}: main(wanted=sys.argv[1:] or ('intent', 'preference'))
    else: sys.exit(__doc__)
