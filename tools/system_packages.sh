#!/bin/sh
# Brings the system packages that `make demo` or `make test` needs, by the list in tools/system_packages.txt.
# As root on Debian it installs what is missing. Otherwise it names all of it with the command that installs it; then it
# ends with 2 when not even the demonstration would run, and with 0 when only tests are left out.
# Usage: sh tools/system_packages.sh demo|test
set -eu
wanted=$1
python=${PYTHON:-python3}
PATH=$PATH:/usr/sbin:/sbin

is_there() {
    case $1 in
        python:*) command -v "$python" >/dev/null 2>&1 && "$python" -c "import ${1#python:}" 2>/dev/null ;;
        library:*) ldconfig -p | grep -q "${1#library:}" ;;
        python3) command -v "$python" >/dev/null 2>&1 ;;
        *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

missing=
needed_first=
while read -r for package sign; do
    case $for in demo) ;; "$wanted") ;; *) continue ;; esac
    is_there "$sign" && continue
    case " $missing " in *" $package "*) ;; *) missing="$missing $package" ;; esac
    [ "$for" = demo ] && needed_first="$needed_first $package"
done <"$(dirname "$0")/system_packages.txt"
missing=${missing# }
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "drorch: installing $missing (once)"
    # A service of a package must not start by itself: the tests start their own, unprivileged, on loopback.
    guard=/usr/sbin/policy-rc.d
    if [ ! -e $guard ]; then
        printf '#!/bin/sh\nexit 101\n' >$guard
        chmod +x $guard
        trap 'rm -f $guard' EXIT
    fi
    apt-get update -qq
    # shellcheck disable=SC2086 # the names are to be separate words
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    exit 0
fi
echo "drorch: this machine lacks: $missing" >&2
echo "drorch: install all of it as root: apt-get install --no-install-recommends $missing" >&2
if [ -n "$needed_first" ]; then
    echo "drorch: nothing can run without$needed_first" >&2
    exit 2
fi
echo "drorch: the tests that need it are skipped; all others run" >&2
