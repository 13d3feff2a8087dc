"""Items that nobody has met, at four months: cold.py writes results/cold.json, in about ten minutes on two cores."""
import datetime
from dataclasses import replace

import numpy as np, pandas as pd
from install import ROOT, say

from seqrep_nb.cold import ColdRanker, per_text, text_scores
from seqrep_nb.core import device_summary, write_json
from seqrep_nb.encode import encode
from seqrep_nb.households import cleaned_journey
from seqrep_nb.metrics import compare, evaluate_ranking, interval, pool
from seqrep_nb.split import temporal_split
from seqrep_nb.tasks import cold_task

TESTS = [pd.Timestamp(day, tz='UTC') for day in ('2017-09-08', '2017-10-06', '2017-11-03', '2017-12-01')]
LESSONS, WINDOW, SEEDS = 4, pd.Timedelta(days=28), (0, 1, 2)


def asked(log, moment, vectors):
    "The question of four weeks from a moment on, and what text vectors say to it."
    task = cold_task(temporal_split(log.events, moment), WINDOW.days, log.name)
    texts = log.items.set_index('item_id').text.reindex(task.histories.item_ids)
    return task, text_scores(task, texts, vectors[pd.Index(log.items.item_id).get_indexer(task.histories.item_ids)])


def of_window(result, unit): # cuts have different candidates; what they are is the same
    return replace(result, protocol=replace(result.protocol, candidates=f'every {unit} first met within {WINDOW.days} days, full ranking'))


def measured(log, lessons, task, said):
    "Every model's result at one test: (model, seed, unit) -> `Result`."
    plain, found = ColdRanker(log.items), {}
    f = plain.features(task)
    pairs = plain.candidates(f, said)
    rates = {f'rate of its {name}': f.rate(name) for name in f.groups}
    popular = np.append(f.of_group('category').pairs, 0)[f.groups['category'][task.candidates]]
    scores = {'popularity of its category': np.tile(np.float32(popular), (len(task.histories), 1)), 'nearest text': said['nearest'] + 1e-3 * said['profile'], 'profile of texts': said['profile'], **rates}
    texts = log.items.set_index('item_id').text.reindex(task.histories.item_ids)
    def judge(name, s, seed=0):
        found[name, seed, 'item'] = of_window(evaluate_ranking(name, s, task, 'cold', seed=seed)[0], 'item')
        once, best = per_text(task, texts, s)
        found[name, seed, 'text'] = of_window(evaluate_ranking(name, best, once, 'cold', seed=seed)[0], 'text')
    for name, s in scores.items(): judge(name, s)
    for seed in SEEDS:
        judge('trees', ColdRanker(log.items, seed=seed).learn(lessons).order(f, pairs), seed)
        say(f'{task.cut:%Y-%m-%d} ' + ', '.join(f'{name} {r.value:.4f}' for (name, s, unit), r in found.items() if unit == 'item' and s in (0, seed)))
    return found


def over_seeds(found, model, unit): # one `Result`, the mean over its seeds
    several = [r for (name, _, u), r in found.items() if (name, u) == (model, unit)]
    return replace(several[0], values=np.mean([r.values for r in several], 0), seed=0)


def rows_of(tests):
    "Every model at the last test and pooled over all, and what trees and rate gain over each."
    models, rows = list(dict.fromkeys(name for name, _, _ in tests[0])), []
    for unit in ('item', 'text'):
        for where, of in dict(headline=lambda m: over_seeds(tests[-1], m, unit), pooled=lambda m: pool([over_seeds(t, m, unit) for t in tests])).items():
            for model in models:
                r = of(model)
                gains = {f'{ours} over it': compare(of(ours), r) for ours in ('trees', 'rate of its text') if ours != model}
                rows.append(dict(where=where, unit=unit, model=model, metric=r.metric, protocol=r.protocol.stamp(), gains=gains) | dict(zip(('value', 'low', 'high'), interval(r))))
    return rows


def main():
    log, lessons, tests = cleaned_journey(), [], []
    vectors = encode(log.items.text)
    for moment in pd.date_range(TESTS[0] - LESSONS * WINDOW, TESTS[-1], freq=WINDOW):
        task, said = asked(log, moment, vectors)
        if moment in TESTS: tests.append(measured(log, lessons[-LESSONS:], task, said))
        lessons.append(ColdRanker(log.items).lesson(task, said))
        say(f'{moment:%Y-%m-%d} {task}')
    write_json(ROOT/'results'/'cold.json', dict(command='python scripts/cold.py', date=datetime.datetime.now(datetime.UTC).date().isoformat(), machine=device_summary(tensorflow=False), lessons=LESSONS, window_days=WINDOW.days, seeds=SEEDS, rows=rows_of(tests)))


if __name__ == '__main__': main()
