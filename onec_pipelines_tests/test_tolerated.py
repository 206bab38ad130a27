"""What is passed over leaves a line for whoever looks for a fault."""

import logging
import re
from pathlib import Path

import pytest

from onec_pipelines.tolerated import tolerated

log = logging.getLogger("onec_pipelines.test")
PACKAGE = Path(__file__).parents[1] / "onec_pipelines"


def test_an_error_that_is_tolerated_is_logged_with_what_came_of_it(caplog):
    with caplog.at_level(logging.DEBUG, "onec_pipelines.test"), tolerated(log, "the lock is gone", OSError):
        raise FileNotFoundError("no such lock")
    assert [(each.levelname, each.message) for each in caplog.records] == [
        ("DEBUG", "the lock is gone: FileNotFoundError: no such lock")
    ]


def test_what_goes_well_leaves_no_line(caplog):
    with caplog.at_level(logging.DEBUG), tolerated(log, "the lock is gone", OSError):
        pass
    assert caplog.records == []


def test_another_error_is_raised():
    with pytest.raises(ValueError, match="another"), tolerated(log, "the lock is gone", OSError):
        raise ValueError("another")


def test_an_error_that_quotes_a_name_orders_nothing_in_a_terminal(caplog):
    with caplog.at_level(logging.DEBUG, "onec_pipelines.test"), tolerated(log, "skipped", OSError):
        raise OSError("\x1b]0;owned\x07.xml")
    assert caplog.messages == [r"skipped: OSError: \x1b]0;owned\x07.xml"]


def test_nothing_of_the_package_is_passed_over_without_a_line():
    silent = re.compile(r"suppress\((?!KeyboardInterrupt|FileExistsError)")  # neither is a fault
    found = {
        path.name: silent.findall(path.read_text("utf-8"))
        for path in PACKAGE.rglob("*.py")
        if path.name != "tolerated.py"
    }
    assert [name for name, lines in found.items() if lines] == []
