"""The learned blend of chapter 54 against the rankers that it hears, at four months: rank.py writes results/rank.json, in about half an hour on two cores."""
import datetime
from dataclasses import replace

import numpy as np, pandas as pd
from install import ROOT, say

from seqrep_nb.baselines import IALS, PersonalFrequency, Popularity, TIFUKNN, UserKNN
from seqrep_nb.core import device_summary, write_json
from seqrep_nb.encode import encode
from seqrep_nb.households import cleaned_journey
from seqrep_nb.metrics import compare, evaluate_ranking, interval, pool
from seqrep_nb.rank import ContentRanker
from seqrep_nb.split import temporal_split
from seqrep_nb.stack import LearnedBlend, PairFeatures, Past, PlacePopularity, gather
from seqrep_nb.tasks import ranking_task

TESTS = [pd.Timestamp(day, tz='UTC') for day in ('2017-09-08', '2017-10-06', '2017-11-03', '2017-12-01')]
LESSONS, STEP = 6, pd.Timedelta(days=14)        # Moments before a test, and between them: a lesson's answers come within one step
SEEDS = dict(all=(0,), new=(0, 1, 2))            # By view; large trees over all that is known take minutes each
WITHOUT = {'without text': ('text', 'category', 'place: content', 'score: content'), 'without when and how often': ('habit', 'text', 'category', 'user')}


def asked(log, moment, lesson=True):
    "The question at a moment, and the scores of single rankers."
    events = log.events[log.events.timestamp < moment + STEP] if lesson else log.events
    return ranking_task(temporal_split(events, moment), dataset=log.name)


def heard(h, now, vectors):
    "What every ranker says: name -> (U, I)."
    rankers = {'popularity, last 28 days': Popularity(days=28), 'personal frequency': PersonalFrequency(), 'TIFU-kNN': TIFUKNN(), 'user-kNN': UserKNN(), 'iALS': IALS(), 'place': PlacePopularity(), 'content': ContentRanker(np.stack([vectors[i] for i in h.item_ids]))}
    return {name: ranker.fit(h).score(h, now) for name, ranker in rankers.items()}


def known(log, h, now, scores):
    "The candidates and their table."
    about = log.items.set_index('item_id').reindex(h.item_ids)
    return gather(Past(h, now), scores, PairFeatures({c: pd.factorize(about[c])[0] for c in ('text', 'category')}).fit(h, now))


def measured(log, lessons, task, scores, pairs, sizes):
    "Every model's result at one test: (model, view, seed) -> `Result`."
    found = {(name, view, 0): evaluate_ranking(name, s, task, view)[0] for name, s in scores.items() for view in SEEDS}
    for view in SEEDS:
        parts, part = [lesson[view] for lesson in lessons], pairs.view(*task.view(view))
        sizes[view] = sizes.get(view) or LearnedBlend().fit(parts).size_                           # chosen once, on lessons that lie before the first test
        tried = [('learned blend', seed, ()) for seed in SEEDS[view]] + [(name, 0, out) for name, out in WITHOUT.items()]
        for name, seed, out in tried:
            learned = LearnedBlend(sizes[view], out, seed=seed).fit(parts)
            found[name, view, seed] = evaluate_ranking(name, part.spread(learned.score(part), task.relevant.shape), task, view, seed=seed)[0]
            say(f'{task.cut:%Y-%m-%d} {found[name, view, seed].value:.4f} view {view}, {name}, seed {seed}')
    return found


def over_seeds(found, model, view): # one `Result`, the mean over its seeds
    several = [r for (name, v, _), r in found.items() if (name, v) == (model, view)]
    return replace(several[0], values=np.mean([r.values for r in several], 0), seed=0)


def row(result, gain=None, **more): return more | dict(model=result.model, view=result.protocol.view, metric=result.metric, protocol=result.protocol.stamp()) | dict(zip(('value', 'low', 'high'), interval(result))) | (gain or {})


def rows_of(tests):
    "Per view: every model at the last test and pooled over all, and what the learned blend gains over each."
    models, rows = list(dict.fromkeys(name for name, _, _ in tests[0])), []
    for view in SEEDS:
        for where, of in dict(headline=lambda m: over_seeds(tests[-1], m, view), pooled=lambda m: pool([over_seeds(t, m, view) for t in tests])).items():
            ours = of('learned blend')
            for model in models:
                gain = None if model == 'learned blend' else {f'gain_{k}': v for k, v in compare(ours, of(model)).items()}
                rows.append(row(of(model), gain, where=where))
    return rows


def main():
    log, lessons, tests, sizes = cleaned_journey(), [], [], {}
    vectors = dict(zip(log.items.item_id, encode(log.items.text)))
    for moment in pd.date_range(TESTS[0] - LESSONS * STEP, TESTS[-1], freq=STEP):
        task = asked(log, moment)
        scores = heard(task.histories, task.now, vectors)
        pairs = known(log, task.histories, task.now, scores)
        if moment in TESTS: tests.append(measured(log, lessons[-LESSONS:], asked(log, moment, lesson=False), scores, pairs, sizes))
        lessons.append({view: pairs.view(*task.view(view)) for view in SEEDS})
        say(f'{moment:%Y-%m-%d} heard')
    write_json(ROOT/'results'/'rank.json', dict(command='python scripts/rank.py', date=datetime.datetime.now(datetime.UTC).date().isoformat(), machine=device_summary(tensorflow=False), sizes=sizes, lessons=LESSONS, step_days=STEP.days, seeds=SEEDS, rows=rows_of(tests)))


if __name__ == '__main__': main()
