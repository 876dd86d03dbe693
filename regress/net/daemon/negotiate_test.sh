# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# What a handshake settles: OCSP responses, application protocols, versions,
# suites and groups, and that the log shows it.

. "$(atf_get_srcdir)/common.sh"
. "$(atf_get_srcdir)/pki.sh"

# stapled NAME [ARGUMENT...]: what openssl makes of the response it is given.
stapled()
{
	_name=$1
	shift
	openssl s_client -status -servername "$_name" -CAfile ca.crt "$@" \
	    -connect "127.0.0.1:$port" </dev/null >s_client.out 2>s_client.err
	sed -n -e 's/^OCSP response: \(no response sent\)$/\1/p' \
	    -e 's/^ *Serial Number: \([0-9A-F]*\)$/\1/p' \
	    -e 's/^ *Cert Status: \(.*\)$/\1/p' s_client.out | tr '\n' ' '
}
serial_of() { openssl x509 -in "$1.crt" -noout -serial | cut -d = -f 2; }

scenario staples "Each certificate goes with its own OCSP response, the \
default as well as further ones, and one without goes without" \
    require.progs openssl
staples_body()
{
	authority ca
	issue ca www /CN=www DNS:www.example.org
	issue ca api /CN=api DNS:api.example.org
	issue ca bare /CN=bare DNS:bare.example.org
	issue ca wild /CN=wild "DNS:*.example.org"
	"$staple" www.crt ca.crt ca.key sha1 good -60 864000 >www.ocsp
	"$staple" api.crt ca.crt ca.key sha256 good -60 - >api.ocsp
	"$staple" wild.crt ca.crt ca.key sha384 good -60 864000 >wild.ocsp
	{
		for c in www api wild; do
			cp $c.crt $c-.crt
			cp $c.key $c-.key
			certificate_block $c- "ocsp \"$PWD/$c.ocsp\""
		done
		certificate_block bare
		cat <<-'CONF'
		server "www" {
			listen on 127.0.0.1 port 0
			certificate "www-"
			certificate "wild-"
			certificate "bare"
			certificate "api-"
			echo
		}
		CONF
	} | configure
	start
	for v in -tls1_2 -tls1_3; do
		for n in www api; do
			atf_check_equal "$(serial_of $n) good " \
			    "$(stapled $n.example.org $v)"
		done
		atf_check_equal "$(serial_of wild) good " \
		    "$(stapled other.example.org $v)"
		atf_check_equal "$(serial_of www) good " "$(stapled a.test $v)"
		atf_check_equal "no response sent " \
		    "$(stapled bare.example.org $v)"
	done
	# Who does not ask gets none.
	openssl s_client -servername www.example.org \
	    -connect "127.0.0.1:$port" </dev/null >s_client.out 2>&1
	atf_check -s exit:1 grep -q "OCSP Response Data" s_client.out
	wait_closed 11
	atf_check -s exit:1 grep error= log
}

scenario staple_verified "A client that insists on a response finds it \
good, and one that has expired is warned of and found bad" \
    require.progs "curl openssl"
staple_verified_body()
{
	authority ca
	issue ca www /CN=www DNS:localhost
	"$staple" www.crt ca.crt ca.key sha1 good -60 864000 >www.ocsp
	background "$peer" -k accept "$PWD/backend.sock" \
	    raw 'HTTP/1.0 200 OK\x0d\x0a\x0d\x0ahello\x0a' shutdown drain
	wait_until 20 "backend" test -S backend.sock
	cat www.crt ca.crt >www-.crt
	cp www.key www-.key
	{
		certificate_block www- "ocsp \"$PWD/www.ocsp\""
		cat <<-CONF
		server "www" {
			listen on 127.0.0.1 port 0
			certificate "www-"
			forward to "$PWD/backend.sock"
		}
		CONF
	} | configure
	start
	atf_check -o inline:"hello\n" curl -sS --cert-status --cacert ca.crt \
	    "https://localhost:$port/"
	stop_daemon
	"$staple" www.crt ca.crt ca.key sha1 good -7200 -3600 >www.ocsp
	start
	atf_check -s exit:91 -e ignore curl -sS --cert-status \
	    --cacert ca.crt "https://localhost:$port/"
	wait_log 'certificate=www- warning="the OCSP response has expired: clients may refuse the certificate" ocsp=.*www.ocsp thisupdate=.* nextupdate='
}

