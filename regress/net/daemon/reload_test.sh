# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# The configuration read again: by securetcpctl(8) reload and by SIGHUP.

. "$(atf_get_srcdir)/common.sh"

securetcpctl=$top/sbin/securetcpctl/securetcpctl

ctl() { "$securetcpctl" -s "$PWD/control" "$@"; }

# reloaded: the daemon uses what is in the file now.
reloaded()
{
	ctl reload >reload.out 2>&1 || {
		cat reload.out
		show_log
		atf_fail "the reload was refused"
	}
}

# refused PATTERN...: it does not, and says why; all goes on as before.
refused()
{
	_processes=$(processes)
	ctl reload >reload.out 2>&1
	atf_check_equal 1 $?
	for _pattern in "$@" "^securetcpctl: nothing has changed: "; do
		grep -Eq -e "$_pattern" reload.out || {
			cat reload.out
			atf_fail "the refusal lacks: $_pattern"
		}
	done
	wait_until 20 "those that were tried to leave" \
	    same_processes "$_processes"
}

# processes: the helpers of the generation that is used.
processes()
{
	_used=$(ctl -j show summary |
	    sed -n 's/.*"generation":\([0-9]*\).*/\1/p')
	ctl show processes | awk -v "used=$_used" '$1 != "session" &&
	    $5 == used { print $1, $2, $3, $4 }' | sort
}
# same_processes WHICH: these, and of none but the parent there is no such.
same_processes()
{
	[ "$(processes)" = "$1" ] && [ "$(ctl show processes |
	    awk '$5 == "-"' | wc -l)" -eq 1 ]
}

# older N: so many generations of before have connections.
older()
{
	ctl -j show summary | grep -q "\"older\":$1[,}]"
}
older_is() { older "$1" || atf_fail "not $1 older generations"; }

# descriptors: how many the parent has.
descriptors() { ls "/proc/$daemon/fd" | wc -l; }

# served PORT [CERTIFICATE]: an echo, by who has that.
served()
{
	"$peer" -C "${2:-www}.crt" connect "127.0.0.1:$1" tls write hello \
	    shutdown read >served.out 2>/dev/null &&
	    [ "$(cat served.out)" = hello ]
}

# stays NAME PORT: a connection that says something when NAME.go is there.
stays()
{
	background "$peer" connect "127.0.0.1:$2" tls write one readn 3 \
	    touch "$1.on" until "$1.go" write two readn 3 shutdown read \
	    touch "$1.done"
	eval "${1}_pid=$pid"
	wait_until 20 "connection $1" test -e "$1.on"
}

# stayed NAME
stayed()
{
	touch "$1.go"
	wait_until 20 "connection $1 to go on" test -e "$1.done"
}

# write_conf: standard input, with a control socket.
write_conf()
{
	configure
	own_control
}

# block NAME PORT [STATEMENT]...: a server.
block()
{
	printf 'server "%s" {\n\tlisten on 127.0.0.1 port %s\n' "$1" "$2"
	shift 2
	for _s in "$@"; do
		printf '\t%s\n' "$_s"
	done
	echo '}'
}

scenario certificate "Connections to come have the new certificate, those that \
are there go on, and what served them leaves with the last of them"
certificate_body()
{
	block www 0 'certificate "www"' echo | write_conf
	start
	served "$port" || atf_fail "not served"
	stays one "$port"
	cp www.crt old.crt
	certificate www
	# What was checked is what is served, until it is read again.
	served "$port" old || atf_fail "not served by the old one"
	reloaded
	atf_check -o empty cat reload.out
	served "$port" || atf_fail "not served by the new one"
	served "$port" old && atf_fail "served by the old one"
	older_is 1
	stayed one
	wait_until 20 "the end of the old generation" older 0
	wait_log 'msg="generation 1 is gone"'
	[ "$(ctl show processes | grep -c ^spawner)" -eq 1 ] ||
	    atf_fail "more spawners than one"
	stop_daemon
	atf_check_equal 0 $?
}

