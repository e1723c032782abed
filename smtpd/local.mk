# smtpd: the front, the session (in the tenantd), and relayd.
noinst_LIBRARIES += smtpd/libsmtpfront.a smtpd/libsmtpsession.a
smtpd_libsmtpfront_a_CFLAGS = $(AM_CFLAGS)
smtpd_libsmtpfront_a_SOURCES = \
	smtpd/front/dialog.c \
	smtpd/front/path.c \
	smtpd/front/transaction.c \
	smtpd/front/verb_auth.c \
	smtpd/front/verb_mail.c \
	smtpd/front/verb_simple.c
smtpd_libsmtpsession_a_CFLAGS = $(AM_CFLAGS)
smtpd_libsmtpsession_a_SOURCES = \
	smtpd/session/bounce.c \
	smtpd/session/file.c \
	smtpd/session/header.c \
	smtpd/session/outbound.c \
	smtpd/session/session.c \
	smtpd/session/settle.c \
	smtpd/session/transaction.c

pkglibexec_PROGRAMS += smtpd/smtpd
smtpd_smtpd_SOURCES = smtpd/front/smtpd.c
smtpd_smtpd_LDADD = smtpd/libsmtpfront.a $(CORE_LIBS)

# relayd: neither store nor mail, and the only one with the DNS.
noinst_LIBRARIES += smtpd/librelay.a
smtpd_librelay_a_CFLAGS = $(AM_CFLAGS)
smtpd_librelay_a_SOURCES = \
	smtpd/relay/address.c \
	smtpd/relay/client.c \
	smtpd/relay/reply.c \
	smtpd/relay/route.c
RELAY_LIBS = smtpd/librelay.a $(CORE_LIBS) $(UNBOUND_LIBS)
pkglibexec_PROGRAMS += smtpd/relayd
smtpd_relayd_SOURCES = smtpd/relay/job.c smtpd/relay/relayd.c
smtpd_relayd_LDADD = $(RELAY_LIBS)
