SELECT 'house-recording-' || r.id AS id, r.name AS title, c.name AS display_artist,
       r.length AS duration_ms
FROM recording r
JOIN artist_credit c ON c.id = r.artist_credit
