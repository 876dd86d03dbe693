# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# The control sockets, and securetcpctl(8).

. "$(atf_get_srcdir)/common.sh"
. "$(atf_get_srcdir)/pki.sh"

securetcpctl=$top/sbin/securetcpctl/securetcpctl

ctl() { "$securetcpctl" -s "$PWD/control" "$@"; }

# says COMMAND [PATTERN]...: what securetcpctl prints for these words has these.
says()
{
	_words=$1
	shift
	# shellcheck disable=SC2086
	ctl $_words >said 2>&1 || {
		cat said
		show_log
		atf_fail "securetcpctl $_words: no success"
	}
	for _pattern in "$@"; do
		grep -Eq -e "$_pattern" said || {
			cat said
			atf_fail "securetcpctl $_words lacks: $_pattern"
		}
	done
}

# fails CODE PATTERN WORD...
fails()
{
	_code=$1 _pattern=$2
	shift 2
	atf_check -s exit:"$_code" -e match:"$_pattern" "$securetcpctl" \
	    -s "$PWD/control" "$@"
}

# served: the daemon answers.
served()
{
	"$peer" -C www.crt connect "127.0.0.1:$port" tls write hello \
	    shutdown read >served.out 2>/dev/null &&
	    [ "$(cat served.out)" = hello ]
}

# controlled [STATEMENT]...: a server, and a control socket.
controlled()
{
	serve "$@"
	own_control
	start
}

# json COMMAND EXPRESSION: what that is of d, the JSON that is printed.
json()
{
	# shellcheck disable=SC2086
	ctl -j $1 >said.json || atf_fail "securetcpctl -j $1: no success"
	python3 -c 'import json, sys
d = json.load(open("said.json"))
print(eval(sys.argv[1]))' "$2" || {
		cat said.json
		atf_fail "$1: $2"
	}
}

# stranger CODE: what somebody does who has connected to the socket as s.
stranger()
{
	python3 -c 'import os, socket, sys, time
def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(60)
    # With a timeout a full queue is an error on some systems.
    for i in range(600):
        try:
            s.connect("control")
            return s
        except BlockingIOError:
            time.sleep(0.1)
def answer(s):
    data = b""
    while True:
        try:
            more = s.recv(65536)
        except ConnectionResetError:
            return data
        if not more:
            return data
        data += more
s = connect()
exec(sys.argv[1])' "$1" || atf_fail "stranger: $1"
}

scenario summary "show summary tells in ten lines whether all is well"
summary_body()
{
	controlled echo
	served || atf_fail "not served"
	wait_closed
	says "show summary" '^state +running for [0-9]+s, pid [0-9]+, log state, generation 1 and 0 older$' \
	    '^problems +0$' '^servers +1, 1 open$' \
	    '^connections +0 of 1000, 1 since the start$' \
	    '^traffic +5B in, 5B out$' \
	    '^errors +0, 0 in the last minute; refused 0; blocked 0 sources' \
	    '^backends +0, 0 down; 1 certificates; first "www" expires in (89|90)d' \
	    '^processes +[0-9]+ signers, [0-9]+ ready; [0-9]+ idle sessions; 0 crashes$' \
	    '^descriptors +[0-9]+ of [0-9]+$'
	[ "$(wc -l <said)" -le 10 ] || atf_fail "more than ten lines"
	atf_check -o match:"pid $daemon," cat said
}

scenario problems "show summary says what is not well" require.progs python3
problems_body()
{
	serve echo
	# A certificate that is about to expire.
	openssl req -new -x509 -sha256 -key www.key -days 3 -subj /CN=localhost \
	    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
	    -out www.crt 2>/dev/null
	own_control
	start
	says "show summary" '^problems +1: certificate "www" expires in [23] days$'
	shows -o inline:"1\n" json "show summary" 'd["summary"]["problems"]'
	shows -o 'match:^certificate "www" expires in [23] days$' \
	    json "show summary" 'd["summary"]["problem"]'
}