scenario hangup "SIGHUP reloads as well, and the log has the errors"
hangup_body()
{
	block www 0 'certificate "www"' echo | write_conf
	start
	cp securetcpd.conf good.conf
	echo "nonsense" >>securetcpd.conf
	kill -HUP "$daemon"
	wait_log '^warning="reload refused, nothing has changed: the configuration has 1 error"'
	atf_check -o match:"^warning=\".*securetcpd.conf:[0-9]*: unknown statement" \
	    grep nonsense log
	served "$port" || atf_fail "not served"
	cp good.conf securetcpd.conf
	kill -HUP "$daemon"
	wait_log 'msg="reloaded: generation 2 is used"'
	served "$port" || atf_fail "not served by the new generation"
}

scenario refusals "A configuration with errors changes nothing: of grammar, \
files, keys and addresses, told as securetcpd -n tells them" timeout 200
refusals_body()
{
	block www 0 'certificate "www"' echo | write_conf
	start
	stays one "$port"
	cp securetcpd.conf good.conf

	cat good.conf - >securetcpd.conf <<-CONF
	certificate "gone" {
		chain "$PWD/gone.crt"
		key "$PWD/gone.key"
	}
	server "www" {
	CONF
	refused 'conf:[0-9]+: chain ".*gone.crt": No such file' \
	    'conf:[0-9]+: .*"www"' 'the configuration has [0-9] errors'

	# A key of another chain is found by the signers.
	certificate other
	sed "s|www.key|other.key|" good.conf >securetcpd.conf
	refused 'conf:[0-9]+: certificate "www": key ".*other.key": is not the key' \
	    'nothing has changed: the configuration has 1 error'

	# An address that somebody else has.
	background "$peer" -p held accept 127.0.0.1:0 until never
	wait_until 20 "a port" test -s held
	cat good.conf - >securetcpd.conf <<-CONF
	$(block two "$(cat held)" 'certificate "www"' echo)
	CONF
	refused "nothing has changed: server \"two\": listen on 127.0.0.1:$(cat held): "

	rm securetcpd.conf
	refused 'nothing has changed: the configuration cannot be read'
	cp good.conf securetcpd.conf

	served "$port" || atf_fail "not served"
	stayed one
	older_is 0
	reloaded
	served "$port" || atf_fail "not served by what is right again"
}

scenario blocks "A new block listens, one that is gone refuses connections and \
serves those it has, and one that stays keeps its port" timeout 200
blocks_body()
{
	{
		block www 0 'certificate "www"' echo
		block two 0 'certificate "www"' echo
	} | write_conf
	start
	two=$(port_of two)
	stays one "$two"
	{
		block www 0 'certificate "www"' echo
		block three 0 'certificate "www"' echo
	} | write_conf
	reloaded
	three=$(port_of three)
	served "$port" || atf_fail "www not served"
	served "$three" || atf_fail "three not served"
	atf_check -s exit:1 -e ignore -o ignore \
	    "$peer" connect "127.0.0.1:$two" write x read
	shows -o 'match:^two .* draining ' ctl show servers
	shows -o 'match:^problems  *0$' ctl show summary
	# It comes back while it has its connection, and goes on.
	{
		block www 0 'certificate "www"' echo
		block two 0 'certificate "www"' echo
	} | write_conf
	reloaded
	served "$(sed -n 's/^server=two listen=.*:\([0-9]*\)$/\1/p' log |
	    tail -n 1)" || atf_fail "two not served again"
	ctl show metrics | sed -e '/^#/d' -e 's/ [^ ]*$//' | sort |
	    uniq -d >twice
	atf_check -o empty cat twice
	shows -o 'match:^two +echo +open +1 ' ctl show servers
	stayed one
	wait_until 20 "the end of what served it" older 0
	served "$port" || atf_fail "www not served"
}

scenario queue "Whoever waits in the queue of a listener is served after a \
reload, and so is one that was accepted and has said nothing"
queue_body()
{
	block www 0 'certificate "www"' echo | write_conf
	start
	for n in 1 2 3; do
		background "$peer" -C www.crt connect "127.0.0.1:$port" \
		    touch "said.$n" until go tls write "hello" shutdown read \
		    touch "heard.$n"
		wait_until 20 "connection $n" test -e "said.$n"
	done
	# Those that come while it is stopped are in the queue.
	kill -STOP "$daemon"
	for n in 4 5 6; do
		background "$peer" -C www.crt connect "127.0.0.1:$port" \
		    touch "said.$n" tls write "hello" shutdown read \
		    touch "heard.$n"
		wait_until 20 "connection $n" test -e "said.$n"
	done
	kill -HUP "$daemon"
	kill -CONT "$daemon"
	wait_log 'generation 2 is used'
	touch go
	for n in 1 2 3 4 5 6; do
		wait_until 20 "an answer to $n" test -e "heard.$n"
	done
}

