/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The kernel's, whose struct tcp_info has what the BSDs call otherwise. */

#ifndef CONFINE_TCP_H
#define CONFINE_TCP_H

#include <linux/tcp.h>

#define tcpi_snd_una	tcpi_bytes_acked
#define tcpi_rcv_nxt	tcpi_bytes_received
#define tcpi_so_snd_sb_cc	tcpi_notsent_bytes

#endif /* CONFINE_TCP_H */
