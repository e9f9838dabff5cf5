-- A house's master as an example: a part of MusicBrainz's public schema
-- (https://musicbrainz.org/doc/MusicBrainz_Database/Schema), and what the house sells where.
-- 100 releases of one or two media with ten tracks each; every number has a right check digit.
CREATE SCHEMA musicbrainz;
SET search_path = musicbrainz;

CREATE TABLE artist (id serial PRIMARY KEY, gid uuid NOT NULL, name text NOT NULL, sort_name text);
CREATE TABLE artist_credit (id serial PRIMARY KEY, name text NOT NULL);
CREATE TABLE artist_credit_name (
    artist_credit int REFERENCES artist_credit, position smallint, artist int REFERENCES artist,
    name text NOT NULL, join_phrase text NOT NULL DEFAULT '', PRIMARY KEY (artist_credit, position));
CREATE TABLE label (id serial PRIMARY KEY, gid uuid NOT NULL, name text NOT NULL);
CREATE TABLE release (
    id serial PRIMARY KEY, gid uuid NOT NULL, name text NOT NULL,
    artist_credit int NOT NULL REFERENCES artist_credit, barcode text, comment text DEFAULT '');
CREATE TABLE release_gid_redirect (gid uuid PRIMARY KEY, new_id int NOT NULL REFERENCES release);
CREATE TABLE release_label (
    id serial PRIMARY KEY, release int NOT NULL REFERENCES release,
    label int REFERENCES label, catalog_number text);
CREATE TABLE medium (
    id serial PRIMARY KEY, release int NOT NULL REFERENCES release, position int NOT NULL);
CREATE TABLE recording (
    id serial PRIMARY KEY, gid uuid NOT NULL, name text NOT NULL,
    artist_credit int NOT NULL REFERENCES artist_credit, length int);
CREATE TABLE isrc (
    id serial PRIMARY KEY, recording int NOT NULL REFERENCES recording, isrc char(12) NOT NULL);
CREATE TABLE track (
    id serial PRIMARY KEY, gid uuid NOT NULL, recording int NOT NULL REFERENCES recording,
    medium int NOT NULL REFERENCES medium, position int NOT NULL, name text NOT NULL,
    artist_credit int NOT NULL REFERENCES artist_credit, length int);
CREATE TABLE offer (
    id serial PRIMARY KEY, release int NOT NULL REFERENCES release, territory char(2) NOT NULL,
    price numeric(10, 2), currency char(3), starts timestamptz NOT NULL);

CREATE FUNCTION pg_temp.ean(n bigint) RETURNS text LANGUAGE sql AS $$
    SELECT lpad(n::text, 12, '0') || (10 - sum(substr(lpad(n::text, 12, '0'), i, 1)::int
           * CASE WHEN i % 2 = 0 THEN 3 ELSE 1 END) % 10) % 10
    FROM generate_series(1, 12) i $$;
CREATE FUNCTION pg_temp.gid(kind text, n int) RETURNS uuid LANGUAGE sql AS $$
    SELECT md5(kind || n)::uuid $$;

INSERT INTO artist SELECT n, pg_temp.gid('artist', n), 'Artist ' || n, n || ', Artist'
    FROM generate_series(1, 60) n;
INSERT INTO artist_credit SELECT n, CASE WHEN n % 5 = 0 THEN 'Artist ' || n || ' & Artist 1'
    ELSE 'Artist ' || n END FROM generate_series(1, 60) n;
INSERT INTO artist_credit_name SELECT n, 0, n, 'Artist ' || n, CASE WHEN n % 5 = 0 THEN ' & ' ELSE '' END
    FROM generate_series(1, 60) n;
INSERT INTO artist_credit_name SELECT n, 1, 1, 'Artist 1', '' FROM generate_series(5, 60, 5) n;
INSERT INTO label SELECT n, pg_temp.gid('label', n), 'Label ' || n FROM generate_series(1, 12) n;
INSERT INTO release SELECT n, pg_temp.gid('release', n), 'Release ' || n, n % 60 + 1,
    CASE WHEN n % 10 > 0 THEN pg_temp.ean(299100000000 + n) END FROM generate_series(1, 100) n;
INSERT INTO release_gid_redirect SELECT pg_temp.gid('former', n), n FROM generate_series(1, 20) n;
INSERT INTO release_label (release, label, catalog_number)
    SELECT n, n % 12 + 1, 'CAT ' || n FROM generate_series(1, 100) n;
INSERT INTO medium (release, position) SELECT n, 1 FROM generate_series(1, 100) n;
INSERT INTO medium (release, position) SELECT n, 2 FROM generate_series(2, 100, 2) n;
INSERT INTO recording SELECT n, pg_temp.gid('recording', n), 'Song ' || n, n % 60 + 1,
    120000 + n * 7 % 200000 FROM generate_series(1, 1300) n;
INSERT INTO isrc (recording, isrc) SELECT n, 'QZ5AB26' || lpad(n::text, 5, '0')
    FROM generate_series(1, 1300) n;
INSERT INTO track (gid, recording, medium, position, name, artist_credit, length)
    SELECT pg_temp.gid('track', m.id * 10 + n), (m.id * 10 + n) % 1300 + 1, m.id, n,
           'Song ' || (m.id * 10 + n) % 1300 + 1, (m.id * 10 + n) % 60 + 1, 180000
    FROM medium m, generate_series(1, 10) n;
INSERT INTO offer (release, territory, price, currency, starts)
    SELECT n, t.code, 9.90, t.currency, '2026-01-01 00:00+00'
    FROM generate_series(1, 100) n, (VALUES ('DE', 'EUR'), ('GB', 'GBP')) t (code, currency);

SELECT setval(pg_get_serial_sequence('musicbrainz.' || t, 'id'), 100000) FROM unnest(ARRAY['artist',
    'artist_credit', 'label', 'release', 'recording']) t;
