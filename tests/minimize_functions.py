"""Standard test functions of unconstrained minimisation: name -> (function, start, known minima).

Numbers and starts after More, Garbow and Hillstrom, ACM Trans. Math. Softw. 7 (1981), and Dixon and Szego, Jamil and
Yang (2013) for those at the end. A function takes complex vectors too: its gradient is the complex step's,
Im f(x + ih e_j) / h, which has no truncation error to speak of and cancels no digits.
"""

import numpy as np

E, SQRT = np.exp, np.sqrt
SYMMETRIC = [0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521]
GAUSSIAN = np.array([*SYMMETRIC, 0.3989, *SYMMETRIC[::-1]])
BARD = np.array([0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39])
KOWALIK = np.array([0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246])
KOWALIK_U = np.array([4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625])


def squares(residuals):
    def f(x):
        r = residuals(x)
        return sum(v @ v if np.ndim(v) else v * v for v in r)

    f.residuals = residuals
    return f


def helical(x):
    theta = np.arctan(x[1] / x[0]) / (2 * np.pi) + (0.5 if x[0].real < 0 else 0.0)
    return 10 * (x[2] - 10 * theta), 10 * (SQRT(x[0] ** 2 + x[1] ** 2) - 1), x[2]


def bard(x):
    u = np.arange(1.0, 16)
    v = 16 - u
    return (BARD - x[0] - u / (v * x[1] + np.minimum(u, v) * x[2]),)


def gaussian(x):
    t = (8 - np.arange(1.0, 16)) / 2
    return (x[0] * E(-x[1] * (t - x[2]) ** 2 / 2) - GAUSSIAN,)


def box(x):
    t = 0.1 * np.arange(1.0, 11)
    return (E(-t * x[0]) - E(-t * x[1]) - x[2] * (E(-t) - E(-10 * t)),)


def powell_singular(x):
    a, b, c, d = x[0::4], x[1::4], x[2::4], x[3::4]
    return a + 10 * b, SQRT(5) * (c - d), (b - 2 * c) ** 2, SQRT(10) * (a - d) ** 2


def wood(x):
    a, b, c, d = x
    return 10 * (b - a**2), 1 - a, SQRT(90) * (d - c**2), 1 - c, SQRT(10) * (b + d - 2), (b - d) / SQRT(10)


def kowalik(x):
    u = KOWALIK_U
    return (KOWALIK - x[0] * (u * u + u * x[1]) / (u * u + u * x[2] + x[3]),)


def brown_dennis(x):
    t = np.arange(1.0, 21) / 5
    return ((x[0] + t * x[1] - E(t)) ** 2 + (x[2] + x[3] * np.sin(t) - np.cos(t)) ** 2,)


def biggs(x):
    t = 0.1 * np.arange(1.0, 14)
    y = E(-t) - 5 * E(-10 * t) + 3 * E(-4 * t)
    return (x[2] * E(-t * x[0]) - x[3] * E(-t * x[1]) + x[5] * E(-t * x[4]) - y,)


def watson(x):
    t = np.arange(1.0, 30)[:, None] / 29
    j = np.arange(x.size)
    powers = t**j
    slopes = np.where(j > 0, j * t ** np.maximum(j - 1, 0), 0.0)
    return slopes @ x - (powers @ x) ** 2 - 1, x[0], x[1] - x[0] ** 2 - 1


def penalty2(x):
    n, a = x.size, SQRT(1e-5)
    i = np.arange(2, n + 1)
    y = E(i / 10) + E((i - 1) / 10)
    last = np.arange(n, 0, -1) @ (x * x) - 1
    return x[0] - 0.2, a * (E(x[1:] / 10) + E(x[:-1] / 10) - y), a * (E(x[1:] / 10) - E(-0.1)), last


def variably(x):
    s = np.arange(1, x.size + 1) @ (x - 1)
    return x - 1, s, s * s


def trigonometric(x):
    return (x.size - np.cos(x).sum() + np.arange(1, x.size + 1) * (1 - np.cos(x)) - np.sin(x),)


def brown_linear(x):
    return (x + x.sum() - (x.size + 1))[:-1], np.prod(x) - 1


def neighbours(x):
    zero = np.zeros(1)
    return np.concatenate([zero, x[:-1]]), np.concatenate([x[1:], zero])


def boundary_value(x):
    h = 1 / (x.size + 1)
    left, right = neighbours(x)
    return (2 * x - left - right + h * h * (x + h * np.arange(1, x.size + 1) + 1) ** 3 / 2,)


