-- A computed number to order by: without the last digits, which hang on the order in which it was added up.
--
-- What is equal but for these is put in order by what follows: a unique key.
-- @param  share DOUBLE  in percent, or of that size

round(share, 9)
