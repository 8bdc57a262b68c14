-- catalogue_newest_endpoints: what was booked last of each offer of a model
SELECT endpoint, digest, is_listed
FROM catalogue_endpoint AS listed
WHERE model = :model AND NOT EXISTS (
    SELECT 1 FROM catalogue_endpoint AS newer
    WHERE newer.model = listed.model AND newer.endpoint = listed.endpoint AND newer.id > listed.id
)