scenario forms "The table of servers, as text, JSON and OpenMetrics, has the \
same figures" require.progs python3
forms_body()
{
	{
		echo 'server "www" {'
		echo '	listen on 127.0.0.1 port 0'
		echo '	certificate "www"'
		echo '	echo'
		echo '}'
		echo 'server "a.b" {'
		echo '	listen on 127.0.0.1 port 0'
		echo '	certificate "www"'
		echo '	forward to 127.0.0.1 port 1'
		echo '	connections max 7'
		echo '}'
	} >servers
	configure <servers
	own_control
	start
	served || atf_fail "not served"
	"$peer" connect "127.0.0.1:$port" raw nonsense drain >/dev/null 2>&1
	wait_closed 2
	says "show servers" '^SERVER +MODE +STATE +NOW +MAX ' \
	    '^www +echo +open +0 +1000 .* 1 +2 +0 +1 +1 +5B +5B +127\.0\.0\.1:'
	shows -o inline:"2 0 1 1 5 5 True\n" json "show servers" \
	    '" ".join(str(d["servers"][0][k]) for k in ("accepted", "refused",
	    "errors", "minute", "in", "out")) + " " + str(
	    d["servers"][0]["listen"].startswith("127.0.0.1:"))'
	says "show metrics" '^# EOF$' \
	    '^securetcpd_server_accepted_total\{server="www"\} 2$' \
	    '^securetcpd_server_errors_total\{server="www"\} 1$' \
	    '^securetcpd_server_in_bytes_total\{server="www"\} 5$' \
	    '^# TYPE securetcpd_server_in_bytes counter$' \
	    '^# UNIT securetcpd_server_in_bytes bytes$' \
	    '^securetcpd_connections 0$' \
	    '^securetcpd_server_info\{server="www",mode="echo",state="open",'
}

scenario every_form "Every figure of JSON is in OpenMetrics, and every figure \
that the daemon tells in JSON" require.progs python3
every_form_body()
{
	controlled echo
	cat >compare.py <<-'PYTHON'
	import json, socket, subprocess, sys
	ctl = [sys.argv[1], "-s", "control"]
	run = lambda *a: subprocess.run(ctl + list(a), capture_output=True,
	    text=True, check=True).stdout
	metrics = run("show", "metrics")
	for what in sys.argv[2:]:
	    s = socket.socket(socket.AF_UNIX)
	    s.connect("control")
	    s.sendall(("show\t%s\n" % what).encode())
	    told = s.makefile().readline()
	    s.close()
	    if told == "done\n":
	        continue
	    keys = set()
	    rest = told.split(" ", 1)[1].strip() + " "
	    while "=" in rest:
	        key, rest = rest.split("=", 1)
	        keys.add(key)
	        quoted = rest[0] == '"'
	        rest = rest[1:].split('" ' if quoted else " ", 1)[1]
	    shown = json.loads(run("-j", "show", what))
	    shown = list(shown.values())[0]
	    if isinstance(shown, list):
	        shown = shown[0]
	    assert keys == set(shown), (what, keys ^ set(shown))
	    for key in keys - {"problem", "certificate"}:
	        assert key + "=" in metrics or "_%s" % key in metrics, (what, key)
	PYTHON
	"$peer" connect "127.0.0.1:$port" raw nonsense drain >/dev/null 2>&1
	wait_closed
	atf_check python3 compare.py "$securetcpctl" summary servers backends \
	    errors certificates
}

scenario words "Words can be cut short where that is not ambiguous, and what \
is wrong is told with exit code 2"
words_body()
{
	controlled echo
	says "sh su" '^state +running'
	fails 2 '"s" is ambiguous: servers or session' show s
	fails 2 'unknown command "shaw"' shaw summary
	fails 2 'unknown command "show everything"' show everything
	fails 2 '^usage: securetcpctl \[-j\] \[-s socket\] show summary$' \
	    show summary now
	fails 2 '^usage: securetcpctl '
	fails 2 '^usage: securetcpctl ' -x
	fails 2 '^usage: securetcpctl ' show
}

scenario unreached "Without a daemon the exit code is 3"
unreached_body()
{
	fails 3 "cannot reach securetcpd at $PWD/control: No such file" \
	    show summary
	controlled echo
	says "show summary"
	stop_daemon
	fails 3 "cannot reach securetcpd at $PWD/control: " show summary
}

scenario modes_of "The socket is for root, for its group if it has one, and a \
restricted one for everybody"
modes_of_body()
{
	[ "$(id -u)" -eq 0 ] || atf_skip "needs root"
	serve echo
	own_control
	cat >>securetcpd.conf <<-CONF
	control socket "$PWD/shared" group "daemon"
	control socket "$PWD/look" restricted
	control socket "$PWD/guests" group "daemon" restricted
	CONF
	start
	shows -o inline:"600 control\n660 guests\n666 look\n660 shared\n" \
	    modes control guests look shared
	group=$(ls -ld shared | awk '{ print $3, $4 }')
	atf_check_equal "root daemon" "$group"
	chmod 755 .
	for s in look shared; do
		atf_check -o match:running "$securetcpctl" -s "$PWD/$s" \
		    show summary
	done
	atf_check -o match:running "$as" -u nobody "$securetcpctl" \
	    -s "$PWD/look" show summary
	for s in control shared guests; do
		atf_check -s exit:3 -e match:"Permission denied" \
		    "$as" -u nobody "$securetcpctl" -s "$PWD/$s" show summary
	done
	stop_daemon
	atf_check test ! -e control -a ! -e look
}

