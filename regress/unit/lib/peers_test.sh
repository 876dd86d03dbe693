# SPDX-License-Identifier: ISC
#
# The object against peers that are not ours: openssl(1) and curl(1).

# Starts events; sets port.  Its standard input stays open as descriptor 9.
serve()
{
	openssl req -x509 -sha256 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
	    -nodes -subj /CN=localhost -addext subjectAltName=DNS:localhost \
	    -keyout key.pem -out cert.pem -days 2 2>/dev/null ||
	    atf_fail "no certificate"
	mkfifo stdin port || atf_fail "mkfifo"
	$(atf_get_srcdir)/events cert.pem key.pem "$@" <stdin >port 2>log &
	pid=$!
	exec 9>stdin
	read port <port && [ -n "$port" ] || atf_fail "events: $(cat log)"
}

# Ends events; its log is whole then.
finish()
{
	exec 9>&-
	wait $pid || atf_fail "events: $(cat log)"
}

# Replaces the shell it runs in, so that in the background it has its pid.
client()
{
	exec openssl s_client -connect 127.0.0.1:$port -CAfile cert.pem \
	    -servername localhost -verify_return_error -quiet "$@"
}

atf_test_case versions
versions_head()
{
	atf_set descr "openssl s_client with TLS 1.2 and 1.3: an echo and" \
	    "a clean end"
	atf_set timeout 60
	atf_set require.progs openssl
}
versions_body()
{
	serve
	for v in tls1_2 tls1_3; do
		echo hello >in
		# -quiet ignores the end of its input: ask for an end.
		(client -$v -no_ign_eof <in >out 2>cerr) ||
		    atf_fail "s_client -$v: $(cat cerr)"
	done
	finish
	cat >want <<E
S(connecting) S(connected)[TLSv1.2 localhost] S(closing) S(closed)
reason: 
S(connecting) S(connected)[TLSv1.3 localhost] S(closing) S(closed)
reason: 
E
	atf_check -o file:want cat log
}

atf_test_case echo
echo_head()
{
	atf_set descr "what s_client sends comes back, in both versions"
	atf_set timeout 60
	atf_set require.progs openssl
}
echo_body()
{
	serve
	for v in tls1_2 tls1_3; do
		rm -f in out
		mkfifo in out
		client -$v -ign_eof <in >out 2>cerr &
		pid2=$!
		exec 7>in 8<out
		echo "over there" >&7
		read line <&8
		[ "$line" = "OVER THERE" ] || atf_fail "$v: got $line"
		exec 7>&-
		kill $pid2
		wait $pid2 || :
		exec 8<&-
	done
	finish
	atf_check -o match:'TLSv1.2 localhost\] S\(closing\) S\(closed\)' \
	    -o match:'TLSv1.3 localhost\] S\(closing\) S\(closed\)' cat log
}

atf_test_case strangers
strangers_head()
{
	atf_set descr "curl over plain HTTP, s_client that trusts nobody, one" \
	    "that only has an old version"
	atf_set timeout 60
	atf_set require.progs openssl curl
}
strangers_body()
{
	serve tlsv1.3
	curl -s http://127.0.0.1:$port/ && atf_fail "plain HTTP was answered"
	openssl s_client -connect 127.0.0.1:$port -verify_return_error \
	    </dev/null >/dev/null 2>&1 && atf_fail "it trusted us"
	openssl s_client -connect 127.0.0.1:$port -tls1_2 \
	    </dev/null >/dev/null 2>&1 && atf_fail "TLS 1.2 was spoken"
	finish
	cat >want <<E
S(connecting) E(ptProtocol) S(closing) S(closed)
reason: not TLS: the peer sent an HTTP request
S(connecting) E(ptProtocol) S(closing) S(closed)
reason: peer's alert: unknown ca
S(connecting) E(ptProtocol) S(closing) S(closed)
reason: no common protocol version
E
	atf_check -o file:want cat log
}

atf_init_test_cases()
{
	atf_add_test_case versions
	atf_add_test_case echo
	atf_add_test_case strangers
}
