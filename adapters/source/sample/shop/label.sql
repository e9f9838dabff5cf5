SELECT 'shop-label-' || l.labelId AS id, l.name
FROM label l