def tridiagonal(x):
    left, right = neighbours(x)
    return ((3 - 2 * x) * x - left - 2 * right + 1,)


def banded(x):
    i = np.arange(x.size)
    gap = i - i[:, None]
    band = ((gap >= -5) & (gap <= 1) & (gap != 0)).astype(float)
    return (x * (2 + 5 * x * x) + 1 - band @ (x * (1 + x)),)


def full_rank(x):
    mean = 2 / 10 * x.sum()
    return x - mean - 1, (-mean - 1) * np.ones(10 - x.size)


def chebyquad(x):
    """Means of the shifted Chebyshev polynomials against their integrals."""
    before, now, parts = np.ones_like(x), 2 * x - 1, []
    for i in range(1, x.size + 1):
        parts.append(now.mean() - (-1 / (i * i - 1) if i % 2 == 0 else 0.0))
        before, now = now, 2 * (2 * x - 1) * now - before
    return (np.array(parts),)


MEYER = np.array(
    [34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872.0]
)
OSBORNE1 = np.array(
    [844, 908, 932, 936, 925, 908, 881, 850, 818, 784, 751, 718, 685, 658, 628, 603, 580, 558, 538, 522, 506]
    + [490, 478, 467, 457, 448, 438, 431, 424, 420, 414, 411, 406]
) / 1000.0
OSBORNE2 = np.array(
    [1366, 1191, 1112, 1013, 991, 885, 831, 847, 786, 725, 746, 679, 608, 655, 616, 606, 602, 626, 651, 724, 649]
    + [649, 694, 644, 624, 661, 612, 558, 533, 495, 500, 423, 395, 375, 372, 391, 396, 405, 428, 429, 523, 562]
    + [607, 653, 672, 708, 633, 668, 645, 632, 591, 559, 597, 625, 739, 710, 729, 720, 636, 581, 428, 292, 162]
    + [98, 54]
) / 1000.0


def gulf(x):
    t = np.arange(1.0, 100) / 100
    y = 25 + (-50 * np.log(t)) ** (2 / 3)
    return (E(-((y - x[1]) ** 2) ** (x[2] / 2) / x[0]) - t,)


def osborne1(x):
    t = 10 * np.arange(33.0)
    return (OSBORNE1 - (x[0] + x[1] * E(-t * x[3]) + x[2] * E(-t * x[4])),)


def osborne2(x):
    t = np.arange(65.0) / 10
    bells = sum(x[k] * E(-((t - x[7 + k]) ** 2) * x[4 + k]) for k in (1, 2, 3))
    return (OSBORNE2 - (x[0] * E(-t * x[4]) + bells),)


def integral_equation(x):
    t = np.arange(1, x.size + 1) / (x.size + 1)
    cubes = (x + t + 1) ** 3
    below, above = np.cumsum(t * cubes), np.sum((1 - t) * cubes) - np.cumsum((1 - t) * cubes)
    return (x + ((1 - t) * below + t * above) / (2 * (x.size + 1)),)


def dixon_price(x):
    return (x[0] - 1) ** 2 + np.arange(2, x.size + 1) @ (2 * x[1:] ** 2 - x[:-1]) ** 2


def zakharov(x):
    s = 0.5 * np.arange(1, x.size + 1) @ x
    return x @ x + s**2 + s**4


