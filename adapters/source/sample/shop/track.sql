SELECT 'shop-track-' || t.trackId AS id,
       'shop-release-' || t.releaseId AS release_id,
       'shop-artist-' || coalesce(t.artistId, r.artistId) AS artist_id,
       t.discNumber AS disc_number,
       t.trackNumber AS track_number,
       t.title,
       t.version AS version_title,
       a.name AS display_artist,
       t.durationMs AS duration_ms,
       CASE WHEN t.explicitContent <> 0 THEN 'Explicit' ELSE 'NotExplicit' END AS parental_warning
FROM track t
JOIN releases r ON r.releaseId = t.releaseId
JOIN artist a ON a.artistId = coalesce(t.artistId, r.artistId)