scenario replaced "The socket of a daemon that is gone is replaced; that of one \
that runs is not, and neither is another file"
replaced_body()
{
	controlled echo
	kill -KILL "$daemon"
	wait "$daemon"
	atf_check test -S control
	start
	says "show summary" "pid $daemon,"
	first=$daemon
	sed s/securetcpd.pid/second.pid/ securetcpd.conf >c
	cp securetcpd.conf first.conf
	mv c securetcpd.conf
	launch
	wait_until 20 "its end" dead "$daemon"
	wait "$daemon"
	atf_check_equal 1 $?
	atf_check -o match:"^fatal=.*control socket .*another daemon is listening there" \
	    cat log
	says "show summary" "pid $first,"
	kill -TERM "$first"
	wait_until 20 "its end" dead "$first"
	rm -f control
	echo precious >control
	launch
	wait_until 20 "its end" dead "$daemon"
	atf_check -o match:"^fatal=.*there is a file that is no socket" cat log
	atf_check -o inline:"precious\n" cat control
}

scenario drain_gives_up "One that drains gives its sockets up to the next"
drain_gives_up_body()
{
	controlled echo
	connected one
	first=$daemon
	kill -USR1 "$first"
	wait_log "draining by SIGUSR1"
	start
	says "show summary" "pid $daemon,"
	atf_check kill -0 "$first"
}

scenario openmetrics "What show metrics prints is OpenMetrics for the parser of \
Prometheus, whatever is in its labels" require.progs python3
openmetrics_body()
{
	# That of the system has the packages of the system.
	for python in /usr/bin/python3 python3 ""; do
		"$python" -c 'import prometheus_client.openmetrics' \
		    2>/dev/null && break
	done
	[ -n "$python" ] || atf_skip "there is no python3-prometheus-client"
	{
		echo 'server "www" {'
		echo '	listen on 127.0.0.1 port 0'
		echo '	certificate "www"'
		echo '	forward to "/nonexistent/a b=c"'
		echo '}'
	} | configure
	own_control
	start
	served
	"$peer" connect "127.0.0.1:$port" raw nonsense drain >/dev/null 2>&1
	wait_closed 2
	ctl show metrics >metrics
	shows -o match:'securetcpd_backend_failures.*/nonexistent/a b=c.* 1$' \
	    -o match:"securetcpd_info.*'state': 'running'.* 1$" \
	    -o match:'securetcpd_error_count_total.*10061|ptConnectionRefused|ptError' \
	    parse_metrics
}

# http REQUEST [CODE]: what securetcpctl -H answers, in the files head and body.
http()
{
	# shellcheck disable=SC2059
	printf "$1" | ctl -H show metrics >answer 2>answer.err
	_code=$?
	sed '/^.$/,$d' answer | tr -d '\r' >head
	sed '1,/^.$/d' answer >body
	[ $_code -eq "${2:-0}" ] || {
		cat head answer.err
		atf_fail "$1: exit code $_code"
	}
	_len=$(sed -n 's/^Content-Length: //p' head)
	case $1 in
	HEAD*)	atf_check_equal 0 "$(wc -c <body | tr -d ' ')" ;;
	*)	atf_check_equal "$_len" "$(wc -c <body | tr -d ' ')" ;;
	esac
}

