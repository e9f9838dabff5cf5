-- A download shop's master in MariaDB: BIGINT keys, prices per territory in rows, formats in a join
-- table, TINYINT for yes and no, DATETIME without a zone (UTC), DECIMAL prices. 500 releases,
-- 5,000 tracks.
SET max_recursive_iterations = 10000;

CREATE TABLE artist (
  artistId BIGINT PRIMARY KEY AUTO_INCREMENT,
  name VARCHAR(255) NOT NULL,
  sortName VARCHAR(255)
);
CREATE TABLE label (
  labelId BIGINT PRIMARY KEY AUTO_INCREMENT,
  name VARCHAR(255) NOT NULL
);
CREATE TABLE releases (
  releaseId BIGINT PRIMARY KEY AUTO_INCREMENT,
  title VARCHAR(500) NOT NULL,
  version VARCHAR(255),
  artistId BIGINT NOT NULL,
  labelId BIGINT,
  upc VARCHAR(14),
  type ENUM('album', 'single', 'ep') NOT NULL,
  explicitContent TINYINT(1) NOT NULL DEFAULT 0,
  releaseDate DATE,
  year YEAR,
  addedAt DATETIME NOT NULL,
  updatedAt DATETIME(3)
);
CREATE TABLE track (
  trackId BIGINT PRIMARY KEY AUTO_INCREMENT,
  releaseId BIGINT NOT NULL,
  artistId BIGINT,
  title VARCHAR(500) NOT NULL,
  version VARCHAR(255),
  isrc CHAR(12),
  discNumber TINYINT UNSIGNED NOT NULL,
  trackNumber SMALLINT UNSIGNED NOT NULL,
  durationMs INT UNSIGNED,
  explicitContent TINYINT(1) NOT NULL DEFAULT 0
);
CREATE TABLE price (
  releaseId BIGINT NOT NULL,
  territory CHAR(2) NOT NULL,
  currency CHAR(3) NOT NULL,
  price DECIMAL(8, 2) NOT NULL,
  startsAt DATETIME NOT NULL,
  endsAt DATETIME,
  streamingOnly TINYINT(1) NOT NULL DEFAULT 0,
  PRIMARY KEY (releaseId, territory)
);
CREATE TABLE format (
  formatId INT PRIMARY KEY,
  codec VARCHAR(20) NOT NULL,
  bitrate INT UNSIGNED,
  sampleRate INT UNSIGNED,
  bitDepth TINYINT UNSIGNED
);
CREATE TABLE release_format (
  releaseId BIGINT NOT NULL,
  formatId INT NOT NULL,
  PRIMARY KEY (releaseId, formatId)
);

INSERT INTO artist (name, sortName)
  WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 80)
  SELECT CONCAT('Artist ', i), CONCAT(i, ', Artist') FROM n;
INSERT INTO label (name)
  WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 20)
  SELECT CONCAT('Label ', i) FROM n;
INSERT INTO releases (title, version, artistId, labelId, upc, type, releaseDate, year, addedAt, updatedAt)
  WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 500),
  numbered AS (SELECT i, LPAD(29970000000 + i, 11, '0') AS digits FROM n)
  SELECT CONCAT('Release ', i), IF(i % 7 = 0, 'Deluxe', NULL), 1 + i % 80, IF(i % 11 = 0, NULL, 1 + i % 20),
         -- the check digit of a UPC: ten less three times the odd places and once the even ones
         CONCAT(digits, (10 - (
           3 * (SUBSTR(digits, 1, 1) + SUBSTR(digits, 3, 1) + SUBSTR(digits, 5, 1) + SUBSTR(digits, 7, 1)
                + SUBSTR(digits, 9, 1) + SUBSTR(digits, 11, 1))
           + SUBSTR(digits, 2, 1) + SUBSTR(digits, 4, 1) + SUBSTR(digits, 6, 1) + SUBSTR(digits, 8, 1)
           + SUBSTR(digits, 10, 1)) % 10) % 10),
         ELT(1 + i % 3, 'album', 'single', 'ep'), DATE '2020-01-01' + INTERVAL i DAY, 2020 + i DIV 366,
         '2026-01-02 03:04:05', '2026-01-02 03:04:05.678'
  FROM numbered;
INSERT INTO track (releaseId, artistId, title, isrc, discNumber, trackNumber, durationMs, explicitContent)
  WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
  SELECT 1 + (i - 1) DIV 10, IF(i % 13 = 0, 1 + i % 80, NULL), CONCAT('Track ', i),
         CONCAT('QZ5AC26', LPAD(i, 5, '0')), 1 + ((i - 1) % 10) DIV 5, 1 + (i - 1) % 5, 180000 + i, i % 5 = 0
  FROM n;
INSERT INTO price (releaseId, territory, currency, price, startsAt, endsAt)
  SELECT releaseId, territory, currency, price + releaseId % 3, '2026-01-01 00:00:00',
         IF(releaseId % 50 = 0, '2026-02-01 00:00:00', NULL)
  FROM releases
  CROSS JOIN (SELECT 'GB' AS territory, 'GBP' AS currency, 7.99 AS price
              UNION ALL SELECT 'DE', 'EUR', 8.99 UNION ALL SELECT 'US', 'USD', 9.99) t;
INSERT INTO format VALUES (17, 'MP3', 320000, 44100, NULL), (35, 'FLAC', NULL, 44100, 16);
INSERT INTO release_format SELECT releaseId, formatId FROM releases CROSS JOIN format
  WHERE formatId = 17 OR releaseId % 2 = 0;
