# Made by scripts/stubs.py from the module beside it, never edited

__version__: str
