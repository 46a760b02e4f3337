"""What a good user of NumPy would write for update rules: vectorised, stable, with `out=` where it saves a temporary.

Steps are in place, with one buffer for each array.

The benchmarks measure against these, and check every library's answer by them in float64.
"""

import numpy as np


class SGD:
    def __init__(self, params, lr=1e-3, momentum=0.0, nesterov=False):
        self.params, self.lr, self.momentum, self.nesterov = params, lr, momentum, nesterov
        self.velocity = None
        self.buffer = [np.empty_like(w) for w in params]

    def step(self, grads):
        if self.momentum and self.velocity is None:
            self.velocity = [np.zeros_like(w) for w in self.params]
        for i, (w, g, t) in enumerate(zip(self.params, grads, self.buffer)):
            direction = g
            if self.momentum:
                b = self.velocity[i]
                b *= self.momentum
                b += g
                direction = b
                if self.nesterov:
                    np.multiply(b, self.momentum, out=t)
                    t += g
                    direction = t
            np.multiply(direction, self.lr, out=t)
            w -= t


class Adam:
    decay = 0.0

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, amsgrad=False):
        self.params, self.lr, self.betas, self.eps = params, lr, betas, eps
        self.m = [np.zeros_like(w) for w in params]
        self.v = [np.zeros_like(w) for w in params]
        self.top = [np.zeros_like(w) for w in params] if amsgrad else None
        self.buffer = [np.empty_like(w) for w in params]
        self.t = 0

    def step(self, grads):
        self.t += 1
        beta1, beta2 = self.betas
        root = float(np.sqrt(1 - beta2**self.t))
        alpha, eps = self.lr * root / (1 - beta1**self.t), self.eps * root
        for i, (w, g, m, v, t) in enumerate(zip(self.params, grads, self.m, self.v, self.buffer)):
            if self.decay:
                w *= 1 - self.lr * self.decay
            m *= beta1
            np.multiply(g, 1 - beta1, out=t)
            m += t
            v *= beta2
            np.multiply(g, g, out=t)
            t *= 1 - beta2
            v += t
            if self.top is not None:
                np.maximum(self.top[i], v, out=self.top[i])
                v = self.top[i]
            np.sqrt(v, out=t)
            t += eps
            np.divide(m, t, out=t)
            t *= alpha
            w -= t


class AdamW(Adam):
    decay = 1e-2


class Rule:
    """Rules with slots (zero, or what `begin` says) and two buffers for each array; `update` does one array."""

    slots = ()
    begin = {}
    lr = 1e-3

    def __init__(self, params, lr=1e-3, **options):
        self.params, self.lr, self.t = params, lr, 0
        self.__dict__.update(options)
        self.state = [[np.full_like(w, self.begin.get(name, 0.0)) for name in self.slots] for w in params]
        self.buffers = [(np.empty_like(w), np.empty_like(w)) for w in params]

    def step(self, grads):
        self.t += 1
        for w, g, state, buffers in zip(self.params, grads, self.state, self.buffers):
            self.update(w, g, *state, *buffers)


def moving(a, g, beta, t):
    """a = beta a + (1 - beta) g."""
    a *= beta
    np.multiply(g, 1 - beta, out=t)
    a += t


def moving_square(a, g, beta, t):
    a *= beta
    np.multiply(g, g, out=t)
    t *= 1 - beta
    a += t


class Adagrad(Rule):
    slots = ("sum",)

    def update(self, w, g, total, t, u):
        np.multiply(g, g, out=t)
        total += t
        np.sqrt(total, out=t)
        t += 1e-10
        np.divide(g, t, out=t)
        t *= self.lr
        w -= t


class Adadelta(Rule):
    slots = ("square", "delta")

    def update(self, w, g, square, delta, t, u):
        moving_square(square, g, 0.9, t)
        np.add(delta, 1e-6, out=t)
        np.add(square, 1e-6, out=u)
        t /= u
        np.sqrt(t, out=t)
        t *= g
        moving_square(delta, t, 0.9, u)
        t *= self.lr
        w -= t


