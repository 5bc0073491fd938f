s + 1 > nosuch AND round(i, 'x') OR 5 -- and a comment
