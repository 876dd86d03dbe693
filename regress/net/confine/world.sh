# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# A daemon that has a process of every kind, and the limits of its system.

. "$(atf_get_srcdir)/client.sh"

# everything: www echoes, far is reached by name through its client block
# near, run executes; all of them at work.
everything()
{
	serve echo "prefork 2" "timeout handshake 5"
	cat >>securetcpd.conf <<-CONF
	server "run" {
		listen on 127.0.0.1 port 0
		certificate "www"
		execute "/bin/cat" user "nobody"
	}
	client "near" {
		listen on 127.0.0.1 port 0
		connect to localhost port $far
		ca "$PWD/www.crt"
	}
	CONF
	start
}

# answers SERVER COMMAND...: it says "again" to a client that does so.
answers()
{
	_server=$1
	shift
	[ "$("$peer" -t 20 connect "127.0.0.1:$(port_of "$_server")" "$@" \
	    shutdown read 2>/dev/null)" = again ]
}
all_answer()
{
	answers www tls write again && answers run tls write again &&
	    answers near
}
settled() { wait_until 30 "$1" all_answer; }

resolvers() { titled "$daemon" securetcp-resolver; }
launchers() { titled "$daemon" securetcp-launcher; }
idle()
{
	for _w in $(sessions); do
		case $(title "$_w" 2>/dev/null) in
		*" www idle")	echo "$_w"; return ;;
		esac
	done
}
www_spawner() { titled "$daemon" "securetcp-spawner: www"; }

# other FUNCTION PID: there is one, and not that.
other()
{
	_now=$("$1" | sed 1q)
	[ -n "$_now" ] && [ "$_now" != "$2" ]
}

# ends WHAT FUNCTION SIGNAL: one of them dies, and another takes its place.
ends()
{
	wait_until 20 "$1" other "$2" ""
	_victim=$_now
	kill "-$3" "$_victim"
	wait_until 20 "$1 to die of $3" dead "$_victim"
	wait_until 30 "another $1" other "$2" "$_victim"
	settled "service after the death of $1 by $3"
}

scenario deaths "Each process that dies is replaced and everybody is served \
again, whichever it was and whatever it died of" timeout 250
deaths_body()
{
	need_look
	[ -f www.crt ] || certificate www
	far_end -k -s www tls write again shutdown drain
	everything
	settled "service"
	for sig in KILL ABRT; do
		ends "the resolver" resolvers $sig
		ends "the launcher" launchers $sig
		ends "a signer" signers $sig
		ends "the spawner" www_spawner $sig
		ends "an idle session" idle $sig
	done
	stop_daemon || atf_fail "no clean exit"
}

scenario clamped "What the system cuts of a limit is noticed: the daemon \
does not start with fewer descriptors than its configuration can need"
clamped_body()
{
	serve echo "connections max 1000"
	CONFINE_NOFILE=500
	export CONFINE_NOFILE
	launch
	wait_until 20 "securetcpd to leave" dead "$daemon"
	atf_check -o match:"descriptors|open files" -o match:"limit is 500" \
	    cat log
}