scenario staple_expires "A response that expires while the daemon runs is \
warned about once" require.progs openssl
staple_expires_body()
{
	authority ca
	issue ca www /CN=www DNS:localhost
	"$staple" www.crt ca.crt ca.key sha1 good -60 5 >www.ocsp
	cp www.crt www-.crt
	cp www.key www-.key
	{
		certificate_block www- "ocsp \"$PWD/www.ocsp\""
		cat <<-'CONF'
		server "www" {
			listen on 127.0.0.1 port 0
			certificate "www-"
			echo
		}
		CONF
	} | configure
	start
	wait_log 'certificate=www- warning="the OCSP response has expired: '
	atf_check_equal www "$(shown localhost)"
	wait_closed 1
	atf_check -o inline:"1\n" grep -c "has expired" log
}

# misfit WHAT: the response www.ocsp is refused, and why.
misfit()
{
	atf_check -s exit:1 -o empty -e inline:"securetcpd.conf:$line: \
ocsp \"$PWD/www.ocsp\": $1\n" "$securetcpd" -n -f securetcpd.conf
}

scenario staple_misfits "A response about another certificate, one that does \
not say good, or what is no response, is an error that says why" \
    require.progs openssl
staple_misfits_body()
{
	authority ca
	authority other
	authority double "" /O=Example/CN=ca
	issue ca www /CN=www DNS:localhost
	issue ca second /CN=second
	issue other alien /CN=alien
	issue double twin /CN=twin
	cp www.crt www-.crt
	cp www.key www-.key
	{
		certificate_block www- "ocsp \"$PWD/www.ocsp\""
		cat <<-'CONF'
		server "www" {
			listen on 127.0.0.1 port 0
			certificate "www-"
			echo
		}
		CONF
	} | configure
	line=$(grep -n ocsp securetcpd.conf | cut -d : -f 1)
	about="is not about certificate \"www-\""

	# The first of each authority has the number 1.
	for h in sha1 sha256; do
		"$staple" second.crt ca.crt ca.key $h good -60 864000 >www.ocsp
		misfit "$about: another serial number"
		"$staple" alien.crt other.crt other.key $h good -60 864000 \
		    >www.ocsp
		misfit "$about: another issuer"
	done
	# Only a chain with its issuer in it tells these apart.
	"$staple" twin.crt double.crt double.key sha1 good -60 864000 >www.ocsp
	atf_check -o inline:"configuration OK\n" \
	    "$securetcpd" -n -f securetcpd.conf
	cat www.crt ca.crt >www-.crt
	for h in sha1 sha256; do
		"$staple" twin.crt double.crt double.key $h good -60 864000 \
		    >www.ocsp
		misfit "$about: an issuer of that name with another key"
		"$staple" www.crt ca.crt ca.key $h good -60 864000 >www.ocsp
		atf_check -o inline:"configuration OK\n" \
		    "$securetcpd" -n -f securetcpd.conf
	done
	"$staple" www.crt ca.crt ca.key sha1 revoked -60 864000 >www.ocsp
	misfit "says that the certificate is revoked"
	"$staple" www.crt ca.crt ca.key sha1 unknown -60 864000 >www.ocsp
	misfit "does not say that the certificate is good"
	"$staple" www.crt ca.crt ca.key sha1 good -60 864000 >whole.ocsp
	{ cat whole.ocsp; echo; } >www.ocsp
	misfit "something follows the OCSP response"
	first 100 whole.ocsp >www.ocsp
	misfit "is not an OCSP response in DER form"
	printf '0\003\012\001\003' >www.ocsp
	misfit "the responder answered with an error"
	: >www.ocsp
	atf_check -s exit:1 -e inline:"securetcpd.conf:$line: \
ocsp \"$PWD/www.ocsp\" is empty\n" "$securetcpd" -n -f securetcpd.conf
	# Not yet, soon, and no longer: warnings.
	for w in "3600 864000:is not valid before" "-60 3600:its next update \
is due on" "-7200 -60:expired: its next update was due on"; do
		# shellcheck disable=SC2086
		"$staple" www.crt ca.crt ca.key sha1 good ${w%%:*} >www.ocsp
		atf_check -o inline:"configuration OK\n" -e match:"^securetcpd\
.conf:$line: warning: ocsp \"$PWD/www.ocsp\": ${w#*:} [-0-9]+ [0-9:]+ UTC\$" \
		    "$securetcpd" -n -f securetcpd.conf
	done
	# A certificate that has signed itself is its own issuer.
	certificate self
	cp self.crt www-.crt
	cp self.key www-.key
	"$staple" self.crt self.crt self.key sha256 good -60 864000 >www.ocsp
	atf_check -o inline:"configuration OK\n" \
	    "$securetcpd" -n -f securetcpd.conf
}

