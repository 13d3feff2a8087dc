"""The learned blend of chapter 54 against the rankers that it hears, at four months: rank.py writes results/rank.json, in some two hours on two cores."""
import datetime
from dataclasses import replace

import numpy as np, pandas as pd
from install import ROOT, say
from sklearn.base import clone

from seqrep_nb.baselines import EASE, IALS, ItemKNN, PersonalFrequency, Popularity, TIFUKNN, UserKNN
from seqrep_nb.behaviour import BehaviourTransformer
from seqrep_nb.core import device_summary, write_json
from seqrep_nb.encode import encode
from seqrep_nb.households import cleaned_journey
from seqrep_nb.metrics import compare, evaluate_ranking, interval, pool
from seqrep_nb.model import recode
from seqrep_nb.rank import ContentRanker
from seqrep_nb.split import temporal_split
from seqrep_nb.stack import LearnedBlend, OfGroups, PairFeatures, Past, PlacePopularity, gather, shared
from seqrep_nb.tasks import ranking_task

TESTS = [pd.Timestamp(day, tz='UTC') for day in ('2017-09-08', '2017-10-06', '2017-11-03', '2017-12-01')]
LESSONS, STEP = 6, pd.Timedelta(days=14)        # Moments before the first test (every later one has all before it), and between them: a lesson's answers come within one step
SEEDS, VIEWS, BAGS = (0, 1, 2), ('all', 'new'), dict(small=5, large=1)
WITHOUT = {'without text': ('text', 'category', 'place: content', 'score: content', 'place: texts', 'score: texts'), 'without sequence': ('place: behaviour', 'score: behaviour')}


def asked(log, moment, lesson=True):
    "The question at a moment, and the scores of single rankers."
    events = log.events[log.events.timestamp < moment + STEP] if lesson else log.events
    return ranking_task(temporal_split(events, moment), dataset=log.name)


class Walker:
    "A behaviour transformer that was trained once, and goes on with each moment's newer baskets."
    def score(self, h, now, vectors):
        if not hasattr(self, 'model'):
            self.places = h.place_names
            self.model = BehaviourTransformer(vectors, window=256, examples=30_000, repeat=True).fit(h)
        else: self.model.refresh(self.coded(h), item_vectors=vectors)
        return self.model.score(self.coded(h), now)

    def coded(self, h): return recode(h, h.item_ids, self.places, h.action_names)   # a store that opened since is unknown


def heard(h, now, vectors, texts, walker):
    "What every ranker says: name -> (U, I)."
    vectors, code = np.stack([vectors[i] for i in h.item_ids]), pd.factorize(texts.reindex(h.item_ids))[0]
    rankers = {'popularity, last 28 days': Popularity(days=28), 'personal frequency': PersonalFrequency(), 'TIFU-kNN': TIFUKNN(), 'item-kNN': ItemKNN(), 'user-kNN': UserKNN(), 'EASE': EASE(), 'iALS': IALS(), 'place': PlacePopularity(),
               'content': ContentRanker(vectors)}
    said = {name: ranker.fit(h).score(h, now) for name, ranker in rankers.items()}
    for name in ('iALS', 'user-kNN', 'TIFU-kNN'):
        of = OfGroups(clone(rankers[name]), code, Popularity()).fit(h).of_groups(h, now)
        said |= {f'texts: {name}, {how}': shared(of, share, code, power) for how, share, power in (('lately', said['popularity, last 28 days'], .5), ('place', said['place'], 1), ('place, half', said['place'], .5))}
    return said | {'behaviour transformer': walker.score(h, now, vectors)}


def known(log, h, now, scores):
    "The candidates and their table."
    about = log.items.set_index('item_id').reindex(h.item_ids)
    features = PairFeatures({c: pd.factorize(about[c])[0] for c in ('text', 'category')}).fit(h, now)
    return gather(Past(h, now), scores, features, by=[name for name in scores if not name.startswith(('texts', 'behaviour')) or name == 'texts: iALS, lately'])


def measured(log, lessons, task, scores, pairs, sizes):
    "Every model's result at one test: (model, view, seed) -> `Result`."
    found = {(name, view, 0): evaluate_ranking(name, s, task, view)[0] for name, s in scores.items() for view in VIEWS}
    for view in VIEWS:
        parts, part = [lesson[view] for lesson in lessons], pairs.view(*task.view(view))
        sizes[view] = sizes.get(view) or LearnedBlend().fit(parts).size_                           # chosen once, on lessons that lie before the first test
        tried = [('learned blend', seed, ()) for seed in SEEDS] + [(name, 0, out) for name, out in WITHOUT.items()]
        for name, seed, out in tried:
            learned = LearnedBlend(sizes[view], out, bags=BAGS[sizes[view]], seed=seed).fit(parts)
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
    for view in VIEWS:
        for where, of in dict(headline=lambda m: over_seeds(tests[-1], m, view), pooled=lambda m: pool([over_seeds(t, m, view) for t in tests])).items():
            ours = of('learned blend')
            for model in models:
                gain = None if model == 'learned blend' else {f'gain_{k}': v for k, v in compare(ours, of(model)).items()}
                rows.append(row(of(model), gain, where=where))
    return rows


def main():
    log, lessons, tests, sizes, walker = cleaned_journey(), [], [], {}, Walker()
    texts = log.items.set_index('item_id').text
    vectors = dict(zip(log.items.item_id, encode(log.items.text)))
    for moment in pd.date_range(TESTS[0] - LESSONS * STEP, TESTS[-1], freq=STEP):
        task = asked(log, moment)
        scores = heard(task.histories, task.now, vectors, texts, walker)
        pairs = known(log, task.histories, task.now, scores)
        if moment in TESTS: tests.append(measured(log, lessons, asked(log, moment, lesson=False), scores, pairs, sizes))
        lessons.append({view: pairs.view(*task.view(view)) for view in VIEWS})
        say(f'{moment:%Y-%m-%d} heard')
    write_json(ROOT/'results'/'rank.json', dict(command='python scripts/rank.py', date=datetime.datetime.now(datetime.UTC).date().isoformat(), machine=device_summary(tensorflow=False), sizes=sizes, bags=BAGS, lessons=LESSONS, step_days=STEP.days, seeds=SEEDS, rows=rows_of(tests)))


if __name__ == '__main__': main()