scenario backends "Connections to come have the new backend; what is known of \
one that stays is known still"
backends_body()
{
	for n in 1 2; do
		background "$peer" -p "backend.$n" accept 127.0.0.1:0 \
		    write "$n" shutdown drain
		wait_until 20 "backend $n" test -s "backend.$n"
	done
	a=$(cat backend.1) b=$(cat backend.2)
	block www 0 'certificate "www"' "forward to 127.0.0.1 port $a" |
	    write_conf
	start
	reads 1
	block www 0 'certificate "www"' "forward to 127.0.0.1 port $b" \
	    "match servername \"old.example.org\" forward to 127.0.0.1 port $a" |
	    write_conf
	reloaded
	reads 2
	wait_closed 2
	shows -o "match:127.0.0.1:$a +up .* 0 +1 +0" ctl show backends
	shows -o "match:127.0.0.1:$b +up .* 0 +1 +0" ctl show backends
}

scenario figures "A connection of before a reload counts for the backend as it \
is shown afterwards, and what was counted is not lost"
figures_body()
{
	background "$top/regress/tools/echod" "$PWD/backend.sock"
	wait_until 20 "the backend" test -S backend.sock
	printf 'PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n' >header
	forwards | write_conf
	start
	background "$peer" connect "127.0.0.1:$port" send header until go \
	    tls write 1 readn 1 touch got until over
	wait_log state=connecting
	reloaded
	touch go
	wait_until 20 "an echo" test -e got
	shows -o "match:backend.sock +up +[0-9a-z]+ +1 +1 +0" ctl show backends
	touch over
	wait_closed
	forwards "match servername absent forward to \"$PWD/backend.sock\"" |
	    write_conf
	reloaded
	"$peer" connect "127.0.0.1:$port" send header tls write 2 shutdown \
	    read >read.out
	atf_check_equal 2 "$(cat read.out)"
	wait_closed 2
	reloaded
	shows -o "match:backend.sock +up +[0-9a-z]+ +0 +2 +0" ctl show backends
}
forwards()
{
	printf 'server "www" {\n\tlisten on 127.0.0.1 port 0 proxy\n'
	printf '\tcertificate "www"\n\tforward to "%s"\n' "$PWD/backend.sock"
	printf '\t%s\n}\n' "$1"
}

reads()
{
	"$peer" -C www.crt connect "127.0.0.1:$port" tls read >read.out ||
	    atf_fail "no answer from backend $1"
	atf_check_equal "$1" "$(cat read.out)"
}

scenario limits "Limits and the log level hold for connections to come, and \
connections of before count"
limits_body()
{
	block www 0 'certificate "www"' echo | write_conf
	start
	stays one "$port"
	block www 0 'certificate "www"' echo "connections max 1" | write_conf
	reloaded
	served "$port" && atf_fail "served beyond the limit"
	wait_log 'reason="connections max 1"'
	stayed one
	wait_closed
	served "$port" || atf_fail "not served"
	{
		echo "log errors"
		block www 0 'certificate "www"' echo
	} | write_conf
	reloaded
	before=$(grep -c state= log)
	served "$port" || atf_fail "not served"
	atf_check_equal "$before" "$(grep -c state= log)"
}

scenario lowered "Where there are more connections than a limit that was \
lowered allows the next is refused, and does not wait"
lowered_body()
{
	block www 0 'certificate "www"' echo "prefork 1" | write_conf
	start
	for n in 1 2 3; do
		stays "c$n" "$port"
	done
	block www 0 'certificate "www"' echo "prefork 1" "connections max 1" |
	    write_conf
	reloaded
	background "$peer" connect "127.0.0.1:$port" raw hello read
	wait_log 'reason="connections max 1"'
}

# accepted N: so many connections of all blocks, also such that said nothing.
accepted() { ctl show summary | grep -q "^connections  *$1 of "; }

