#!/usr/bin/env bash
# backup.sh STORE FILE: copy a store into a new file, also while the service uses it.
# SQLite needs sqlite3, PostgreSQL needs pg_dump of the server's version or a newer one.
set -euo pipefail
umask 077
refuse() { echo "$*" >&2; exit 1; }
[ $# = 2 ] || refuse "usage: backup.sh STORE FILE"
url=$1 file=$2
[ ! -e "$file" ] || refuse "$file is there already: name a new file; nothing was changed"
trap 'rm -f "$file.part"' EXIT

case $url in
sqlite:///*)
  store=${url#sqlite:///}
  [ -f "$store" ] || refuse "there is no store $store: nothing was backed up"
  # One read of one state: `.backup` begins anew at each commit, and does not end under load.
  sqlite3 -readonly "$store" ".timeout 10000" "VACUUM INTO '${file//\'/\'\'}.part'"
  ;;
postgresql://*)
  pg_dump --format=custom --no-owner --no-privileges --no-unlogged-table-data --file="$file.part" --dbname="$url"
  ;;
*) refuse "$url is no store: sqlite:///FILE or postgresql://USER@HOST/DATABASE" ;;
esac
sync "$file.part"
mv --no-clobber "$file.part" "$file"
[ ! -e "$file.part" ] || refuse "$file is there already: name a new file; nothing was changed"
echo "Backed up into $file. Copy apart from it: the erasure journal (a file, or another database), the data keys, the identity keys and the journal keys."
