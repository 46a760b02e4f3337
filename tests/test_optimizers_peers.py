"""Optimizers beside the packages whose conventions they have: Keras, optax and, of the rules with norms, torch.

Marked exhaustive, every setting of the grids of rules.py and test_optimizers_norms.py that the package has.
"""

import importlib
import math

import covering
import numpy as np
import pytest
import rules as pointwise
import test_optimizers_norms as norms

from fastopt.optimizers import OPTIMIZERS

STEPS = 50
WHOLE = {"prodigy", "dog", "polyaksgd"}  # sums over all parameters: one array
COUNTS = {"ns_steps", "min_dim_size_to_factor"}


def flat(optax, o, rate, rule):
    """With coupled decay, or with one that is added to the steps of `rule`."""
    decay = optax.add_decayed_weights(o["weight_decay"])
    if not o["decoupled_weight_decay"]:
        return optax.chain(decay, rule, optax.scale_by_learning_rate(rate))
    return optax.chain(rule, decay, optax.scale_by_learning_rate(rate))


def coupled(optax, o, rule):
    return optax.chain(optax.add_decayed_weights(o["weight_decay"]), rule)


def betas(o):
    return dict(zip(("b1", "b2", "b3"), o["betas"]))


def epsilons(o):
    return {"eps": o["eps"], "eps_root": o["eps_root"]}


def optax_adam(optax, o, rate):
    if o["amsgrad"]:
        return flat(optax, o, rate, optax.scale_by_amsgrad(**betas(o), **epsilons(o)))
    if o["decoupled_weight_decay"]:
        return optax.adamw(rate, **betas(o), **epsilons(o), weight_decay=o["weight_decay"])
    return coupled(optax, o, optax.adam(rate, **betas(o), **epsilons(o)))


def optax_nadam(optax, o, rate):
    if o["decoupled_weight_decay"]:
        return optax.nadamw(rate, **betas(o), **epsilons(o), weight_decay=o["weight_decay"])
    return coupled(optax, o, optax.nadam(rate, **betas(o), **epsilons(o)))


def optax_adamax(optax, o, rate):
    if o["decoupled_weight_decay"]:
        return optax.adamaxw(rate, **betas(o), eps=o["eps"], weight_decay=o["weight_decay"])
    return coupled(optax, o, optax.adamax(rate, **betas(o), eps=o["eps"]))


def optax_rmsprop(optax, o, rate):
    rule = optax.rmsprop(
        rate,
        o["alpha"],
        o["eps"],
        o["initial_scale"],
        o["eps_in_sqrt"] is not False,
        centered=o["centered"],
        momentum=o["momentum"],
        nesterov=o["nesterov"],
        bias_correction=o["bias_correction"],
    )
    return coupled(optax, o, rule)


def optax_adafactor(optax, o, rate):
    """The chain that optax.adafactor makes, with its decay in float64, and all of its scale's options."""

    def decay(i, power):
        return 1.0 - (i + 1.0).astype("float64") ** -power

    rules = [
        optax.scale_by_factored_rms(
            decay_rate=-o["beta2_decay"],
            min_dim_size_to_factor=o["min_dim_size_to_factor"],
            epsilon=o["eps"][0],
            decay_rate_fn=decay,
        )
    ]
    if o["d"] is not None:
        rules.append(optax.clip_by_block_rms(o["d"]))
    rules.append(optax.scale_by_learning_rate(rate, flip_sign=False))
    if o["multiply_by_parameter_scale"]:
        rules.append(optax.scale_by_param_block_rms(o["eps"][1]))
    return optax.chain(*rules, optax.add_decayed_weights(o["weight_decay"]), optax.scale(-1))


def optax_muon(optax, o, rate):
    """Of one array, which is a matrix or is not."""
    if "adam_eps" not in o:
        return optax.contrib.muon(
            rate,
            o["ns_coefficients"],
            o["ns_steps"],
            o["momentum"],
            o["eps"],
            o["weight_decay"],
            nesterov=o["nesterov"],
            consistent_rms=o["rms_rate"] if o["adjust_lr_fn"] == "match_rms_adamw" else None,
        )
    beta1, beta2 = o["adam_betas"]
    return optax.contrib.muon(
        rate,
        eps=o["adam_eps"],
        nesterov=o["nesterov"],
        adam_b1=beta1,
        adam_b2=beta2,
        adam_weight_decay=o["adam_weight_decay"],
        adam_learning_rate=lambda count: rate(count) * o["adam_lr_ratio"],
    )


