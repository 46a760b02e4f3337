"""The methods of `fastopt.minimize` for ``scipy.optimize.minimize(fun, x0, method=...)``.

>>> import scipy.optimize, fastopt
>>> result = scipy.optimize.minimize(lambda x: ((x - 3) ** 2).sum(), [0.0, 1.0], method=fastopt.minimizers.LBFGS)
>>> result.reason, result.x.round(4).tolist()
('gtol', [3.0, 3.0])
"""

from ._minimize import minimize

__all__ = [
    "BFGS",
    "FISTA",
    "LBFGS",
    "LBFGSB",
    "OWLQN",
    "AcceleratedGradient",
    "ConjugateGradient",
    "GradientDescent",
    "LevenbergMarquardt",
    "Newton",
    "NewtonCG",
    "ProximalGradient",
    "TrustNewtonCG",
]


class Minimizer:
    """A method of `fastopt.minimize` with the signature that SciPy asks of ``method=``.

    SciPy's `tol` and `options` come as keywords and mean what they mean in `fastopt.minimize`, whose arguments
    penalty, max_time and verbose are taken as options too.
    """

    def __init__(self, name, method):
        self.__name__, self.method = name, method
        self.__doc__ = f"Method {method!r} of `fastopt.minimize`, for ``scipy.optimize.minimize(method=...)``."

    def __call__(
        self,
        fun,
        x0,
        args=(),
        *,
        jac=None,
        hess=None,
        hessp=None,
        bounds=None,
        constraints=(),
        callback=None,
        tol=None,
        penalty=None,
        max_time=None,
        verbose=0,
        **options,
    ):
        return minimize(
            fun,
            x0,
            args,
            method=self.method,
            jac=jac,
            hess=hess,
            hessp=hessp,
            bounds=bounds,
            constraints=constraints,
            penalty=penalty,
            callback=callback,
            tol=tol,
            max_time=max_time,
            verbose=verbose,
            options=options,
        )

    def __repr__(self):
        return f"fastopt.minimizers.{self.__name__}"

    def __reduce__(self):
        return self.__name__


GradientDescent = Minimizer("GradientDescent", "gd")
ConjugateGradient = Minimizer("ConjugateGradient", "cg")
BFGS = Minimizer("BFGS", "bfgs")
LBFGS = Minimizer("LBFGS", "l-bfgs")
LBFGSB = Minimizer("LBFGSB", "l-bfgs-b")
NewtonCG = Minimizer("NewtonCG", "newton-cg")
AcceleratedGradient = Minimizer("AcceleratedGradient", "agd")
OWLQN = Minimizer("OWLQN", "owl-qn")
FISTA = Minimizer("FISTA", "fista")
ProximalGradient = Minimizer("ProximalGradient", "proximal-gradient")
Newton = Minimizer("Newton", "newton")
LevenbergMarquardt = Minimizer("LevenbergMarquardt", "lm")
TrustNewtonCG = Minimizer("TrustNewtonCG", "trust-ncg")
