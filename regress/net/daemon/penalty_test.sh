# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# Penalties: what is held against a source, what is not, and what becomes of
# it then.  The bad one is 127.0.0.2, others are others.

. "$(atf_get_srcdir)/common.sh"

trusted=
bad=127.0.0.2
sources="127.0.0.2 127.0.0.3 127.0.0.4 127.0.0.5 127.0.0.9"
garbage='GET / HTTP/1.0\x0d\x0a\x0d\x0a'
# A record of a handshake that never gets its second half.
half='\x16\x03\x01\x02\x01\x01\x01\x01\x01'
blocked="^server=www from=127\.0\.0\.2 warning=\"penalised for"
refused='^server=www from=127\.0\.0\.2:[0-9]+ error=ptOperationRefused number=12019 description="The operation was refused\." reason="penalised for [0-9]+ more seconds?" count=[0-9]+$'

# from SOURCE COMMAND...
from()
{
	_b=$1
	shift
	"$peer" -t 60 -b "$_b:0" connect "127.0.0.1:$port" "$@"
}
served()
{
	[ "$(from "$1" tls write served shutdown read 2>/dev/null)" = served ]
}
# offend [SOURCE]: one handshake that is none, and its end.
offend()
{
	_n=$(grep -c state=closed log)
	from "${1:-$bad}" raw "$garbage" drain >/dev/null 2>&1
	wait_closed $((_n + 1))
}
# dies SIGNAL SOURCE: of the signal, the session of its connection.
dies()
{
	background "$peer" -b "$2:0" connect "127.0.0.1:$port" tls write x \
	    drain
	wait_log state=connected
	wait_until 20 "its process" busy_count 1
	kill "-$1" "$(busy)"
}
# How many were refused, by the counts of the lines.
refusals()
{
	sed -nE "/$refused/s/.* count=//p" log | awk '{ n += $1 } END { print n + 0 }'
}
enough_refusals() { [ "$(refusals)" -ge "$1" ]; }
blocks() { grep -cE -- "$blocked" log; }
more_blocks() { [ "$(blocks)" -gt "$1" ]; }
# offended_until N: offences until there have been more than N blocks.
offended_until()
{
	_had=$1
	_tries=0
	until more_blocks "$_had"; do
		[ $_tries -lt 30 ] || atf_fail "30 offences and no block"
		offend
		_tries=$((_tries + 1))
	done
}
# not_penalised: whatever has happened, it is served still.
not_penalised()
{
	served $bad || atf_fail "not served"
	atf_check -s exit:1 grep penalised log
}
# not_blocked: whatever has happened, it is served still, and nobody warned.
not_blocked()
{
	served $bad || atf_fail "not served"
	atf_check -s exit:1 grep -E 'penalised|ptOperationRefused' log
}

scenario garbage "Handshakes that are none get their source blocked, which \
the log says once; it is turned away until the block ends and others are \
served meanwhile; the next one is longer and needs less"
garbage_body()
{
	need_addresses $sources
	serve echo
	start
	offended_until 0
	begin=$(date +%s)
	echo "blocked after $_tries offences"
	# Eight, or more when some of the penalty had passed meanwhile.
	[ $_tries -ge 8 ] || atf_fail "$_tries offences were enough"
	atf_check -o match:'^server=www from=127\.0\.0\.2 warning="penalised for 1[5-7] seconds: ptProtocol: not TLS: the peer sent [^"]*"$' \
	    grep penalised log
	sessions=$(grep -c "from=$bad:[0-9]* state=connecting" log)
	for i in 1 2 3 4 5; do
		from $bad drain >away.out 2>away.err
		atf_check -o match:'^end (eof|Connection reset by peer)$' \
		    cat away.err
		atf_check -o empty cat away.out
		served 127.0.0.3 || atf_fail "another source is not served"
		served 127.0.0.1 || atf_fail "127.0.0.1 is not served"
	done
	wait_until 20 "the refusals" enough_refusals 5
	atf_check_equal 5 "$(refusals)"
	# Never adopted, and not counted against it.
	atf_check_equal "$sessions" \
	    "$(grep -c "from=$bad:[0-9]* state=connecting" log)"
	atf_check_equal 1 "$(blocks)"
	wait_until 25 "the end of the block" served $bad
	spent=$(($(date +%s) - begin))
	[ $spent -ge 12 ] || atf_fail "it was over after $spent seconds"
	offended_until 1
	echo "blocked after $_tries offences more"
	atf_check -o match:'warning="penalised for 30 seconds: ptProtocol: ' \
	    grep penalised log
	served $bad && atf_fail "served though it is blocked"
	atf_check_equal 2 "$(blocks)"
}

