# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# A connection has a session from its first byte on; what becomes of it until
# then, and of one that never sends any.

. "$(atf_get_srcdir)/common.sh"

trusted=
sources="127.0.0.2 127.0.0.3"

served()
{
	[ "$("$peer" "$@" connect "127.0.0.1:$port" tls write served \
	    shutdown read 2>/dev/null)" = served ]
}

# silent NAME [OPTION]...: connects, and sends nothing; returns when it has.
silent()
{
	_n=$1
	shift
	background "$peer" -t 100 "$@" connect "127.0.0.1:$port" \
	    touch "$_n.in" hold
	wait_until 20 "$_n to connect" test -f "$_n.in"
}

# holds N: so many of 127.0.0.2 that send nothing, and are not waited for.
holds()
{
	_i=0
	while [ $_i -lt "$1" ]; do
		background "$peer" -t 100 -b 127.0.0.2:0 connect \
		    "127.0.0.1:$port" hold
		_i=$((_i + 1))
	done
}

# waiter NAME SOURCE COMMAND...: the same, and does that when the file go is
# there.
waiter()
{
	_n=$1
	_source=$2
	shift 2
	"$peer" -t 100 -b "$_source:0" connect "127.0.0.1:$port" \
	    touch "$_n.in" until go "$@" </dev/null >"$_n.got" 2>"$_n.err" &
	echo $! >>pids
	eval "pid_$_n=$!"
	wait_until 20 "$_n to connect" test -f "$_n.in"
}

# counted NAME "REASON": how many, by the lines without a session.
counted()
{
	sed -n "s/^server=www from=[^ ]* error=$1 .* reason=\"$2\" count=//p" \
	    log | awk '{ n += $1 } END { print n + 0 }'
}
enough() { [ "$(counted "$1" "$2")" -ge "$3" ]; }
nothing="handshake timer, [0-9]* seconds*: nothing was sent"

# without_session: there is none that ever had a connection.
without_session() { atf_check -s exit:1 grep -E ' (session|state)=' log; }

scenario timer "Silence until the handshake timer is one line that counts, \
without a session and a State"
timer_body()
{
	serve echo "timeout handshake 1"
	start
	silent first
	wait_log '^server=www from=127\.0\.0\.1:[0-9]+ error=ptTimeout number=10060 description="The operation timed out\." reason="handshake timer, 1 second: nothing was sent" count=1$'
	for i in 2 3 4 5 6 7 8; do
		silent $i
	done
	wait_until 20 "all of them" enough ptTimeout "$nothing" 8
	atf_check_equal 8 "$(counted ptTimeout "$nothing")"
	without_session
	atf_check -s exit:1 grep penalised log
}

scenario leave "Whoever leaves without a byte is not worth a line"
leave_body()
{
	serve echo
	start
	for i in 1 2 3 4 5; do
		"$peer" connect "127.0.0.1:$port" close
		"$peer" connect "127.0.0.1:$port" reset
		"$peer" connect "127.0.0.1:$port" fin drain 2>drained
		atf_check -o inline:"end eof\n" cat drained
	done
	without_session
	served || atf_fail "not served"
	wait_closed
	atf_check_equal 4 "$(grep -c '^server=www .*from=' log)"
}

scenario many "More than a few silent connections at a time count against \
their source, a few do not"
many_body()
{
	need_addresses $sources
	serve echo "timeout handshake 2"
	start
	for i in 1 2 3 4 5 6 7 8; do
		silent few.$i -b 127.0.0.3:0
	done
	wait_until 20 "few to be counted" enough ptTimeout "$nothing" 8
	atf_check -s exit:1 grep penalised log
	holds 30
	wait_log '^server=www from=127\.0\.0\.2 warning="penalised for [0-9]+ seconds: ptTimeout: too many connections on which nothing was sent"$'
	served -b 127.0.0.2:0 && atf_fail "served though it is blocked"
	served -b 127.0.0.3:0 || atf_fail "another source was not served"
	atf_check -s exit:1 grep 'from=127\.0\.0\.3 warning' log
}

scenario limits "Silent connections count for every limit, and have no session"
limits_body()
{
	need_addresses $sources
	serve echo "connections max 3 per source 2"
	start
	silent a -b 127.0.0.2:0
	silent b -b 127.0.0.2:0
	"$peer" -b 127.0.0.2:0 connect "127.0.0.1:$port" drain 2>/dev/null
	wait_until 20 "one too many of a source" enough ptOperationRefused \
	    "connections per source 2" 1
	silent c
	"$peer" -b 127.0.0.3:0 connect "127.0.0.1:$port" drain 2>/dev/null
	wait_until 20 "one too many" enough ptOperationRefused \
	    "connections max 3" 1
	without_session
}

scenario descriptors "400 silent connections are as many descriptors and no \
process; those that leave give them back"
descriptors_body()
{
	need_look
	need_sources
	serve echo "connections max 1000 pending 1000" "timeout handshake 60"
	start
	wait_until 20 "idle sessions" idle_sessions 8
	before=$(spare_fds)
	background "$top/regress/tools/storm" -c 400 -t 100 \
	    "127.0.0.1:$port" silent:400
	storm=$pid
	wait_until 30 "400 descriptors" spare_fds_are $((before + 400))
	atf_check test "$(sessions | wc -l)" -le 8
	served || atf_fail "an honest client is not served"
	kill -KILL "$storm"
	wait_until 30 "as many descriptors as before" spare_fds_are "$before"
	atf_check test "$(sessions | wc -l)" -le 8
}
# Of the parent's descriptors, one belongs to each session there is.
spare_fds() { echo $(($(fds_of "$daemon") - $(sessions | wc -l))); }
spare_fds_are() { [ "$(spare_fds)" -eq "$1" ]; }
idle_sessions() { [ "$(sessions | wc -l)" -eq "$1" ]; }

