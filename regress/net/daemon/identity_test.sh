# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# Client certificates: who is let in, who is not and for what reason, and
# that those get nothing from behind the server.

. "$(atf_get_srcdir)/common.sh"
. "$(atf_get_srcdir)/../../tools/nginx.sh"
. "$(atf_get_srcdir)/pki.sh"

# everybody: two authorities, one below the first, and their clients.
everybody()
{
	authority root
	authority below root
	authority stranger
	authority fake "" /O=Example/CN=root
	issue root good "/O=Example/OU=ops/CN=good.ops.example.org" \
	    DNS:good.example.org,IP:192.0.2.7,email:good@example.org,URI:spiffe://example.org/good
	issue below deep /CN=deep
	issue stranger other /CN=other
	issue fake forged /CN=forged
	issue root old /CN=old "" -startdate $past -enddate $yesterday
	issue root early /CN=early "" -startdate $future -enddate 20910101000000Z
	purpose=serverAuth
	issue root purpose /CN=purpose
	purpose=
	certificate self
	issue root gone /CN=gone
	revoke root gone
	count=0
	backend secret
}

# guard AUTHENTICATION [STATEMENT]...: a server that asks for certificates.
guard()
{
	_how=$1
	shift
	serve "forward to 127.0.0.1 port $(port_in secret)" \
	    "client authentication $_how" "$@"
}

# log_in VERSION NAME [with AUTHORITY | ARGUMENT...]: what a client gets from
# behind www; with the certificate of its authority beside its own.
log_in()
{
	_version=$1 _client=$2
	shift 2
	if [ "$1" = with ]; then
		cat "$_client.crt" "$2.crt" >"$_client.chain"
		case $_version in
		tls1_2)	_version=1.2 ;;
		*)	_version=1.3 ;;
		esac
		"$top/regress/tools/tlspipe" -v $_version \
		    -c "$_client.chain" -k "$_client.key" 127.0.0.1 "$port" \
		    </dev/null 2>receive.err
		return
	fi
	[ "$_client" = none ] ||
	    set -- -cert "$_client.crt" -key "$_client.key" "$@"
	receive "-$_version" "$@"
}

# last_events: those of the connection before, without what differs.
last_events()
{
	_last=$(sed -n 's/.* session=\([0-9]*\) .*state=closed.*/\1/p' log |
	    sort -n | tail -n 1)
	grep -E "^server=www session=$_last " log | sed -E \
	    -e 's/^server=www session=[0-9]+ from=[^ ]* //' \
	    -e 's/ version=TLSv1\.[23] cipher=[^ ]+/ VERSION/' \
	    -e 's/ backend=[^ ]*/ BACKEND/' -e 's/ seconds=[0-9.]+/ S/' \
	    -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} UTC/DATE/g'
}

# happened WHO: standard input is what did, for the next connection.
happened()
{
	cat >expected
	wait_closed $((count += 1))
	last_events >happened
	diff -u expected happened || {
		show_log
		atf_fail "$1: other events than expected"
	}
}

# alert_of REASON: the number of the alert that the client gets for it.
alert_of()
{
	case $1 in
	*"has sent no certificate"|*"without a certificate"|*"deny none"*)
				echo '(40|116)' ;;
	*"not trusted")		echo 48 ;;
	*"list of revoked"*)	echo 42 ;;
	*"expired on DATE"|*"not valid before DATE")
				echo 45 ;;
	*"revoked on DATE")	echo 44 ;;
	*"its purpose is"*)	echo 43 ;;
	denied*)		echo "${denied_alert:-46}" ;;
	*)			atf_fail "alert_of: $1: which is that?" ;;
	esac
}

# denied REASON NAME [ARGUMENT...]: with both versions of the protocol.
denied()
{
	_reason=$1
	shift
	for _v in tls1_2 tls1_3; do
		_got=$(log_in $_v "$@")
		[ -z "$_got" ] || atf_fail "$*: got $_got"
		grep -Eq "SSL alert number $(alert_of "$_reason")\$" \
		    receive.err || never_read || {
			cat receive.err
			atf_fail "$*: another alert for: $_reason"
		}
		happened "$*" <<-EVENTS
		state=connecting
		$(failure ptAuthentication "$_reason")$whose
		state=closing
		state=closed in=0 out=0 S
		EVENTS
	done
}

