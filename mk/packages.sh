#!/bin/sh
# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# packages.sh build|test: installs what building, or testing, needs and this
# host lacks; without the right to, says what to install, and exits 1.

set -u

usage="usage: packages.sh build|test"
what=${1:?$usage}

case $(uname -s) in
Linux)
	build="bmake byacc gcc libc6-dev pkgconf libtls-dev libbsd-dev
	    libevent-dev libseccomp-dev libssl-dev openssl"
	test="clang libclang-rt-14-dev libatf-dev atf-sh kyua mandoc nginx
	    libnginx-mod-stream haproxy redis-server redis-tools stunnel4 curl
	    socat util-linux iproute2 python3 python3-pip python3-venv
	    valgrind postgresql"
	if ! command -v dpkg-query >/dev/null; then
		cat >&2 <<-TEXT
		packages.sh: this is not Debian, so nothing was installed.
		What is needed goes by these names there:
		    $(echo $build)
		and for the tests:
		    $(echo $test)
		TEXT
		# The build says itself what it misses.
		exit 0
	fi
	have()
	{
		case $(dpkg-query -W -f '${Status}' "$1" 2>/dev/null) in
		*" installed")	return 0 ;;
		esac
		# A virtual name, or the like of it from elsewhere.
		case $1 in
		gcc|clang|python3|nginx)	command -v "$1" >/dev/null ;;
		pkgconf)			command -v pkg-config >/dev/null ;;
		python3-pip)	python3 -m pip --version >/dev/null 2>&1 ;;
		python3-venv)	python3 -m ensurepip --version \
				    >/dev/null 2>&1 ;;
		*)		return 1 ;;
		esac
	}
	install()
	{
		export DEBIAN_FRONTEND=noninteractive
		# The tests start nginx and the like themselves: packages
		# must not.  Debian asks this file about it.
		policy=/usr/sbin/policy-rc.d
		if [ ! -e $policy ]; then
			trap 'rm -f $policy' EXIT
			printf '#!/bin/sh\nexit 101\n' >$policy
			chmod 755 $policy
		fi
		apt-get -q update &&
		    apt-get -q install -y --no-install-recommends "$@"
	}
	how="apt-get install"
	;;
FreeBSD)
	build="libretls libevent"
	test="bash curl haproxy nginx redis socat stunnel mandoc
	    postgresql16-server"
	have() { pkg info -e "$1" || pkg info -e "${1}*"; }
	install() { pkg install -y "$@"; }
	how="pkg install"
	;;
OpenBSD)
	build=""
	test="kyua atf curl haproxy nginx redis socat stunnel
	    postgresql-server"
	have() { pkg_info -e "$1-*" >/dev/null; }
	install() { pkg_add -I "$@"; }
	how="pkg_add"
	;;
*)
	echo "packages.sh: $(uname -s): not a system that securetcpd runs on" >&2
	exit 1
	;;
esac

case $what in
build)	wanted=$build ;;
test)	wanted="$build $test" ;;
*)	echo "$usage" >&2; exit 2 ;;
esac

missing=
for p in $wanted; do
	have "$p" || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "Missing here, and to be installed by root first:" >&2
	echo "    $how$missing" >&2
	exit 1
fi
echo "installing$missing"
# shellcheck disable=SC2086
if ! out=$(install $missing 2>&1); then
	echo "$out" >&2
	echo "packages.sh: installing$missing failed" >&2
	exit 1
fi