scenario web "show metrics answers a request of HTTP, in the format that it \
accepts"
web_body()
{
	controlled echo
	end='\r\nHost: localhost\r\n\r\n'
	open='application/openmetrics-text;version=1.0.0'
	http "GET /metrics HTTP/1.1$end"
	cat >expected <<-HEAD
	HTTP/1.1 200 OK
	Content-Type: text/plain; version=0.0.4; charset=utf-8
	Content-Length: $_len
	Connection: close
	HEAD
	atf_check -o file:expected cat head
	atf_check -o match:'^# TYPE securetcpd_server_accepted_total counter$' \
	    -o match:'^# TYPE securetcpd_info gauge$' \
	    -o match:'^securetcpd_server_accepted_total.server="www". 0$' \
	    cat body
	atf_check -s exit:1 grep -e '^# EOF' -e '^# UNIT' -e ' info$' body
	http "HEAD /metrics HTTP/1.1$end"
	atf_check -o match:'^HTTP/1.1 200 OK$' \
	    -o match:'^Content-Length: [1-9][0-9]{3}' cat head
	for request in \
	    "GET / HTTP/1.0\naccept: $open\n\n" \
	    "GET /metrics?x=y HTTP/1.1\r\nAccept: $open,text/plain;version=0.0.4;q=0.5,*/*;q=0.1$end" \
	    "GET / HTTP/1.1\r\nAccept: text/plain;q=0.3\r\nAccept: $open;q=0.50$end"; do
		http "$request"
		atf_check -o match:'^Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8$' \
		    cat head
		atf_check -o inline:"# EOF\n" sed -n '$p' body
	done
	for accept in "$open;q=0" "*/*" "" \
	    "text/plain; q=0.6, $open; q=0.5" ",;,q=;;" \
	    "$open;q=0.0001;q=0.00000"; do
		http "GET / HTTP/1.1\r\nAccept: $accept$end"
		atf_check -o match:'^Content-Type: text/plain; version' cat head
	done
}

scenario web_refused "What is no request for metrics is refused with the \
status for it, and so is one that does not come" require.progs python3
web_refused_body()
{
	controlled echo
	end=' HTTP/1.1\r\nHost: localhost\r\n\r\n'
	for request in "404 GET /other$end" "404 HEAD /metrics/$end" \
	    "405 POST /metrics$end" "405 get /$end" \
	    "400 GET metrics$end" "400 GET /\r\n\r\n" "400 \r\n\r\n" \
	    "400 GET  / HTTP/1.1\r\n\r\n" "400 GET / HTTP/2\r\n\r\n" \
	    "400 GET / HTTP/1.1\r\n" "400 " "400 GET /\000$end" \
	    "431 GET /$(printf '%09000d' 1)$end"; do
		http "${request#* }" 1
		atf_check -o match:"^HTTP/1.1 ${request%% *} " \
		    -o match:'^Connection: close$' cat head
	done
	http "POST /$end" 1
	atf_check -o match:'^Allow: GET, HEAD$' cat head
	mkfifo silence
	exec 3<>silence
	printf 'GET / HTTP' >silence
	atf_check -s exit:1 -o match:'^HTTP/1.1 408 ' "$securetcpctl" \
	    -s control -H show metrics <silence
	exec 3>&-
	stop_daemon
	http "GET /$end" 3
	atf_check -o match:'^HTTP/1.1 503 ' cat head
	http "GET /other$end" 3
	atf_check -o match:'^HTTP/1.1 404 ' cat head
	fails 2 '^usage: securetcpctl .-H. .-s socket. show metrics$' \
	    -j show metrics
	fails 2 '^usage: securetcpctl .-j. .-s socket. show servers$' \
	    -H show servers
}

parse_metrics()
{
	"$python" -c 'import sys
from prometheus_client.openmetrics.parser import *
for f in text_string_to_metric_families(open("metrics").read()):
    for s in f.samples:
        print(s.name, s.labels, s.value)'
}

# connected NAME: a connection that stays until the file NAME.leave is there.
connected()
{
	rm -f "$1.in"
	background "$peer" -C www.crt -t 110 connect "127.0.0.1:$port" tls \
	    write hello readn 5 touch "$1.in" until "$1.leave" shutdown read
	wait_until 20 "the connection to be in use" test -f "$1.in"
}

