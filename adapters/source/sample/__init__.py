"""The sample of a foreign master: a download shop's tables in MariaDB, and how they are mapped.

All of it is invented: 500 releases with 5,000 tracks, prices per territory in rows, formats in a
join table.
"""

from pathlib import Path

DATABASE = Path(__file__).parent / "shop.sql"
"""What makes the tables and their rows, in MariaDB or MySQL."""
FOLDER = Path(__file__).parent / "shop"
"""The source: its settings and a SELECT per master table."""