J = np.arange(1.0, 11)
GRADED = 10.0 ** np.linspace(0, 5, 20)
FUNCTIONS = {
    "rosenbrock": (squares(lambda x: (10 * (x[1] - x[0] ** 2), 1 - x[0])), [-1.2, 1], [0]),
    "freudenstein roth": (
        squares(
            lambda x: (
                -13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1],
                -29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1],
            )
        ),
        [0.5, -2],
        [0, 48.98425],
    ),
    "powell badly scaled": (squares(lambda x: (1e4 * x[0] * x[1] - 1, E(-x[0]) + E(-x[1]) - 1.0001)), [0, 1], [0]),
    "brown badly scaled": (squares(lambda x: (x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2)), [1, 1], [0]),
    "beale": (squares(lambda x: (np.array([1.5, 2.25, 2.625]) - x[0] * (1 - x[1] ** J[:3]),)), [1, 1], [0]),
    "jennrich sampson": (squares(lambda x: (2 + 2 * J - E(J * x[0]) - E(J * x[1]),)), [0.3, 0.4], [124.3622]),
    "helical valley": (squares(helical), [-1, 0, 0], [0]),
    "bard": (squares(bard), [1, 1, 1], [8.214877e-3, 17.4286]),
    "gaussian": (squares(gaussian), [0.4, 1, 0], [1.12793e-8]),
    "meyer": (
        squares(lambda x: (x[0] * E(x[1] / (45 + 5 * np.arange(1.0, 17) + x[2])) - MEYER,)),
        [0.02, 4000, 250],
        [87.9458],
    ),
    "gulf": (squares(gulf), [5, 2.5, 0.15], [0, 0.0380, 6.65]),
    "osborne 1": (squares(osborne1), [0.5, 1.5, -1, 0.01, 0.02], [5.46489e-5]),
    "osborne 2": (squares(osborne2), [1.3, 0.65, 0.65, 0.7, 0.6, 3, 5, 7, 2, 4.5, 5.5], [4.01377e-2]),
    "integral equation": (squares(integral_equation), J / 11 * (J / 11 - 1), [0]),
    "box": (squares(box), [0, 10, 20], [0]),
    "powell singular": (squares(powell_singular), [3, -1, 0, 1], [0]),
    "wood": (squares(wood), [-3, -1, -3, -1], [0]),
    "kowalik osborne": (squares(kowalik), [0.25, 0.39, 0.415, 0.39], [3.07505e-4]),
    "brown dennis": (squares(brown_dennis), [25, 5, -5, -1], [85822.2]),
    "biggs": (squares(biggs), [1, 2, 1, 1, 1, 1], [0, 5.65565e-3]),
    "watson": (squares(watson), [0] * 6, [2.28767e-3]),
    "extended rosenbrock": (squares(lambda x: (10 * (x[1::2] - x[0::2] ** 2), 1 - x[0::2])), [-1.2, 1] * 5, [0]),
    "extended powell": (squares(powell_singular), [3, -1, 0, 1] * 2, [0]),
    "penalty 1": (squares(lambda x: (SQRT(1e-5) * (x - 1), x @ x - 0.25)), J[:4], [2.24997e-5]),
    "penalty 2": (squares(penalty2), [0.5] * 4, [9.37629e-6]),
    "variably dimensioned": (squares(variably), 1 - J / 10, [0]),
    "trigonometric": (squares(trigonometric), [0.1] * 10, [0, 2.79506e-5]),
    "brown almost linear": (squares(brown_linear), [0.5] * 10, [0, 1]),
    "boundary value": (squares(boundary_value), J / 11 * (J / 11 - 1), [0]),
    "broyden tridiagonal": (squares(tridiagonal), [-1] * 10, [0]),
    "broyden banded": (squares(banded), [-1] * 10, [0]),
    "linear full rank": (squares(full_rank), [1] * 5, [5]),
    "linear rank 1": (squares(lambda x: (J * (J[:5] @ x) - 1,)), [1] * 5, [90 / 42]),
    "linear rank 1, zeros": (
        squares(lambda x: ((J[1:9] - 1) * (J[1:4] @ x[1:4]) - 1, 1.0, 1.0)),
        [1] * 5,
        [124 / 34],
    ),
    "chebyquad": (squares(chebyquad), np.arange(1, 9) / 9, [3.51687e-3]),
    "himmelblau": (squares(lambda x: (x[0] ** 2 + x[1] - 11, x[0] + x[1] ** 2 - 7)), [0, 0], [0]),
    "booth": (squares(lambda x: (x[0] + 2 * x[1] - 7, 2 * x[0] + x[1] - 5)), [0, 0], [0]),
    "matyas": (lambda x: 0.26 * (x @ x) - 0.48 * x[0] * x[1], [8, -5], [0]),
    "dixon price": (dixon_price, [2] * 5, [0, 1 / 3]),
    "zakharov": (zakharov, [1] * 5, [0]),
    "trid": (lambda x: ((x - 1) ** 2).sum() - x[1:] @ x[:-1], [0] * 6, [-50]),
    "graded parabola": (lambda x: 0.5 * (GRADED @ (x * x)), [1] * 20, [0]),
}


def gradient(f):
    def g(x):
        out = np.empty(x.size)
        for j in range(x.size):
            z = x.astype(complex)
            z[j] += 1e-30j
            out[j] = f(z).imag / 1e-30
        return out

    return g


def solved(value, minima):
    return any(abs(value - m) <= 1e-5 * max(1.0, abs(m)) for m in minima)


# The sums of squares: name -> (residuals, start, known minima of the sum).
RESIDUALS = {name: (f.residuals, x0, minima) for name, (f, x0, minima) in FUNCTIONS.items() if hasattr(f, "residuals")}