scenario sessions "show sessions has the connections of all or of one block, \
and show session all that is known of one" require.progs python3
sessions_body()
{
	{
		for s in www other; do
			echo "server \"$s\" {"
			echo '	listen on 127.0.0.1 port 0'
			echo '	certificate "www"'
			echo '	echo'
			echo '}'
		done
	} | configure
	own_control
	start
	says "show sessions" '^SESSION +SERVER +STATE +AGE +FROM +NAME '
	atf_check_equal 1 "$(wc -l <said | tr -d ' ')"
	connected one
	port=$(port_of other)
	connected two
	says "show sessions" \
	    '^ +[0-9]+ +www +connected +[0-9]+s +127\.0\.0\.1:[0-9]+ +- +echo ' \
	    '^ +[0-9]+ +other +connected '
	atf_check_equal 3 "$(wc -l <said | tr -d ' ')"
	says "show sessions sort server"
	atf_check -o match:" other +connected " sed -n 2p said
	for key in session from age; do
		shows -o inline:"True\n" json \
		    "show sessions sort $key state connected" \
		    '[s["'$key'"] for s in d["sessions"]] == sorted((s["'$key'"]
		    for s in d["sessions"]), reverse="'$key'" == "age")'
	done
	fails 2 'sort hell: sessions have no such key' show sessions sort hell
	fails 1 'no such command' show sessions sort
	says "show sessions server other" '^ +[0-9]+ +other +connected '
	atf_check_equal 2 "$(wc -l <said | tr -d ' ')"
	fails 1 'there is no such server' show sessions server nobody
	says "show sessions from 127.0.0.1 server www state connected" \
	    '^ +[0-9]+ +www +connected '
	atf_check_equal 2 "$(wc -l <said | tr -d ' ')"
	says "show sessions from 127.0.0.11"
	atf_check_equal 1 "$(wc -l <said | tr -d ' ')"
	says "show sessions state closing"
	atf_check_equal 1 "$(wc -l <said | tr -d ' ')"
	fails 1 'that is no numeric address' show sessions from localhost
	fails 1 'there is no such state' show sessions state odd
	fails 1 'no such command' show sessions in hell
	id=$(json "show sessions server www" 'd["sessions"][0]["session"]')
	says "show session $id" "^session +$id\$" '^server +www$' \
	    '^version +TLSv1\.[23]$' '^backend +echo$' '^pid +[0-9]+$'
	shows -o inline:"$id connected\n" json "show session $id" \
	    '"%s %s" % (d["session"]["session"], d["session"]["state"])'
	if [ "$system" = Linux -a -z "${kernel:-}" ]; then
		says "show session $id" '^received +[0-9.]+[BK]$'
	fi
	fails 1 'no connection has that number' show session 4711
	fails 1 'no connection has that number' show session x
	touch one.leave two.leave
	wait_closed 2
	says "show sessions"
	atf_check_equal 1 "$(wc -l <said | tr -d ' ')"
}

scenario ends "close asks a connection to end, abort ends it, and the log says \
by whom" require.progs python3
ends_body()
{
	controlled echo
	connected one
	id=$(json "show sessions" 'd["sessions"][0]["session"]')
	says "close $id"
	wait_log "session=$id .*state=closing reason=\"closed by securetcpctl\""
	touch one.leave
	wait_closed 1
	connected two
	id=$(json "show sessions" 'd["sessions"][0]["session"]')
	says "abort $id"
	wait_log "session=$id .*error=ptAbort .*reason=\"aborted by securetcpctl\""
	wait_closed 2
	fails 1 'no connection has that number' close "$id"
	fails 1 'no connection has that number' abort 0
	fails 2 '^usage: securetcpctl .* close id$' close
}

scenario stops "stop ends the daemon with exit code 0"
stops_body()
{
	controlled echo
	says "stop"
	wait_until 20 "its end" dead "$daemon"
	wait "$daemon"
	atf_check_equal 0 $?
	atf_check -o match:'^msg="stopped by securetcpctl"$' cat log
}

scenario backends "show backends has those that are up and those that are \
down, and why"
backends_body()
{
	refuser down
	background "$peer" -t 110 -p up.port accept 127.0.0.1:0 readn 5 \
	    write hello read
	wait_until 20 "a port" test -s up.port
	# Each is asked first in its turn.
	serve "forward to 127.0.0.1 port $port_down" \
	    "forward to 127.0.0.1 port $(cat up.port)"
	own_control
	start
	says "show backends" \
	    "^www +127\\.0\\.0\\.1:$port_down +up +[0-9]+s +0 +0 +0 +- +-\$"
	connected one
	says "show backends" "^SERVER +BACKEND +STATE +SINCE +NOW +TOTAL " \
	    "^www +127\\.0\\.0\\.1:$port_down +down +[0-9]+s +0 +0 +1 +[0-9]+s +Connection refused\$" \
	    "^www +127\\.0\\.0\\.1:$(cat up.port) +up +[0-9]+s +1 +1 +0 +- +-\$"
	says "show summary" \
	    "^problems +1: backend 127.0.0.1:$port_down of .*www.* is down: Connection refused\$" \
	    '^backends +2, 1 down'
}

