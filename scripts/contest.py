"""Hold the contest of chapter 43 on the questions of chapters 45 to 49: contest.py [NAME ...] writes results/contest/NAME.json, each of them without a name, in some minutes each on two cores."""
import datetime, importlib, sys

from install import ROOT, say

from seqrep_nb.core import device_summary, write_json

# Question: the module that asks it
QUESTIONS = dict(click='click', query='query', session='session', response='households', attributes='households', intent='households', category='categories')


def main(names):
    if unknown := [name for name in names if name not in QUESTIONS]: sys.exit(f'contest: {unknown[0]!r} is no question: use {", ".join(QUESTIONS)}')
    for name in names or QUESTIONS:
        say(f'contest: {name}')
        held = getattr(importlib.import_module(f'seqrep_nb.{QUESTIONS[name]}'), f'{name}_contest')()
        path = ROOT/'results'/'contest'/f'{name}.json'
        path.parent.mkdir(exist_ok=True)
        write_json(path, dict(command=f'python scripts/contest.py {name}', date=datetime.datetime.now(datetime.UTC).date().isoformat(), machine=device_summary(tensorflow=False)) | held)
        both = [r['value'] for r in held['rows'] if r['model'] == 'both']
        say(f'{name}: both {sum(both) / len(both):.4f}, gains over the table {", ".join("{gain:+.4f} [{low:+.4f}, {high:+.4f}]".format(**g) for g in held["gains"] if g["model"] == "both")}')


if __name__ == '__main__': main(sys.argv[1:])
