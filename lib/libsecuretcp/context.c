/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Connections made of a configuration: as a server, as a client. */

#include <sys/types.h>
#include <sys/queue.h>

#include <tls.h>

#include <openssl/err.h>

#include "config.h"
#include "object.h"
#include "securetcp.h"

static struct tls	*context_client(struct securetcp_config *);

int
config_accept(struct securetcp_config *sc, struct tls **tls, tls_read_cb in,
    tls_write_cb out, struct securetcp *s)
{
	int	 error;

	*tls = NULL;
	if ((error = securetcp_config_prepare(sc)) != ptOk)
		return (error);
	return (ssl_accept(sc, tls, in, out, s));
}

/*
 * libtls does not judge: it would parse its roots for each connection, and
 * end the handshake before any event.
 */
int
securetcp_config_prepare_client(struct securetcp_config *sc)
{
	struct tls	*tls;
	int		 error;

	if (sc->sc_clientready)
		return (ptOk);
	if ((error = trust_store(sc)) != ptOk)
		return (error);
	if (!TAILQ_EMPTY(&sc->sc_chains) &&
	    ((error = config_signer(sc)) != ptOk ||
	    (error = config_default(sc, sc->sc_client)) != ptOk))
		return (error);
	tls_config_insecure_noverifycert(sc->sc_client);
	tls_config_insecure_noverifyname(sc->sc_client);
	if ((tls = context_client(sc)) == NULL)
		return (ptNoSecurity);
	tls_free(tls);
	sc->sc_clientready = 1;
	return (ptOk);
}

static struct tls *
context_client(struct securetcp_config *sc)
{
	struct tls	*tls;

	if ((tls = tls_client()) == NULL) {
		config_say(sc, "TLS context: out of memory");
		return (NULL);
	}
	if (tls_configure(tls, sc->sc_client) != 0) {
		config_say(sc, "TLS context: %s", tls_error(tls));
		tls_free(tls);
		tls = NULL;
	}
	ERR_clear_error();
	return (tls);
}

int
config_connect(struct securetcp_config *sc, struct tls **tls, tls_read_cb in,
    tls_write_cb out, struct securetcp *s, const char *name)
{
	int	 error;

	*tls = NULL;
	if ((error = securetcp_config_prepare_client(sc)) != ptOk)
		return (error);
	if ((*tls = context_client(sc)) == NULL)
		return (ptNoSecurity);
	error = ssl_connect(sc, *tls, in, out, s, name);
	if (error != ptOk) {
		tls_free(*tls);
		*tls = NULL;
	}
	return (error);
}

/* Whether a server asks its clients who they are. */
enum securetcp_authentication
config_asks(const struct securetcp_config *sc)
{
	return (sc->sc_auth);
}

int
config_names(const struct securetcp_config *sc)
{
	return (sc->sc_verifyname);
}

struct x509_store_st *
config_trust(const struct securetcp_config *sc, STACK_OF(X509_CRL) **crls)
{
	*crls = sc->sc_crls;
	return (sc->sc_store);
}
