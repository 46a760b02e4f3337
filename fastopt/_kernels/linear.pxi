# Passes over dense rows in C order for one element type and one instruction set level.
# Included by a generated module that defines `real` (double or float) and FO_SINGLE.
#
# A pass walks tiles of rows: predictions, loss block, rank update, all while the tile is in cache.
# Tiles belong to slots; slots have private partial sums, which are added in slot order. Borders
# and counts depend on n, p, k and the element type alone: the same bits for any n_threads.

include "job.pxi"
from cython.parallel cimport prange, threadid
from libc.math cimport INFINITY, NAN, fabs, isfinite, sqrt
from libc.stdlib cimport malloc, free
from libc.string cimport memcpy, memmove, memset

cdef extern from "Python.h":
    int check_signals "PyErr_CheckSignals"() noexcept

import numpy as np

include "linear_tiles.pxi"
include "linear_slots.pxi"
include "linear_rows.pxi"
include "linear_passes.pxi"
include "linear_points.pxi"
include "linear_factor.pxi"
include "linear_scale.pxi"
include "linear_pairs.pxi"
include "linear_model.pxi"
include "linear_bounds.pxi"
