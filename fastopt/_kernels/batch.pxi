# Losses of whole batches and sequences, for one element type and one instruction set level.
# Included by a generated module that defines `real` (double or float) and FO_SINGLE.

from cython.parallel cimport prange, threadid
from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport INFINITY, NAN, log
from libc.stdint cimport int32_t, int64_t, uint16_t
from libc.string cimport memset
import numpy as np

include "batch_sequence.pxi"
include "batch_survival.pxi"
include "batch_overlap.pxi"
include "batch_pairs.pxi"
include "batch_roster.pxi"
