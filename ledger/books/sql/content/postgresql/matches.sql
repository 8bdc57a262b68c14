-- matches: the ids of content that has all the words
SELECT id FROM content WHERE to_tsvector('simple', text) @@ plainto_tsquery('simple', :words)