scenario same_name "Two certificates of a server for the same exact name \
are warned of; a name beside a wildcard is not" require.progs openssl
same_name_body()
{
	authority ca
	issue ca www /CN=www DNS:www.example.org,DNS:one.example.org
	issue ca api /CN=api DNS:api.example.org,DNS:WWW.example.org
	issue ca wild /CN=wild "DNS:*.example.org,DNS:*.example.org"
	issue ca common /CN=one.example.org
	issue ca hidden /CN=api.example.org DNS:hidden.example.org
	{
		for c in api wild common hidden; do
			certificate_block $c
		done
		cat <<-'CONF'
		server "www" {
			listen on 127.0.0.1 port 0
			certificate "www"
			certificate "wild"
			certificate "api"
			certificate "common"
			certificate "hidden"
			echo
		}
		server "other" {
			listen on 127.0.0.1 port 0
			certificate "api"
			echo
		}
		CONF
	} | configure
	line=$(grep -n '^certificate "wild"$' securetcpd.conf | cut -d : -f 1)
	atf_check -o inline:"configuration OK\n" -e inline:"securetcpd.conf:\
$((line + 1)): warning: certificate \"api\" is for \"WWW.example.org\" as is \
\"www\": one of them is never shown for that name
securetcpd.conf:$((line + 2)): warning: certificate \"common\" is for \
\"one.example.org\" as is \"www\": one of them is never shown for that name
" "$securetcpd" -n -f securetcpd.conf
}

# agreed PROTOCOLS [ARGUMENT...]: the one that a client is told.
agreed()
{
	_offer=$1
	shift
	[ -z "$_offer" ] || set -- -alpn "$_offer" "$@"
	openssl s_client "$@" -connect "127.0.0.1:$port" </dev/null \
	    >s_client.out 2>s_client.err
	sed -n 's/^ALPN protocol: //p' s_client.out
}

scenario alpn "The first protocol of the server that the client offers is \
agreed on and logged; one that offers only others gets no_application_protocol, \
and one that offers none is served" \
    require.progs openssl
alpn_body()
{
	serve echo 'alpn "h2,http/1.1"'
	start
	for v in -tls1_2 -tls1_3; do
		atf_check_equal h2 "$(agreed http/1.1,h2 $v)"
		atf_check_equal h2 "$(agreed h2 $v)"
		atf_check_equal http/1.1 "$(agreed http/1.1,h3 $v)"
		atf_check_equal "" "$(agreed "" $v)"
		# The peer's alert, by the number that both versions have.
		atf_check_equal "" "$(agreed h3,spdy/1 $v)"
		atf_check -o match:"alert number 120" cat s_client.err
	done
	wait_closed 10
	grep state=connected log | sed 's/.* cipher=[^ ]* //' >got
	for v in 2 3; do
		printf '%s backend=echo\n' alpn=h2 alpn=h2 alpn=http/1.1
		printf 'backend=echo\n'
	done >want
	atf_check -o file:want cat got
	atf_check -o inline:"2\n" grep -c \
	    'error=ptProtocol .*reason="no common application protocol"' log
	atf_check -o inline:"2\n" grep -c error= log
}
scenario alpn_optional "Where alpn is optional a client that offers only \
others is served without one" require.progs openssl
alpn_optional_body()
{
	serve echo 'alpn optional "h2,http/1.1"'
	start
	for v in -tls1_2 -tls1_3; do
		atf_check_equal h2 "$(agreed http/1.1,h2 $v)"
		atf_check_equal "" "$(agreed "" $v)"
		atf_check_equal "" "$(agreed h3,spdy/1 $v)"
	done
	wait_closed 6
	atf_check -o inline:"6\n" grep -c state=connected log
	atf_check -o inline:"2\n" grep -c alpn=h2 log
	atf_check -s exit:1 grep error= log
}

scenario alpn_off "A server without protocols agrees on none" \
    require.progs openssl
alpn_off_body()
{
	serve echo
	start
	atf_check_equal "" "$(agreed h2,http/1.1)"
	wait_closed 1
	atf_check -s exit:1 grep -q alpn= log
}

# handshake ARGUMENT...: that it comes about, "cipher" and "group" of it.
handshake()
{
	openssl s_client "$@" -connect "127.0.0.1:$port" </dev/null \
	    >s_client.out 2>s_client.err || return
	# LibreSSL's takes an end without an alert for a good one.
	not grep -q 'Cipher is (NONE)' s_client.out
}

