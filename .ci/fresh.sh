#!/bin/sh
# Both commands of the README on a Debian as it comes, in a root of its own (git, make, certificates and what is required).
#
#   sh .ci/fresh.sh SUITE [TARGET...]     e.g. sh .ci/fresh.sh trixie demo test
#
# Root and Debian: debootstrap makes the root from the mirror that this machine's apt uses. How this machine reaches
# package registries (proxies, certificates, pip's configuration) goes into the root, nothing else does: no variable of
# the caller's, not even /sys, as in many containers. What is committed is what is tried. Nothing stays, mounts and
# processes included; FRESH_ROOT=folder keeps the root there.
set -eu
cd "$(dirname "$0")/.."
suite=${1:?a suite of Debian, as trixie}
shift
targets=${*:-demo test}
say() { printf '== %s\n' "$*"; }
die() { printf 'fresh: %s\n' "$*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || die "a root of its own needs root"
sh .ci/packages.sh debootstrap
command -v debootstrap >/dev/null || die "debootstrap is not installed"
[ -z "$(git status --porcelain)" ] || say "not committed, so not tried:" "$(git status --porcelain | cut -c4- | tr '\n' ' ')"
work=$(mktemp -d "${TMPDIR:-/var/tmp}/hpcbbp-fresh.XXXXXX")
root=${FRESH_ROOT:-$work/root}
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT TERM

if [ ! -e "$root/etc/debian_version" ]; then
    mirror=$(sed -n 's/^URIs: *//p; s/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) .*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1)
    say "debootstrap $suite"
    debootstrap --variant=minbase --include=git,make,ca-certificates "$suite" "$root" $mirror >"$work/log" 2>&1 || { tail "$work/log"; die "debootstrap failed"; }
fi

# The way to the registries: names, apt's and pip's configuration, certificates. Folders of packages on this machine's
# own disk stay where they are.
passed=$(env | grep -iE '^([a-z]+_proxy|PIP_[A-Z_]+|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE)=' | grep -ivE '^PIP_FIND_LINKS=/|=file:' || true)
pip_files=$(find /etc/pip.conf /etc/xdg/pip "$HOME/.pip" "$HOME/.config/pip" -type f 2>/dev/null || true)
take() { # files go to the same place, those of HOME to /root
    place=$root$(printf '%s' "$1" | sed "s,^$HOME/,/root/,")
    mkdir -p "$(dirname "$place")" && cp -L "$1" "$place"
}
for file in /etc/resolv.conf /etc/hosts $pip_files $(grep -ls '^Acquire' /etc/apt/apt.conf.d/* /etc/apt/apt.conf) \
    $(find /usr/local/share/ca-certificates /etc/apt/auth.conf.d -type f 2>/dev/null); do
    take "$file"
done
for file in $pip_files; do
    sed -i -E '/^ *(find-links|[a-z-]*index-url) *[=:] *(file:|\/)/d' "$root$(printf '%s' "$file" | sed "s,^$HOME/,/root/,")"
done
chroot "$root" update-ca-certificates >/dev/null 2>&1
for file in $(printf '%s\n' "$passed" | sed -n 's,^[A-Za-z_]*=/,/,p'); do # a certificate or a list of constraints elsewhere
    [ ! -f "$file" ] || [ -e "$root$file" ] || take "$file"
done

rm -rf "$root/root/hpcbbp"
git clone -q . "$root/root/hpcbbp"
cat >"$work/inside" <<'END'
set -eu
root=$1 targets=$2
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
exec chroot "$root" sh -euc '
cd /root/hpcbbp
for target in '"$targets"'; do
    echo "== make $target"
    begun=$(date +%s)
    make "$target" || { echo "== make $target FAILED after $(($(date +%s) - begun)) s"; exit 1; }
    echo "== make $target: $(($(date +%s) - begun)) s"
done
. /etc/os-release
echo "== $PRETTY_NAME, $(mpirun --version | head -n 1), $(.venv/bin/python --version)"'
END
set -- HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
    HPCBBP_PATIENCE="${HPCBBP_PATIENCE:-1}"
while IFS= read -r line; do [ -z "$line" ] || set -- "$@" "$line"; done <<END
$passed
END
# Mounts and processes of their own, which end with this.
env -i "$@" unshare --mount --pid --fork --kill-child sh "$work/inside" "$root" "$targets"
say "fresh $suite: $targets passed"
