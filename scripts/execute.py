"Execute a notebook in a fresh kernel, cell by cell, with a line of progress per cell on stderr; the outputs are written even where a cell fails."
import os, re, sys, time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parent.parent


def on_one_thread():
    "What is executed from here on computes on one thread: in what order numbers are added, and so the last digits of a training, does not hang on the number of cores."
    for name in ('OMP_NUM_THREADS', 'TF_NUM_INTRAOP_THREADS', 'TF_NUM_INTEROP_THREADS'): os.environ[name] = '1'


def skip_flagged(notebook, flags):
    "Tag the cells that carry one of nbdev's `flags`, or `eval: false`, so that nbclient passes over them and keeps their outputs."
    flagged = re.compile(rf'^#\|\s*(?:eval:\s*false|{"|".join(flags) or "eval:false"})\b', re.M)
    for cell in notebook.cells:
        if cell.cell_type == 'code' and flagged.search(cell.source): cell.metadata['tags'] = ['skip-execution']


def headings(cells):
    "For each cell the last heading above it."
    found = ''
    for cell in cells:
        if cell.cell_type == 'markdown' and (match := re.match(r'#+\s*(.+)', cell.source)): found = match[1]
        yield found


class LiveClient(NotebookClient):
    "Shows what a cell writes to stderr, such as a bar of progress, at once on our own, and keeps it out of the notebook."
    def process_message(self, msg, cell, cell_index):
        if msg['msg_type'] != 'stream' or msg['content']['name'] != 'stderr': return super().process_message(msg, cell, cell_index)
        print(msg['content']['text'], end='', file=sys.stderr, flush=True)


def execute(source:Path, target:Path, skip_flags=(), live=False):
    "Run `source` in its own folder and write it with its outputs to `target`, whole or not at all; raises `CellExecutionError` after writing."
    notebook = nbformat.read(source, 4)
    skip_flagged(notebook, skip_flags)
    above, start = list(headings(notebook.cells)), time.monotonic()
    last = max((i for i, cell in enumerate(notebook.cells) if cell.cell_type == 'code'), default=0)

    def announce(cell, cell_index):
        if cell.cell_type == 'code':
            print(f'{source.stem} {cell_index:3}/{last} {time.monotonic() - start:5.0f} s  {above[cell_index]}', file=sys.stderr, flush=True)

    client = (LiveClient if live else NotebookClient)(notebook, timeout=None, kernel_name='python3', on_cell_start=announce, coalesce_streams=True,
        extra_arguments=['--log-level=ERROR'], resources={'metadata': {'path': str(source.parent)}})
    try: client.execute()
    finally:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + '.part')
        nbformat.write(notebook, part)
        os.replace(part, target)


def run(source:Path, target:Path, **options):
    "`execute` for the command line: a failing cell ends the program with its traceback and exit status 1."
    try: execute(source, target, **options)
    except CellExecutionError as error: sys.exit(f'{error}\n{source.name} failed; what it gave until then is in {target.relative_to(ROOT)}')
