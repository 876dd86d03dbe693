# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# Judges a log by the manifest of storm and a table of outcomes:
#
#	awk -f states.awk outcomes manifest log
#
# Every connection of the manifest was adopted once, and every session is
# one of the manifest; each has exactly one connecting, at most one connected,
# at most one error, exactly one closing and one closed, in this order; an
# error's number and name belong together and it has a reason.  What became of
# a connection is a line of the outcomes for its behaviour:
#
#	behaviour	connected | - | absent	error or none	reason (a regex)
#
# with tabs between; the behaviour is a regex as well.  Those that are absent
# have no session, and if there is an error the log has lines that count them.
# Prints how often each outcome came about.  With -v lifetimes=1 spawners may
# be replaced because their lifetime has ended.

BEGIN {
	FS = "\t"
	number["ptConnectionAborted"] = 10053
	number["ptConnectionReset"] = 10054
	number["ptTimeout"] = 10060
	number["ptError"] = 11100
	number["ptProtocol"] = 11101
	number["ptAbort"] = 11103
	number["ptAuthentication"] = 12012
	number["ptOperationRefused"] = 12019
	number["ptNoCertificate"] = 12020
	bad = 0
	limit = 40
}

function complain(text) {
	if (++bad <= limit)
		print "BAD: " text
}

# The value of a key, without its quotes.
function value(key,	rest, at) {
	at = index($0, " " key "=")
	if (at == 0)
		return ""
	rest = substr($0, at + length(key) + 2)
	if (substr(rest, 1, 1) != "\"")
		return substr(rest, 1, match(rest " ", / /) - 1)
	rest = substr(rest, 2)
	return substr(rest, 1, index(rest, "\"") - 1)
}

FILENAME == ARGV[1] {
	if ($0 !~ /^#/ && NF >= 3) {
		rules++
		rule_kind[rules] = $1
		rule_state[rules] = $2
		rule_error[rules] = $3
		rule_reason[rules] = $4
		if ($2 == "absent") {
			absent[rules] = 1
			if ($3 != "none")
				counts[rules] = 0
		}
	}
	next
}

FILENAME == ARGV[2] {
	if ($1 in kind)
		complain($1 ": twice in the manifest")
	kind[$1] = $2
	expected++
	total++
	next
}

/(^| )(warning|process)=/ || /crashed|[^a-z]signal [0-9]/ {
	if (/^process=/ && !started)
		next
	if (/^process=spawner/ && lifetimes)
		next
	complain("the log says: " $0)
	next
}

/^msg=started$/ { started = 1; next }

/ error=ptOperationRefused / && !/ session=/ {
	complain("turned away: " $0)
	next
}

# Without a session: so many of them.
/^server=[^ ]+ from=[^ ]+ error=/ {
	for (i in counts)
		if (value("error") == rule_error[i] &&
		    value("number") == number[rule_error[i]] &&
		    value("reason") ~ ("^(" rule_reason[i] ")$")) {
			counts[i] += value("count")
			next
		}
	complain("an error without a session: " $0)
	next
}

/^server=[^ ]+ session=[0-9]+ from=/ {
	split($0, word, " ")
	id = substr(word[2], 9)
	from = substr(word[3], 6)
	event = word[4]
	sub(/:[0-9]+$/, "", from)
	if (/[^ -~]/)
		complain("unescaped: " $0)
	if (!(id in last)) {
		last[id] = ""
		source[id] = from
		error[id] = "none"
		state[id] = "-"
		if (seen[from]++)
			complain(from ": adopted twice")
		if (!(from in kind) && !ignored(from))
			complain("nobody's session: " $0)
		sessions++
	}
	if (source[id] != from)
		complain("session " id " from " source[id] " and " from)
	was = last[id]
	if (event == "state=connecting") {
		if (was != "")
			complain("connecting after " was ": " $0)
	} else if (event == "state=connected") {
		if (was != "state=connecting")
			complain("connected after " was ": " $0)
		state[id] = "connected"
	} else if (event ~ /^error=/) {
		if (was != "state=connecting" && was != "state=connected")
			complain("error after " was ": " $0)
		name = substr(event, 7)
		error[id] = name
		reason[id] = value("reason")
		if (reason[id] == "")
			complain("no reason: " $0)
		if (value("description") == "")
			complain("no description: " $0)
		if (!(name in number) || number[name] != value("number"))
			complain("number and name: " $0)
		event = "error"
	} else if (event == "state=closing") {
		if (was != "state=connecting" && was != "state=connected" &&
		    was != "error")
			complain("closing after " was ": " $0)
		if (error[id] == "none")
			reason[id] = value("reason")
	} else if (event == "state=closed") {
		if (was != "state=closing")
			complain("closed after " was ": " $0)
		if (value("in") == "" || value("out") == "" ||
		    value("seconds") == "")
			complain("no counts: " $0)
		judge(id)
	} else
		complain("what is this: " $0)
	last[id] = event
	next
}

# What the test itself connects with comes from 127.0.0.1.
function ignored(from) { return from == "127.0.0.1" }

function judge(id,	k, i, o) {
	if (ignored(source[id]))
		return
	k = kind[source[id]]
	o = k "\t" state[id] "\t" error[id] "\t" reason[id]
	tally = o
	sub(/beginning with .*/, "beginning with ...", tally)
	sub(/alert: number .*/, "alert: number ...", tally)
	outcome[tally]++
	for (i = 1; i <= rules; i++)
		if (k ~ ("^(" rule_kind[i] ")$") &&
		    (rule_state[i] == state[id] || rule_state[i] == "any") &&
		    rule_error[i] == error[id] &&
		    reason[id] ~ ("^(" rule_reason[i] ")$"))
			return
	complain("session " id ", " source[id] ", not as it should be: " o)
}

# Is it right that there is no session of this kind?
function missing(k,	i) {
	for (i in absent)
		if (k ~ ("^(" rule_kind[i] ")$")) {
			missed[i]++
			expected--
			outcome[k "\tabsent\t" rule_error[i] "\t"]++
			return 1
		}
	return 0
}

END {
	for (id in last)
		if (last[id] != "state=closed")
			complain("session " id " ends with " last[id])
	for (from in kind)
		if (!(from in seen) && !missing(kind[from]))
			complain(from ", " kind[from] ": not in the log")
	for (i in counts)
		if (counts[i] != missed[i])
			complain(counts[i] " of " missed[i] + 0 " " \
			    rule_kind[i] ": counted")
	for (o in outcome)
		print outcome[o] "\t" o | "sort -t '	' -k2,2 -k1,1nr"
	close("sort -t '	' -k2,2 -k1,1nr")
	print sessions " sessions of " total " connections, " bad " bad"
	exit bad > 0 || sessions < expected || total == 0
}
