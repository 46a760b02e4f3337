"""A forked child works after the parent ran a parallel region.

libgomp's threads do not survive a fork; without the guard the child's first region of two threads
waits for ever.
"""

import os
import time

import pytest

import fastopt
from fastopt import _config
from fastopt._kernels import _cpu

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]


def in_child(function, seconds=20.0):
    """What `function()` returns in a forked child, as text; fails if it does not come back."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, repr(function()).encode())
        finally:
            os._exit(0)
    os.close(write)
    try:
        end = time.monotonic() + seconds
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            if time.monotonic() > end:
                os.kill(child, 9)
                os.waitpid(child, 0)
                pytest.fail("the forked child hangs")
            time.sleep(0.01)
        with os.fdopen(read, closefd=False) as file:
            return file.read()
    finally:
        os.close(read)


def test_region_in_a_child():
    _cpu.team(2)
    answer = in_child(lambda: [_cpu.team(_config.threads(n, 1e6)) for n in (2, -1, None, 1)])
    assert answer == "[1, 1, 1, 1]"


def test_only_the_child_is_limited():
    assert in_child(lambda: _config.threads(2, 0.0)) == "1"
    assert _config.threads(2, 0.0) == 2


def test_child_says_why():
    def limits():
        return fastopt.show_config("dict")["threads"]["limits"]["forked child"]

    assert in_child(limits) == "1"
    assert "forked child" not in fastopt.show_config("dict")["threads"]["limits"]


def test_errors_in_a_child():
    def zero():
        try:
            _config.threads(0, 0.0)
        except ValueError:
            return "ValueError"

    assert in_child(zero) == repr("ValueError")
