# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# The files of etc/examples, each in front of the software it is for.  What
# is run is the file itself, with this host's accounts, files in the test's
# directory, loopback for its addresses and ports of the kernel's choice.

. "$(atf_get_srcdir)/../daemon/common.sh"
. "$(atf_get_srcdir)/../../unit/proxy/pp.sh"
each=$top/regress/tools/each

# example FILE [SED OPTION]...: becomes securetcpd.conf.
example()
{
	_file=$top/etc/examples/$1
	shift
	has_ip6 || set -- "$@" -e '/listen on (::|\$address6) /d'
	{
		cat <<-CONF
		user "nobody"
		signer user "daemon"
		pidfile "$PWD/securetcpd.pid"
		trusted proxies { $trusted }
		CONF
		# Comments may name what the statements must not.
		sed -E -e 's/^#.*//' -e 's/	+#.*//' \
		    -e "s,/etc/ssl/(private/)?,$PWD/,g" \
		    -e 's/"192\.0\.2\.10"/127.0.0.1/' \
		    -e 's/"2001:db8::10"/::1/' -e 's/"10\.0\.0\.1"/127.0.0.1/' \
		    -e 's/^(	listen on) 0\.0\.0\.0 /\1 127.0.0.1 /' \
		    -e 's/^(	listen on) :: /\1 ::1 /' \
		    -e 's/^(	listen on) 10\.0\.[0-9.]+ /\1 127.0.0.1 /' \
		    -e 's/^(	listen on [^ ]+ port) [a-z0-9]+/\1 0/' \
		    "$@" "$_file"
	} >securetcpd.conf
	# Nothing that is not ours is left to be used.
	atf_check -s exit:1 grep -E -e '192\.0\.2|2001:db8|[^0-9]10\.0' \
	    -e '/etc/|/var/|example\.org" port' securetcpd.conf
}

# openssl_does COMMAND...
openssl_does()
{
	openssl "$@" >openssl.out 2>&1 || {
		cat openssl.out
		atf_fail "openssl $1 failed"
	}
}

new_key()
{
	(umask 077; openssl_does ecparam -name prime256v1 -genkey -noout \
	    -out "$1.key") || exit 1
}

# authority NAME: NAME.pem and NAME.key.
authority()
{
	[ -f "$1.key" ] || new_key "$1"
	authority_conf >authority.conf
	openssl_does req -new -x509 -sha256 -config authority.conf -key "$1.key" \
	    -days 90 -subj "/O=Example/CN=$1" -out "$1.pem"
}

# issue AUTHORITY NAME SUBJECT NAMES: NAME.crt and NAME.key.
issue()
{
	new_key "$2"
	openssl_does req -new -sha256 -key "$2.key" -subj "$3" -out "$2.csr"
	printf 'subjectAltName = %s\n' "$4" >"$2.ext"
	openssl_does x509 -req -sha256 -in "$2.csr" -CA "$1.pem" -CAkey "$1.key" \
	    -set_serial "0x$(openssl rand -hex 8)" -days 90 \
	    -extfile "$2.ext" -out "$2.crt"
}

# revoke AUTHORITY FILE [NAME]...: the list of these is in FILE.
revoke()
{
	_authority=$1
	_list=$2
	shift 2
	cat >revoke.conf <<-CONF
	[ca]
	default_ca = list
	[list]
	database = $PWD/revoke.txt
	crlnumber = $PWD/revoke.number
	default_md = sha256
	default_crl_days = 30
	CONF
	: >revoke.txt
	echo 01 >revoke.number
	for _n in "$@"; do
		openssl_does ca -config revoke.conf -revoke "$_n.crt" \
		    -keyfile "$_authority.key" -cert "$_authority.pem"
	done
	openssl_does ca -config revoke.conf -gencrl -out "$_list" \
	    -keyfile "$_authority.key" -cert "$_authority.pem"
}

# ordinary COMMAND...: root runs it as somebody else.
ordinary()
{
	if [ "$(id -u)" -eq 0 ]; then
		set -- "$as" -u nobody "$@"
	fi
	"$@"
}