scenario timer "A handshake timer that is shorter now holds for whoever has \
said nothing so far, and for those to come"
timer_body()
{
	for seconds in 600 1; do
		block www 0 'certificate "www"' echo \
		    "timeout handshake $seconds" | write_conf
		if [ $seconds -eq 600 ]; then
			start
		else
			reloaded
		fi
		background "$peer" connect "127.0.0.1:$port" \
		    touch "on.$seconds" read touch "off.$seconds"
		wait_until 20 "a connection" test -e "on.$seconds"
		[ $seconds -eq 1 ] || wait_until 20 "it" accepted 1
	done
	for seconds in 1 600; do
		wait_until 20 "the end of it" test -e "off.$seconds"
	done
}

scenario restart "What takes a restart is told, and does not stop the rest"
restart_body()
{
	block www 0 'certificate "www"' echo | write_conf
	start
	sed -e 's/^user "nobody"/user "daemon"/' \
	    -e "s|$PWD/securetcpd.pid|$PWD/other.pid|" \
	    -e "s|\"$PWD/control\"|\"$PWD/elsewhere\"|" \
	    securetcpd.conf >changed
	echo "log facility local3" >>changed
	cp changed securetcpd.conf
	certificate www
	reloaded
	for what in 'user "daemon" takes a restart: "nobody" stays' \
	    'pidfile ".*other.pid" takes a restart' \
	    'another log facility takes a restart' \
	    'other control sockets take a restart'; do
		atf_check -o match:"warning: $what" cat reload.out
	done
	atf_check test ! -e other.pid -a ! -e elsewhere
	served "$port" || atf_fail "not served with the new certificate"
	stop_daemon
	atf_check test ! -e securetcpd.pid -a ! -e control
}

scenario programs "A program goes on over a reload, and the next one is what \
the configuration says then"
programs_body()
{
	[ "$(id -u)" -eq 0 ] || atf_skip "needs root, for another user"
	block www 0 'certificate "www"' \
	    'execute "/bin/sh" "-c" "read a; echo old $a; read b; echo $b" user "nobody"' |
	    write_conf
	start
	echo x >line
	background "$peer" connect "127.0.0.1:$port" tls send line readn 6 \
	    touch on until go send line read touch gone
	wait_until 20 "the program" test -e on
	block www 0 'certificate "www"' \
	    'execute "/bin/sh" "-c" "read a; echo new $a" user "nobody"' |
	    write_conf
	reloaded
	"$peer" -C www.crt connect "127.0.0.1:$port" tls send line read \
	    >next.out
	atf_check_equal "new x" "$(cat next.out)"
	touch go
	wait_until 20 "the end of the first" test -e gone
	wait_until 20 "the end of what served it" older 0
}

scenario deadline "The connections of a generation before end when drain says"
deadline_body()
{
	{
		echo "drain 2"
		block www 0 'certificate "www"' echo
	} | write_conf
	start
	stays one "$port"
	reloaded
	stays two "$port"
	wait_log 'state=closing reason="drain deadline of generation 1, 2 seconds"'
	wait_until 20 "the end of what served it" older 0
	stayed two
}

scenario silent "Whoever has said nothing to a block that is gone is not served \
after the time that drain gives"
silent_body()
{
	{
		echo "drain 2"
		block www 0 'certificate "www"' echo
		block two 0 'certificate "www"' echo "timeout handshake 600"
	} | write_conf
	start
	background "$peer" connect "127.0.0.1:$(port_of two)" touch on read \
	    touch off
	wait_until 20 "a connection" test -e on
	wait_until 20 "it to be accepted" accepted 1
	{
		echo "drain 2"
		block www 0 'certificate "www"' echo
	} | write_conf
	reloaded
	wait_until 20 "its end" test -e off
	wait_until 20 "the end of what would have served it" older 0
}

scenario held "A generation of before holds no files once its last handshake is \
over"
held_body()
{
	need_linux "descriptors are counted in /proc"
	{
		for n in 1 2 3 4 5 6 7 8 9; do
			certificate "c$n"
			printf 'certificate "c%s" {\n\tchain "%s"\n' "$n" \
			    "$PWD/c$n.crt"
			printf '\tkey "%s"\n}\n' "$PWD/c$n.key"
		done
		block www 0 'certificate "www"' echo
	} | write_conf
	start
	wait_until 20 "rest" rests
	before=$(descriptors)
	for n in 1 2 3; do
		stays "s$n" "$port"
		reloaded
	done
	older_is 3
	# A session, its connection, and a spawner: 20 files less.
	wait_until 20 "as many descriptors, and 8 for each connection" \
	    holds $((before + 3 * 8))
}
rests() { _was=$_is _is=$(descriptors); [ "$_was" = "$_is" ]; }
holds() { [ "$(descriptors)" -le "$1" ]; }