scenario errors "show errors counts by block, number and reason"
errors_body()
{
	controlled echo
	for i in 1 2 3; do
		"$peer" connect "127.0.0.1:$port" raw \
		    "SSH-2.0-OpenSSH_9.2\\x0d\\x0a" drain >/dev/null 2>&1
	done
	"$peer" connect "127.0.0.1:$port" raw \
	    "GET / HTTP/1.0\\x0d\\x0a\\x0d\\x0a" drain >/dev/null 2>&1
	wait_closed 4
	says "show errors" '^SERVER +NUMBER +ERROR +COUNT +MINUTE +REASON$' \
	    '^www +11101 +ptProtocol +3 +3 +not TLS: the peer sent SSH$' \
	    '^www +11101 +ptProtocol +1 +1 +not TLS: the peer sent an HTTP request$'
	# The most frequent first.
	atf_check -o match:"sent SSH" sed -n 2p said
}

scenario processes "show processes has every process and its sandbox"
processes_body()
{
	need_look
	controlled echo
	connected one
	says "show processes" '^PROCESS +NAME +PID +STATE +GEN +SERVER +SANDBOX$' \
	    "^parent +- +$daemon +ready +- +- +" \
	    "^signer +1 +[0-9]+ +ready +1 +- +$sandbox" \
	    "^spawner +www +[0-9]+ +ready +1 +- +$sandbox" \
	    "^session +[0-9]+ +[0-9]+ +idle +1 +www +$sandbox" \
	    "^session +[0-9]+ +[0-9]+ +connected +1 +www +$sandbox"
	for p in $(signers) $(spawners) $(busy); do
		atf_check -o match:" $p " cat said
	done
}

scenario penalties "show penalties has who is blocked, why and for how long, \
and clear penalties lets them in again"
penalties_body()
{
	trusted=
	controlled echo
	# One after the other they may be forgotten as fast as they come.
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
		background "$peer" connect "127.0.0.1:$port" raw nonsense drain
	done
	wait_log "penalised for"
	says "show penalties" '^SOURCE +STATE +LEFT +FACTOR ' \
	    '^127\.0\.0\.1 +blocked +[0-9]+s +1 +[0-9]+ +1 +- +ptProtocol$'
	says "show summary" 'blocked 1 sources of 1 known'
	served && atf_fail "served though it is blocked"
	fails 1 'that source has no penalty' clear penalties 192.0.2.1
	fails 1 'that is no numeric address' clear penalties localhost
	says "clear penalties 127.0.0.1" '^1 cleared$'
	served || atf_fail "not served"
	says "show penalties"
	atf_check_equal 1 "$(wc -l <said | tr -d ' ')"
	says "clear penalties" '^0 cleared$'
}

scenario certificates "show certificates has chains, staples and revocation \
lists, the first to expire first" require.progs python3
certificates_body()
{
	certificate soon
	openssl req -new -x509 -sha256 -key soon.key -days 3 -subj /CN=localhost \
	    -addext subjectAltName=DNS:localhost -out soon.crt 2>/dev/null
	{
		echo "certificate \"soon\" {"
		echo "	chain \"$PWD/soon.crt\""
		echo "	key \"$PWD/soon.key\""
		echo '}'
		echo 'server "www" {'
		echo '	listen on 127.0.0.1 port 0'
		echo '	certificate "www"'
		echo '	echo'
		echo '}'
	} | configure
	own_control
	start
	says "show certificates" '^ *EXPIRES +STATE +KIND +NAME +FILE$' \
	    "^ *(2d23h|3d00h) +soon +chain +soon +$PWD/soon.crt\$" \
	    "^ *(89d23h|90d00h) +good +chain +www +$PWD/www.crt\$"
	atf_check -o match:" soon " sed -n 2p said
	shows -o inline:"soon www\n" json "show certificates" \
	    '" ".join(c["name"] for c in d["certificates"])'
}