# never_read: LibreSSL's s_client writes one message after the other, and is
# content with the first that nobody takes any more.
never_read()
{
	[ -n "$libressl" ] && grep -q '^write:errno=32$' receive.err
}

# by_rule SUBJECT REASON NAME: denied, and the log says who.
by_rule()
{
	whose=$1
	shift
	denied "$@"
	whose=
}
whose=

# admitted SUBJECT NAME [ARGUMENT...]
admitted()
{
	_subject=$1
	shift
	for _v in tls1_2 tls1_3; do
		_got=$(log_in $_v "$@")
		[ "$_got" = secret ] || {
			show_log
			atf_fail "$*: got \"$_got\""
		}
		happened "$*" <<-EVENTS
		state=connecting
		state=connected VERSION BACKEND$_subject
		state=closing
		state=closed in=0 out=6 S
		EVENTS
	done
}

good=' subject="O=Example,OU=ops,CN=good.ops.example.org"'

other=' subject="CN=other"'

# always: what holds whether a certificate is required or not.
always()
{
	admitted "$good" good
	denied "certificate CN=other: issued by O=Example,CN=stranger, which is not trusted" other
	denied "certificate CN=forged: issued by O=Example,CN=root, which is not trusted" forged
	denied "certificate CN=localhost: signed by itself and not trusted" self
	denied "certificate CN=old: expired on DATE" old
	denied "certificate CN=early: not valid before DATE" early
	denied "certificate CN=purpose: its purpose is not that of a client" purpose
	# Below: only who sends what is between leads to the root.
	admitted ' subject="CN=deep"' deep with below
	denied "certificate CN=deep: issued by O=Example,CN=below, which is not trusted" deep
}

scenario required "A client certificate is required: a valid one is let in \
and named in the log, none and each kind of bad one is ptAuthentication with \
its reason, and nothing of the backend is seen"
required_body()
{
	everybody
	guard "required ca \"$PWD/root.crt\""
	start
	denied "the client has sent no certificate" none
	always
	# Without a list, nobody knows that it was revoked.
	admitted ' subject="CN=gone"' gone
	atf_check_equal 6 "$(grep -c state=connected log)"
}

scenario optional "A client certificate is optional: none is let in, a bad \
one is refused all the same"
optional_body()
{
	everybody
	guard "optional ca \"$PWD/root.crt\""
	start
	admitted "" none
	always
}

scenario not_asked "A server that does not ask is not shown any certificate"
not_asked_body()
{
	everybody
	serve "forward to 127.0.0.1 port $(port_in secret)"
	start
	admitted "" other
}

scenario bundle "The file of trusted certificates may hold many, also one \
below a root"
bundle_body()
{
	everybody
	cat stranger.crt below.crt root.crt >bundle
	guard "required ca \"$PWD/bundle\""
	start
	admitted "$good" good
	admitted ' subject="CN=other"' other
	admitted ' subject="CN=deep"' deep
	denied "certificate CN=localhost: signed by itself and not trusted" self
}

scenario revoked "A revoked certificate is refused with the date of that, \
one whose issuer has no valid list as well, and the reason says which"
revoked_body()
{
	everybody
	crl root
	guard "required ca \"$PWD/root.crt\" crl \"$PWD/root.crl\""
	start
	admitted "$good" good
	denied "certificate CN=gone: revoked on DATE" gone
	denied "no list of revoked certificates of O=Example,CN=below is known" \
	    deep with below
	denied "certificate CN=old: expired on DATE" old
	denied "the client has sent no certificate" none
}

scenario revoked_below "With a list for each authority on the way all of \
them are checked"
revoked_below_body()
{
	everybody
	issue below deeper /CN=deeper
	revoke below deeper
	crl root
	crl below
	cat root.crl below.crl >both.crl
	guard "required ca \"$PWD/root.crt\" crl \"$PWD/both.crl\""
	start
	admitted "$good" good
	admitted ' subject="CN=deep"' deep with below
	denied "certificate CN=deeper: revoked on DATE" deeper \
	    with below
	stop_daemon
	# The authority itself is revoked now.
	revoke root below
	crl root
	cat root.crl below.crl >both.crl
	start
	count=0
	denied "certificate O=Example,CN=below: revoked on DATE" deep \
	    with below
}

