# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# The main job: bytes through securetcpd and a real service, both ways.

. "$(atf_get_srcdir)/common.sh"
. "$(atf_get_srcdir)/../../tools/nginx.sh"

scenario nginx "A file of 100 MB that nginx serves comes whole to 50 curls \
at a time" require.progs "nginx curl openssl" timeout 300
nginx_body()
{
	mkdir www
	random_bytes 104857600 www/big
	nginx_starts <<-CONF
	server {
		listen unix:$PWD/nginx.sock;
		sendfile on;
		root $PWD/www;
	}
	CONF
	serve "forward to \"$PWD/nginx.sock\""
	start
	i=0
	fetchers=
	while [ $i -lt 50 ]; do
		curl -sS --max-time 240 --cacert www.crt \
		    "https://localhost:$port/big" 2>>curl.err |
		    sha256 >"digest.$i" &
		fetchers="$fetchers $!"
		i=$((i + 1))
	done
	# shellcheck disable=SC2086
	wait $fetchers
	cat curl.err
	want=$(sha256 <www/big)
	cat digest.* | sort | uniq -c | sed 's/^ *//' >digests
	atf_check -o inline:"50 $want\n" cat digests
	wait_closed 50
	atf_check -o inline:"50\n" grep -c 'state=closed .*out=10485[0-9]* ' log
	atf_check -s exit:1 grep error= log
}

scenario redis "10 000 pipelined commands reach redis behind a unix socket \
and every answer comes back" require.progs "redis-server redis-cli"
redis_body()
{
	background redis-server --port 0 --unixsocket "$PWD/redis.sock" \
	    --save "" --appendonly no --daemonize no --dir "$PWD"
	wait_until 20 "redis" test -S redis.sock
	serve "forward to \"$PWD/redis.sock\""
	start
	awk 'BEGIN {
		for (i = 0; i < 10000; i++)
			printf "SET key:%d value-%d\r\n", i, i
	}' >commands
	redis-cli --tls --cacert www.crt -h localhost -p "$port" --pipe \
	    <commands >answer 2>&1
	atf_check -o match:"errors: 0, replies: 10000" cat answer
	atf_check -o inline:"10000\n" redis-cli -s "$PWD/redis.sock" dbsize
	atf_check -o inline:"value-7777\n" redis-cli --tls --cacert www.crt \
	    -h localhost -p "$port" get key:7777
	wait_closed 2
	atf_check -s exit:1 grep error= log
}

# s_client ALGORITHM: a line through echo with each version.
s_client()
{
	certificate www "$1"
	serve echo
	start
	for v in 1_2 1_3; do
		{
			echo "hello over $v"
			wait_until 20 "the echo" grep -q hello "s_client.$v"
		} | openssl s_client -quiet -no_ign_eof -tls$v -CAfile www.crt \
		    -verify_return_error -connect "127.0.0.1:$port" \
		    >"s_client.$v" 2>s_client.err
		atf_check -o inline:"hello over $v\n" cat "s_client.$v"
	done
	wait_closed 2
	atf_check -o match:"state=connected version=TLSv1.2" \
	    -o match:"state=connected version=TLSv1.3" cat log
	atf_check -s exit:1 grep error= log
}
for k in rsa:2048 rsa:4096 P-256 P-384; do
	n=s_client_$(echo $k | tr -d :-)
	scenario "$n" "openssl s_client talks TLS 1.2 and 1.3 to a server \
with a key of $k"
	eval "${n}_body() { s_client $k; }"
done

scenario client_half_closes "A client that ends its direction still gets \
the whole answer, which begins only then"
client_half_closes_body()
{
	random_bytes 20000000 answer
	random_bytes 5000000 question
	background "$peer" -k accept "$PWD/backend.sock" read send answer
	wait_until 20 "backend" test -S backend.sock
	serve "forward to \"$PWD/backend.sock\""
	start
	for v in 1.2 1.3; do
		atf_check -o save:got -e inline:"end close_notify\n" \
		    "$peer" -C www.crt connect "127.0.0.1:$port" tls=$v \
		    send question shutdown read
		atf_check cmp got answer
		# What the backend got is on its standard output.
		atf_check cmp background.out question
		: >background.out
	done
	wait_closed 2
	atf_check -s exit:1 grep error= log
}

