# caldav: see doc/ARCHITECTURE.md
