#!/usr/bin/env bash
# Applies each file of this folder once, in the order of their names.
set -euo pipefail
cd "$(dirname "$0")"

query() { mysql --batch --skip-column-names --host="$MYSQL_HOST" --user="$MYSQL_USER" "$MYSQL_DATABASE" "$@"; }

query --execute='CREATE TABLE IF NOT EXISTS migration (name VARCHAR(100) PRIMARY KEY, applied TIMESTAMP DEFAULT CURRENT_TIMESTAMP)'
for file in *.sql; do
  if [ -n "$(query --execute="SELECT 1 FROM migration WHERE name = '$file'")" ]; then
    echo "migrate: $file is there already"
    continue
  fi
  query <"$file"
  query --execute="INSERT INTO migration (name) VALUES ('$file')"
  echo "migrate: applied $file"
done