scenario server_half_closes "A backend that ends its direction at once \
still gets the whole upload"
server_half_closes_body()
{
	random_bytes 20000000 upload
	background "$peer" -k accept "$PWD/backend.sock" write hello \
	    shutdown read
	wait_until 20 "backend" test -S backend.sock
	serve "forward to \"$PWD/backend.sock\""
	start
	for v in 1.2 1.3; do
		: >background.out
		atf_check -o inline:"hello" -e inline:"end close_notify\n" \
		    "$peer" -C www.crt connect "127.0.0.1:$port" tls=$v \
		    read send upload shutdown
		wait_until 20 "the upload" cmp background.out upload
	done
	wait_closed 2
	atf_check -s exit:1 grep error= log
}

scenario one_byte_at_a_time "What comes in one byte at a time, a record \
for each, arrives whole"
one_byte_at_a_time_body()
{
	random_bytes 10000 drops
	serve echo
	start
	for v in 1.2 1.3; do
		atf_check -o file:drops -e ignore "$peer" -C www.crt connect \
		    "127.0.0.1:$port" tls=$v drip drops shutdown read
	done
	wait_closed 2
	atf_check -o inline:"2\n" grep -c 'state=closed in=10000 out=10000' log
}

scenario never_reads "A client that never reads while the backend floods \
costs bounded memory, in the session and in the parent"
never_reads_body()
{
	need_look
	poll=0.5	# two looks that see the same are that far apart
	background "$peer" -c sent accept "$PWD/backend.sock" flood 0
	wait_until 20 "backend" test -S backend.sock
	serve "forward to \"$PWD/backend.sock\""
	start
	parent=$(anonymous_of "$daemon")
	background "$peer" connect "127.0.0.1:$port" tls until enough
	wait_until 20 "connected" busy_count 1 connected
	wait_until 30 "the flood to stand still" steady
	session=$(busy connected)
	atf_check_equal 1 "$(count $session)"
	mem=$(anonymous_of "$session")
	echo "sent $now bytes; session $mem KiB of its own," \
	    "parent $parent KiB before, $(anonymous_of "$daemon") after"
	# Sockets hold the rest: their buffers are the kernel's, and bounded.
	[ "$now" -gt 65536 ] || atf_fail "the backend sent only $now bytes"
	[ "$mem" -lt "$session_kib" ] || atf_fail "session holds $mem KiB"
	[ $(($(anonymous_of "$daemon") - parent)) -lt 512 ] ||
	    atf_fail "the parent has grown"
	touch enough
	wait_closed
}

scenario never_reads_echo "A client that floods the echo and never reads \
is stopped by back-pressure, in bounded memory"
never_reads_echo_body()
{
	need_look
	poll=0.5
	serve echo
	start
	background "$peer" -c sent connect "127.0.0.1:$port" tls flood 0
	wait_until 20 "connected" busy_count 1 connected
	wait_until 30 "the flood to stand still" steady
	session=$(busy connected)
	mem=$(anonymous_of "$session")
	echo "sent $now bytes; session $mem KiB of its own"
	[ "$mem" -lt "$session_kib" ] || atf_fail "session holds $mem KiB"
}

scenario tcp_backend "A backend over TCP is reached and named in the log"
tcp_backend_body()
{
	background "$peer" -p backend.port accept 127.0.0.1:0 \
	    write greetings shutdown read
	wait_until 20 "backend" test -f backend.port
	serve "forward to 127.0.0.1 port $(cat backend.port)"
	start
	atf_check -o inline:"greetings" -e ignore "$peer" -C www.crt \
	    connect "127.0.0.1:$port" tls write over shutdown read
	wait_closed
	atf_check -o inline:"over" cat background.out
	atf_check -o match:"backend=127.0.0.1:$(cat backend.port)" \
	    grep state=connected log
}

