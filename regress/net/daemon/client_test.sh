# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# Client blocks: plain from here, TLS to a target of which the name is
# verified, and not a byte of the plain side before that.

. "$(atf_get_srcdir)/client.sh"
. "$(atf_get_srcdir)/../../tools/nginx.sh"

# What the log says of a connection to the far end.
to() { echo "servername=${1:-127.0.0.1} backend=127.0.0.1:$far"; }

# Bytes that the daemon has in the socket of its client, unread: by the
# kernel's own count.
unread_is() { [ "$(unread "$port")" = "$1" ]; }

scenario carries "What a client writes comes out at the far end and its \
answer comes back; both directions end on their own"
carries_body()
{
	certificate www
	far_end -s www tls read write "and back" shutdown
	near
	plain write "there, " write again shutdown read
	atf_check -o inline:"and back" cat plain.out
	far_ends
	atf_check -o inline:"there, again" cat far.out
	atf_check -o inline:"asked for no name\nend close_notify\n" cat far.err
	check_events <<-EVENTS
	state=connecting
	state=connected VERSION $(to) subject="CN=localhost"
	state=closing
	state=closed in=8 out=12 seconds=S
	EVENTS
}


# refuses REASON [NAME]: the far end's certificate is not taken for good, and
# it gets nothing but alerts.
refuses()
{
	far_end -s "${2:-far}" tls read
	near "servername localhost"
	plain write secret read
	atf_check -o empty cat plain.out
	nothing_sent
	far_fails ptAuthentication "$1"
}

scenario wrong_name "A server whose certificate is not for the name is \
ptAuthentication, and gets no byte of the plain side"
wrong_name_body()
{
	authority www
	issue www far "DNS:other.example.org,DNS:*.localhost"
	refuses "the server's certificate is not for localhost"
}

scenario wrong_address "A numeric target has to have its address in its \
certificate, as an address and not as a name"
wrong_address_body()
{
	authority www
	issue www far "DNS:localhost,DNS:127.0.0.1,IP:127.0.0.2"
	far_end -s far tls read
	near
	plain write secret read
	nothing_sent
	atf_check -o inline:"asked for no name\n" sed 1q far.err
	wait_log 'error=ptAuthentication .*certificate is not for 127\.0\.0\.1'
}

# impostor ALERT NAME: what openssl s_server, which asks for a certificate,
# sees of a client block that has one and refuses it.
impostor()
{
	for v in 1_2 1_3; do
		s_server -cert $2.crt -key $2.key -tls$v -Verify 2 -msg
		near_with me "servername localhost"
		plain write secret read
		wait_closed 1
		atf_check -o ignore grep -E "^<<< .*Alert .*, fatal $1" \
		    s_server.out
		# Of the messages received none has a certificate in it.
		atf_check -s exit:1 grep -E '^<<< .*, (Certificate|ClientKey)' \
		    s_server.out
		atf_check -o inline:"1\n" grep -c error= log
		atf_check -o ignore grep error=ptAuthentication log
		stop_daemon
		kill "$far_pid"
	done
}

scenario impostors "A server that is refused gets the alert that says why, \
and neither our certificate nor a signature" require.progs openssl timeout 200
impostors_body()
{
	authority www
	authority other
	issue www me DNS:me.example.org
	issue www far "DNS:other.example.org"
	impostor bad_certificate far
	issue other far "DNS:localhost"
	impostor unknown_ca far
	issue www far "DNS:localhost" rsa 20200101000000Z 20210203040506Z
	impostor certificate_expired far
}

scenario renegotiates "A TLS 1.2 server that asks for another handshake is \
told that there is none: no second signature is wanted" require.progs openssl
renegotiates_body()
{
	authority www
	issue www far IP:127.0.0.1
	issue www me DNS:me.example.org
	mkfifo keys
	far=127.0.0.1:0
	[ -z "$libressl" ] || free_port
	openssl s_server -accept "$far" -tls1_2 -cert far.crt \
	    -key far.key -CAfile www.crt -Verify 2 -msg <keys \
	    >s_server.out 2>&1 &
	far_pid=$!
	echo $far_pid >>pids
	exec 8>keys
	if [ -z "$libressl" ]; then
		wait_until 20 "s_server" grep -q '^ACCEPT ' s_server.out
		far=$(sed -n 's/^ACCEPT .*:\([0-9]*\)$/\1/p' s_server.out)
	else
		wait_until 20 "s_server" listening_or_gone
	fi
	near_with me
	plain_holds write hello read
	wait_until 20 "hello" grep -q '^hello' s_server.out
	echo R >&8
	wait_until 20 "an answer" grep -q '^<<< .*warning no_renegotiation' \
	    s_server.out
	wait_closed 1
	exec 8>&-
	atf_check -s exit:1 grep violation log
	atf_check -o match:"peer's alert" grep error=ptProtocol log
	atf_check -o inline:"1\n" grep -c error= log
}

