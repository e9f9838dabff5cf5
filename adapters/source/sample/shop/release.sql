SELECT 'shop-release-' || r.releaseId AS id,
       r.title,
       r.version AS version_title,
       a.name AS display_artist,
       'shop-artist-' || r.artistId AS artist_id,
       'shop-label-' || r.labelId AS label_id,
       CASE r.type WHEN 'album' THEN 'Album' WHEN 'single' THEN 'Single' ELSE 'EP' END
           AS release_type,
       r.releaseDate AS original_release_date,
       r.year AS release_year,
       r.addedAt AT TIME ZONE 'UTC' AS added_at,
       CASE WHEN r.explicitContent <> 0 THEN 'Explicit' ELSE 'NotExplicit' END AS parental_warning
FROM releases r
JOIN artist a ON a.artistId = r.artistId
