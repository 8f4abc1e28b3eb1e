"""For Spack 1.0 and later. tests/packages/test_spack.py compares it with pyproject.toml."""

from pathlib import Path

from spack.package import *
from spack_repo.builtin.build_systems.python import PythonPackage

CHECKOUT = Path(__file__).resolve().parents[6]


class PyHpcbbp(PythonPackage):
    """BBP transitions of loss Hessians: matrix-free eigensolver on MPI ranks, beside exact theory."""

    homepage = "https://arxiv.org/abs/2510.18435"
    git = f"file://{CHECKOUT}"  # the one that this file lies in; of a published release its address

    license("BSD-3-Clause")

    version("main", branch="main")
    version("0.2.0", tag="v0.2.0")

    # The extras of pyproject.toml. The command line and MPI are there unless they are not wanted.
    variant("cli", default=True, description="The command line")
    variant("mpi", default=True, description="SLEPc's solvers, on MPI ranks")
    variant("campaigns", default=False, description="Many instances: plan, run, collect, export")
    variant("files", default=False, description="X and weights in HDF5 files")
    variant("export", default=False, description="Records as Parquet files")
    variant("analysis", default=False, description="Curves and thresholds of campaigns")
    variant("figures", default=False, description="Pictures")
    variant("report", default=False, description="The page of a campaign")
    variant("slurm", default=False, description="Job scripts")
    variant("all", default=False, description="The command line with all of its commands")
    variant("jax", default=False, description="Hessians of networks in JAX")
    variant("torch", default=False, description="Hessians of networks in PyTorch")
    variant("examples", default=False, description="What the scripts of examples/ need")

    # Those that take others in.
    requires("+campaigns", when="+analysis")
    requires("+campaigns+files", when="+export")
    requires("+analysis+figures", when="+report")
    requires("+campaigns", when="+slurm")
    requires("+cli+campaigns+analysis+export+files+figures+report+slurm", when="+all")
    requires("+figures+jax", when="+examples")

    depends_on("py-setuptools@77:", type="build")

    with default_args(type=("build", "run")):
        depends_on("python@3.11:")
        depends_on("py-numpy@1.26:")
        depends_on("py-scipy@1.11:")
        depends_on("py-numba@0.59:")
        depends_on("py-typer@0.12:", when="+cli")
        depends_on("py-rich@13:", when="+cli")
        depends_on("py-pydantic@2.6:", when="+campaigns")
        depends_on("py-pandas@2.1:", when="+campaigns")
        depends_on("py-h5py@3.10:", when="+files")
        depends_on("py-pyarrow@15:24", when="+export")
        depends_on("py-pandas@2.1:", when="+analysis")
        depends_on("py-statsmodels@0.14:", when="+analysis")
        depends_on("py-matplotlib@3.8:", when="+figures")
        depends_on("py-pandas@2.1:", when="+figures")
        depends_on("py-jinja2@3.1:", when="+report")
        depends_on("py-jinja2@3.1:", when="+slurm")
        depends_on("py-jax@0.4.30:", when="+jax")
        depends_on("py-torch@1.13:", when="+torch")
        depends_on("py-scikit-learn@1.3:", when="+examples")
        depends_on("py-mpi4py@3.1:", when="+mpi")
        depends_on("py-petsc4py@3.18:", when="+mpi")
        depends_on("py-slepc4py@3.18:", when="+mpi")

    depends_on("arrow+parquet", when="+export")
    depends_on("petsc+double~complex", when="+mpi")  # others are refused

    import_modules = ["hpcbbp", "hpcbbp.theory", "hpcbbp.solvers"]