scenario untrusted "A server whose authority is not in the file is \
ptAuthentication, and gets no byte of the plain side"
untrusted_body()
{
	authority www
	authority other
	issue other far "DNS:localhost"
	refuses 'certificate CN=far: issued by O=Example,CN=other, which is not trusted'
}

scenario self_signed "The same of one that nobody vouches for"
self_signed_body()
{
	authority www
	certificate far
	refuses 'certificate CN=localhost: signed by itself and not trusted'
}

scenario expired "The same of one whose certificate has expired"
expired_body()
{
	authority www
	issue www far "DNS:localhost" ec 20200101000000Z 20210203040506Z
	refuses 'certificate CN=far: expired on 2021-02-03 04:05:06 UTC'
}

scenario not_yet "The same of one whose certificate is not yet valid"
not_yet_body()
{
	authority www
	issue www far "DNS:localhost" ec 20400101000000Z 20410203040506Z
	refuses 'certificate CN=far: not valid before 2040-01-01 00:00:00 UTC'
}

scenario stays_unread "Until connected the kernel keeps what the client wrote: \
while the server is silent the daemon reads none of it, and what it sends \
when it gives up is not a byte of it"
stays_unread_body()
{
	need_unread
	certificate www
	far_end read
	near "timeout handshake 2"
	plain_holds write 0123456789 read
	wait_until 20 "the ClientHello" test -s far.out
	wait_until 20 "all of it unread" unread_is 10
	wait_log state=closed
	far_ends
	# A ClientHello, perhaps an alert: records of TLS, and not those bytes.
	atf_check -s exit:1 grep -q 0123456789 far.out
	first 3 far.out | od -An -v -tx1 | tr -d ' \n' >begins
	atf_check -o match:'^16030[13]$' cat begins
	far_fails ptTimeout "handshake timer, 2 seconds"
}

scenario stays_unread_before "The same while the target does not take the \
connection; the connect timer names it"
stays_unread_before_body()
{
	need_unread
	certificate www
	far_end full
	near "timeout backend 2"
	plain_holds write 0123456789 read
	wait_until 20 "all of it unread" unread_is 10
	check_fails ptTimeout "connect timer, 2 seconds: target 127.0.0.1:$far"
}

scenario refused "A target that refuses is ptConnectionRefused, which names \
it; the client is closed"
refused_body()
{
	certificate www
	far_end bind
	near
	plain write hello drain
	check_fails ptConnectionRefused \
	    "target 127.0.0.1:$far: Connection refused"
}

scenario next_target "A target that refuses and one that is silent leave \
time for the next one; of those that failed the log tells"
next_target_body()
{
	certificate www
	far_end bind
	bad=$far
	far_end full
	silent=$far
	far_end -s www tls read write done shutdown
	client_block "connect to 127.0.0.1 port $bad" \
	    "connect to 127.0.0.1 port $silent" \
	    "connect to 127.0.0.1 port $far" \
	    "ca \"$PWD/www.crt\"" "timeout backend 3"
	start
	plain write hello shutdown read
	atf_check -o inline:"done" cat plain.out
	wait_closed
	atf_check -o match:"warning=\"target 127.0.0.1:$bad down: Connection refused; retry every 10 seconds\"" \
	    -o match:"warning=\"target 127.0.0.1:$silent down: .*; retry" \
	    -o match:"state=connected .*backend=127.0.0.1:$far " cat log
	atf_check -s exit:1 grep error= log
}

scenario all_targets "When every target has failed, the reason tells of \
each"
all_targets_body()
{
	certificate www
	far_end bind
	a=$far
	far_end bind
	b=$far
	client_block "connect to 127.0.0.1 port $a" \
	    "connect to 127.0.0.1 port $b" "ca \"$PWD/www.crt\""
	start
	plain drain
	check_fails ptConnectionRefused \
	    "target 127.0.0.1:$a: Connection refused; target 127.0.0.1:$b: Connection refused"
}

scenario resets_in_handshake "A target that resets in the handshake is \
ptConnectionAborted before connected"
resets_in_handshake_body()
{
	certificate www
	far_end readn 100 reset
	near
	plain write hello drain
	far_fails ptConnectionAborted "the peer left without sending anything"
}

