# caldav: HTTP front, CalDAV and CardDAV sessions; see doc/ARCHITECTURE.md.
DAV_SHARED = caldav/method.c caldav/target.c caldav/xml.c

noinst_LIBRARIES += caldav/libdavsession.a
caldav_libdavsession_a_CFLAGS = $(AM_CFLAGS) $(LIBXML_CFLAGS)
caldav_libdavsession_a_SOURCES = $(DAV_SHARED) \
	caldav/session/expander.c \
	caldav/session/filter.c \
	caldav/session/instances.c \
	caldav/session/method_copy.c \
	caldav/session/method_get.c \
	caldav/session/method_mkcol.c \
	caldav/session/method_propfind.c \
	caldav/session/method_proppatch.c \
	caldav/session/method_put.c \
	caldav/session/method_report.c \
	caldav/session/path.c \
	caldav/session/property.c \
	caldav/session/report_freebusy.c \
	caldav/session/report_multiget.c \
	caldav/session/report_query.c \
	caldav/session/report_sync.c \
	caldav/session/respond.c \
	caldav/session/session.c \
	caldav/session/shape.c \
	caldav/session/store_object.c

noinst_LIBRARIES += caldav/libdavfront.a
caldav_libdavfront_a_CFLAGS = $(AM_CFLAGS) $(LIBXML_CFLAGS)
caldav_libdavfront_a_SOURCES = $(DAV_SHARED) \
	caldav/front/autodiscover.c \
	caldav/front/http.c \
	caldav/front/relay.c \
	caldav/front/request.c \
	caldav/front/setup.c

pkglibexec_PROGRAMS += caldav/caldavd
caldav_caldavd_CFLAGS = $(AM_CFLAGS) $(LIBXML_CFLAGS)
caldav_caldavd_SOURCES = caldav/front/caldavd.c
caldav_caldavd_LDADD = caldav/libdavfront.a $(CORE_LIBS) $(LIBXML_LIBS)
