SELECT 'shop-price-' || p.releaseId || '-' || p.territory AS id,
       'shop-release-' || p.releaseId AS release_id,
       'PayAsYouGoModel' AS commercial_model,
       'PermanentDownload' AS use_type,
       p.startsAt AT TIME ZONE 'UTC' AS valid_from,
       p.endsAt AT TIME ZONE 'UTC' AS valid_to,
       ARRAY[p.territory] AS territories,
       jsonb_build_array(jsonb_build_object('amount', p.price::text, 'currency', p.currency))
           AS prices
FROM price p
WHERE p.streamingOnly = 0
