SELECT 'house-artist-' || a.id AS id, a.name AS display_name, a.sort_name
FROM artist a
