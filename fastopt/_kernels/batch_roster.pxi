# The functions of this family that are loops over vectors. Their addresses keep them functions of their own, which
# tools/check_vectorised.py looks at one by one.
BLOCKS = {
    "ctc_sequence": <size_t> <void*> ctc_sequence,
    "risks": <size_t> <void*> risks,
    "logarithms": <size_t> <void*> logarithms,
    "sums_of": <size_t> <void*> sums_of,
    "outputs_of": <size_t> <void*> outputs_of,
    "pair_row": <size_t> <void*> pair_row,
    "rank_group": <size_t> <void*> rank_group,
}
