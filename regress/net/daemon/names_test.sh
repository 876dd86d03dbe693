# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# Server names: which certificate is shown, where the connection goes, and
# what a name costs that is refused.

. "$(atf_get_srcdir)/common.sh"
. "$(atf_get_srcdir)/pki.sh"

# Certificates of one authority; www is the first in every configuration.
certificates()
{
	authority ca
	issue ca www /CN=default DNS:www.example.org
	issue ca wild /CN=wild DNS:*.example.org
	issue ca api /CN=api DNS:api.example.org,DNS:api.example.net
	issue ca common /CN=common.example.com
}

# names STATEMENT...: a server with all of them.
names()
{
	{
		certificate_block wild
		certificate_block api
		certificate_block common
		echo 'server "www" {'
		echo '	listen on 127.0.0.1 port 0'
		echo '	certificate "www"'
		echo '	certificate "wild"'
		echo '	certificate "api"'
		echo '	certificate "common"'
		for _s in "$@"; do
			printf '\t%s\n' "$_s"
		done
		echo '}'
	} | configure
}

# reached NAME WHERE: that it gets to that backend, with TLS 1.2 and 1.3.
reached()
{
	for _v in -tls1_2 -tls1_3; do
		_got=$(fetch "$1" $_v)
		[ "$_got" = "$2" ] || {
			show_log
			atf_fail "$1 reached \"$_got\" and not $2 ($_v)"
		}
	done
}

fetch()
{
	_name=$1
	shift
	[ -z "$_name" ] || set -- -servername "$_name" "$@"
	[ -n "$_name" ] || set -- -noservername "$@"
	receive "$@"
}

scenario chosen "Of several certificates a client is shown the one for the \
name it asks for: exact names before wildcards, whatever their order; the \
first for other names and for none" require.progs openssl
chosen_body()
{
	certificates
	names echo
	start
	for v in -tls1_2 -tls1_3; do
		for pair in www.example.org=default api.example.org=api \
		    API.Example.Org=api api.example.net=api \
		    other.example.org=wild a.b.example.org=default \
		    common.example.com=common.example.com example.org=default \
		    unknown.test=default =default; do
			got=$(shown "${pair%%=*}" $v)
			[ "$got" = "${pair#*=}" ] ||
			    atf_fail "$pair: $got was shown ($v)"
		done
	done
	wait_closed 20
	atf_check -o inline:"20\n" grep -c state=connected log
	atf_check -o match:"servername=api.example.org " \
	    -o match:"servername=unknown.test " grep state=connected log
	atf_check_equal 2 "$(grep state=connected log | grep -vc servername=)"
	atf_check -s exit:1 grep error= log
}

scenario mixed "An exact name goes before a wildcard also where its \
certificate has wildcards of its own, whatever the order" \
    require.progs openssl
mixed_body()
{
	authority ca
	issue ca a "/CN=a" "DNS:*.a.test,DNS:x.b.test,DNS:x.c.test"
	issue ca b "/CN=b" "DNS:*.b.test,DNS:y.c.test"
	issue ca c "/CN=c" "DNS:*.c.test"
	for order in "a b c" "a c b" "b a c" "b c a" "c a b" "c b a"; do
		{
			for c in $order; do
				certificate_block $c
			done
			echo 'server "www" {'
			echo 'listen on 127.0.0.1 port 0; echo'
			for c in $order; do
				echo "certificate \"$c\""
			done
			echo '}'
		} | configure
		start
		for pair in x.a.test=a x.b.test=a x.c.test=a y.b.test=b \
		    y.c.test=b z.c.test=c; do
			got=$(shown "${pair%%=*}")
			[ "$got" = "${pair#*=}" ] ||
			    atf_fail "$order: $pair: $got was shown"
		done
		stop_daemon
	done
}

scenario curl "curl finds each certificate valid for the name it asked for" \
    require.progs "curl openssl"
curl_body()
{
	certificates
	background "$peer" -k accept "$PWD/backend.sock" \
	    raw 'HTTP/1.0 200 OK\x0d\x0a\x0d\x0ahello\x0a' shutdown drain
	wait_until 20 "backend" test -S backend.sock
	names "forward to \"$PWD/backend.sock\""
	start
	for n in www.example.org api.example.org api.example.net \
	    other.example.org common.example.com; do
		atf_check -o inline:"hello\n" curl -sS --cacert ca.crt \
		    --resolve "$n:$port:127.0.0.1" "https://$n:$port/"
	done
	# Not for a name that no certificate is for.
	atf_check -s exit:60 -e match:"unknown.test" curl -sS --cacert ca.crt \
	    --resolve "unknown.test:$port:127.0.0.1" \
	    "https://unknown.test:$port/"
}

