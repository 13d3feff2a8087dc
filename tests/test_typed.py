"The public surface is typed, a type checker sees it whole, and the examples in docstrings are true"
import doctest, importlib, inspect, os, re, subprocess, sys
import numpy as np, pandas as pd, pytest
from common import MODULES, ROOT

STUBS = ROOT/'seqrep_nb'
# What these do needs the files of a real log
WITHOUT_EXAMPLE = ['journey', 'loaders']
# What scikit-learn adds to its estimators by itself, its classes as mypy is to see them, and what fastcore binds to a class without `classmethod`
UNLIKE = r'''seqrep_nb\._sklearn
seqrep_nb\.\w+\.\w+\.set_\w+_request
seqrep_nb\.search\.SearchRanker\.from_parts
seqrep_nb\.stack\.LearnedBlend\.from_dict
'''


def surface(name):
    "Public functions and classes at home in a module, with their public methods and properties, patched ones too: (name, object, function or None)."
    module = importlib.import_module(f'seqrep_nb.{name}')
    for word in module.__all__:
        o = inspect.unwrap(getattr(module, word))
        if getattr(o, '__module__', None) != module.__name__: continue
        if inspect.isfunction(o): yield word, o, o
        if not inspect.isclass(o): continue
        yield word, o, None
        for part, value in vars(o).items():
            f = getattr(value, 'fget', None) or getattr(value, 'func', None) or getattr(value, '__func__', value)
            if inspect.isfunction(f) and f.__module__.startswith('seqrep_nb.') and (part[0] != '_' or part in ('__init__', '__call__', '__getitem__')): yield f'{word}.{part}', f, inspect.unwrap(f)


@pytest.mark.parametrize('path', MODULES, ids=lambda path: path.stem)
def test_every_public_function_is_annotated(path):
    lacking = []
    for name, _, function in surface(path.stem):
        if function is None: continue
        signature = inspect.signature(function)
        told = [p for i, p in enumerate(signature.parameters.values()) if not ('.' in name and i == 0 and p.name in ('self', 'cls'))]
        lacking += [f'{name}: {p.name}' for p in told if p.annotation is p.empty]
        if signature.return_annotation is signature.empty and not name.endswith('.__init__'): lacking.append(f'{name}: what it returns')
    assert lacking == []


@pytest.mark.parametrize('path', MODULES, ids=lambda path: path.stem)
def test_examples_are_true(path):
    module, said = importlib.import_module(f'seqrep_nb.{path.stem}'), []
    known = {name: getattr(module, name) for name in module.__all__} | dict(np=np, pd=pd)    # what a reader who pastes one has: `from seqrep_nb.MODULE import *`
    shown = {name: o.__doc__ for name, o, _ in surface(path.stem) if '>>>' in (o.__doc__ or '')}
    for name, text in shown.items(): doctest.DocTestRunner(verbose=False).run(doctest.DocTestParser().get_doctest(text, dict(known), name, path.name, 0), out=said.append)
    assert said == [], ''.join(said)
    assert bool(shown) != (path.stem in WITHOUT_EXAMPLE), f'examples of {list(shown)}: show one, or name the module in WITHOUT_EXAMPLE'


# What type checkers read

def mypy(folder, *arguments, tool='mypy'):
    "Run mypy as a user would who has the package installed and other packages without types: lines that it says, exit status."
    settings = folder/'mypy.ini'
    settings.write_text(f'[mypy]\ncache_dir = {folder/"cache"}\ndisable_error_code = import-untyped\n')
    option = '--mypy-config-file' if tool.endswith('stubtest') else '--config-file'
    environment = os.environ | {'PYTHONPATH': os.pathsep.join([str(ROOT), *filter(None, [os.environ.get('PYTHONPATH')])])}
    run = subprocess.run([sys.executable, '-m', tool, option, settings, *arguments], cwd=folder, env=environment, text=True, capture_output=True)
    return (run.stdout + run.stderr).splitlines(), run.returncode


@pytest.fixture(scope='module')
def folder(tmp_path_factory): return tmp_path_factory.mktemp('mypy')


def test_stubs_and_modules_in_sync(monkeypatch):
    monkeypatch.syspath_prepend(ROOT/'scripts')
    import stubs
    made, held = stubs.stubs(), {path.name: path.read_text(encoding='utf-8') for path in STUBS.glob('*.pyi')}
    assert [name for name in {*made, *held} if made.get(name) != held.get(name)] == [], 'run python scripts/stubs.py'
    assert (STUBS/'py.typed').exists()