scenario cut_off "Handshakes that are cut off in the middle count, one \
second each"
cut_off_body()
{
	need_addresses $sources
	serve echo
	start
	# They come together, so that little of the penalty passes meanwhile.
	i=0
	while [ $i -lt 40 ]; do
		background "$peer" -b $bad:0 connect "127.0.0.1:$port" \
		    raw "$half" until cut close
		i=$((i + 1))
	done
	wait_until 20 "40 connecting" connecting 40
	touch cut
	wait_closed 40
	wait_log "$blocked"
	atf_check -o match:'warning="penalised for 1[5-6] seconds: ptConnectionAborted: ' \
	    grep penalised log
	atf_check_equal 40 "$(grep -c 'error=ptConnectionAborted' log)"
	atf_check_equal 1 "$(blocks)"
}
connecting() { [ "$(grep -c state=connecting log)" -ge "$1" ]; }

scenario handshake_timer "Exceeded handshake timers count, five seconds each"
handshake_timer_body()
{
	need_addresses $sources
	serve echo "timeout handshake 1"
	start
	for i in 1 2 3 4 5; do
		background "$peer" -b $bad:0 connect "127.0.0.1:$port" \
		    raw "$half" hold
	done
	wait_closed 5
	wait_log "$blocked"
	# Three, or four when some had passed between them.
	atf_check -o match:'warning="penalised for (15|1[6-9]|20) seconds: ptTimeout: handshake timer, 1 second"$' \
	    grep penalised log
}

scenario close_timer "Exceeded close timers weigh nothing: who is slow to take \
what is sent has done no wrong"
close_timer_body()
{
	need_addresses $sources
	background "$peer" -k -c sent accept "$PWD/backend.sock" flood 0
	wait_until 20 "backend" test -S backend.sock
	serve "forward to \"$PWD/backend.sock\"" "timeout close 1"
	start
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
		background "$peer" -b $bad:0 connect "127.0.0.1:$port" tls \
		    until leave
	done
	wait_until 20 "all connected" connected 16
	poll=0.5
	calm=0
	wait_until 60 "the flood to stand still" stands_still
	poll=0.05
	stop_daemon
	touch leave
	atf_check_equal 16 "$(grep -c 'reason="close timer, 1 second"' log)"
	atf_check -s exit:1 grep penalised log
}
connected() { [ "$(grep -c state=connected log)" -ge "$1" ]; }
# For two seconds: many share the count.
stands_still()
{
	if steady; then
		calm=$((calm + 1))
	else
		calm=0
	fi
	[ $calm -ge 4 ]
}

scenario crash "A crash of its session blocks a source for 90 seconds"
crash_body()
{
	need_addresses $sources
	need_look
	serve echo
	start
	dies SEGV $bad
	wait_log "$blocked"
	atf_check -o match:'^server=www from=127\.0\.0\.2 warning="penalised for 90 seconds: session terminated: killed by signal 11 .Segmentation fault."$' \
	    grep penalised log
	from $bad drain 2>away.err
	wait_log "$refused"
	served 127.0.0.3 || atf_fail "another source is not served"
}

scenario killed "A session that is killed from outside, as by a kernel short \
of memory, is not held against its client"
killed_body()
{
	need_addresses $sources
	need_look
	serve echo
	start
	dies KILL $bad
	wait_log 'error=ptError .*killed by signal 9'
	wait_until 20 "service" served $bad
	atf_check -s exit:1 grep penalised log
}

scenario authentication "Clients whose identity is refused are offenders, \
five seconds each"
authentication_body()
{
	need_addresses $sources
	certificate www
	serve echo "client authentication required ca \"$PWD/www.crt\""
	start
	_tries=0
	until more_blocks 0; do
		[ $_tries -lt 10 ] || atf_fail "10 offences and no block"
		_n=$(grep -c state=closed log)
		from $bad tls drain >/dev/null 2>&1
		wait_closed $((_n + 1))
		_tries=$((_tries + 1))
	done
	[ $_tries -ge 3 ] || atf_fail "$_tries offences were enough"
	atf_check -o match:'warning="penalised for (15|1[6-9]|20) seconds: ptAuthentication: [^"]*no certificate[^"]*"$' \
	    grep penalised log
}

