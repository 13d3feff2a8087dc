"What several tests read: the repository's root, its notebooks, its metadata"
import ast, json, os, re
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT/'nbs').glob('*.ipynb'))
CHAPTERS = [path for path in NOTEBOOKS if path.stem != 'index']
# Of each part; 01 and 02 have no place in the story. These run in JupyterLab, the others by nbdev
FIRST = [next(path.stem for path in CHAPTERS if path.stem[0] == part) for part in sorted({path.stem[0] for path in CHAPTERS})]
MODULES = [path for path in sorted((ROOT/'seqrep_nb').glob('*.py')) if not path.name.startswith('_')]


def settings():
    config = ConfigParser(delimiters=['='])
    config.read(ROOT/'settings.ini', encoding='utf-8')
    return config['DEFAULT']


def cells(path, kind=None):
    "The cells of a notebook, or those of one kind, as they stand in the file."
    found = json.loads(path.read_text(encoding='utf-8'))['cells']
    return [cell for cell in found if kind in (None, cell['cell_type'])]


def code(path):
    "Sources of the code cells, without IPython's magic lines."
    return [re.sub(r'^\s*[%!].*$', '', ''.join(cell['source']), flags=re.M) for cell in cells(path, 'code')]


def numbers():
    "Module name to the number of its notebook."
    return {path.stem.split('_', 1)[1]: int(path.stem[:2]) for path in CHAPTERS if any(re.search(r'^#\|\s*default_exp\b', s, re.M) for s in code(path))}


def own_imports(source):
    "Names of this package's modules that Python source imports, at its top or inside a function."
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import): names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = '.'.join(filter(None, ['seqrep_nb' if node.level else '', node.module]))
            names = [f'{base}.{alias.name}' for alias in node.names]
        else: continue
        found |= {name.split('.')[1] for name in names if name.startswith('seqrep_nb.')}
    return found - {'__version__'}


def vectors_of_this_run(tmp_path_factory):
    "A folder of vectors that all workers of one run share; the next run has another. For `SEQREP_VECTORS`."
    base = tmp_path_factory.getbasetemp()
    return (base.parent if 'PYTEST_XDIST_WORKER' in os.environ else base)/'vectors'


def without_transformer(patch):
    "Fits until `patch` is undone train no transformer, which takes half of a small fit: for tests of something else."
    from seqrep_nb.model import BehaviourPipeline
    patch.setattr(BehaviourPipeline, '_plan', lambda self, some: setattr(self, 'plan_', None))


def few_trees(patch):
    "Learned blends until `patch` is undone grow a tenth of their trees, which take half of a small fit that has no transformer: for tests of something else."
    from seqrep_nb.stack import SIZES
    for size, settings in SIZES.items(): patch.setitem(SIZES, size, settings | dict(rounds=settings['rounds'] // 10))
