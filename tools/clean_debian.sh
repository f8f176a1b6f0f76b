#!/usr/bin/env bash
# A clean Debian 12 in a folder, with nothing but python3, make, git and certificates, in which README's two commands can be tried as a
# stranger would. Needs root. Of the machine it has only what reaches the package registries: names, certificates, and
# the settings of apt and pip, mounted read-only.
# Usage: tools/clean_debian.sh make FOLDER             (installs mmdebstrap where it is missing)
#        tools/clean_debian.sh run FOLDER USER COMMAND (USER: root, or tester, who has no rights; COMMAND for /bin/sh)
set -euo pipefail
root=$2

make_root() {
    if [ "$(id -u)" != 0 ] || ! grep -qs '^12' /etc/debian_version; then
        echo "not root on Debian 12" >&2
        return 1
    fi
    command -v mmdebstrap >/dev/null || {
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends mmdebstrap >/dev/null
    }
    mmdebstrap --quiet --variant=minbase --include=python3,make,git,ca-certificates bookworm "$root"
    chroot "$root" useradd --create-home --shell /bin/sh tester
    # No service of a package starts by itself: the tests start their own, unprivileged, on loopback.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod +x "$root/usr/sbin/policy-rc.d"
}

# Settings in the environment that tell clients how to reach the registries, as NAME=VALUE, one a line.
settings() { env | grep -E '^(PIP_[A-Z_]+|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|(https?|no|HTTPS?|NO)_(proxy|PROXY))=' || true; }

# Files and folders of the machine that the settings consist of, and those that they name.
settings_files() {
    local known=(/etc/apt /usr/share/keyrings /etc/pip.conf /etc/xdg/pip /etc/ssl/certs /usr/share/ca-certificates
        /usr/local/share/ca-certificates /etc/resolv.conf /etc/hosts)
    local words named
    words=$(settings; cat /etc/pip.conf /etc/xdg/pip/* "$HOME"/.config/pip/* "$HOME"/.pip/* 2>/dev/null || true)
    # An index in a folder points to files beside it: all of the folder around it is shown.
    named=$(grep -oE '(file://)?/[^][ =,:]+' <<<"$words" | sed -E 's#^file://(.*[^/])/+[^/]+/*$#\1#; s#^/+#/#' || true)
    # shellcheck disable=SC2086 # one word each
    for path in "${known[@]}" $named; do [ "$path" != / ] && [ -e "$path" ] && echo "$path"; done | sort -u
}

show() { # show SOURCE TARGET: in the root, read-only
    if [ -d "$1" ]; then mkdir -p "$root$2"; else mkdir -p "$(dirname "$root$2")"; [ -e "$root$2" ] || : >"$root$2"; fi
    mount --bind "$1" "$root$2"
    mount -o remount,bind,ro "$root$2"
}

inside() { # in mount and process namespaces of its own, so that nothing is left when it ends
    local user=$1 command=$2 path home
    mount -t proc proc "$root/proc"
    mount --rbind /sys "$root/sys"
    mount --rbind /dev "$root/dev"
    home=$(chroot "$root" sh -c "echo ~$user")
    settings_files | while read -r path; do show "$path" "$path"; done
    chroot "$root" install -d -o "$user" -g "$user" "$home/.config" # otherwise it would be root's
    for path in .config/pip .pip; do [ ! -e "$HOME/$path" ] || show "$HOME/$path" "$home/$path"; done
    mapfile -t words < <(settings)
    exec chroot "$root" setpriv --reuid="$user" --regid="$user" --init-groups \
        env -i HOME="$home" USER="$user" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
        ${CI:+CI="$CI"} "${words[@]}" /bin/sh -c "cd && $command"
}

case $1 in
    make) make_root ;;
    run) exec unshare --mount --propagation private --pid --fork --kill-child "$0" inside "$root" "$3" "$4" ;;
    inside) inside "$3" "$4" ;;
esac
