NOT (s IN ('a', 'b') OR i NOT IN (1, 2, NULL) OR in_list(s, 'trusted')) AND (p IS DISTINCT FROM q) IS NOT NULL