scenario memory "A reload for which there is no memory is refused" timeout 200
memory_body()
{
	need_linux "limits of a process are set by itself elsewhere"
	command -v prlimit >/dev/null || atf_skip "no prlimit here"
	block www 0 'certificate "www"' echo | write_conf
	start
	cp securetcpd.conf good.conf
	random_bytes 33554432 big.crl
	block www 0 'certificate "www"' echo "client authentication required \
ca \"$PWD/www.crt\" crl \"$PWD/big.crl\"" | write_conf
	size=$(status_of "$daemon" VmSize | cut -d ' ' -f 1)
	prlimit --pid "$daemon" --as=$((size * 1024 + 16777216)): ||
	    atf_skip "no limit can be set"
	refused 'crl ".*big.crl": Cannot allocate memory'
	cp good.conf securetcpd.conf
	reloaded
	served "$port" || atf_fail "not served"
}

scenario scarce "Whatever a reload finds no memory for the daemon goes on" \
timeout 280
scarce_body()
{
	need_linux "malloc(3) is replaced as that needs it"
	cat >scarce.c <<-'C'
	#define _GNU_SOURCE
	#include <dlfcn.h>
	#include <errno.h>
	#include <fcntl.h>
	#include <stdarg.h>
	#include <stdlib.h>
	#include <string.h>
	#include <unistd.h>

	extern void	*__libc_malloc(size_t), *__libc_calloc(size_t, size_t);
	static int	 left;

	/* The configuration is opened: the one that many from here fails. */
	int
	open(const char *path, int flags, ...)
	{
		static int	(*next)(const char *, int, ...);
		char		 text[16] = "";
		va_list		 ap;
		int		 fd, mode;

		va_start(ap, flags);
		mode = flags & O_CREAT ? va_arg(ap, int) : 0;
		va_end(ap);
		if (next == NULL)
			next = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT,
			    "open");
		if (strstr(path, "securetcpd.conf") != NULL &&
		    (fd = next(getenv("COUNTDOWN"), O_RDONLY)) != -1) {
			(void)read(fd, text, sizeof(text) - 1);
			close(fd);
			left = atoi(text);
		}
		return next(path, flags, mode);
	}

	static int
	out(void)
	{
		if (left == 0 || --left > 0)
			return 0;
		errno = ENOMEM;
		return 1;
	}

	void *
	malloc(size_t n)
	{
		return out() ? NULL : __libc_malloc(n);
	}

	void *
	calloc(size_t n, size_t size)
	{
		return out() ? NULL : __libc_calloc(n, size);
	}

	char *
	strdup(const char *s)
	{
		char	*p = malloc(strlen(s) + 1);

		return p == NULL ? NULL : strcpy(p, s);
	}
	C
	cc -shared -fPIC -w -o scarce.so scarce.c -ldl >cc.out 2>&1 || {
		cat cc.out
		atf_skip "no library can be built that replaces malloc(3)"
	}
	block www 0 'certificate "www"' 'forward to "/nonexistent"' | write_conf
	start env LD_PRELOAD="$PWD/scarce.so" COUNTDOWN="$PWD/countdown"
	for n in 1 2 3 5 8 12 17 30 45 60 75 90 100 110 120 150; do
		echo "$n" >countdown
		ctl reload >"reload.$n" 2>&1
		[ $? -le 1 ] || {
			cat "reload.$n"
			show_log
			atf_fail "the daemon has not survived $n"
		}
	done
	grep -q "annot allocate memory" reload.* ||
	    atf_fail "memory was never short"
	rm countdown
	certificate www
	reloaded
	wait_until 20 "the end of all generations before" older 0
	"$peer" -C www.crt connect "127.0.0.1:$port" tls shutdown read ||
	    atf_fail "not served"
}

