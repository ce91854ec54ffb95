#!/usr/bin/env bash
# base.sh FOLDER: two Debian bases out of this machine's own package sources, where no image registry can be reached.
# base.tar holds Python and the authorities of TLS: no shell, no package manager. builder.tar adds venv, pip and a shell.
set -euo pipefail
folder=$1 && mkdir -p "$folder"
. /etc/os-release
mapfile -t sources < <(grep -L '^URIs: *file:' /etc/apt/sources.list.d/*.sources 2>/dev/null)
[ ! -s /etc/apt/sources.list ] || sources+=(/etc/apt/sources.list)
apt-config dump Acquire > "$folder/apt.conf"
make_base() {
  mmdebstrap --quiet --mode=root --variant="$2" --aptopt="$folder/apt.conf" --include="$3" "${@:4}" \
    "$VERSION_CODENAME" "$folder/$1.new.tar" "${sources[@]}"
  mv "$folder/$1.new.tar" "$folder/$1.tar"
}
make_base builder apt python3-venv,ca-certificates
# What belongs to installing packages, to a shell's user, or to this machine is taken out.
cat > "$folder/strip.sh" <<'STRIP'
set -eu
cd "$1"
mkdir -p etc/ssl/certs
cat usr/share/ca-certificates/mozilla/*.crt > etc/ssl/certs/ca-certificates.crt # what the package's own script would do
rm -rf etc/apt etc/ca-certificates etc/cron.daily etc/debconf.conf etc/dpkg etc/hostname etc/logrotate.d etc/resolv.conf \
  usr/bin/debconf* usr/bin/dpkg* usr/bin/mawk usr/bin/openssl usr/bin/py3* usr/bin/pydoc3* usr/bin/tar usr/bin/update-alternatives \
  usr/lib/apt usr/lib/dpkg usr/lib/systemd usr/libexec usr/sbin/* usr/share/ca-certificates usr/share/debconf usr/share/doc usr/share/dpkg usr/share/i18n usr/share/locale usr/share/man usr/share/perl5 var/cache var/lib/apt var/lib/dpkg
printf 'root:x:0:0::/root:\nservice:x:65532:65532::/tmp:\n' > etc/passwd
printf 'root:x:0:\nservice:x:65532:\n' > etc/group
STRIP
make_base base extract base-files,ca-certificates,python3,libstdc++6 --skip=output/dev --extract-hook="sh $folder/strip.sh \"\$1\""
