# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# The PROXY protocol with haproxy and nginx at the other end.

. "$(atf_get_srcdir)/../daemon/common.sh"
pp=$(atf_get_srcdir)/pp

# reader: what pp reads from read.sock is in the file got.
reader()
{
	rm -f read.sock got
	"$pp" read "$PWD/read.sock" </dev/null >got 2>pp.err &
	echo $! >>pids
	wait_until 20 "pp read" test -S read.sock
}

# on_port ADDRESS COMMAND: runs it with a listening socket as descriptor 3
# on a port of the kernel's choice; sets port.
on_port()
{
	rm -f port
	background "$pp" listen "$1" sh -c \
	    "echo \$PORT >port.tmp && mv port.tmp port && $2"
	wait_until 20 "a port" test -f port
	port=$(cat port)
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

haproxy_conf()
{
	cat >haproxy.cfg <<-CONF
	defaults
		mode tcp
		timeout connect 20s
		timeout client 20s
		timeout server 20s
	$(cat)
	CONF
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
	on_port "$address" "exec haproxy -db -f haproxy.cfg"
	"$pp" talk "$address" "$port" >want || atf_fail "pp talk"
	wait_got 1
	atf_check -o file:want cat got
	atf_check -o match:"^$address [0-9]+ $address $port hello\$" cat got
	stop_it
}

scenario haproxy_sends "proxy_parse() reads what haproxy sends: versions 1 \
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

scenario haproxy_tls "proxy_parse() reads what haproxy says of a TLS \
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
	on_port 127.0.0.1 "exec haproxy -db -f haproxy.cfg"
	printf hello | openssl s_client -connect "127.0.0.1:$port" \
	    -servername www.example.org -cert www.crt -key www.key -quiet \
	    -no_ign_eof >client.out 2>&1
	wait_got 1
	atf_check -o match:"^127\.0\.0\.1 [0-9]+ 127\.0\.0\.1 $port hello\$" \
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
	printf hello | socat - "UNIX-CONNECT:$PWD/front.sock" ||
	    atf_fail "socat"
	wait_got 1
	atf_check -o inline:"unknown hello\n" cat got
	stop_it
}

scenario haproxy_unknown "From a unix socket of haproxy the connection is \
an unknown one" require.progs "haproxy socat"
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
	haproxy_conf <<-CONF
	frontend front
		mode http
		bind unix@$PWD/front.sock accept-proxy
		http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[dst] %[dst_port] [%[fc_pp_authority]]\n"
	CONF
	background haproxy -db -f haproxy.cfg
	wait_until 20 haproxy test -S front.sock
	told_all "$PWD/front.sock" " []" " [www.example.org]"
	# It lives on without addresses.
	told "    []" "$PWD/front.sock" 1 -
	asked "$PWD/front.sock" 2 - >body
	atf_check -o match:'^    \[' cat body
}

nginx_conf()
{
	[ "$(id -u)" -ne 0 ] || echo "user root;" >user.conf
	touch user.conf
	mkdir -p tmp
	cat >nginx.conf <<-CONF
	include $PWD/user.conf;
	daemon off;
	worker_processes 1;
	pid $PWD/nginx.pid;
	error_log $PWD/nginx.err;
	$(cat)
	CONF
}

scenario nginx_receives "nginx takes our headers" require.progs nginx
nginx_receives_body()
{
	nginx_conf <<-CONF
	events { worker_connections 64; }
	http {
		access_log off;
		default_type text/plain;
		client_body_temp_path $PWD/tmp/body;
		proxy_temp_path $PWD/tmp/proxy;
		fastcgi_temp_path $PWD/tmp/fastcgi;
		uwsgi_temp_path $PWD/tmp/uwsgi;
		scgi_temp_path $PWD/tmp/scgi;
		server {
			listen unix:$PWD/nginx.sock proxy_protocol;
			return 200 "\$proxy_protocol_addr \$proxy_protocol_port \$proxy_protocol_server_addr \$proxy_protocol_server_port\n";
		}
	}
	CONF
	background nginx -p "$PWD" -e "$PWD/nginx.err" -c "$PWD/nginx.conf"
	wait_until 20 "nginx" test -S nginx.sock
	told_all "$PWD/nginx.sock" "" ""
	told "   " "$PWD/nginx.sock" 1 -
	told "   " "$PWD/nginx.sock" 2 -
}

stream_module()
{
	for d in /usr/lib/nginx/modules /usr/local/libexec/nginx \
	    /var/www/modules; do
		[ -f $d/ngx_stream_module.so ] || continue
		echo "load_module $d/ngx_stream_module.so;"
		return 0
	done
	return 1
}

scenario nginx_sends "proxy_parse() reads what nginx sends" \
    require.progs nginx
nginx_sends_body()
{
	module=$(stream_module) || atf_skip "nginx has no stream module here"
	reader
	nginx_conf <<-CONF
	$module
	events { worker_connections 64; }
	stream {
		server {
			include $PWD/listen.conf;
			proxy_pass unix:$PWD/read.sock;
			proxy_protocol on;
		}
	}
	CONF
	# It takes over a socket of the address it is told to listen on.
	on_port 127.0.0.1 "echo listen 127.0.0.1:\$PORT\; >listen.conf &&
	    NGINX='3;' exec nginx -p $PWD -e $PWD/nginx.err -c $PWD/nginx.conf"
	"$pp" talk 127.0.0.1 "$port" >want || atf_fail "pp talk"
	wait_got 1
	atf_check -o file:want cat got
	atf_check -o match:"^127\.0\.0\.1 [0-9]+ 127\.0\.0\.1 $port hello\$" \
	    cat got
}

atf_init_test_cases()
{
	add_scenarios
}
