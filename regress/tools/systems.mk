# SPDX-License-Identifier: ISC
#
#	PROC		the file here that looks at processes on this system
#	MEM		the files here that look at their memory
#	TOOLDIR		this directory
#
# Include it before test.mk.

OS!=		uname -s
# test.mk knows where the tree is.
TOOLDIR=	${TOP}/regress/tools

PROC_Linux=	${TOOLDIR}/proc_linux.c
PROC_FreeBSD=	${TOOLDIR}/proc_freebsd.c
PROC_OpenBSD=	${TOOLDIR}/proc_openbsd.c
PROC=		${PROC_${OS}}

MEM_Linux=	${TOOLDIR}/mem_linux.c
MEM_FreeBSD=	${TOOLDIR}/mem_ptrace.c ${TOOLDIR}/mem_freebsd.c
MEM_OpenBSD=	${TOOLDIR}/mem_ptrace.c ${TOOLDIR}/mem_openbsd.c
MEM=		${TOOLDIR}/mem.c ${MEM_${OS}}
