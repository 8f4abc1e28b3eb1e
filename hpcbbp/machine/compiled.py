"""Loops compiled by numba, and the cache that all processes of a job share: no two of them write into it at once.

Two processes that write different specialisations of one function into numba's cache at once can leave an index that
points to the wrong machine code. The lock lies beside what it protects, since a cache in a home directory belongs to
all nodes of a cluster, and a temporary folder to one. Only those who compile exclude each other: thousands of ranks
that load what is there do it at the same time.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from llvmlite import binding
from numba.core.caching import NullCache

F = TypeVar("F", bound=Callable[..., Any])

# Sums may be reordered (so that they vectorise), but NaN and infinity keep their meaning.
_FAST = {"reassoc", "contract", "nsz", "arcp"}
_OPTIONS: dict[str, Any] = {"fastmath": _FAST, "nogil": True, "error_model": "numpy"}

_LOCK = "hpcbbp.lock"
_PATIENCE = 600.0  # seconds, for a lock that a lost node holds

_kernels: list[Any] = []
_ready: set[str] = set()


def compiled(function: F) -> F:
    """Compile with numba when called with new types; cached between processes where there is a place to.

    Division by zero gives inf or NaN, as in numpy: to raise an error there would keep loops from being vectorised.
    With NUMBA_DISABLE_JIT=1 it is the function itself: the same numbers, a hundred times slower.
    """
    try:
        kernel = numba.njit(cache=True, **_OPTIONS)(function)
        _kernels.append(kernel)
    except RuntimeError:  # neither the package's folder nor a home to cache in: compile in every process
        kernel = numba.njit(**_OPTIONS)(function)
    return cast("F", kernel)


def compile_all(name: str, signatures: Sequence[tuple[Any, str]]) -> None:
    """Compile functions of one file for given types, or load them, once a process.

    Kernels are called with C-contiguous arrays only, so that no further specialisation arises later.
    """
    if name in _ready:
        return
    if not numba.config.DISABLE_JIT:
        try:
            _compile_beside_others(name, signatures)
        except OSError:  # a file system without locks, a full one, a lock that nobody gives back
            try:
                _use_own_cache()
                _compile_beside_others(name, signatures)
            except OSError:
                for kernel in _kernels:
                    kernel._cache = NullCache()
                _compile(signatures)
    _ready.add(name)


def _compile(signatures: Sequence[tuple[Any, str]]) -> None:
    for function, signature in signatures:
        function.compile(signature)


def _compile_beside_others(name: str, signatures: Sequence[tuple[Any, str]]) -> None:
    """Compile alone, or load together with others what one has compiled; without a cache just compile."""
    path = signatures[0][0].stats.cache_path
    if path is None:
        _compile(signatures)
        return
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / f"hpcbbp-{_kind(name, signatures)}.json"
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        whole = _lock(descriptor, mark)
        _compile(signatures)
        if not whole:
            _write(mark, json.dumps(_indices(folder)))
    finally:
        os.close(descriptor)


def _lock(descriptor: int, mark: Path) -> bool:
    """Wait for the lock, shared if all is compiled, else alone; return whether it is."""
    patience = time.monotonic() + _PATIENCE
    while True:
        whole = _is_whole(mark)
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if whole else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            if _is_whole(mark) == whole:  # as before the lock was ours
                return whole
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        except BlockingIOError:
            if time.monotonic() > patience:
                raise TimeoutError(f"{mark.parent / _LOCK} is held by another process") from None
            time.sleep(0.05)


def _is_whole(mark: Path) -> bool:
    """Whether all was compiled, and numba's indices are those of then: another kind of processor may add to them."""
    try:
        return bool(json.loads(mark.read_text()) == _indices(mark.parent))
    except (OSError, ValueError):
        return False


def _indices(folder: Path) -> dict[str, list[int]]:
    found = {path.name: path.stat() for path in folder.glob("*.nbi")}
    return {name: [at.st_mtime_ns, at.st_size] for name, at in sorted(found.items())}


def _kind(name: str, signatures: Sequence[tuple[Any, str]]) -> str:
    """Digest of what machine code depends on, beside the sources, which numba looks after."""
    words = [name, numba.__version__, sys.implementation.cache_tag, binding.get_host_cpu_name()]
    words += [binding.get_host_cpu_features().flatten(), str(numba.config.CPU_NAME), str(numba.config.CPU_FEATURES)]
    words += [signature for _, signature in signatures]
    return hashlib.sha256("\n".join(map(str, words)).encode()).hexdigest()[:16]


def _write(path: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.fchmod(descriptor, 0o644)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
    Path(name).replace(path)


def _use_own_cache() -> None:
    """From now on cache in a folder of this node and this user; OSError if others can write into it."""
    folder = Path(tempfile.gettempdir()) / f"hpcbbp-numba-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid() or about.st_mode & 0o022:
        raise PermissionError(f"{folder} is not this user's alone: machine code is not loaded from there")
    numba.config.CACHE_DIR = str(folder)
    for kernel in _kernels:
        kernel.enable_caching()
