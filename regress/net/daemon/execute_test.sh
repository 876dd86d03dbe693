# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# Programs that are run for a connection.

. "$(atf_get_srcdir)/common.sh"
. "$(atf_get_srcdir)/pki.sh"

# program: standard input becomes the script ./program, which anybody may run.
program()
{
	cat >program
	chmod 755 program
}

runner() { if [ "$(id -u)" -eq 0 ]; then echo nobody; else id -un; fi; }

# execute [STATEMENT]...: serves ./program
execute() { serve "execute \"$PWD/program\" user \"$(runner)\"" "$@"; }

client() { "$peer" -C www.crt connect "127.0.0.1:$port" tls "$@"; }

# launcher: its pid.
launcher() { titled "$daemon" securetcp-launcher; }

# programs: those that run now.
programs() { for _l in $(launcher); do children "$_l"; done; }
# shellcheck disable=SC2046
programs_count() { [ "$(count $(programs))" -eq "$1" ]; }

scenario cat "Twenty clients at once get from /bin/cat what they sent, to the \
byte, and it ends with 0"
cat_body()
{
	size=$((3000000 / ${RUNATF_SLOW:-1}))
	random_bytes $size data
	serve "execute \"/bin/cat\" user \"$(runner)\"" \
	    "timeout handshake 60" "connections max 40"
	start
	i=0
	waited=
	while [ $i -lt 20 ]; do
		client both data >"out.$i" 2>"err.$i" &
		waited="$waited $!"
		i=$((i + 1))
	done
	# shellcheck disable=SC2086
	wait $waited
	i=0
	while [ $i -lt 20 ]; do
		cmp data "out.$i" || {
			cat "err.$i"
			show_log
			atf_fail "client $i did not get what it sent"
		}
		i=$((i + 1))
	done
	wait_closed 20
	atf_check -o inline:"20\n" grep -c \
	    "state=closed in=$size out=$size seconds=[0-9.]* exit=0\$" log
	atf_check -s exit:1 grep -E 'error=|warning=' log
	wait_until 20 "the programs to be gone" programs_count 0
}

scenario process "A program is started by the launcher with its user, groups, \
descriptors 0 to 2 and none of the limits of the daemon; the launcher has no \
sandbox but on OpenBSD, which the log says without a warning"
process_body()
{
	need_look
	if [ "$system" = Linux ]; then
		program <<-'SCRIPT'
		#!/bin/sh
		echo "user $(id -un)"
		echo "groups $(id -G)"
		# (By the shell itself: it has pipes open while it starts
		# somebody who looks.)
		for f in "/proc/$$/fd"/*; do
			[ ! -h "$f" ] || set -- "$@" "$f"
		done
		for f; do
			# It has its script open, too.
			[ "$(readlink "$f")" = "$0" ] ||
			    echo "fd ${f##*/}"
		done
		echo "limit $(ulimit -Sn)"
		pwd
		grep -e '^Seccomp:' -e '^NoNewPrivs:' /proc/self/status
		SCRIPT
	else
		# (A script is open as 10 or more; and a shell has something
		# else open while it makes a pipeline.)
		program <<-'SCRIPT'
		#!/bin/sh
		echo "user $(id -un)"
		echo "groups $(id -G)"
		fstat -p $$
		echo "limit $(ulimit -Sn)"
		pwd
		SCRIPT
	fi
	execute
	start "$as" -n 700:4096
	client read shutdown >answer 2>client.err
	[ "$system" = Linux ] || {
		mv answer files
		awk 'NF < 5 || $1 == "groups" { print; next }
		    $4 ~ /^[0-9][*]?$/ { print "fd " substr($4, 1, 1) }' files \
		    >answer
	}
	cat >expected <<-ANSWER
	user nobody
	groups $(id -G nobody)
	fd 0
	fd 1
	fd 2
	limit 700
	/
	ANSWER
	[ "$system" != Linux ] || cat >>expected <<-ANSWER
	NoNewPrivs:	$(status_of self NoNewPrivs)
	Seccomp:	$(status_of self Seccomp)
	ANSWER
	atf_check -o file:expected cat answer
	case $system in
	OpenBSD)	confined=pledge ;;
	*)		confined=none ;;
	esac
	atf_check -o match:"^process=launcher pid=[0-9]+ sandbox=$confined\$" \
	    cat log
	atf_check -s exit:1 grep -e "WITHOUT a sandbox" log
	for p in $(launcher); do
		shows -o inline:"0 0 0\n" users_of "$p"
		# Its pipe, and where it hears of deaths.
		descriptors_of "$p" | tail -n 1 >last
		atf_check -o match:"^[0-5] " cat last
		shows -o inline:"securetcp-launcher\n" title "$p"
	done
	atf_check -o inline:"1\n" echo "$(count $(launcher))"
}