scenario flood "Errors that are too many to be told are counted"
flood_body()
{
	block www 0 'certificate "www"' echo | write_conf
	start
	i=0
	while [ $((i += 1)) -le 3000 ]; do
		echo "nonsense $i"
	done >>securetcpd.conf
	refused 'conf:[0-9]+: unknown statement' \
	    '^[0-9]+ more messages are in the log$' \
	    'the configuration has 3000 errors'
	told=$(grep -c ' unknown statement ' reload.out)
	atf_check_equal 3000 $((told +
	    $(sed -n 's/ more messages are in the log$//p' reload.out)))
}

scenario several "Whoever asks for a reload while there is one gets another, \
and an answer" timeout 200
several_body()
{
	block www 0 'certificate "www"' echo | write_conf
	start
	for n in 1 2 3 4 5; do
		(ctl reload && touch "ok.$n") >"reload.$n" 2>&1 &
	done
	for n in 1 2 3 4 5; do
		wait_until 60 "reload $n" test -e "ok.$n"
	done
	served "$port" || atf_fail "not served"
	# Who goes away does not matter.
	ctl reload >/dev/null 2>&1 &
	kill $!
	reloaded
}

scenario stopping "A daemon that is about to end does not reload, and answers"
stopping_body()
{
	block www 0 'certificate "www"' echo "timeout close 60" | write_conf
	start
	kill -STOP "$daemon"
	ctl reload >reload.out 2>&1 &
	asked=$!
	kill -TERM "$daemon"
	kill -CONT "$daemon"
	wait_until 20 "its end" dead "$daemon"
	wait "$asked" && atf_fail "the reload was done"
	:
}

scenario drain "drain ends the daemon when its connections end, or with them \
after the time that is given"
drain_body()
{
	block www 0 'certificate "www"' echo | write_conf
	start
	stays one "$port"
	atf_check -s exit:2 -e match:"drain: the time is " \
	    "$securetcpctl" -s "$PWD/control" drain soon
	ctl drain || atf_fail "no drain"
	atf_check -s exit:1 -e ignore -o ignore \
	    "$peer" connect "127.0.0.1:$port" write x read
	stayed one
	wait_until 20 "its end" dead "$daemon"
	wait "$daemon"
	atf_check_equal 0 $?

	rm -f one.*
	start
	stays one "$port"
	ctl drain 1s || atf_fail "no drain"
	wait_until 30 "its end" dead "$daemon"
	atf_check -o match:'reason="drain deadline, 1 second"' \
	    grep state=closing log
}

# flood N: a client after the other until the file enough is there.
flood()
{
	while [ ! -e enough ]; do
		"$peer" connect "127.0.0.1:$port" tls write hello \
		    shutdown read >"flood.$1.out" 2>"flood.$1.err" &&
		    [ "$(cat "flood.$1.out")" = hello ] ||
		    cat "flood.$1.err" >>"flood.$1.failed"
		echo >>"flood.$1.count"
	done
	touch "flood.$1.over"
}

# over N
over() { [ -e "flood.$1.over" ]; }

scenario load "Twenty reloads among connections, with certificates that are \
rewritten in place: not one of them fails" timeout 280
load_body()
{
	block www 0 'certificate "www"' echo | write_conf
	start
	for n in 1 2 3; do
		flood $n &
	done
	i=0
	while [ $((i += 1)) -le 20 ]; do
		openssl req -new -x509 -sha256 -key www.key -days $((i + 20)) \
		    -subj /CN=localhost \
		    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
		    -out next.crt 2>openssl.err
		cat next.crt >www.crt
		reloaded
	done
	touch enough
	for n in 1 2 3; do
		wait_until 60 "the end of $n" over $n
	done
	cat flood.*.failed 2>/dev/null >failures
	atf_check -o empty cat failures
	[ "$(cat flood.*.count | wc -l)" -gt 20 ] ||
	    atf_fail "hardly any connections"
	served "$port" || atf_fail "not served with the last certificate"
	wait_until 30 "the end of all generations before" older 0
}

# take_over: another daemon with what the file says now, which waits until it
# serves; the old one is $old, and its log is old.log.
take_over()
{
	old=$daemon
	mv log old.log
	"$securetcpd" -dU -f securetcpd.conf </dev/null >out 2>log &
	daemon=$!
	echo $daemon >>pids
	wait_until 20 "the one that takes over" listening_or_dead
}