def optax_schedule_free(optax, o, rate, scale, beta):
    """optax.contrib's, whose weights take the rate of the step after; ours take that of the step, as the authors' do."""
    least = importlib.import_module("jax").numpy.minimum

    def warm(count):
        warmup = o["warmup_steps"]
        return rate(count) * least(1.0, (count + 1) / (warmup + (warmup == 0)))

    return optax.contrib.schedule_free(
        optax.chain(*scale, optax.add_decayed_weights(o["weight_decay"]), optax.scale_by_learning_rate(warm)),
        lambda count: warm(count - 1),
        beta,
        o["weight_lr_power"],
    )


# Rules of optax, from optax, options and the rate, a function of the step.
OPTAX = {
    "sgd": lambda optax, o, rate: coupled(optax, o, optax.sgd(rate, o["momentum"], o["nesterov"])),
    "adam": optax_adam,
    "adamw": lambda optax, o, rate: optax_adam(optax, {**o, "decoupled_weight_decay": True}, rate),
    "adagrad": lambda optax, o, rate: coupled(optax, o, optax.adagrad(rate, o["initial_accumulator_value"], o["eps"])),
    "adadelta": lambda optax, o, rate: optax.adadelta(rate, o["rho"], o["eps"], o["weight_decay"]),
    "rmsprop": optax_rmsprop,
    "adamax": optax_adamax,
    "nadam": optax_nadam,
    "radam": lambda optax, o, rate: flat(optax, o, rate, optax.scale_by_radam(**betas(o), **epsilons(o))),
    "adabelief": lambda optax, o, rate: flat(optax, o, rate, optax.scale_by_belief(**betas(o), **epsilons(o))),
    "yogi": lambda optax, o, rate: flat(
        optax,
        o,
        rate,
        optax.scale_by_yogi(**betas(o), eps=o["eps"], initial_accumulator_value=o["initial_accumulator_value"]),
    ),
    "adan": lambda optax, o, rate: optax.adan(rate, **betas(o), **epsilons(o), weight_decay=o["weight_decay"]),
    "lion": lambda optax, o, rate: optax.lion(rate, **betas(o), weight_decay=o["weight_decay"]),
    "signum": lambda optax, o, rate: optax.chain(
        optax.signum(1.0, o["momentum"]),
        optax.scale(-1),
        optax.add_decayed_weights(o["weight_decay"]),
        optax.scale_by_learning_rate(rate),
    ),
    "schedulefreesgd": lambda optax, o, rate: optax_schedule_free(optax, o, rate, (), o["momentum"]),
    "schedulefreeadamw": lambda optax, o, rate: optax_schedule_free(
        optax,
        o,
        rate,
        [optax.scale_by_rms(o["betas"][1], o["eps"], eps_in_sqrt=False, bias_correction=True)],
        o["betas"][0],
    ),
    "lamb": lambda optax, o, rate: optax.lamb(rate, **betas(o), eps=o["eps"], weight_decay=o["weight_decay"]),
    "adafactor": optax_adafactor,
    "muon": optax_muon,
    "prodigy": lambda optax, o, rate: optax.contrib.prodigy(
        rate, o["betas"], o["beta3"], o["eps"], o["d0"], o["d_coef"], o["weight_decay"], o["safeguard_warmup"]
    ),
    "dog": lambda optax, o, rate: optax.contrib.dog(rate, o["init_step"], o["eps"], o["weight_decay"]),
    # In the order of optax.polyak_sgd's documentation; its code scales gradients before their norm is taken.
    "polyaksgd": lambda optax, o, rate: optax.chain(
        optax.scale_by_polyak(o["f_min"], o["max_lr"], o["eps"], o["variant"]), optax.sgd(rate)
    ),
}


def keras_betas(o):
    return {"beta_1": o["betas"][0], "beta_2": o["betas"][1], "epsilon": o["eps"]}


