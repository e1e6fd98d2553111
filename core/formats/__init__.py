"""Headers of image files (NIfTI, Analyze, NRRD, MetaImage, MGH) and the values behind them.

Written here rather than left to a library, because these files come from strangers: a header is a
few numbers that can be read in plain Python, judged against the size of the file before memory is
asked for, and no native code ever sees it. Nothing is flipped, resampled or rescaled on reading.
"""
