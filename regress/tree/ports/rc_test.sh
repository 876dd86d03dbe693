# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# The start scripts of OpenBSD and FreeBSD with stubs of their rc.subr and a
# stub of the daemon; and that they find the daemon itself by its title.

. "$(atf_get_srcdir)/../../net/daemon/common.sh"

src=$(cd "$(atf_get_srcdir)" && pwd)
export WORK="$PWD"

# set_up SYSTEM: its script, in the file securetcpd, for what is here.
set_up()
{
	mkdir -p prefix/sbin
	cp "$src/daemon.sh" prefix/sbin/securetcpd
	chmod 755 prefix/sbin/securetcpd
	: >processes
	: >calls
	echo good >securetcpd.conf
	{
		# A process that has ended and is not waited for is gone.
		cat <<-'ALIVE'
		alive()
		{
			case $(ps -o stat= -p "$1" 2>/dev/null) in
			""|Z*)	return 1 ;;
			esac
		}
		ALIVE
		cat "$src/$1.subr"
	} >rc.subr
	case $1 in
	openbsd)
		: >rc.conf
		script=$top/etc/ports/openbsd/pkg/securetcpd.rc ;;
	freebsd)
		cat >rc.conf <<-CONF
		securetcpd_enable="YES"
		securetcpd_config="$PWD/securetcpd.conf"
		securetcpd_pidfile="$PWD/securetcpd.pid"
		CONF
		script=$top/etc/ports/freebsd/files/securetcpd.in ;;
	esac
	sed -e "s,/etc/rc.d/rc.subr,$PWD/rc.subr," \
	    -e "s,/etc/rc.subr,$PWD/rc.subr," -e "s,%%PREFIX%%,$PWD/prefix," \
	    -e "s,\${TRUEPREFIX},$PWD/prefix," "$script" >securetcpd
}

# rc ACTION [OPTION OF ATF_CHECK]...
rc()
{
	_action=$1
	shift
	atf_check "$@" sh ./securetcpd "$_action"
}

starts() { wc -l <calls | tr -d " "; }
now() { tail -n 1 pids; }

# reloads PID...: these were told to reload, one after the other.
reloads() { [ "$(cat reloads 2>/dev/null)" = "$(printf '%s\n' "$@")" ]; }

scenario openbsd "OpenBSD: start, check, configtest, reload, restart, stop"
openbsd_body()
{
	set_up openbsd
	rc check -s exit:1 -o inline:"securetcpd(failed)\n"
	rc start -o inline:"securetcpd(ok)\n"
	rc check -o inline:"securetcpd(ok)\n"
	rc configtest -o inline:"securetcpd(ok)\n"
	rc start
	atf_check_equal 1 "$(starts)"
	old=$(now)
	rc reload -o inline:"securetcpd(ok)\n"
	wait_until 20 "the reload" reloads "$old"
	atf_check kill -0 "$old"
	rc restart -o inline:"securetcpd(ok)\nsecuretcpd(ok)\n"
	atf_check_equal 2 "$(starts)"
	dead "$old" || atf_fail "the old one runs"
	rc stop -o inline:"securetcpd(ok)\n"
	rc check -s exit:1 -o inline:"securetcpd(failed)\n"
	rc stop
	# Flags are for the check of the configuration as well.
	echo bad >other.conf
	echo "securetcpd_flags='-v -f $PWD/other.conf'" >rc.conf
	rc configtest -s exit:1 -o inline:"securetcpd(failed)\n"
	rc start -s exit:1 -o inline:"securetcpd(failed)\n"
	echo good >other.conf
	rc start -o inline:"securetcpd(ok)\n"
	atf_check -o inline:"-v -f $PWD/other.conf\n" tail -n 1 calls
	rc stop -o inline:"securetcpd(ok)\n"
}

scenario openbsd_bad "OpenBSD: with a bad configuration nothing is started \
or stopped"
openbsd_bad_body()
{
	set_up openbsd
	rc start -o inline:"securetcpd(ok)\n"
	echo bad >securetcpd.conf
	rc configtest -s exit:1 -o inline:"securetcpd(failed)\n"
	rc restart -s exit:1 -o inline:"securetcpd(failed)\n"
	rc reload -s exit:1 -o inline:"securetcpd(failed)\n"
	atf_check test ! -e reloads
	rc check -o inline:"securetcpd(ok)\n"
	rc stop -o inline:"securetcpd(ok)\n"
	rc start -s exit:1 -o inline:"securetcpd(failed)\n"
	atf_check_equal 1 "$(starts)"
	atf_check -o match:"syntax error" cat quiet
}

