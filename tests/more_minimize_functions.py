"""Further standard test functions: name -> (function, start, known minima), complex as in minimize_functions.py.

From the CUTE collection (Bongartz, Conn, Gould and Toint, ACM Trans. Math. Softw. 21 (1995)), Andrei's collection
(Adv. Model. Optim. 10 (2008)), and Jamil and Yang's survey (2013). Minima are those that descent from the start reaches.
"""

import numpy as np

E, COS, SIN, LOG, SQRT, PI = np.exp, np.cos, np.sin, np.log, np.sqrt, np.pi


def i_of(x):
    return np.arange(1, x.size + 1)


def dixmaan(alpha, beta, gamma, delta, k):
    """Dixon and Maany's family, n = 3 m."""

    def f(x):
        n, m = x.size, x.size // 3
        w = (i_of(x) / n)[:, None] ** np.array(k)
        total = 1 + alpha * (x * x) @ w[:, 0]
        total += beta * (x[:-1] ** 2 * (x[1:] + x[1:] ** 2) ** 2) @ w[:-1, 1]
        total += gamma * (x[: 2 * m] ** 2 * x[m:] ** 4) @ w[: 2 * m, 2]
        return total + delta * (x[:m] * x[2 * m :]) @ w[:m, 3]

    return f


def ackley(x):
    return -20 * E(-0.2 * SQRT(1e-4 + (x @ x) / x.size)) - E(COS(2 * PI * x).mean()) + 20 + np.e


def levy(x):
    w = 1 + (x - 1) / 4
    middle = ((w[:-1] - 1) ** 2 * (1 + 10 * SIN(PI * w[:-1] + 1) ** 2)).sum()
    return SIN(PI * w[0]) ** 2 + middle + (w[-1] - 1) ** 2 * (1 + SIN(2 * PI * w[-1]) ** 2)


def goldstein_price(z):
    x, y = z
    first = 1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)
    return first * (30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2))


def cragg_levy(x):
    a, b, c, d = x[:-3:2], x[1:-2:2], x[2:-1:2], x[3::2]
    return ((E(a) - b) ** 4 + 100 * (b - c) ** 6 + np.tan(c - d) ** 4 + a**8 + (d - 1) ** 2).sum()


def bdqrtic(x):
    a = x[:-4]
    inner = a**2 + 2 * x[1:-3] ** 2 + 3 * x[2:-2] ** 2 + 4 * x[3:-1] ** 2 + 5 * x[-1] ** 2
    return ((3 - 4 * a) ** 2 + inner**2).sum()


def nondquar(x):
    return (x[0] - x[1]) ** 2 + ((x[:-2] + x[1:-1] + x[-1]) ** 4).sum() + (x[-2] + x[-1]) ** 2


def sinquad(x):
    middle = SIN(x[1:-1] - x[-1]) - x[0] ** 2 + x[1:-1] ** 2
    return (x[0] - 1) ** 4 + (middle**2).sum() + (x[-1] ** 2 - x[0] ** 2) ** 2


def tointgss(x):
    c = x[2:] ** 2
    return ((10 / (x.size + 2) + c) * (2 - E(-((x[:-2] - x[1:-1]) ** 2) / (0.1 + c)))).sum()


def hartman3(x):
    a = np.array([[3, 10, 30], [0.1, 10, 35], [3, 10, 30], [0.1, 10, 35]])
    p = 1e-4 * np.array([[3689, 1170, 2673], [4699, 4387, 7470], [1091, 8732, 5547], [381, 5743, 8828]])
    return -np.array([1, 1.2, 3, 3.2]) @ E(-(a * (x - p) ** 2).sum(1))


def branin(z):
    x, y = z
    return (y - 5.1 / (4 * PI**2) * x**2 + 5 / PI * x - 6) ** 2 + 10 * (1 - 1 / (8 * PI)) * COS(x) + 10


_RNG = np.random.default_rng(0)
ROWS, COUNTS = _RNG.normal(size=(60, 8)), _RNG.poisson(2.0, 60)
SIGNS = np.where(ROWS @ np.arange(-4, 4) + 4 * _RNG.normal(size=60) > 0, 1.0, -1.0)
HILBERT = 1 / (np.arange(6)[:, None] + np.arange(6) + 1.0)


