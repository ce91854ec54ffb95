#!/usr/bin/env bash
# restore.sh FILE STORE: bring a backup of backup.sh back, whole or not at all, where there is no store.
# A store that is there is never changed. The erasure journal is not restored: `serve` repeats its erasures.
set -euo pipefail
umask 077
refuse() { echo "$*: nothing was changed" >&2; exit 1; }
[ $# = 2 ] || refuse "usage: restore.sh FILE STORE"
file=$1 url=$2
[ -f "$file" ] || refuse "there is no backup $file"

case $url in
sqlite:///*)
  store=${url#sqlite:///}
  found=$(sqlite3 -readonly "$file" "SELECT count(*) FROM alembic_version; PRAGMA quick_check" 2>&1) || true
  [ "$found" = $'1\nok' ] || refuse "$file is no whole backup of a store (${found//$'\n'/ })"
  exec 9>>"$store.lock"
  flock --nonblock 9 || refuse "a process uses the store $store; stop it first"
  for one in "$store" "$store-wal"; do
    [ ! -s "$one" ] || refuse "$one is not empty; move it away, or name another store"
  done
  trap 'rm -f "$store.restoring"' EXIT
  cp "$file" "$store.restoring"
  sync "$store.restoring"
  rm -f "$store" "$store-wal" "$store-shm" # empty, as was just seen, or of a store that is gone
  mv --no-clobber "$store.restoring" "$store"
  [ ! -e "$store.restoring" ] || refuse "$store is not empty; move it away, or name another store"
  ;;
postgresql://*)
  pg_restore --list "$file" >/dev/null 2>&1 || refuse "$file is no whole backup of a store"
  tables=$(psql --no-psqlrc --quiet --tuples-only --no-align --dbname="$url" --command="
    SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')")
  [ "$tables" = 0 ] || refuse "the database holds $tables tables; name one that is empty (createdb --template=template0)"
  pg_restore --single-transaction --exit-on-error --no-owner --no-privileges --dbname="$url" "$file" \
    || refuse "the backup could not be restored"
  ;;
*) refuse "$url is no store: sqlite:///FILE or postgresql://USER@HOST/DATABASE" ;;
esac
echo "Restored $file. Start the service with its erasure journal and its keys: it repeats the erasures first."
