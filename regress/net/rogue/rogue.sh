# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# The shipped parent over helpers that break the rules.

. "$(atf_get_srcdir)/../daemon/common.sh"
. "$(atf_get_srcdir)/../../tools/load.sh"
rogue=$top/regress/net/rogue

# What "line" says, as it has to look in the log.
line='x\"\nserver=www session=1 from=127.0.0.1:1 state=closed\r\n'

# The timer of those who never shake hands; the honest are slower on a slow
# machine.
handshake=$((2 + ${RUNATF_SLOW:-1}))

# twice NAME "what must hold": a case, and the same under sanitizers; where
# $around names a function, what that serves is at work around it.
around=
twice()
{
	scenario "$1" "$2" timeout 280
	scenario "$1_sanitized" "$2: the parent under sanitizers" timeout 280
	_before=${around:+plant; $around; begin;}
	eval "$1_body() { $_before $1; ${around:+finish;} }"
	eval "$1_sanitized_body() {
		[ -x $top/regress/net/sanitized/parent ] ||
		    atf_skip 'no sanitizers here'
		sanitized=yes
		$1_body; }"
}

# plant [SESSION [SIGNER]]: a build tree of our own, with the parent as it is
# shipped, or under sanitizers where $sanitized says so.
plant()
{
	need_look
	mkdir -p tree/sbin/securetcpd tree/libexec/securetcp-session \
	    tree/libexec/securetcp-signer
	_parent=$securetcpd
	[ -z "$sanitized" ] || _parent=$top/regress/net/sanitized/parent
	cp "$_parent" tree/sbin/securetcpd/securetcpd
	put session "${1:-$rogue/rogue}"
	put signer "${2:-$top/libexec/securetcp-signer/securetcp-signer}"
	securetcpd=$PWD/tree/sbin/securetcpd/securetcpd
}

# put PROGRAM FILE: runs as securetcp-PROGRAM, and is told where its plan is.
put()
{
	_libexec=$PWD/tree/libexec/securetcp-$1
	cp "$2" "$_libexec/helper"
	cat >"$_libexec/securetcp-$1" <<-SCRIPT
	#!/bin/sh
	ROGUE_PLAN="$_libexec/plan"
	export ROGUE_PLAN
	exec "$_libexec/helper"
	SCRIPT
	chmod 755 "$_libexec/securetcp-$1"
}

# need_bound: valgrind and sanitizers have no limit of memory.
need_bound()
{
	! grep -q SANDBOX_WIDEN "$top/lib/libcompat/.flags" ||
	    atf_skip "built without a limit of memory"
}

# slow_backend: one that does not take connections, nor refuses them, in $slow.
slow_backend()
{
	case $system in
	Linux)
		background "$peer" -t 280 full "$PWD/full.sock"
		wait_until 20 "a full backend" test -S full.sock
		slow="\"$PWD/full.sock\"" ;;
	OpenBSD)
		background "$peer" -t 280 -p slow.port bind 127.0.0.1:0
		wait_until 20 "a silent port" test -f slow.port
		slow="127.0.0.1 port $(cat slow.port)" ;;
	*)
		need_blackhole 127.0.0.66
		slow="127.0.0.66 port 9" ;;
	esac
}

# configure_around: standard input has www; good echoes beside it, and slow
# never gets through to its backend.
configure_around()
{
	certificate good rsa:2048
	slow_backend
	{
		cat
		cat <<-CONF
		signers 1
		certificate "good" {
			chain "$PWD/good.crt"
			key "$PWD/good.key"
		}
		server "good" {
			listen on 127.0.0.1 port 0
			certificate "good"
			echo
			connections per source 1000
		}
		server "slow" {
			listen on 127.0.0.1 port 0
			certificate "www"
			forward to $slow
			timeout backend 60
			connections per source 1000
		}
		CONF
	} | configure
}

