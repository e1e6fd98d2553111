"""Files from strangers by the million: each is used or refused, and nothing else may happen."""