scenario environment "A program that prints its environment has exactly the \
variables of the connection and a PATH"
environment_body()
{
	serve "execute \"/usr/bin/env\" user \"$(runner)\""
	start
	client read shutdown >answer 2>client.err
	wait_closed
	local=$(sed -n 's/.* from=127.0.0.1:\([0-9]*\) state=connecting/\1/p' \
	    log)
	session=$(sed -n 's/.* session=\([0-9]*\) .*state=connecting/\1/p' log)
	cipher=$(sed -n 's/.* cipher=\([^ ]*\) .*/\1/p' log)
	cat >expected <<-ANSWER
	PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	PROTO=TLS
	SECURETCP_SESSION=$session
	TCPLOCALIP=127.0.0.1
	TCPLOCALPORT=$port
	TCPREMOTEIP=127.0.0.1
	TCPREMOTEPORT=$local
	SSL_PROTOCOL=TLSv1.3
	SSL_CIPHER=$cipher
	ANSWER
	atf_check -o file:expected cat answer
}

scenario identity_environment "The environment says who the client is: server \
name, protocol and all of its certificate, with a comma in a name escaped"
identity_environment_body()
{
	authority root
	issue root me "/O=Example/OU=a, b/CN=me" \
	    "DNS:a.example.org,IP:192.0.2.7,email:me@example.org,URI:http://x/a"
	serve "execute \"/usr/bin/env\" user \"$(runner)\"" \
	    'alpn "h2,http/1.1"' \
	    "client authentication optional ca \"$PWD/root.crt\"" \
	    'authenticate { allow subject "O=Example,CN=me"; allow none; }'
	start
	openssl s_client -quiet -CAfile www.crt -tls1_2 -servername localhost \
	    -alpn http/1.1 -cert me.crt -key me.key \
	    -connect "127.0.0.1:$port" >answer 2>client.err </dev/null
	wait_closed
	grep '^SSL_' answer | grep -v ^SSL_CIPHER= | sort >got
	end=$(openssl x509 -in me.crt -noout -enddate | iso_date)
	cat >expected <<-ANSWER
	SSL_ALPN=http/1.1
	SSL_PEER_CERT_HASH=SHA256:$(openssl x509 -in me.crt -outform DER |
	    sha256)
	SSL_PEER_CERT_ISSUER=O=Example,CN=root
	SSL_PEER_CERT_NOTAFTER=$end
	SSL_PEER_CERT_SAN=dns:a.example.org,ip:192.0.2.7,email:me@example.org,uri:http://x/a
	SSL_PEER_CERT_SUBJECT=O=Example,OU=a\\, b,CN=me
	SSL_PROTOCOL=TLSv1.2
	SSL_TLS_SNI_SERVERNAME=localhost
	ANSWER
	atf_check -o file:expected cat got
	# One who is let in without is not said to be anybody.
	client read shutdown >answer 2>client.err
	wait_closed 2
	atf_check -o match:"^SSL_PROTOCOL=TLSv1.3\$" cat answer
	atf_check -s exit:1 grep SSL_PEER answer
}

# iso_date: of "notAfter=Nov 28 12:34:56 2026 GMT".
iso_date()
{
	sed 's/.*=//' | awk '{
		split("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", m)
		for (i = 1; m[i] != $1; i++)
			;
		printf "%04d-%02d-%02dT%sZ\n", $4, i, $2, $3
	}'
}

