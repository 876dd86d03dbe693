#! /usr/bin/atf-sh
# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# Where private keys and plaintext are: the memory of every process of the
# daemon is searched.

. "$(atf_get_srcdir)/../daemon/common.sh"

tools=$top/regress/tools

# own_tree: the shipped programs in the test's own directory, by which their
# processes are told from those of other tests.
own_tree()
{
	mkdir -p tree/sbin/securetcpd
	cp "$top/sbin/securetcpd/securetcpd" tree/sbin/securetcpd/
	for _h in securetcp-session securetcp-signer; do
		mkdir -p "tree/libexec/$_h"
		cp "$top/libexec/$_h/$_h" "tree/libexec/$_h/"
	done
	securetcpd=$PWD/tree/sbin/securetcpd/securetcpd
}

# Every process of the daemon, whoever its parent is by now.
ours()
{
	if [ "$system" != Linux ]; then
		# By their titles: tests run one at a time there.
		ps -axww -o pid= -o command= |
		    awk '$2 ~ /^securetcp(d|-[a-z]+):$/ { print $1 }'
		return
	fi
	find /proc -maxdepth 2 -name exe -lname "$PWD/tree/*" 2>/dev/null |
	    cut -d / -f 3
}

# two_servers: rsa and ec, each with a certificate of its own; what comes in
# goes back by echo from the one, by a backend from the other.
two_servers()
{
	own_tree
	certificate rsa "${1:-rsa:2048}"
	certificate ec "${2:-P-256}"
	"$tools/needles" rsa rsa.key ec ec.key >needles ||
	    atf_fail "the keys cannot be read"
	background "$peer" -k -t 200 accept "$PWD/backend.sock" readn 64 \
	    send "$PWD/answer" read
	wait_until 20 "backend" test -S backend.sock
	cat >securetcpd.conf <<-CONF
	user "nobody"
	signer user "daemon"
	trusted proxies { $trusted }
	pidfile "$PWD/securetcpd.pid"
	signers 2
	spawner lifetime 6
	certificate "rsa" {
		chain "$PWD/rsa.crt"
		key "$PWD/rsa.key"
	}
	certificate "ec" {
		chain "$PWD/ec.crt"
		key "$PWD/ec.key"
	}
	server "rsa" {
		listen on 127.0.0.1 port 0
		certificate "rsa"
		prefork 2
		echo
	}
	server "ec" {
		listen on 127.0.0.1 port 0
		certificate "ec"
		prefork 2
		forward to "$PWD/backend.sock"
	}
	CONF
	start
	port_rsa=$(port_of rsa)
	port_ec=$(port_of ec)
}

# two_clients: the same for client blocks, whose certificates are asked for.
two_clients()
{
	own_tree
	certificate rsa rsa:2048
	certificate ec
	certificate far
	"$tools/needles" rsa rsa.key ec ec.key >needles ||
	    atf_fail "the keys cannot be read"
	cat rsa.crt ec.crt >clients.pem
	background "$peer" -k -t 200 -p far.port -s far -C clients.pem \
	    accept 127.0.0.1:0 tls readn 64 send "$PWD/answer" read
	wait_until 20 "the target" test -f far.port
	cat >securetcpd.conf <<-CONF
	user "nobody"
	signer user "daemon"
	pidfile "$PWD/securetcpd.pid"
	signers 2
	CONF
	for _k in rsa ec; do
		cat >>securetcpd.conf <<-CONF
		certificate "$_k" {
			chain "$PWD/$_k.crt"
			key "$PWD/$_k.key"
		}
		client "$_k" {
			listen on 127.0.0.1 port 0
			connect to 127.0.0.1 port $(cat far.port)
			ca "$PWD/far.crt"
			certificate "$_k"
			prefork 2
		}
		CONF
	done
	start
	port_rsa=$(port_of rsa)
	port_ec=$(port_of ec)
	speaks=
}

# text FILE: 64 bytes, which nobody can guess.
text() { openssl rand -hex 32 | tr -d '\n' >"$1"; }

speaks=tls

# talk NAME SERVER: a client that sends the file NAME, has 64 bytes back in
# NAME.back, and stays until the file NAME.leave is there.
talk()
{
	eval "_port=\$port_$2"
	rm -f "$1.in" "$1.leave"
	text "$1"
	"$peer" -t 200 connect "127.0.0.1:$_port" $speaks send "$1" readn 64 \
	    touch "$1.in" until "$1.leave" shutdown read \
	    </dev/null >"$1.back" 2>>background.err &
	pid=$!
	echo $pid >>pids
	eval "client_$1=$pid"
	wait_until 20 "$1 to be connected" test -f "$1.in"
}

