# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# The PROXY protocol with haproxy and nginx at the other end.

. "$(atf_get_srcdir)/../../net/daemon/common.sh"
. "$(atf_get_srcdir)/pp.sh"

# reader: what pp reads from read.sock is in the file got.
reader()
{
	rm -f read.sock got
	"$pp" read "$PWD/read.sock" </dev/null >got 2>pp.err &
	echo $! >>pids
	wait_until 20 "pp read" test -S read.sock
}

# stop_it: what background started last.
stop_it()
{
	kill -TERM "$pid"
	wait "$pid" || :
}

lines() { [ "$(wc -l <got)" -ge "$1" ]; }

# wait_got: until so many connections have come to their end at the reader.
wait_got()
{
	wait_until 20 "$1 connections: $(cat pp.err)" lines "$1"
}

# relayed ADDRESS [SERVER OPTION]...: haproxy from a port to pp read, which
# hears of the ends that the client sees.
relayed()
{
	address=$1
	shift
	reader
	haproxy_conf <<-CONF
	listen relay
		bind fd@3
		server reader unix@$PWD/read.sock $*
	CONF
	haproxy_on "$address"
	"$pp" talk "$address" "$front" >want || atf_fail "pp talk"
	wait_got 1
	atf_check -o file:want cat got
	atf_check -o match:"^$address [0-9]+ $address $front hello\$" cat got
	stop_it
}

scenario haproxy_sends "proxyin_parse() reads what haproxy sends: versions 1 \
and 2, with its checksum and its other TLVs" require.progs haproxy
haproxy_sends_body()
{
	relayed 127.0.0.1 send-proxy
	relayed 127.0.0.1 send-proxy-v2
	relayed 127.0.0.1 send-proxy-v2 proxy-v2-options crc32c
	relayed 127.0.0.1 send-proxy-v2 proxy-v2-options \
	    crc32c,authority,ssl,unique-id
}

scenario haproxy_sends6 "The same over IPv6" require.progs haproxy
haproxy_sends6_body()
{
	"$pp" listen ::1 true || atf_skip "no IPv6 here"
	relayed ::1 send-proxy
	relayed ::1 send-proxy-v2 proxy-v2-options crc32c
}

scenario haproxy_tls "proxyin_parse() reads what haproxy says of a TLS \
connection, and leaves what follows" require.progs "haproxy openssl"
haproxy_tls_body()
{
	certificate www
	cat www.crt www.key >www.pem
	reader
	haproxy_conf <<-CONF
	listen relay
		bind fd@3 ssl crt $PWD/www.pem ca-file $PWD/www.crt verify optional
		server reader unix@$PWD/read.sock send-proxy-v2-ssl-cn proxy-v2-options crc32c,authority,cert-key,cert-sig,ssl-cipher
	CONF
	haproxy_on 127.0.0.1
	printf hello | openssl s_client -connect "127.0.0.1:$front" \
	    -servername www.example.org -cert www.crt -key www.key -quiet \
	    -no_ign_eof >client.out 2>&1
	wait_got 1
	atf_check -o match:"^127\.0\.0\.1 [0-9]+ 127\.0\.0\.1 $front hello\$" \
	    cat got
}

# A unix socket has no addresses to tell of.
unaddressed()
{
	reader
	rm -f front.sock
	haproxy_conf <<-CONF
	listen relay
		bind unix@$PWD/front.sock
		server reader unix@$PWD/read.sock $*
	CONF
	background haproxy -db -f haproxy.cfg
	wait_until 20 haproxy test -S front.sock
	"$peer" connect "$PWD/front.sock" write hello shutdown read \
	    2>peer.err || atf_fail "peer: $(cat peer.err)"
	wait_got 1
	atf_check -o inline:"unknown hello\n" cat got
	stop_it
}

scenario haproxy_unknown "From a unix socket of haproxy the connection is \
an unknown one" require.progs "haproxy"
haproxy_unknown_body()
{
	unaddressed send-proxy
	unaddressed send-proxy-v2
	unaddressed send-proxy-v2 proxy-v2-options crc32c
}

scenario haproxy_local "The health checks of haproxy are LOCAL, their \
addresses their own" require.progs haproxy
haproxy_local_body()
{
	reader
	haproxy_conf <<-CONF
	listen relay
		bind unix@$PWD/front.sock
		server reader unix@$PWD/read.sock send-proxy-v2 proxy-v2-options crc32c check inter 100ms
	CONF
	background haproxy -db -f haproxy.cfg
	wait_got 2
	stop_it
	atf_check -o inline:"unknown \n" sort -u got
}

# asked PATH VERSION [END]...: the body of the answer to an HTTP request that
# came after a header of ours.
asked()
{
	printf 'GET / HTTP/1.0\r\n\r\n' | "$pp" send "$@" >answer ||
	    atf_fail "pp send"
	sed '1,/^.$/d' answer
}

# told WANT PATH VERSION [END]...
told()
{
	want=$1
	shift
	asked "$@" >body
	atf_check -o inline:"$want\n" cat body
}

told_all()
{
	for v in 1 2; do
		told "192.0.2.1 50000 198.51.100.2 443$2" \
		    "$1" $v 192.0.2.1 50000 198.51.100.2 443
		told "2001:db8::1 1 2001:db8::2 65535$2" \
		    "$1" $v 2001:db8::1 1 2001:db8::2 65535
		told "::ffff:192.0.2.1 50000 2001:db8::2 443$2" \
		    "$1" $v 192.0.2.1 50000 2001:db8::2 443
		# Only version 2 has more to say.
		[ $v = 2 ] || set -- "$1" "$3"
	done
}

scenario haproxy_receives "haproxy takes our headers: addresses, and the \
server name from version 2" require.progs haproxy
haproxy_receives_body()
{
	haproxy_told
	told_all "$PWD/haproxy.sock" " []" " [www.example.org]"
	# It lives on without addresses.
	told "    []" "$PWD/haproxy.sock" 1 -
	asked "$PWD/haproxy.sock" 2 - >body
	atf_check -o match:'^    \[' cat body
}

scenario nginx_receives "nginx takes our headers" require.progs nginx
nginx_receives_body()
{
	nginx_told
	told_all "$PWD/nginx.sock" "" ""
	told "   " "$PWD/nginx.sock" 1 -
	told "   " "$PWD/nginx.sock" 2 -
}

scenario nginx_sends "proxyin_parse() reads what nginx sends" \
    require.progs nginx
nginx_sends_body()
{
	reader
	nginx_on 127.0.0.1 "unix:$PWD/read.sock"
	"$pp" talk 127.0.0.1 "$front" >want || atf_fail "pp talk"
	wait_got 1
	atf_check -o file:want cat got
	atf_check -o match:"^127\.0\.0\.1 [0-9]+ 127\.0\.0\.1 $front hello\$" \
	    cat got
}

atf_init_test_cases()
{
	add_scenarios
}
