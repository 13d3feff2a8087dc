"Importing the package is cheap: nothing heavy comes along"
import json, statistics, subprocess, sys
from common import numbers

HEAVY = ['tensorflow', 'keras', 'keras_hub', 'transformers', 'ibis', 'torch']
# From here on a module may define Keras layers at its top
FIRST_WITH_LAYERS = 30


def python(source, *arguments): return subprocess.run([sys.executable, '-c', source, *arguments], check=True, text=True, capture_output=True).stdout


def test_no_heavy_import():
    light = ['seqrep_nb'] + [f'seqrep_nb.{name}' for name, number in sorted(numbers().items(), key=lambda item: item[1]) if number < FIRST_WITH_LAYERS]
    source = '''import importlib, json, sys
names, heavy = map(json.loads, sys.argv[1:])
for name in names:
    importlib.import_module(name)
    if found := sorted(set(heavy) & set(sys.modules)): sys.exit(print(f'{name} imports {found}'))'''
    assert python(source, json.dumps(light), json.dumps(HEAVY)) == ''


def test_import_takes_at_most_300_ms():
    source = 'import time; start = time.perf_counter(); import seqrep_nb; print(time.perf_counter() - start)'
    assert statistics.median(float(python(source)) for _ in range(5)) <= .3
