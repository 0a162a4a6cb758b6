"""The room of statistics by itself."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib import import_module

import pytest

import flywheel.stats as room

ALONE = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        mine = name in ("flywheel", "flywheel.stats") or name.startswith("flywheel.stats.")
        allowed = mine or top in ("numpy", "scipy") or top in sys.stdlib_module_names
        if not allowed and not top.startswith("_"):
            raise ImportError(f"{name} is blocked")
        return None

sys.meta_path.insert(0, Blocker())
import flywheel.stats
print(len([getattr(flywheel.stats, name) for name in flywheel.stats.__all__]))
"""


def test_the_room_stands_alone():
    """Every public name loads with numpy and scipy and nothing else."""
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len(room.__all__)


def test_the_room_lists_what_it_has():
    """The public names are those that can be loaded, and another name is refused."""
    assert sorted(room.__all__) == dir(room) == sorted(room._HOME)
    with pytest.raises(AttributeError, match="no attribute 'median_of_medians'"):
        _ = room.median_of_medians


@pytest.mark.parametrize("name", room.__all__)
def test_a_public_name_says_where_it_comes_from(name: str):
    """Each public function or class has a docstring with an example, and its module names a source."""
    thing = getattr(room, name)
    module = import_module(thing.__module__)

    assert inspect.getdoc(thing)
    if inspect.isfunction(thing):
        assert ">>>" in inspect.getdoc(thing)
        assert "References:" in inspect.getsource(module)