def test_a_stub_holds_a_patched_class_whole(monkeypatch):
    monkeypatch.syspath_prepend(ROOT/'scripts')
    import stubs
    source = '''
__all__ = ['Kept', 'SIZES', 'Place', 'make']
from os import path, sep
from dataclasses import dataclass
if TYPE_CHECKING: import pandas as pd
SIZES = dict(small=(1, 2), large=(3, 4))
Place = str|path
_HIDDEN = 1
class Kept(_Base):
    def __init__(self, k:int=10, name:str=None, table=SIZES): self.k, self._own = k, name
class _Base: pass
@patch
def fit(self:Kept, log:pd.DataFrame): self.seen_ = log
@patch(as_prop=True)
def size(self:Kept) -> int: return self.k
@patch(cls_method=True)
def load(cls:Kept, folder:path) -> 'Kept': return cls()
@patch
def _inner(self:Kept): pass
def make(*names:str, deep:bool=True, **more) -> dict: return {}
def _helper(): return sep
'''
    assert stubs.stub(source) == f'''{stubs.MADE}
from os import path
import pandas as pd
__all__ = ['Kept', 'SIZES', 'Place', 'make']

SIZES: dict[str, tuple[int, ...]]
Place: TypeAlias = str | path

class Kept(_Base):
    k: int
    seen_: Any
    def __init__(self, k: int = 10, name: str | None = None, table=...) -> None: ...
    def fit(self, log: pd.DataFrame): ...
    @property
    def size(self) -> int: ...
    @classmethod
    def load(cls, folder: path) -> 'Kept': ...

class _Base: ...

def make(*names: str, deep: bool = True, **more) -> dict: ...
'''.replace('\nfrom os', '\nfrom typing import Any, TypeAlias\nfrom os')
    with pytest.raises(SystemExit, match='late is patched into Other'): stubs.stub('@patch\ndef late(self:Other): pass')


def test_stubs_agree_with_the_modules(folder):
    "What is there at run time is in the stubs, and the other way round: names, parameters, defaults."
    (folder/'unlike').write_text(UNLIKE)
    said, status = mypy(folder, 'seqrep_nb', '--concise', '--allowlist', 'unlike', tool='mypy.stubtest')
    assert status == 0, said


PROGRAM = '''
import numpy as np
from typing import assert_type
import numpy as np, pandas as pd
from seqrep_nb.baselines import Popularity
from seqrep_nb.encode import TextEncoder
from seqrep_nb.events import Log, read_events
from seqrep_nb.histories import Histories, build_histories
from seqrep_nb.metrics import Result, evaluate_ranking, interval, top_k
from seqrep_nb.model import BehaviourPipeline, load_model
from seqrep_nb.split import temporal_split
from seqrep_nb.tasks import RankingTask, ranking_task

def read(path: str) -> Log:
    events, rejected = read_events(path, on_bad='reject')
    return Log('shop', events, None, rejected=rejected)

def recommend(log: Log, folder: str) -> None:
    pipeline = BehaviourPipeline(cuts=2, budget=5.0)
    assert_type(pipeline.fit(log), BehaviourPipeline)
    histories = pipeline.histories_of(['ann', 'bob'])
    print(pipeline.histories_of(log.events.user_id.unique()[:2]), pipeline.histories_of(np.array(['ann'], object)))
    assert_type(histories, Histories)
    print(pipeline.recommend(histories, k=3, exclude='bought').head(), pipeline.weights_['all'])
    pipeline.save(folder)
    assert_type(load_model(folder), BehaviourPipeline)

def measure(log: Log) -> list[float]:
    task = ranking_task(temporal_split(log.events, '2024-05-01'))
    assert_type(task, RankingTask)
    ranker = Popularity(days=28).fit(task.histories)
    assert_type(ranker, Popularity)
    scores = ranker.score(task.histories, task.now)
    print(top_k(scores, 3).shape, ranker.get_params(), len(task.histories), task.histories['ann'].head())
    results: list[Result] = evaluate_ranking('popularity', scores, task, view='new', k=10)
    print(interval(results[0]))
    return [result.value for result in results]

def lay_out(log: Log, ids: list[str]) -> list[Histories]:
    "Ids come in whatever holds them in an order."
    held = [build_histories(log.events, item_ids=held) for held in (ids, tuple(ids))]
    held += [build_histories(log.events, user_ids=held) for held in (np.array(ids), np.array(ids, object))]
    return held + [build_histories(log.events, user_ids=held) for held in (pd.array(ids), pd.Index(ids), pd.Series(ids), log.events.user_id.unique())]

def encode(texts: list[str]) -> tuple[int, ...]:
    return tuple(TextEncoder(pooling='mean').fit_transform(texts).shape)
'''
# A line of what is wrong each, and mypy's word for it
WRONG = '''
from seqrep_nb.baselines import Popularity
from seqrep_nb.encode import TextEncoder
from seqrep_nb.events import Log, read_event      # attr-defined
from seqrep_nb.histories import Histories, build_histories
from seqrep_nb.metrics import Result, evaluate_ranking
from seqrep_nb.model import BehaviourPipeline
from seqrep_nb.split import temporal_split
from seqrep_nb.tasks import RankingTask

def wrong(log: Log, pipeline: BehaviourPipeline, histories: Histories, task: RankingTask, result: Result) -> None:
    pipeline.recommend(histories, k='ten')        # arg-type
    pipeline.recommends(histories)                # attr-defined
    pipeline.recommend(log)                       # arg-type
    pipeline.fit()                                # call-arg
    pipeline.wieghts_                             # attr-defined
    BehaviourPipeline(cut=2)                      # call-arg
    Popularity(days=28).predict(histories)        # attr-defined
    TextEncoder(pooling=3)                        # arg-type
    histories['ann', 'bob']                       # index
    build_histories(log.events, item_ids=7)       # arg-type
    build_histories(log.events, user_ids={'ann'}) # arg-type
    temporal_split(log.events, 7)                 # arg-type
    histories.take([0]).item                      # attr-defined
    histories.items = histories.items             # misc
    evaluate_ranking('model', task.seen, task, 'new', k=None)  # arg-type
    task.view(1)                                  # arg-type
    result.value()                                # operator
    log.evnets                                    # attr-defined
'''