scenario upgrade "With -U a daemon takes the listeners over: nobody is refused, \
connections of the old one go on, and all that is of the daemon is with the new \
one" timeout 200
upgrade_body()
{
	block www 0 'certificate "www"' echo | write_conf
	start
	stays one "$port"
	for n in 1 2; do
		flood $n &
	done
	wait_until 20 "a connection of each" test -s flood.1.count -a \
	    -s flood.2.count
	certificate www
	{
		block www 0 'certificate "www"' echo
		block two 0 'certificate "www"' echo
	} | write_conf
	take_over
	dead "$daemon" && { show_log; atf_fail "it has not taken over"; }
	now=$(port_of www)
	atf_check_equal "$port" "$now"
	wait_until 20 "the pidfile" grep -qx "$daemon" securetcpd.pid
	shows -o "match:pid $daemon," ctl show summary
	atf_check -o match:'draining by the daemon that takes over' \
	    grep draining old.log
	served "$port" || atf_fail "not served by the new one"
	served "$(port_of two)" || atf_fail "the new block is not served"
	dead "$old" && atf_fail "the old one did not wait"
	stayed one
	wait_until 20 "the end of the old one" dead "$old"
	touch enough
	for n in 1 2; do
		wait_until 60 "the end of $n" over $n
	done
	cat flood.*.failed 2>/dev/null >failures
	atf_check -o empty cat failures
	atf_check -o inline:"$daemon\n" cat securetcpd.pid
	stop_daemon
	atf_check_equal 0 $?
}

scenario no_upgrade "If -U fails the running daemon has not noticed"
no_upgrade_body()
{
	block www 0 'certificate "www"' echo | write_conf
	cp securetcpd.conf good.conf
	take_over_fails "-U: $PWD/control: No such file"
	start
	stays one "$port"
	echo nonsense >>securetcpd.conf
	take_over_fails 'unknown statement "nonsense"'
	sed "s|www.key|absent.key|" good.conf >securetcpd.conf
	take_over_fails 'absent.key'
	# An address of somebody else, found when the listeners are known.
	background "$peer" -p held accept 127.0.0.1:0 until never
	wait_until 20 "a port" test -s held
	cat good.conf - >securetcpd.conf <<-CONF
	$(block two "$(cat held)" 'certificate "www"' echo)
	CONF
	take_over_fails "listen on 127.0.0.1:$(cat held): "
	# What is in the way of a control socket, too.
	cp good.conf securetcpd.conf
	: >file
	echo "control socket \"$PWD/file\" restricted" >>securetcpd.conf
	take_over_fails "there is a file that is no socket"
	cp good.conf securetcpd.conf
	served "$port" || atf_fail "not served"
	atf_check -o inline:"$daemon\n" cat securetcpd.pid
	stayed one
	atf_check -s exit:1 grep draining log
	if command -v ss >/dev/null; then
		sed 's/port 0/port 0 backlog 77/' good.conf >securetcpd.conf
		reloaded
		before=$(ss -ltn "sport = :$port")
		sed 's/port 0/port 0 backlog 33/' good.conf >securetcpd.conf
		block two "$(cat held)" 'certificate "www"' echo \
		    >>securetcpd.conf
		take_over_fails "listen on 127.0.0.1:$(cat held): "
		atf_check_equal "$before" "$(ss -ltn "sport = :$port")"
	fi
	if [ "$(id -u)" -eq 0 ]; then
		chmod 666 control
		chmod 755 .
		printf 'takeover\t0\n' >ask
		wait_until 20 "the refusal" refusal
	fi
}
refusal()
{
	"$as" -u nobody "$peer" connect "$PWD/control" send "$PWD/ask" \
	    readn 20 2>/dev/null | grep "refused reason="
}
take_over_fails()
{
	"$securetcpd" -dU -f securetcpd.conf >failed.out 2>&1
	atf_check_equal 1 $?
	grep -F -e "$1" failed.out >/dev/null || {
		cat failed.out
		atf_fail "-U does not say: $1"
	}
}

settled() { older 0 && [ "$(descriptors)" -le "$1" ]; }

