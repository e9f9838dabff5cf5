SELECT 'house-release-' || r.id AS id,
       r.name AS title,
       nullif(r.comment, '') AS version_title,
       c.name AS display_artist,
       'house-artist-' || n.artist AS artist_id,
       'house-label-' || l.label AS label_id
FROM release r
JOIN artist_credit c ON c.id = r.artist_credit
LEFT JOIN artist_credit_name n ON n.artist_credit = c.id AND n.position = 0
LEFT JOIN LATERAL (SELECT rl.label FROM release_label rl WHERE rl.release = r.id
                   ORDER BY rl.id LIMIT 1) l ON true
