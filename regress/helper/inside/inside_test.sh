#! /usr/bin/atf-sh
# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# The shipped parent with helpers that are linked from the shipped objects,
# where a probe runs inside the sandbox at the place of the work: what is
# refused, that the log says so, and what works.

. "$(atf_get_srcdir)/../../net/daemon/common.sh"

here=$top/regress/helper/inside
refusal='killed by signal 31 (Bad system call): the sandbox refused a system call'
each=6				# probes of a server: fewer than would pause it

# tree SESSION SIGNER: programs as in a build tree, and the shipped parent.
tree()
{
	[ "$(uname -s)" = Linux ] || atf_skip "the probes are Linux's"
	mkdir -p tree/sbin/securetcpd tree/libexec/securetcp-session \
	    tree/libexec/securetcp-signer
	cp "$top/sbin/securetcpd/securetcpd" tree/sbin/securetcpd/
	cp "$1" tree/libexec/securetcp-session/securetcp-session
	cp "$2" tree/libexec/securetcp-signer/securetcp-signer
	securetcpd=$PWD/tree/sbin/securetcpd/securetcpd
}
shipped_session=$top/libexec/securetcp-session/securetcp-session
shipped_signer=$top/libexec/securetcp-signer/securetcp-signer

# alive: the parent has to be, whatever happens.
alive()
{
	dead "$daemon" || return 0
	wait "$daemon"
	_status=$?
	show_log
	atf_fail "the parent died, status $_status"
}

# block NAME [CERTIFICATE [STATEMENT]]: one server.
block()
{
	cat <<-CONF
	server "$1" {
		listen on 127.0.0.1 port 0
		certificate "${2:-www}"
		prefork 1
		connections max 20
		${3:-echo}
	}
	CONF
}

# sessions_conf: as many servers as the session's probes need.
sessions_conf()
{
	background "$peer" -k -t 280 -p backend.port accept 127.0.0.1:0 \
	    write abc read
	wait_until 20 "backend" test -f backend.port
	"$here/ops_list" session >ops
	atf_check test "$(grep -c ^refused ops)" -ge 55
	atf_check test "$(grep -c ^works ops)" -ge 18
	_b=$(($(grep -c ^refused ops) / each + 1))
	{
		echo "signers 1"
		while [ $_b -ge 0 ]; do
			block "p$_b" www \
			    "forward to 127.0.0.1 port $(cat backend.port)"
			_b=$((_b - 1))
		done
	} | configure
}

# What the probes aim at: a live session of the last server and the parent.
stay()
{
	port=$(port_of p0)
	background "$peer" -t 280 connect "127.0.0.1:$port" tls touch in \
	    until leave write "memory
" read
	client=$pid
	wait_until 20 "the client to be connected" test -f in
	wait_until 20 "connected" busy_count 1 connected
	sibling=$(busy connected)
}

stayed()
{
	alive
	dead "$sibling" && atf_fail "the other session died"
	touch leave
	wait "$client"
	atf_check_equal 0 $?
	atf_check -o match:"^ok\$" cat background.out
}

# try WHAT NAME SERVER [PID]: the answers are in the file WHAT.NAME.
try()
{
	_port=$(port_of "$3")
	case $1 in
	handshake)
		"$peer" -t 60 connect "127.0.0.1:$_port" \
		    raw "$2${4:+ $4}\\x0aabc" read >"$1.$2" 2>try.err ;;
	relay)
		"$peer" -t 60 connect "127.0.0.1:$_port" tls write "$2${4:+ $4}
" read >"$1.$2" 2>try.err ;;
	esac
	grep -q '^[1-9][0-9]*$' "$1.$2" || {
		cat "$1.$2" try.err
		show_log
		atf_fail "$1, $2: the probe did not run"
	}
}

# refused WHAT: each probe ends its session, and the log says how.
refused()
{
	_base=$(grep -c state=closed log)
	_n=0
	for _o in $(sed -n 's/^refused //p' ops); do
		case $_o in
		kill|tgkill|ptrace|process_vm_*)	_pid=$sibling ;;
		kill_term|prlimit_other|pidfd_open)	_pid=$daemon ;;
		*)					_pid= ;;
		esac
		_n=$((_n + 1))
		try "$1" "$_o" "p$((_n / each + 1))" $_pid
	done
	wait_closed $((_base + _n)) 60
	_c=
	[ "$1" = relay ] && _c='state=connected
'
	for _o in $(sed -n 's/^refused //p' ops); do
		# The number, and no answer after it.
		_id=$(cat "$1.$_o")
		grep -E "^server=p[0-9]+ session=$_id from=" log |
		    sed -E -e "s/^[^ ]* [^ ]* [^ ]* //" \
		    -e 's/^(state=connected) .*/\1/' \
		    -e 's/^(state=closed) .*/\1/' >happened
		atf_check -o inline:"state=connecting
${_c}error=ptError number=11100 description=\"session terminated\" reason=\"$refusal\"
state=closing
state=closed
" cat happened
	done
	echo "$1: $_n probes were refused"
}