# leaves NAME: that client had what it was to have.
leaves()
{
	eval "_client=\$client_$1"
	touch "$1.leave"
	wait "$_client"
	atf_check_equal 0 $?
}

served()
{
	eval "_port=\$port_$1"
	"$peer" -t 20 connect "127.0.0.1:$_port" tls send token readn 64 \
	    shutdown read >served.out 2>/dev/null
	[ "$(wc -c <served.out)" -ge 64 ]
}

# search NEEDLES: all of ours; search.roles has "PID ROLE" of those that were
# there to be searched, finds has "ROLE PID NAME FORM".
search()
{
	: >search.roles
	_pids=$(ours)
	for _p in $_pids; do
		echo "$_p $(title "$_p")" >>search.titles
	done
	# shellcheck disable=SC2086
	"$tools/memfind" "$1" $_pids >search.out
	[ $? -lt 2 ] || atf_fail "memory could not be searched"
	for _p in $_pids; do
		# One that had its title is one that had memory.
		grep -q "^$_p read " search.out || continue
		case $(sed -n "s/^$_p //p" search.titles | sed -n '$p') in
		"securetcpd: parent"*)			_r=parent ;;
		"securetcp-signer: "[12])		_r=signer ;;
		"securetcp-spawner: "*)			_r=spawner ;;
		"securetcp-session: "*" connected")	_r=connected ;;
		"securetcp-session: "*)			_r=session ;;
		*)					_r=unknown ;;
		esac
		echo "$_p $_r" >>search.roles
	done
	awk 'NR == FNR { role[$1] = $2; next }
	    $2 == "found" { print role[$1], $1, $3, $4 }' \
	    search.roles search.out | sort >finds
}

# there ROLE LEAST: so many of that role were searched, at least.
there()
{
	_n=$(grep -c " $1\$" search.roles)
	[ "$_n" -ge "$2" ] || {
		cat search.roles
		atf_fail "only $_n of the role $1 were searched"
	}
}

# keys_in_signers "when": each signer has each number of each key, as the
# TLS library calculates with it; nothing else of them is anywhere.
# shellcheck disable=SC2046
idle_ones() { [ "$(count $(busy idle))" -ge 2 ]; }
keys_in_signers()
{
	# Spawners that were just replaced have yet to fork.
	wait_until 20 "idle sessions" idle_ones
	search needles
	there parent 1
	there signer 2
	there spawner 2
	there connected 2
	there session 2
	for _p in $(sed -n 's/ signer$//p' search.roles); do
		sed -n 's/^number \([^ ]*\) .*/\1/p' needles |
		    sed "s/.*/signer $_p & little/"
	done | sort >expected
	if ! diff -u expected finds; then
		sort search.titles | uniq
		show_log
		atf_fail "$1: the keys are elsewhere"
	fi
	rm -f search.titles
	echo "$1: $(awk '$2 == "read" { n++; b += $3 }
	    END { print n, "processes,", b, "bytes" }' search.out)"
}

spawner_of() { titled "$daemon" "securetcp-spawner: $1"; }
# other_spawner SERVER OLD: one that is none of those of before.
other_spawner() { spawner_of "$1" | grep -qvxF "$2"; }
other_signers()
{
	[ "$(signers | wc -l)" -eq 2 ] && ! signers | grep -qx "$1"
}