# sites: nginx with the servers of standard input, which know their clients
# by a PROXY header.
sites()
{
	nginx_starts <<-CONF
	set_real_ip_from unix:;
	real_ip_header proxy_protocol;
	$(cat)
	CONF
}

# fetch SERVER NAME ADDRESS [CURL OPTION]...: what the server's site by that
# name says, when it is looked for at the address.
fetch()
{
	_port=$(port_of "$1")
	_name=$2
	_to=$3
	shift 3
	curl -sS --max-time 20 --cacert ca.pem --noproxy '*' \
	    --resolve "$_name:$_port:$_to" "$@" "https://$_name:$_port/"
}

scenario https "https.conf: nginx serves two sites by their names, knows \
its clients by their addresses, and no other name is served" \
    require.progs "nginx curl openssl"
https_body()
{
	authority ca
	issue ca www.example.org /CN=www.example.org DNS:www.example.org
	issue ca shop.example.org /CN=shop.example.org DNS:shop.example.org
	for n in www shop; do
		cat $n.example.org.crt ca.pem >$n.example.org.fullchain.pem
	done
	sites <<-CONF
	server {
		listen unix:$PWD/www.sock proxy_protocol;
		location / { return 200 "www \$remote_addr"; }
	}
	server {
		listen unix:$PWD/shop.sock proxy_protocol;
		location / { return 200 "shop \$remote_addr"; }
	}
	server {
		listen unix:$PWD/admin.sock;
		location / { return 200 "admin"; }
	}
	CONF
	example https.conf -e "s,127.0.0.1 port 8080,$PWD/www.sock," \
	    -e "s,127.0.0.1 port 8081,$PWD/shop.sock," \
	    -e "s,127.0.0.1 port 8082,$PWD/admin.sock,"
	start
	shows -o "inline:www 127.0.0.1" fetch www www.example.org 127.0.0.1
	shows -o "inline:shop 127.0.0.1" fetch www shop.example.org 127.0.0.1
	# Who connects is who nginx sees.
	need_addresses 127.0.0.9
	shows -o "inline:shop 127.0.0.9" fetch www shop.example.org \
	    127.0.0.1 --interface 127.0.0.9
	if has_ip6; then
		port6=$(sed -n 's/^server=www listen=\[::1\]:\([0-9]*\)$/\1/p' \
		    log)
		atf_check -o inline:"www ::1" curl -sS --max-time 20 \
		    --cacert ca.pem --noproxy '*' \
		    --resolve "www.example.org:$port6:[::1]" \
		    "https://www.example.org:$port6/"
	fi
	shows -o "inline:admin" fetch admin www.example.org 127.0.0.1
	atf_check -o match:'servername=www.example.org alpn=http/1.1' \
	    -o match:'servername=shop.example.org alpn=http/1.1' cat log
	atf_check -s exit:1 grep error= log
	# A name of nobody's, and a version of TLS that the admin page lacks.
	if fetch www other.example.org 127.0.0.1 2>curl.err; then
		atf_fail "a name that is not served was"
	fi
	wait_log 'error=ptOperationRefused .*server name other.example.org'
	if fetch admin www.example.org 127.0.0.1 --tls-max 1.2 2>curl.err; then
		atf_fail "TLS 1.2 was spoken"
	fi
	wait_log '^server=admin .*error=ptProtocol .*version'
}

# ask WHO COMMAND...: of redis, by the certificate of WHO.
ask()
{
	_who=$1
	shift
	redis-cli --tls --cacert ca.pem --cert "$_who.crt" \
	    --key "$_who.key" -h localhost -p "$port" "$@"
}

scenario redis "redis-client-certificates.conf: redis answers those whose \
certificates its rules allow and nobody else" \
    require.progs "redis-server redis-cli openssl"
