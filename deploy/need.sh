#!/usr/bin/env bash
# need.sh COMMAND PACKAGE...: the command is there, or Debian's packages bring it; without it the tests that need it are
# skipped, which fails in CI unless .ci/skips.toml knows why.
set -euo pipefail
command -v "$1" >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing ${*:2} ..."
  # Checks that run at once install one after another.
  DEBIAN_FRONTEND=noninteractive flock /var/lib/apt sh -c \
    'apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@" >/dev/null' apt "${@:2}" || true
fi
command -v "$1" >/dev/null && exit 0
echo "There is no $1, so what needs it is skipped: apt-get install ${*:2}" >&2
