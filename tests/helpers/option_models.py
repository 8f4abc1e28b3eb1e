"""Options of `hpcbbp solve` that say which model it is: rows of the table of options (option_table.py)."""

from __future__ import annotations

from option_rows import DRAWN, FILES, SLEPC, Row, each, small

_COVARIANCES = (
    Row("--covariance levels:0.5,0.5,1.5,0.5", sizes=True),
    Row("--covariance uniform", "covariance = 'uniform': one of levels:VALUE,SHARE"),
    Row("--covariance levels:1,1", "covariance levels = .*VALUE,SHARE,VALUE,SHARE,... is wanted"),
    Row("--covariance levels:1,0.5,2,0.6", "shares > 0 that sum to 1"),
    Row("--covariance levels:0,0.5,2,0.5", "different values from 1e-06 to 1e.06"),
    Row("--covariance uniform:1", "covariance uniform = 1.0: a number between 0 and 1"),
    Row("--covariance levels:0.5,0.5,1.5,0.5 --estimator trimmed:3 -a - -p 1", "estimators know white data"),
)

MODELS: dict[str, dict[str, tuple[Row, ...]]] = {
    "activation": {
        **each(
            (*FILES, *DRAWN),
            Row("--activation tanh"),
            Row("--activation foo", "activation = 'foo': one of quadratic, tanh"),
            Row("--activation polynomial:1", "polynomial = .1.0,.: two to 16 coefficients"),
            Row("--activation no.module:Here", "activation = 'no.module:Here': ModuleNotFoundError"),
        ),
        "dense": (
            Row('activation = "tanh"'),
            Row('activation = "foo"', "activation"),
            Row("activation = 3", "activ"),
        ),
    },
    "loss": {
        **each(
            (*FILES, *DRAWN),
            Row("--loss square -a -"),
            Row("--loss square", "-a = [0-9.]+: the loss square has no constant; leave -a out"),
            Row("--loss foo", "loss = 'foo': one of normalized-square, square"),
            Row("--loss logistic -a -", "label y = .*: the logistic loss needs labels .1 and -1"),
        ),
        "dense": (Row('loss = "square"', "a = [0-9.]+: the loss square has no constant"), Row("loss = 3", "loss")),
    },
    "noise": {
        **each(
            (*FILES, *DRAWN),
            Row("--noise uniform:0.1"),
            Row("--noise uniform", "noise = 'uniform': one of noiseless, gaussian:SIGMA"),
            Row("--noise gaussian:0", "noise gaussian = 0.0: a finite number > 0"),
            Row("--noise gaussian:100", "label y = .*: the normalised loss with a = .* needs a . y > 0"),
        ),
        "dense": (Row('noise = "uniform:0.1"'), Row('noise = "uniform:x"', "noise"), Row("noise = 1", "noise")),
    },
    "link": {
        **each(
            (*FILES, *DRAWN),
            Row("--link norm"),
            Row("--link product", "p_star = 1: a teacher 'product' needs p_star >= 2"),
            Row("--link foo", "link = 'foo': one of product"),
        ),
        "dense": (Row('link = "norm"'), Row('link = "product"', "p_star = 1"), Row("link = false", "link")),
    },
    "estimator": {
        **each(
            FILES,
            Row("--estimator trimmed:3 -a -", lambda n: "p = 2, p_star = 1 with estimator" if n == 40 else None),
            Row("--estimator trimmed:3", "-a = [0-9.]+: estimator trimmed:3 has no constant"),
        ),
        **each(
            DRAWN,
            Row("--estimator trimmed:3 -a - -p 1"),
            Row("--estimator bounded:5 -a - -p 1"),
            Row("--estimator bounded -a - -p 1", "one of optimal, bounded:BOUND"),
            Row("--estimator trimmed:x -a -", "estimator = 'trimmed:x': trimmed:CUT is wanted"),
            Row("--estimator optimal --loss square", "loss = square with estimator = optimal: one of them"),
            Row("--estimator optimal -a - --activation tanh", "with a teacher 'of activation tanh'"),
        ),
        "dense": (Row('estimator = "trimmed:3"', "has no constant"), Row("estimator = 3", "estimator")),
    },
    "covariance": {
        **each(SLEPC[2:], *_COVARIANCES, Row("--covariance uniform:0.5")),
        "deferred": (
            Row("--covariance levels:0.5,0.5,1.5,0.5", small, sizes=True),
            *_COVARIANCES[1:],
            Row("--covariance uniform:0.5", lambda n: small(n) or "has a basis for each distinct eigenvalue"),
        ),
        **each(FILES, Row("--covariance uniform:0.5", "--covariance uniform:0.5 with --data: X is as it is")),
        "dense": (
            Row('covariance = "levels:0.5,0.5,1.5,0.5"'),
            Row('covariance = "uniform:0.5"'),
            Row('covariance = "uniform:1"', "a number between 0 and 1"),
            Row("covariance = 3", "covariance"),
        ),
    },
}
