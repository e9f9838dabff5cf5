SELECT 'house-track-' || t.id AS id,
       'house-release-' || m.release AS release_id,
       'house-recording-' || t.recording AS recording_id,
       m.position AS disc_number,
       t.position AS track_number,
       t.name AS title,
       c.name AS display_artist,
       t.length AS duration_ms
FROM track t
JOIN medium m ON m.id = t.medium
JOIN artist_credit c ON c.id = t.artist_credit