scenario ends_in_handshake "One that ends in the handshake is \
ptConnectionAborted"
ends_in_handshake_body()
{
	certificate www
	far_end readn 100 fin read
	near
	plain write hello drain
	far_fails ptConnectionAborted "the peer left without sending anything"
}

scenario resets_in_the_middle "One that resets after a part of its answer is \
ptConnectionAborted as well"
resets_in_the_middle_body()
{
	certificate www
	far_end readn 100 raw "\\x16\\x03\\x03\\x00\\x7a\\x02" until go reset
	near
	plain_holds write hello drain
	wait_until 20 "the ClientHello" test -s far.out
	touch go
	far_fails ptConnectionAborted \
	    "the peer left in the middle of the handshake: Connection reset by peer"
}

scenario no_tls "One that does not speak TLS is ptProtocol"
no_tls_body()
{
	certificate www
	far_end write "220 mail.example.org ESMTP\\x0d\\x0a" read
	near
	plain write hello drain
	atf_check -s exit:1 grep -q hello far.out
	far_fails ptProtocol "not TLS: the peer sent an SMTP or FTP greeting"
}

scenario client_ends_first "A client that has sent all and ended before the \
target has answered is served: the target gets it, and its answer goes back"
client_ends_first_body()
{
	certificate www
	far_end -s www until go tls read write answer shutdown
	near
	plain_holds write question shutdown read
	wait_log state=connecting
	touch go
	wait_closed
	far_ends
	atf_check -o inline:"question" cat far.out
	atf_check -o inline:"answer" cat background.out
	atf_check -s exit:1 grep error= log
}

scenario client_resets_first "A client that has reset before the target has \
answered is noticed then: the target gets the end of TLS and nothing else"
client_resets_first_body()
{
	need_look
	certificate www
	far_end -s www until go tls read
	near
	plain_holds write secret until go.2 reset
	wait_until 20 "the handshake" busy_count 1 connecting
	touch go.2
	wait_until 20 "the client to leave" dead "$pid"
	touch go
	far_fails ptConnectionReset "client: Connection reset by peer"
	nothing_sent
	atf_check -o match:"^end close_notify" cat far.err
}

scenario half_close "Each side may end its direction while the other goes \
on, whichever is first"
half_close_body()
{
	certificate www
	far_end -s www tls write first shutdown readn 5 touch heard read
	near
	plain readn 5 read write after until heard write rest shutdown
	far_ends
	atf_check -o inline:"first" cat plain.out
	atf_check -o inline:"afterrest" cat far.out
	wait_closed
	atf_check -o match:"state=closed in=5 out=9 " cat log
	atf_check -s exit:1 grep error= log
}

scenario client_resets "A client that resets ends the connection: the reason \
names it, and the target gets no close_notify"
client_resets_body()
{
	certificate www
	far_end -s www tls readn 5 write hello read
	near
	plain write hello readn 5 reset
	far_ends
	atf_check -o not-match:"close_notify" cat far.err
	check_events <<-EVENTS
	state=connecting
	state=connected VERSION $(to) subject="CN=localhost"
	$(failure ptConnectionReset "client: Connection reset by peer")
	state=closing
	state=closed in=5 out=5 seconds=S
	EVENTS
}

scenario target_resets "So does a target that resets"
target_resets_body()
{
	certificate www
	far_end -s www tls readn 5 write hello until go reset
	near
	plain write hello readn 5 touch go read
	check_events <<-EVENTS
	state=connecting
	state=connected VERSION $(to) subject="CN=localhost"
	$(failure ptConnectionReset "peer: Connection reset by peer")
	state=closing
	state=closed in=5 out=5 seconds=S
	EVENTS
}

scenario ends_well "A target that answers and ends after the client has is no \
reset for that client, however the two ends meet" timeout 240
ends_well_body()
{
	certificate www
	_i=0
	while [ $((_i += 1)) -le 12 ]; do
		far_end -s www tls readn 5 write answer read shutdown
		near
		plain write hello shutdown read
		atf_check -o inline:answer cat plain.out
		atf_check -o inline:"end eof\n" cat plain.err
		stop_daemon
		far_ends
	done
}

scenario target_truncates "A target that ends without close_notify is told \
of by the log, and the client sees a reset after what there was"
target_truncates_body()
{
	certificate www
	far_end -s www tls readn 5 write hello fin read
	near
	plain write hello readn 5 read
	check_events <<-EVENTS
	state=connecting
	state=connected VERSION $(to) subject="CN=localhost"
	state=closing reason="truncated: ended without close_notify, passed on as a reset"
	state=closed in=5 out=5 seconds=S
	EVENTS
	atf_check -o inline:"hello" cat plain.out
	atf_check -o inline:"end enough\nend reset\n" \
	    cat plain.err
}