# named SOURCE COMMAND...: through a proxy that says so.
named()
{
	_b=$1
	shift
	from $bad raw "PROXY TCP4 $_b 192.0.2.1 1000 443\x0d\x0a" "$@"
}

scenario elsewhere "What a proxy says of an address is held against it behind \
proxies of that server, and nowhere else: anybody on this machine is a proxy"
elsewhere_body()
{
	need_addresses $sources
	configure <<-CONF
	server "www" {
		listen on 127.0.0.1 port 0 proxy
		certificate "www"
		echo
	}
	server "other" {
		listen on 127.0.0.1 port 0 proxy
		certificate "www"
		echo
	}
	server "direct" {
		listen on 127.0.0.1 port 0
		certificate "www"
		echo
	}
	CONF
	start
	i=0
	until in_log '^server=www from=127\.0\.0\.9 warning="penalised for '; do
		[ $i -lt 30 ] || atf_fail "30 offences and no block"
		_n=$(grep -c state=closed log)
		named 127.0.0.9 raw "$garbage" drain >/dev/null 2>&1
		wait_closed $((_n + 1))
		i=$((i + 1))
	done
	port=$(port_of other)
	shows -o inline:served named 127.0.0.9 tls write served shutdown read
	port=$(port_of direct)
	served 127.0.0.9 || atf_fail "not served where it comes itself"
}

scenario evicted "Who fills the places of handshakes under way, and is made \
to leave them for others, is penalised as if the timer had come"
evicted_body()
{
	need_addresses $sources
	serve echo "connections pending 4" "timeout handshake 60"
	start
	i=0
	until in_log "$blocked"; do
		[ $i -lt 12 ] || atf_fail "$i rounds and no block"
		for _ in 1 2 3 4; do
			background "$peer" -t 60 -b $bad:0 connect \
			    "127.0.0.1:$port" raw "$half" hold
		done
		# A second has to pass before it is held against anybody.
		sleep 1.1
		i=$((i + 1))
	done
	served 127.0.0.3 || atf_fail "another is not served"
}

scenario strangers "Being made to leave for strangers weighs nothing, \
however often"
strangers_body()
{
	need_addresses $sources
	serve echo "connections pending 4" "timeout handshake 60"
	start
	begun=0
	for round in 1 2 3 4; do
		rm -f leave
		for s in $bad 127.0.0.3 127.0.0.4 127.0.0.5 127.0.0.9; do
			# For so long it could be held against it.
			[ $s != 127.0.0.3 ] || sleep 1.1
			background "$peer" -t 60 -b $s:0 connect \
			    "127.0.0.1:$port" raw "$half" until leave close
			begun=$((begun + 1))
			wait_until 20 "$s in round $round" connecting $begun
		done
		wait_until 20 "$bad to make room" made_room $round
		touch leave
		wait_closed $begun
	done
	not_penalised
}
connecting() { [ "$(grep -c state=connecting log)" -ge "$1" ]; }
made_room()
{
	[ "$(grep -cE "from=$bad:[0-9]+ error=ptOperationRefused" log)" -eq "$1" ]
}

# halves N: so many that send half a hello, and leave when the file leave is
# there; their processes are in $peers.
halves()
{
	_i=0
	peers=
	while [ $_i -lt "$1" ]; do
		"$peer" -t 120 -b $bad:0 connect "127.0.0.1:$port" \
		    raw "$half" until leave close &
		peers="$peers $!"
		_i=$((_i + 1))
	done
}

scenario unforked "While no session can be forked clients wait; that is told \
of once a minute, with a count, and held against none that gives up" timeout 300
unforked_body()
{
	need_addresses $sources
	need_look
	command -v prlimit >/dev/null || atf_skip "no prlimit here"
	serve echo "prefork 2"
	start
	served $bad || atf_fail "not served"
	spawner=$(titled "$daemon" "securetcp-spawner: www")
	was=$(limit -o SOFT --noheadings --nproc) && limit --nproc=0: ||
	    atf_skip "no limit can be set"
	halves 30
	wait_log "$unforked"
	wait_until 90 "a second line" lines_unforked 2
	atf_check_equal 2 "$(grep -c "cannot be forked" log)"
	atf_check test "$(sed -n 's/.*cannot be forked.*(\([0-9]*\) since .*/\1/p' \
	    log | tail -n 1)" -ge 10
	touch leave
	# shellcheck disable=SC2086
	wait $peers
	# shellcheck disable=SC2086
	limit --nproc="$(echo $was):" || atf_fail "its limit stays"
	wait_closed 31
	not_penalised
}
# limit OPTION...: the spawner's, by its user, who may.
limit()
{
	_as=
	[ "$(id -u)" -ne 0 ] || _as="$as -u nobody"
	$_as prlimit --pid "$spawner" "$@"
}
unforked='^warning="server ..www..: a session cannot be forked: '
lines_unforked() { [ "$(grep -c "$unforked" log)" -ge "$1" ]; }