class RMSprop(Rule):
    slots = ("square", "mean", "buffer")
    centered, momentum = False, 0.0

    def update(self, w, g, square, mean, buffer, t, u):
        moving_square(square, g, 0.99, t)
        root = square
        if self.centered:
            moving(mean, g, 0.99, t)
            np.multiply(mean, mean, out=u)
            np.subtract(square, u, out=u)
            root = u
        np.sqrt(root, out=t)
        t += 1e-8
        np.divide(g, t, out=t)
        if self.momentum:
            buffer *= self.momentum
            buffer += t
            np.multiply(buffer, self.lr, out=t)
        else:
            t *= self.lr
        w -= t


class Adamax(Rule):
    slots = ("m", "top")

    def update(self, w, g, m, top, t, u):
        moving(m, g, 0.9, t)
        top *= 0.999
        np.abs(g, out=t)
        t += 1e-8
        np.maximum(top, t, out=top)
        np.divide(m, top, out=t)
        t *= self.lr / (1 - 0.9**self.t)
        w -= t


class Moments(Rule):
    """Adam's two moments."""

    slots = ("m", "v")
    beta1, beta2 = 0.9, 0.999

    def root(self, g, m, v, t):
        moving(m, g, self.beta1, t)
        moving_square(v, g, self.beta2, t)
        np.multiply(v, 1 / (1 - self.beta2**self.t), out=t)
        np.sqrt(t, out=t)
        t += 1e-8


class NAdam(Moments):
    product = 1.0

    def step(self, grads):
        self.now, self.next = (0.9 * (1 - 0.5 * 0.96 ** (k * 4e-3)) for k in (self.t + 1, self.t + 2))
        self.product *= self.now
        super().step(grads)

    def update(self, w, g, m, v, t, u):
        self.root(g, m, v, t)
        np.multiply(g, self.lr * (1 - self.now) / (1 - self.product), out=u)
        u /= t
        w -= u
        np.multiply(m, self.lr * self.next / (1 - self.product * self.next), out=u)
        u /= t
        w -= u


class RAdam(Moments):
    def update(self, w, g, m, v, t, u):
        self.root(g, m, v, t)
        longest = 2 / (1 - 0.999) - 1
        rho = longest - 2 * self.t * 0.999**self.t / (1 - 0.999**self.t)
        np.multiply(m, self.lr / (1 - 0.9**self.t), out=u)
        if rho > 5:
            u *= ((rho - 4) * (rho - 2) * longest / ((longest - 4) * (longest - 2) * rho)) ** 0.5
            u /= t
        w -= u


class AdaBelief(Rule):
    slots = ("m", "s")

    def update(self, w, g, m, s, t, u):
        moving(m, g, 0.9, t)
        np.subtract(g, m, out=u)
        moving_square(s, u, 0.999, t)
        s += 1e-16
        np.multiply(s, 1 / (1 - 0.999**self.t), out=t)
        np.sqrt(t, out=t)
        t += 1e-16
        np.divide(m, t, out=t)
        t *= self.lr / (1 - 0.9**self.t)
        w -= t


class Yogi(Rule):
    slots = ("m", "v")
    begin = {"m": 1e-6, "v": 1e-6}

    def update(self, w, g, m, v, t, u):
        moving(m, g, 0.9, t)
        np.multiply(g, g, out=t)
        np.subtract(v, t, out=u)
        np.copysign(t, u, out=t)  # differs from the sign where both are equal; np.sign in place is slow
        t *= 1 - 0.999
        v -= t
        np.multiply(v, 1 / (1 - 0.999**self.t), out=t)
        np.sqrt(t, out=t)
        t += 1e-3
        np.divide(m, t, out=t)
        t *= self.lr / (1 - 0.9**self.t)
        w -= t


class Adan(Rule):
    slots = ("m", "q", "n", "previous")

    def update(self, w, g, m, q, n, previous, t, u):
        if self.t == 1:
            previous[...] = g
        np.subtract(g, previous, out=u)
        previous[...] = g
        moving(m, g, 0.98, t)
        moving(q, u, 0.92, t)
        u *= 0.92
        u += g
        moving_square(n, u, 0.99, t)
        np.multiply(n, 1 / (1 - 0.99**self.t), out=t)
        np.sqrt(t, out=t)
        t += 1e-8
        np.multiply(q, 0.92 * (1 - 0.98**self.t) / (1 - 0.92**self.t), out=u)
        u += m
        u /= t
        u *= self.lr / (1 - 0.98**self.t)
        w -= u