HOLDERS = dict(list=list, tuple=tuple, array=np.array, objects=lambda ids: np.array(ids, object), arrow=pd.array, index=pd.Index,
               series=lambda ids: pd.Series(ids, index=range(7, 7 + len(ids))))


@pytest.mark.parametrize('held', HOLDERS.values(), ids=HOLDERS)
def test_ids_come_in_whatever_holds_them_in_an_order(held):
    from seqrep_nb.augment import nested_samples, with_catalogue
    from seqrep_nb.cold import item_groups
    from seqrep_nb.decide import domain_auc, slice_results
    from seqrep_nb.histories import build_histories
    from seqrep_nb.households import Purchases, text_codes, user_parts
    from seqrep_nb.metrics import Protocol, classification_results, compare, interval, pool
    from seqrep_nb.rank import recommend
    from seqrep_nb.search import histories_at
    from seqrep_nb.split import audit, temporal_split
    from seqrep_nb.tasks import intent_tasks, next_item, ranking_task
    from seqrep_nb.text import item_texts
    users, catalogue = ['bob', 'ann', 'cyd', 'dan']*15, ['tea', 'jam', 'rice']
    events = pd.DataFrame(dict(user_id=users, item_id=catalogue*20, action='buy', timestamp=pd.date_range('2024-05-01', periods=60, tz='UTC'), price=1., quantity=1))
    items = pd.DataFrame(dict(item_id=['jam', 'rice', 'tea'], text=['a', 'b', 'a']))
    split, y = temporal_split(events, '2024-06-20'), np.arange(60) % 2

    def answers(held):
        ids, asked = held(catalogue), held(users)
        histories = build_histories(events, item_ids=ids, user_ids=held(['cyd', 'ann', 'eve']))
        yield histories.user_ids, histories.item_ids, histories.items, histories.offsets, with_catalogue(histories, held(['jam', 'tea'])).items
        for task in (ranking_task(split, ids), next_item(split, ids)): yield task.relevant.toarray(), task.histories.item_ids
        yield [task.histories.items for task in intent_tasks(events, ['2024-05-20'], item_ids=ids)]
        yield item_texts(items, ids), text_codes(items, ids, encoder=lambda texts: np.eye(len(texts)))[0], item_groups(items, ids)['text'], histories_at(events, events[-2:], ids).items
        yield Purchases(events, held(['cyd', 'ann']), ids).counts(10**18).toarray(), user_parts(asked), list(nested_samples(asked, y, (.5, 1.)).values())
        yield recommend(np.eye(4, 3), ids, held(['bob', 'ann', 'cyd', 'dan']), k=2).to_numpy()
        found = audit(split.train, split.test, vocabulary=held(['tea', 'new']), candidates=ids, targets=split.test)
        yield found.table.to_csv(), [rows.to_csv() for rows in found.rows.values()]
        a, b = (classification_results('m', y, np.roll(y, n)*.5 + .2, Protocol('d', 't', '2024'), per_user=asked)[3] for n in (0, 3))
        yield interval(a, times=20), list(compare(a, b, times=20).values()), pool([a, b]).protocol.users
        yield slice_results(y, y*.5, ['s']*60, users=asked, times=20).to_numpy(), domain_auc(y[:, None], 1 - y[:, None], asked, asked).value

    for found, expected in zip(answers(held), answers(list), strict=True): np.testing.assert_equal(found, expected)


def test_mypy_accepts_a_program(folder):
    (folder/'program.py').write_text(PROGRAM)
    assert mypy(folder, '--strict', 'program.py') == (['Success: no issues found in 1 source file'], 0)


def test_mypy_refuses_what_is_wrong(folder):
    (folder/'wrong.py').write_text(WRONG)
    said, _ = mypy(folder, '--strict', '--no-pretty', 'wrong.py')
    expected = [(i, found[1]) for i, line in enumerate(WRONG.splitlines(), 1) if (found := re.search('# ([a-z-]+)$', line))]
    found = [(int(line[1]), line[2]) for line in (re.fullmatch(r'wrong\.py:(\d+): error: .*\[([a-z-]+)\]', line) for line in said) if line]
    assert found == expected, '\n'.join(said)