scenario urgent "What a peer sends as urgent has its place among the other \
bytes, from a backend as from a client"
urgent_body()
{
	background "$peer" -p backend.port accept 127.0.0.1:0 \
	    raw ab urgent cd raw ef read shutdown
	wait_until 20 "backend" test -f backend.port
	configure <<-CONF
	server "www" {
		listen on 127.0.0.1 port 0 proxy
		certificate "www"
		forward to 127.0.0.1 port $(cat backend.port)
	}
	CONF
	start
	# Before the handshake, as nobody but TLS writes after that.
	atf_check -o inline:"abcdef" -e inline:"end close_notify\n" \
	    "$peer" -C www.crt connect "127.0.0.1:$port" \
	    raw "PROXY TCP4 192.0.2.1 192.0.2.2 55" \
	    urgent "55 443\\x0d" raw "\\x0a" tls write hello shutdown read
	wait_log "from=192.0.2.1:5555 .*state=connected"
	wait_until 20 "the backend to have it" grep -q '^hello$' background.out
}

# timers SOCKETS: of the daemon's connections, when the next probe is due.
timers()
{
	ss -Htno state established "$1" | sed 's/.* timer:(keepalive,//; t
	    s/.*/none/; s/[,)].*//' | sed 's/[,)].*//'
}

# kept PATTERN [STATEMENT]...: the probes of both connections begin then.
kept()
{
	_when=$1
	shift
	rm -f backend.port
	background "$peer" -p backend.port accept 127.0.0.1:0 read shutdown
	wait_until 20 "backend" test -f backend.port
	serve "forward to 127.0.0.1 port $(cat backend.port)" "$@"
	start
	background "$peer" connect "127.0.0.1:$port" tls write hello hold
	wait_log state=connected
	wait_until 20 "both connections" carried
	shows -o match:"^$_when\$" timers "sport = :$port"
	shows -o match:"^$_when\$" timers "dport = :$(cat backend.port)"
	stop_daemon
}
carried() { grep -q hello background.out && : >background.out; }

scenario keepalive "Both connections are probed after a minute without \
anything, or after the time that is said, or never" require.progs ss
keepalive_body()
{
	kept '(1min|[1-5]*[0-9]sec)'
	kept '(2h|1h[0-9a-z]*|1[12][09]min)' "keepalive 2h"
	kept none "keepalive off"
}

scenario ipv6 "A listener and a client on ::1 are logged in brackets"
ipv6_body()
{
	has_ip6 || atf_skip "this host has no ::1"
	configure <<-CONF
	server "www" {
		listen on ::1 port 0
		certificate "www"
		echo
	}
	CONF
	start
	atf_check -o inline:"six" -e ignore "$peer" -C www.crt connect \
	    "[::1]:$port" tls write six shutdown read
	wait_closed
	atf_check -o match:"^server=www listen=\\[::1\\]:$port" \
	    -o match:"from=\\[::1\\]:[0-9]+ state=connecting" cat log
}

scenario stunnel "stunnel as the client brings a connection through" \
    require.progs stunnel
stunnel_body()
{
	serve echo
	start
	cat >stunnel.conf <<-CONF
	foreground = yes
	pid =
	[t]
	client = yes
	accept = $PWD/plain.sock
	connect = 127.0.0.1:$port
	CAfile = $PWD/www.crt
	verifyChain = yes
	checkHost = localhost
	CONF
	background stunnel stunnel.conf
	wait_until 20 "stunnel" test -S plain.sock
	atf_check -o inline:"through" -e ignore "$peer" connect \
	    "$PWD/plain.sock" write through shutdown read
	wait_closed
}

