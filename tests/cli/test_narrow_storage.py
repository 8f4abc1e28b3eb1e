"""`hpcbbp solve --storage bf16|int8` for the user's own X: what is told of the rounding."""

from __future__ import annotations

import json

import numpy as np
import pytest
from inprocess import here

from hpcbbp.machine import petsc

pytestmark = pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed")


def test_the_table_shows_what_rounding_did_and_means(files, tmp_path):
    status, out, err = here(["solve", *files, "-a", "1.5", "--storage", "int8", "--tol", "1e-6"], tmp_path)
    assert (status, err) == (0, "")
    assert "of the file" in out
    assert "mean of the 2 lowest that are known: lambda = " in out
    assert "sums in float32" in out


@pytest.mark.parametrize(
    ("method", "storage"),
    [("stored", "float32"), ("stored", "bf16"), ("dice", "float64"), ("regenerated", "float32")],
)
def test_the_json_says_what_x_was_kept_in(method, storage, tmp_path):
    asked = ["solve", "-n", "60", "-p", "2", "-a", "1.5", "--alpha", "3", "--method", method, "--storage", storage]
    status, out, _ = here([*asked, "--tol", "1e-3", "--json"], tmp_path)
    assert (status, json.loads(out)["provenance"]["storage"]) == (0, storage)


def test_numbers_that_are_too_narrow_are_warned_of(files, tmp_path):
    path = files[files.index("--data") + 1]
    X = np.load(path)
    X[:, 0] *= 200
    np.save(path, X)
    status, _, err = here(["solve", *files, "-a", "1.5", "--storage", "int8", "--tol", "1e-3"], tmp_path)
    assert status == 0
    assert "more than a tenth of |lambda|: these numbers are too narrow for this X" in err
