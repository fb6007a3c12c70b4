Dear course staff,

my laptop broke on Sunday. The weighted mean is the sum of n_k w_k over the sum of n_k; I hope that this counts.

Lin
