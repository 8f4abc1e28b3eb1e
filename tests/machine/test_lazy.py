"""Names of a package that are loaded when they are used."""

from __future__ import annotations

import importlib
import sys

import pytest

import hpcbbp
from hpcbbp import operators, theory


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with one module, whose import leaves a mark."""
    (tmp_path / "sleepy").mkdir()
    (tmp_path / "sleepy" / "__init__.py").write_text(
        "from hpcbbp.machine import lazy\nawake = 1\n"
        "__getattr__, __dir__ = lazy.attach(__name__, {'bed': ['dream', 'absent']})\n"
    )
    (tmp_path / "sleepy" / "bed.py").write_text("dream = 2\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("sleepy")
    for name in ("sleepy", "sleepy.bed"):
        sys.modules.pop(name, None)


def test_a_module_is_imported_when_its_name_is_used(package):
    assert {"awake", "dream"} <= set(dir(package))
    assert "sleepy.bed" not in sys.modules
    assert package.dream == 2
    assert "sleepy.bed" in sys.modules


def test_other_names_are_refused(package):
    with pytest.raises(AttributeError, match="module 'sleepy' has no attribute 'nightmare'"):
        _ = package.nightmare
    with pytest.raises(AttributeError, match=r"sleepy\.bed"):  # a name that its module has not
        _ = package.absent
    assert not hasattr(package, "__path_of_none__")


@pytest.mark.parametrize("public", [hpcbbp, operators, theory])
def test_what_a_package_says_it_has_is_there(public):
    assert set(public.__all__) <= set(dir(public))
    for name in public.__all__:
        assert getattr(public, name) is not None
