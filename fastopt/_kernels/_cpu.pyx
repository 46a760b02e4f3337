"""What the processor and the compiler offer: instruction sets, OpenMP, the compiler's name."""

from cython.parallel cimport parallel, threadid

# Written by setup.py: the flags of each level and the versions of the build.
cdef extern from "fo_build.h":
    const char* FO_BUILD_FLAGS
    const char* FO_BUILD_CYTHON

cdef extern from *:
    """
    #define FO_SINGLE 0
    #include "fo_simd.h"

    #ifdef _OPENMP
    #include <omp.h>
    #define FO_OPENMP _OPENMP
    #else
    #define FO_OPENMP 0
    static int omp_get_num_threads(void) { return 1; }
    static int omp_get_max_threads(void) { return 1; }
    #endif

    #if defined(__x86_64__) || defined(_M_X64)
    #define FO_X86 1
    #else
    #define FO_X86 0
    #endif

    #if FO_X86 && defined(_MSC_VER) && !defined(__clang__)
    #include <intrin.h>
    #include <immintrin.h>
    static int fo_has_avx2(void) {
        int r[4];
        __cpuid(r, 1);
        if (!((r[2] >> 27) & 1) || !((r[2] >> 12) & 1) || !((r[2] >> 29) & 1)) return 0;  /* OSXSAVE, FMA, F16C */
        if ((_xgetbv(0) & 6) != 6) return 0;
        __cpuidex(r, 7, 0);
        if (!((r[1] >> 5) & 1) || !((r[1] >> 3) & 1) || !((r[1] >> 8) & 1)) return 0;     /* AVX2, BMI, BMI2 */
        __cpuid(r, 0x80000001);
        return (r[2] >> 5) & 1;                                                           /* LZCNT */
    }
    static int fo_has_avx512(void) {
        int r[4];
        if (!fo_has_avx2() || (_xgetbv(0) & 0xe6) != 0xe6) return 0;
        __cpuidex(r, 7, 0);
        return ((r[1] >> 16) & 1) && ((r[1] >> 17) & 1) && ((r[1] >> 28) & 1) && ((r[1] >> 30) & 1) && ((r[1] >> 31) & 1);
    }
    #elif FO_X86
    #include <cpuid.h>
    static unsigned fo_xgetbv(void) {
        unsigned a, d;
        __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
        return a;
    }
    static int fo_has_avx2(void) {
        unsigned a, b, c, d;
        if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
        if (!((c >> 27) & 1) || !((c >> 12) & 1) || !((c >> 29) & 1)) return 0;           /* OSXSAVE, FMA, F16C */
        if ((fo_xgetbv() & 6) != 6) return 0;
        if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
        if (!((b >> 5) & 1) || !((b >> 3) & 1) || !((b >> 8) & 1)) return 0;              /* AVX2, BMI, BMI2 */
        if (!__get_cpuid(0x80000001, &a, &b, &c, &d)) return 0;
        return (c >> 5) & 1;                                                              /* LZCNT */
    }
    static int fo_has_avx512(void) {
        unsigned a, b, c, d;
        if (!fo_has_avx2() || (fo_xgetbv() & 0xe6) != 0xe6) return 0;
        if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
        return ((b >> 16) & 1) && ((b >> 17) & 1) && ((b >> 28) & 1) && ((b >> 30) & 1) && ((b >> 31) & 1);
    }
    #else
    static int fo_has_avx2(void) { return 0; }
    static int fo_has_avx512(void) { return 0; }
    #endif

    #if FO_X86 && defined(_MSC_VER) && !defined(__clang__)
    static int fo_intel(void) {
        int r[4];
        __cpuid(r, 0);
        return r[1] == 0x756e6547;  /* Genu */
    }
    #elif FO_X86
    static int fo_intel(void) {
        unsigned a, b = 0, c, d;
        return __get_cpuid(0, &a, &b, &c, &d) && b == 0x756e6547;
    }
    #else
    static int fo_intel(void) { return 0; }
    #endif

    #if defined(__clang__)
    #define FO_COMPILER "clang " __clang_version__
    #elif defined(__GNUC__)
    #define FO_COMPILER "gcc " __VERSION__
    #elif defined(_MSC_VER)
    #define FO_TEXT(x) #x
    #define FO_STRING(x) FO_TEXT(x)
    #define FO_COMPILER "msvc " FO_STRING(_MSC_FULL_VER)
    #else
    #define FO_COMPILER "unknown"
    #endif
    """
    int FO_OPENMP
    int FO_X86
    int FO_GNU_VECTORS
    const char* FO_COMPILER
    int fo_has_avx2() nogil
    int fo_has_avx512() nogil
    int fo_intel() nogil
    int omp_get_max_threads() nogil
    int omp_get_num_threads() nogil


def available_levels():
    """Instruction set levels that this processor can run, lowest first."""
    levels = ["base"]
    if fo_has_avx2():
        levels.append("avx2")
    if fo_has_avx512():
        levels.append("avx512")
    return tuple(levels)


def approximate_reciprocals():
    """Whether AVX-512 kernels correct an approximate reciprocal where others divide float32: on Intel's processors, which
    divide slowly, in builds whose vectors are not the plain loops of fo_simd.h."""
    return bool(FO_GNU_VECTORS and fo_intel())


def openmp_version():
    """The _OPENMP date macro of the build, 0 for a build without OpenMP."""
    return FO_OPENMP


def openmp_max_threads():
    """The OpenMP runtime's own limit (it has read OMP_NUM_THREADS)."""
    return omp_get_max_threads()


def team(int n_threads):
    """Threads that a parallel region of `n_threads` really has."""
    cdef int size = 0
    with nogil, parallel(num_threads=n_threads):
        if threadid() == 0:
            (&size)[0] = omp_get_num_threads()
    return size


def compiler():
    """Name and version of the C compiler of the build."""
    return FO_COMPILER.decode()


def build():
    """The build as a dict: ``flags``, from each level that was built to its compiler flags, and ``cython``."""
    flags = dict(line.split(":", 1) for line in FO_BUILD_FLAGS.decode().split("|"))
    return {"flags": flags, "cython": FO_BUILD_CYTHON.decode()}