scenario proxied "Behind a proxy it is the source named by its header that \
is penalised and turned away; the proxy is not, whatever it sends itself"
proxied_body()
{
	need_addresses $sources
	configure <<-CONF
	server "www" {
		listen on 127.0.0.1 port 0 proxy
		certificate "www"
		echo
	}
	CONF
	start
	i=0
	while [ $i -lt 20 ]; do
		from $bad raw "$garbage" drain >/dev/null 2>&1
		from $bad raw "PROXY UNKNOWN\x0d\x0a$garbage" drain \
		    >/dev/null 2>&1
		i=$((i + 1))
	done
	wait_closed 40
	atf_check_equal 40 "$(grep -c error=ptProtocol log)"
	atf_check -s exit:1 grep penalised log
	i=0
	until in_log '^server=www from=192\.0\.2\.7 warning="penalised for '; do
		[ $i -lt 30 ] || atf_fail "30 offences and no block"
		_n=$(grep -c state=closed log)
		named 192.0.2.7 raw "$garbage" drain >/dev/null 2>&1
		wait_closed $((_n + 1))
		i=$((i + 1))
	done
	[ $i -ge 8 ] || atf_fail "$i offences were enough"
	named 192.0.2.7 tls write x read >away.out 2>/dev/null
	wait_log '^server=www session=[0-9]+ from=192\.0\.2\.7:1000 error=ptOperationRefused .*reason="penalised for [0-9]+ more seconds?" via=127\.0\.0\.2:[0-9]+$'
	atf_check -o empty cat away.out
	shows -o inline:served named 192.0.2.8 tls write served shutdown read
	# The proxy has none, and there is one block.
	atf_check_equal 1 "$(grep -c penalised\ for\ .*seconds: log)"
}

scenario no_offence "Health checks, clients that say goodbye and those that \
do not, idle ones and those whose backend is not there are no offenders" \
    timeout 200
no_offence_body()
{
	need_addresses $sources
	refuser backend
	{
		cat <<-CONF
		server "www" {
			listen on 127.0.0.1 port 0
			certificate "www"
			echo
			timeout idle 1
		}
		server "broken" {
			listen on 127.0.0.1 port 0
			certificate "www"
			forward to 127.0.0.1 port $(cat backend.port)
		}
		CONF
	} | configure
	start
	i=0
	while [ $i -lt 30 ]; do
		from $bad close
		from $bad reset
		served $bad || atf_fail "not served"
		from $bad tls write x readn 1 close 2>/dev/null >&2
		background "$peer" -b $bad:0 connect "127.0.0.1:$port" tls \
		    write x drain
		"$peer" -b $bad:0 connect "127.0.0.1:$(port_of broken)" tls \
		    drain 2>/dev/null
		i=$((i + 1))
	done
	wait_closed 120 60
	atf_check_equal 30 "$(grep -c 'reason="idle timer, 1 second"' log)"
	atf_check_equal 30 "$(grep -c error=ptConnectionRefused log)"
	not_blocked
}

scenario client_block "Who uses a client block has no penalty for what its \
target does"
client_block_body()
{
	need_addresses $sources
	printf 'HTTP/1.0 400 Bad Request\r\n\r\n' >no.tls
	background "$peer" -k -p target.port accept 127.0.0.1:0 send no.tls
	wait_until 20 "target" test -f target.port
	certificate www
	configure <<-CONF
	client "www" {
		listen on 127.0.0.1 port 0
		connect to 127.0.0.1 port $(cat target.port)
		ca "$PWD/www.crt"
		servername "localhost"
	}
	CONF
	start
	i=0
	while [ $i -lt 20 ]; do
		from $bad drain 2>/dev/null
		i=$((i + 1))
	done
	wait_closed 20
	atf_check_equal 20 "$(grep -c error=ptProtocol log)"
	atf_check -s exit:1 grep -E 'penalised|ptOperationRefused' log
}

