SELECT 'house-label-' || l.id AS id, l.name
FROM label l
