lower(s) || 'x' = concat(upper(s), :w) AND s LIKE 'a%_' OR starts_with(trim(s), 'A') AND regexp_like(s, '^[a-b]{2}$') AND length(substring(s, 1, 2)) <= 2