scenario routes "A name that has a backend of its own is not for the program, \
and the program is not run before a client is let in"
routes_body()
{
	authority root
	background "$peer" -k accept "$PWD/backend.sock" write backend
	wait_until 20 "backend" test -S backend.sock
	program <<-'SCRIPT'
	#!/bin/sh
	echo program
	SCRIPT
	execute "match servername \"localhost\" forward to \"$PWD/backend.sock\""
	start
	atf_check -o inline:"backend" -e ignore \
	    openssl s_client -quiet -servername localhost \
	    -connect "127.0.0.1:$port"
	atf_check -o inline:"program\n" -e ignore \
	    openssl s_client -quiet -noservername \
	    -connect "127.0.0.1:$port"
	wait_closed 2
	atf_check -o inline:"1\n" grep -c "state=closed .* exit=0" log
	stop_daemon
	execute "client authentication required ca \"$PWD/root.crt\""
	start
	client read shutdown >answer 2>client.err
	wait_closed
	atf_check -o match:"error=ptAuthentication" cat log
	atf_check -s exit:1 grep -E "exit=|signal=|stderr=" log
}

scenario http "An HTTP/1.0 server of a few lines answers curl, GET and POST, \
each request by a process of its own" require.progs "curl"
http_body()
{
	program <<-'SCRIPT'
	#!/bin/sh
	cr=$(printf '\r')
	IFS=' ' read -r method path version
	length=0
	while IFS= read -r line && [ "$line" != "$cr" ]; do
		case $line in
		[Cc]ontent-[Ll]ength:*)
			length=$(echo "${line#*:}" | tr -d ' \r') ;;
		esac
	done
	body=$(dd bs=1 count="$length" 2>/dev/null)
	printf 'HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n'
	printf '%s %s by %s\n%s' "$method" "$path" "$TCPREMOTEIP" "$body"
	SCRIPT
	execute "connections max 10"
	start
	i=0
	while [ $i -lt 5 ]; do
		atf_check -o inline:"GET /page$i by 127.0.0.1\n" curl -sS \
		    --http1.0 --cacert www.crt "https://localhost:$port/page$i"
		i=$((i + 1))
	done
	atf_check -o inline:"POST / by 127.0.0.1\na=1&b=2" curl -sS \
	    --cacert www.crt -d 'a=1&b=2' "https://localhost:$port/"
	wait_closed 6
	atf_check -o inline:"6\n" grep -c 'state=closed .* exit=0$' log
	atf_check -s exit:1 grep -E 'error=|warning=' log
}

scenario git "A repository is cloned from git daemon --inetd through TLS" \
    require.progs "git"
git_body()
{
	export HOME="$PWD" GIT_CONFIG_NOSYSTEM=1
	git init -q base/project
	(
		cd base/project || exit 1
		random_bytes 500000 file
		git add file
		git -c user.name=a -c user.email=a@localhost commit -qm first
	) || atf_fail "git commit"
	[ "$(id -u)" -ne 0 ] || chown -R nobody base
	serve "execute \"$(command -v git)\" daemon --inetd --export-all \
\"--base-path=$PWD/base\" user \"$(runner)\"" "connections max 10"
	start
	cat >proxy <<-SCRIPT
	#!/bin/sh
	exec "$top/regress/tools/tlspipe" -C "$PWD/www.crt" "\$1" "\$2"
	SCRIPT
	chmod 755 proxy
	atf_check -e ignore git -c core.gitProxy="$PWD/proxy" clone -q \
	    "git://127.0.0.1:$port/project" copy
	atf_check cmp base/project/file copy/file
	wait_closed
	atf_check -o match:'state=closed .* exit=0$' cat log
	atf_check -s exit:1 grep -E 'error=|warning=|stderr=' log
}

