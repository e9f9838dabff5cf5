SELECT 'shop-upc-' || r.releaseId AS id, 'release' AS owner_type,
       'shop-release-' || r.releaseId AS owner_id, 'upc' AS scheme, r.upc AS value_raw
FROM releases r
UNION ALL
SELECT 'shop-isrc-' || t.trackId, 'track', 'shop-track-' || t.trackId, 'isrc', t.isrc
FROM track t