scenario our_fault "Who waits in vain for our signature has not exceeded \
the handshake timer"
our_fault_body()
{
	need_addresses $sources
	need_look
	serve echo "timeout handshake 1"
	{ echo "signers 1"; cat securetcpd.conf; } >1.conf
	mv 1.conf securetcpd.conf
	start
	hung=$(signers)
	kill -STOP "$hung"
	for i in 1 2 3 4 5; do
		background "$peer" -b $bad:0 connect "127.0.0.1:$port" tls \
		    drain
	done
	wait_closed 5
	kill -CONT "$hung"
	atf_check_equal 5 "$(grep -c 'error=ptTimeout .*handshake timer' log)"
	not_blocked
}

scenario distrust "A client that refuses our certificate has done no wrong, \
however often it comes back"
distrust_body()
{
	need_addresses $sources
	certificate other
	serve echo
	start
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		openssl s_client -connect "127.0.0.1:$port" -CAfile other.crt \
		    -verify_return_error </dev/null >/dev/null 2>&1
	done
	wait_closed 12
	atf_check_equal 12 "$(grep -Ec 'reason="peer.s alert: (unknown ca|bad certificate)"' log)"
	served 127.0.0.1 || atf_fail "not served"
	atf_check -s exit:1 grep penalised log
}

scenario amends "A handshake that is completed makes up for one that was not"
amends_body()
{
	need_addresses $sources
	serve echo
	start
	i=0
	while [ $i -lt 20 ]; do
		offend
		served $bad || atf_fail "not served after $i"
		i=$((i + 1))
	done
	not_blocked
}

scenario settings "The statement penalties: from how many seconds on, how many \
at most, whom not, and not at all"
settings_body()
{
	need_addresses $sources
	serve echo
	echo "penalties { block after 3" >>securetcpd.conf
	echo "	at most 5; exempt 127.0.0.3, 127.0.0.4/31 }" >>securetcpd.conf
	start
	for s in 3 5; do
		for i in 1 2 3 4; do
			offend 127.0.0.$s
		done
		served 127.0.0.$s || atf_fail "127.0.0.$s is not served"
	done
	offended_until 0
	[ $_tries -le 3 ] || atf_fail "it took $_tries offences"
	atf_check -o match:'warning="penalised for [3-5] seconds: ' \
	    grep penalised log
	stop_daemon
	serve echo
	echo "penalties off" >>securetcpd.conf
	start
	i=0
	while [ $i -lt 20 ]; do
		offend
		i=$((i + 1))
	done
	not_blocked
}

scenario stopped "While the daemon was stopped clients gave up: that is held \
against nobody"
stopped_body()
{
	need_addresses $sources
	serve echo
	start
	served $bad || atf_fail "not served"
	kill -STOP "$daemon"
	halves 20
	# That long it has to be: more than a moment.
	sleep 2
	touch leave
	# shellcheck disable=SC2086
	wait $peers
	kill -CONT "$daemon"
	wait_closed 21
	atf_check_equal 20 "$(grep -c error=ptConnectionAborted log)"
	not_blocked
}

scenario in_vain "Who leaves when it was given a signature has had it \
computed in vain: two seconds each"
in_vain_body()
{
	need_addresses $sources
	serve echo
	# Half of that would never be enough.
	echo "penalties { block after 2 }" >>securetcpd.conf
	start
	hello_of
	"$peer" -t 60 -b $bad:0 connect "127.0.0.1:$port" send hello readn 1 \
	    close >/dev/null 2>&1
	wait_log "$blocked"
	atf_check -o match:'warning="penalised for 2 seconds: ptConnectionAborted: ' \
	    grep penalised log
}

scenario trusted "A trusted proxy is never penalised, whatever comes from \
it; who is none is"
trusted_body()
{
	need_addresses $sources
	need_look
	trusted="127.0.0.3, 127.0.0.4/31, 2001:db8::/32"
	serve echo
	start
	for i in 1 2 3 4 5 6 7 8 9 10; do
		for s in 3 4 5; do
			offend 127.0.0.$s
		done
	done
	dies SEGV 127.0.0.3
	wait_log 'a session crashed: .* from=127\.0\.0\.3:[0-9]+ crashes=1$'
	for s in 3 4 5; do
		served 127.0.0.$s || atf_fail "127.0.0.$s is not served"
	done
	atf_check -s exit:1 grep penalised log
	offended_until 0
	served $bad && atf_fail "who is not trusted is served"
	served 127.0.0.3 || atf_fail "127.0.0.3 is not served"
}

atf_init_test_cases()
{
	add_scenarios
}