def keras_muon(k, o, decay):
    if "adam_eps" in o:
        beta1, beta2 = o["adam_betas"]
        own = dict(adam_weight_decay=o["adam_weight_decay"], epsilon=o["adam_eps"], adam_lr_ratio=o["adam_lr_ratio"])
        return k.Muon(adam_beta_1=beta1, adam_beta_2=beta2, **own)
    a, b, c = o["ns_coefficients"]
    return k.Muon(
        **decay,
        muon_a=a,
        muon_b=b,
        muon_c=c,
        momentum=o["momentum"],
        nesterov=o["nesterov"],
        ns_steps=o["ns_steps"],
        rms_rate=None if o["adjust_lr_fn"] == "none" else o["rms_rate"],
    )


# Rules of Keras, from keras.optimizers, options and the decay by keyword; the rate is set before each step.
KERAS = {
    "sgd": lambda k, o, decay: k.SGD(momentum=float(o["momentum"]), nesterov=o["nesterov"], **decay),
    "adam": lambda k, o, decay: k.Adam(**keras_betas(o), amsgrad=o["amsgrad"], **decay),
    "adamw": lambda k, o, decay: k.AdamW(**keras_betas(o), amsgrad=o["amsgrad"], **decay),
    "adagrad": lambda k, o, decay: k.Adagrad(
        initial_accumulator_value=o["initial_accumulator_value"], epsilon=o["eps"], **decay
    ),
    "adadelta": lambda k, o, decay: k.Adadelta(rho=o["rho"], epsilon=o["eps"], **decay),
    "rmsprop": lambda k, o, decay: k.RMSprop(
        rho=o["alpha"], momentum=o["momentum"], epsilon=o["eps"], centered=o["centered"], **decay
    ),
    "adamax": lambda k, o, decay: k.Adamax(**keras_betas(o), **decay),
    "nadam": lambda k, o, decay: k.Nadam(**keras_betas(o), **decay),
    "lion": lambda k, o, decay: k.Lion(beta_1=o["betas"][0], beta_2=o["betas"][1], **decay),
    "ftrl": lambda k, o, decay: k.Ftrl(
        initial_accumulator_value=o["initial_accumulator_value"],
        l1_regularization_strength=o["l1"],
        l2_regularization_strength=o["l2"],
        l2_shrinkage_regularization_strength=o["l2_shrinkage"],
        beta=o["beta"],
    ),
    "lamb": lambda k, o, decay: k.Lamb(**keras_betas(o), **decay),
    "adafactor": lambda k, o, decay: k.Adafactor(
        beta_2_decay=o["beta2_decay"],
        epsilon_1=o["eps"][0],
        epsilon_2=o["eps"][1],
        clip_threshold=math.inf if o["d"] is None else o["d"],
        **decay,
    ),
    "muon": keras_muon,
}


def torch_muon(torch, params, o):
    names = ("weight_decay", "momentum", "nesterov", "ns_coefficients", "eps", "ns_steps", "adjust_lr_fn")
    return torch.optim.Muon(params, **{k: o[k] for k in names})


def torch_adafactor(torch, params, o):
    names = ("beta2_decay", "eps", "d", "weight_decay", "maximize")
    return torch.optim.Adafactor(params, **{k: o[k] for k in names}, foreach=False)


TORCH = {"adafactor": torch_adafactor, "muon": torch_muon}  # the others: test_optimizers.py
PEERS = {"optax": OPTAX, "keras": KERAS, "torch": TORCH}
ONE = {"schedulefreesgd", "schedulefreeadamw"}  # rules of one convention, which the package has too
PAIRS = [
    (name, like) for like, rules in PEERS.items() for name in rules if like in OPTIMIZERS[name]._LIKE or name in ONE
]


def has(name, like, shape, o):
    """Whether the package has this setting, for an array of this shape."""
    if like == "keras" and name == "nadam":
        return o["momentum_decay"] == 1.0
    if name == "adafactor" and like == "keras":
        return o["multiply_by_parameter_scale"] and (len(shape) < 2 or o["min_dim_size_to_factor"] == 0)
    if name == "adafactor" and like == "torch":
        factored = len(shape) < 2 or o["min_dim_size_to_factor"] == 0
        return o["multiply_by_parameter_scale"] and factored and o["d"] is not None
    if name == "muon" and like == "torch":
        return len(shape) == 2 and o["adjust_lr_fn"] != "none" and o["rms_rate"] == 0.2 and not o["maximize"]
    if name == "muon" and len(shape) == 2:
        return o["adjust_lr_fn"] != "none" if like == "optax" else o["adjust_lr_fn"] != "original" and o["eps"] == 1e-7
    if name in ONE:
        return o["r"] == 0
    if name == "polyaksgd":
        return o["c"] == 1.0 and o["growth"] is None
    return name != "prodigy" or rates(o)[0] > 0  # optax is NaN after a step at a rate of 0