scenario only_13 "With protocol tlsv1.3 alone TLS 1.2 is refused" \
    require.progs openssl
only_13_body()
{
	serve echo 'protocol "tlsv1.3"'
	start
	atf_check -s not-exit:0 -x "openssl s_client -tls1_2 \
	    -connect 127.0.0.1:$port </dev/null >s_client.out 2>s_client.err"
	atf_check -o match:"alert protocol version" cat s_client.err
	handshake || atf_fail "no TLS 1.3"
	check_events <<-EVENTS
	state=connecting
	$(failure ptProtocol "no common protocol version")
	state=closing
	state=closed in=0 out=0 seconds=S
	state=connecting
	state=connected VERSION backend=echo
	state=closing
	state=closed in=0 out=0 seconds=S
	EVENTS
	atf_check -o match:"version=TLSv1.3 cipher=[^ ]*AES" \
	    grep state=connected log
}

scenario groups "The groups of the server, and no others, are those of the \
key exchange in both versions, also after a HelloRetryRequest" \
    require.progs openssl
groups_body()
{
	# To an ECDSA certificate its own curve would have to be offered.
	certificate www rsa:2048
	serve echo 'curves "P-384,X25519"'
	start
	for v in -tls1_2 -tls1_3; do
		handshake $v -groups X25519 || atf_fail "no X25519 $v"
		atf_check -o match:"(Server|Peer) Temp Key: (ECDH, )?X25519" cat s_client.out
		handshake $v -groups P-521:P-384 || atf_fail "no P-384 $v"
		atf_check \
		    -o match:"(Server|Peer) Temp Key: ECDH, (P-384|secp384r1)" \
		    cat s_client.out
		! handshake $v -groups P-256 || atf_fail "P-256 $v"
	done
	wait_closed 6
	atf_check -o inline:"4\n" grep -c state=connected log
	atf_check -o inline:"2\n" grep -c error=ptProtocol log
}

scenario signatures "A client that offers only signatures that a signer \
cannot make gets an alert" require.progs openssl
signatures_body()
{
	[ -z "$libressl" ] ||
	    atf_skip "openssl(1) of LibreSSL offers the signatures it likes"
	for k in P-256 rsa:2048; do
		certificate www $k
		[ $k = P-256 ] && _alg=ECDSA || _alg=RSA
		serve echo
		start
		! handshake -tls1_2 -sigalgs $_alg+SHA224 \
		    -cipher DEFAULT:@SECLEVEL=0 || atf_fail "$_alg+SHA224"
		# handshake_failure; of LibreSSL decode_error.
		atf_check -o match:"alert number [45]0" cat s_client.err
		for a in SHA256 SHA384 SHA512; do
			handshake -tls1_2 -sigalgs $_alg+$a ||
			    atf_fail "no $_alg+$a"
		done
		wait_closed 4
		atf_check -o inline:"1\n" grep -c error=ptProtocol log
		atf_check -o inline:"1\n" grep -c error= log
		stop_daemon
	done
}
scenario ciphers "The suites of TLS 1.2 are those of the server, and the \
log names the one agreed on" require.progs openssl
ciphers_body()
{
	serve echo \
	    'ciphers "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256"'
	start
	for c in ECDHE-ECDSA-CHACHA20-POLY1305 ECDHE-ECDSA-AES128-GCM-SHA256
	do
		handshake -tls1_2 -cipher $c || atf_fail "no $c"
	done
	! handshake -tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384 ||
	    atf_fail "a suite that the server does not have"
	wait_closed 3
	atf_check -o match:"cipher=ECDHE-ECDSA-CHACHA20-POLY1305 " \
	    -o match:"cipher=ECDHE-ECDSA-AES128-GCM-SHA256 " \
	    grep state=connected log
	atf_check -o match:'reason="no common cipher suite"' grep error= log
}

scenario everything "The connected line shows all that was settled" \
    require.progs openssl
everything_body()
{
	authority ca
	issue ca www /CN=www DNS:www.example.org
	issue ca client /CN=client
	serve echo 'alpn "h2"' \
	    "client authentication required ca \"$PWD/ca.crt\""
	start
	handshake -tls1_2 -alpn h2 -servername www.example.org \
	    -cert client.crt -key client.key
	wait_closed 1
	atf_check -o match:"state=connected version=TLSv1.2 cipher=ECDHE-ECDSA-[-A-Z0-9]* servername=www.example.org alpn=h2 backend=echo subject=\"CN=client\"\$" \
	    cat log
}

atf_init_test_cases()
{
	add_scenarios
}
