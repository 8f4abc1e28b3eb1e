"""ReFrame check for computing centres: numbers against theory, products a second.

    reframe -C SETTINGS.py -c jobs/reframe_hpcbbp.py -r --performance-report
    reframe ... -S program=/apps/hpcbbp/bin/hpcbbp -S ranks=128 -S modules=openmpi/5

SETTINGS.py is your site's. Each check solves one instance (p = p* = 1, a = 1.5, alpha = 3) by one of the methods, on
all ranks, and compares its outlier and the overlap with the teacher with theory at N = infinity, computed beside it.
What is fast enough your site knows: --performance-report tells products a second, and a subclass has `reference`.
"""

import json

import reframe as rfm
import reframe.utility.sanity as sn
from reframe.core.builtins import parameter, performance_function, run_after, sanity_function, variable

SIZES = {"stored": 8000, "dice": 20000, "deferred": 200000}
SPREAD = {"eigenvalue": 4.0, "overlap2": 1.5}
"""Standard deviations over instances times N^(1/2): 48 of them at N = 20000 have 0.0286 and 0.0105."""
ALLOWED = 6
"""Standard deviations."""


@rfm.simple_test
class OutlierCheck(rfm.RunOnlyRegressionTest):
    """One solve on all ranks.

    program : hpcbbp as the nodes find it; ranks : of the job; n : other than SIZES; seed : of the instance.
    """

    descr = "outlier of a Hessian against theory at N = infinity"
    valid_systems = ["*"]
    valid_prog_environs = ["*"]
    method = parameter(list(SIZES))
    program = variable(str, value="hpcbbp")
    ranks = variable(int, value=2)
    n = variable(int, value=0)
    seed = variable(int, value=0)

    @run_after("init")
    def ask(self):
        """Say what is run: a solve by all ranks, and theory by one."""
        self.size = self.n or SIZES[self.method]
        self.num_tasks, self.num_cpus_per_task = self.ranks, 1
        self.env_vars["OMP_NUM_THREADS"] = "1"
        self.executable, *first = self.program.split()
        model = ["-p", "1", "-a", "1.5", "--alpha", "3", "--json"]
        instance = ["-n", str(self.size), "--seed", str(self.seed), "--method", self.method]
        self.executable_opts = [*first, "solve", *model, *instance, "--nev", "1", "--tol", "1e-4"]
        self.postrun_cmds = [" ".join([self.program, "theory", *model])]

    @sn.deferrable
    def answers(self):
        """What both commands found."""
        return sn.extractall(r"^\{.*\}$", self.stdout, 0, json.loads).evaluate()

    @sanity_function
    def agrees(self):
        """Converged, and as far from theory as instances of this size are."""
        answers = self.answers()
        found, (limit,) = answers[0], sn.evaluate(answers[1]["points"])
        checks = [
            sn.assert_eq(found["converged"], 1, "the pair has not converged"),
            sn.assert_eq(found["provenance"]["ranks"], self.ranks, "{0} ranks computed, {1} were asked for"),
        ]
        pairs = {"eigenvalue": ("eigenvalues", "lambda_star"), "overlap2": ("overlap2", "overlap2")}
        for name, (ours, theirs) in pairs.items():
            margin = ALLOWED * SPREAD[name] / self.size**0.5
            low, high = limit[theirs] - margin, limit[theirs] + margin
            checks.append(sn.assert_bounded(found[ours][0], low, high, name + " {0}: theory has {1} to {2}"))
        return sn.all(checks)

    @performance_function("1/s")
    def products_per_second(self):
        """Of the Hessian with a vector, all ranks together."""
        return self.answers()[0]["products"] / self.answers()[0]["seconds"]

    @performance_function("s")
    def solve_seconds(self):
        """Without start and end."""
        return self.answers()[0]["seconds"]