scenario one_certificate "With one certificate alone, and no rule about \
names, every name gets it"
one_certificate_body()
{
	certificates
	serve echo
	start
	atf_check_equal default "$(shown www.example.org)"
	atf_check_equal default "$(shown other.test)"
	atf_check_equal default "$(shown "")"
}

scenario routes "Each name goes to the backends of the first rule that it \
matches, and else to those of the server"
routes_body()
{
	certificates
	for b in main api wild shop absent unknown; do
		backend $b
	done
	names "forward to 127.0.0.1 port $(port_in main)" \
	    "match servername \"api.example.org\" forward to 127.0.0.1 port $(port_in api)" \
	    "match servername \"shop-*.example.org\" forward to 127.0.0.1 port $(port_in shop)" \
	    "match servername \"*.example.org\" forward to 127.0.0.1 port $(port_in wild)" \
	    "match servername \"api.example.net\" forward to 127.0.0.1 port $(port_in main)" \
	    "match servername unknown forward to 127.0.0.1 port $(port_in unknown)" \
	    "match servername absent forward to 127.0.0.1 port $(port_in absent)"
	start
	reached api.example.org api
	reached API.example.ORG api
	reached shop-1.example.org shop
	reached shop.example.org wild
	reached www.example.org wild
	reached api.example.net main
	reached common.example.com main
	reached a.b.example.org unknown
	reached nobody.test unknown
	reached "" absent
	# An address is no name, though some send it as one.
	# (LibreSSL does not, and refuses who does before anybody is asked.)
	if [ "$tls$libressl" = OpenSSL ]; then
		reached 127.0.0.1 absent
		wait_closed 22
	else
		wait_closed 20
	fi
	atf_check -s exit:1 grep error= log
	atf_check -o match:"servername=api.example.org backend=127.0.0.1:$(port_in api)\$" \
	    -o match:"servername=API.example.ORG backend=127.0.0.1:$(port_in api)\$" \
	    -o match:"servername=nobody.test backend=127.0.0.1:$(port_in unknown)\$" \
	    grep state=connected log
}

scenario route_several "Backends of a rule take turns; where all of them \
fail, those of the server are not tried in their place"
route_several_body()
{
	certificates
	for b in one two main; do
		backend $b
	done
	refuser dead
	names "forward to 127.0.0.1 port $(port_in main)" \
	    "match servername \"api.example.org\" forward to 127.0.0.1 port $(port_in one)" \
	    "match servername \"api.example.org\" forward to 127.0.0.1 port $(port_in two)" \
	    "match servername \"www.example.org\" forward to 127.0.0.1 port $(port_in dead)"
	start
	for i in 1 2 3 4; do
		fetch api.example.org >>got
		echo >>got
	done
	atf_check -o inline:"one\none\ntwo\ntwo\n" sort got
	atf_check_equal "" "$(fetch www.example.org)"
	wait_closed 5
	atf_check -o match:"error=ptConnectionRefused .*127.0.0.1:$(port_in dead)" \
	    grep error= log
}

# refused NAME [ARGUMENT...]: the client sees an alert and no certificate.
refused()
{
	atf_check_equal "" "$(shown "$@")"
	if [ -n "$libressl" ]; then
		_alert="tlsv1 unrecognized name"
	else
		_alert="alert number 112"
	fi
	grep -q "$_alert" s_client.err || {
		cat s_client.err
		atf_fail "$1: no alert unrecognized_name"
	}
	atf_check -s exit:1 grep -q "BEGIN CERTIFICATE" s_client.out
}

scenario refuse "A name that a rule refuses, an unknown one and none get the \
alert unrecognized_name and ptOperationRefused; no certificate is shown, no \
signature made, no backend asked"
refuse_body()
{
	certificates
	backend main
	names "forward to 127.0.0.1 port $(port_in main)" \
	    'match servername "api.example.org" refuse' \
	    'match servername unknown refuse' \
	    'match servername absent refuse'
	start
	for v in -tls1_2 -tls1_3; do
		refused api.example.org $v
		refused a.b.example.org $v
		refused "" $v
	done
	# Signers that had to work would be missed here.
	reached www.example.org main
	check_events <<-EVENTS
	$(for v in 2 3; do
	for r in 1:"server name api.example.org" \
	    2:"server name a.b.example.org" 3:"clients without a server name"; do
		echo "state=connecting"
		failure ptOperationRefused \
		    "match rule ${r%%:*} refuses ${r#*:}"
		echo "state=closing"
		echo "state=closed in=0 out=0 seconds=S"
	done
	done
	for v in 2 3; do
		echo "state=connecting"
		echo "state=connected VERSION servername=www.example.org backend=127.0.0.1:$(port_in main)"
		echo "state=closing"
		echo "state=closed in=0 out=4 seconds=S"
	done)
	EVENTS
}