scenario replaced "With connections of two servers the numbers of their \
keys are in the signers and in no other process, nor is the text of the key \
files in any: at first, after spawners were replaced for their age and after \
a crash, after a signer was replaced, after ten SIGHUPs" timeout 280
replaced_body()
{
	need_memory
	text token
	text answer
	two_servers
	talk a rsa
	talk b ec
	keys_in_signers "at first"

	old_rsa=$(spawner_of rsa)
	old_ec=$(spawner_of ec)
	for i in 1 2 3 4 5 6; do
		served rsa || atf_fail "$i not served by rsa"
		served ec || atf_fail "$i not served by ec"
	done
	keys_in_signers "after six more each"
	wait_until 20 "another spawner of rsa" other_spawner rsa "$old_rsa"
	wait_until 20 "another spawner of ec" other_spawner ec "$old_ec"
	keys_in_signers "after the spawners' lifetimes"

	before=$(busy)
	talk c rsa
	old_rsa=$(spawner_of rsa)
	kill -SEGV $(busy | grep -vxF "$before")
	wait_log 'killed by signal 11'
	wait_until 20 "another spawner" other_spawner rsa "$old_rsa"
	served rsa || atf_fail "not served after the crash"
	keys_in_signers "after a crash"
	kill -TERM "$client_c"

	old=$(signers | sed 1q)
	kill -KILL "$old"
	wait_until 20 "another signer" other_signers "$old"
	served rsa || atf_fail "not served after the signer's death"
	served ec || atf_fail "not served after the signer's death"
	keys_in_signers "after a signer's death"

	i=0
	while [ $i -lt 10 ]; do
		kill -HUP "$daemon"
		i=$((i + 1))
		wait_until 20 "SIGHUP $i" hups $i
		served rsa || atf_fail "not served after SIGHUP $i"
		served ec || atf_fail "not served after SIGHUP $i"
	done
	# The idle sessions are those of the new spawners.
	wait_log "generation 10 is gone"
	keys_in_signers "after ten SIGHUPs"
	leaves a
	leaves b
}
hups() { [ "$(grep -c 'msg="reloaded: generation' log)" -ge "$1" ]; }

scenario forms_of_files "The text of a key file is wiped after it was read, \
whatever its form: PKCS 8 and traditional, RSA and ECDSA of each size" \
timeout 200
forms_of_files_body()
{
	need_memory
	text token
	text answer
	for k in rsa:2048/P-256 rsa:3072/P-384 rsa:4096/P-521; do
		two_servers "${k%/*}" "${k#*/}"
		talk a rsa
		talk b ec
		keys_in_signers "$k, PKCS 8"
		leaves a
		leaves b
		stop_daemon
		# LibreSSL has no other form, nor an option for it.
		{ openssl rsa -traditional -in rsa.key -out r 2>/dev/null ||
		    openssl rsa -in rsa.key -out r 2>/dev/null; } &&
		    openssl ec -in ec.key -out e 2>/dev/null &&
		    atf_check -o match:"BEGIN RSA PRIVATE" cat r &&
		    atf_check -o match:"BEGIN EC PRIVATE" cat e
		chmod 600 r e
		mv r rsa.key
		mv e ec.key
		"$tools/needles" rsa rsa.key ec ec.key >needles ||
		    atf_fail "the keys cannot be read"
		start
		port_rsa=$(port_of rsa)
		port_ec=$(port_of ec)
		talk a rsa
		talk b ec
		keys_in_signers "$k, traditional"
		leaves a
		leaves b
		stop_daemon
		clean_up
	done
}

scenario client_blocks "The keys of the certificates that client blocks show \
are in the signers and in no other process" timeout 200
client_blocks_body()
{
	need_memory
	text token
	text answer
	two_clients
	talk a rsa
	talk b ec
	keys_in_signers "with connections of client blocks"
	leaves a
	leaves b
	wait_closed 2
	atf_check -s exit:1 grep error= log
}

scenario plaintext "What one connection says is in its own session and in \
no other process of the daemon, and in none once it is closed" timeout 200
plaintext_body()
{
	need_memory
	text token
	text answer
	two_servers
	# One before and one after, in either server.
	talk before_rsa rsa
	talk before_ec ec
	known=$(busy)
	talk a rsa
	session_a=$(busy | grep -vxF "$known")
	known=$(busy)
	talk b ec
	session_b=$(busy | grep -vxF "$known")
	talk after_rsa rsa
	talk after_ec ec
	for f in a b answer; do
		echo "text $f $(od -An -v -tx1 $f | tr -d ' \n')"
	done >plain
	search plain
	there parent 1
	there signer 2
	there spawner 2
	there connected 6
	there session 1
	# The backend says the same to everybody.
	grep -v " answer " finds >mine
	atf_check -o inline:"connected $session_a a bytes
connected $session_b b bytes
" sort -k 3 mine
	awk '$1 != "connected"' finds >elsewhere
	atf_check -o empty cat elsewhere
	grep -c " answer bytes" finds >answers
	atf_check -o inline:"3\n" cat answers

	leaves a
	leaves b
	wait_until 20 "two closed" closed_count 2
	wait_until 20 "the sessions to leave" eval \
	    'dead $session_a && dead $session_b'
	search plain
	there connected 4
	grep -v " answer " finds >mine
	atf_check -o empty cat mine
	for c in before_rsa before_ec after_rsa after_ec; do
		leaves $c
	done
}

atf_init_test_cases()
{
	add_scenarios
}