scenario lists "What any list of an issuer says counts, be it one of changes, \
of some reasons or one of the same date; alone the first two cover nobody, and \
-n says so"
lists_body()
{
	everybody
	issue root later /CN=later
	crl root -crlexts base
	mv root.crl base.crl
	revoke root later
	guard "required ca \"$PWD/root.crt\" crl \"$PWD/both.crl\""
	for kind in base changes reasons; do
		crl root -crlexts $kind
		for both in "base.crl root.crl" "root.crl base.crl"; do
			# shellcheck disable=SC2086
			cat $both >both.crl
			start
			count=0
			[ $kind = base ] || admitted "$good" good
			denied "certificate CN=later: revoked on DATE" later
			stop_daemon
		done
		[ $kind != base ] || continue
		cp root.crl both.crl
		atf_check -o inline:"configuration OK\n" \
		    -e match:"warning: crl \"$PWD/both.crl\", line 1: the list of O=Example,CN=root .* missing: all certificates of this issuer are refused" \
		    "$securetcpd" -n -f securetcpd.conf
		start
		count=0
		denied "certificate CN=later: revoked on DATE" later
		denied "the list of revoked certificates of O=Example,CN=root does not cover this certificate" good
		stop_daemon
	done
}

scenario rootless "A file of trusted certificates without a root, which could \
serve nobody, is refused" require.progs openssl
rootless_body()
{
	everybody
	guard "required ca \"$PWD/below.crt\""
	atf_check -s exit:1 \
	    -e match:'warning: ca ".*", line 1: O=Example,CN=below is issued by O=Example,CN=root, which is not in the file' \
	    -e match:'[0-9]: ca ".*/below.crt" holds no root' \
	    "$securetcpd" -n -f securetcpd.conf
	cat stranger.crt below.crt >bundle
	guard "required ca \"$PWD/bundle\""
	start
	admitted ' subject="CN=other"' other
	denied "certificate O=Example,CN=below: issued by O=Example,CN=root, which is not trusted" deep
}

scenario list_expired "An expired list refuses everybody it is for, and \
start and log say so"
list_expired_body()
{
	everybody
	dated_crl root $past $yesterday
	guard "optional ca \"$PWD/root.crt\" crl \"$PWD/root.crl\""
	atf_check -o inline:"configuration OK\n" \
	    -e match:"securetcpd.conf:[0-9]+: warning: crl \"$PWD/root.crl\": expired: its next update was due on 2021-01-01 00:00:00 UTC" \
	    "$securetcpd" -n -f securetcpd.conf
	start
	wait_log 'server=www warning="a list of revoked certificates has expired: .*" crl=.*root.crl nextupdate=2021-01-01T00:00:00Z'
	denied "the list of revoked certificates of O=Example,CN=root expired on DATE" good
	admitted "" none
}

scenario list_expires "A list that expires while the daemon runs is warned \
about once, and refuses from then on"
list_expires_body()
{
	everybody
	crl root -crlsec 8
	guard "optional ca \"$PWD/root.crt\" crl \"$PWD/root.crl\"" \
	    'authenticate { allow none; allow issuer "CN=root" }'
	start
	admitted "$good" good
	atf_check -s exit:1 grep -q "has expired" log
	wait_log 'warning="a list of revoked certificates has expired: ' 30
	denied "the list of revoked certificates of O=Example,CN=root expired on DATE" good
	admitted "" none
	atf_check -o inline:"1\n" grep -c "has expired" log
}