redis_body()
{
	authority ca
	issue ca redis /CN=localhost DNS:localhost
	authority redis-clients
	issue redis-clients ops /O=Example/CN=alice.ops.example.org \
	    DNS:alice.ops.example.org
	issue redis-clients web /CN=w1 DNS:w1.web.example.org
	issue redis-clients laptop /O=Example/CN=laptop-7.ops.example.org \
	    DNS:laptop-7.ops.example.org
	issue redis-clients stranger /O=Example/CN=bob.hr.example.org \
	    DNS:bob.hr.example.org
	issue redis-clients thief /O=Example/CN=eve.ops.example.org \
	    DNS:eve.ops.example.org
	authority other
	issue other foreign /O=Example/CN=alice.ops.example.org \
	    DNS:alice.ops.example.org
	revoke redis-clients redis-clients.crl thief
	background redis-server --port 0 --unixsocket "$PWD/redis.sock" \
	    --save "" --appendonly no --daemonize no --dir "$PWD"
	wait_until 20 "redis" test -S redis.sock
	example redis-client-certificates.conf \
	    -e "s,/var/run/redis/redis-server.sock,$PWD/redis.sock,"
	launch
	wait_until 20 "securetcpd to listen" listening_or_dead
	port=$(port_of redis)

	shows -o "inline:OK\n" ask ops set greeting hello
	shows -o "inline:hello\n" ask web get greeting
	awk 'BEGIN {
		for (i = 0; i < 1000; i++)
			printf "SET key:%d value-%d\r\n", i, i
	}' >commands
	ask ops --pipe <commands >answer 2>&1
	atf_check -o match:"errors: 0, replies: 1000" cat answer
	atf_check -o inline:"1001\n" redis-cli -s "$PWD/redis.sock" dbsize
	atf_check -o match:'subject="O=Example,CN=alice.ops.example.org"' \
	    -o match:'subject="CN=w1"' cat log
	atf_check -s exit:1 grep error= log

	for n in laptop stranger thief foreign; do
		ask $n set greeting "$n was here" >answer 2>&1
		atf_check -s exit:1 grep -x OK answer
	done
	redis-cli --tls --cacert ca.pem -h localhost -p "$port" \
	    set greeting "nobody was here" >answer 2>&1
	atf_check -s exit:1 grep -x OK answer
	for r in 'denied by rule 1 \(line [0-9]+\)' \
	    'denied: no rule allows this certificate' \
	    'certificate O=Example,CN=eve.ops.example.org: revoked on ' \
	    'issued by O=Example,CN=other, which is not trusted' \
	    'the client has sent no certificate'; do
		wait_log "error=ptAuthentication .*reason=\".*$r"
	done
	shows -o "inline:hello\n" ask ops get greeting
}

