"""fastopt: linear models, GLMs and small networks on a CPU."""
