"Run the worked example into runs/60_example.ipynb and end with its results table and what each stage cost"
import itertools, os, sys
import pandas as pd
from execute import ROOT, on_one_thread, run
from install import has_gpu

from seqrep_nb.core import read_json
from seqrep_nb.metrics import results_table

# In a terminal the kernel's bars of progress are shown; in a log they would be thousands of lines
os.environ['SEQREP_PROGRESS' if sys.stderr.isatty() else 'SEQREP_QUIET'] = '1'
target = ROOT/'runs'/'60_example.ipynb'
if not (gpu := has_gpu()): on_one_thread()
run(ROOT/'nbs'/'60_example.ipynb', target, skip_flags=() if gpu else ('gpu',), live=True)
with pd.option_context('display.width', 200, 'display.max_columns', None, 'display.max_rows', None):
    for task, rows in itertools.groupby(read_json(ROOT/'results'/'example.json'), key=lambda row: row['task']):
        print(f'\n{task}', results_table(list(rows)), sep='\n')
    stages = pd.DataFrame(read_json(ROOT/'results'/'example-run.json')['stages'])
    stages.insert(2, 'peak memory, MB', stages.pop('peak_memory_bytes') // 2**20)
    print('\nWhat each stage cost on this machine', stages.to_string(index=False), sep='\n')
print(f'\nThe executed notebook with its figures: {target.relative_to(ROOT)}\nThe table: results/example.json; device, seconds and memory: results/example-run.json')