scenario dates_shown "Next updates are in the log at start, and shown by -n \
-v: of lists for servers, of OCSP responses for certificates"
dates_shown_body()
{
	authority root
	issue root www /CN=www DNS:localhost
	dated_crl root $past $future
	"$staple" www.crt root.crt root.key sha1 good -3600 - >www.ocsp
	"$staple" www.crt root.crt root.key sha256 good -3600 864000 >ten.ocsp
	cp www.crt ten.crt
	cp www.key ten.key
	cat >dates <<-CONF
	$(certificate_block none "ocsp \"$PWD/www.ocsp\"")
	$(certificate_block ten "ocsp \"$PWD/ten.ocsp\"")
	server "www" {
		listen on 127.0.0.1 port 0
		certificate "none"
		client authentication required ca "$PWD/root.crt" \\
		    crl "$PWD/root.crl"
		echo
	}
	server "other" {
		listen on 127.0.0.1 port 0
		certificate "ten"
		echo
	}
	CONF
	ln -s www.crt none.crt
	ln -s www.key none.key
	configure <dates
	now=$(date -u +%Y-%m-%dT)
	day='[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z'
	for line in "certificate=none ocsp=$PWD/www.ocsp thisupdate=$day nextupdate=none" \
	    "certificate=ten ocsp=$PWD/ten.ocsp thisupdate=$day nextupdate=$day" \
	    "server=www crl=$PWD/root.crl nextupdate=2090-01-01T00:00:00Z"; do
		echo "^$line\$"
	done >wanted
	atf_check -o save:shown "$securetcpd" -nv -f securetcpd.conf
	start
	while read -r line; do
		atf_check -o ignore grep -E -- "$line" shown
		atf_check -o inline:"1\n" grep -E -c -- "$line" log
	done <wanted
	atf_check -o inline:"4\n" grep -c . shown
	atf_check -o inline:"configuration OK\n" \
	    "$securetcpd" -n -f securetcpd.conf
}

# rules RULE...: the block, one rule a line.
rules()
{
	printf 'authenticate {\n'
	printf '\t\t%s\n' "$@"
	printf '\t}'
}

# ruled AUTHENTICATION RULE...: a server with these at work.
ruled()
{
	_how=$1
	shift
	[ -z "$daemon" ] || stop_daemon
	guard "$_how ca \"$PWD/bundle\"" "$(rules "$@")"
	start
	count=0
}

# line_of RULE: where it stands in the configuration.
line_of() { grep -n -F -- "$1" securetcpd.conf | cut -d : -f 1; }

hash_of() { openssl x509 -in "$1.crt" -outform DER | sha256; }

scenario rules "Rules of each kind decide by the certificate, the first that \
matches, and a denial names its number and line" timeout 300
rules_body()
{
	everybody
	cat root.crt stranger.crt >bundle
	nobody="denied: no rule allows this certificate"
	hash=$(hash_of good)

	ruled required "allow hash \"SHA256:$(echo "$hash" | tr a-f A-F)\""
	admitted "$good" good
	by_rule "$other" "$nobody" other

	ruled required "deny hash \"SHA256:$hash\""
	by_rule "$good" \
	    "denied by rule 1 (line $(line_of "deny hash"))" good
	admitted ' subject="CN=other"' other

	ruled required 'allow subject "CN=*.ops.example.org,O=Example"'
	admitted "$good" good
	by_rule "$other" "$nobody" other

	ruled required 'allow issuer "CN=stranger"'
	admitted ' subject="CN=other"' other
	by_rule "$good" "$nobody" good

	for san in dns:good.example.org "dns:*.example.org" ip:192.0.2.7 \
	    ip:192.0.2.0/24 "email:*@example.org" \
	    "uri:spiffe://example.org/*"; do
		ruled required "allow san \"$san\""
		admitted "$good" good
		by_rule "$other" "$nobody" other
	done

	ruled required 'allow subject "OU=ops"' \
	    'deny subject "O=Example"' 'allow issuer "CN=stranger"' \
	    'deny issuer "CN=root"'
	admitted "$good" good
	admitted ' subject="CN=other"' other
	by_rule ' subject="CN=gone"' \
	    "denied by rule 4 (line $(line_of "deny issuer"))" gone
}

scenario rules_none "allow none lets in who has no certificate, and no rule \
lets in whose certificate is bad"
rules_none_body()
{
	everybody
	cp root.crt bundle
	ruled optional 'allow none' 'allow subject "OU=ops"'
	admitted "" none
	admitted "$good" good
	by_rule ' subject="CN=gone"' \
	    "denied: no rule allows this certificate" gone
	denied "certificate CN=other: issued by O=Example,CN=stranger, which is not trusted" other

	ruled optional 'allow subject "C=*"' 'allow issuer "CN=*"'
	denied "denied: no rule allows a client without a certificate" none
	admitted ' subject="CN=gone"' gone

	ruled optional 'deny none'
	denied_alert='(40|116)'
	denied "denied by rule 1 (line $(line_of "deny none"))" none
	denied_alert=
	admitted "$good" good
}

