"README.md is what nbs/index.ipynb gives, images too, and lists the chapters as they are"
import re, subprocess, sys
import numpy as np, pandas as pd
from common import CHAPTERS, ROOT, cells


def test_readme_is_made_from_the_index(tmp_path):
    subprocess.run([sys.executable, ROOT/'scripts'/'readme.py', tmp_path], check=True)
    files = {path.relative_to(tmp_path) for path in tmp_path.rglob('*') if path.is_file()}
    assert {path.relative_to(ROOT) for path in ROOT.glob('nbs/images/index-*')} <= files, 'an image that no cell makes: run make readme'
    assert [str(path) for path in files if (tmp_path/path).read_bytes() != (ROOT/path).read_bytes()] == [], 'run make readme'


def test_readme_lists_every_chapter():
    readme = (ROOT/'README.md').read_text(encoding='utf-8')
    for path in CHAPTERS:
        title, question = [line.strip(' #>\n') for line in cells(path)[0]['source'] if line.strip()][:2]
        assert f'- [{title}](nbs/{path.name}): {question}' in readme, 'run make chapters ONLY=index'


def test_the_five_lines_run_as_they_are_pasted(tmp_path, monkeypatch):
    lines = re.search(r'^From Python .*?```python\n(.*?)```', (ROOT/'README.md').read_text(encoding='utf-8'), re.M | re.S)[1].splitlines()
    assert len(lines) == 5
    rng, texts = np.random.default_rng(0), [f'{c} {t}' for c in ('red', 'green', 'blue') for t in ('tea', 'rice', 'soap', 'milk', 'bread')]
    pd.DataFrame(dict(user_id=rng.integers(0, 40, 600), item_id=rng.integers(0, 15, 600), timestamp=(pd.Timestamp('2024-01-01') + pd.to_timedelta(rng.integers(0, 9000, 600), unit='h')).astype(str))).to_csv(tmp_path/'events.csv', index=False)
    pd.DataFrame(dict(item_id=range(15), text=texts)).to_csv(tmp_path/'items.csv', index=False)
    monkeypatch.chdir(tmp_path)
    names = {}
    exec('\n'.join(lines[:-1]), names)
    lists, log = eval(lines[-1], names), names['log']
    users = log.events.user_id.unique()[:2]
    assert lists.user_id.unique().tolist() == users.tolist() and len(log.events) > 500
    met = log.events[log.events.user_id.isin(users)]
    assert len(lists) == sum(15 - met.item_id[met.user_id == user].nunique() if met.item_id[met.user_id == user].nunique() > 5 else 10 for user in users) and not len(lists.merge(met[['user_id', 'item_id']]))