# works WHAT: each is answered "ok", and nothing crashes.
works()
{
	_crashes=$(grep -c crashed log)
	_n=0
	for _o in $(sed -n 's/^works //p' ops); do
		try "$1" "$_o" p0
		# The operation itself may have said x.
		sed '1s/^[0-9]*$/N/; 2s/^x*ok$/ok/' "$1.$_o" >answer
		printf '%s: ' "$_o" >>answers
		tr '\n' ' ' <answer | sed 's/ $//' >>answers
		echo >>answers
		_n=$((_n + 1))
	done
	sed -n 's/^works \(.*\)/\1: N ok/p' ops >expected
	atf_check -o file:expected cat answers
	wait_closed $_n
	atf_check_equal "$_crashes" "$(grep -c crashed log)"
	echo "$1: $_n probes worked"
}

scenario handshake "In place of the handshake a session can do what a relay \
needs; for everything else it dies, the log says why and nobody else is \
harmed" timeout 250
handshake_body()
{
	need_look
	tree "$here/session_probe" "$shipped_signer"
	sessions_conf
	start
	stay
	works handshake
	refused handshake
	stayed
}

scenario relay "The same after ACCEPT, in place of the relay" timeout 250
relay_body()
{
	need_look
	tree "$here/session_probe" "$shipped_signer"
	sessions_conf
	start
	stay
	works relay
	refused relay
	stayed
}

# batches LIST: files batch.aa and so on, with as many lines of it as one
# daemon has servers for.
batches()
{
	rm -f batch.*
	split -l 16 "$1" batch.
}

scenario spawner "A spawner can fork, kill and reap; for everything else it \
dies, the log says why, and it is replaced" timeout 250
spawner_body()
{
	need_look
	tree "$here/session_probe" "$shipped_signer"
	"$here/ops_list" spawner >ops
	atf_check test "$(grep -c ^refused ops)" -ge 45
	atf_check test "$(grep -c ^works ops)" -ge 10
	batches ops
	for b in batch.*; do
		{
			echo "signers 1"
			while read -r w o; do
				block "spawner.$o"
			done <$b
		} | configure
		start
		while read -r w o; do
			"$peer" connect "127.0.0.1:$(port_of "spawner.$o")" \
			    raw "\\x16\\x03\\x01\\x02\\x00\\x01" close
			case $w in
			refused)	r=$refusal ;;
			works)		r="probe $o: ok" ;;
			esac
			echo "spawner of server \"spawner.$o\" terminated: $r; it is replaced"
		done <$b | sort >expected
		wait_until 60 "all of them to have ended" all_terminated
		alive
		sed -n 's/^warning="\(spawner of .*\)"$/\1/p' log |
		    tr -d '\\' | sort >happened
		diff -u expected happened || {
			show_log
			atf_fail "other ends than expected"
		}
		# Each has another one by now, which forks.
		while read -r w o; do
			wait_until 20 "another spawner of $o" forked_again \
			    "spawner.$o"
		done <$b
		alive
		stop_daemon
		echo "$(wc -l <$b) ended as expected"
	done
}
all_terminated()
{
	dead "$daemon" || [ "$(grep -c 'spawner of .* terminated' log)" -ge "$(wc -l <expected)" ]
}
forked_again()
{
	[ "$(grep -c "^process=spawner name=$1 " log)" -eq 2 ] &&
	    [ -n "$(children "$(titled "$daemon" "securetcp-spawner: $1")")" ]
}

scenario signer "A signer computes; for everything else it dies, the log \
says why, and it is replaced" timeout 250
signer_body()
{
	need_look
	tree "$shipped_session" "$here/signer_probe"
	"$here/ops_list" signer >ops
	atf_check test "$(grep -c ^refused ops)" -ge 55
	atf_check test "$(grep -c ^works ops)" -ge 5
	certificate www
	# The number of its key is the number of a probe.
	{
		cat <<-CONF
		user "nobody"
		signer user "daemon"
		trusted proxies { $trusted }
		signers 1
		pidfile "$PWD/securetcpd.pid"
		CONF
		while read -r w o; do
			cat <<-CONF
			certificate "$o" {
				chain "$PWD/www.crt"
				key "$PWD/www.key"
			}
			CONF
		done <ops
	} >globals
	batches ops
	for b in batch.*; do
		{
			cat globals
			while read -r w o; do
				block "signer.$o" "$o"
			done <$b
		} >securetcpd.conf
		start
		n=0
		while read -r w o; do
			"$peer" -t 60 connect \
			    "127.0.0.1:$(port_of "signer.$o")" tls 2>>tls.err
			n=$((n + 1))
			wait_until 60 "$n closed" closed_or_dead $n
			alive
			case $w in
			refused)	r="signer 1 terminated: $refusal" ;;
			works)		r="the signer refused: probe $o: ok" ;;
			esac
			echo "server=signer.$o reason=\"$r\"" >>expected.$b
		done <$b
		sed -n 's/^\(server=[^ ]*\) .* error=pt.* \(reason=.*\)/\1 \2/p' \
		    log >happened
		diff -u expected.$b happened || {
			show_log
			atf_fail "other ends than expected"
		}
		# Each death is told, and the last one made good as well.
		n=$(grep -c ^refused $b)
		wait_until 20 "$n replacements" replacements $n
		alive
		stop_daemon
		echo "$(wc -l <$b) ended as expected"
	done
}
closed_or_dead() { closed_count "$1" || dead "$daemon"; }
replacements()
{
	[ "$(grep -cF "warning=\"signer 1 terminated: $refusal; it is replaced" \
	    log)" -eq "$1" ] &&
	    [ "$(grep -c '^process=signer name=1 ' log)" -eq $(($1 + 1)) ]
}

atf_init_test_cases()
{
	add_scenarios
}
