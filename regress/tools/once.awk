# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# Reads a log of securetcpd: every adopted socket has exactly one connecting,
# at most one connected and one error, exactly one closing and one closed, in
# their order and nothing after but a program's last words.  Says what is not
# so, and exits 1.  With -v open=N, so many may have no end yet; with -v
# proxy=1, a connection may come from elsewhere once its PROXY header was read.

/^server=[^ ]* session=[0-9]* from=/ {
	key = $1 " " $2
	if (!(key in connecting)) {
		sessions++
		from[key] = $3
		if ($4 != "state=connecting")
			bad("begins otherwise")
	} else if ($4 == "state=connecting")
		bad("a second connecting")
	if (from[key] != $3 && proxy && !(key in named) && !(key in connected)) {
		named[key] = 1
		from[key] = $3
	}
	if (from[key] != $3)
		bad("from elsewhere")
	if ($4 ~ /^stderr=/) {
		if (!(key in connected))
			bad("a program before connected")
		next
	}
	if (key in closed)
		bad("after closed")
	if ($4 == "state=connecting")
		connecting[key] = 1
	else if ($4 == "state=connected") {
		if (key in connected || key in error || key in closing)
			bad("connected out of turn")
		connected[key] = 1
	} else if ($4 ~ /^error=/) {
		if (key in error)
			bad("a second error")
		error[key] = 1
	} else if ($4 == "state=closing") {
		if (key in closing)
			bad("a second closing")
		closing[key] = 1
	} else if ($4 == "state=closed") {
		if (!(key in closing))
			bad("closed without closing")
		closed[key] = 1
		ended++
	} else
		bad("is no event")
}

function bad(why)
{
	print "line " NR ": " why ": " $0
	status = 1
}

END {
	if (sessions == 0) {
		print "no session at all"
		status = 1
	}
	if (sessions - ended > open + 0) {
		print sessions - ended " sessions without an end:"
		for (key in connecting)
			if (!(key in closed))
				print key
		status = 1
	}
	exit status
}