class Lion(Rule):
    slots = ("m",)

    def update(self, w, g, m, t, u):
        np.multiply(m, 0.9, out=t)
        np.multiply(g, 1 - 0.9, out=u)
        t += u
        np.sign(t, out=u)  # in place it is several times slower
        u *= self.lr
        w -= u
        moving(m, g, 0.99, t)


class Signum(Rule):
    slots = ("m",)

    def update(self, w, g, m, t, u):
        moving(m, g, 0.9, t)
        np.sign(m, out=t)
        t *= self.lr
        w -= t


class Rprop(Rule):
    slots = ("previous", "size")

    def __init__(self, params, lr=1e-3):
        self.begin = {"size": lr}
        super().__init__(params, lr)

    def update(self, w, g, previous, size, t, u):
        np.multiply(g, previous, out=t)
        np.copyto(u, 1.0)
        np.copyto(u, 1.2, where=t > 0)
        np.copyto(u, 0.5, where=t < 0)
        size *= u
        np.clip(size, 1e-6, 50, out=size)
        previous[...] = g
        np.copyto(previous, 0.0, where=t < 0)
        np.sign(previous, out=t)
        t *= size
        w -= t


class FTRL(Rule):
    slots = ("z", "n")
    begin = {"n": 0.1}

    def update(self, w, g, z, n, t, u):
        np.sqrt(n, out=u)
        np.multiply(g, g, out=t)
        n += t
        np.sqrt(n, out=t)
        np.subtract(t, u, out=u)
        u *= w
        u /= self.lr
        z += g
        z -= u
        np.divide(z, t, out=w)
        w *= -self.lr


class ASGD(Rule):
    slots = ("ax",)

    def update(self, w, g, ax, t, u):
        eta = self.lr / (1 + 1e-4 * self.lr * (self.t - 1)) ** 0.75
        w *= 1 - 1e-4 * eta
        np.multiply(g, eta, out=t)
        w -= t
        ax[...] = w  # until step 1e6


class ScheduleFree(Rule):
    """All rates are equal: z weighs 1/t in the average."""

    slots = ("z",)
    beta = 0.9

    def __init__(self, params, lr=1e-3):
        super().__init__(params, lr)
        for w, state in zip(params, self.state):
            state[0][...] = w

    def move(self, w, z, u, t, rate, c):
        np.subtract(z, w, out=t)
        t *= c
        w += t
        np.multiply(u, rate * (1 - self.beta * (1 - c)), out=t)
        w -= t
        np.multiply(u, rate, out=t)
        z -= t

    def update(self, w, g, z, t, u):
        self.move(w, z, g, t, self.lr, 1 / self.t)


class ScheduleFreeAdamW(ScheduleFree):
    slots = ("z", "v")

    def update(self, w, g, z, v, t, u):
        moving_square(v, g, 0.999, t)
        np.multiply(v, 1 / (1 - 0.999**self.t), out=u)
        np.sqrt(u, out=u)
        u += 1e-8
        np.divide(g, u, out=u)
        self.move(w, z, u, t, self.lr, 1 / self.t)


OPTIMIZERS = {
    "sgd": SGD,
    "adam": Adam,
    "adamw": AdamW,
    "adagrad": Adagrad,
    "adadelta": Adadelta,
    "rmsprop": RMSprop,
    "adamax": Adamax,
    "nadam": NAdam,
    "radam": RAdam,
    "adabelief": AdaBelief,
    "yogi": Yogi,
    "adan": Adan,
    "lion": Lion,
    "signum": Signum,
    "rprop": Rprop,
    "ftrl": FTRL,
    "asgd": ASGD,
    "schedulefreesgd": ScheduleFree,
    "schedulefreeadamw": ScheduleFreeAdamW,
}
