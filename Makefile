# Two commands do everything on a fresh machine: make demo, make test.
#   make install PYTHON=/path/to/python   takes petsc4py and slepc4py from there if it has them (conda, spack, modules)
#   make demo RANKS=4 OUT=folder

PYTHON ?= python3
RANKS ?= 2
OUT ?= demo
SEEDS ?= 2000
FUZZ ?= 50
# Processes of the serial tests: one more than two cores, since many wait for commands that they have started.
WORKERS ?= 3
# The mpirun that stands beside PYTHON, if there is one (conda), else the one on the path.
MPIRUN ?= $(firstword $(wildcard $(dir $(shell command -v $(PYTHON) 2>/dev/null))mpirun) mpirun)
PYTEST = .venv/bin/python -m pytest

# One thread a rank: the ranks are the parallelism.
export OMP_NUM_THREADS ?= 1
# What mpirun reads, unless the caller's environment says otherwise.
$(foreach setting,$(shell sed 's/\#.*//' .ci/mpi.env),$(eval export $(subst =, ?= ,$(setting))))
ifeq ($(shell id -u),0)
export OMPI_ALLOW_RUN_AS_ROOT ?= 1
export OMPI_ALLOW_RUN_AS_ROOT_CONFIRM ?= 1
endif
export MPIRUN
# On a machine that is busy with other things: how many times longer than usual may pass before something hangs.
export HPCBBP_PATIENCE ?= 1

.PHONY: help install install-dev demo test test-serial test-mpi test-processors test-slurm test-workflows test-container test-debian13 test-debian12 fuzz results docs test-laws lint dist benchmark clean

help:
	@echo "make demo      install, then both BBP transitions of the paper's first figure: picture and table ($(OUT)/)"
	@echo "make test      install, then the whole test-suite: under mpirun with 2, 3 and 5 ranks, and serially"
	@echo "make install   .venv/bin/hpcbbp; PYTHON=... takes petsc4py and slepc4py from there"
	@echo "make test-laws the laws of stored, dice and deferred X on $(SEEDS) instances each (half an hour or more)"
	@echo "make test-processors  the suite under BLAS kernels of other processors, with 1 and 2 BLAS threads (hours)"
	@echo "make test-slurm  the job scripts on a Slurm of one and of two nodes started here (root, Debian)"
	@echo "make test-workflows  jobs/Snakefile and the ReFrame check by Snakemake and ReFrame, small"
	@echo "make test-container  docker/Dockerfile built and used (Docker, or root on Debian)"
	@echo "make test-debian13  make demo and make test in a fresh minimal Debian 13 made here (root, Debian); test-debian12 too"
	@echo "make fuzz      readers of outside data with $(FUZZ) times the damaged cases of make test"
	@echo "make results   every number of the documents that instances decide, recomputed from docs/results (a minute)"
	@echo "make docs      the documentation as a site, docs/_build/html"
	@echo "make lint      ruff, mypy --strict and the contracts of who imports whom"
	@echo "make dist      a wheel and a source archive in dist/, the same bytes for the same commit"
	@echo "make benchmark timings of the product, the solvers and the theory"
	@echo "make clean     removes .venv and caches"

install:
	@sh .ci/install.sh $(PYTHON)

install-dev:
	@sh .ci/install.sh $(PYTHON) dev

demo: install
	$(MPIRUN) -n $(RANKS) .venv/bin/hpcbbp demo --out $(OUT)

test: install-dev
	@$(MAKE) --no-print-directory --keep-going test-mpi test-serial

# The collective tests at each number of ranks. What fails on one rank, hangs or crashes ends the run; it is started
# again with the tests that are left, and named last (tests/collective.py).
test-mpi:
	timeout $$((3000 * $(HPCBBP_PATIENCE))) .venv/bin/python tests/collective.py --ranks 2,3
	timeout $$((3000 * $(HPCBBP_PATIENCE))) .venv/bin/python tests/collective.py --ranks 5 tests/cli/test_option_matrix.py tests/solvers/test_hard_spectra.py

test-serial:
	timeout $$((3000 * $(HPCBBP_PATIENCE))) $(PYTEST) -m "not slurm and not workflows" -n $(WORKERS) --dist worksteal

# The whole suite under BLAS kernels of other processors, each with 1 and 2 BLAS threads (hours).
test-processors: install-dev
	.venv/bin/python tests/processors.py

# Job scripts on a real Slurm, started on this machine for the test: root and Debian's packages are needed.
test-slurm: install-dev
	@sh .ci/packages.sh slurm-wlm munge iproute2 libpmix-dev slurmdbd mariadb-server
	timeout 1500 $(PYTEST) -m slurm

# Snakemake and ReFrame on the files of jobs/, in an environment of their own: what they bring is not for hpcbbp's.
test-workflows: install-dev
	@[ -x .venv/workflows/bin/python ] || .venv/bin/python -m venv --without-pip .venv/workflows
	@.venv/bin/python -m pip --python .venv/workflows/bin/python install -q --disable-pip-version-check -r tests/workflows/requirements.txt
	timeout 900 $(PYTEST) -m workflows

# Each fuzz test with FUZZ times the cases of `make test`, new ones each time.
fuzz: install-dev
	HPCBBP_FUZZ=$(FUZZ) $(PYTEST) -m fuzz

# Both commands of the README on a Debian as it comes, made here for the test (root, Debian).
test-debian13:
	sh .ci/fresh.sh trixie

test-debian12:
	sh .ci/fresh.sh bookworm

# The container image built with the engine that is there, and used (root, Debian; or Docker).
test-container:
	sh docker/test.sh

# Documents beside the tables of instances in docs/results; fails where they disagree.
results: install-dev
	.venv/bin/python benchmarks/results.py

# docs/_build/html, built anew each time: what an old build hides fails elsewhere. Warnings are errors.
docs: install-dev
	.venv/bin/python -m sphinx -E -q -W --keep-going -b html docs docs/_build/html

# Minutes per hundred seeds: thousands of instances of each kind of X, compared in law.
test-laws: install-dev
	HPCBBP_LAW_SEEDS=$(SEEDS) .venv/bin/python -m pytest -q -s -m slow

lint: install-dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-cache

# The source archive, and a wheel from it, with the tools that the extra dev pins: nothing is downloaded for the build,
# and the bytes are a function of the commit. What is not committed yet is taken as it is.
dist: install-dev
	@[ ! -e .git ] || [ -z "$$(git status --porcelain)" ] || \
		echo "dist: not all of this is committed; the archives name the last commit and hold what is here" >&2
	rm -rf dist
	moment=$$({ [ -e .git ] && git log -1 --format=%ct; } || date -r pyproject.toml +%s) && \
	SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$moment} .venv/bin/python -m build --no-isolation --outdir dist

benchmark: install
	.venv/bin/python benchmarks/performance.py all
	.venv/bin/python benchmarks/theory.py
	.venv/bin/python benchmarks/ranks.py
	.venv/bin/python benchmarks/deferred.py peers
	.venv/bin/python benchmarks/deferred.py table 1e6

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist *.egg-info
	find hpcbbp tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
