# admin: the administrator's command line; see include/bastide/admin.h.
bin_PROGRAMS += admin/bastide
admin_bastide_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
admin_bastide_SOURCES = admin/bastide.c
admin_bastide_LDADD = $(CORE_LIBS) $(JANSSON_LIBS)
