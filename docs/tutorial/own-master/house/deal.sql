SELECT 'house-offer-' || o.id AS id,
       'house-release-' || o.release AS release_id,
       'PayAsYouGoModel' AS commercial_model,
       'PermanentDownload' AS use_type,
       o.starts AS valid_from,
       ARRAY[o.territory] AS territories,
       jsonb_build_array(jsonb_build_object('amount', o.price::text, 'currency', o.currency))
           AS prices
FROM offer o