scenario target_truncates_end "With \"truncation end\" that client sees an end"
target_truncates_end_body()
{
	certificate www
	far_end -s www tls readn 5 write hello fin read
	near "truncation end"
	plain write hello readn 5 read shutdown
	check_events <<-EVENTS
	state=connecting
	state=connected VERSION $(to) subject="CN=localhost"
	state=closing reason="truncated: ended without close_notify"
	state=closed in=5 out=5 seconds=S
	EVENTS
	atf_check -o match:"^end (eof|close)" cat plain.err
}

scenario names "The name that is asked for and looked for is that of \
servername, else the address: an address is looked for and not asked for" \
    timeout 200
names_body()
{
	authority www
	issue www far "DNS:*.example.org,IP:127.0.0.1"
	far_end -s far tls read
	near
	plain shutdown read
	far_ends
	atf_check -o match:"^asked for no name$" cat far.err
	wait_log "state=connected .*$(to)"
	stop_daemon

	far_end -s far tls read
	near "servername mail.example.org"
	plain shutdown read
	far_ends
	atf_check -o match:"^asked for mail.example.org$" cat far.err
	wait_log "state=connected .*$(to mail.example.org)"
	stop_daemon

	far_end -s far tls read
	near "servername \"127.0.0.2\""
	plain shutdown read
	far_ends
	atf_check -o match:"^asked for no name$" cat far.err
	wait_log "error=ptAuthentication .*is not for 127\.0\.0\.2"
	stop_daemon

	if has_ip6; then
		issue www six "IP:::1"
		far_address=[::1]
		far_end -s six tls read
		client_block "connect to ::1 port $far" "ca \"$PWD/www.crt\""
		start
		plain shutdown read
		far_ends
		atf_check -o match:"^asked for no name$" cat far.err
		wait_log "state=connected .*servername=::1 backend=\[::1\]:$far"
	fi
}

# s_server [OPTION]...: OpenSSL's, which sends lines back reversed, or
# LibreSSL's, which answers requests for pages with what it knows of the
# connection.
s_server()
{
	rm -f s_server.out
	if [ -n "$libressl" ]; then
		libressl_s_server "$@"
		return
	fi
	openssl s_server -accept 127.0.0.1:0 -rev -CAfile www.crt "$@" \
	    </dev/null >s_server.out 2>&1 &
	far_pid=$!
	echo $far_pid >>pids
	wait_until 20 "s_server" grep -q '^ACCEPT ' s_server.out
	far=$(sed -n 's/^ACCEPT .*:\([0-9]*\)$/\1/p' s_server.out)
}

# free_port: LibreSSL's neither finds a port of its own nor tells of one.
free_port()
{
	rm -f s_server.port
	background "$peer" -p s_server.port bind 127.0.0.1:0
	wait_until 20 "a port" test -f s_server.port
	far=$(cat s_server.port)
	kill "$pid"
	wait_until 20 "the port to be free" dead "$pid"
}
libressl_s_server()
{
	for _try in 1 2 3 4 5; do
		free_port
		openssl s_server -accept "$far" -www -CAfile www.crt "$@" \
		    </dev/null >s_server.out 2>&1 &
		far_pid=$!
		echo $far_pid >>pids
		wait_until 20 "s_server" listening_or_gone
		dead "$far_pid" || return 0
	done
	cat s_server.out
	atf_fail "s_server does not start"
}
# It says ACCEPT before it listens.
listening_or_gone()
{
	dead "$far_pid" || "$peer" connect "127.0.0.1:$far" close
}

# reversed: a line goes through, there and back; or a request and its answer.
reversed()
{
	if [ -n "$libressl" ]; then
		plain raw 'GET / HTTP/1.0\x0d\x0a\x0d\x0a' read
		grep -q '^HTTP/1.0 200 ' plain.out &&
		    grep -q "^ *Cipher *: " plain.out
		return
	fi
	plain write "stressed
" readn 9 shutdown read
	[ "$(cat plain.out)" = desserts ]
}

scenario openssl "openssl s_server of TLS 1.2 and 1.3, with RSA and ECDSA, \
is served" require.progs openssl timeout 200
openssl_body()
{
	authority www
	for k in rsa ec; do
		issue www $k IP:127.0.0.1 $k
		for v in 1_2 1_3; do
			s_server -cert $k.crt -key $k.key -tls$v
			near
			reversed || atf_fail "TLS $v, $k: not served"
			atf_check -o match:"version=TLSv1.${v#1_} " \
			    -o match:"subject=\"CN=$k\"" cat log
			atf_check -s exit:1 grep error= log
			stop_daemon
			kill "$far_pid"
		done
	done
}

