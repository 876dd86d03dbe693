# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# The exact sequence of State and Error events of every row of the table
# that a server block can meet, as the log has them.

. "$(atf_get_srcdir)/common.sh"

# client COMMAND...: what it says is in the files client.out and client.err.
client()
{
	"$peer" -C www.crt connect "127.0.0.1:$port" "$@" \
	    >client.out 2>client.err
}

scenario all_well "A connection that ends as it should: connecting, \
connected, closing, closed"
all_well_body()
{
	serve echo
	start
	client tls=1.3 write hello shutdown read
	atf_check -o inline:"hello" cat client.out
	check_events <<-EVENTS
	state=connecting
	state=connected VERSION backend=echo
	state=closing
	state=closed in=5 out=5 seconds=S
	EVENTS
}

scenario server_name "The server name that the client sent is in the \
connected event"
server_name_body()
{
	serve echo
	start
	openssl s_client -servername www.example.org -tls1_3 \
	    -connect "127.0.0.1:$port" </dev/null >client.out 2>&1
	check_events <<-EVENTS
	state=connecting
	state=connected VERSION servername=www.example.org backend=echo
	state=closing
	state=closed in=0 out=0 seconds=S
	EVENTS
}

scenario no_common_version "No common protocol version is ptProtocol"
no_common_version_body()
{
	serve echo 'protocol "tlsv1.2"'
	start
	client tls=1.3
	atf_check -o match:"alert" cat client.err
	check_fails ptProtocol "no common protocol version"
}

scenario no_common_cipher "No common cipher is ptProtocol"
no_common_cipher_body()
{
	serve echo 'protocol "tlsv1.2"' 'ciphers "ECDHE-ECDSA-AES256-GCM-SHA384"'
	start
	openssl s_client -cipher ECDHE-ECDSA-AES128-GCM-SHA256 -tls1_2 \
	    -connect "127.0.0.1:$port" </dev/null >client.out 2>&1
	check_fails ptProtocol "no common cipher suite"
}

scenario not_tls "A peer that does not speak TLS at all is ptProtocol"
not_tls_body()
{
	serve echo
	start
	client raw "SSH-2.0-OpenSSH_9.2\\x0d\\x0a" drain
	check_fails ptProtocol "not TLS: the peer sent SSH"
}

scenario http "Plain HTTP to the TLS port is ptProtocol and called by its name"
http_body()
{
	serve echo
	start
	client raw "GET / HTTP/1.0\\x0d\\x0a\\x0d\\x0a" drain
	check_fails ptProtocol "not TLS: the peer sent an HTTP request"
}

scenario strangers "PostgreSQL, SMTP and SSH on the TLS port are called by \
their names"
strangers_body()
{
	serve echo
	start
	client raw "\\x00\\x00\\x00\\x08\\x04\\xd2\\x16\\x2f" drain
	wait_closed 1
	client raw "EHLO example.org\\x0d\\x0a" drain
	wait_closed 2
	client raw "SSH-2.0-OpenSSH_9.9\\x0d\\x0a" drain
	wait_closed 3
	atf_check -o inline:"a start of PostgreSQL (SSLRequest)\nSMTP\nSSH\n" \
	    sed -n 's/.*error=ptProtocol .*not TLS: the peer sent \(.*\)"$/\1/p' \
	    log
}

scenario garbage "A ClientHello that is malformed is ptProtocol"
garbage_body()
{
	serve echo
	start
	client raw "\\x16\\x03\\x01\\x00\\x06\\x01\\x00\\x00\\x02\\xff\\xff" drain
	wait_closed
	atf_check -o inline:"state=connecting\nerror=ptProtocol\nstate=closing\nstate=closed\n" \
	    sed -E -n 's/^server=www session=.* (state=[a-z]+|error=[A-Za-z]+).*/\1/p' log
}

scenario health_check "A peer that leaves without a byte, as a health check \
does, is no error"
health_check_body()
{
	serve echo
	{ echo "log verbose"; cat securetcpd.conf; } >verbose.conf
	mv verbose.conf securetcpd.conf
	start
	client close
	wait_log '^server=www from=127\.0\.0\.1:[0-9]+ msg="the peer left without sending anything"$'
	client reset
	wait_until 20 "another one" left_without 2
	# Whoever ends his direction wants no answer to nothing, either.
	client fin drain
	wait_until 20 "a third one" left_without 3
	# They have no session, and so no State.
	atf_check -s exit:1 grep -E ' (session|state|error)=' log
}