postgresql_bin()
{
	for _d in /usr/local/bin /usr/lib/postgresql/*/bin; do
		[ ! -x "$_d/initdb" ] || [ ! -x "$_d/pg_isready" ] ||
		    echo "$_d"
	done | tail -n 1
}

postgresql_starts()
{
	bin=$(postgresql_bin)
	[ -n "$bin" ] || atf_skip "needs PostgreSQL"
	mkdir pg
	[ "$(id -u)" -ne 0 ] || chown nobody pg
	(cd pg && ordinary "$bin/initdb" -D data -U app -A trust -E UTF8 \
	    --locale C --no-sync --no-instructions) >initdb.out 2>&1 || {
		cat initdb.out
		atf_fail "initdb failed"
	}
	# With nothing on TCP, and room for sockets in short paths only.
	ordinary "$bin/postgres" -D "$PWD/pg/data" -c listen_addresses= \
	    -c unix_socket_directories="$PWD/pg" -c fsync=off \
	    </dev/null >postgres.log 2>&1 &
	echo $! >>pids
	wait_until 60 "PostgreSQL" "$bin/pg_isready" -q -h "$PWD/pg" -U app
}

# through NAME: what the far end makes of that certificate.
through()
{
	openssl s_client -quiet -connect "127.0.0.1:$far" -CAfile ca.pem \
	    -cert "$1.crt" -key "$1.key" </dev/null >s_client.out 2>&1
}

scenario postgresql "postgresql-tunnel-server.conf and -client.conf: psql \
and PostgreSQL, neither with TLS, talk through the two" \
    require.progs "psql openssl" timeout 300
postgresql_body()
{
	postgresql_starts
	authority tunnel
	ln -s tunnel.pem ca.pem
	issue tunnel db.example.org /CN=db.example.org \
	    DNS:db.example.org,DNS:localhost
	issue tunnel one.apps.example.org /CN=one.apps.example.org \
	    DNS:one.apps.example.org
	issue tunnel guest /CN=guest DNS:guest.example.org
	authority other
	issue other forged /CN=one.apps.example.org DNS:one.apps.example.org

	mkdir far
	example postgresql-tunnel-server.conf \
	    -e "s,127.0.0.1 port 5432,$PWD/pg/.s.PGSQL.5432,"
	start
	far=$(port_of postgresql)
	mv log far/log
	mv securetcpd.conf securetcpd.pid far/
	example postgresql-tunnel-client.conf \
	    -e "s/\"db\\.example\\.org\" port 5433/localhost port $far/"
	start
	export PGHOST=127.0.0.1 PGPORT="$(port_of postgresql)"
	export PGUSER=app PGDATABASE=postgres
	query="psql -X -q -A -t -v ON_ERROR_STOP=1"

	atf_check -o ignore -e empty $query -c 'create table t (n int, x text)'
	# Both ways, and more than fits any buffer.
	awk 'BEGIN { for (i = 0; i < 200000; i++)
		printf "%d\trow %d of many\n", i, i }' >rows
	atf_check -o ignore -e empty $query -c '\copy t from rows'
	atf_check -o inline:"200000|19999900000\n" $query \
	    -c 'select count(*), sum(n) from t'
	atf_check -o ignore $query -c '\copy (select * from t order by n) to back'
	atf_check cmp rows back
	# The answer to a query that is an error, and one that takes its time.
	atf_check -s exit:1 -o ignore -e match:'relation "u" does not exist' \
	    $query -c 'select * from u'
	atf_check -o inline:"done\n" $query \
	    -c "select 'done' from (select pg_sleep(1)) as s"
	fetchers=
	for i in 1 2 3 4 5 6 7 8; do
		$query -c "select sum(n) from t" >sum.$i 2>&1 &
		fetchers="$fetchers $!"
	done
	# shellcheck disable=SC2086
	wait $fetchers
	atf_check -o inline:"8 19999900000\n" -x \
	    "cat sum.* | sort | uniq -c | sed 's/^ *//'"
	atf_check -o match:"backend=\"localhost:$far \\([^)]*:$far\\)\" "\
'subject="CN=db.example.org"' \
	    -o match:"state=connected version=TLSv1.3" cat log
	wait_closed 14
	atf_check -o match:'subject="CN=one.apps.example.org"' cat far/log
	atf_check -s exit:1 grep error= log far/log

	# Only the other end of the tunnel is let in.
	mv log near.log
	mv far/log log
	through guest
	wait_log 'error=ptAuthentication .*denied: no rule allows this'
	through forged
	wait_log 'error=ptAuthentication .*CN=other, which is not trusted'
}

scenario load_balancer "behind-load-balancer.conf: haproxy in front, nginx \
behind, and all of them see the address of the client" \
    require.progs "haproxy nginx curl openssl"
load_balancer_body()
{
	authority ca
	issue ca www.example.org /CN=www.example.org DNS:www.example.org
	for n in 1 2; do
		cat <<-CONF
		server {
			listen unix:$PWD/app$n.sock proxy_protocol;
			location / { return 200 "app$n \$remote_addr\n"; }
		}
		CONF
	done | sites
	# The third of its backends is not there.
	example behind-load-balancer.conf \
	    -e 's/10\.0\.0\.([23])/127.0.0.\1/g' \
	    -e "s,10\.0\.2\.([123]) port 8080,$PWD/app\1.sock,"
	start
	haproxy_conf <<-CONF
	listen www
		bind fd@3
		server s1 127.0.0.1:$port send-proxy-v2
	CONF
	need_addresses 127.0.0.2 127.0.0.3 127.0.0.9
	haproxy_on 127.0.0.1
	for i in 1 2 3 4 5 6; do
		curl -sS --max-time 20 --cacert ca.pem --noproxy '*' \
		    --interface 127.0.0.9 \
		    --resolve "www.example.org:$front:127.0.0.1" \
		    "https://www.example.org:$front/" >>answers 2>>curl.err
		cat curl.err
	done
	sort answers | uniq -c | sed 's/^ *//' >counts
	atf_check -o inline:"3 app1 127.0.0.9\n3 app2 127.0.0.9\n" \
	    cat counts
	wait_closed 6
	atf_check -o inline:"6\n" grep -E -c 'from=127\.0\.0\.9:[0-9]+ '\
'state=connected .*backend=.*/app[12]\.sock via=127\.0\.0\.1:[0-9]+$' log
	atf_check -o inline:"1\n" grep -c \
	    'warning="backend .*/app3.sock down: .*; retry every' log
	atf_check -s exit:1 grep error= log
	# Who does not go through the balancer is nobody's client.
	atf_check -s not-exit:0 -o ignore -e ignore openssl s_client \
	    -connect "127.0.0.1:$port" -CAfile ca.pem
	wait_log 'error=ptProtocol .*no PROXY header: a TLS handshake'
}

