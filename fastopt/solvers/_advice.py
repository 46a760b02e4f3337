"""What a finished fit says about its problem beside the certificate."""

import numpy as np


def intercept_note(objective, point):
    """A sentence where a fit without intercept leaves losses that a constant would lower, else None.

    One Newton step of a constant c added to the raw predictions, coefficients unchanged: with g and h the sums of
    the losses' first and second derivatives, c = -g / h lowers the objective by g^2 / (2 h sum w) (exactly, for
    squares). Pure noise gives about 1 / n of what remains of the objective; said from ten times that, and from one per
    cent of the objective, up.
    """
    if objective.fit_intercept or objective.loss.is_rowwise or not objective.has_hessian or point.raw is None:
        return None
    y, weight = objective._selected()
    raw = point.raw[:, 0] if np.ndim(y) == 1 else point.raw
    target = np.asarray(y, dtype=raw.dtype)
    if weight is not None and raw.ndim == 2:
        weight = np.repeat(weight[:, None], raw.shape[1], axis=1)
    gradient, hessian = objective.loss.gradient_hessian(target, raw, weight, reduction="sum")
    slope, curvature = (np.sum(a.reshape(objective.n, -1), axis=0, dtype=np.float64) for a in (gradient, hessian))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        constant = np.where(curvature > 0, -slope / curvature, 0.0)
    lower = -0.5 * float(slope @ constant) / objective.weight_sum
    share = lower / abs(point.value) if point.value else 0.0
    rounding = np.sqrt(np.finfo(raw.dtype).eps) * float(np.abs(raw).max(initial=0.0))
    if not max(0.01, 10 / (objective.n + 10)) < share < np.inf or np.abs(constant).max() <= rounding:
        return None
    shown = f"{constant[0]:.3g}" if len(constant) == 1 else "a constant for each output"
    return (
        f"no intercept: adding {shown} to the raw predictions would lower the objective by {100 * share:.0f} %"
        " (fit_intercept=True)"
    )
