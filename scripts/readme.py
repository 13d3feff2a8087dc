"Write README.md and its images from nbs/index.ipynb as it was last executed: readme.py [FOLDER], by default into the repository itself"
import base64, posixpath, re, sys
from pathlib import Path

from nbdev.process import NBProcessor

ROOT = Path(__file__).resolve().parent.parent
IMAGES = 'nbs/images'


def from_the_top(text):
    "Links and images of a notebook in nbs/ as seen from the top level."
    return re.sub(r'\]\((?!\w+:|[#/])([^)\s]+)\)', lambda m: f"]({posixpath.normpath('nbs/' + m[1])})", text)


def output_text(output, alt, images):
    "One output as Markdown; an image's bytes go to `images`."
    data = {key: ''.join(value) for key, value in output.get('data', {}).items() if isinstance(value, (str, list))}
    if 'image/png' in data:
        name = f'{IMAGES}/index-{len(images) + 1}.png'
        images[name] = base64.b64decode(data['image/png'])
        return f'![{alt}]({name})'
    if 'text/markdown' in data: return from_the_top(data['text/markdown'])
    return '\n'.join('    ' + line for line in (data.get('text/plain') or ''.join(output.get('text', ''))).splitlines())


def cell_texts(cell, images):
    "The Markdown pieces of one cell, as nbdev's directives `hide`, `echo: false` and `fig-alt` ask."
    if cell.cell_type == 'markdown': return [from_the_top(cell.source)]
    flags = cell.directives_
    if cell.cell_type != 'code' or 'hide' in flags: return []
    shown = [] if flags.get('echo') == 'false' else [f'```python\n{cell.source.strip()}\n```']
    return shown + [output_text(output, flags.get('fig-alt', ''), images) for output in cell.outputs]


def render(notebook):
    "README's text and its images, file name to bytes."
    images = {}
    cells = NBProcessor(notebook, rm_directives=True, process=True).nb.cells
    pieces = [piece.strip('\n') for cell in cells for piece in cell_texts(cell, images)]
    return '<!-- Made from nbs/index.ipynb by make readme: edit there -->\n\n' + '\n\n'.join(filter(None, pieces)) + '\n', images


if __name__ == '__main__':
    target = Path(sys.argv[1]) if sys.argv[1:] else ROOT
    text, images = render(ROOT/'nbs'/'index.ipynb')
    (target/IMAGES).mkdir(parents=True, exist_ok=True)
    for old in (target/IMAGES).glob('index-*.png'): old.unlink()
    for name, data in images.items(): (target/name).write_bytes(data)
    (target/'README.md').write_text(text, encoding='utf-8')
