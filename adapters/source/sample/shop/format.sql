SELECT 'shop-format-' || rf.releaseId || '-' || rf.formatId AS id,
       'shop-release-' || rf.releaseId AS release_id,
       f.formatId::text AS code,
       f.codec,
       f.bitrate,
       f.sampleRate AS sample_rate,
       f.bitDepth AS bit_depth
FROM release_format rf
JOIN format f ON f.formatId = rf.formatId