def logistic(x):
    return LOG(1 + E(-SIGNS * (ROWS @ x))).mean() + 0.01 * (x @ x)


def poisson(x):
    z = ROWS @ x
    return (E(z) - COUNTS * z).mean()


def log_sum_exp(x):
    return LOG(E(ROWS @ x + 0.1).sum() + E(-ROWS @ x).sum())


N20 = np.arange(1.0, 21)
TEN, TWENTY = np.ones(10), np.ones(20)
MORE = {
    "sphere": (lambda x: x @ x, 3 * TEN, [0]),
    "sum squares": (lambda x: i_of(x) @ (x * x), 2 * TEN, [0]),
    "cigar": (lambda x: x[0] ** 2 + 1e4 * (x[1:] @ x[1:]), TEN, [0]),
    "discus": (lambda x: 1e4 * x[0] ** 2 + x[1:] @ x[1:], TEN, [0]),
    "rotated ellipsoid": (lambda x: np.cumsum(x * x).sum(), 2 * TEN, [0]),
    "schwefel 1.2": (lambda x: (np.cumsum(x) ** 2).sum(), 2 * TEN, [0]),
    "schwefel 2.4": (lambda x: ((x - 1) ** 2 + (x[0] - x**2) ** 2).sum(), 3 * TEN, [0]),
    "different powers": (lambda x: x[0] ** 2 + x[1] ** 4 + x[2] ** 6 + x[3] ** 8, 0.8 * np.ones(4), [0]),
    "styblinski tang": (lambda x: 0.5 * (x**4 - 16 * x**2 + 5 * x).sum(), -TEN, [-391.6616570]),
    "rastrigin": (lambda x: 10 * x.size + (x * x - 10 * COS(2 * PI * x)).sum(), 0.3 * TEN, [0]),
    "griewank": (lambda x: x @ x / 4000 - np.prod(COS(x / SQRT(i_of(x)))) + 1, 0.5 * TEN, [0]),
    "ackley, smooth": (ackley, 0.2 * TEN, [ackley(np.zeros(10))]),
    "levy": (levy, 0.5 * TEN, [0]),
    "brown": (
        lambda x: (E((x[1:] ** 2 + 1) * LOG(x[:-1] ** 2)) + E((x[:-1] ** 2 + 1) * LOG(x[1:] ** 2))).sum(),
        np.linspace(0.5, 1.5, 10),
        [0],
    ),
    "exponential": (lambda x: -E(-0.5 * (x @ x)), 0.5 * TEN, [-1]),
    "quartic": (lambda x: i_of(x) @ x**4, TEN, [0]),
    "qing": (lambda x: ((x * x - i_of(x)) ** 2).sum(), 2 * TEN, [0]),
    "three hump camel": (
        lambda x: 2 * x[0] ** 2 - 1.05 * x[0] ** 4 + x[0] ** 6 / 6 + x[0] * x[1] + x[1] ** 2,
        [2, 2],
        [0, 0.2986384],
    ),
    "six hump camel": (
        lambda x: (4 - 2.1 * x[0] ** 2 + x[0] ** 4 / 3) * x[0] ** 2 + x[0] * x[1] + 4 * (x[1] ** 2 - 1) * x[1] ** 2,
        [0.5, 1],
        [-1.0316285, -0.2154638, 2.1042503],
    ),
    "goldstein price": (goldstein_price, [0.5, -0.5], [3, 30, 84, 840]),
    "mccormick": (
        lambda x: SIN(x[0] + x[1]) + (x[0] - x[1]) ** 2 - 1.5 * x[0] + 2.5 * x[1] + 1,
        [0, 0],
        [-1.9132230],
    ),
    "easom": (lambda x: -COS(x[0]) * COS(x[1]) * E(-((x - PI) ** 2).sum()), [3, 2.5], [-1]),
    "branin": (branin, [2.5, 7.5], [0.3978874]),
    "hartman 3": (hartman3, [0.5, 0.5, 0.5], [-3.8627798, -3.0897641, -1.0008169]),
    "cube": (lambda x: 100 * (x[1] - x[0] ** 3) ** 2 + (1 - x[0]) ** 2, [-1.2, 1], [0]),
    "wayburn seader": (lambda x: (x[0] ** 6 + x[1] ** 4 - 17) ** 2 + (2 * x[0] + x[1] - 4) ** 2, [0.5, 1.0], [0]),
    "price 4": (lambda x: (2 * x[0] ** 3 * x[1] - x[1] ** 3) ** 2 + (6 * x[0] - x[1] ** 2 + x[1]) ** 2, [1, 2], [0]),
    "aluffi pentini": (
        lambda x: 0.25 * x[0] ** 4 - 0.5 * x[0] ** 2 + 0.1 * x[0] + 0.5 * x[1] ** 2,
        [-0.5, 1],
        [-0.3523861],
    ),
    "bohachevsky 1": (
        lambda x: x[0] ** 2 + 2 * x[1] ** 2 - 0.3 * COS(3 * PI * x[0]) - 0.4 * COS(4 * PI * x[1]) + 0.7,
        [0.1, 0.08],
        [0],
    ),
    "bohachevsky 3": (
        lambda x: x[0] ** 2 + 2 * x[1] ** 2 - 0.3 * COS(3 * PI * x[0] + 4 * PI * x[1]) + 0.3,
        [0.05, 0.05],
        [0],
    ),
    "egg crate": (lambda x: x @ x + 25 * (SIN(x) ** 2).sum(), [1, -1], [0]),
    "arwhead": (lambda x: (3 - 4 * x[:-1] + (x[:-1] ** 2 + x[-1] ** 2) ** 2).sum(), TWENTY, [0]),
    "dqdrtic": (lambda x: (x[:-2] ** 2 + 100 * x[1:-1] ** 2 + 100 * x[2:] ** 2).sum(), 3 * TWENTY, [0]),
    "engval1": (lambda x: ((x[:-1] ** 2 + x[1:] ** 2) ** 2 + 3 - 4 * x[:-1]).sum(), 2 * TWENTY, [20.2786621]),
    "liarwhd": (lambda x: (4 * (x**2 - x[0]) ** 2 + (x - 1) ** 2).sum(), 4 * TWENTY, [0]),
    "nondia": (lambda x: (x[0] - 1) ** 2 + (100 * (x[0] - x[:-1] ** 2) ** 2).sum(), -TWENTY, [0]),
    "nondquar": (nondquar, np.tile([1.0, -1.0], 10), [0]),
    "cosine": (lambda x: COS(x[:-1] ** 2 - 0.5 * x[1:]).sum(), TWENTY, [-19]),
    "genrose": (lambda x: 1 + (100 * (x[1:] - x[:-1] ** 2) ** 2 + (x[1:] - 1) ** 2).sum(), N20 / 21, [1]),
    "tridia": (lambda x: (x[0] - 1) ** 2 + N20[1:] @ (2 * x[1:] - x[:-1]) ** 2, TWENTY, [0]),
    "quartc": (lambda x: ((x - i_of(x)) ** 4).sum(), 2 * TEN, [0]),
    "edensch": (
        lambda x: 16 + ((x[:-1] - 2) ** 4 + (x[:-1] * x[1:] - 2 * x[1:]) ** 2 + (x[1:] + 1) ** 2).sum(),
        8 * TWENTY,
        [123.2845920],
    ),
    "cragglvy": (cragg_levy, np.r_[1, 2 * np.ones(19)], [3.4942137]),
    "bdqrtic": (bdqrtic, TWENTY, [58.3204125]),
    "power": (lambda x: (i_of(x) @ (x * x)) ** 2, TEN, [0]),
    "sinquad": (sinquad, 0.1 * TEN, [0]),
    "tointgss": (tointgss, 3 * TWENTY, [8.6363636]),
    "fletchcr": (lambda x: (100 * (x[1:] - x[:-1] + 1 - x[:-1] ** 2) ** 2).sum(), np.zeros(10), [0]),
    "eg2": (lambda x: SIN(x[0] + x[:-1] ** 2 - 1).sum() + 0.5 * SIN(x[-1] ** 2), TEN, [-8.9475109]),
    "hilbert": (lambda x: x @ (HILBERT @ x), TEN[:6], [0]),
    "raydan 1": (lambda x: (N20 / 10) @ (E(x) - x), TWENTY, [21]),
    "raydan 2": (lambda x: (E(x) - x).sum(), TWENTY, [20]),
    "diagonal 1": (lambda x: (E(x) - i_of(x) * x).sum(), TEN / 10, [55 - LOG(i_of(TEN)) @ i_of(TEN)]),
    "diagonal 4": (lambda x: 0.5 * (x[::2] ** 2 + 100 * x[1::2] ** 2).sum(), TWENTY, [0]),
    "hager": (lambda x: (E(x) - SQRT(i_of(x)) * x).sum(), TEN, [SQRT(i_of(TEN)) @ (1 - 0.5 * LOG(i_of(TEN)))]),
    "tridiagonal 1": (lambda x: ((x[::2] + x[1::2] - 3) ** 2 + (x[::2] - x[1::2] + 1) ** 4).sum(), 2 * TWENTY, [0]),
    "extended himmelblau": (
        lambda x: ((x[::2] ** 2 + x[1::2] - 11) ** 2 + (x[::2] + x[1::2] ** 2 - 7) ** 2).sum(),
        TWENTY,
        [0],
    ),
    "white holst": (
        lambda x: (100 * (x[1::2] - x[::2] ** 3) ** 2 + (1 - x[::2]) ** 2).sum(),
        np.tile([-1.2, 1], 10),
        [0],
    ),
    "extended penalty": (lambda x: ((x[:-1] - 1) ** 2).sum() + (x @ x - 0.25) ** 2, np.arange(1.0, 11), [4.5257159]),
    "perturbed quadratic": (lambda x: i_of(x) @ (x * x) + x.sum() ** 2 / 100, 0.5 * TWENTY, [0]),
    "maratos": (
        lambda x: (x[::2] + 100 * (x[::2] ** 2 + x[1::2] ** 2 - 1) ** 2).sum(),
        np.tile([1.1, 0.1], 5),
        [-5.0031211],
    ),
    "cliff": (lambda x: ((x[0] - 3) / 100) ** 2 - (x[0] - x[1]) + E(20 * (x[0] - x[1])), [0, -1], [0.1997866]),
    "denschna": (lambda x: x[0] ** 4 + (x[0] + x[1]) ** 2 + (E(x[1]) - 1) ** 2, [1, 1], [0]),
    "denschnb": (lambda x: (x[0] - 2) ** 2 + ((x[0] - 2) * x[1]) ** 2 + (x[1] + 1) ** 2, [1, 1], [0]),
    "denschnc": (
        lambda x: (x[0] ** 2 + x[1] ** 2 - 2) ** 2 + (E(x[0] - 1) + x[1] ** 3 - 2) ** 2,
        [2, 3],
        [0, 0.1833617],
    ),
    "denschnf": (
        lambda x: (2 * (x[0] + x[1]) ** 2 + (x[0] - x[1]) ** 2 - 8) ** 2 + (5 * x[0] ** 2 + (x[1] - 3) ** 2 - 9) ** 2,
        [2, 0],
        [0],
    ),
    "sisser": (lambda x: 3 * x[0] ** 4 - 2 * (x[0] * x[1]) ** 2 + 3 * x[1] ** 4, [1, 0.1], [0]),
    "logistic regression": (logistic, np.zeros(8), [0.3521806]),
    "poisson regression": (poisson, np.zeros(8), [0.7260151]),
    "log sum exp": (log_sum_exp, TEN[:8], [4.8385709]),
    **{
        f"dixmaan {letter}": (dixmaan(*numbers), 2 * np.ones(15), [1])
        for letter, numbers in {
            "a": (1, 0, 0.125, 0.125, (0, 0, 0, 0)),
            "b": (1, 0.0625, 0.0625, 0.0625, (0, 0, 0, 1)),
            "c": (1, 0.125, 0.125, 0.125, (0, 0, 0, 0)),
            "e": (1, 0, 0.125, 0.125, (1, 0, 0, 1)),
            "f": (1, 0.0625, 0.0625, 0.0625, (1, 0, 0, 1)),
            "i": (1, 0, 0.125, 0.125, (2, 0, 0, 2)),
            "j": (1, 0.0625, 0.0625, 0.0625, (2, 0, 0, 2)),
        }.items()
    },
}