scenario refuse_unsigned "A refused name needs no signer: refusals go on \
where signers are stopped" require.user root
refuse_unsigned_body()
{
	need_look
	certificates
	names echo 'match servername unknown refuse' 'timeout handshake 2'
	start
	# shellcheck disable=SC2046
	kill -STOP $(signers)
	# shellcheck disable=SC2046
	signers >>pids
	refused nobody.test
	wait_closed 1
	shown www.example.org >shown
	# LibreSSL sends the certificate before it asks for the signature.
	[ "$tls" = LibreSSL ] || atf_check -o empty cat shown
	wait_closed 2
	atf_check -o match:"error=ptTimeout .*handshake timer" grep error= log
	# shellcheck disable=SC2046
	kill -CONT $(signers)
}

# looked STATEMENT...: a server that looks at names before TLS begins.
looked() { serve echo 'match servername unknown refuse' "$@"; }

# client COMMAND...
client()
{
	"$peer" -C www.crt connect "127.0.0.1:$port" "$@" \
	    >client.out 2>client.err
}

scenario not_hello "What is no TLS or a malformed ClientHello is ptProtocol \
also where names are looked at, silence and what was cut off as elsewhere"
not_hello_body()
{
	looked
	{ echo "log verbose"; cat securetcpd.conf; } >verbose.conf
	mv verbose.conf securetcpd.conf
	start
	client raw 'GET / HTTP/1.0\x0d\x0a\x0d\x0a' drain
	wait_closed 1
	client raw 'SSH-2.0-OpenSSH_9.2\x0d\x0a' drain
	wait_closed 2
	client raw '\x16\x03\x01\x00\x06\x01\x00\x00\x02\xff\xff' read
	# The alert is decode_error.
	atf_check -o inline:'\025\003\003\000\002\002\062' cat client.out
	wait_closed 3
	client close
	wait_until 20 "one without a byte" left_without 1
	client reset
	wait_until 20 "two without a byte" left_without 2
	client raw '\x16\x03\x01\x02\x00\x01' close
	wait_closed 4
	client raw '\x16\x03\x01\x02\x00\x01' reset
	wait_closed 5
	sed -n -e 's/^server=www from=[^ ]* msg=/no session /p' -e 's/.* state=closing reason=/closing /p' \
	    -e 's/.* error=\([A-Za-z]*\) .* reason=/\1 /p' log |
	    sed 's/"ClientHello: .*"/"ClientHello: MALFORMED"/' >got
	cat >want <<-'REASONS'
	ptProtocol "not TLS: the peer sent an HTTP request"
	ptProtocol "not TLS: the peer sent SSH"
	ptProtocol "ClientHello: MALFORMED"
	no session "the peer left without sending anything"
	no session "the peer left without sending anything"
	ptConnectionAborted "the peer left in the middle of the handshake: end of file"
	ptConnectionAborted "the peer left in the middle of the handshake: Connection reset by peer"
	REASONS
	atf_check -o file:want cat got
}

# odd_names: what some clients take for a server name, one a line.
odd_names()
{
	cat <<-'NAMES'
	() { :;}; echo pwn
	*.example.org
	www.example.org:443
	[::1]
	a..example.org
	http://www.example.org/
	NAMES
}

left_without()
{
	[ "$(grep -c 'msg="the peer left without sending' log)" -eq "$1" ]
}

scenario odd "A client that asks for a name that is none is served with match \
as without; the name is unknown, and neither the log nor a program hears of it" \
    require.progs openssl
odd_body()
{
	[ -z "$libressl" ] ||
	    atf_skip "openssl(1) of LibreSSL sends no such server name"
	certificates
	backend in
	for s in "execute \"/usr/bin/env\" user \"nobody\"" \
	    "execute \"/usr/bin/env\" user \"nobody\"
	match servername unknown forward to 127.0.0.1 port $(port_in in)"; do
		names "$s"
		start
		n=0
		odd_names >odd
		while read -r name <&3; do
			n=$((n + 1))
			fetch "$name" >got
			wait_closed $n
		done 3<odd
		atf_check_equal 6 "$(grep -c 'state=connected' log)"
		atf_check -s exit:1 grep -E 'servername=|pwn' log got
		case $s in
		*match*) atf_check_equal 6 "$(grep -c "backend=127" log)" ;;
		*) atf_check -o ignore grep SSL_PROTOCOL got ;;
		esac
		stop_daemon
	done
}