def rates(o):
    return np.array([o["lr"](t) if callable(o["lr"]) else o["lr"] for t in range(STEPS)], dtype=np.float64)


def fixed_part(o):
    """The options that choose what optax compiles; the others are numbers of one program."""
    return {
        name: v
        for name, v in o.items()
        if name in COUNTS or v is None or isinstance(v, (bool, str)) or (isinstance(v, tuple) and isinstance(v[0], str))
    }


def optax_traces(name, start, options, given, values):
    """The trajectories for each of the options with its gradients: all that differ in numbers are one program."""
    optax, jax = pytest.importorskip("optax"), pytest.importorskip("jax")
    programs, out = {}, [None] * len(options)
    for k, o in enumerate(options):
        programs.setdefault(repr(fixed_part(o)), []).append(k)

    with jax.enable_x64(True):
        for members in programs.values():
            fixed = fixed_part(options[members[0]])

            def trace(numbers, rate, grads, values, fixed=fixed):
                rule = OPTAX[name](optax, {**fixed, **numbers}, lambda count: rate[count])
                rule = optax.with_extra_args_support(rule)

                def advance(carry, step):
                    params, state = carry
                    g, value = step
                    updates, state = rule.update(g, state, params, value=value)
                    params = optax.apply_updates(params, updates)
                    return (params, state), params

                params = [jax.numpy.asarray(w) for w in start]
                return jax.lax.scan(advance, (params, rule.init(params)), (grads, values))[1]

            chosen = [options[k] for k in members]
            names = [n for n in chosen[0] if n not in fixed and n not in ("lr", "maximize")]
            numbers = {
                n: jax.tree.map(lambda *x: np.array(x, dtype=np.float64), *(o[n] for o in chosen)) for n in names
            }
            signs = np.array([-1.0 if o["maximize"] else 1.0 for o in chosen])
            grads = [np.stack([s * given[k][i] for s, k in zip(signs, members)]) for i in range(len(start))]
            found = jax.jit(jax.vmap(trace))(numbers, np.stack([*map(rates, chosen)]), grads, np.outer(signs, values))
            for k, *trajectories in zip(members, *map(np.asarray, found)):
                out[k] = trajectories
    return out


def keras_traces(name, start, options, given, values):
    keras = importlib.import_module("keras")
    out = []
    keras.config.set_floatx("float64")
    try:
        for o, grads in zip(options, given):
            rule = KERAS[name](keras.optimizers, o, {"weight_decay": o.get("weight_decay", 0.0)})
            variables = [keras.Variable(w) for w in start]
            rule.build(variables)
            steps, sign = [], -1.0 if o["maximize"] else 1.0
            for t, rate in enumerate(rates(o)):
                rule.learning_rate = rate
                rule.apply([keras.ops.convert_to_tensor(np.asarray(sign * g[t])) for g in grads], variables)
                steps.append([np.array(keras.ops.convert_to_numpy(v)) for v in variables])
            out.append([np.stack(x) for x in zip(*steps)])
    finally:
        keras.config.set_floatx("float32")
    return out


def torch_traces(name, start, options, given, values):
    torch = importlib.import_module("torch")
    out = []
    for o, grads in zip(options, given):
        params = [torch.tensor(w, requires_grad=True) for w in start]
        rule, steps = TORCH[name](torch, params, o), []
        for t, rate in enumerate(rates(o)):
            rule.param_groups[0]["lr"] = float(rate)
            for p, g in zip(params, grads):
                p.grad = torch.tensor(g[t])
            rule.step()
            steps.append([p.detach().numpy().copy() for p in params])
        out.append([np.stack(x) for x in zip(*steps)])
    return out


TRACES = {"optax": optax_traces, "keras": keras_traces, "torch": torch_traces}


