"""The fuzz tests use what the tests of the web role and of the rule tables share."""

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "web"), str(TESTS / "decision_table"), str(TESTS)]
