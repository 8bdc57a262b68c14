-- fill_search: index what is not indexed yet
INSERT INTO content_search (id, text)
SELECT id, text FROM content WHERE id NOT IN (SELECT id FROM content_search)