scenario nginx "curl reaches nginx through a server that asks for a \
certificate, with one and not without" require.progs "nginx curl openssl"
nginx_body()
{
	everybody
	mkdir www
	echo "behind the guard" >www/index.html
	nginx_starts <<-CONF
	server {
		listen unix:$PWD/nginx.sock;
		access_log $PWD/access.log;
		root $PWD/www;
	}
	CONF
	issue root www /CN=www DNS:localhost
	serve "forward to \"$PWD/nginx.sock\"" \
	    "client authentication required ca \"$PWD/root.crt\"" \
	    'alpn "http/1.1"' 'authenticate { allow subject "OU=ops" }'
	start
	for v in 1.2 1.3; do
		atf_check -o inline:"behind the guard\n" curl -sS --tlsv$v \
		    --tls-max $v --cacert root.crt --cert good.crt \
		    --key good.key "https://localhost:$port/"
		for c in "" "--cert gone.crt --key gone.key" \
		    "--cert other.crt --key other.key"; do
			# shellcheck disable=SC2086
			atf_check -s not-exit:0 -e ignore curl -sS --tlsv$v \
			    --tls-max $v --cacert root.crt $c \
			    "https://localhost:$port/"
		done
	done
	wait_closed 8
	atf_check -o inline:"2\n" grep -c 'GET / ' access.log
	atf_check -o inline:"2\n" grep -c \
	    'state=connected .*alpn=http/1.1 .*subject="O=Example,OU=ops' log
	atf_check -o inline:"6\n" grep -c error=ptAuthentication log
}

scenario stunnel "stunnel as the client brings a connection through with its \
certificate" require.progs stunnel
stunnel_body()
{
	everybody
	issue root www /CN=www DNS:localhost
	guard "required ca \"$PWD/root.crt\""
	start
	cat >stunnel.conf <<-CONF
	foreground = yes
	pid =
	client = yes
	connect = 127.0.0.1:$port
	CAfile = $PWD/root.crt
	verifyChain = yes
	checkHost = localhost
	[good]
	accept = $PWD/good.sock
	cert = $PWD/good.crt
	key = $PWD/good.key
	[none]
	accept = $PWD/none.sock
	CONF
	background stunnel stunnel.conf
	wait_until 20 "stunnel" test -S none.sock
	atf_check -o inline:"secret" -e ignore "$peer" connect \
	    "$PWD/good.sock" read shutdown
	wait_closed 1
	atf_check -o empty -e ignore -s ignore "$peer" connect \
	    "$PWD/none.sock" read
	wait_closed 2
	atf_check -o inline:"1\n" grep -c "state=connected .*$good" log
	atf_check -o match:'reason="the client has sent no certificate"' \
	    grep error=ptAuthentication log
}

scenario long_subject "However long the rest of a line is, the subject is in \
it, and what is cut ends in dots" require.progs openssl
long_subject_body()
{
	authority root
	# Each byte of its letters is four of the log; and one too long.
	_umlauts=$(awk 'BEGIN { while (i++ < 30) printf "%s", "\303\244" }')
	_subject=
	for _i in 1 2 3 4 5 6; do
		_subject="$_subject/OU=$_umlauts"
	done
	issue root me "$_subject/CN=me"
	issue root longer "$_subject$_subject$_subject/CN=me"
	_alpn=$(printf '%0250d' 0)
	serve echo "alpn \"$_alpn\"" \
	    "client authentication required ca \"$PWD/root.crt\""
	start
	for _who in me longer; do
		openssl s_client -tls1_2 -alpn "$_alpn" -cert $_who.crt \
		    -key $_who.key -connect "127.0.0.1:$port" \
		    -servername "$(printf '%063d.%063d' 0 0).example.org" \
		    </dev/null >client.out 2>&1
	done
	wait_closed 2
	atf_check -o match:' servername=000[^ ]* alpn=000[^ ]* backend=echo subject="OU=.*\.\.\."$' \
	    -o match:' alpn=000[^ ]* backend=echo subject=\.\.\.$' \
	    grep state=connected log
}

atf_init_test_cases()
{
	add_scenarios
}