# site NAME OTHER WEB GIT: the daemon of one site, whose clients go to these
# ports of the other one.
site()
{
	rm -f securetcpd.pid
	example site-to-site.conf \
	    -e "s/^here = .*/here = \"$1.example.org\"/" \
	    -e "s/^there = .*/there = \"$2.example.org\"/" \
	    -e 's/connect to \$there port/servername $there; &/' \
	    -e "s/\\\$there port 7080/127.0.0.1 port $3/" \
	    -e "s/\\\$there port 7418/127.0.0.1 port $4/" \
	    -e "s,127\.0\.0\.1 port 8080,$PWD/$1-web.sock," \
	    -e "s,127\.0\.0\.1 port 9418,$PWD/$1-git.sock,"
	start
}

# services NAME: its web server and its git server.
services()
{
	mkdir "$1-repos"
	git init -q -b trunk "$1-work"
	echo "the file of $1" >"$1-work/file"
	git -C "$1-work" add file
	git -C "$1-work" -c user.name=x -c user.email=x@example.org \
	    commit -q -m file
	git clone -q --bare "$1-work" "$1-repos/repo"
	background "$each" "$PWD/$1-git.sock" git daemon --inetd \
	    --export-all "--base-path=$PWD/$1-repos"
	wait_until 20 "git" test -S "$1-git.sock"
}

# uses NAME: here, what that site has.
uses()
{
	atf_check -o inline:"the web of $1\n" curl -sS --max-time 20 \
	    --noproxy '*' "http://127.0.0.1:$(port_of web-there)/"
	atf_check -e ignore git clone -q \
	    "git://127.0.0.1:$(port_of git-there)/repo" "clone-of-$1"
	atf_check -o inline:"the file of $1\n" cat "clone-of-$1/file"
	atf_check -o match:"subject=\"CN=$1.example.org\"" cat log
}

scenario site_to_site "site-to-site.conf: each of two sites uses the web and \
git servers of the other one" \
    require.progs "nginx curl git openssl"
site_to_site_body()
{
	export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
	authority sites
	for n in a b c; do
		issue sites $n.example.org /CN=$n.example.org DNS:$n.example.org
	done
	services a
	services b
	for n in a b; do
		cat <<-CONF
		server {
			listen unix:$PWD/$n-web.sock;
			location / { return 200 "the web of $n\n"; }
		}
		CONF
	done | sites

	# A's ports are known once it runs, and so are B's: A comes twice.
	site a b 1 1
	mv log log.a1
	far_web=$(sed -n 's/^server=web-here listen=.*://p' log.a1)
	far_git=$(sed -n 's/^server=git-here listen=.*://p' log.a1)
	site b a "$far_web" "$far_git"
	uses a
	atf_check -s exit:1 grep error= log log.a1
	far_web=$(port_of web-here)
	far_git=$(port_of git-here)
	mv log log.b
	site a b "$far_web" "$far_git"
	uses b
	atf_check -s exit:1 grep error= log log.b
	# Of the same authority, and neither of the two.
	openssl s_client -connect "127.0.0.1:$(port_of git-here)" \
	    -CAfile sites.pem -cert c.example.org.crt \
	    -key c.example.org.key </dev/null >s_client.out 2>&1
	wait_log 'server=git-here .*ptAuthentication .*denied: no rule allows'
}

