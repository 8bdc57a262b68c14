-- matches: the ids of content that has all the words, within its first 200,000 characters
SELECT id FROM content
WHERE to_tsvector('simple', left(text, 200000)) @@ plainto_tsquery('simple', :words)