# serve_all: www and good echo, front does so behind a proxy, slow never gets
# through to its backend.
serve_all()
{
	configure_around <<-CONF
	server "www" {
		listen on 127.0.0.1 port 0
		certificate "www"
		echo
		prefork 16
		timeout handshake $handshake
		connections per source 1000
	}
	server "front" {
		listen on 127.0.0.1 port 0 proxy
		certificate "www"
		echo
		timeout handshake $handshake
		connections per source 1000
	}
	CONF
}

# begin: all of that at work, beside honest connections of www and good.
begin()
{
	start
	wait_until 20 "slow" eval '[ -n "$(port_of slow)" ]'
	load_start beside www -n 4
	load_start other good -n 3 -s 16384
	: >expected
	# Whatever is allocated once is allocated now.
	for _i in 1 2 3 4 5 6 7 8; do
		prove www "version 9 established -" \
		    "violation: malformed ESTABLISHED"
	done
	measure
}

finish()
{
	check_proved
	load_stop beside
	load_stop other
	measured
	stop_clean
}

# rogue SERVER "WORDS": and waits until its process, and with it the client's
# socket, has gone.
rogue()
{
	"$peer" -t 60 connect "127.0.0.1:$(port_of "$1")" \
	    raw "ROGUE $2\\x0a" drain 2>/dev/null
}

# With $together they are not waited for one by one, but by joined().
rogue_or_rogues()
{
	if [ -n "$together" ]; then
		rogue "$@" &
		joining="$joining $!"
	else
		rogue "$@"
	fi
}

joined()
{
	# shellcheck disable=SC2086
	wait $joining
	joining=
	together=
}

# prove SERVER "WORDS" "REASON": and what the log has to say of it.
prove()
{
	rogue_or_rogues "$1" "$2"
	printf '%s error=ptError number=11100 description="%s" reason="%s"\n' \
	    "$1" "session terminated" "$3" >>expected
}

# refused SERVER "WORDS" "REASON": as prove, when the signer would not.
refused()
{
	rogue_or_rogues "$1" "$2"
	printf '%s error=ptError number=11100 description="%s" reason="%s"\n' \
	    "$1" "An unexpected error occurred." "the signer refused: $3" \
	    >>expected
}

# quiet SERVER "WORDS": nothing of it is an error.
quiet() { rogue_or_rogues "$@"; }

errors()
{
	sed -n 's/^server=\([a-z]*\) session=[0-9]* from=[^ ]* \(error=.*\)/\1 \2/p' log |
	    sed 's/ via=[^ ]*$//'
}
as_many_errors() { [ "$(errors | wc -l)" -ge "$(wc -l <expected)" ]; }

check_proved()
{
	wait_until 30 "as many errors" as_many_errors
	# Some are proved together: in the order of their words, then.
	errors | sort >happened
	sort expected >expected.sorted
	diff -u expected.sorted happened || {
		show_log
		atf_fail "other errors than expected"
	}
}

# controller SERVER FILE: a connected session that obeys FILE's lines for as
# long as the file $leave is not there, then is done.
controller()
{
	leave=leave.$((controllers = controllers + 1))
	rm -f obeyed
	printf 'ROGUE established - receive\n' >orders
	cat "$2" >>orders
	"$peer" -t 120 connect "127.0.0.1:$(port_of "$1")" send orders \
	    readn $((3 * $(wc -l <orders))) touch obeyed until $leave \
	    raw 'done 0 0 0 0 -\x0a' readn 3 close >controller.out 2>&1 &
	echo $! >>pids
	wait_until 60 "orders to be obeyed" test -f obeyed
}

# order SERVER "WORDS": to its spawner, and waits until it was taken; the
# session that passed it on is done when the file $leave is there.
order()
{
	printf 'spawner: %s\n' "$2" >order
	controller "$1" order
}

# warnings: what the log says in general, without what differs.
warnings()
{
	sed -n 's/^warning="\(.*\)"$/\1/p' log | sed -E \
	    -e 's/signer [0-9]+/signer N/' -e 's/session [0-9]+/session N/'
}