scenario standard_error "What a program writes to its standard error is \
logged line by line: escaped, long lines in pieces, the last one without its \
newline, nothing sent to the client"
standard_error_body()
{
	program <<-'SCRIPT'
	#!/bin/sh
	{
		echo plain
		printf '%s\n' 'with "quotes" and \ and = here'
		printf 'bell \007 escape \033[2J nul \000 cr \r\n'
		printf 'session=99 state=closed\n\n'
		printf '%0512d\n' 1
		printf '%01300d\n' 2
		printf incomplete
	} >&2
	exit 7
	SCRIPT
	execute
	start
	atf_check -e ignore -o empty "$peer" -C www.crt connect \
	    "127.0.0.1:$port" tls read shutdown
	wait_closed
	sed -n "s/^server=www session=[0-9]* from=127.0.0.1:[0-9]* stderr=//p" \
	    log >got
	zeros=$(printf '%0511d' 0)
	{
		echo plain
		printf '%s\n' '"with \"quotes\" and \\ and = here"' \
		    '"bell \a escape \033[2J nul \0 cr \r"'
		echo '"session=99 state=closed"'
		echo '""'
		echo "${zeros}1"
		echo "${zeros}0"
		echo "${zeros}0"
		printf '%0276d\n' 2
		echo incomplete
	} >expected
	atf_check -o file:expected cat got
	atf_check -o match:"state=closed .* exit=7\$" -x "tail -n 1 log"
}

# stderr_lines: how many of them are in the log.
stderr_lines() { grep -c ' stderr=' log; }
has_lines() { [ "$(stderr_lines)" -ge "$1" ]; }

scenario flood "A program that floods its standard error is held up, 64 lines \
a second, and loses none; others are served meanwhile" timeout 200
flood_body()
{
	program <<-'SCRIPT'
	#!/bin/sh
	read -r what
	if [ "$what" = quiet ]; then
		echo fine
		exit 0
	fi
	i=0
	while [ $i -lt "$1" ]; do
		printf 'line %0400d\n' $i >&2
		i=$((i + 1))
	done
	echo written
	SCRIPT
	# More than a pipe holds, and than the other client takes its time.
	lines=$((250 * ${RUNATF_SLOW:-1}))
	serve "execute \"$PWD/program\" \"$lines\" user \"$(runner)\""
	start
	begin=$(date +%s)
	background "$peer" -C www.crt connect "127.0.0.1:$port" tls \
	    write "loud
" read shutdown
	wait_until 20 "the first lines" has_lines 64
	atf_check -o inline:"fine\n" -e ignore "$peer" -C www.crt connect \
	    "127.0.0.1:$port" tls write "quiet
" read shutdown
	[ "$(stderr_lines)" -lt $lines ] || atf_fail "it was not held up"
	wait_until 60 "all of the lines" has_lines $lines
	[ $(($(date +%s) - begin)) -ge $((lines / 64)) ] ||
	    atf_fail "that was too fast"
	wait_closed 2
	sed -n 's/.* stderr="line 0*\([0-9]\{1,5\}\)"$/\1/p' log >got
	awk -v "n=$lines" 'BEGIN { for (i = 0; i < n; i++) print i }' >expected
	atf_check -o file:expected cat got
}

scenario left_over "What a program left unread in its standard error when it \
ended is logged still, at the same pace, and its end does not wait for that"
left_over_body()
{
	program <<-'SCRIPT'
	#!/bin/sh
	i=0
	while [ $i -lt 200 ]; do
		echo "line $i" >&2
		i=$((i + 1))
	done
	SCRIPT
	execute
	start
	client read shutdown >client.out 2>client.err
	wait_closed
	atf_check -o match:"exit=0\$" -x "grep state=closed log"
	[ "$(stderr_lines)" -lt 200 ] || atf_fail "it did not pace itself"
	wait_until 60 "all of the lines" has_lines 200
	sed -n 's/.* stderr="line \([0-9]*\)"$/\1/p' log >got
	awk 'BEGIN { for (i = 0; i < 200; i++) print i }' >expected
	atf_check -o file:expected cat got
}

scenario left_too_much "Of what a program left unread in its standard error \
the daemon takes what goes into the log within 10 seconds, and says that it \
leaves the rest" timeout 120
left_too_much_body()
{
	program <<-'SCRIPT'
	#!/bin/sh
	i=0
	# (They go into the smallest of pipes, 16 kB.)
	while [ $i -lt 2000 ]; do
		echo "$i"
		i=$((i + 1))
	done >&2
	SCRIPT
	execute
	start
	client read shutdown >client.out 2>client.err
	wait_closed
	wait_log 'session=1 .* warning="the rest of what its program has left'
	[ "$(stderr_lines)" -ge 640 ] || atf_fail "it did not wait for them"
	[ "$(stderr_lines)" -le 768 ] || atf_fail "it took more of them"
	atf_check -o match:'warning="the rest of' -x "tail -n 1 log"
}

