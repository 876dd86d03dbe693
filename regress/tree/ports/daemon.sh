#!/bin/sh
#
# SPDX-License-Identifier: ISC
#
# In the place of securetcpd for tests of start scripts, in the directory
# $WORK: runs a process and writes it to the table there, "pid title", as
# ps(1) would show it; the table of calls gets the options of each start, and
# that of reloads the process of each SIGHUP.
# A configuration is bad when it says so.

check=
config=$WORK/securetcpd.conf
options="$*"
while getopts df:nv option; do
	case $option in
	n)	check=yes ;;
	f)	config=$OPTARG ;;
	esac
done
if grep -q bad "$config"; then
	echo "$config:1: syntax error" >&2
	exit 1
fi
if [ -n "$check" ]; then
	echo "configuration OK"
	exit 0
fi
export WORK
sh -c 'trap "echo \$\$ >>\"\$WORK/reloads\"" HUP
while :; do sleep 0.1; done' >/dev/null 2>&1 &
echo "$! securetcpd: parent" >>"$WORK/processes"
# A check that an administrator runs, or another instance.
echo "$! securetcpd: other" >>"$WORK/processes"
echo $! >"$WORK/securetcpd.pid"
echo $! >>"$WORK/pids"
echo "$options" >>"$WORK/calls"