left_without()
{
	[ "$(grep -c 'msg="the peer left without sending' log)" -eq "$1" ]
}

scenario health_check_tls "One that resets after the handshake, as the TLS \
health check of haproxy does, is an error for log verbose only; one that has \
said something is an error"
health_check_tls_body()
{
	# There the server knows first that the handshake is at its end.
	serve echo 'protocol "tlsv1.2"'
	cp securetcpd.conf state.conf
	start
	client tls reset
	client tls reset
	client tls write hello readn 5 reset
	wait_closed 3
	events >happened
	atf_check -o match:"^server=www session=N from=PEER \
$(failure ptConnectionReset "peer: Connection reset by peer")\$" \
	    grep error= happened
	atf_check -o inline:"1\n" grep -c error= happened
	stop_daemon
	{ echo "log verbose"; cat state.conf; } >securetcpd.conf
	start
	client tls reset
	check_events <<-EVENTS
	state=connecting
	state=connected VERSION backend=echo
	$(failure ptConnectionReset "peer: Connection reset by peer")
	state=closing
	state=closed in=0 out=0 seconds=S
	EVENTS
}

scenario vanished "A peer that vanishes after a part of its ClientHello is \
ptConnectionAborted"
vanished_body()
{
	serve echo
	start
	client raw "\\x16\\x03\\x01\\x02\\x00\\x01" close
	check_fails ptConnectionAborted \
	    "the peer left in the middle of the handshake: end of file"
}

scenario reset_in_handshake "A reset in the handshake is \
ptConnectionAborted, too"
reset_in_handshake_body()
{
	serve echo
	start
	client raw "\\x16\\x03\\x01\\x02\\x00\\x01" reset
	check_fails ptConnectionAborted \
	    "the peer left in the middle of the handshake: Connection reset by peer"
}

scenario unknown_ca "The alert of curl without --cacert is ptProtocol and \
its reason names it" require.progs curl
unknown_ca_body()
{
	serve echo
	start
	for v in 1.2 1.3; do
		atf_check -s exit:60 -o ignore -e ignore curl -sS --tlsv$v \
		    --tls-max $v "https://127.0.0.1:$port/"
	done
	check_fails ptProtocol "peer's alert: unknown ca" 2
}

scenario reset "A reset after connected is ptConnectionReset"
reset_body()
{
	serve echo
	start
	client tls write hello readn 5 reset
	check_events <<-EVENTS
	state=connecting
	state=connected VERSION backend=echo
	$(failure ptConnectionReset "peer: Connection reset by peer")
	state=closing
	state=closed in=5 out=5 seconds=S
	EVENTS
}

scenario malformed "Malformed TLS after connected is ptProtocol"
malformed_body()
{
	serve echo
	start
	client tls=1.3 write hello readn 5 \
	    raw "\\x17\\x03\\x03\\x00\\x13aaaaaaaaaaaaaaaaaaa" drain
	check_events <<-EVENTS
	state=connecting
	state=connected VERSION backend=echo
	$(failure ptProtocol "malformed or unexpected TLS from the peer: $(reason_of bad_record)")
	state=closing
	state=closed in=5 out=5 seconds=S
	EVENTS
}

scenario truncated "An end without close_notify is no error and said to be \
truncated"
truncated_body()
{
	serve echo
	start
	client tls write hello readn 5 fin drain
	check_events <<-EVENTS
	state=connecting
	state=connected VERSION backend=echo
	state=closing reason="truncated: ended without close_notify"
	state=closed in=5 out=5 seconds=S
	EVENTS
}

# to_backend STATEMENT...: what the backend has seen is in background.out, .err
to_backend()
{
	background "$peer" -p backend.port accept 127.0.0.1:0 read
	backend=$pid
	wait_until 20 "the backend's port" test -s backend.port
	serve "forward to 127.0.0.1 port $(cat backend.port)" "$@"
	start
}

scenario truncated_backend "An end without close_notify is passed on as an end"
truncated_backend_body()
{
	to_backend
	client tls write hello fin drain
	wait_until 20 "the backend to leave" dead "$backend"
	atf_check -o inline:"hello" cat background.out
	atf_check -o match:"^end eof" cat background.err
}

scenario truncated_reset "With \"truncation reset\" it is passed on as a reset, \
after what there was"
truncated_reset_body()
{
	to_backend "truncation reset"
	client tls write hello fin drain
	wait_until 20 "the backend to leave" dead "$backend"
	atf_check -o inline:"hello" cat background.out
	atf_check -o inline:"end reset\n" cat background.err
	wait_log 'state=closing reason="truncated: ended without close_notify, passed on as a reset"'
}

scenario reset_backend "After an error a backend sees a reset and no end"
reset_backend_body()
{
	to_backend "timeout idle 1"
	client tls write hello hold
	wait_until 20 "the backend to leave" dead "$backend"
	atf_check -o inline:"hello" cat background.out
	atf_check -o inline:"end reset\n" cat background.err
	atf_check -o ignore grep 'error=ptTimeout .*idle timer, 1 second' log
}

scenario gone "A client that ended without close_notify and takes nothing is \
gone after the close timer, when its backend does not end"
gone_body()
{
	background "$peer" -p backend.port accept 127.0.0.1:0 readn 5 \
	    until never
	wait_until 20 "the backend's port" test -s backend.port
	serve "forward to 127.0.0.1 port $(cat backend.port)" \
	    "timeout close 1"
	start
	client tls write hello fin hold
	check_events <<-EVENTS
	state=connecting
	state=connected VERSION backend=127.0.0.1:$(cat backend.port)
	state=closing reason="truncated: ended without close_notify, and took nothing for 1 second"
	state=closed in=5 out=0 seconds=S
	EVENTS
}

scenario slow_end "A client that takes slowly what is left for it gets all of \
that, beyond the close timer, whether it has ended its own direction or a \
program has ended the connection" timeout 240
slow_end_body()
{
	# More than the buffers of the system hold.
	[ "$system" = Linux ] && n=5000000 || n=300000
	random_bytes $n answer
	chmod 644 answer
	printf '#!/bin/sh\nread -r line\ncat "%s"\n' "$PWD/answer" >program
	chmod 755 . program
	background "$peer" -k -t 200 accept "$PWD/backend.sock" readn 3 \
	    send answer shutdown read
	wait_until 20 "backend" test -S backend.sock
	configure <<-CONF
	server "www" {
		listen on 127.0.0.1 port 0
		certificate "www"
		forward to "$PWD/backend.sock"
		timeout close 2
	}
	server "program" {
		listen on 127.0.0.1 port 0
		certificate "www"
		execute "$PWD/program" user "nobody"
		timeout close 2
	}
	CONF
	start
	set --
	for w in www:fin www:shutdown program:; do
		# shellcheck disable=SC2086
		"$peer" -r 4096 -t 100 connect \
		    "127.0.0.1:$(port_of "${w%:*}")" tls \
		    write "go
" ${w#*:} sip >"got.$w" 2>"err.$w" &
		set -- "$@" $!
	done
	for w in www:fin www:shutdown program:; do
		wait "$1" || {
			cat "err.$w"
			atf_fail "$w: cut off"
		}
		shift
		atf_check cmp answer "got.$w"
		atf_check -o match:"end close_notify" cat "err.$w"
	done
	wait_closed 3
	atf_check -s exit:1 grep error= log
}

scenario handshake_timer "A handshake that takes longer than its timer is \
ptTimeout"
handshake_timer_body()
{
	serve echo "timeout handshake 1"
	start
	client raw "\\x16" hold
	client raw "\\x16\\x03\\x01\\x02\\x00\\x01" hold
	check_fails ptTimeout "handshake timer, 1 second" 2
}

scenario idle_timer "A connection on which nothing moves ends by its idle \
timer"
idle_timer_body()
{
	serve echo "timeout idle 1"
	start
	client tls write hello readn 5 read
	check_events <<-EVENTS
	state=connecting
	state=connected VERSION backend=echo
	$(failure ptTimeout "idle timer, 1 second")
	state=closing
	state=closed in=5 out=5 seconds=S
	EVENTS
}

scenario close_timer "A close that the peer does not let end is ended by \
the close timer"
close_timer_body()
{
	background "$peer" -c sent accept "$PWD/backend.sock" flood 0
	wait_until 20 "backend" test -S backend.sock
	serve "forward to \"$PWD/backend.sock\"" "timeout close 1"
	start
	background "$peer" connect "127.0.0.1:$port" tls hold
	wait_log state=connected
	poll=0.5
	wait_until 30 "the flood to stand still" steady
	poll=0.05
	stop_daemon
	edit log 's/ out=[0-9]* / out=MANY /'
	check_events <<-EVENTS
	state=connecting
	state=connected VERSION backend=$PWD/backend.sock
	state=closing reason="stopped by SIGTERM"
	$(failure ptTimeout "close timer, 1 second")
	state=closed in=0 out=MANY seconds=S
	EVENTS
}

scenario backend_timer "A backend that does not take the connection in time \
is ptTimeout before connected"
backend_timer_body()
{
	need_silent
	background "$peer" -p backend.port $silent 127.0.0.1:0
	wait_until 20 "backend" test -f backend.port
	b=127.0.0.1:$(cat backend.port)
	serve "forward to 127.0.0.1 port ${b#*:}" "timeout backend 1"
	start
	client tls read
	check_fails ptTimeout "backend timer, 1 second: backend $b"
}

scenario backend_unix_full "A unix socket whose queue is full is waited for \
until the backend timer"
backend_unix_full_body()
{
	need_busy
	background "$peer" -p backend.port full "$PWD/backend.sock"
	wait_until 20 "backend" test -f backend.port
	serve "forward to \"$PWD/backend.sock\"" "timeout backend 1"
	start
	client tls read
	check_fails ptTimeout \
	    "backend timer, 1 second: backend $PWD/backend.sock: Resource temporarily unavailable"
}

scenario backend_refused "A backend that refuses is ptConnectionRefused, \
after the handshake and before connected"
backend_refused_body()
{
	refuser backend
	b=127.0.0.1:$port_backend
	serve "forward to 127.0.0.1 port ${b#*:}"
	start
	client tls read
	atf_check_equal "" "$(cat client.out)"
	check_fails ptConnectionRefused "backend $b: Connection refused"
}

scenario backend_missing "A backend whose unix socket is not there is an \
error that names it"
backend_missing_body()
{
	serve "forward to \"$PWD/nothing.sock\""
	start
	client tls read
	check_fails ptError \
	    "backend $PWD/nothing.sock: No such file or directory"
}

scenario backend_reset "A backend that resets ends the session, which says \
which side it was"
backend_reset_body()
{
	background "$peer" -p backend.port accept 127.0.0.1:0 readn 5 reset
	wait_until 20 "backend" test -f backend.port
	b=127.0.0.1:$(cat backend.port)
	serve "forward to 127.0.0.1 port ${b#*:}"
	start
	client tls write hello read
	check_events <<-EVENTS
	state=connecting
	state=connected VERSION backend=$b
	$(failure ptConnectionReset "backend: Connection reset by peer")
	state=closing
	state=closed in=5 out=0 seconds=S
	EVENTS
}

# dies SIGNAL TEXT
dies()
{
	[ "$(id -u)" -eq 0 ] || atf_skip "needs root, to kill a session"
	serve echo
	start
	background "$peer" connect "127.0.0.1:$port" tls write hello readn 5 \
	    drain
	wait_until 20 "connected" busy_count 1 connected
	wait_log state=connected
	kill "-$1" $(busy connected)
	check_events <<-EVENTS
	state=connecting
	state=connected VERSION backend=echo
	error=ptError number=11100 description="session terminated" reason="$2"
	state=closing
	state=closed in=0 out=0 seconds=S
	EVENTS
	# The daemon goes on.
	client tls write again shutdown read
	atf_check -o inline:"again" cat client.out
}
scenario killed "A session that was killed is reported with its signal"
killed_body() { dies KILL "killed by signal 9 (Killed)"; }
scenario crashed "A session that crashed is reported with its signal"
crashed_body() { dies SEGV "killed by signal 11 (Segmentation fault)"; }

scenario signer_lost "A signer that dies before it has answered ends the \
handshake with an error that says so"
signer_lost_body()
{
	need_look
	serve echo
	{ echo "signers 1"; cat securetcpd.conf; } >1.conf
	mv 1.conf securetcpd.conf
	start
	signer=$(signers)
	kill -STOP "$signer"
	background "$peer" connect "127.0.0.1:$port" tls
	wait_log state=connecting
	# The client has said its part: the session asks, and then waits.
	poll=0.5
	wait_until 20 "the session to wait" waiting
	poll=0.05
	kill -KILL "$signer"
	check_fails ptError "signer 1 terminated: killed by signal 9 (Killed)"
	wait_until 20 "service" client tls write again shutdown read
	atf_check -o inline:"again" cat client.out
}
waiting()
{
	_before=$switches
	switches=$(waits_of "$(busy connecting)")
	[ -n "$switches" ] && [ "$switches" = "$_before" ]
}

scenario stopped "SIGTERM closes live connections gracefully, and says by \
whom"
stopped_body()
{
	serve echo
	start
	background "$peer" -C www.crt connect "127.0.0.1:$port" tls \
	    write hello readn 5 read
	client=$pid
	wait_log state=connected
	wait_until 20 "the echo" grep -q "end enough" background.err
	stop_daemon
	atf_check_equal 0 $?
	wait_until 20 "the client to leave" dead "$client"
	atf_check -o inline:"end enough\nend close_notify\n" cat background.err
	check_events <<-EVENTS
	state=connecting
	state=connected VERSION backend=echo
	state=closing reason="stopped by SIGTERM"
	state=closed in=5 out=5 seconds=S
	EVENTS
}

scenario stopped_slow "A stop waits, beyond the close timer, for a client that \
takes slowly what is under way to it: nothing of that is lost" timeout 100
stopped_slow_body()
{
	background "$peer" -c sent accept "$PWD/backend.sock" flood 0
	wait_until 20 "backend" test -S backend.sock
	serve "forward to \"$PWD/backend.sock\"" "timeout close 2"
	start
	background "$peer" -r 4096 connect "127.0.0.1:$port" tls \
	    until go sip
	client=$pid
	wait_log state=connected
	poll=0.5
	wait_until 30 "the flood to stand still" steady
	poll=0.05
	touch go
	stop_daemon
	wait_until 60 "the client to leave" dead "$client"
	atf_check -s exit:1 grep error= log
	out=$(sed -n 's/.*state=closed .* out=\([0-9]*\) .*/\1/p' log)
	got=$(wc -c <background.out)
	echo "$out bytes were sent, $got arrived"
	[ "$out" -gt 65536 ] && [ "$got" -eq "$out" ] ||
	    atf_fail "not everything has arrived"
	atf_check -o match:"end close_notify" cat background.err
}

scenario escaped "What a peer sends does not reach the log unescaped"
escaped_body()
{
	[ -z "$libressl" ] ||
	    atf_skip "openssl(1) of LibreSSL sends no such server name"
	serve echo 'match servername unknown refuse'
	start
	openssl s_client -servername "evil$(printf '\033')[1m\" x=\"y" \
	    -connect "127.0.0.1:$port" </dev/null >client.out 2>&1
	wait_closed
	LC_ALL=C tr -d '[:print:]\n' <log >unprintable
	atf_check test ! -s unprintable
	atf_check -s exit:1 grep ' x="y' log
	atf_check -o ignore grep 'refuses server name evil' log
}

# configured_port: one that was free, in place of the kernel's choice.
configured_port()
{
	background "$peer" -p free bind 127.0.0.1:0
	wait_until 20 "a port" test -f free
	port=$(cat free)
	rm free
	kill "$pid"
	wait_until 20 "the port to be free" dead "$pid"
	sed -E "s/port [0-9]+/port $port/" securetcpd.conf >l.conf
	mv l.conf securetcpd.conf
}
greeted_or_dead()
{
	dead "$daemon" || client tls write hello shutdown read
}

scenario levels "log off, errors, state and verbose each say what they are \
to say"
levels_body()
{
	for l in off errors state verbose; do
		serve echo
		{ echo "log $l"; cat securetcpd.conf; } >l.conf
		mv l.conf securetcpd.conf
		case $l in
		state|verbose)
			start
			client tls write hello shutdown read
			client raw "GET / HTTP/1.0\\x0d\\x0a" drain
			wait_closed 2
			atf_check -o match:state=connected \
			    -o match:error=ptProtocol cat log
			;;
		*)
			# No line names the port then: it is configured, and
			# another test may take it meanwhile.
			for _ in 1 2 3 4 5; do
				configured_port
				launch
				wait_until 20 "to listen, or not" \
				    greeted_or_dead
				dead "$daemon" || break
			done
			client raw "GET / HTTP/1.0\\x0d\\x0a" drain
			# A session in its handshake is aborted by a TERM, and
			# this one may not have said yet how it ended.
			[ "$l" = off ] || wait_log error=ptProtocol
			;;
		esac
		stop_daemon
		case $l in
		off)	atf_check -o empty cat log ;;
		errors)	atf_check -s exit:1 grep state= log
			atf_check -o match:error=ptProtocol cat log ;;
		esac
	done
}

atf_init_test_cases()
{
	add_scenarios
}