# The two servers that speak in the clear, as far as curl has need of them.
mail_servers()
{
	cat >smtp <<-'STUB'
	#!/bin/sh
	say() { printf '%s\r\n' "$*"; }
	say 220 mail.example.org ESMTP
	while read -r verb rest; do
		case $verb in
		DATA*)
			say 354 go on
			while read -r line; do
				[ "$line" != "$(printf '.\r')" ] || break
				printf '%s\n' "$line" >>received
			done
			say 250 taken ;;
		QUIT*)	say 221 goodbye; exit ;;
		*)	say 250 mail.example.org ;;
		esac
	done
	STUB
	cat >imap <<-'STUB'
	#!/bin/sh
	say() { printf '%s\r\n' "$*"; }
	say "* OK [CAPABILITY IMAP4rev1] ready"
	while read -r tag verb rest; do
		case $verb in
		LIST*)		say '* LIST (\HasNoChildren) "/" INBOX' ;;
		LOGOUT*)	say "* BYE goodbye"; say "$tag OK"; exit ;;
		esac
		say "$tag OK done"
	done
	STUB
	chmod 755 smtp imap
	for n in smtp imap; do
		background "$each" "$PWD/$n.sock" "./$n"
		wait_until 20 "$n" test -S $n.sock
	done
}

scenario mail "imaps-smtps.conf: curl hands mail in, and lists a mailbox" \
    require.progs "curl openssl"
mail_body()
{
	authority ca
	issue ca mail.example.org /CN=localhost DNS:localhost
	mail_servers
	example imaps-smtps.conf \
	    -e "s,127\.0\.0\.1 port 143,$PWD/imap.sock," \
	    -e "s,127\.0\.0\.1 port 25,$PWD/smtp.sock,"
	start
	printf 'Subject: hello\r\n\r\nthrough TLS\r\n' >letter
	atf_check -o ignore curl -sS --max-time 20 --cacert ca.pem \
	    --noproxy '*' --mail-from a@example.org \
	    --mail-rcpt b@example.org -T letter \
	    "smtps://localhost:$(port_of smtps)"
	atf_check -o match:"^Subject: hello" -o match:"^through TLS" \
	    cat received
	atf_check -o match:'LIST .* INBOX' curl -sS --max-time 20 \
	    --cacert ca.pem --noproxy '*' -u user:password \
	    "imaps://localhost:$(port_of imaps)/"
	wait_closed 2
	atf_check -s exit:1 grep error= log
}

scenario shell "shell.conf: those it is for have a shell, as somebody who may \
do little, and nobody else has" require.progs openssl
shell_body()
{
	[ "$(id -u)" -eq 0 ] || atf_skip "needs root, to change the user"
	authority ca
	issue ca gate.example.org /CN=localhost DNS:localhost
	authority operators
	issue operators me /O=Example/OU=Operations/CN=me \
	    DNS:me.example.org
	issue operators seller /O=Example/OU=Sales/CN=seller \
	    DNS:seller.example.org
	revoke operators operators.crl
	example shell.conf
	start
	port=$(port_of shell)
	ends=0
	for n in seller me; do
		ends=$((ends + 1))
		{
			echo 'echo $((6 * 7)); id -un; pwd; no-such; exit 3'
			wait_closed $ends
		} | openssl s_client -quiet -no_ign_eof -CAfile ca.pem \
		    -cert $n.crt -key $n.key -connect "127.0.0.1:$port" \
		    >said.$n 2>err.$n
	done
	atf_check -o empty cat said.seller
	atf_check -o match:'error=ptAuthentication .*denied: no rule' cat log
	# What went wrong is told here, as the last line.
	atf_check -o inline:"42\nnobody\n/\n" sed '$d' said.me
	atf_check -o match:"no-such.*not found" sed -n '$p' said.me
	atf_check -o match:'state=connected .*backend=/bin/sh subject='\
'"O=Example,OU=Operations,CN=me"' -o match:'state=closed .*exit=3' cat log
}