scenario status "The closed line says with what code a program has ended, or \
by which signal; a program that is gone by then says so on standard error"
status_body()
{
	program <<-'SCRIPT'
	#!/bin/sh
	read -r what
	case $what in
	exit)	exit 42 ;;
	signal)	kill -SEGV $$ ;;
	esac
	SCRIPT
	execute
	start
	for w in exit signal; do
		client write "$w
" read shutdown >client.out 2>client.err
	done
	wait_closed 2
	atf_check -o match:'state=closed .* exit=42$' \
	    -o match:'state=closed .* signal=11$' cat log
	rm program
	client read shutdown >client.out 2>client.err
	wait_closed 3
	atf_check -o match:"stderr=\"$PWD/program cannot be run: No such file" \
	    -o match:'state=closed .* exit=127$' cat log
}

# stays [deaf]: a server with a program that ends its side of the connection,
# and does not leave when the other has ended.
stays()
{
	program <"$top/regress/tools/lingers"
	_word=${1:+\"$1\" }
	[ $# -eq 0 ] || shift
	serve "execute \"$PWD/program\" ${_word}user \"$(runner)\"" "$@"
}

scenario client_leaves "A program that stays when its connection has ended has \
a second, then SIGTERM" timeout 60
client_leaves_body()
{
	stays stay "connections max 10"
	start
	background "$peer" -C www.crt connect "127.0.0.1:$port" tls readn 6 \
	    touch told until go shutdown
	wait_until 20 "its first words" test -f told
	begin=$(milliseconds)
	touch go
	wait_closed
	[ $(($(milliseconds) - begin)) -ge 900 ] ||
	    atf_fail "it had no time"
	atf_check -o match:'stderr=told' -o match:'state=closed .* exit=5$' \
	    cat log
	atf_check -s exit:1 grep -E 'error=|warning=' log
	wait_until 20 "the program to be gone" programs_count 0
}

scenario deaf "A program that ignores SIGTERM is killed two seconds later; \
until then its connection counts, and it is closed once" timeout 60
deaf_body()
{
	stays deaf "connections max 1"
	start
	client readn 6 shutdown >client.out 2>client.err
	wait_log 'state=closing'
	begin=$(milliseconds)
	client read >client.out 2>client.err
	wait_log 'reason="connections max 1"'
	wait_closed
	[ $(($(milliseconds) - begin)) -ge 2500 ] ||
	    atf_fail "killed too early"
	atf_check -o inline:"1\n" grep -c 'state=closed .* signal=9$' log
	atf_check -o inline:"1\n" grep -c 'state=closing' log
	# There is room again.
	client readn 6 shutdown >client.out 2>client.err
	wait_closed 2
	wait_until 20 "the program to be gone" programs_count 0
}

scenario aborted "When a connection ends in an error its program gets SIGTERM \
at once" timeout 60
aborted_body()
{
	program <<-'SCRIPT'
	#!/bin/sh
	trap 'echo told >&2; exit 6' TERM
	echo ready
	while :; do sleep 0.1; done
	SCRIPT
	execute "timeout idle 1"
	start
	background "$peer" -C www.crt connect "127.0.0.1:$port" tls \
	    readn 6 hold
	wait_closed
	atf_check -o match:'error=ptTimeout .*idle timer, 1 second' \
	    -o match:'state=closed in=0 out=6 seconds=[12]\.[0-9] exit=6$' \
	    cat log
	awk '/error=ptTimeout/ { seen = 1 }
	    / stderr=told/ { print seen ? "after" : "before" }' log >order
	atf_check -o inline:"after\n" cat order
}

scenario part "A program whose client resets its connection sees no end: what \
it has is a part" timeout 60
part_body()
{
	program <<-'SCRIPT'
	#!/bin/sh
	echo ready
	cat >/dev/null && echo whole >&2
	SCRIPT
	execute
	start
	background "$peer" -C www.crt connect "127.0.0.1:$port" tls \
	    readn 6 write hello reset
	wait_closed
	atf_check -o match:'error=ptConnectionReset' cat log
	atf_check -s exit:1 grep stderr=whole log
}

scenario client_stays "When a program has ended, a client that does not is \
left after the close time, and nothing has gone wrong" timeout 60
client_stays_body()
{
	program <<-'SCRIPT'
	#!/bin/sh
	echo bye
	SCRIPT
	execute "timeout close 1" "connections max 10"
	start
	background "$peer" -C www.crt connect "127.0.0.1:$port" tls \
	    readn 4 write "unread" hold
	wait_closed
	atf_check -o match:'state=closed in=6 out=4 seconds=[0-9.]+ exit=0$' \
	    cat log
	atf_check -s exit:1 grep -E 'error=|warning=' log
}

scenario daemonized "A child that left the group of its program goes on with the \
connection when that has ended, whose status is kept for the closed line" \
    timeout 60
daemonized_body()
{
	# A copy that anybody may run.
	cp "$as" as
	program <<-SCRIPT
	#!/bin/sh
	exec 3<&0
	"$PWD/as" -s sh -c 'echo away; read -r line; echo "got \$line"' \\
	    <&3 3<&- &
	# Until it has gone its own way.
	sleep 0.5
	exit 9
	SCRIPT
	execute
	start
	background "$peer" -C www.crt connect "127.0.0.1:$port" tls \
	    readn 5 hold
	wait_until 20 "the program" programs_count 1
	wait_until 20 "the program to have ended" programs_count 0
	atf_check -s exit:1 grep state=closing log
	kill "$pid"
	wait_closed
	atf_check -o match:'state=closed in=0 out=[0-9]+ .* exit=9$' cat log
}

scenario stop "SIGTERM ends every connection, and every program with it; the \
daemon leaves when the last has gone, and none is left" timeout 60
stop_body()
{
	program <<-'SCRIPT'
	#!/bin/sh
	read -r what
	[ "$what" = polite ] || trap '' TERM
	echo ready
	while :; do sleep 0.1; done
	SCRIPT
	execute
	start
	for w in polite deaf; do
		background "$peer" -C www.crt connect "127.0.0.1:$port" tls \
		    write "$w
" read shutdown
	done
	wait_until 20 "both programs" programs_count 2
	wait_until 20 "both connected" busy_count 2
	# shellcheck disable=SC2046
	left="$(programs) $(launcher)"
	stop_daemon
	atf_check -o inline:"2\n" grep -c state=closed log
	atf_check -o inline:"2\n" grep -c state=closing log
	atf_check -o match:'state=closed .* signal=15$' \
	    -o match:'state=closed .* signal=9$' cat log
	for p in $left; do
		dead "$p" || atf_fail "process $p is still there"
	done
}

scenario drain "SIGUSR1 waits for programs at work" timeout 60
drain_body()
{
	serve "execute \"/bin/cat\" user \"$(runner)\""
	start
	background "$peer" -C www.crt connect "127.0.0.1:$port" tls \
	    write hello readn 5 hold
	wait_until 20 "the program" programs_count 1
	wait_log state=connected
	kill -USR1 "$daemon"
	wait_log 'draining'
	atf_check -s exit:1 grep state=closing log
	kill "$pid"
	wait_until 20 "its end" dead "$daemon"
	atf_check -o match:'state=closed .* (exit|signal)=' cat log
}

scenario launcher_killed "A launcher that is killed is replaced and its \
programs are gone; their connections end once each, without a status, and new \
ones are served" timeout 60
launcher_killed_body()
{
	need_linux "programs die with their launcher on Linux only"
	serve "execute \"/bin/cat\" user \"$(runner)\""
	start
	background "$peer" -C www.crt connect "127.0.0.1:$port" tls \
	    write hello readn 5 read shutdown
	wait_until 20 "the program" programs_count 1
	wait_log state=connected
	p=$(programs)
	kill -KILL "$(launcher)"
	wait_log 'warning="launcher terminated: killed by signal 9 .*1 program lost"'
	wait_closed
	atf_check -o match:'state=closed in=5 out=5 seconds=[0-9.]+$' cat log
	dead "$p" || wait_until 20 "its program's death" dead "$p"
	wait_until 20 "another" started_again
	atf_check -o inline:"again" -e ignore "$peer" -C www.crt connect \
	    "127.0.0.1:$port" tls write again shutdown read
	wait_closed 2
	atf_check -o match:'state=closed in=5 out=5 seconds=[0-9.]+ exit=0$' \
	    cat log
	atf_check -o inline:"2\n" grep -c state=closing log
}

scenario launcher_stopped "A launcher that hangs is replaced 5 seconds after an \
order that it does not take; what it ran ends, and new ones are served"
launcher_stopped_body()
{
	need_look
	serve "execute \"/bin/cat\" user \"$(runner)\""
	start
	background "$peer" -C www.crt connect "127.0.0.1:$port" tls \
	    write hello readn 5 read shutdown
	wait_log state=connected
	wait_until 20 "the program" programs_count 1
	kill -STOP "$(launcher)"
	background "$peer" -C www.crt connect "127.0.0.1:$port" tls \
	    write hello read shutdown
	wait_log 'warning="launcher terminated: does not answer; it is replaced; 2 programs lost"' 40
	wait_closed 2
	wait_until 20 "another" started_again
	atf_check -o inline:"again" -e ignore "$peer" -C www.crt connect \
	    "127.0.0.1:$port" tls write again shutdown read
}
started_again() { [ "$(grep -c '^process=launcher' log)" -eq 2 ]; }

scenario parent_killed "When the parent is killed, launcher and programs are \
gone within seconds" timeout 60
parent_killed_body()
{
	program <<-'SCRIPT'
	#!/bin/sh
	trap '' TERM HUP
	echo ready
	while :; do sleep 0.1; done
	SCRIPT
	execute
	start
	background "$peer" -C www.crt connect "127.0.0.1:$port" tls \
	    read
	wait_until 20 "the program" programs_count 1
	wait_log state=connected
	left="$(programs) $(launcher)"
	kill -KILL "$daemon"
	for p in $left; do
		wait_until 20 "$p to leave" dead "$p"
	done
}

scenario start_fails "A launcher that is missing, or cannot start, ends the \
start with a message" timeout 60
start_fails_body()
{
	mkdir -p tree/sbin/securetcpd tree/libexec
	cp "$top/sbin/securetcpd/securetcpd" tree/sbin/securetcpd
	for h in securetcp-session securetcp-signer; do
		mkdir "tree/libexec/$h"
		cp "$top/libexec/$h/$h" "tree/libexec/$h"
	done
	securetcpd=$PWD/tree/sbin/securetcpd/securetcpd
	serve "execute \"/bin/cat\" user \"$(runner)\""
	launch
	wait_until 20 "its end" dead "$daemon"
	atf_check -o match:"launcher \(securetcp-launcher in .*\): No such" \
	    cat log
	mkdir tree/libexec/securetcp-launcher
	cat >tree/libexec/securetcp-launcher/securetcp-launcher <<-'SCRIPT'
	#!/bin/sh
	exit 1
	SCRIPT
	chmod 755 tree/libexec/securetcp-launcher/securetcp-launcher
	launch
	wait_until 20 "its end" dead "$daemon"
	atf_check -o match:"launcher terminated: exit code 1" cat log
	# Without a program nobody misses it.
	serve echo
	start
	stop_daemon
}

scenario ordinary "An ordinary user can execute as himself" timeout 60
ordinary_body()
{
	ordinary="$as -u nobody"
	[ "$(id -u)" -eq 0 ] || ordinary=
	program <<-'SCRIPT'
	#!/bin/sh
	id -un
	SCRIPT
	execute
	[ "$(id -u)" -ne 0 ] || chown nobody . www.key www.crt
	# shellcheck disable=SC2086
	start $ordinary
	atf_check -o inline:"$(runner)\n" -e ignore "$peer" -C www.crt connect \
	    "127.0.0.1:$port" tls read shutdown
	wait_closed
	atf_check -o match:'state=closed .* exit=0$' cat log
}

atf_init_test_cases()
{
	add_scenarios
}
