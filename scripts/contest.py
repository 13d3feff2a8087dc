"""Hold the contest of chapter 43 on every question: contest.py [NAME ...] writes results/contest/NAME.json, all of them without a name. Minutes to a quarter of an hour each on two cores."""
import datetime, sys
from functools import partial

import pandas as pd
from install import ROOT, say

from seqrep_nb.core import device_summary, write_json
