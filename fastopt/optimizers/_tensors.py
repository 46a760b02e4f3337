"""Tensors of other libraries as arrays over their memory, through DLPack."""

import numpy as np

# DLPack's device types.
_DEVICES = {
    **{2: "CUDA", 3: "CUDA host", 4: "OpenCL", 7: "Vulkan", 8: "Metal", 9: "VPI", 10: "ROCm", 11: "ROCm host"},
    **{13: "CUDA managed", 14: "oneAPI", 15: "WebGPU", 16: "Hexagon", 17: "MAIA"},
}


def alias(tensor, name):
    """The array that shares the memory of a CPU tensor: what is written to one is in the other."""
    if getattr(tensor, "requires_grad", False):
        raise TypeError(f"{name} is a tensor that requires grad; pass {name}.detach(), which has the same memory")
    try:
        kind = int(tensor.__dlpack_device__()[0])
    except (BufferError, RuntimeError, TypeError, ValueError) as error:  # of a device that DLPack has no number for
        raise TypeError(
            f"{name} is a tensor on {getattr(tensor, 'device', 'an unknown device')}, which has no memory that fastopt "
            f"can read; pass one on the CPU"
        ) from error
    if kind != 1:
        device = _DEVICES.get(kind, f"DLPack device {kind}")
        raise TypeError(f"{name} is a tensor on {device}; fastopt updates memory of the CPU, pass {name}.cpu()")
    try:
        return np.from_dlpack(tensor)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        kind = f"{type(tensor).__name__} of {getattr(tensor, 'dtype', 'unknown dtype')}"
        raise TypeError(f"{name} must be an array of float32 or float64, got {kind}: {error}") from error


def owned(given, name):
    """As `array`, of what is written in place: a tensor has to be contiguous."""
    made = array(given, name)
    if made is not given and not made.flags.c_contiguous:
        raise ValueError(
            f"{name} is a tensor that is not contiguous (shape {made.shape}, strides of {made.strides} bytes); it is used "
            f"where it is, so keep {name}.contiguous() and pass that"
        )
    return made


def array(given, name):
    """`given`, or the array over its memory where it is a tensor."""
    if not isinstance(given, np.ndarray) and hasattr(given, "__dlpack__") and not isinstance(given, np.generic):
        return alias(given, name)
    return given