scenario late "Nothing that fails after the old daemon has let go ends the new \
one" timeout 200
late_body()
{
	block www 0 'certificate "www"' echo | write_conf
	start
	# A pidfile that yet another daemon has.
	sed -e "s|securetcpd.pid|other.pid|" -e '/^control/d' securetcpd.conf \
	    >other.conf
	background "$securetcpd" -d -f other.conf
	wait_until 20 "the other daemon" test -s other.pid
	sed "s|securetcpd.pid|other.pid|" securetcpd.conf >changed
	cp changed securetcpd.conf
	take_over
	dead "$daemon" && { show_log; atf_fail "it has not taken over"; }
	wait_log '^warning="already running as pid .*: this daemon has no pidfile"'
	wait_until 20 "the end of the old one" dead "$old"
	served "$port" || atf_fail "not served"
	ctl show summary >/dev/null || atf_fail "no control socket"
}

scenario two_upgrades "Of two daemons that take over at once the first one does" \
timeout 200
two_upgrades_body()
{
	block www 0 'certificate "www"' echo | write_conf
	start
	stays one "$port"
	printf 'takeover\t0\n' >ask
	echo drain >drain
	background "$peer" connect "$PWD/control" send ask readn 9 \
	    touch asked until go send drain read
	wait_until 20 "the listener to be passed" test -e asked
	take_over
	dead "$daemon" && { show_log; atf_fail "it has not taken over"; }
	touch go
	stayed one
	wait_until 20 "the end of the old one" dead "$old"
	wait_until 20 "the refusal" \
	    grep -q 'refused.*another daemon has taken over' background.out
	served "$port" || atf_fail "not served"
}

scenario many_listeners "However many listeners there are they are passed" \
timeout 200
many_listeners_body()
{
	[ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge 8192 ] ||
	    atf_skip "the hard limit of descriptors here is $(ulimit -Hn)"
	{
		printf 'server "www" {\n\tcertificate "www"\n\techo\n'
		i=0
		while [ $((i += 1)) -le 400 ]; do
			printf '\tlisten on 127.0.0.1 port 0\n'
		done
		echo '}'
	} | write_conf
	start
	take_over
	dead "$daemon" && { show_log; atf_fail "it has not taken over"; }
	for l in old.log log; do
		grep listen= "$l" | sort >"$l.listen"
	done
	atf_check_equal 400 "$(wc -l <log.listen | tr -d ' ')"
	atf_check cmp old.log.listen log.listen
	served "$port" || atf_fail "not served"
}

scenario leaks "After a hundred reloads there are as many descriptors and \
processes as before" timeout 280
leaks_body()
{
	need_linux "descriptors are counted in /proc"
	{
		block www 0 'certificate "www"' echo "prefork 1"
		printf 'client "out" {\n\tlisten on 127.0.0.1 port 0\n'
		printf '\tconnect to localhost port 1\n\tca "%s"\n\tprefork 1\n}\n' \
		    "$PWD/www.crt"
	} | write_conf
	start
	served "$port" || atf_fail "not served"
	wait_closed
	reloaded
	wait_until 20 "rest" older 0
	sleep 1
	before=$(descriptors)
	memory=$(anonymous_of "$daemon")
	i=0
	while [ $((i += 1)) -le 100 ]; do
		reloaded
	done
	wait_until 30 "as many descriptors as before: $before" \
	    settled "$before"
	served "$port" || atf_fail "not served"
	after=$(anonymous_of "$daemon")
	[ "$after" -lt $((memory + 1024)) ] ||
	    atf_fail "$memory kB before, $after kB after"
}

scenario sanitized "Reloads that are used, and such that are refused, under the \
sanitizers" timeout 280
sanitized_body()
{
	sanitize
	block www 0 'certificate "www"' echo | write_conf
	start
	stays one "$port"
	cp securetcpd.conf good.conf
	for n in 1 2 3; do
		{
			block www 0 'certificate "www"' echo
			block two 0 'certificate "www"' \
			    'forward to "/nonexistent"'
		} | write_conf
		reloaded
		echo nonsense >>securetcpd.conf
		refused "unknown statement"
		sed "s|www.key|absent.key|" good.conf >securetcpd.conf
		refused "absent.key"
		cp good.conf securetcpd.conf
		reloaded
		served "$port" || atf_fail "not served"
	done
	stayed one
	wait_until 20 "the end of all generations before" older 0
	stop_daemon
	atf_check_equal 0 $?
	atf_check -s exit:1 grep -E 'ERROR|runtime error' log
}

atf_init_test_cases() { add_scenarios; }
