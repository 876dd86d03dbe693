#!/bin/sh
# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# packages.sh build|test|peers|bench: installs what building needs, or what
# testing needs as well, or the software that some tests talk to and are
# skipped without, or what the benchmark needs, as far as this host lacks it;
# without the right to, says what to install, and exits 1.

set -u

usage="usage: packages.sh build|test|peers|bench"
bench=
what=${1:?$usage}

case $(uname -s) in
Linux)
	build="bmake byacc gcc libc6-dev pkgconf libtls-dev libbsd-dev
	    libevent-dev libncurses-dev libseccomp-dev libssl-dev openssl"
	test="clang libclang-rt-14-dev libatf-dev atf-sh kyua mandoc
	    util-linux iproute2 python3 python3-pip python3-venv valgrind"
	peers="nginx libnginx-mod-stream haproxy redis-server redis-tools
	    stunnel4 curl git postgresql bindfs prometheus
	    python3-prometheus-client tmux"
	bench="util-linux python3 nginx libnginx-mod-stream haproxy stunnel4
	    hitch"
	if ! command -v dpkg-query >/dev/null; then
		cat >&2 <<-TEXT
		packages.sh: this is not Debian, so nothing was installed.
		What is needed goes by these names there:
		    $(echo $build)
		and for the tests:
		    $(echo $test $peers)
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
	# Kyua, ATF, mandoc and yacc are in the base system.
	build="libretls libevent"
	test="pkgconf"
	peers="curl git haproxy nginx redis stunnel tmux postgresql17-server"
	have()
	{
		case $1 in
		# Any version of it will do, as will the like of it.
		postgresql*)	pkg info -e -g 'postgresql*-server' ;;
		pkgconf)	command -v pkg-config >/dev/null ;;
		git)		command -v git >/dev/null ;;
		libretls)	[ -e /usr/local/include/tls.h ] ;;
		libevent)	[ -e /usr/local/include/event.h ] ;;
		*)		pkg info -e "$1" || pkg info -e -g "$1-*" ;;
		esac 2>/dev/null
	}
	install() { pkg install -y "$@"; }
	how="pkg install"
	;;
OpenBSD)
	# libtls, libevent, mandoc and yacc are in the base system.
	build=""
	test="atf"
	peers="kyua curl git haproxy nginx-- nginx-stream redis stunnel--
	    postgresql-server"
	have()
	{
		case $1 in
		atf)	command -v atf-sh >/dev/null ;;
		*)	pkg_info -e "${1%--}-*" >/dev/null 2>&1 ;;
		esac
	}
	# Asks nothing, and tries each: one that is missing is only missing.
	install()
	{
		_status=0
		for _p in "$@"; do
			pkg_add -I "$_p" || _status=1
		done
		return $_status
	}
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
peers)	wanted=$peers ;;
bench)	wanted="$build libatf-dev $bench" ;;
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
