SELECT 'house-upc-' || r.id AS id, 'release' AS owner_type, 'house-release-' || r.id AS owner_id,
       'upc' AS scheme, r.barcode AS value_raw
FROM release r
UNION ALL
SELECT 'house-isrc-' || i.id, 'recording', 'house-recording-' || i.recording, 'isrc', i.isrc
FROM isrc i
