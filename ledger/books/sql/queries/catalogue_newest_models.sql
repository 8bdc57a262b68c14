-- catalogue_newest_models: what was booked last of each model, to compare a new look with
SELECT model, digest, is_listed
FROM catalogue_model AS listed
WHERE NOT EXISTS (
    SELECT 1 FROM catalogue_model AS newer WHERE newer.model = listed.model AND newer.id > listed.id
)
