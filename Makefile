# Thin on purpose: scripts/ does the work, the same on a laptop and in continuous integration.
PYTHON ?= python3
VENV := .venv/bin/python
JOBS ?= 2
export TF_CPP_MIN_LOG_LEVEL ?= 3
export PYDEVD_DISABLE_FILE_VALIDATION ?= 1
test chapters docs: export SEQREP_QUIET ?= 1
chapters: export JOBS := $(JOBS)
# What tests compile they keep, wherever that is switched off: they start some hundred processes, each of which would compile the module anew
test: export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help example test chapters lab docs readme lock bench spark clean plain-set-up fast-set-up test-set-up browser-set-up

help:  ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

example: plain-set-up  ## set up .venv, then run the worked example on real data into runs/60_example.ipynb
	$(VENV) scripts/example.py

test: browser-set-up  ## set up .venv with the test extras and a Chromium, then run every chapter and tests/ (TESTS="-k 14_split": a part; JOBS=1: one test at a time)
	$(VENV) -m pytest -v -n $(JOBS) --dist worksteal $(TESTS)

chapters: test-set-up  ## export the module, re-execute the chapters in place, two at a time, remake the README (ONLY=14_split: one; JOBS=1: one at a time)
	$(VENV) scripts/chapters.py $(ONLY)
	$(VENV) scripts/readme.py

lab: plain-set-up  ## JupyterLab, opened on the list of chapters; cells flagged slow are passed over
	$(VENV) scripts/lab.py

readme: test-set-up  ## README.md and its images from nbs/index.ipynb, as it was last executed
	$(VENV) scripts/readme.py

docs: test-set-up  ## the site, made of the notebooks and the modules' docstrings, into site/: open site/index.html
	$(VENV) scripts/docs.py

bench: fast-set-up  ## pair the project with its peers, into results/bench.json and results/bench.md (NAME=encode/fp32: one row)
	$(VENV) scripts/bench.py $(NAME)

spark:  ## do the cleaning rules say the same on Spark? in an environment of its own (needs Java 17)
	$(PYTHON) scripts/spark.py

lock:  ## remake requirements/ from settings.ini (LOCK=--upgrade: with the newest versions)
	$(PYTHON) scripts/lock.py $(LOCK)

clean:  ## remove what the commands above made, .venv included; committed files stay
	rm -rf .venv .venv-scale runs site build dist *.egg-info .pytest_cache .hypothesis

plain-set-up:
	@$(PYTHON) scripts/install.py plain

fast-set-up:
	@$(PYTHON) scripts/install.py fast

test-set-up:
	@$(PYTHON) scripts/install.py test

browser-set-up:
	@$(PYTHON) scripts/install.py test browser