scenario large_hello "A client whose ClientHello is larger than a record is \
served with match as without" require.progs openssl
large_hello_body()
{
	authority ca
	issue ca www /CN=www DNS:localhost
	protocols=$(awk 'BEGIN { for (i = 0; i < 150; i++)
	    printf "%s%0120d", (i == 0 ? "" : ","), i }')
	for s in "" "match servername nobody.example.org refuse"; do
		serve echo "$s"
		start
		echo "$(shown localhost -alpn "$protocols")" >>got
		stop_daemon
	done
	# Whatever the TLS library makes of it.
	atf_check_equal 1 "$(sort -u got | awk 'END { print NR }')"
	[ -n "$libressl" ] || atf_check -o inline:"www\n" sort -u got
}

scenario slow_hello "The handshake timer holds for a ClientHello that does \
not come to its end"
slow_hello_body()
{
	looked 'timeout handshake 1'
	start
	client raw '\x16\x03\x01\x02\x00\x01' drain
	wait_closed 1
	background "$peer" connect "127.0.0.1:$port" raw '\x16' hold
	check_fails ptTimeout "handshake timer, 1 second" 2
}

scenario sigterm "A stop does not wait for a ClientHello"
sigterm_body()
{
	looked
	start
	background "$peer" connect "127.0.0.1:$port" raw '\x16\x03\x01' drain
	wait_log state=connecting
	stop_daemon || atf_fail "exit $?"
	atf_check -o match:"error=ptAbort .*stopped by SIGTERM" \
	    grep error= log
}

scenario many "50 certificates of which each is shown for its name, and 1000 \
rules of which the last decides, work in one server" timeout 300
many_body()
{
	need_look
	authority ca
	i=1
	while [ $i -le 50 ]; do
		issue ca host$i /CN=host$i "DNS:host$i.example.org"
		i=$((i + 1))
	done
	backend last
	{
		certificate_block host1
		i=2
		while [ $i -le 50 ]; do
			certificate_block host$i
			i=$((i + 1))
		done
		echo 'server "www" {'
		echo '	listen on 127.0.0.1 port 0'
		i=1
		while [ $i -le 50 ]; do
			echo "	certificate \"host$i\""
			i=$((i + 1))
		done
		i=1
		while [ $i -lt 1000 ]; do
			echo "	match servername \"*x$i.*.example.net\" refuse"
			i=$((i + 1))
		done
		echo "	match servername \"*.example.org\" forward to 127.0.0.1 port $(port_in last)"
		echo '	echo'
		echo '}'
	} | configure
	begun=$(date +%s)
	start
	[ $(($(date +%s) - begun)) -lt 15 ] || atf_fail "it took too long"
	for i in 1 2 25 50; do
		atf_check_equal "host$i" "$(shown "host$i.example.org")"
		reached "host$i.example.org" last
	done
	atf_check_equal "" "$(shown x999.a.example.net)"
	wait_closed 13
	atf_check -o match:"match rule 999 refuses server name x999.a.example.net" \
	    grep error= log
	# One rule more is one too many.
	edit securetcpd.conf 's/^	echo$/	match servername absent refuse; echo/'
	atf_check -s exit:1 -e match:"1000" "$securetcpd" -n -f securetcpd.conf
}

scenario large_files "A file of trusted certificates of some hundred \
kilobytes and as large a list of revoked ones are no obstacle" \
    require.progs openssl timeout 300
large_files_body()
{
	authority ca
	issue ca www /CN=www DNS:localhost
	issue ca good /CN=good
	issue ca gone /CN=gone
	i=0
	while [ $i -lt 12000 ]; do
		printf 'R\t300101000000Z\t250101000000Z\t7%07X\tunknown\t/CN=x\n' \
		    $i
		i=$((i + 1))
	done >>ca.index
	revoke ca gone
	crl ca
	[ "$(wc -c <ca.crl)" -gt 300000 ] || atf_fail "a small list"
	certificate stranger rsa:2048
	i=0
	while [ $i -lt 400 ]; do
		cat stranger.crt
		i=$((i + 1))
	done >bundle
	cat ca.crt >>bundle
	[ "$(wc -c <bundle)" -gt 300000 ] || atf_fail "a small bundle"
	serve echo "client authentication required ca \"$PWD/bundle\" \
	    crl \"$PWD/ca.crl\""
	begun=$(date +%s)
	start
	[ $(($(date +%s) - begun)) -lt 10 ] || atf_fail "it took too long"
	atf_check_equal www "$(shown localhost -cert good.crt -key good.key)"
	wait_log 'state=connected .* subject="CN=good"'
	shown localhost -cert gone.crt -key gone.key >shown
	wait_log 'error=ptAuthentication .*reason="certificate CN=gone: revoked on'
}

atf_init_test_cases()
{
	add_scenarios
}
