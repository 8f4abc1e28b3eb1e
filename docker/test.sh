#!/bin/sh
# Build the image with the engine that is there, and use it as a user would: the demo, a two-rank solve, a mounted folder.
#   sh docker/test.sh [DOCKERFILE]
# Without Docker: buildah and podman (Debian's packages), as root; where no registry can be reached, a base image from
# Debian's own packages by debootstrap.
set -eu
cd "$(dirname "$0")/.."
file=${1:-docker/Dockerfile}
name=hpcbbp-test
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
say() { printf '== %s\n' "$*"; }
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
labels="--build-arg REVISION=$revision"

if command -v docker >/dev/null 2>&1 && docker info >/dev/null 2>&1; then
    say "docker build"
    docker build -q $labels -f "$file" -t $name .
    inside() { docker run --rm --user "$user" -v "$work:/work" $name "$@"; }
    show() { docker inspect --format "$1" $name; }
else
    sh .ci/packages.sh buildah podman runc debootstrap
    base=docker.io/library/debian:bookworm-slim
    if ! buildah inspect --type image $base >/dev/null 2>&1 && ! timeout 60 buildah pull -q $base 2>/dev/null; then
        say "no registry: the base image from Debian's packages"
        mirror=$(sed -n 's/^URIs: *//p; s/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) .*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1)
        debootstrap --variant=minbase bookworm "$work/root" "${mirror:-http://deb.debian.org/debian}" >"$work/log" 2>&1 || { tail "$work/log"; exit 1; }
        container=$(buildah from scratch)
        buildah add -q "$container" "$work/root" /
        buildah commit -q "$container" $base
        buildah rm "$container" >/dev/null
        rm -rf "$work/root"
    fi
    # A site that looks into encrypted traffic has a certificate of its own.
    certificate=${PIP_CERT:+"--volume $PIP_CERT:/run/site.crt:ro --build-arg PIP_CERT=/run/site.crt"}
    say "buildah bud"
    buildah bud -q --isolation chroot --pull-never --format docker $labels $certificate -f "$file" -t $name .
    inside() { podman run --rm --runtime runc --pull=never --network=host --ulimit nofile=4096:4096 --ulimit nproc=4096:4096 --no-healthcheck --user "$user" -v "$work:/work" localhost/$name "$@"; }
    show() { podman image inspect --format "$1" localhost/$name; }
fi

say "size: $(show '{{.Size}}') bytes; user: $(show '{{.Config.User}}'); health: $(show '{{.Config.Healthcheck.Test}}')"
[ "$(show '{{.Config.User}}')" = hpcbbp ]
[ "$(show '{{index .Config.Labels "org.opencontainers.image.licenses"}}')" = BSD-3-Clause ]
chmod 777 "$work"
user=1000:1000
say "hpcbbp info"
inside hpcbbp info --json >"$work/info.json"
grep -q '"problem": null' "$work/info.json"
[ "$revision" = unknown ] || grep -q "\"commit\": \"$revision\"" "$work/info.json"
inside sh -c '! command -v gcc && ! command -v pip' || { say "build tools were left in"; exit 1; }
say "two ranks, as a user who is not root"
inside mpirun -n 2 hpcbbp solve -n 500 -p 2 -a 1.5 --alpha 3 --json >"$work/solve.json"
grep -q '"reason": "converged"\|"converged": 4' "$work/solve.json"
say "another user's mounted folder: files are that user's"
user=4321:4321
mkdir "$work/theirs" && chown 4321:4321 "$work/theirs"
inside mpirun -n 2 hpcbbp demo --quick --out theirs/demo
[ "$(stat -c %u "$work/theirs/demo")" = 4321 ]
ls "$work/theirs/demo"
user=1000:1000
say "a campaign that is not in the container"
status=0
inside hpcbbp plan /nowhere/campaign.toml 2>"$work/error" || status=$?
cat "$work/error"
[ $status = 2 ] && grep -q "mount its folder" "$work/error"
say "container: all passed"