def settings(name, like, n):
    if name in pointwise.GRID:
        every = list(pointwise.settings(name, like))
        return [every[i] for i in np.random.default_rng(0).permutation(len(every))[: min(n, len(every))]]
    return covering.settings(norms.grid_of(name, like), n)


def problem(name):
    rng = np.random.default_rng(6)
    if name in pointwise.GRID:
        return [rng.standard_normal(37)], [pointwise.gradients(rng, (37,))], np.zeros(STEPS)
    if name in WHOLE:
        start, grads, values = norms.problem(rng, 37)
        return [start * 1e-3 if name == "prodigy" else start], [grads], values
    start, grads = norms.arrays(6, [(5, 8), (8, 5), (40,), ()])
    return start, [np.stack(g) for g in zip(*grads)], np.zeros(STEPS)


def ours(name, like, start, o, grads, values):
    """The trajectory of each array and the gradients given."""
    if name in WHOLE:
        w = start[0].copy()
        given = values if name == "polyaksgd" else None
        pull = 2.0 if name == "prodigy" else 0.0
        got, given = norms.run(OPTIMIZERS[name](w, **o, like=like), w, grads[0], given, pull)
        return [got], [np.stack(given)]
    params = [w.copy() for w in start]
    optimizer, out = OPTIMIZERS[name](params, **o, like="torch" if name in ONE else like), []
    for t in range(STEPS):
        optimizer.step([np.asarray(g[t]) for g in grads])
        out.append([w.copy() for w in params])
    return [np.stack(x) for x in zip(*out)], grads


def assert_agrees(name, like, start, got, expected, message):
    if (name, like) == ("muon", "torch"):  # bfloat16; the length of a step is 1 by singular value
        assert np.linalg.norm(got[-1] - expected[-1]) <= 1e-2 * np.linalg.norm(expected[-1] - start), message
    else:
        scale = max(1.0, np.abs(expected).max())
        np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-13 * scale, err_msg=message)


def compare(name, like, n):
    start, grads, values = problem(name)
    groups = {}
    for o in settings(name, like, n):
        own = [pointwise.fair(o, w, g) for w, g in zip(start, grads)]
        groups.setdefault(own[0][0] is start[0], (own, []))[1].append(o)
    for own, members in groups.values():
        compare_from(name, like, members, *map(list, zip(*own)), values)


def compare_from(name, like, chosen, start, grads, values):
    """Arrays are traced one by one, once for all settings that differ in nothing that a step of this array reads."""
    cases = []
    for o in chosen:
        own = [i for i, w in enumerate(start) if has(name, like, w.shape, o)]
        if own:
            cases.append((o, own, *(ours(name, like, start, o, grads, values) if name in WHOLE else (None, grads))))
    read = lambda i, o: norms.read_by(name, start[i].shape, o)
    traces = [{} for _ in start]
    for i, w in enumerate(start):
        wanted = {repr(read(i, o)): (read(i, o), [given[i]]) for o, own, _, given in cases if i in own}
        if wanted:
            traces[i] = dict(zip(wanted, TRACES[like](name, [w], *zip(*wanted.values()), values)))
    assert cases
    for o, own, got, _ in cases:
        got = got or ours(name, like, start, o, grads, values)[0]
        for i in own:
            assert_agrees(name, like, start[i], got[i], traces[i][repr(read(i, o))][0], f"{start[i].shape} {o}")


@pytest.fixture
def packages(keras, monkeypatch):
    """Keras in float64: see test_keras in test_optimizers_norms.py."""
    table = importlib.import_module("keras.src.backend.common.dtypes").BIT64_TO_BIT32_DTYPE
    monkeypatch.setitem(table, "float64", "float64")


# optax compiles for seconds; of its rules with norms a few settings are in test_optimizers_norms.py.
SOME = [pair for pair in PAIRS if pair[1] != "optax"]
SOME += [
    pytest.param(*pair, marks=pytest.mark.slow) for pair in PAIRS if pair[1] == "optax" and pair[0] in pointwise.GRID
]


@pytest.mark.parametrize("name, like", SOME)
def test_some_settings(name, like, packages):
    compare(name, like, 8)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name, like", PAIRS)
def test_every_setting(name, like, packages):
    compare(name, like, math.inf)
