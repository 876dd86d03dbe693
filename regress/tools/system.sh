# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# What differs from one system to another, in one place: how processes are
# looked at, what loopback is, what the C library and the TLS library say.
# Read where $top is the tree.

system=$(uname -s)
as=$top/regress/tools/as
now=$top/regress/tools/now

# strerror(3) of ETIMEDOUT.
case $system in
Linux)	timed_out="Connection timed out" ;;
*)	timed_out="Operation timed out" ;;
esac

# What a helper's sandbox is called in the log.
case $system in
Linux)		sandbox='seccomp[a-z+]*' ;;
FreeBSD)	sandbox=capsicum ;;
*)		sandbox=pledge ;;
esac

# Resident memory is measured where nothing else is to be had: the pages of
# libraries count, too.
case $system in
Linux)	session_kib=4096 ;;
*)	session_kib=24576 ;;
esac

# The command line's TLS library; the daemon's is another one perhaps.
case $(openssl version 2>/dev/null) in
LibreSSL*)	libressl=yes ;;
*)		libressl= ;;
esac

# What the tree is linked with, for the words of its log.
tls=$("$top/regress/tools/tlslib" 2>/dev/null | sed 's/ .*//')

# reason_of NAME: the words of that library for what has happened.
reason_of()
{
	case $tls:$1 in
	LibreSSL:bad_record)	echo "bad decrypt" ;;
	*:bad_record)	echo "decryption failed or bad record mac" ;;
	# An RSA certificate is checked against the key of an ECDSA one.
	LibreSSL:unverified)	echo "wrong public key type" ;;
	*:unverified)		echo "certificate verify failed" ;;
	*)	atf_fail "reason_of $1: which is that?" ;;
	esac
}

milliseconds() { "$now"; }

# random_bytes COUNT FILE
random_bytes() { openssl rand -out "$2" "$1"; }

# first COUNT FILE: its first bytes.
first() { dd if="$2" bs="$1" count=1 2>/dev/null; }

# edit FILE SED-ARGUMENT...: in place.
edit()
{
	_file=$1
	shift
	sed "$@" "$_file" >"$_file.edited" && cat "$_file.edited" >"$_file" &&
	    rm "$_file.edited"
}

# sha256: of standard input, in hexadecimal.
sha256() { openssl dgst -sha256 -r | cut -c 1-64; }

# modes FILE...: mode in octal and name, a line for each.
modes()
{
	ls -ld "$@" | awk '{
		n = 0
		for (i = 2; i <= 10; i++)
			n = n * 2 + (substr($1, i, 1) !~ /[-ST]/)
		printf "%o %s\n", n, $NF
	}'
}

has_ip6()
{
	case $system in
	Linux)	grep -q '^0\{31\}1 ' /proc/net/if_inet6 2>/dev/null ;;
	*)	ifconfig lo0 2>/dev/null |
		    grep -q '^[[:space:]]*inet6 ::1[ /]' ;;
	esac
}

# need_addresses ADDRESS...: all of 127/8 is local to Linux; any other address
# of loopback but 127.0.0.1 is an alias, which clean_up removes.
# (Tests that share one must not run at the same time there.)
need_addresses()
{
	for _a in "$@"; do
		case $system:$_a in
		Linux:127.*)	continue ;;
		Linux:*)
			ip address add "$_a" dev lo ||
			    atf_skip "loopback does not take the address $_a"
			echo "lo $_a" >>addresses
			continue ;;
		*:*:*)		_family=inet6 _length="prefixlen 128" ;;
		*)		_family=inet
				_length="netmask 255.255.255.255" ;;
		esac
		if ifconfig lo0 2>/dev/null |
		    grep -q "^[[:space:]]*$_family $_a[ /]"; then
			continue
		fi
		[ "$(id -u)" -eq 0 ] ||
		    atf_skip "needs root, to give loopback the address $_a"
		# shellcheck disable=SC2086
		ifconfig lo0 $_family "$_a" $_length alias ||
		    atf_skip "loopback does not take the address $_a"
		echo "$_family $_a" >>addresses
	done
}

# need_sources: storm gives each of its connections an address of its own.
need_sources()
{
	[ "$system" = Linux ] ||
	    atf_skip "needs all of 127/8 on loopback, as only Linux has it"
}

# need_blackhole ADDRESS: what is sent there is lost and nobody is told.
need_blackhole()
{
	[ "$(id -u)" -eq 0 ] || atf_skip "needs root, for a route to nowhere"
	route -q add -host "$1" 127.0.0.1 -blackhole ||
	    atf_skip "there is no route to nowhere"
	echo "$1" >>blackholes
}