scenario many "200 connections one after the other and 50 at once all get \
their own bytes back" timeout 300
many_body()
{
	serve echo
	start
	i=0
	while [ $i -lt 200 ]; do
		printf 'number %d' $i >want
		"$peer" connect "127.0.0.1:$port" tls send want shutdown \
		    read >got 2>err || { cat err; atf_fail "number $i"; }
		cmp want got || atf_fail "number $i got something else"
		i=$((i + 1))
	done
	i=0
	peers=
	while [ $i -lt 50 ]; do
		random_bytes 300000 want.$i
		"$peer" connect "127.0.0.1:$port" tls both want.$i \
		    >got.$i 2>err.$i &
		peers="$peers $!"
		i=$((i + 1))
	done
	# shellcheck disable=SC2086
	wait $peers
	i=0
	while [ $i -lt 50 ]; do
		cmp want.$i got.$i || atf_fail "parallel number $i"
		i=$((i + 1))
	done
	wait_closed 250
	atf_check -s exit:1 grep error= log
}

scenario two_servers "Two server blocks have listeners, spawners, keys and \
backends of their own"
two_servers_body()
{
	certificate www
	certificate api rsa:2048
	configure <<-CONF
	certificate "api" {
		chain "$PWD/api.crt"
		key "$PWD/api.key"
	}
	server "www" {
		listen on 127.0.0.1 port 0
		listen on 127.0.0.1 port 0
		certificate "www"
		echo
	}
	server "api" {
		listen on 127.0.0.1 port 0
		certificate "api"
		forward to "$PWD/backend.sock"
	}
	CONF
	background "$peer" -k accept "$PWD/backend.sock" write backend shutdown
	wait_until 20 "backend" test -S backend.sock
	start
	atf_check -o inline:"2\n" grep -c "^server=www listen=" log
	atf_check -o inline:"1\n" grep -c "^server=api listen=" log
	for p in $(sed -n 's/^server=www listen=.*://p' log); do
		atf_check -o inline:"www" -e ignore "$peer" -C www.crt connect \
		    "127.0.0.1:$p" tls write www shutdown read
	done
	atf_check -o inline:"backend" -e ignore "$peer" -C api.crt connect \
	    "127.0.0.1:$(port_of api)" tls read shutdown
	atf_check -s exit:1 -e match:"$(reason_of unverified)" "$peer" \
	    -C www.crt connect "127.0.0.1:$(port_of api)" tls
}

scenario settings "protocol, ciphers and curves of the server block are \
what the handshake is held to"
settings_body()
{
	certificate www rsa:2048
	configure <<-CONF
	server "www" {
		listen on 127.0.0.1 port 0
		certificate "www"
		protocol "tlsv1.2"
		ciphers "ECDHE-RSA-AES256-GCM-SHA384"
		curves "P-384"
		echo
	}
	CONF
	start
	atf_check -s not-exit:0 -o ignore -e ignore \
	    openssl s_client -tls1_3 -connect "127.0.0.1:$port" </dev/null
	atf_check -s not-exit:0 -o ignore -e ignore \
	    openssl s_client -tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256 \
	    -connect "127.0.0.1:$port" </dev/null
	atf_check -s not-exit:0 -o ignore -e ignore \
	    openssl s_client -tls1_2 -groups P-256 \
	    -connect "127.0.0.1:$port" </dev/null
	atf_check -o match:"(Server|Peer) Temp Key: .*(P-384|secp384r1)" \
	    -o match:"Cipher is ECDHE-RSA-AES256-GCM-SHA384" -e ignore \
	    openssl s_client -tls1_2 -groups P-256:P-384 \
	    -connect "127.0.0.1:$port" </dev/null
	wait_closed 4
	atf_check -o match:"version=TLSv1.2 cipher=ECDHE-RSA-AES256-GCM-SHA384" \
	    grep state=connected log
	atf_check_equal 1 "$(grep -c state=connected log)"
}

atf_init_test_cases()
{
	add_scenarios
}