# near_with NAME [STATEMENT]...: the same as near, with a certificate of its
# own.
near_with()
{
	_own=$1
	shift
	client_block "connect to 127.0.0.1 port $far" "ca \"$PWD/www.crt\"" \
	    "certificate $_own" "$@"
	cat >>securetcpd.conf <<-CONF
	certificate "$_own" {
		chain "$PWD/$_own.crt"
		key "$PWD/$_own.key"
	}
	CONF
	start
}

scenario openssl_verify "openssl s_server -Verify knows the client by its \
certificate, whose key the signer has; without one it refuses" \
    require.progs openssl timeout 200
openssl_verify_body()
{
	authority www
	issue www far IP:127.0.0.1
	for k in rsa ec; do
		issue www $k DNS:$k.example.org $k
		for v in 1_2 1_3; do
			s_server -cert far.crt -key far.key -tls$v -Verify 2 \
			    -verify_return_error
			near_with $k
			reversed || atf_fail "TLS $v, $k: not served"
			peer_verified $k
			atf_check -s exit:1 grep error= log
			stop_daemon
			kill "$far_pid"
		done
	done
	s_server -cert far.crt -key far.key -tls1_2 -Verify 2
	near
	plain write secret read
	far_fails ptProtocol "peer's alert: handshake failure"
	stop_daemon
	kill "$far_pid"
	# In TLS 1.3 the client has finished before the server looks.
	s_server -cert far.crt -key far.key -tls1_3 -Verify 2
	near
	plain read
	check_events <<-EVENTS
	state=connecting
	state=connected VERSION $(to) subject="CN=far"
	$(failure ptProtocol "peer's alert: certificate required")
	state=closing
	state=closed in=0 out=0 seconds=S
	EVENTS
}

# peer_verified NAME: the server has seen that certificate and found it good.
peer_verified()
{
	if [ -n "$libressl" ]; then
		# From the authority down, each step of the way.
		atf_check -o match:"^depth=0 CN = $1\$" \
		    -o match:"^verify return:1" -o not-match:"verify error" \
		    cat s_server.out
		return
	fi
	atf_check -o match:"^Peer certificate: CN ?= ?$1\$" \
	    -o match:"^Verification: OK" cat s_server.out
}

scenario nginx "nginx with ssl_verify_client answers by the certificate of \
the client" require.progs "nginx openssl"
nginx_body()
{
	authority www
	issue www far IP:127.0.0.1 rsa
	issue www me DNS:me.example.org
	far_end bind
	kill "$far_pid"
	nginx_starts <<-CONF
	server {
		listen 127.0.0.1:$far ssl;
		ssl_certificate $PWD/far.crt;
		ssl_certificate_key $PWD/far.key;
		ssl_client_certificate $PWD/www.crt;
		ssl_verify_client on;
		location / {
			return 200 "\$ssl_client_verify \$ssl_client_s_dn";
		}
	}
	CONF
	near_with me "timeout backend 20"
	request="GET / HTTP/1.0\\x0d\\x0a\\x0d\\x0a"
	plain raw "$request" read
	atf_check -o match:"^HTTP/1.1 200 " -o match:"^SUCCESS CN=me" \
	    cat plain.out
	wait_closed
	atf_check -s exit:1 grep error= log
	stop_daemon
	near
	plain raw "$request" read
	atf_check -o match:"No required SSL certificate was sent" cat plain.out
}

scenario titles "A session of a client block is sandboxed as others are, and \
its title tells its state"
titles_body()
{
	need_look
	certificate www
	far_end -s www until go tls write x read
	near
	plain_holds readn 1 read
	wait_until 20 "a session connecting" busy_count 1 connecting
	session=$(busy connecting)
	if [ "$system" = Linux ]; then
		atf_check_equal 2 "$(status_of "$session" Seccomp)"
		atf_check_equal 1 "$(status_of "$session" NoNewPrivs)"
	fi
	shows -o match:"^securetcp-session: [0-9]+ www connecting$" \
	    title "$session"
	# 0, 1, 2, the pipe and the target's socket: the client's is not there.
	atf_check test "$(fds_of "$session")" -eq 5
	touch go
	wait_until 20 "it to be connected" busy_count 1 connected
	atf_check_equal "$session" "$(busy connected)"
	wait_until 20 "the client's socket" descriptors "$session" 6
	shows -o inline:"securetcp-spawner: www\n" title "$(spawners)"
}
descriptors() { [ "$(fds_of "$1")" -eq "$2" ]; }

