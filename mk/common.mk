# SPDX-License-Identifier: ISC
#
# What prog.mk, lib.mk and test.mk share.  Only what Debian's bmake, OpenBSD's
# make and FreeBSD's make all understand: no obj directories, no suffix rules
# (each system brings its own), no modifiers beyond :M :R :S :T.
#
#	TOP		the tree, seen from here (../..)
#	USES		our libraries, in link order (their headers: always)
#	TLS, EVENT	yes: links libtls or libevent
#	CURSES		yes: links curses
#	CRYPTO		yes: links libcrypto, which TLS does as well
#	CASPER		yes: links what lookup.c of libcompat wants on FreeBSD
#	PREFIX		/usr/local, compiled in
#	WERROR		yes: warnings are errors
#	SANITIZE	address,undefined: for both compiler and linker

TOP?=		../..
PREFIX?=	/usr/local
CC?=		cc
AR?=		ar
INSTALL?=	install
PKG_CONFIG?=	pkg-config

OS!=		uname -s

WARNINGS=	-Wall -Wstrict-prototypes -Wmissing-prototypes
WARNINGS+=	-Wmissing-declarations -Wshadow -Wpointer-arith
WARNINGS+=	-Wsign-compare -Wcast-qual
.if defined(WERROR) && ${WERROR} == "yes"
WARNINGS+=	-Werror
.endif

HARDEN=		-fPIE -fstack-protector-strong
.if defined(SANITIZE) && !empty(SANITIZE)
HARDEN+=	-fsanitize=${SANITIZE} -fno-omit-frame-pointer
HARDEN+=	-fno-sanitize-recover=all
HARDENLINK=	-fsanitize=${SANITIZE}
.else
HARDEN+=	-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
HARDENLINK=
.endif
HARDENLINK+=	-pie -Wl,-z,relro -Wl,-z,now

INCLUDES=	-I.
.for l in compat wire match sandbox helper securetcp
INCLUDES+=	-I${TOP}/lib/lib${l}
.endfor

ARCHIVES=
.for l in ${USES}
ARCHIVES+=	${TOP}/lib/lib${l}/lib${l}.a
.endfor

DEFINES=
SYSLIBS=

.if ${OS} == "Linux"
YACC=		byacc
DEFINES+=	-D_GNU_SOURCE -DLIBBSD_OPENBSD_VIS
INCLUDES+=	-I${TOP}/lib/libcompat/imsg
PCLIBS=
.  if defined(TLS) && ${TLS} == "yes"
PCLIBS+=	libtls libssl libcrypto
.  elif defined(CRYPTO) && ${CRYPTO} == "yes"
PCLIBS+=	libcrypto
.  endif
.  if defined(EVENT) && ${EVENT} == "yes"
PCLIBS+=	libevent
.  endif
.  if defined(CURSES) && ${CURSES} == "yes"
PCLIBS+=	ncurses
.  endif
.  if !empty(USES:Msandbox)
PCLIBS+=	libseccomp
.  endif
BSD_CFLAGS!=	${PKG_CONFIG} --cflags libbsd-overlay
SYSLIBS!=	${PKG_CONFIG} --libs ${PCLIBS} libbsd-ctor
INCLUDES+=	${BSD_CFLAGS}
.elif ${OS} == "FreeBSD"
YACC?=		yacc
INCLUDES+=	-I${TOP}/lib/libcompat/imsg
.  if defined(TLS) && ${TLS} == "yes"
SYSLIBS+=	-ltls -lssl -lcrypto
.  elif defined(CRYPTO) && ${CRYPTO} == "yes"
SYSLIBS+=	-lcrypto
.  endif
.  if defined(EVENT) && ${EVENT} == "yes"
SYSLIBS+=	-levent
.  endif
.  if defined(CURSES) && ${CURSES} == "yes"
SYSLIBS+=	-lcurses
.  endif
.  if defined(CASPER) && ${CASPER} == "yes" && \
    exists(/usr/include/casper/cap_dns.h)
SYSLIBS+=	-lcasper -lcap_dns
.  endif
INCLUDES+=	-isystem /usr/local/include
HARDENLINK+=	-L/usr/local/lib
.else
YACC?=		yacc
.  if defined(TLS) && ${TLS} == "yes"
SYSLIBS+=	-ltls -lssl -lcrypto
.  elif defined(CRYPTO) && ${CRYPTO} == "yes"
SYSLIBS+=	-lcrypto
.  endif
.  if defined(EVENT) && ${EVENT} == "yes"
SYSLIBS+=	-levent
.  endif
.  if defined(CURSES) && ${CURSES} == "yes"
SYSLIBS+=	-lcurses
.  endif
SYSLIBS+=	-lutil
.endif

COMPILE=	${CC} -std=c99 -O2 -g ${WARNINGS} ${HARDEN} -MD -MP \
		${DEFINES} ${INCLUDES} ${CPPFLAGS_EXTRA} ${CFLAGS_EXTRA}
LINK=		${CC} ${HARDENLINK} ${LDFLAGS}

# Objects depend on the flags they were made with: another PREFIX, compiler or
# sanitizer takes effect without a clean.
FLAGSFILE=	.flags
FLAGSTEXT=	${COMPILE} ${PROGDEFINES} ${LINK}
FLAGSDONE!=	t='${FLAGSTEXT}'; \
		test "`cat ${FLAGSFILE} 2>/dev/null`" = "$$t" || \
		echo "$$t" >${FLAGSFILE}; echo done

.SUFFIXES:
.MAIN: all

.for l in ${USES}
${TOP}/lib/lib${l}/lib${l}.a:
	cd ${TOP}/lib/lib${l} && ${MAKE} all
.endfor
