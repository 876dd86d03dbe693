# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# From lines of "figure server value": medians, and their ratio to the first
# server, one line a figure.

function median(list,    a, n, i, j, t)
{
	n = split(list, a, " ")
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && a[j - 1] + 0 > a[j] + 0; j--) {
			t = a[j]
			a[j] = a[j - 1]
			a[j - 1] = t
		}
	return (n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2)
}

function row(key, text,    i, m, own, line)
{
	own = median(values[key, name[1]])
	if (values[key, name[1]] == "")
		return
	line = sprintf("| %-34s |", text)
	for (i = 1; i <= servers_n; i++) {
		m = median(values[key, name[i]])
		if (i == 1 || m == 0)
			line = line sprintf(" %9s |", m)
		else
			line = line sprintf(" %9s %5.2f |", m, own / m)
	}
	print line
}

{
	values[$1, $2] = values[$1, $2] " " $3
}

END {
	servers_n = split(servers, name, " ")
	line = sprintf("| %-34s |", "")
	rule = "|---|"
	for (i = 1; i <= servers_n; i++) {
		line = line sprintf(i == 1 ? " %9s |" : " %15s |", name[i])
		rule = rule "---|"
	}
	print line
	print rule
	row("cpu-ec-1.3", "CPU us, handshake ECDSA TLS 1.3")
	row("cpu-ec-1.2", "CPU us, handshake ECDSA TLS 1.2")
	row("cpu-rsa-1.3", "CPU us, handshake RSA-2048 TLS 1.3")
	row("cpu-rsa-1.2", "CPU us, handshake RSA-2048 TLS 1.2")
	row("faults", "page faults, handshake")
	row("alone-p50", "unloaded ms, p50")
	row("alone-p99", "unloaded ms, p99")
	row("rate", "handshakes/s, all processors")
	row("bulk-1-rate", "bulk MB/s, 1 connection")
	row("bulk-1-cpu", "CPU us per MB, 1 connection")
	row("bulk-8-rate", "bulk MB/s, 8 connections")
	row("bulk-8-cpu", "CPU us per MB, 8 connections")
	row("idle", "idle KiB")
	row("silent", "CPU us, silent connection")
	row("crowd-10", "CPU us, handshake beside 10 idle")
	row("crowd-100", "CPU us, handshake beside 100 idle")
	row("crowd-1000", "CPU us, handshake beside 1000 idle")
	print ""
	print "The second figure is the first server's divided by this one's."
}
