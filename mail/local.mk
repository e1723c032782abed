# mail: what a message is made of. Knows no store and no protocol.
noinst_LIBRARIES += mail/libmail.a
mail_libmail_a_CFLAGS = $(AM_CFLAGS) $(LIBETPAN_CFLAGS)
mail_libmail_a_SOURCES = \
	mail/address.c \
	mail/charset.c \
	mail/date.c \
	mail/decode.c \
	mail/envelope.c \
	mail/fold.c \
	mail/header.c \
	mail/pack.c \
	mail/param.c \
	mail/scan.c \
	mail/structure.c \
	mail/words.c
MAIL = mail/libmail.a lib/libcore.a $(LIBETPAN_LIBS) $(LIB_LIBS)
