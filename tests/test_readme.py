"README.md is what nbs/index.ipynb gives, images too, and lists the chapters as they are"
import subprocess, sys
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