scenario monitors "monitor has the events of all or of one block, or of one \
kind, whatever is logged" require.progs python3
monitors_body()
{
	serve echo
	{ echo "log off"; cat securetcpd.conf; } >c
	mv c securetcpd.conf
	own_control
	# What the port is is not logged now.
	launch
	wait_until 20 "the socket" test -S control
	wait_until 20 "the start" started
	port=$(json "show servers" 'd["servers"][0]["listen"].split(":")[1]')
	"$securetcpctl" -s control monitor >all &
	echo $! >>pids
	"$securetcpctl" -j -s control monitor server www error >failures &
	echo $! >>pids
	fails 1 'there is no such server' monitor server nobody
	# A connection until both have begun.
	wait_until 20 "both monitors" both_monitor
	served || atf_fail "not served"
	wait_until 20 "the event" grep -q \
	    '^server=www session=[0-9]* from=127.0.0.1:[0-9]* state=closed in=5 ' all
	atf_check -o match:'state=connected version=.* backend=echo' cat all
	atf_check -o empty cat log
	shows -o inline:"ptProtocol 11101 error www\n" python3 -c 'import json
d = json.loads(open("failures").readline())
print(d["error"], d["number"], d["event"], d["server"])'
	atf_check -s exit:1 grep state failures
}
started() { ctl show summary | grep -q '^state *running'; }
both_monitor()
{
	"$peer" connect "127.0.0.1:$port" raw nonsense drain >/dev/null 2>&1
	[ -s all ] && [ -s failures ]
}

# judges NAME: the line of the rules of the server that has this.
judges() { grep -n "$1" securetcpd.conf | sed 's/:.*//'; }

scenario judged "monitor has how the certificate of each peer was judged, and \
by which rule, and so has log verbose" require.progs "python3 openssl"
judged_body()
{
	authority root
	authority stranger
	issue root one /O=Example/CN=one.ops.example.org
	issue root two /CN=two
	issue stranger three /CN=three
	serve echo "client authentication optional ca \"$PWD/root.crt\"" \
	    'authenticate {' 'deny subject "CN=two"' \
	    'allow subject "CN=*.ops.example.org"' 'allow none' '}'
	own_control
	start
	"$securetcpctl" -s control monitor server www authenticate >judged &
	echo $! >>pids
	"$securetcpctl" -j -s control monitor error authenticate >judged.json &
	echo $! >>pids
	wait_until 20 "both monitors" both_judge
	for n in one two three; do
		openssl s_client -connect "127.0.0.1:$port" -cert $n.crt \
		    -key $n.key </dev/null >s_client.out 2>&1
	done
	wait_until 20 "all of it" grep -q 'CN=three.*"event":"error"' \
	    judged.json
	atf_check -o match:"^server=www session=[0-9]+ from=127.0.0.1:[0-9]+ authenticate=allowed rule=3 line=$(judges none)\$" \
	    -o match:" authenticate=allowed rule=2 line=$(judges ops) subject=.O=Example,CN=one.ops.example.org. issuer=.O=Example,CN=root. hash=SHA256:[0-9a-f]{64}\$" \
	    -o match:" authenticate=denied rule=1 line=$(judges CN=two) subject=.CN=two. .* reason=.denied by rule 1 .line $(judges CN=two)..\$" \
	    -o match:" authenticate=denied reason=.certificate CN=three: issued by O=Example,CN=stranger, which is not trusted.\$" \
	    cat judged
	atf_check -s exit:1 grep state= judged
	shows -o inline:"2 $(judges ops) allowed authenticate www\n" \
	    python3 -c 'import json
for line in open("judged.json"):
    d = json.loads(line)
    if d["event"] == "authenticate" and d.get("rule") == 2:
        print(d["rule"], d["line"], d["authenticate"], d["event"], d["server"])'
	# The log has it for those who ask for it.
	atf_check -s exit:1 grep authenticate= log
	says "log verbose"
	both_judge
	wait_log ' authenticate=allowed rule=3 '
}
both_judge()
{
	served
	openssl s_client -connect "127.0.0.1:$port" -cert two.crt \
	    -key two.key </dev/null >s_client.out 2>&1
	[ -s judged ] && [ -s judged.json ]
}

scenario traces "trace prints the events of one connection, and ends with it" \
require.progs python3
traces_body()
{
	controlled echo
	connected one
	connected two
	id=$(json "show sessions" 'd["sessions"][0]["session"]')
	"$securetcpctl" -s control trace "$id" >traced 2>traced.err &
	tracer=$!
	echo $tracer >>pids
	fails 1 'no connection has that number' trace 4711
	wait_until 20 "the tracer" grep -q \
	    " session=$id .* state=connected version=.* backend=echo$" traced
	served || atf_fail "not served"
	touch one.leave two.leave
	wait_closed 3
	wait_until 20 "its end" dead "$tracer"
	wait "$tracer" || atf_fail "it failed"
	atf_check -o inline:"3\n" grep -c "^server=www session=$id from=" traced
	atf_check -o match:'state=closing' -o match:'state=closed in=' cat traced
	atf_check -s exit:1 grep -v " session=$id " traced
}