scenario freebsd "FreeBSD: start, status, configtest, reload, restart, stop"
freebsd_body()
{
	set_up freebsd
	rc status -s exit:1 -o inline:"securetcpd is not running.\n"
	rc start -o inline:"Starting securetcpd.\n"
	old=$(now)
	rc status -o inline:"securetcpd is running as pid $old.\n"
	rc configtest -o inline:"configuration OK\n"
	rc start -s exit:1 -e match:"already running"
	atf_check_equal 1 "$(starts)"
	atf_check -o inline:"-f $PWD/securetcpd.conf\n" cat calls
	rc reload
	wait_until 20 "the reload" reloads "$old"
	atf_check kill -0 "$old"
	rc restart -o inline:"Stopping securetcpd.\nStarting securetcpd.\n"
	atf_check_equal 2 "$(starts)"
	dead "$old" || atf_fail "the old one runs"
	rc stop -o inline:"Stopping securetcpd.\n"
	rc status -s exit:1 -o inline:"securetcpd is not running.\n"
	rc stop -s exit:1 -e match:"not running"
	# The check of a configuration reads what the daemon will.
	echo bad >other.conf
	echo "securetcpd_flags='-v -f $PWD/other.conf'" >>rc.conf
	rc start -o inline:"Starting securetcpd.\n"
	atf_check -o inline:"-v -f $PWD/other.conf -f $PWD/securetcpd.conf\n" \
	    tail -n 1 calls
	rc stop -o inline:"Stopping securetcpd.\n"
}

scenario freebsd_bad "FreeBSD: with a bad configuration, or none, nothing is \
started or stopped"
freebsd_bad_body()
{
	set_up freebsd
	rc start -o inline:"Starting securetcpd.\n"
	old=$(now)
	echo bad >securetcpd.conf
	rc configtest -s exit:1 -e match:"syntax error"
	rc restart -s exit:1 -e match:"syntax error"
	rc status -o inline:"securetcpd is running as pid $old.\n"
	rc stop -o inline:"Stopping securetcpd.\n"
	rc start -s exit:1 -o inline:"Starting securetcpd.\n" \
	    -e match:"syntax error"
	rm securetcpd.conf
	rc start -s exit:1 -e match:"securetcpd.conf is not readable"
	atf_check_equal 1 "$(starts)"
}

scenario freebsd_enable "FreeBSD: what rc(8) and rcorder(8) read, and \
nothing without securetcpd_enable"
freebsd_enable_body()
{
	set_up freebsd
	atf_check -o ignore grep -x "# PROVIDE: securetcpd" securetcpd
	atf_check -o ignore grep -x "# REQUIRE: LOGIN cleanvar" securetcpd
	atf_check -o ignore grep -x "# KEYWORD: shutdown" securetcpd
	sed '/_enable=/d' rc.conf >rc.conf.new
	mv rc.conf.new rc.conf
	rc start -o match:"Set securetcpd_enable to YES"
	atf_check_equal 0 "$(starts)"
	# What the manuals say is the default.
	atf_check -o ignore grep ':="/etc/securetcpd.conf"' securetcpd
	atf_check -o ignore grep ':="/var/run/securetcpd.pid"' securetcpd
	atf_check -o match:'^#define CONF_FILE.*"/etc/securetcpd.conf"$' \
	    -o match:'^#define CONF_PIDFILE.*"/var/run/securetcpd.pid"$' \
	    cat "$top/sbin/securetcpd/conf.h"
}

scenario title "The scripts find the parent by its title, and none of the \
others"
title_body()
{
	serve echo
	start
	script=$top/etc/ports/openbsd/pkg/securetcpd.rc
	pexp=$(sed -n 's/^pexp="\(.*\)"$/\1/p' "$script")
	title "$daemon" >parent
	atf_check -o ignore grep -Ex -- "$pexp" parent
	# The first word, for FreeBSD.
	atf_check -o match:"^securetcpd: " cat parent
	for p in $(signers) $(spawners) $(sessions); do
		title "$p"
	done >others
	atf_check -o not-empty cat others
	atf_check -s exit:1 grep -Ex -- "$pexp" others
	atf_check -s exit:1 grep "^securetcpd: " others
	stop_daemon
}

atf_init_test_cases()
{
	add_scenarios
}
