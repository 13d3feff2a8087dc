"""What each input, fusion, loss and output of chapter 33's transformer is worth, before the test: behaviour.py writes results/behaviour.json, in about an hour on two cores; what it has measured waits in runs/behaviour."""
import datetime, sys
from dataclasses import replace

import numpy as np
from install import ROOT, say

from seqrep_nb.behaviour import PARTS, BehaviourTransformer
from seqrep_nb.core import device_summary, write_json
from seqrep_nb.encode import encode
from seqrep_nb.households import cleaned_journey
from seqrep_nb.metrics import compare, evaluate_ranking, interval
from seqrep_nb.split import inner_cut, temporal_split
from seqrep_nb.tasks import ranking_task
from seqrep_nb.text import item_texts

BASE, VIEWS, RUNS = dict(examples=15_000, width=64), ('all', 'new'), ROOT/'runs'/'behaviour'
MODEL = 'behaviour transformer'
WITHOUT = {part: dict(parts=tuple(p for p in PARTS if p != part)) for part in PARTS}
# group -> name -> (settings, seeds)
PLAN = {'': {MODEL: ({}, 3)},
    'input': {f'without {part}': (WITHOUT[part], 3 if part in ('text', 'id', 'time') else 1) for part in PARTS},
    'fusion': {f'fusion {name}': (dict(fusion=name), 3 if name == 'sum' else 1) for name in ('sum', 'hidden_sum', 'concat', 'gated', 'attention')},
    'loss': {'sampled, 1,000 negatives': (dict(loss='sampled', negatives=1000), 1), 'sampled, 100 negatives': (dict(loss='sampled', negatives=100), 1)},
    'objective': {'masked': (dict(objective='masked'), 1), 'next and masked': (dict(objective='both'), 1)},
    'output': {'repeat or explore': (dict(repeat=True), 3), 'repeat or explore, window 256': (dict(repeat=True, window=256), 1), 'window 256': (dict(window=256), 1)},
    'input, repeating': {f'repeat or explore, without {part}': (dict(repeat=True) | WITHOUT[part], 1) for part in ('text', 'id', 'time', 'price')}}
AGAINST = {'input, repeating': ('output', 'repeat or explore')}     # What a group is compared with, where it is not the plain model


def setting():
    "The question at the inner cut, and the vectors of its items."
    log = cleaned_journey()
    outer = temporal_split(log.events, '2017-12-01')
    task = ranking_task(temporal_split(outer.train, inner_cut(outer.train)), dataset=log.name)
    return task, encode(item_texts(log.items, task.histories.item_ids))


def measured(task, vectors, name, settings, seed):
    "view -> `Result` of one model; fitted once, then read."
    path = RUNS/f'{name}, {seed}.npz'
    if not path.exists():
        model = BehaviourTransformer(vectors, **BASE, **settings, seed=seed).fit(task.histories)
        scores = model.score(task.histories, task.now)
        RUNS.mkdir(parents=True, exist_ok=True)
        np.savez(path, **{view: evaluate_ranking(name, scores, task, view)[0].values for view in VIEWS})
    values = np.load(path)
    any_scores = np.zeros((len(task.histories), len(task.histories.item_ids)), 'float32')
    if not hasattr(measured, 'empty'): measured.empty = {view: evaluate_ranking('', any_scores, task, view)[0] for view in VIEWS}
    return {view: replace(measured.empty[view], model=name, values=values[view], seed=seed) for view in VIEWS}


def mean(results): return replace(results[0], values=np.mean([r.values for r in results], 0), seed=0)   # over seeds


def rows(found):
    "Each model over its seeds, and what it gains over the one it is compared with, paired over users and with the same seeds."
    for (group, name), results in found.items():
        for view in VIEWS:
            ours, plain = (mean([r[view] for r in of]) for of in (results, found[AGAINST.get(group, ('', MODEL))][:len(results)]))
            gain = {} if name == MODEL else {f'gain_{key}': value for key, value in compare(ours, plain).items()}
            yield dict(group=group, model=name, view=view, against=AGAINST.get(group, ('', MODEL))[1], seeds=len(results), by_seed=[round(r[view].value, 5) for r in results], protocol=ours.protocol.stamp()) | dict(zip(('value', 'low', 'high'), interval(ours))) | gain


def main(only=''):
    task, vectors = setting()
    found = {}
    for first in (True, False):             # One seed of everything, then the others
        for group, models in PLAN.items():
            for name, (settings, seeds) in models.items():
                if only and group and only != group: continue
                for seed in range(1 if first else seeds)[len(found.get((group, name), ())):]:
                    found.setdefault((group, name), []).append(measured(task, vectors, name, settings, seed))
                    say(f'{name}, seed {seed}: ' + ', '.join(f'{view} {r.value:.4f}' for view, r in found[group, name][-1].items()))
    if only: return
    write_json(ROOT/'results'/'behaviour.json', dict(command='python scripts/behaviour.py', date=datetime.datetime.now(datetime.UTC).date().isoformat(), machine=device_summary(tensorflow=False),
        cut=f'{task.cut:%Y-%m-%d}', settings=BASE, metric='NDCG@10', rows=list(rows(found))))


if __name__ == '__main__': main(*sys.argv[1:])
