-- A repetition that is refused in its shape is repeated plainer. What stands there keeps the shape in which it was
-- accepted until the plainer one is.
ALTER TABLE receipts ADD COLUMN reassert_shape TEXT CHECK (reassert_shape IN ('plain', 'excerpt'));
