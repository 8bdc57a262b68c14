-- catalogue_version: tells a changed catalogue from one that was read before
SELECT
    (SELECT max(id) FROM catalogue_model) AS newest_model,
    (SELECT max(id) FROM catalogue_endpoint) AS newest_endpoint,
    (SELECT count(*) FROM catalogue_model) AS models,
    (SELECT count(*) FROM catalogue_endpoint) AS endpoints
