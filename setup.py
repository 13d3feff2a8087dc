"The distribution's metadata, read from settings.ini: the one place where it is written"
from configparser import ConfigParser
from pathlib import Path
from setuptools import setup

here = Path(__file__).parent
config = ConfigParser(delimiters=['='])
config.read(here/'settings.ini', encoding='utf-8')
s = config['DEFAULT']
first, last = (int(s[key].split('.')[1]) for key in ('min_python', 'max_python'))

setup(
    name=s['lib_name'], version=s['version'], description=s['description'], author=s['author'],
    long_description=(here/'README.md').read_text(encoding='utf-8'), long_description_content_type='text/markdown',
    license_expression=s['license'], keywords=s['keywords'].split(), project_urls={'Source': s['repo_url']} if s['repo_url'] else {},
    python_requires=f'>=3.{first},<3.{last + 1}',
    install_requires=s['requirements'].split(),
    entry_points={'console_scripts': ['seqrep=seqrep_nb.command:main']},
    extras_require={key.removesuffix('_requirements'): s[key].split() for key in s if key.endswith('_requirements')},
    classifiers=['Development Status :: 3 - Alpha', 'Intended Audience :: Science/Research', 'Framework :: Jupyter',
                 'Topic :: Scientific/Engineering :: Artificial Intelligence',
                 *(f'Programming Language :: Python :: 3.{minor}' for minor in range(first, last + 1))])