# turned_away [OPTION]...: closed before it has got a byte.
turned_away()
{
	"$peer" "$@" connect "127.0.0.1:$port" drain >away.out 2>away.err
	grep -Eq '^end (eof|Connection reset by peer)$' away.err &&
	    [ ! -s away.out ]
}

scenario limits "The limits on connections hold for client blocks: in all, \
for each source, and for those that are not connected yet"
limits_body()
{
	need_addresses 127.0.0.2 127.0.0.3
	certificate www
	far_end -k -t 100 -s www tls write x read
	near "connections max 3 per source 2"
	plain_holds readn 1 touch 1.in read
	plain_holds readn 1 touch 2.in read
	wait_until 20 "the first" test -f 1.in
	wait_until 20 "the second" test -f 2.in
	turned_away || atf_fail "the third of a source was not turned away"
	wait_log 'ptOperationRefused .*reason="connections per source 2"'
	background "$peer" -t 100 -b 127.0.0.2:0 connect "127.0.0.1:$port" \
	    readn 1 touch 3.in read
	wait_until 20 "another source" test -f 3.in
	turned_away -b 127.0.0.3:0 || atf_fail "the fourth was not turned away"
	wait_log 'ptOperationRefused .*reason="connections max 3"'
}

scenario pending "Clients that wait for the target are pending: the oldest \
makes room"
pending_body()
{
	certificate www
	far_end full
	near "connections pending 2" "timeout backend 60"
	for i in 1 2 3; do
		plain_holds read
		wait_until 20 "client $i" connecting "$i"
	done
	wait_closed 1
	oldest=$(sed -n 's/^server=www session=\([0-9]*\) .*state=connecting/\1/p' \
	    log | sed 1q)
	atf_check -o match:"session=$oldest .*error=ptOperationRefused number=12019 .*reason=\".*pending 2.*\"" \
	    grep error= log
	# Room again: nothing of it is held any more.
	atf_check_equal 1 "$(grep -c state=closed log)"
}
connecting() { [ "$(grep -c state=connecting log)" -ge "$1" ]; }

# needed: so many descriptors the configuration can need.
needed()
{
	launch "$as" -n 64:128
	wait_until 20 "what it can need" grep -q 'can need' log
	sed -n 's/.* can need \([0-9]*\) descriptors.*/\1/p' log
	kill -TERM "$daemon" 2>/dev/null
	wait "$daemon"
}

scenario descriptors "A client block is counted with as many descriptors \
for each connection as a server block, when limits are raised at start"
descriptors_body()
{
	! raises || atf_skip "root may have more than its limit here"
	certificate www
	serve echo "connections max 2000"
	server=$(needed)
	# Its file of authorities is one more.
	client_block "connect to 127.0.0.1 port 1" "ca \"$PWD/www.crt\"" \
	    "connections max 2000"
	atf_check_equal $((server + 1)) "$(needed)"
}

# Those of the parent that are no pipe of a session.
open_descriptors()
{
	echo $(($(fds_of "$daemon") - $(sessions | wc -l)))
}
have_open() { [ "$(open_descriptors)" -eq "$1" ]; }

scenario nothing_kept "However connections end, the daemon keeps no \
descriptor of them"
nothing_kept_body()
{
	need_look
	certificate www
	far_end bind
	bad=$far
	far_end full
	silent=$far
	far_end -k -t 100 -s www tls write x read
	near "prefork 1" "connections pending 1"
	{
		for n in $bad $silent; do
			cat <<-CONF
			client "p$n" {
				listen on 127.0.0.1 port 0
				connect to 127.0.0.1 port $n
				ca "$PWD/www.crt"
				prefork 1
				connections pending 1
				timeout backend 1
			}
			CONF
		done
	} >>securetcpd.conf
	stop_daemon
	start
	wait_until 20 "a spawner of each" in_log "^server=p$silent listen="
	before=$(open_descriptors)
	for i in 1 2 3 4; do
		ends
	done
	wait_closed 24
	wait_until 20 "$before descriptors" have_open "$before"
}
# Of each kind two at once, of which one makes room for the other.
ends()
{
	_peers=
	for _n in www "p$bad" "p$silent"; do
		_port=$(port_of $_n)
		"$peer" connect "127.0.0.1:$_port" write hello reset \
		    2>/dev/null &
		_peers="$_peers $!"
		"$peer" connect "127.0.0.1:$_port" write hello fin drain \
		    2>/dev/null &
		_peers="$_peers $!"
	done
	# shellcheck disable=SC2086
	wait $_peers
}
scenario stopped "At the end of the daemon those that wait for a target, \
those that negotiate and those that are connected are closed, each with its \
events"
stopped_body()
{
	certificate www
	far_end full
	full=$far
	far_end readn 1 touch silent read
	silent=$far
	far_end -s www tls write x read
	client_block "connect to 127.0.0.1 port $far" "ca \"$PWD/www.crt\""
	for n in full silent; do
		eval "_port=\$$n"
		cat >>securetcpd.conf <<-CONF
		client "$n" {
			listen on 127.0.0.1 port 0
			connect to 127.0.0.1 port $_port
			ca "$PWD/www.crt"
			timeout backend 60 handshake 60
		}
		CONF
	done
	start
	plain_holds readn 1 touch in read
	wait_until 20 "a connection" test -f in
	for n in full silent; do
		background "$peer" -t 100 connect "127.0.0.1:$(port_of $n)" read
	done
	wait_until 20 "a handshake" test -f silent
	wait_until 20 "three connecting" connecting 3
	stop_daemon
	atf_check_equal 3 "$(grep -c state=closed log)"
	for n in full silent; do
		atf_check -o match:"^server=$n .*error=ptAbort number=11103 .*SIGTERM" \
		    grep "^server=$n session" log
	done
	atf_check -o match:'^server=www .*state=closing reason="stopped by SIGTERM"' \
	    cat log
}

