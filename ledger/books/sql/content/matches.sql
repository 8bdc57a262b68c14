-- matches: the ids of content that has all the words
SELECT id FROM content_search WHERE content_search MATCH :words
