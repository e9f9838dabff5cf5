SELECT 'shop-artist-' || a.artistId AS id, a.name AS display_name, a.sortName AS sort_name
FROM artist a
