-- make_search: the words of stored content, for FTS5; the text is in it too, so it is dropped whole
CREATE VIRTUAL TABLE IF NOT EXISTS content_search USING fts5(id UNINDEXED, text)
