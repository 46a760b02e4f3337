"""The state of an optimizer that survives a call: a mapping of arrays, and pickles."""

import copy
import threading

import numpy as np

from ._groups import Group, like

SCHEMA = 1


class State:
    """What `Optimizer` offers to go on later: `state_dict`, `load_state_dict`, pickle and copy."""

    def __getstate__(self):
        names = ("_options", "_groups", "_grouped", "_step", "_skipped", "_skipped_at")
        state = {name: self.__dict__[name] for name in names}
        if self._groups is not None:
            state["_groups"] = [(g.keys, g.params, g.own, g.wraps, g.slots, g.steps, g.carry()) for g in self._groups]
        return state

    def __setstate__(self, state):
        groups = state["_groups"]
        self.__dict__.update(state, _groups=None, _plans=None, _running=threading.Lock())
        if groups is not None:
            self._groups = []
            for keys, params, own, wraps, slots, steps, carry in groups:
                group = Group((keys, params), own, wraps)
                group.rule, group.slot_names = self._rule(group.options(self._options))
                group.slots = [tuple(like(w, shape=a.shape) for a in old) for w, old in zip(params, slots)]
                for new, old in zip(group.slots, slots):
                    for a, b in zip(new, old):
                        a[...] = b
                group.steps = steps
                if carry:
                    group.carried[steps] = carry
                self._groups.append(group)
            self._refresh()

    def _slot_items(self):
        for i, group in enumerate(self._groups):
            for key, slots in zip(group.keys, group.slots):
                path = ([str(i)] if self._grouped else []) + ([] if group.wraps == "array" else [str(key)])
                for name, slot in zip(group.slot_names, slots):
                    yield ".".join([name, *path]), slot

    def _schedules(self):
        """(key, schedule) of the rates that have a state."""
        rates = [("lr", self._options["lr"])]
        rates += [(f"lr.{i}", group.own["lr"]) for i, group in enumerate(self._groups) if "lr" in group.own]
        return [(key, rate) for key, rate in rates if hasattr(rate, "state_dict")]

    def state_dict(self):
        """What the next step needs beside parameters and options: a flat mapping of arrays, copies of ours.

        Keys: "schema", "optimizer", "like", "step", "skipped", "group_step" and, for each slot and parameter, the slot's
        name with the parameter's place ("exp_avg", "exp_avg.0", "exp_avg.w", "exp_avg.0.w" for one array, a list, a
        dict, groups); what some rules hand on for each group (the schedule-free ones "weight_sum" and "lr_max", ASGD
        "eta", NAdam "mu_product"); of a schedule with a state also "lr." and "lr.0." (of a group's own) with its keys.
        `numpy.savez(file, **state)` stores it. Options are not part of it: the constructor says them.
        """
        self._bound()
        return {
            "schema": np.array(SCHEMA),
            "optimizer": np.array(type(self).__name__),
            "like": np.array(self._options["like"]),
            "step": np.array(self._step, dtype=np.int64),
            "skipped": np.array(self._skipped, dtype=np.int64),
            "group_step": np.array([g.steps for g in self._groups], dtype=np.int64),
            **{
                name: np.array([g.carry()[i] if g.carry() else 0.0 for g in self._groups])
                for i, name in enumerate(self._CARRIED)
            },
            **{key: slot.copy() for key, slot in self._slot_items()},
            **{f"{at}.{key}": np.asarray(v) for at, rate in self._schedules() for key, v in rate.state_dict().items()},
        }

    def load_state_dict(self, state):
        """Go on from a `state_dict`: the next steps equal, bit for bit, those of the optimizer that gave it.

        Raises where the state is of another optimizer, convention or set of arrays, before anything is changed.
        """
        self._bound()
        if not hasattr(state, "keys"):
            raise TypeError(f"state must be a mapping of arrays, got {type(state).__name__}")
        mine = self.state_dict()
        state = {key: np.asarray(state[key]) for key in state}
        if "schema" not in state or "optimizer" not in state:
            raise ValueError("state is not the state_dict of a fastopt optimizer: 'schema' or 'optimizer' is missing")
        if state["schema"].ndim or state["schema"] != SCHEMA:
            raise ValueError(f"state has schema {state['schema']}, this version reads {SCHEMA}")
        for name in ("optimizer", "like"):
            if str(state.get(name)) != str(mine[name]):
                raise ValueError(f"state is of {name} {str(state.get(name))!r}, this one has {str(mine[name])!r}")
        missing, extra = sorted(set(mine) - set(state)), sorted(set(state) - set(mine))
        if missing or extra:
            raise ValueError(f"state does not fit these parameters and options: missing {missing}, unknown {extra}")
        for key, value in mine.items():
            if key in ("schema", "optimizer", "like"):
                continue
            if state[key].shape != value.shape or state[key].dtype != value.dtype:
                raise ValueError(
                    f"state[{key!r}] has shape {state[key].shape} and dtype {state[key].dtype}, "
                    f"expected {value.shape} and {value.dtype}"
                )
        if state["step"] < 0 or state["skipped"] < 0 or (state["group_step"] < 0).any():
            raise ValueError("state has a negative number of steps")
        rates = [(rate, {k: state[f"{at}.{k}"] for k in rate.state_dict()}) for at, rate in self._schedules()]
        for rate, values in rates:  # raises where one is not legal
            copy.deepcopy(rate).load_state_dict(values)
        for rate, values in rates:
            rate.load_state_dict(values)
        self._step, self._skipped, self._skipped_at = int(state["step"]), int(state["skipped"]), None
        for i, (group, steps) in enumerate(zip(self._groups, state["group_step"])):
            group.steps = int(steps)
            group.carried.clear()
            if self._CARRIED:
                group.carried[group.steps] = tuple(float(state[name][i]) for name in self._CARRIED)
        for key, slot in self._slot_items():
            slot[...] = state[key]
