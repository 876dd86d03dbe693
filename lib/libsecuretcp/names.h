/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The archive is linked into programs with names of their own: what its
 * files share is called securetcp__ for the linker.
 */

#ifndef NAMES_H
#define NAMES_H

#define authenticate	securetcp__authenticate
#define authenticate_end	securetcp__authenticate_end
#define block_enter	securetcp__block_enter
#define block_expire	securetcp__block_expire
#define block_flush	securetcp__block_flush
#define block_gone	securetcp__block_gone
#define block_leave	securetcp__block_leave
#define block_now	securetcp__block_now
#define block_wait	securetcp__block_wait
#define block_wanted	securetcp__block_wanted
#define bundle_free	securetcp__bundle_free
#define bundle_label	securetcp__bundle_label
#define bundle_read	securetcp__bundle_read
#define bundle_x509	securetcp__bundle_x509
#define chain_free	securetcp__chain_free
#define chain_is_for	securetcp__chain_is_for
#define chain_new	securetcp__chain_new
#define chain_shadows	securetcp__chain_shadows
#define classify_error	securetcp__classify_error
#define classify_handshake	securetcp__classify_handshake
#define classify_silent	securetcp__classify_silent
#define config_accept	securetcp__config_accept
#define config_asks	securetcp__config_asks
#define config_connect	securetcp__config_connect
#define config_hold	securetcp__config_hold
#define config_library	securetcp__config_library
#define config_names	securetcp__config_names
#define config_open	securetcp__config_open
#define config_say	securetcp__config_say
#define config_trust	securetcp__config_trust
#define connect_arrived	securetcp__connect_arrived
#define gather_disarm	securetcp__gather_disarm
#define gather_ready	securetcp__gather_ready
#define io_arrived	securetcp__io_arrived
#define io_closing	securetcp__io_closing
#define io_end_received	securetcp__io_end_received
#define io_ended	securetcp__io_ended
#define io_fetch	securetcp__io_fetch
#define io_fill	securetcp__io_fill
#define io_finish	securetcp__io_finish
#define io_flush	securetcp__io_flush
#define io_note	securetcp__io_note
#define io_read	securetcp__io_read
#define io_write	securetcp__io_write
#define keyhook_failures	securetcp__keyhook_failures
#define keyhook_ready	securetcp__keyhook_ready
#define keyhook_swap	securetcp__keyhook_swap
#define keyid_password	securetcp__keyid_password
#define keyid_pkey	securetcp__keyid_pkey
#define keyid_private	securetcp__keyid_private
#define list_kind	securetcp__list_kind
#define list_sort	securetcp__list_sort
#define memory_copy	securetcp__memory_copy
#define memory_wipe	securetcp__memory_wipe
#define name_brief	securetcp__name_brief
#define name_text	securetcp__name_text
#define object_become	securetcp__object_become
#define object_begin	securetcp__object_begin
#define object_descriptor	securetcp__object_descriptor
#define object_end	securetcp__object_end
#define object_fail	securetcp__object_fail
#define object_hold	securetcp__object_hold
#define object_release	securetcp__object_release
#define object_same	securetcp__object_same
#define object_say	securetcp__object_say
#define object_sendable	securetcp__object_sendable
#define object_tell	securetcp__object_tell
#define pem_decode	securetcp__pem_decode
#define pem_instead	securetcp__pem_instead
#define pem_next	securetcp__pem_next
#define pem_open	securetcp__pem_open
#define peer_forget	securetcp__peer_forget
#define peer_learn	securetcp__peer_learn
#define poll_connected	securetcp__poll_connected
#define poll_handshake	securetcp__poll_handshake
#define preload_begin	securetcp__preload_begin
#define preload_drop	securetcp__preload_drop
#define preload_due	securetcp__preload_due
#define preload_take	securetcp__preload_take
#define property_addresses	securetcp__property_addresses
#define ssl_accept	securetcp__ssl_accept
#define ssl_configure	securetcp__ssl_configure
#define ssl_connect	securetcp__ssl_connect
#define ssl_library	securetcp__ssl_library
#define trust_free	securetcp__trust_free
#define trust_read	securetcp__trust_read
#define trust_store	securetcp__trust_store

#endif /* NAMES_H */
