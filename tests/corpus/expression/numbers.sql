(i + 1) * j - d / 2.5 % 3 > round(e, 1) AND f <> 1e0 OR abs(-i) >= power(2, 3) AND sqrt(f) < greatest(i, d, 7)