scenario late "A client that says nothing for a while is served when it \
speaks, and only then by a session"
late_body()
{
	need_look
	serve echo "timeout handshake $((10 * ${RUNATF_SLOW:-1}))"
	start
	for i in 1 2 3; do
		waiter w$i 127.0.0.1 tls write "late $i" shutdown read
	done
	sleep 1
	without_session
	atf_check_equal "" "$(busy connecting)"
	touch go
	wait_closed 3
	for i in 1 2 3; do
		wait_until 20 "its end" eval 'dead $pid_w'$i
		atf_check -o inline:"late $i" cat w$i.got
	done
	# The wait is a part of the time that it took.
	atf_check -s exit:1 grep -E 'state=closed .* seconds=0\.' log
}

scenario rest "A client that waits before its hello has the rest of the \
handshake timer, and no more"
rest_body()
{
	serve echo "timeout handshake 5"
	start
	waiter w 127.0.0.1 raw '\x16\x03\x01\x02' hold
	sleep 3
	without_session
	touch go
	wait_closed 1
	atf_check -o match:'error=ptTimeout .*reason="handshake timer, 5 seconds"$' \
	    grep error= log
	# On a machine that is busy it may be longer; 8 would be all of it again.
	atf_check -o match:'state=closed .* seconds=[567]\.' \
	    grep state=closed log
}

scenario proxy "Where a PROXY header comes first its first byte is the one, \
and the proxies are not held to account"
proxy_body()
{
	serve_proxy "timeout handshake 2"
	start
	i=0
	while [ $i -lt 12 ]; do
		silent s$i
		i=$((i + 1))
	done
	waiter w 127.0.0.1 raw \
	    "PROXY TCP4 192.0.2.1 192.0.2.2 1 65535\\x0d\\x0a" tls \
	    write named shutdown read
	without_session
	touch go
	wait_closed 1
	atf_check -o inline:named cat w.got
	wait_until 20 "12 silent ones" enough ptTimeout "$nothing" 12
	background "$peer" connect "127.0.0.1:$port" raw P hold
	wait_closed 2
	atf_check -o match:'reason="handshake timer, 2 seconds: no PROXY header has come"$' \
	    grep 'session=.*error=' log
	atf_check -s exit:1 grep penalised log
}
serve_proxy()
{
	configure <<-CONF
	server "www" {
		listen on 127.0.0.1 port 0 proxy
		certificate "www"
		echo
		$1
	}
	CONF
}

scenario crowd "A flood of silence makes room at its own expense: who was \
there before is served when it speaks"
crowd_body()
{
	need_addresses $sources
	serve echo "connections max 400 per source 300 pending 20"
	start
	waiter w 127.0.0.3 tls write patient shutdown read
	holds 100
	wait_until 30 "many to make room" enough ptOperationRefused \
	    "connections pending 20: .*" 40
	touch go
	wait_log 'from=127\.0\.0\.3:[0-9]+ state=closed'
	atf_check -o inline:patient cat w.got
	served -b 127.0.0.3:0 || atf_fail "an honest client was shut out"
}

scenario turn "Those for whom there is no session yet keep their turn, and \
none is lost"
turn_body()
{
	need_look
	serve echo "prefork 1"
	start
	wait_until 20 "an idle session" idle_sessions 1
	for i in 1 2 3 4 5 6; do
		waiter w$i 127.0.0.1 tls write "turn $i" readn 6 \
		    touch "w$i.done" shutdown read
	done
	kill -STOP "$(spawners)"
	touch go
	wait_until 20 "the one idle session to be used" test -f "$(one_done)"
	kill -CONT "$(spawners)"
	wait_closed 6
	for i in 1 2 3 4 5 6; do
		atf_check -o inline:"turn $i" cat w$i.got
	done
}
one_done()
{
	_i=0
	until ls w*.done 2>/dev/null || [ $_i -eq 400 ]; do
		_i=$((_i + 1))
		sleep "$poll"
	done | sed 1q
}

scenario stop "A stop ends silent connections at once, without a State"
stop_body()
{
	serve echo "timeout handshake 60"
	echo "log verbose" >>securetcpd.conf
	start
	silent a
	silent b
	stop_daemon || atf_fail "exit $?"
	atf_check_equal 2 "$(grep -c '^server=www from=127.* msg="stopped by SIGTERM"' log)"
	without_session
}

scenario drain "Who had connected when draining begins is served when it \
speaks, and the daemon leaves then"
drain_body()
{
	serve echo "timeout handshake 60" "prefork 1"
	start
	waiter a 127.0.0.1 tls write drained shutdown read
	waiter b 127.0.0.1 tls write drained shutdown read
	kill -USR1 "$daemon"
	wait_log draining
	without_session
	touch go
	wait "$daemon" || atf_fail "exit $?"
	for n in a b; do
		atf_check -o inline:drained cat $n.got
	done
	atf_check_equal 2 "$(grep -c state=closed log)"
}

scenario drain_silent "Silence does not keep the daemon from leaving beyond \
the handshake timer"
drain_silent_body()
{
	serve echo "timeout handshake 1"
	start
	silent a
	kill -USR1 "$daemon"
	wait "$daemon" || atf_fail "exit $?"
	atf_check_equal 1 "$(counted ptTimeout "$nothing")"
}

atf_init_test_cases()
{
	add_scenarios
}
