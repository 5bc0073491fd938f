CASE WHEN p IS NOT TRUE THEN coalesce(i, j, :n) WHEN q THEN nullif(i, 3) ELSE TRY_CAST(s AS int) END BETWEEN -1 AND 100
