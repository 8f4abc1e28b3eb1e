"""Two examples of every command, which its help shows; tests run them or look whether their options exist."""

from __future__ import annotations

MODEL = "-p 2 -a 1.5"

EXAMPLES: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "theory": (
        (f"hpcbbp theory {MODEL}", "where the transition is, and whether the overlap jumps"),
        (f"hpcbbp theory {MODEL} --alpha 1.1 --alpha 3 -n 1e6", "at two alpha; and what samples of N = 10^6 show"),
    ),
    "explore": (
        ("hpcbbp explore", "explore.html, a page with sliders for p, p*, a, alpha and N"),
        ("hpcbbp explore -p 1 -a 10 --alpha 4 -n 1e8 --out phase-retrieval.html", "another model first, elsewhere"),
    ),
    "phase-diagram": (
        ("hpcbbp phase-diagram", "alpha_BBP against a for p = 1, 2, 4 and infinity"),
        ("hpcbbp phase-diagram -n 1e5 -n 1e8 --out diagram.pdf", "with alpha_BBP(N) of two sizes"),
    ),
    "density": (
        (f"hpcbbp density {MODEL} --alpha 1 --alpha 3", "the bulk at N = infinity, and its edge"),
        (f"mpirun -n 2 hpcbbp density {MODEL} --alpha 3 --simulate 2000", "beside a simulation's, by Lanczos"),
    ),
    "predict": (
        (f"hpcbbp predict {MODEL} --alpha 1.2 -n 1e4", "averages at N = 10^4, without any matrix"),
        (f"hpcbbp predict {MODEL} --alpha 1 --alpha 1.5 -n 1e3 -n 1e5 --out below.png", "a picture of several N"),
    ),
    "models": (
        ("hpcbbp models", "activations, losses, noise, teachers, covariances with their formulas"),
        ("hpcbbp models --json", "the same for a program"),
    ),
    "solve": (
        (f"mpirun -n 4 hpcbbp solve -n 2000 {MODEL} --alpha 3", "one drawn instance on four ranks"),
        ("hpcbbp solve --data X.npy --teacher T.npy --student W.npy -a 1.5 --nev 4", "your own data"),
    ),
    "descend": (
        (f"hpcbbp descend -n 2000 {MODEL} --alpha 3 --steps 50", "losses and overlaps along fifty steps"),
        (
            f"hpcbbp descend -n 2000 {MODEL} --alpha 3 --steps 50 --sphere --hessian-every 10 --out descent.png",
            "on the sphere, with Hessians on the way and a picture",
        ),
    ),
    "demo": (
        ("mpirun -n 2 hpcbbp demo", "both transitions: picture, table and records in demo/"),
        ("mpirun -n 4 hpcbbp demo --out first", "on four ranks, elsewhere"),
    ),
    "plan": (
        ("hpcbbp plan campaign.toml", "time and memory before anything is computed"),
        ("hpcbbp plan campaign.toml --ranks 64 --nodes 2", "for a job of two nodes"),
    ),
    "run": (
        ("mpirun -n 4 hpcbbp run campaign.toml", "all of it, or what is missing"),
        ("mpirun -n 4 hpcbbp run campaign.toml --shard 2/8 --wall-time 3500", "one of eight parts, for an hour"),
    ),
    "collect": (
        ("hpcbbp collect shard-1 shard-2 --out all", "results of two jobs in one store"),
        ("hpcbbp collect old new --out all --mixed-versions", "also of different versions of hpcbbp"),
    ),
    "export": (
        ("hpcbbp export campaign --to pairs.csv", "one row an eigenpair"),
        ("hpcbbp export campaign --to pairs.parquet", "the same, smaller"),
    ),
    "analyze": (
        ("hpcbbp analyze campaign.toml", "thresholds, laws and their intervals beside theory"),
        ("hpcbbp analyze campaign.toml --level 0.68 --to curves.csv", "intervals of 68 %, and every point as CSV"),
    ),
    "report": (
        ("hpcbbp report campaign.toml", "report.html and report.md beside the records"),
        ("hpcbbp report campaign.toml --to page", "into a folder of its own"),
    ),
    "figure": (
        ("mpirun -n 2 hpcbbp figure 1 --quick", "the paper's first figure, in minutes"),
        ("hpcbbp figure 2", "the phase diagram, which needs no simulation"),
    ),
    "slurm": (
        ("hpcbbp slurm campaign.toml --nodes 2 --ntasks-per-node 32 > job.sbatch", "one job for a campaign"),
        ("hpcbbp slurm campaign.toml --as array --tasks 16 > jobs.sbatch", "an array of sixteen jobs"),
    ),
    "accounting": (
        ("hpcbbp accounting campaign.toml 1234", "what job 1234 took, beside the plan"),
        ("hpcbbp accounting campaign.toml 1234 --sacct sacct.txt", "from what sacct printed elsewhere"),
    ),
    "cite": (
        ("hpcbbp cite > hpcbbp.bib", "the paper, hpcbbp, PETSc, SLEPc"),
        ("hpcbbp cite campaign", "what the records of a folder used"),
    ),
    "info": (
        ("hpcbbp info", "versions, cores, memory, what is missing"),
        ("mpirun -n 2 hpcbbp info", "and what is wrong with the launch"),
    ),
    "help": (
        ("hpcbbp help methods", "stored, dense, dice, regenerated or deferred"),
        ("hpcbbp help symbols", "what the columns of tables mean"),
    ),
}


def epilog(command: str) -> str:
    """What stands below the options in a command's help."""
    return "\n\n".join(f"Example, {about}:\n  {line}" for line, about in EXAMPLES[command])