# monitored: the daemon of metrics.conf, and the certificates for it.
monitored()
{
	[ "$(id -u)" -eq 0 ] || atf_skip "needs root, to change the user"
	authority ca
	issue ca www.example.org /CN=localhost DNS:localhost
	authority monitoring
	issue monitoring prometheus /CN=prometheus DNS:prometheus.example.org
	issue monitoring other /CN=other DNS:other.example.org
	chmod 755 .
	example metrics.conf -e "s,/var/run/securetcpd.ro,$PWD/look," \
	    -e "s,/usr/local/sbin,$top/sbin/securetcpctl,"
	start
	port=$(port_of metrics)
}

# scrape WHO [CURL OPTION]...: by the certificate of WHO.
scrape()
{
	_who=$1
	shift
	curl -sS --max-time 20 --cacert ca.pem --noproxy '*' \
	    --cert "$_who.crt" --key "$_who.key" "$@" \
	    "https://localhost:$port/metrics"
}

scenario metrics "metrics.conf: the figures come by HTTPS for who has the \
certificate of Prometheus, and for nobody else" require.progs "curl openssl"
metrics_body()
{
	monitored
	shows -o match:'^securetcpd_server_connections.server="metrics". 1$' \
	    -o match:'^# TYPE securetcpd_uptime_seconds gauge$' \
	    scrape prometheus
	shows -o match:'^# EOF$' -o match:'^HTTP/1.1 200 OK' \
	    scrape prometheus -i -H 'Accept: application/openmetrics-text'
	shows -o match:'^HTTP/1.1 200 OK' scrape prometheus --head
	shows -o match:'^HTTP/1.1 405 ' scrape prometheus -i -d data
	wait_closed 4
	atf_check -s exit:1 grep error= log
	if scrape other >out 2>curl.err; then
		atf_fail "somebody else was served"
	fi
	wait_log 'error=ptAuthentication .*denied: no rule allows'
}

# answers QUERY PATTERN: Prometheus does so.
answers()
{
	curl -sS --max-time 20 --noproxy '*' -G \
	    --data-urlencode "query=$1" \
	    "http://127.0.0.1:$front/api/v1/query" >answer 2>curl.err &&
	    grep -Eq "$2" answer
}

prometheus_listens()
{
	front=$(sed -n 's/.*msg="Listening on" address=127.0.0.1:\([0-9]*\)$/\1/p' \
	    background.err)
	[ -n "$front" ]
}

scenario prometheus "metrics.conf: Prometheus scrapes the daemon, as its \
comments have it" require.progs "prometheus curl openssl"
prometheus_body()
{
	monitored
	{
		printf 'global:\n  scrape_interval: 1s\n'
		sed -n '/^#	scrape_configs:/,/^#$/s/^#	//p' \
		    "$top/etc/examples/metrics.conf" |
		    sed "s/www.example.org:9443/localhost:$port/"
	} >prometheus.yml
	atf_check -o match:"localhost:$port" -o match:cert_file: \
	    cat prometheus.yml
	background prometheus --config.file=prometheus.yml \
	    --storage.tsdb.path=tsdb --web.listen-address=127.0.0.1:0
	wait_until 60 "Prometheus" prometheus_listens
	wait_until 60 "a scrape" answers 'up{job="securetcpd"}' '"1"\]'
	wait_until 20 "a figure" answers \
	    'securetcpd_server_accepted_total{server="metrics"} > 1' \
	    '"value":\[[0-9.]*,"[0-9]+"\]'
	atf_check -o match:'"job":"securetcpd"' cat answer
	atf_check -s exit:1 grep error= log
}

scenario try "try.conf: what is sent comes back" require.progs openssl
try_body()
{
	authority ca
	issue ca localhost /CN=localhost DNS:localhost
	example try.conf -e "s,^dir = .*,dir = \"$PWD\","
	start
	port=$(port_of try)
	{
		echo hello
		wait_until 20 "the echo" grep -q hello said
	} | openssl s_client -quiet -no_ign_eof -CAfile ca.pem \
	    -verify_return_error -connect "127.0.0.1:$port" >said 2>err
	atf_check -o inline:"hello\n" cat said
}

atf_init_test_cases()
{
	add_scenarios
}
