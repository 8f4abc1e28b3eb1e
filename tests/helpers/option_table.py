"""Every option of `hpcbbp solve` with every kind of X: what works, and in which words the rest is refused.

Words are those of the command line, but of "dense", which are keys of a campaign file. They are given in place of or
beside those that make a whole instance of the kind; {n}, {p}, {size} = p N and {folder} are filled in, and "-p -"
leaves an option out.
"""

from __future__ import annotations

from option_models import MODELS
from option_rows import DRAWN, DRAWS, FILES, GAUSSIAN, MADE, SHAPES, SLEPC, Row, deferred_only, each, key, small

_A = (
    Row("-a 0.3", lambda n: None),
    Row("-a 0", "a = 0.0: the loss constant must be a finite number > 0"),
    Row("-a nan", "a = nan: the loss constant"),
)
_INFINITE = Row("--below inf", "--below inf: a finite number")
_NO_BELOW = Row("--below 0", "--below belongs to --method stored, dice, regenerated or dense, not deferred")

TABLE: dict[str, dict[str, tuple[Row, ...]]] = {
    "n": {
        **each(FILES, Row("-n {n}", f"-n = \\d+ with --data: {SHAPES}")),
        **each(
            DRAWN,
            Row("-n 1", "N = 1: the input dimension is a whole number >= 2"),
            Row("-n 0", "N = 0: the input dimension"),
            Row("-n -5", "N = -5: the input dimension"),
            Row("-n -", "-n missing: give -n, -p, -a and --alpha, or your own"),
            Row("-n 40.5", "-n 40.5: "),
            Row("-n 1" + "0" * 20, "N = 10+: the input dimension is at most"),
        ),
        "dense": (Row("n = {n}"), Row("n = 1", "n"), Row('n = "x"', "n"), Row("n = 2.5", "n")),
    },
    "p": {
        **each(
            FILES, Row("-p {p}"), Row("-p 7", "p = 7 was given, but .* has [12] row"), Row("-p 0", "p = 0 was given")
        ),
        **each(
            DRAWN,
            Row("-p 0", "p = 0: the student needs at least one hidden unit"),
            Row("-p -", "-p missing"),
            Row("-p x", "-p x: "),
            Row("-p 1" + "0" * 20, "p = 10+: at most"),
        ),
        "dense": (Row("p = 3"), Row("p = 0", "p"), Row("p = 1.5", "p")),
    },
    "p_star": {
        **each(FILES, Row("--p-star 1"), Row("--p-star 2", "p_star = 2 was given, but .* has 1 row")),
        **each(MADE, Row("--p-star 2"), Row("--p-star 0", "p_star = 0: the teacher needs at least one")),
        "deferred": (Row("--p-star 2", small), Row("--p-star 0", "p_star = 0: the teacher needs at least one")),
        "dense": (Row("p_star = 2"), Row("p_star = 0", "p_star")),
    },
    "a": {
        **each(FILES, *_A, Row("-a -", "-a is missing: the constant of the normalised loss")),
        **each(
            DRAWN,
            *_A,
            Row("-a -", "-a missing: give -n, -p, -a and --alpha"),
            Row("-p - -a - --alpha -", "-p, -a, --alpha missing: give"),
        ),
        "dense": (Row("a = 0.3"), Row("a = 0.0", "a"), Row("a = nan", "a")),
    },
    "alpha": {
        **each(FILES, Row("--alpha 3", f"--alpha = 3.0 with --data: {SHAPES}")),
        **each(
            MADE,
            Row("--alpha 0.5"),
            Row("--alpha 0.1", lambda n: "gives M = round.alpha N. = 0 samples" if n < 40 else None),
        ),
        "deferred": (Row("--alpha 0.5", small),),
        "dense": (Row("alpha = 0.5"), Row("alpha = 0", "alpha"), Row("alpha = inf", "alpha")),
    },
    "seed": {
        **each(
            (*FILES, *DRAWN), Row("--seed 7"), Row("--seed -1", "seed = -1: a seed is"), Row("--seed x", "seed x")
        ),
        "dense": (Row('seeds = "7..7"'), Row("seeds = 0", "seeds"), Row("seed = 7", "unknown key grid.*seed")),
    },
    "nev": {
        **each(
            SLEPC,
            Row("--nev 1"),
            Row("--nev 2"),
            Row("--nev {size}", lambda n: None),
            Row("--nev 999", r"nev = 999: the Hessian has only pN = \d+"),
            Row("--nev 0", "nev = 0: ask for at least one eigenpair"),
            Row("--nev 99999999999999999999", r"nev = 9+: the Hessian has only pN = \d\d? eigenpairs"),
        ),
        "deferred": (
            Row("--nev 1"),
            Row("--nev 999", r"nev = 999: the Hessian has only pN = \d+"),
            Row("--nev 0", "nev = 0: ask for at least one eigenpair"),
        ),
        "dense": (Row("nev = 2"), Row('nev = "all"'), Row("nev = 0", "nev"), Row("nev = 1.5", "nev")),
    },
    "tol": {
        **each(
            (*FILES, *DRAWN),
            Row("--tol 1e-3"),
            Row("--tol 1e-11"),
            Row("--tol 0", "tol = 0.0: the tolerance"),
            Row("--tol 1", "tol = 1.0: the tolerance"),
            Row("--tol nan", "tol = nan: the tolerance"),
            Row("--tol x", "--tol x: "),
        ),
        "dense": (Row("tol = 1e-3"), Row("tol = 0", "tol"), Row("tol = 1", "tol")),
    },
    "below": {
        **each(
            SLEPC,
            Row("--below 0"),
            Row("--below -1e9"),
            Row("--below 1e9"),
            Row(
                "--below 0 --nev 1", "--nev 1 with --below 0: --below finds all eigenvalues below it: leave --nev out"
            ),
            _INFINITE,
        ),
        "deferred": (_NO_BELOW,),
        **key("below = 0"),
    },
    "verify": {
        **each(SLEPC, Row("--verify"), Row("--verify --nev {size}"), Row("--verify --below 0")),
        "deferred": (Row("--verify", "--verify belongs to --method stored, dice or regenerated, not deferred"),),
        **key("verify = true"),
    },
    "storage": {
        **each(
            FILES,
            Row("--storage float64"),
            Row("--storage float32"),
            Row("--storage float32 --tol 1e-5"),
            Row("--storage bf16"),
            Row("--storage bf16 --tol 1e-5"),
            Row("--storage int8"),
            Row("--storage int8 --tol 1e-5 --verify"),
            Row("--storage int16", "--storage int16 with --method .*: .*int16 goes with --method deferred"),
            Row("--storage float16", "--storage float16 with --method"),
        ),
        "stored": (
            Row("--storage float64"),
            Row("--storage float32"),
            Row("--storage float32 --tol 1e-5"),
            Row("--storage bf16"),
            Row("--storage bf16 --tol 1e-5"),
            Row("--storage int8"),
            Row("--storage int8 --tol 1e-5 --verify"),
            Row("--storage int16", "--storage int16 with --method .*: .*int16 goes with --method deferred"),
        ),
        "dice": (
            Row("--storage float64"),
            Row("--storage float32 --tol 1e-4"),
            Row("--storage float32", "--tol 1e-08 with --method dice, --storage float32: .* or --storage float64$"),
            Row("--storage int16", "--storage int16 with --method .*: .*int16 goes with --method deferred"),
        ),
        "regenerated": (
            Row("--storage float32"),
            Row("--storage float32 --tol 1e-5"),
            Row("--storage float64", "--storage float64 with --method regenerated: .* kept in one of float32"),
        ),
        "deferred": (
            Row("--storage float64"),
            Row("--storage bf16", "--storage bf16 with --method deferred: .*bf16 goes with --method stored"),
            Row("--storage float32 --tol 1e-2"),
            Row("--storage int16 --tol 1e-2"),
            Row("--storage int16", "--tol 1e-08 with .*int16: "),
            Row("--storage float16", "--storage float16 with --method"),
        ),
        "dense": (
            Row('storage = "float64"'),
            Row('storage = "float32"'),
            Row('storage = "auto"'),
            Row('storage = "float16"', "storage"),
        ),
    },
    "data": {
        "npy": (
            Row("--data {folder}/X.npy:x", "X.npy is a .npy file, which has no datasets: leave :x out"),
            Row("--data {folder}/absent.npy", "absent.npy: no such file .the data X, M x N"),
            Row("--data {folder}", "is not a file"),
            Row("--data stored", "--data missing: --data, --teacher and --student are given together"),
            Row("--data -", "--data missing: --data, --teacher and --student are given together"),
        ),
        "h5": (
            Row("--data {folder}/{n}.h5", "no dataset is named; write .*:DATASET with one of: S, T, X"),
            Row("--data {folder}/{n}.h5:Y", "there is no dataset 'Y'"),
            Row("--data {folder}/{n}.npy"),
        ),
        "stored": (Row("--data stored"), Row("--data dices", "--data dices: your X as FILE.npy")),
        "dice": (
            Row("--data stored", "--data stored with --method dice: two methods"),
            Row("--data dice"),
            Row("--data", "requires an argument|--data"),
        ),
        "regenerated": (
            Row("--data stored", "--data stored with --method regenerated: two methods"),
            Row("--data X.npy", DRAWS),
        ),
        "deferred": (
            Row("--data stored", "--data stored with --method deferred: two methods"),
            Row("--data dice", "--data dice with --method deferred: two methods"),
            Row("--data X.npy", GAUSSIAN),
        ),
        **key('data = "X.npy"'),
    },
    "teacher": {
        "npy": (
            Row(
                "--teacher - -a -",
                "--teacher and -a missing: --data, --teacher and --student are given together, with -a",
            ),
            Row("--teacher -", "--teacher missing: --data, --teacher and --student are given together"),
            Row("--teacher {folder}/{n}.h5:T"),
            Row("--teacher {folder}/wide.npy", r"wide.npy: shape \(1, 77\), but X has N = \d+ columns"),
            Row(
                "--teacher {folder}/{n}zero.npy", "zero.npy .teacher weights.: row 0 is zero, which has no direction"
            ),
        ),
        "h5": (Row("--teacher {folder}/{n}T.npy"), Row("--teacher {folder}/{n}.h5:Y", "there is no dataset 'Y'")),
        **each(("stored",), Row("--teacher T.npy", "--data and --student missing")),
        **each(("dice", "regenerated"), Row("--teacher T.npy", f"{DRAWS}: leave --data, --teacher and --student")),
        **each(("deferred",), Row("--teacher T.npy", GAUSSIAN)),
        **key('teacher = "T.npy"'),
    },
    "student": {
        "npy": (
            Row("--student -", "--student missing: --data, --teacher and --student are given together"),
            Row("--student {folder}/{n}.h5:S"),
            Row("--student {folder}/wide.npy", r"wide.npy: shape \(1, 77\), but X has N = \d+ columns"),
            Row("--student ", "--student is empty|requires an argument"),
        ),
        "h5": (Row("--student {folder}/{n}S.npy"), Row("--student {folder}/{n}.h5", "no dataset is named")),
        **each(("stored",), Row("--student S.npy", "--data and --teacher missing")),
        **each(("dice", "regenerated"), Row("--student S.npy", DRAWS)),
        **each(("deferred",), Row("--student S.npy", GAUSSIAN)),
        **key('student = "S.npy"'),
    },
    "method": {
        **each(
            FILES,
            Row("--method stored"),
            Row("--method krylov-schur"),
            Row("--method dense"),
            Row("--method dense --below 0 --storage float32"),
            Row("--method deferred", GAUSSIAN),
            Row("--method dice", DRAWS),
        ),
        "stored": (
            Row("--method krylov-schur"),
            Row("--method dense"),
            Row("--method dense --nev {size}"),
            Row("--method dense --below 0"),
            Row("--method dense --verify", "--verify belongs to --method stored, dice or regenerated, not dense"),
            Row("--method dense --block 2", "--block belongs to --method deferred, not dense"),
            Row("--method dense -- -eps_ncv 12", "-eps_ncv: --method dense uses no PETSc"),
            Row("--method dense --storage int16", "--storage int16 with --method dense: "),
            Row("--method lanczos", "--method lanczos: one of stored, dice, regenerated, deferred, dense"),
        ),
        "dice": (Row("--method krylov-schur --data dice"), Row("--method dice")),
        "regenerated": (Row("--method regenerated"), Row("--method regenerated --tol 1e-6")),
        "deferred": (
            Row("--method Deferred", "--method Deferred: one of stored, dice, regenerated, deferred, dense"),
            Row(
                "--method deferred --verify --checkpoint c",
                "--verify belongs to --method stored, dice or regenerated",
            ),
        ),
        "dense": (Row('method = "dense"'), Row('method = "lanczos"', "method")),
    },
    "block": {
        **deferred_only("--block 2", "block"),
        "deferred": (
            Row("--block 3", small),
            Row("--block 0", "block = 0: a step has at least one vector"),
            Row("--block 1"),
        ),
        **key("block = 2"),
    },
    "checkpoint": {
        **each(
            (*FILES, *DRAWN),
            Row("--checkpoint {folder}/c{n}"),
            Row("--checkpoint {folder}/wide.npy", "wide.npy"),
        ),
        **key('checkpoint = "c"'),
    },
    "checkpoint_every": {
        **each(
            (*FILES, *DRAWN),
            Row("--checkpoint {folder}/e{n} --checkpoint-every 0"),
            Row("--checkpoint-every 5", "--checkpoint-every without --checkpoint"),
            Row("--checkpoint {folder}/e{n} --checkpoint-every -1", "seconds >= 0"),
            Row("--checkpoint {folder}/e{n} --checkpoint-every nan", "checkpoint-every|seconds"),
        ),
        **key("checkpoint_every = 5", "unknown key grid.*checkpoint_every"),
    },
    "wall_time": {
        **each(
            (*FILES, *DRAWN),
            Row("--checkpoint {folder}/w{n} --wall-time 1e6"),
            Row("--wall-time 5", "--wall-time 5 without --checkpoint: name the folder"),
            Row("--checkpoint {folder}/w{n} --wall-time 0", "--wall-time 0: seconds, more than 0"),
            Row("--checkpoint {folder}/w{n} --wall-time inf", "--wall-time inf: seconds, more than 0"),
        ),
        **key("wall_time = 5", "unknown key grid.*wall_time"),
    },
    "operator": {
        **each((*FILES, *DRAWN), Row("--operator m:f", "-[-a-z]+ with --operator: the function says all about its")),
        **key('operator = "m:f"'),
    },
    "above": {
        **each((*FILES, *DRAWN), Row("--above 1", "--above belongs to --operator")),
        **key("above = 1.0"),
    },
    "which": {
        **each((*FILES, *DRAWN), Row("--which largest", "--which belongs to --operator")),
        **key('which = "largest"'),
    },
    **MODELS,
    "as_json": {
        **each((*FILES, *DRAWN), Row("--json -"), Row("--json", sizes=True)),
        **key("json = true"),
    },
    "petsc_options": {
        **each(
            SLEPC,
            Row("-- -eps_ncv 12"),
            Row("-- -eps_largest_real"),
            Row("-- -eps_tol 1e-4"),
            Row("--tol 1e-8 -- -eps_tol 1e-1", "--tol 1e-08 with -eps_tol, which would replace it: leave one"),
            Row("--tol 1e-8 -- -eps_monitor --EPS_tol 1e-1", "--tol 1e-08 with -eps_tol, which would replace it"),
            Row("-- -eps_nev 2"),
            Row("--nev 1 -- -eps_nev 2", "--nev 1 with -eps_nev, which would replace it: leave one of them out"),
            Row("-- -eps_type foo", "SLEPc refuses these PETSc options: -eps_type foo"),
            Row("-- word", "unexpected argument 'word'; PETSc options go after '--'"),
        ),
        "deferred": (Row("-- -eps_ncv 12", "-eps_ncv: --method deferred uses no PETSc"),),
        **key("petsc_options = []"),
    },
}