scenario drained "A daemon that drains takes no more clients, and those that \
are connected or on their way go on to their own ends"
drained_body()
{
	certificate www
	far_end -s www until go tls readn 5 write answer shutdown read
	near
	plain_holds write hello readn 6 touch answered until leave shutdown read
	wait_log state=connecting
	kill -USR1 "$daemon"
	wait_log 'SIGUSR1'
	"$peer" connect "127.0.0.1:$port" read >away.out 2>away.err &&
	    atf_fail "a client was taken"
	touch go
	wait_until 20 "the answer" test -f answered
	touch leave
	wait "$daemon"
	atf_check_equal 0 $?
	check_events <<-EVENTS
	state=connecting
	state=connected VERSION $(to) subject="CN=localhost"
	state=closing
	state=closed in=6 out=5 seconds=S
	EVENTS
}

scenario dies_waiting "A session that dies while its target is awaited is \
reported as one that dies in a handshake, and the target is let go"
dies_waiting_body()
{
	need_look
	certificate www
	far_end full
	near "prefork 1" "timeout backend 60"
	before=$(open_descriptors)
	plain_holds read
	wait_log state=connecting
	oldest=$(sed -n 's/^server=www session=\([0-9]*\) .*/\1/p' log)
	for s in $(sessions); do
		case $(title "$s") in
		"securetcp-session: $oldest "*)	kill -KILL "$s" ;;
		esac
	done
	check_events <<-EVENTS
	state=connecting
	error=ptError number=11100 description="session terminated" reason="killed by signal 9 (Killed)" backend=127.0.0.1:$far
	state=closing
	state=closed in=0 out=0 seconds=S
	EVENTS
	wait_until 20 "$before descriptors" have_open "$before"
}

scenario tunnel "Two of them back to back are a tunnel, each end of which \
knows the other by its certificate: 100 megabytes each way at once arrive as \
they were sent" timeout 280
tunnel_body()
{
	authority www
	issue www far IP:127.0.0.1 rsa
	issue www near DNS:near.example.org
	issue www other DNS:other.example.org
	dd if=/dev/urandom of=up bs=1048576 count=100 2>/dev/null
	dd if=/dev/urandom of=down bs=1048576 count=100 2>/dev/null
	far_end both down
	configure <<-CONF
	certificate "far" {
		chain "$PWD/far.crt"
		key "$PWD/far.key"
	}
	server "far" {
		listen on 127.0.0.1 port 0
		certificate "far"
		client authentication required ca "$PWD/www.crt"
		authenticate {
			allow san "dns:near.example.org"
		}
		forward to 127.0.0.1 port $far
	}
	CONF
	start
	far=$(port_of far)
	mkdir far
	mv log securetcpd.conf securetcpd.pid far/
	near_with near
	plain both up
	far_ends
	if ! cmp up far.out || ! cmp down plain.out; then
		cat far.err plain.err far/log
		show_log
		atf_fail "not as it was sent"
	fi
	wait_closed
	atf_check -s exit:1 grep error= log far/log
	atf_check -o match:'subject="CN=near"' cat far/log
	atf_check -o match:'state=closed in=104857600 out=104857600 ' cat log
	atf_check -o match:'subject="CN=far"' cat log
	stop_daemon
	# Another one of the same authority is not let in.
	near_with other
	plain write secret read
	atf_check -o empty cat plain.out
	atf_check -o match:"error=ptAuthentication .*no rule allows" \
	    cat far/log
}