remove_addresses()
{
	if [ -f blackholes ]; then
		while read -r _a; do
			route -q delete -host "$_a"
		done <blackholes
		rm -f blackholes
	fi
	[ -f addresses ] || return 0
	while read -r _family _a; do
		if [ "$_family" = lo ]; then
			ip address del "$_a/32" dev lo
			continue
		fi
		ifconfig lo0 "$_family" "$_a" -alias
	done <addresses
	rm -f addresses
}

# need_unread: unread PORT tells something.
need_unread()
{
	case $system in
	Linux)	[ -r /proc/net/tcp ] || atf_skip "there is no /proc" ;;
	*)	command -v netstat >/dev/null ||
		    atf_skip "there is no netstat" ;;
	esac
}

# Processes: Linux has /proc, the others have ps(1) and fstat(1).
case $system in
Linux)
	children()
	{
		grep -ls "^PPid:[[:space:]]*$1\$" /proc/[0-9]*/status |
		    cut -d / -f 3
	}
	title() { tr '\0' '\n' <"/proc/$1/cmdline" | sed 1q; }
	# The shell reads them itself: another process for each takes so long
	# that they have changed by then.
	children_titled()
	{
		for _c in $(children "$1"); do
			IFS= read -r _t 2>/dev/null <"/proc/$_c/cmdline"
			echo "$_c $_t"
		done 2>/dev/null
	}
	zombie()
	{
		grep -qs '^State:[[:space:]]*Z' "/proc/$1/status"
	}
	status_of() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; }
	# Real, effective and saved user.
	users_of()
	{
		status_of "$1" Uid | awk '{ print $1, $2, $3 }'
	}
	# How often it has waited for something.
	waits_of() { status_of "$1" voluntary_ctxt_switches; }
	resident_of() { status_of "$1" VmRSS | sed 's/ .*//'; }
	# Kibibytes of memory that the process has made for itself.
	anonymous_of() { status_of "$1" RssAnon | cut -d ' ' -f 1; }
	# Number and kind of each descriptor, a line for one.
	descriptors_of()
	{
		for _f in /proc/"$1"/fd/*; do
			printf '%s %s\n' "${_f##*/}" "$(readlink "$_f" |
			    sed 's/:.*//')"
		done | sort -n
	}
	fds_of() { ls "/proc/$1/fd" | wc -l; }
	# unread PORT: bytes that connections to the port have unread, there.
	unread()
	{
		for _q in $(awk -v port="$(printf %04X "$1")" \
		    '$2 ~ ":" port "$" && $4 == "01" {
			split($5, q, ":")
			print q[2]
		}' /proc/net/tcp); do
			printf '%d\n' "0x$_q"
		done
	}
	;;
*)
	children()
	{
		ps -ax -o pid= -o ppid= |
		    awk -v parent="$1" '$2 == parent { print $1 }'
	}
	# The name of the program follows a title in parentheses.
	title() { ps -ww -o command= -p "$1" | sed 's/ ([^()]*) *$//'; }
	children_titled()
	{
		ps -axww -o pid= -o ppid= -o command= |
		    awk -v parent="$1" '$2 == parent {
			pid = $1
			sub(/^ *[0-9]+ +[0-9]+ +/, "")
			sub(/ \([^()]*\) *$/, "")
			print pid, $0
		}'
	}
	zombie()
	{
		case $(ps -o state= -p "$1") in
		Z*)	return 0 ;;
		*)	return 1 ;;
		esac
	}
	users_of()
	{
		ps -o ruid= -o uid= -o svuid= -p "$1" |
		    awk '{ print $1, $2, $3 }'
	}
	waits_of() { ps -o nvcsw= -p "$1" | tr -d ' '; }
	resident_of() { ps -o rss= -p "$1" | tr -d ' '; }
	anonymous_of() { resident_of "$1"; }
	descriptors_of()
	{
		fstat -p "$1" | awk '
		$4 ~ /^[0-9]+\*?$/ {
			sub(/\*$/, "", $4)
			gsub(/[][]/, "", $5)
			if ($5 ~ /^(kqueue|pipe|procdesc)$/)
				kind = $5
			else if ($5 ~ /^(internet6?|local|unix)$/)
				kind = "socket"
			else if ($0 ~ / crw-rw-rw- .*null/)
				kind = "/dev/null"
			else
				kind = $5 "-" $6
			print $4, kind
		}' | sort -n
	}
	fds_of() { descriptors_of "$1" | wc -l | tr -d ' '; }
	unread()
	{
		netstat -an -f inet | awk -v port="$1" '
		/^tcp/ && $4 ~ "\\." port "$" && $6 == "ESTABLISHED" {
			print $2
		}'
	}
	;;
esac