scenario slow_monitor "A monitor that does not read has events dropped and \
counted, and nobody else notices" require.progs python3
slow_monitor_body()
{
	controlled echo
	cat >flood.py <<-'PYTHON'
	import socket, sys
	for i in range(1200):
	    try:
	        c = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
	        c.settimeout(20)
	        c.sendall(b"nonsense\r\n\r\n")
	        while c.recv(100):
	            pass
	    except OSError:
	        pass
	PYTHON
	stranger 's.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
s.sendall(b"monitor\n")
import subprocess
subprocess.run([sys.executable, "flood.py", "'"$port"'"])
data = b""
while b"\ndropped count=" not in data:
    data += s.recv(65536)
    if data.count(b"\n") > 3000:
        break
    if b"\ndropped" not in data:
        subprocess.run(["openssl", "s_client", "-connect",
            "127.0.0.1:'"$port"'"], stdin=subprocess.DEVNULL,
            capture_output=True)
assert b"\ndropped count=" in data'
	served || atf_fail "not served"
}

scenario levels "log changes what is logged, and nobody may on a restricted \
socket"
levels_body()
{
	serve echo
	own_control
	echo "control socket \"$PWD/look\" restricted" >>securetcpd.conf
	start
	served
	wait_closed 1
	says "log off"
	says "show summary" ', log off,'
	served || atf_fail "not served"
	says "log st"
	served || atf_fail "not served"
	wait_closed 2
	atf_check_equal 2 "$(grep -c state=closed log)"
	fails 2 '^usage: securetcpctl .* log off.errors.state.verbose$' log loud
	for c in reload drain stop "log off" "close 1" "abort 1" "trace 1" \
	    "clear penalties"; do
		# shellcheck disable=SC2086
		atf_check -s exit:1 -e match:"this is a restricted socket" \
		    "$securetcpctl" -s "$PWD/look" $c
	done
	"$securetcpctl" -s "$PWD/look" show summary >said ||
	    atf_fail "show summary is refused"
	atf_check -o match:', log state,' cat said
}

scenario hostile "Clients that send nonsense, too much or nothing are closed \
and harm nobody" require.progs python3
hostile_body()
{
	[ ! -x "$top/regress/net/sanitized/parent" ] || sanitize
	controlled echo
	stranger 's.sendall(b"nonsense\n"); s.shutdown(1)
assert answer(s).startswith(b"refused reason="), "nonsense"'
	stranger 's.sendall(b"\n"); s.shutdown(1)
assert answer(s).startswith(b"refused reason="), "an empty line"'
	stranger 's.sendall(b"show\t" * 100); s.shutdown(1)
assert answer(s) == b"", "no line"'
	stranger 's.sendall(b"show\tsummary\0x\n")
assert answer(s).startswith(b"refused reason="), "NUL"'
	stranger 's.sendall(b"a\t" * 50 + b"\n"); s.shutdown(1)
assert answer(s).startswith(b"refused reason="), "too many words"'
	stranger '
try:
    s.sendall(b"x" * 100000)
except (BrokenPipeError, ConnectionResetError):
    pass
answer(s)'
	stranger 'l = [connect() for i in range(200)]
for c in l:
    try:
        c.sendall(b"show")
    except BrokenPipeError:
        pass'
	stranger 'for i in range(500):
    c = connect()
    c.sendall(b"show\tservers\n")
    c.close()'
	says "show summary" '^state +running'
	served || atf_fail "not served"
}

scenario stuck "A client that does not ask is closed, and one that does not \
read costs a bounded queue" require.progs python3
stuck_body()
{
	controlled echo
	stranger 't = time.time()
assert answer(s) == b""
assert 5 < time.time() - t < 55, time.time() - t'
	says "show summary" '^state +running'
}

scenario evicted "When there are too many clients the oldest goes, but those \
of a restricted socket shut nobody else out" require.progs python3
evicted_body()
{
	serve echo
	own_control
	echo "control socket \"$PWD/look\" restricted" >>securetcpd.conf
	start
	stranger 'def look():
    c = socket.socket(socket.AF_UNIX)
    c.connect("look")
    return c
many = [look() for i in range(50)]
s.sendall(b"show\tsummary\n")
assert s.recv(65536).startswith(b"summary "), "the other one"
assert answer(many[0]) == b"", "the oldest"
many[-1].sendall(b"show\tsummary\n")
assert many[-1].recv(65536).startswith(b"summary "), "the last"'
	served || atf_fail "not served"
}

atf_init_test_cases()
{
	add_scenarios
}