scenario no_roots "Where the system has no roots, a client block without \
\"ca\" is an error of the configuration that says so" require.progs cc
no_roots_body()
{
	# Wherever it looks for them: each place is this one.
	cat >roots.c <<-C
	#define _GNU_SOURCE
	#include <dlfcn.h>
	#include <fcntl.h>
	#include <stdarg.h>
	#include <string.h>
	#include <unistd.h>

	static const char *
	moved(const char *path)
	{
		if (strcmp(path, "/etc/ssl/cert.pem") == 0)
			return "$PWD/roots.pem";
		if (strncmp(path, "/etc/", 5) == 0 &&
		    strstr(path, "/ca-") != NULL)
			return "/nonexistent";
		return path;
	}
	int
	access(const char *path, int mode)
	{
		int (*real)(const char *, int);

		*(void **)&real = dlsym(RTLD_NEXT, "access");
		return real(moved(path), mode);
	}
	int
	open(const char *path, int flags, ...)
	{
		va_list ap;
		int (*real)(const char *, int, ...);
		int mode = 0;

		if (flags & O_CREAT) {
			va_start(ap, flags);
			mode = va_arg(ap, int);
			va_end(ap);
		}
		*(void **)&real = dlsym(RTLD_NEXT, "open");
		return real(moved(path), flags, mode);
	}
	C
	atf_check cc -shared -fPIC -o roots.so roots.c
	client_block "connect to 127.0.0.1 port 1"
	_line=$(grep -n '^client' securetcpd.conf | cut -d : -f 1)
	atf_check -s exit:1 -o empty -e inline:"\
$PWD/securetcpd.conf:$_line: client without \"ca\": the system's \
\"/etc/ssl/cert.pem\": No such file or directory
" env LD_PRELOAD="$PWD/roots.so" "$securetcpd" -n -f "$PWD/securetcpd.conf"

	# And where it has them, they are the ones.
	authority www
	issue www far IP:127.0.0.1
	cp www.crt roots.pem
	far_end -s far tls read
	client_block "connect to 127.0.0.1 port $far"
	start env LD_PRELOAD="$PWD/roots.so"
	plain write hello shutdown read
	far_ends
	atf_check -o inline:hello cat far.out
}

# link_local: an address of a link, with its interface, in $link.
link_local()
{
	link='fe80::1%lo0'
	[ "$system" != Linux ] || link=$(ip -6 -o addr show scope link \
	    2>/dev/null | awk '{ sub("/.*", "", $4); print $4 "%" $2; exit }')
	[ -n "$link" ] || atf_skip "no link-local address here"
}

scenario zone "The interface of a link-local address is where to connect, and \
no part of what is looked for in the certificate or asked for"
zone_body()
{
	has_ip6 || atf_skip "no IPv6 here"
	link_local
	authority www
	issue www far "IP:${link%%%*}"
	far_address=[::]
	far_end -k -s far tls read
	client_block "connect to \"$link\" port $far" "ca \"$PWD/www.crt\""
	start
	plain shutdown read
	wait_closed
	atf_check -o match:"^asked for no name\$" cat far.err
	wait_log "state=connected .*servername=${link%%%*} backend=\[$link\]:$far"
	client_block "connect to \"${link%%%*}\" port $far" \
	    "ca \"$PWD/www.crt\""
	atf_check -s exit:1 -o ignore -e match:"without its interface" \
	    "$securetcpd" -n -f securetcpd.conf
}

scenario urgent "What the plain side sends as urgent is sent on in its place"
urgent_body()
{
	certificate www
	far_end -s www tls read shutdown
	near "servername localhost"
	plain raw ab urgent cd raw ef shutdown read
	far_ends
	atf_check -o inline:abcdef cat far.out
}

scenario odd_certificates "A name that ends in a dot in the certificate, and \
a purpose that is any, are no name and not that of a server"
odd_certificates_body()
{
	authority www
	issue www far "DNS:localhost."
	refuses "the server's certificate is not for localhost"
	stop_daemon
	issue www far "DNS:localhost
	extendedKeyUsage = anyExtendedKeyUsage"
	refuses "certificate CN=far: its purpose is not that of a server"
}

scenario alone "Client blocks start without a certificate before them, \
whatever descriptors are free then"
alone_body()
{
	certificate www
	far_end -s www tls read write answer shutdown
	client_block "connect to 127.0.0.1 port $far" "ca \"$PWD/www.crt\"" \
	    "servername localhost"
	start
	plain write hello shutdown read
	atf_check -o inline:answer cat plain.out
}

atf_init_test_cases()
{
	add_scenarios
}
